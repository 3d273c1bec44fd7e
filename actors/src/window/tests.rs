//! The window against a model that keeps every message for ever and works out what must be seen.

use proptest::prelude::*;

use super::*;
use crate::log::Sequencer;
use crate::model::{Expire, Message, Poster, Promise, Timestamp};

const RETENTION: u64 = 50;

fn entry(id: MessageId, until: u64, promise: Promise, holdings: &Arc<Holdings>) -> Arc<Entry> {
    let message = Message::trusted("{}").kept(promise, Expire::at(Timestamp::EPOCH));
    let held = holdings.hold(&Poster::nobody(), Bytes::at_most(Entry::cost(&message)));
    Arc::new(Entry::new(id, Moment::from_millis(until), "c".parse().unwrap(), message, held))
}

fn ids(slice: &Slice) -> Vec<MessageId> {
    slice.entries.iter().map(|entry| entry.id()).collect()
}

/// One message of a POST: what is promised about it, and how long a promised one is kept.
type Wish = (Promise, u64);

#[derive(Debug, Clone)]
enum Step {
    Post(Vec<Wish>),
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
    let wish = (prop::bool::weighted(0.3), prop::bool::weighted(0.2), 1u64..150)
        .prop_map(|(sticky, dated, span)| (Promise { sticky, dated }, span));
    let step = prop_oneof![
        4 => prop::collection::vec(wish, 1..4).prop_map(Step::Post),
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

struct Posted {
    id: MessageId,
    until: u64,
    promise: Promise,
    /// Of a promised one: it is over, or made room for others.
    gone: bool,
}

/// Every message ever posted, oldest first.
struct Model {
    of: Of,
    posted: Vec<Posted>,
    /// The oldest that is not promised and not gone is not before this one.
    front: usize,
    capacity: usize,
    /// Where the last hole ends.
    hole: MessageId,
}

impl Model {
    fn visible(&self, which: Which) -> Vec<MessageId> {
        let is_visible = |(n, posted): &(usize, &Posted)| {
            let is_kept = if posted.promise.is_any() { !posted.gone } else { *n >= self.front };
            is_kept && (which == Which::All || posted.promise.sticky)
        };
        self.posted.iter().enumerate().filter(is_visible).map(|(_, posted)| posted.id).collect()
    }

    fn post(&mut self, id: MessageId, until: u64, promise: Promise) {
        self.posted.push(Posted { id, until, promise, gone: false });
        self.resize(self.capacity);
    }

    fn resize(&mut self, capacity: usize) {
        self.capacity = capacity;
        self.front = self.front.max(self.posted.len().saturating_sub(capacity));
        let is_kept = |posted: &&mut Posted| posted.promise.is_any() && !posted.gone;
        let kept = self.posted.iter_mut().filter(is_kept).count();
        let too_many = if self.of == Of::Bus { kept.saturating_sub(capacity) } else { 0 };
        self.posted.iter_mut().filter(is_kept).take(too_many).for_each(|oldest| oldest.gone = true);
    }

    fn expire(&mut self, now: u64) {
        for posted in self.posted.iter_mut().filter(|posted| posted.promise.is_any()) {
            posted.gone |= posted.until <= now;
        }
        let is_kept = |posted: &Posted| !posted.promise.is_any() && posted.until > now;
        let rest = self.posted[self.front..].iter().position(is_kept);
        self.front = rest.map_or(self.posted.len(), |rest| self.front + rest);
    }

    fn lost(&self) -> MessageId {
        let visible = self.visible(Which::All);
        let gone = self.posted.iter().map(|posted| posted.id).filter(|id| !visible.contains(id));
        gone.fold(self.hole, MessageId::max)
    }

    fn resume(&self, since: MessageId, which: Which) -> Resume {
        let visible = self.visible(which);
        let wanted = self.posted.iter().filter(|posted| which == Which::All || posted.promise.sticky);
        let missed = wanted.filter(|posted| posted.id > since).any(|posted| !visible.contains(&posted.id));
        if self.hole > since || missed { Resume::Gap } else { Resume::Complete }
    }

    fn read(&self, since: MessageId, which: Which) -> (Vec<MessageId>, Resume) {
        // Who stands at the end of a hole, or at the last that is gone, has seen what there is before it.
        let known = self.visible(Which::All).contains(&since) || since == self.lost();
        let ids = self.visible(which).into_iter().filter(|id| !known || *id > since).collect();
        (ids, self.resume(since, which))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn ret_2_ret_3_ret_4_ret_6_ret_7_ret_9_a_window_is_what_its_history_says(
        steps in steps(), capacity in 1usize..8, of in prop_oneof![Just(Of::Channel), Just(Of::Bus)],
    ) {
        let memory = Memory::unbounded();
        let gauge = memory.open(&[], Own::default());
        let mut size = NonZeroUsize::new(capacity).unwrap();
        let mut window = Window::new(of, size, Lost::NOTHING);
        let mut sequencer = Sequencer::after(MessageId::ZERO);
        let mut model = Model { of, posted: Vec::new(), front: 0, capacity, hole: MessageId::ZERO };
        let (mut now, mut latest) = (1_000u64, 0);
        for step in steps {
            match step {
                Step::Post(wishes) => {
                    let count = u32::try_from(wishes.len()).unwrap();
                    let first = sequencer.take(count, Timestamp::from_millis(now)).unwrap().as_u64();
                    for (id, (promise, span)) in (first..).map(MessageId::from_u64).zip(wishes) {
                        let until = now + if promise.is_any() { span } else { RETENTION };
                        window.push(entry(id, until, promise, &gauge));
                        model.post(id, until, promise);
                    }
                }
                Step::Read { back, offset } => {
                    let Some(place) = model.posted.len().checked_sub(back + 1) else { continue };
                    let since = MessageId::from_u64(model.posted[place].id.as_u64() + offset);
                    for which in [Which::All, Which::Sticky] {
                        let page = window.since(Origin::After(since), which, usize::MAX);
                        let (wanted, resume) = model.read(since, which);
                        prop_assert_eq!(ids(&page), wanted);
                        prop_assert_eq!(page.resume, resume);
                        prop_assert_eq!(page.next, window.newest());
                        // From a moment on, and in parts: what is above it, each once.
                        let above: Vec<_> = model.visible(which).into_iter().filter(|id| *id > since).collect();
                        let (mut at, mut got) = (since, Vec::new());
                        loop {
                            let part = window.since(Origin::Newer(at), which, 1 + back % 3);
                            prop_assert_eq!(part.resume, model.resume(at, which));
                            got.extend(ids(&part));
                            at = part.next;
                            if !part.more {
                                break;
                            }
                        }
                        prop_assert_eq!(&got, &above);
                        // The same where nobody can vouch for it (RET-5).
                        for told in [Resume::Gap, Resume::Reset] {
                            let doubtful = window.since(Origin::Doubtful(since, told), which, usize::MAX);
                            prop_assert_eq!((ids(&doubtful), doubtful.resume), (above.clone(), told));
                        }
                        prop_assert!(at == window.newest());
                    }
                }
                Step::ReadAll => {
                    for which in [Which::All, Which::Sticky] {
                        let page = window.since(Origin::Whole(Resume::Complete), which, usize::MAX);
                        prop_assert_eq!(ids(&page), model.visible(which));
                        let reset = window.since(Origin::Whole(Resume::Reset), which, usize::MAX);
                        prop_assert_eq!(reset.resume, Resume::Reset);
                        // Who goes on from `next` sees nothing twice.
                        let next = window.since(Origin::After(page.next), Which::All, usize::MAX);
                        prop_assert!(next.entries.is_empty() || model.visible(Which::All).is_empty());
                        prop_assert_eq!(next.resume, Resume::Complete);
                    }
                }
                Step::Expire => {
                    latest = now.max(latest);
                    window.expire(Moment::from_millis(now));
                    model.expire(now);
                }
                Step::Lose { back, offset } => {
                    let Some(place) = model.posted.len().checked_sub(back + 1) else { continue };
                    let hole = MessageId::from_u64(model.posted[place].id.as_u64() + offset);
                    window.lose(Lost::up_to(hole));
                    model.hole = model.hole.max(hole);
                    sequencer = Sequencer::after(sequencer.highest().max(hole));
                }
                // A bus's is folded anew from its records, and so are its promises.
                Step::Restart if of == Of::Bus => {}
                Step::Restart => {
                    let mut next = Window::new(of, size, Lost::NOTHING);
                    window.iter().for_each(|entry| next.push(Arc::clone(entry)));
                    next.lose(window.lost());
                    window = next;
                    // What is over may have come back.
                    window.expire(Moment::from_millis(latest));
                    model.expire(latest);
                    sequencer = Sequencer::after(sequencer.highest());
                }
                Step::Resize(to) => {
                    size = NonZeroUsize::new(to).unwrap();
                    window.resize(size);
                    model.resize(to);
                }
                Step::Advance(by) => now += by,
                Step::Rewind(by) => now = now.saturating_sub(by),
            }
            let promised = window.iter().filter(|entry| entry.is_promised()).count();
            prop_assert!(window.iter().count() <= model.capacity + promised);
            prop_assert!(of == Of::Channel || promised <= 2 * model.capacity);
            let held: usize = window.iter().map(|entry| Entry::cost(entry.message())).sum();
            prop_assert_eq!(memory.held(), held, "what left the window gave its memory back");
        }
    }
}
