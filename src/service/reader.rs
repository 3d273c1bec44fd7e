//! Whether a reader that waits still may: accounts change while it does.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Bus, Service};
use crate::auth::{PasswordHash, Right, UserName};

/// A reader whose credentials are looked at again when accounts have changed: of a bus, who needs a right; or of channels, who
/// needs none, and may have come without any.
pub(crate) struct Reader(Option<Box<Admitted>>);

struct Admitted {
    user: UserName,
    /// What is read with a right.
    bus: Option<Arc<Bus>>,
    /// What the password was checked against: whoever knew an old one is no reader any more.
    hash: Option<PasswordHash>,
    seen: u64,
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

    fn admitted(service: &Service, user: UserName, bus: Option<Arc<Bus>>) -> Self {
        let seen = service.accounts_seen.load(Ordering::Acquire);
        let hash = service.authenticator.accounts().password_hash(user.as_str()).cloned();
        Self(Some(Box::new(Admitted { user, bus, hash, seen })))
    }

    /// Whether it still may read. Costs one load as long as nothing has changed.
    pub(crate) fn may(&mut self, service: &Service) -> bool {
        let Some(admitted) = &mut self.0 else { return true };
        let now = service.accounts_seen.load(Ordering::Acquire);
        if now == admitted.seen {
            return true;
        }
        let accounts = service.authenticator.accounts();
        let reads = |bus: &Arc<Bus>| accounts.may(&admitted.user, bus.name(), Right::Read);
        let may = admitted.bus.as_ref().is_none_or(reads)
            && accounts.password_hash(admitted.user.as_str()) == admitted.hash.as_ref();
        if may {
            admitted.seen = now;
        }
        may
    }
}
