//! Asking the windows.

use std::num::NonZeroUsize;

use futures::future::try_join_all;

use super::merge::merge;
use super::{Across, AcrossError, AcrossPage};
use crate::broker::subscription::Filter;
use crate::channel::Read;
use crate::model::{BusName, MessageId};
use crate::watch::Scope;
use crate::window::{Origin, Resume, Slice};

/// What the windows gave.
pub(super) struct Found {
    origin: Origin,
    slices: Vec<(BusName, Slice)>,
}

impl Across {
    /// Asks the windows for what is above a position. After the horizon: what is below that is in them.
    pub(super) async fn look(&self, origin: Origin, most: NonZeroUsize) -> Result<Found, AcrossError> {
        let read = Read { origin, which: self.which, most: most.get() };
        let asked = self.members.iter().map(|(bus, scope)| async move {
            let slice = match scope {
                Scope::Bus => bus.slice(read).await,
                Scope::Channel(name) => bus.channel_slice(name, read).await,
            };
            let name = bus.name().clone();
            match slice {
                Ok(slice) => Ok((name, slice)),
                Err(error) => Err(AcrossError { bus: name, error }),
            }
        });
        Ok(Found { origin, slices: try_join_all(asked).await? })
    }

    /// What was found, in one order up to the horizon.
    pub(super) fn page(
        &self,
        Found { origin, slices }: Found,
        horizon: MessageId,
        wanted: &Filter<'_>,
        most: NonZeroUsize,
    ) -> AcrossPage {
        let (told, from) = match origin {
            Origin::Whole(resume) => (resume, MessageId::ZERO),
            Origin::After(id) | Origin::Newer(id) => (Resume::Complete, id),
            // From beyond all that there is nobody could go on.
            Origin::Doubtful(id, resume) if id > self.context.log.issued() => (resume, MessageId::ZERO),
            Origin::Doubtful(id, resume) => (resume, id),
        };
        let merged = merge(slices, told, horizon, wanted, most);
        // A horizon may fall back, a position does not.
        let next = self.context.position(merged.up_to.max(from));
        AcrossPage { entries: merged.entries, next, resume: merged.resume, more: merged.more }
    }
}
