//! The window against a model that keeps every message for ever and works out what must be seen.

use proptest::prelude::*;

use super::*;
use crate::log::Sequencer;
use crate::model::{Message, Poster, Timestamp};

const RETENTION: u64 = 50;

fn entry(id: MessageId, until: u64, holdings: &Arc<Holdings>) -> Arc<Entry> {
    let message = Message::trusted("{}");
    let held = holdings.hold(&Poster::nobody(), Bytes::at_most(Entry::cost(&message)));
    Arc::new(Entry::new(id, Moment::from_millis(until), "c".parse().unwrap(), message, held))
}

#[derive(Debug, Clone)]
enum Step {
    Post(u32),
    /// Since the n-th message ever posted (counted from the newest), or an id between messages.
    Read {
        back: usize,
        offset: u64,
    },
    ReadAll,
    Expire,
    /// A salvage found a hole that ends at the n-th message, or shortly after it.
    Lose {
        back: usize,
        offset: u64,
    },
    /// The window is rebuilt from what it held, as after a restart.
    Restart,
    /// The bus was given windows of another size.
    Resize(usize),
    Advance(u64),
    Rewind(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1u32..4).prop_map(Step::Post),
        3 => (0usize..12, 0u64..3).prop_map(|(back, offset)| Step::Read { back, offset }),
        1 => Just(Step::ReadAll),
        2 => Just(Step::Expire),
        1 => (0usize..12, 0u64..3).prop_map(|(back, offset)| Step::Lose { back, offset }),
        1 => Just(Step::Restart),
        1 => (1usize..8).prop_map(Step::Resize),
        3 => (0u64..40).prop_map(Step::Advance),
        1 => (0u64..60).prop_map(Step::Rewind),
    ];
    prop::collection::vec(step, 1..80)
}

/// Every message ever posted with its end, oldest first, and how many of the oldest are gone.
struct Model {
    posted: Vec<(MessageId, u64)>,
    gone: usize,
    capacity: usize,
    /// Where the last hole ends.
    hole: MessageId,
}

impl Model {
    fn visible(&self) -> Vec<MessageId> {
        self.posted[self.gone..].iter().map(|(id, _)| *id).collect()
    }

    fn post(&mut self, id: MessageId, until: u64) {
        self.posted.push((id, until));
        self.gone = self.gone.max(self.posted.len().saturating_sub(self.capacity));
    }

    fn resize(&mut self, capacity: usize) {
        self.capacity = capacity;
        self.gone = self.gone.max(self.posted.len().saturating_sub(capacity));
    }

    fn expire(&mut self, now: u64) {
        while self.gone < self.posted.len() && self.posted[self.gone].1 <= now {
            self.gone += 1;
        }
    }

    fn read(&self, since: MessageId) -> (Vec<MessageId>, Resume) {
        let visible = self.visible();
        let missed = self.hole > since || self.posted[..self.gone].iter().any(|(id, _)| *id > since);
        let resume = if missed { Resume::Gap } else { Resume::Complete };
        // Who stands at the end of a hole has seen what there is before it.
        let known = visible.contains(&since) || since == self.hole;
        (visible.into_iter().filter(|id| !known || *id > since).collect(), resume)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn ret_2_ret_3_ret_4_ret_7_a_window_is_what_its_history_says(steps in steps(), capacity in 1usize..8) {
        let memory = Memory::unbounded();
        let gauge = memory.open(&[]);
        let mut capacity = capacity;
        let mut size = NonZeroUsize::new(capacity).unwrap();
        let mut window = Window::new(size, MessageId::ZERO);
        let mut sequencer = Sequencer::after(MessageId::ZERO);
        let mut model = Model { posted: Vec::new(), gone: 0, capacity, hole: MessageId::ZERO };
        let mut now = 1_000u64;
        for step in steps {
            match step {
                Step::Post(count) => {
                    let first = sequencer.take(count, Timestamp::from_millis(now)).unwrap().as_u64();
                    for id in (first..first + u64::from(count)).map(MessageId::from_u64) {
                        window.push(entry(id, now + RETENTION, &gauge));
                        model.post(id, now + RETENTION);
                    }
                }
                Step::Read { back, offset } => {
                    let Some(place) = model.posted.len().checked_sub(back + 1) else { continue };
                    let since = MessageId::from_u64(model.posted[place].0.as_u64() + offset);
                    let page = window.since(Origin::After(since), usize::MAX);
                    let (ids, resume) = model.read(since);
                    prop_assert_eq!(page.entries.iter().map(|entry| entry.id()).collect::<Vec<_>>(), ids);
                    prop_assert_eq!(page.resume, resume);
                    prop_assert_eq!(page.next, window.newest());
                    // From a moment on, and in parts: what is above it, each once.
                    let above: Vec<_> = model.visible().into_iter().filter(|id| *id > since).collect();
                    let (mut at, mut got) = (since, Vec::new());
                    loop {
                        let part = window.since(Origin::Newer(at), 1 + back % 3);
                        let vouched = at >= window.lost();
                        prop_assert_eq!(part.resume == Resume::Complete, vouched);
                        got.extend(part.entries.iter().map(|entry| entry.id()));
                        at = part.next;
                        if !part.more {
                            break;
                        }
                    }
                    prop_assert_eq!(got, above);
                    prop_assert!(at == window.newest());
                }
                Step::ReadAll => {
                    let page = window.since(Origin::Whole(Resume::Complete), usize::MAX);
                    prop_assert_eq!(page.entries.iter().map(|entry| entry.id()).collect::<Vec<_>>(), model.visible());
                    prop_assert_eq!(window.since(Origin::Whole(Resume::Reset), usize::MAX).resume, Resume::Reset);
                    // Who goes on from `next` sees nothing twice.
                    let next = window.since(Origin::After(page.next), usize::MAX);
                    prop_assert!(next.entries.is_empty() || page.entries.is_empty());
                    prop_assert_eq!(next.resume, Resume::Complete);
                }
                Step::Expire => {
                    window.expire(Moment::from_millis(now));
                    model.expire(now);
                }
                Step::Lose { back, offset } => {
                    let Some(place) = model.posted.len().checked_sub(back + 1) else { continue };
                    let hole = MessageId::from_u64(model.posted[place].0.as_u64() + offset);
                    window.lose(hole);
                    model.hole = model.hole.max(hole);
                    sequencer = Sequencer::after(sequencer.highest().max(hole));
                }
                Step::Restart => {
                    let mut next = Window::new(size, MessageId::ZERO);
                    window.iter().for_each(|entry| next.push(Arc::clone(entry)));
                    next.lose(window.lost());
                    window = next;
                    sequencer = Sequencer::after(sequencer.highest());
                }
                Step::Resize(to) => {
                    (capacity, size) = (to, NonZeroUsize::new(to).unwrap());
                    window.resize(size);
                    model.resize(to);
                }
                Step::Advance(by) => now += by,
                Step::Rewind(by) => now = now.saturating_sub(by),
            }
            prop_assert!(window.iter().count() <= capacity);
            let held = window.iter().count() * Entry::cost(&Message::trusted("{}"));
            prop_assert_eq!(memory.held(), held, "what left the window gave its memory back");
        }
    }
}
