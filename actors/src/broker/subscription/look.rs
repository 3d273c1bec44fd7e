//! Looking: asking the windows for what is above a subscription's position, and what is made of the answer.

use std::sync::Arc;

use futures::future::LocalBoxFuture;

use super::Subscription;
use super::event::{Event, Resumed};
use crate::broker::bus_handle::BusHandle;
use crate::channel::Read;
use crate::error::ReadError;
use crate::model::MessageId;
use crate::watch::{Delivered, Scope};
use crate::window::{Entry, Origin, Resume, Slice, Which};

/// Most messages that one look asks for, shared by all that is looked at (I-6).
const LOOK: usize = 256;
/// Of each at least so many.
const LOOK_EACH: usize = 8;

/// What was found by a look.
pub(super) struct Found {
    /// What everything was looked at for.
    up_to: MessageId,
    slices: Vec<(Scope, Slice)>,
}

pub(super) type Look = LocalBoxFuture<'static, Result<Found, ReadError>>;

impl Subscription {
    /// Begins to look at everything, also where only some of it is new: what is yielded of that moves the position of all, so
    /// nothing may be left behind it.
    pub(super) fn look(&mut self) {
        let origins = self
            .members
            .iter()
            .map(|member| (member.scope.clone(), member.begins.unwrap_or(Origin::Newer(member.seen))));
        let (bus, origins) = (self.bus.clone(), origins.collect());
        self.look = Some(Box::pin(look(bus, origins, self.which)));
    }

    /// Makes of what was found what is to be yielded.
    pub(super) fn found(&mut self, found: Found) {
        let Found { up_to: visible, mut slices } = found;
        // What was removed meanwhile is not yielded.
        slices.retain(|(scope, _)| self.members.iter().any(|member| member.scope == *scope));
        // Of what comes in parts nothing is yielded yet that lies behind the end of a part.
        self.is_behind = slices.iter().any(|(_, slice)| slice.more);
        let ends = slices.iter().filter(|(_, slice)| slice.more).map(|(_, slice)| slice.next);
        let up_to = ends.fold(visible, MessageId::min);
        let first =
            slices.iter().filter_map(|(_, slice)| slice.entries.first()).map(|entry| entry.id()).min();
        let stands = before(first.filter(|first| *first <= up_to), up_to);
        let told = self.stands_told(&slices, stands, up_to);
        let mut messages: Vec<Arc<Entry>> = Vec::new();
        for (scope, slice) in slices {
            let Some(member) = self.members.iter_mut().find(|member| member.scope == scope) else { continue };
            let begins = member.begins.take();
            member.last = match (begins, slice.resume) {
                (Some(Origin::Newer(id)), Resume::Complete) => id.min(up_to),
                (None, Resume::Complete) => member.last,
                _ => told.as_ref().map_or(stands, |resumed| resumed.position.id),
            };
            // Whoever comes from further on than others has reached has seen that.
            let from = match begins {
                Some(Origin::Newer(id) | Origin::Doubtful(id, _)) => id.min(visible),
                _ => MessageId::ZERO,
            };
            member.seen = member.seen.max(up_to).max(from);
            messages.extend(slice.entries.into_iter().filter(|entry| entry.id() <= up_to));
        }
        messages.retain(|entry| self.wants(entry));
        messages.sort_by_key(|entry| entry.id());
        self.ready.extend(told.map(Event::Resumed));
        for entry in messages {
            let delivered = self.delivered(entry);
            self.ready.push_back(Event::Message(delivered));
        }
    }

    /// What the reader must be told of where it stands, if anything. Whoever goes on from a position stands there; everybody
    /// else right before what comes.
    fn stands_told(&self, slices: &[(Scope, Slice)], stands: MessageId, up_to: MessageId) -> Option<Resumed> {
        let (mut is_told, mut resume, mut lowest) = (false, Resume::Complete, stands);
        let (mut channels, is_new) = (Vec::new(), self.is_new());
        for (scope, slice) in slices {
            let Some(member) = self.members.iter().find(|member| member.scope == *scope) else { continue };
            is_told |= member.begins.is_some() || slice.resume != Resume::Complete;
            if let (Some(Origin::Newer(id)), Resume::Complete) = (member.begins, slice.resume) {
                lowest = lowest.min(id).min(up_to);
            }
            resume = resume.max(slice.resume);
            // What was added is spoken of alone, as long as the others miss nothing.
            let is_spoken_of = !is_new || member.begins.is_some() || slice.resume != Resume::Complete;
            if let (Scope::Channel(name), true) = (scope, is_spoken_of) {
                channels.push((name.clone(), slice.resume));
            }
        }
        is_told.then(|| Resumed { resume, position: self.position_at(lowest), last: None, channels })
    }

    /// A message that a window had.
    fn delivered(&mut self, entry: Arc<Entry>) -> Delivered {
        let prev = self
            .members
            .iter()
            .find(|member| member.has(&entry))
            .map_or(MessageId::ZERO, |member| member.last);
        self.note_last(&entry);
        let position = self.position_at(entry.id());
        Delivered::new(self.bus.name().clone(), entry, prev, position)
    }
}

/// A position right before this message, or the one after which there is none.
pub(in crate::broker) fn before(first: Option<MessageId>, none: MessageId) -> MessageId {
    first.map_or(none, |first| MessageId::from_u64(first.as_u64().saturating_sub(1)))
}

/// Asks the windows, each from where it is to begin.
async fn look(bus: BusHandle, origins: Vec<(Scope, Origin)>, which: Which) -> Result<Found, ReadError> {
    // After it was registered, and before anything is looked at.
    let up_to = bus.directory().visible_up_to();
    let most = LOOK.checked_div(origins.len()).unwrap_or(LOOK).max(LOOK_EACH);
    let mut slices = Vec::with_capacity(origins.len());
    for (scope, origin) in origins {
        let read = Read { origin, which, most };
        let slice = match &scope {
            Scope::Bus => bus.slice(read).await?,
            Scope::Channel(name) => bus.channel_slice(name, read).await?,
        };
        slices.push((scope, slice));
    }
    Ok(Found { up_to, slices })
}
