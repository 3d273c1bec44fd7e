//! A message on its way to those who wait.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::model::{MessageId, Position};
use crate::window::Entry;

/// In how many forms a message is kept encoded.
pub const FORMS: usize = 4;

/// A message as a [`Subscription`](crate::Subscription) hands it out. Cheap to clone; those who wait for the same message get
/// clones of one.
#[derive(Clone)]
pub struct Delivered(Arc<Inner>);

struct Inner {
    entry: Arc<Entry>,
    prev: MessageId,
    position: Position,
    encoded: [OnceLock<Bytes>; FORMS],
}

impl Delivered {
    pub(crate) fn new(entry: Arc<Entry>, prev: MessageId, position: Position) -> Self {
        Self(Arc::new(Inner { entry, prev, position, encoded: Default::default() }))
    }

    /// The message with its id and its channel.
    #[must_use]
    pub fn entry(&self) -> &Arc<Entry> {
        &self.0.entry
    }

    /// The id of the message.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.0.entry.id()
    }

    /// The message as the one after another.
    pub(crate) fn after(self, prev: MessageId) -> Self {
        if prev == self.0.prev { self } else { Self::new(Arc::clone(self.entry()), prev, self.0.position) }
    }

    /// The id of the message that the subscription has yielded before it. Behind an [`Event::Resumed`](crate::Event::Resumed) that
    /// tells of a gap it is the id of the position told there; of the first of all, where nothing is missing, an id at or before
    /// that. So a reader that gets a message whose `prev` is another one than it has seen last knows that something is missing.
    #[must_use]
    pub fn prev(&self) -> MessageId {
        self.0.prev
    }

    /// The position behind it.
    #[must_use]
    pub fn position(&self) -> Position {
        self.0.position
    }

    /// The message in one of [`FORMS`] forms, made by whoever asks for it first (I-7). For the same form `make` must always
    /// make the same of it. A form that there is not is made each time.
    pub fn encoded(&self, form: usize, make: impl FnOnce(&Self) -> Bytes) -> Bytes {
        match self.0.encoded.get(form) {
            Some(place) => place.get_or_init(|| make(self)).clone(),
            None => make(self),
        }
    }
}

/// Without the message (I-8).
impl fmt::Debug for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivered")
            .field("id", &self.id())
            .field("prev", &self.prev())
            .finish_non_exhaustive()
    }
}
