//! Tokens of version 2.0, and who was granted what: whether a token is good depends on both.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use arc_swap::ArcSwap;
use backplane_actors::{BusName, Clock};

use super::{Clients, Service};
use crate::access::ledger::Granted;
use crate::access::regular::BusNow;
use crate::access::{ClientName, GrantId, Tenancy};
use crate::auth;
use crate::authority::{Authority, AuthorityError, AuthoritySettings, Keys, Pages};
use crate::config::{self, Config};
use crate::error::{ApiError, ErrorCode};
use crate::http::Host;
use crate::store::{StoreError, TokenStore};

/// The clients as they are now.
#[derive(Debug, Default)]
struct InForce(ArcSwap<Clients>);

impl Granted for InForce {
    fn client_is_there(&self, client: &ClientName) -> bool {
        self.0.load().find(client.as_str()).is_some()
    }

    fn holds(&self, client: &ClientName, grant: &GrantId, bus: &BusName) -> bool {
        self.0.load().holds(client, grant, bus)
    }

    fn pairs_of(&self, client: &ClientName) -> Vec<(BusName, GrantId)> {
        let Some(client) = self.0.load().find(client.as_str()) else { return Vec::new() };
        let pairs = client.grants().iter();
        pairs.flat_map(|grant| grant.buses.iter().map(|bus| (bus.clone(), grant.id.clone()))).collect()
    }
}

/// Tokens of pages and of clients, and the clients.
pub(crate) struct Tokens {
    pages: Pages,
    authority: Authority,
    in_force: Arc<InForce>,
}

impl Tokens {
    /// Those that the store keeps; pages' tokens are signed with these keys.
    pub(crate) fn open(
        config: &Config,
        store: Arc<dyn TokenStore>,
        keys: Arc<Keys>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let in_force = Arc::<InForce>::default();
        let (granted, settings) = (Arc::clone(&in_force), AuthoritySettings::of(config));
        let authority = Authority::open(store, granted, Arc::clone(&clock), settings)?;
        Ok(Self { pages: Pages::of(config, keys, clock), authority, in_force })
    }

    /// Tokens that end with the process.
    #[cfg(test)]
    pub(crate) fn in_memory(config: &Config, clock: Arc<dyn Clock>) -> Self {
        let store = Arc::<crate::store::MemoryTokens>::default();
        Self::open(config, store, Arc::new(Keys::in_memory().unwrap()), clock).unwrap()
    }

    pub(super) fn clients(&self) -> Arc<Clients> {
        self.in_force.0.load_full()
    }

    pub(super) fn replace_clients(&self, clients: Clients) {
        self.in_force.0.store(Arc::new(clients));
    }
}

impl Service {
    /// Tokens of pages.
    pub(crate) fn pages(&self) -> &Pages {
        &self.tokens.pages
    }

    /// Tokens of clients.
    pub(crate) fn authority(&self) -> &Authority {
        &self.tokens.authority
    }

    /// From now on these issuers are trusted, and no others.
    pub(super) fn replace_issuers(&self, issuers: &[config::Issuer]) {
        self.issuers.replace(issuers);
        self.note_change();
    }

    /// Ends all tokens of pages of this bus that were issued until now.
    ///
    /// # Errors
    ///
    /// It could not be kept, or nobody knows yet.
    pub(crate) async fn end_pages(&self, bus: BusName) -> Result<(), ApiError> {
        self.authority().end_pages(bus).await.map_err(|error| {
            let text = match error {
                AuthorityError::Store => {
                    "the end of these tokens could not be kept: they are refused until a restart, and the log of the server says why"
                }
                AuthorityError::Unknown => "the disk does not answer; nobody knows yet whether these tokens are ended",
                AuthorityError::Busy | AuthorityError::Issue(_) | AuthorityError::Randomness => {
                    "the server is too busy with other tokens: none of these was ended"
                }
            };
            ApiError::new(ErrorCode::Unavailable, text)
        })
    }

    /// Forgets what [`Service::end_pages`] said of a bus that is no more.
    pub(crate) async fn forget_pages(&self, bus: BusName) {
        if let Err(error) = self.authority().forget_bus(bus).await {
            tracing::warn!(%error, "it is kept that pages of a bus that is no more had tokens that were ended");
        }
    }

    /// What is to be said of a bus while a page's token is opened.
    pub(crate) fn bus_now(&self, bus: &BusName) -> Option<BusNow> {
        self.bus(bus.as_str())?;
        let tenancy = self.tenancy(bus);
        Some(BusNow { tenancy, not_before: self.authority().pages_not_before(bus) })
    }

    /// Which bus of its name it is: what is issued for it is bound to that.
    pub(crate) fn tenancy(&self, bus: &BusName) -> Tenancy {
        self.tokens.clients().tenancy(bus)
    }

    /// Readers that wait look whether they still may.
    pub(super) fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::Release);
        self.authority().notice();
    }

    /// What the URLs of this server begin with for whoever asks, by the request itself: where the operator has not said it.
    pub(crate) fn asked_base(&self, request: &HttpRequest) -> Option<String> {
        Host::of(request.head())?;
        let host = request.headers().get(HOST)?.to_str().ok()?;
        let scheme = auth::transport(&self.settings.load().transport, request).scheme;
        Some(format!("{}://{}", scheme.as_str(), host.to_ascii_lowercase()))
    }
}
