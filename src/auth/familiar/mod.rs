//! Which addresses gave the right password of an account lately, kept over a restart: a convenience, so that rightful users
//! are let in at once although somebody else is wrong about them. Nothing depends on it.
//!
//! Neither names nor addresses are kept, but keyed hashes of them. The key lies beside them: the file tells nothing to
//! whoever sees a part of it, but who has it whole can try addresses.

mod format;
mod store;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

pub use self::format::FamiliarError;
pub use self::store::FamiliarFile;
use super::UserName;

/// Bytes of the key.
const KEY_LENGTH: usize = 32;

/// A keyed hash that stands for a name, or for an address with a name.
pub(super) type Mark = [u8; 16];

/// The key, raw.
type RawKey = Zeroizing<[u8; KEY_LENGTH]>;

/// Makes marks.
#[derive(Clone)]
pub(super) struct Marks {
    key: hmac::Key,
    raw: Arc<RawKey>,
}

/// One familiar address of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) account: Mark,
    pub(super) pair: Mark,
    /// How long it stays familiar.
    pub(super) left: Duration,
}

/// What is kept over a restart.
#[derive(Debug)]
pub struct FamiliarAddresses {
    pub(super) marks: Marks,
    pub(super) entries: Vec<Entry>,
}

impl FamiliarAddresses {
    /// None, with a key of their own.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn none() -> Result<Self, Unspecified> {
        let mut raw = RawKey::default();
        rand::fill(&mut *raw)?;
        Ok(Self { marks: Marks::of(raw), entries: Vec::new() })
    }
}

impl Marks {
    fn of(raw: RawKey) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &*raw), raw: Arc::new(raw) }
    }

    /// Stands for a name.
    pub(super) fn account(&self, user: &UserName) -> Mark {
        self.mark(b"account", &[user.as_str().as_bytes()])
    }

    /// Stands for an address with a name.
    pub(super) fn pair(&self, address: IpAddr, user: &UserName) -> Mark {
        let user = user.as_str().as_bytes();
        match address {
            IpAddr::V4(v4) => self.mark(b"pair v4", &[&v4.octets(), user]),
            IpAddr::V6(v6) => self.mark(b"pair v6", &[&v6.octets(), user]),
        }
    }

    /// A number that stands for a name of nobody, the same after a restart, and that nobody can aim.
    pub(super) fn number(&self, name: &str) -> u64 {
        let mark = self.mark(b"nobody", &[name.as_bytes()]);
        mark.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }

    /// Of parts that all but the last have a length of their own for each `what`.
    fn mark(&self, what: &[u8], parts: &[&[u8]]) -> Mark {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [&[what, b":"], parts].concat() {
            context.update(part);
        }
        let mut mark = Mark::default();
        for (to, from) in mark.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        mark
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marks(..)")
    }
}
