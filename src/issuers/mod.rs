//! Issuers of other tokens while the server runs: their keys, and which of their tokens are good now. The rules are in
//! [`access::foreign`](crate::access::foreign), this is the shell around them.
//!
//! ```text
//! a token ─► verified before? ─ yes ─► its times ─► good
//!              └ no ─► its issuer ─► keys at hand ─► good, or not
//!                        └ no such key ─► asked for, every 30 s at most ─► looked at once more
//! ```
//!
//! | module | what lives there |
//! |---|---|
//! | `fetch` | one question for keys: over HTTPS, or to a file |
//! | `issuer` | an issuer, and which of its tokens were verified |
//! | `source` | the keys of an issuer, and when they are asked for |

mod fetch;
mod issuer;
mod source;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use backplane_actors::Clock;
use tokio::time::sleep;

use self::fetch::FetchError;
use self::issuer::Issuer;
use crate::access::Digest;
use crate::access::foreign::{Foreign, ForeignError, Presented};
use crate::config::{self, KeysAt};

/// How often it is looked whose keys are old.
const LOOKING: Duration = Duration::from_secs(10);

/// What is told of an issuer's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyCounts {
    /// What the operator calls the issuer.
    pub(crate) name: String,
    /// Keys at hand.
    pub(crate) keys: usize,
    /// How often they came.
    pub(crate) came: u64,
    /// How often they were asked for and did not come.
    pub(crate) failed: u64,
}

/// Whether keys can be had, as far as that is known without asking anybody: those in a file of this machine. Blocks.
///
/// # Errors
///
/// [`FetchError`].
pub(crate) fn check_keys(at: &KeysAt) -> Result<(), FetchError> {
    match at {
        KeysAt::File(path) => fetch::read(path).map(drop),
        KeysAt::Url(_) => Ok(()),
    }
}

/// The issuers that are trusted. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Issuers(Arc<Inner>);

struct Inner {
    in_force: ArcSwap<Vec<Arc<Issuer>>>,
    clock: Arc<dyn Clock>,
}

impl Issuers {
    /// These, whose keys are not there yet.
    pub(crate) fn new(issuers: &[config::Issuer], clock: Arc<dyn Clock>) -> Self {
        let in_force = issuers.iter().map(|issuer| Arc::new(Issuer::new(issuer, &[]))).collect();
        Self(Arc::new(Inner { in_force: ArcSwap::from_pointee(in_force), clock }))
    }

    /// From now on these are trusted, and no others. Keys that are there stay.
    pub(crate) fn replace(&self, issuers: &[config::Issuer]) {
        let before = self.0.in_force.load_full();
        let after = issuers.iter().map(|issuer| Arc::new(Issuer::new(issuer, &before))).collect();
        self.0.in_force.store(Arc::new(after));
    }

    /// Whether a text is for these to judge: it looks like a token of somebody else, and somebody is trusted.
    pub(crate) fn concerns(&self, text: &str) -> bool {
        Presented::looks_so(text) && !self.0.in_force.load().is_empty()
    }

    /// What they call themselves.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.0.in_force.load().iter().map(|issuer| issuer.url().to_owned()).collect()
    }

    /// What is told of their keys.
    pub(crate) fn counts(&self) -> Vec<KeyCounts> {
        self.0.in_force.load().iter().map(|issuer| issuer.counts()).collect()
    }

    /// What a token is good for. Where a key is missing it is asked for, and that is waited for, a few seconds at most.
    ///
    /// # Errors
    ///
    /// [`ForeignError`].
    pub(crate) async fn check(&self, text: &str) -> Result<Arc<Foreign>, ForeignError> {
        let digest = Digest::of(text.as_bytes());
        let issuer = match self.judged(text, &digest) {
            Ok(good) => return Ok(good),
            Err((Some(issuer), ForeignError::Key | ForeignError::NoKeys)) => issuer,
            Err((_, error)) => return Err(error),
        };
        issuer.source().missed(&self.0.clock).await;
        // The issuer as it is by now, if it is any more. Somebody else may have got the key meanwhile, also where nobody asked for this one.
        self.judged(text, &digest).map_err(|(_, error)| error)
    }

    /// The same by what is known, for whoever has waited.
    ///
    /// # Errors
    ///
    /// [`ForeignError`].
    pub(crate) fn stands(&self, text: &str) -> Result<Arc<Foreign>, ForeignError> {
        self.judged(text, &Digest::of(text.as_bytes())).map_err(|(_, error)| error)
    }

    fn judged(
        &self,
        text: &str,
        digest: &Digest,
    ) -> Result<Arc<Foreign>, (Option<Arc<Issuer>>, ForeignError)> {
        let (issuers, clock) = (self.0.in_force.load(), &self.0.clock);
        for issuer in issuers.iter() {
            if let Some(known) = issuer.known(digest, clock) {
                return known.map_err(|error| (None, error));
            }
        }
        let presented = Presented::parse(text).map_err(|error| (None, error))?;
        let issuer = issuers.iter().find(|issuer| issuer.url() == presented.issuer());
        let issuer = issuer.ok_or((None, ForeignError::Issuer))?;
        issuer.check(&presented, *digest, clock).map_err(|error| (Some(Arc::clone(issuer)), error))
    }

    /// Keeps their keys fresh, until dropped.
    pub(crate) async fn keep(&self) {
        loop {
            for issuer in self.0.in_force.load().iter() {
                issuer.source().look(issuer.refresh(), &self.0.clock);
            }
            sleep(LOOKING).await;
        }
    }
}
