//! A message on its way to those who wait.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::model::{BusName, MessageId, Position};
use crate::window::Entry;

/// In how many forms a message is kept encoded. The first four take the least room.
pub const FORMS: usize = 16;
/// Most readers want one of these.
const USUAL: usize = 4;

/// A message as a [`Subscription`](crate::Subscription) hands it out. Cheap to clone; those who wait for the same message get
/// clones of one.
#[derive(Clone)]
pub struct Delivered(Arc<Inner>);

struct Inner {
    bus: BusName,
    entry: Arc<Entry>,
    prev: MessageId,
    position: Position,
    encoded: [OnceLock<Bytes>; USUAL],
    /// The other forms, once somebody wants one of them.
    unusual: OnceLock<Box<[OnceLock<Bytes>; FORMS - USUAL]>>,
}

impl Delivered {
    pub(crate) fn new(bus: BusName, entry: Arc<Entry>, prev: MessageId, position: Position) -> Self {
        let (encoded, unusual) = (Default::default(), OnceLock::new());
        Self(Arc::new(Inner { bus, entry, prev, position, encoded, unusual }))
    }

    /// The bus that it was posted to.
    #[must_use]
    pub fn bus(&self) -> &BusName {
        &self.0.bus
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
        if prev == self.0.prev {
            return self;
        }
        Self::new(self.bus().clone(), Arc::clone(self.entry()), prev, self.0.position)
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
        let place = match form.checked_sub(USUAL) {
            None => self.0.encoded.get(form),
            Some(unusual) if unusual < FORMS - USUAL => self.0.unusual.get_or_init(Box::default).get(unusual),
            Some(_) => None,
        };
        match place {
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
