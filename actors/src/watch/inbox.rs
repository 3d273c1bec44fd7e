//! What a thread is told by others: a record crosses to a thread once, however many of its readers wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use foldhash::fast::RandomState;
use futures::task::AtomicWaker;

use super::delivered::Delivered;
use super::watchers::{BusNumber, Scope};
use crate::model::MessageId;

/// Most hints that wait for a thread that does not come to them (I-5). Beyond that its readers are sent to look.
const MOST: usize = 4096;

/// What a thread is told.
#[derive(Debug, Clone)]
pub(super) enum Hint {
    /// These messages were posted, in one POST.
    Shown(Scope, Arc<[Delivered]>),
    /// Whatever was told up to here is to be looked for: it may be gone, or it was too much to be told.
    Look(MessageId),
    /// The bus has ended, for whichever reason: that it says itself.
    Ended,
}

/// The hints for one thread, in order.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    hints: Mutex<Vec<(BusNumber, Hint)>>,
    bell: AtomicWaker,
}

impl Inbox {
    /// Leaves a hint, from any thread. Does not wait.
    pub(super) fn tell(&self, bus: BusNumber, hint: Hint) {
        let first = {
            let mut hints = self.hints();
            if hints.len() >= MOST {
                fold(&mut hints);
            }
            hints.push((bus, hint));
            hints.len() == 1
        };
        if first {
            self.bell.wake();
        }
    }

    /// All that was told since the last call.
    pub(super) fn take(&self) -> Vec<(BusNumber, Hint)> {
        std::mem::take(&mut *self.hints())
    }

    /// Whom to wake when there is something again.
    pub(super) fn listen(&self, waker: &Waker) {
        self.bell.register(waker);
    }

    /// Whether nothing was told since the last call of [`Inbox::take`].
    pub(super) fn is_empty(&self) -> bool {
        self.hints().is_empty()
    }

    /// Wakes who listens, though there is nothing.
    pub(super) fn ring(&self) {
        self.bell.wake();
    }

    /// Nothing in here panics half way.
    fn hints(&self) -> MutexGuard<'_, Vec<(BusNumber, Hint)>> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes one hint for each bus of all of its hints, and keeps that it has ended.
fn fold(hints: &mut Vec<(BusNumber, Hint)>) {
    let mut up_to: HashMap<BusNumber, MessageId, RandomState> = HashMap::default();
    let mut ended = Vec::new();
    for (bus, hint) in hints.drain(..) {
        let id = match &hint {
            Hint::Shown(_, messages) => messages.last().map(Delivered::id),
            Hint::Look(id) => Some(*id),
            Hint::Ended => None,
        };
        match id {
            Some(id) => {
                let highest = up_to.entry(bus).or_insert(id);
                *highest = id.max(*highest);
            }
            None => ended.push((bus, hint)),
        }
    }
    hints.extend(up_to.into_iter().map(|(bus, id)| (bus, Hint::Look(id))));
    hints.extend(ended);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_5_a_thread_that_does_not_come_is_told_to_look() {
        let inbox = Inbox::default();
        let (bus, other) = (BusNumber::next(), BusNumber::next());
        inbox.tell(other, Hint::Ended);
        for id in 1..=u64::try_from(MOST).unwrap() {
            inbox.tell(bus, Hint::Look(MessageId::from_u64(id)));
        }
        let most = MessageId::from_u64(u64::try_from(MOST).unwrap());
        let hints = inbox.take();
        assert_eq!(hints.len(), 3, "{hints:?}");
        assert!(hints.iter().any(|(of, hint)| *of == other && matches!(hint, Hint::Ended)));
        assert!(hints.iter().any(|(of, hint)| *of == bus && matches!(hint, Hint::Look(id) if *id == most)));
        assert!(inbox.take().is_empty());
    }
}
