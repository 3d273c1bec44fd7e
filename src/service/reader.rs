//! Whether a reader that waits still may: accounts, and the pages that may read a bus, change while it does.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_web::http::header::{HeaderMap, HeaderValue, ORIGIN};
use backplane_actors::BusName;

use super::{Bus, Service};
use crate::auth::{Accounts, PasswordHash, Right, UserName};

/// A reader whose permission is looked at again when something has changed: of a bus, who needs a right; or of channels, who
/// needs none, and may have come without credentials, and from a page.
pub(crate) struct Reader(Option<Box<Admitted>>);

#[derive(Default)]
struct Admitted {
    user: Option<SignedIn>,
    page: Option<Page>,
    /// The last change that was looked at, if any was.
    seen: Option<u64>,
}

struct SignedIn {
    name: UserName,
    /// What is read with a right.
    bus: Option<Arc<Bus>>,
    /// What the password was checked against: whoever knew an old one is no reader any more.
    hash: Option<PasswordHash>,
}

/// A page of an origin that may read the bus. Copied from the request, whose head would be kept otherwise as long as the reader waits.
struct Page {
    bus: BusName,
    origin: Box<[u8]>,
}

impl Reader {
    /// Whoever knows a channel's name.
    pub(crate) const fn of_channels() -> Self {
        Self(None)
    }

    /// A user who just was let in.
    pub(crate) fn of_bus(service: &Service, user: UserName, bus: Arc<Bus>) -> Self {
        Self::admitted(service, user, Some(bus))
    }

    /// A user who just was let in to something that needs no right.
    pub(crate) fn signed_in(service: &Service, user: UserName) -> Self {
        Self::admitted(service, user, None)
    }

    fn admitted(service: &Service, name: UserName, bus: Option<Arc<Bus>>) -> Self {
        let seen = service.changes.load(Ordering::Acquire);
        let hash = service.authenticator.accounts().password_hash(name.as_str()).cloned();
        Self(Some(Box::new(Admitted {
            user: Some(SignedIn { name, bus, hash }),
            page: None,
            seen: Some(seen),
        })))
    }

    /// On the page that asks for this bus, if one does and its origin may read it.
    pub(crate) fn on_page(mut self, bus: &Bus, headers: &HeaderMap) -> Self {
        let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes);
        if let Some(origin) = origin.filter(|origin| bus.allowed_origins().allows(origin)) {
            let admitted = self.0.get_or_insert_default();
            admitted.page = Some(Page { bus: bus.name().clone(), origin: origin.into() });
            // This may be the bus as it was before the last change: it is looked at once more.
            admitted.seen = None;
        }
        self
    }

    /// Whether it still may read. Costs one load as long as nothing has changed.
    pub(crate) fn may(&mut self, service: &Service) -> bool {
        let Some(admitted) = &mut self.0 else { return true };
        let now = service.changes.load(Ordering::Acquire);
        if admitted.seen == Some(now) {
            return true;
        }
        let accounts = service.authenticator.accounts();
        let may = admitted.user.as_ref().is_none_or(|user| user.may(&accounts))
            && admitted.page.as_ref().is_none_or(|page| page.may(service));
        if may {
            admitted.seen = Some(now);
        }
        may
    }
}

impl SignedIn {
    fn may(&self, accounts: &Accounts) -> bool {
        let reads = |bus: &Arc<Bus>| accounts.may(&self.name, bus.name(), Right::Read);
        self.bus.as_ref().is_none_or(reads)
            && accounts.password_hash(self.name.as_str()) == self.hash.as_ref()
    }
}

impl Page {
    fn may(&self, service: &Service) -> bool {
        // That the bus is gone its own stream says.
        service.bus(self.bus.as_str()).is_none_or(|bus| bus.allowed_origins().allows(&self.origin))
    }
}
