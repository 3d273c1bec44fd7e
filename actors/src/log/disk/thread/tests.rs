//! What the writer's thread tells operators.

use std::sync::Mutex;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::*;
use crate::clock::ManualClock;
use crate::log::Timeline;
use crate::model::{MessageId, Timestamp};

/// The levels of all that is told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Level>>>);

impl Subscriber for Told {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(*event.metadata().level());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_full_disk_is_told_once_when_it_begins_and_once_when_it_ends() {
    let clock = Arc::new(ManualClock::at(Timestamp::EPOCH));
    let queue = Queue::new(MessageId::ZERO, Timeline::fresh(clock));
    let told = Told::default();
    let states = tracing::subscriber::with_default(told.clone(), || {
        let full = Err(LogError::Full);
        // The third says that there was nothing to write.
        let tries = [Ok(true), full, full, Ok(false), full, Ok(true), Ok(true), full, Ok(true)];
        tries.map(|written| {
            assert!(tell_room(&queue, written).is_ok());
            queue.log_state()
        })
    });
    assert_eq!(*told.0.lock().unwrap(), [Level::WARN, Level::INFO, Level::WARN, Level::INFO]);
    let (open, full) = (LogState::Open, LogState::Full);
    assert_eq!(states, [open, full, full, full, full, open, open, full, open]);
}

#[test]
fn that_no_descriptors_are_left_is_told_once_as_well() {
    let clock = Arc::new(ManualClock::at(Timestamp::EPOCH));
    let queue = Queue::new(MessageId::ZERO, Timeline::fresh(clock));
    let told = Told::default();
    let states = tracing::subscriber::with_default(told.clone(), || {
        let (full, starved) = (Err(LogError::Full), Err(LogError::Starved));
        [starved, starved, full, starved, Ok(true), Ok(true)].map(|written| {
            assert!(tell_room(&queue, written).is_ok());
            queue.log_state()
        })
    });
    assert_eq!(*told.0.lock().unwrap(), [Level::WARN, Level::WARN, Level::WARN, Level::INFO]);
    let (open, full, starved) = (LogState::Open, LogState::Full, LogState::Starved);
    assert_eq!(states, [starved, starved, full, starved, open, open]);
}
