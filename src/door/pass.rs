//! A connection's place behind the door.

use std::time::Duration;

use super::crowd::Place;
use super::settings::{DoorSettings, Patience};
use super::{Door, locked};
use crate::address::Block;

/// Who is let in the reserve asks one thing, at once.
const PATIENCE_IN_RESERVE: Duration = Duration::from_secs(2);

/// What becomes of a connection that was let in.
#[derive(Debug)]
pub(super) enum Entered {
    /// What it asks is answered.
    Served(Pass),
    /// Its address was refused lately: it is not listened to, and then told so. Until then it has its place, so that who comes again
    /// instead of waiting waits all the same, and costs one refusal in the time of a rest (I-5).
    Rests(Pass),
}

/// A connection's place behind the door, given back on drop.
#[derive(Debug)]
pub(super) struct Pass {
    door: Door,
    block: Block,
    place: Place,
}

impl Pass {
    /// For somebody who has this place in the crowd.
    pub(super) fn new(door: Door, block: Block, place: Place) -> Self {
        door.stats().came();
        Self { door, block, place }
    }

    /// The same, counted among those who are served.
    pub(super) fn accepted(self) -> Self {
        self.door.stats().accept();
        self
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// How long this connection is waited for.
    pub(super) fn patience(&self, settings: &DoorSettings) -> Patience {
        let patience = settings.patience;
        match self.place {
            Place::Hall => patience,
            Place::Reserve => Patience {
                head: patience.head.min(PATIENCE_IN_RESERVE),
                idle: patience.idle.min(PATIENCE_IN_RESERVE),
                ..patience
            },
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        locked(&self.door.0.crowd).leave(self.block, self.place);
        self.door.0.stats.left();
    }
}
