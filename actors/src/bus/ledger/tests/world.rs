//! A ledger, a log that the steps drive, and the model beside them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::model::{Lived, Model, is_same};
use super::{Step, Wish};
use crate::bus::admission::{Circumstances, Decision};
use crate::bus::{BusState, Ledger, Sizes};
use crate::channel::{Found, Home, News, Read};
use crate::context::Counters;
use crate::error::{PostError, Share};
use crate::log::{Incarnation, Record, Ticket};
use crate::model::{
    BusName, ChannelName, Epoch, Expire, Fingerprint, IdempotencyKey, Message, MessageId, MessageLimits,
    Moment, Posted, Poster, Posting, Timestamp,
};
use crate::settings::{BrokerLimits, BusSettings};
use crate::watch::Watchers;
use crate::window::{
    Bounds, Entry, Holdings, Lost, Memory, OneChannel, Origin, Own, Resume, Slice, Weight, Which, Window,
};

pub(super) const CHANNELS: usize = 5;
/// The last of them has no share of his own.
pub(super) const POSTERS: usize = 3;
const CHANNELS_MAX: usize = 4;
const KEYS_MAX: usize = 4;
const CHANNEL_WINDOW: usize = 4;
const BUS_WINDOW: usize = 9;
const RETENTION_MAX: u64 = 15;

type Checked = Result<(), TestCaseError>;

/// A home that may be gone.
#[derive(Clone)]
struct Room(Arc<Mutex<Option<Window>>>);

impl Home for Room {
    fn send(&self, news: News) {
        if let Some(window) = &mut *self.0.lock().unwrap() {
            news.apply(window);
        }
    }

    fn is_gone(&self) -> bool {
        self.0.lock().unwrap().is_none()
    }
}

pub(super) struct World {
    bus: BusName,
    names: Vec<ChannelName>,
    settings: BusSettings,
    limits: BrokerLimits,
    memory: Arc<Memory>,
    holdings: Arc<Holdings>,
    counters: Counters,
    ledger: Ledger<Room>,
    now: Moment,
    issued: u64,
    pending: VecDeque<(Ticket, Record)>,
    model: Model,
    /// The homes of the windows that were read.
    rooms: HashMap<ChannelName, Room>,
    /// Channels whose home is gone, until somebody notices.
    dead: HashSet<ChannelName>,
    /// What a channel had to let go because its window was made anew from that of the bus.
    floors: HashMap<ChannelName, MessageId>,
    restarted: bool,
    /// A channel may have become somebody else's while POSTs to it were pending: the one that began it was refused, or
    /// its end came.
    handed_on: bool,
}

fn poster(n: usize) -> Poster {
    Poster::new(&format!("u{n}")).unwrap()
}

/// Of whole steps of the list of what may be over: nothing is over that it does not tell yet.
pub(super) const IDLE: Duration = Duration::from_millis(3_200);

fn settings(channel_idle: Duration) -> BusSettings {
    BusSettings {
        channel_idle,
        retention: Duration::from_secs(7),
        retention_max: Duration::from_secs(RETENTION_MAX),
        channel_window: NonZeroUsize::new(CHANNEL_WINDOW).unwrap(),
        bus_window: NonZeroUsize::new(BUS_WINDOW).unwrap(),
        posters: (0..POSTERS - 1).map(poster).collect(),
        ..BusSettings::default()
    }
}

/// A message that asks for this.
fn message(wish: Wish, wall: Timestamp) -> Message {
    let sticky = if wish.sticky { r#","sticky":true"# } else { "" };
    let end = wish.seconds.map(|seconds| Expire::at(wall.after(Duration::from_secs(seconds))));
    let expire = end.map(|end| format!(r#","expire":"{end}""#)).unwrap_or_default();
    let json = format!(r#"{{"source":"http://a.b","type":"","payload":0{sticky}{expire}}}"#);
    Message::parse(&json, &MessageLimits::default()).unwrap()
}

/// Room for few messages: the bound is met.
fn room() -> usize {
    CHANNELS_MAX * OneChannel.load().bytes
        + 25 * Entry::cost(&message(Wish { sticky: true, seconds: None }, Timestamp::EPOCH))
}

impl World {
    pub(super) fn new(channel_idle: Duration) -> Self {
        let settings = settings(channel_idle);
        let limits = BrokerLimits {
            channels_per_bus: CHANNELS_MAX,
            idempotency_keys: KEYS_MAX,
            window_memory: room(),
            idempotency_window: Duration::from_millis(5_500),
            log_patience: Duration::from_hours(1),
            ..BrokerLimits::default()
        };
        let memory = Memory::new(Bounds::from(&limits));
        let holdings = memory.open(&settings.posters, Own::from(&settings));
        Self {
            bus: "b".parse().unwrap(),
            names: (0..CHANNELS).map(|n| format!("c{n}").parse().unwrap()).collect(),
            ledger: Ledger::new(BusState::new(
                Incarnation::FIRST,
                &settings,
                &holdings,
                Watchers::new("b".parse().unwrap(), Epoch::from_u64(1)),
            )),
            settings,
            limits,
            memory,
            holdings,
            counters: Counters::default(),
            now: Moment::from_millis(1_000),
            issued: 0,
            pending: VecDeque::new(),
            model: Model::default(),
            rooms: HashMap::new(),
            dead: HashSet::new(),
            floors: HashMap::new(),
            restarted: false,
            handed_on: false,
        }
    }

    fn sizes(&self) -> Sizes {
        Sizes::from(&self.settings)
    }

    pub(super) fn take(&mut self, step: &Step) -> Checked {
        match *step {
            Step::Post { poster, channel, ref wishes, key } => self.post(poster, channel, wishes, key)?,
            Step::Commit(count) => (0..count).for_each(|_| self.commit()),
            Step::Refuse(ref at) if !self.pending.is_empty() => {
                let (ticket, _) = self.pending.remove(at.index(self.pending.len())).unwrap();
                self.ledger.refused(ticket);
            }
            Step::Refuse(_) => {}
            Step::Advance(tenths) => self.now = self.now.after(Duration::from_millis(100 * tenths)),
            Step::Sweep(most) => self.sweep(most),
            Step::Expire => self.ledger.expire(self.now),
            Step::Read { channel, back, which } => {
                let origin = self.origin(back);
                self.check_channel(&self.names[channel].clone(), origin, which)?;
            }
            Step::ReadBus { back, which } => {
                let origin = self.origin(back);
                self.check_bus(origin, which)?;
            }
            Step::Die(channel) => self.die(channel),
            Step::Restart(kept) => self.restart(kept)?,
        }
        self.check_bounds()
    }

    fn sweep(&self, most: usize) {
        self.ledger.directory().sweep(self.now, self.settings.channel_window, &self.counters, most);
    }

    fn check_bounds(&self) -> Checked {
        prop_assert!(self.ledger.directory().live() <= CHANNELS_MAX);
        prop_assert!(self.ledger.state.keys() <= KEYS_MAX);
        // I-9: below what is pending, not below what is shown, and nowhere while nothing is.
        let above = self.ledger.directory().pending_above();
        let visible = self.ledger.directory().visible_up_to();
        let is_right = self
            .pending
            .front()
            .map_or(above == MessageId::MAX, |(_, oldest)| above < oldest.first() && above >= visible);
        prop_assert!(is_right, "{:?}", above);
        // What has expired in a channel comes back with it, and is given back when somebody posts or reads there.
        prop_assert!(self.restarted || self.memory.held() <= room());
        Ok(())
    }

    /// Nothing is left of anything once all has ended.
    pub(super) fn end(mut self) -> Checked {
        while !self.pending.is_empty() {
            self.commit();
        }
        for name in self.names.clone() {
            self.check_channel(&name, Origin::Whole(Resume::Complete), Which::All)?;
        }
        self.check_bus(Origin::Whole(Resume::Complete), Which::All)?;
        self.now = self.now.after(Duration::from_hours(1));
        self.ledger.expire(self.now);
        self.sweep(usize::MAX);
        self.rooms.clear();
        prop_assert_eq!((self.ledger.directory().live(), self.ledger.state.keys()), (0, 0));
        prop_assert_eq!(self.memory.held(), 0);
        Ok(())
    }

    fn post(&mut self, who: usize, channel: usize, wishes: &[Wish], key: Option<(u8, u8)>) -> Checked {
        let poster = poster(who);
        let channel = self.names[channel].clone();
        let key =
            key.map(|(key, body)| IdempotencyKey::new(&format!("k{key}"), Fingerprint([body; 32])).unwrap());
        let wall = Timestamp::from_millis(self.now.as_millis());
        let messages: Vec<_> = wishes.iter().map(|wish| message(*wish, wall)).collect();
        let most = OneChannel.load().bytes + messages.iter().map(Entry::cost).sum::<usize>();
        let asked = messages.iter().filter(|message| message.promise().is_any()).count();
        let given = self.given(&channel);
        let ends = messages.iter().map(|message| self.end_of(message, wall)).collect::<Option<Vec<_>>>();
        let messages = messages.into();
        let posting =
            Posting { poster: poster.clone(), channel: channel.clone(), messages, key: key.clone() };
        let about = Circumstances {
            bus: &self.bus,
            now: self.now,
            wall,
            issued: MessageId::from_u64(self.issued),
            settings: &self.settings,
            limits: &self.limits,
            counters: &self.counters,
        };
        let before = self.holdings.of(&poster);
        let is_here = |record: &Record| record.channel == channel;
        let pending = || self.pending.iter().map(|(_, record)| record);
        let mut all = pending().chain(self.model.records.iter().map(|record| &**record));
        self.handed_on |=
            pending().any(is_here) && all.any(|record| is_here(record) && record.poster != poster);
        let decision = self.ledger.post(posting, &about);
        if let Some(key) = &key {
            self.check_key(&poster, &channel, key, &decision)?;
        }
        match decision {
            Decision::Propose(ticket, proposal) => {
                prop_assert!(self.pending.back().is_none_or(|(last, _)| *last < ticket), "tickets rise");
                let until: Vec<_> = proposal.items.iter().map(|item| item.until).collect();
                prop_assert_eq!(Some(until), ends);
                prop_assert!(asked == 0 || given + asked <= CHANNEL_WINDOW, "a promise too many");
                let record = Record::new(MessageId::from_u64(self.issued + 1), proposal).unwrap();
                self.issued = record.last().as_u64();
                self.pending.push_back((ticket, record));
            }
            Decision::Answer(Err(PostError::TooManyChannels(_))) => {
                // Channels that are over count until the reaper comes.
                let fresh: HashSet<_> = self.pending.iter().map(|(_, record)| &record.channel).collect();
                prop_assert!(self.ledger.directory().live() + fresh.len() >= CHANNELS_MAX);
            }
            Decision::Answer(Err(PostError::TooManyPromises(_))) => {
                prop_assert!(asked > 0 && given + asked > CHANNEL_WINDOW, "{given} + {asked}");
            }
            Decision::Answer(Err(PostError::End { .. })) => prop_assert_eq!(ends, None),
            Decision::Answer(Err(PostError::TooManyKeys(_))) => {
                let pending = self.pending.iter().filter(|(_, record)| record.keyed.is_some()).count();
                prop_assert!(self.ledger.state.keys() + pending >= KEYS_MAX);
            }
            Decision::Answer(Err(PostError::MemoryFull(_))) => {
                prop_assert!(self.memory.held() + most > room());
            }
            Decision::Answer(Err(PostError::ShareUsed(share))) => {
                // Who has no part may be refused at any time; who has one, beyond it only.
                let beyond = match share {
                    Share::Memory => before.bytes + most > room() / 2 / (POSTERS - 1),
                    Share::Channels => before.channels + 1 > CHANNELS_MAX / 2 / (POSTERS - 1),
                    Share::Keys => before.keys + 1 > KEYS_MAX / 2 / (POSTERS - 1),
                };
                // A channel may become his who continues it, and what a restart brings back was let in before: neither
                // asks whether it fits.
                let kept_to = !self.restarted && !self.handed_on;
                prop_assert!(
                    beyond || who == POSTERS - 1 || !kept_to,
                    "{share:?} refused within his part: {before:?}"
                );
            }
            Decision::Answer(answer) => {
                prop_assert!(
                    key.is_some() && matches!(answer, Ok(_) | Err(PostError::KeyReused)),
                    "{answer:?}"
                );
                prop_assert!(answer != Ok(Posted::NOTHING));
            }
            Decision::Join(_) => prop_assert!(key.is_some()),
        }
        Ok(())
    }

    /// When a message ends that is posted now; `None` if it may not.
    fn end_of(&self, message: &Message, wall: Timestamp) -> Option<Moment> {
        let seconds = match message.expire() {
            Some(end) => {
                let millis =
                    end.timestamp().as_millis().checked_sub(wall.as_millis()).filter(|millis| *millis > 0)?;
                return (millis / 1000 <= RETENTION_MAX)
                    .then(|| self.now.after(Duration::from_millis(millis)));
            }
            None if message.promise().sticky => RETENTION_MAX,
            None => 7,
        };
        Some(self.now.after(Duration::from_secs(seconds)))
    }

    /// How many promised messages of a channel are there or on their way.
    fn given(&self, channel: &ChannelName) -> usize {
        let there = self.model.lived(channel).map_or(0, |lived| lived.promised(self.now));
        let coming = self.pending.iter().filter(|(_, record)| record.channel == *channel);
        let coming = coming.flat_map(|(_, record)| record.items.iter()).filter(|item| item.promise.is_any());
        there + coming.count()
    }

    fn check_key(
        &self,
        poster: &Poster,
        channel: &ChannelName,
        key: &IdempotencyKey,
        decision: &Decision,
    ) -> Checked {
        let known = self.model.keyed(poster, channel, key, self.now);
        let under_way = self.pending.iter().find_map(|(ticket, record)| {
            let other = &record
                .keyed
                .as_ref()
                .filter(|_| record.channel == *channel && record.poster == *poster)?
                .key;
            is_same(other, key).then(|| (other.body() == key.body(), *ticket))
        });
        match (known, under_way, decision) {
            (Some((true, told)), _, Decision::Answer(Ok(answer))) => prop_assert_eq!(*answer, told),
            (None, Some((true, ticket)), Decision::Join(joined)) => prop_assert_eq!(*joined, ticket),
            (Some((false, _)), _, Decision::Answer(Err(PostError::KeyReused)))
            | (None, Some((false, _)), Decision::Answer(Err(PostError::KeyReused)))
            | (None, None, Decision::Propose(..) | Decision::Answer(Err(_))) => {}
            other => prop_assert!(false, "{other:?}"),
        }
        Ok(())
    }

    fn commit(&mut self) {
        let Some((ticket, record)) = self.pending.pop_front() else { return };
        self.ledger.committed(&record, Some(ticket), self.sizes(), &self.counters);
        let channel = record.channel.clone();
        self.model.records.push(Arc::new(record));
        if self.dead.remove(&channel) {
            self.floors.insert(channel, self.model.evicted(BUS_WINDOW));
        }
    }

    fn die(&mut self, channel: usize) {
        let name = &self.names[channel];
        // One that the directory has let go of is nobody's home.
        if let Some(room) = self.rooms.remove(name).filter(|room| Arc::strong_count(&room.0) > 1) {
            *room.0.lock().unwrap() = None;
            self.dead.insert(name.clone());
        }
    }

    /// A position behind the n-th message, counted from the newest.
    fn origin(&self, back: usize) -> Origin {
        let id = self.model.ids(None, Which::All).iter().rev().nth(back).copied();
        id.map_or(Origin::Whole(Resume::Complete), Origin::After)
    }

    /// What a reader of a channel gets.
    fn read(&mut self, channel: &ChannelName, origin: Origin, which: Which) -> Slice {
        let (now, directory) = (self.now, Arc::clone(self.ledger.directory()));
        loop {
            let visible = directory.visible_up_to();
            let wake = |window| Room(Arc::new(Mutex::new(Some(window))));
            let room = match directory.find(channel, origin, || now, &self.counters, wake) {
                Found::Ask(room) => room,
                Found::UpToDate => {
                    let Origin::After(id) = origin else { panic!("only a position is up to date") };
                    return Slice::empty(id, Resume::Complete);
                }
                Found::Absent => {
                    let lost = matches!(origin, Origin::After(id) if id < directory.reaped().of(which));
                    return Slice::empty(visible, if lost { Resume::Gap } else { Resume::Complete });
                }
            };
            if room.is_gone() {
                self.ledger.revive(channel, self.sizes(), &self.counters);
                self.dead.remove(channel);
                self.floors.insert(channel.clone(), self.model.evicted(BUS_WINDOW));
                continue;
            }
            self.rooms.insert(channel.clone(), room.clone());
            let mut window = room.0.lock().unwrap();
            let window = window.as_mut().unwrap();
            window.expire(now);
            return window.since(origin, which, usize::MAX);
        }
    }

    /// Holds an answer against the model. It is never said that nothing was missed when something was (I-10).
    fn check_channel(&mut self, channel: &ChannelName, origin: Origin, which: Which) -> Checked {
        let slice = self.read(channel, origin, which);
        let got: Vec<_> = slice.entries.iter().map(|entry| entry.id()).collect();
        let lived = self.model.lived(channel).filter(|lived| {
            let continues = |record: &Record| record.channel == *channel && record.life == lived.life;
            !lived.is_over(self.now) || self.pending.iter().any(|(_, record)| continues(record))
        });
        let floor = self.floors.get(channel).copied().unwrap_or(MessageId::ZERO);
        let shown = |which| {
            let shown = lived.as_ref().map(|lived| lived.shown(self.now, CHANNEL_WINDOW, which, floor));
            shown.unwrap_or_default()
        };
        // A position is one of the window's, whichever messages are wanted.
        let (all, visible) = (shown(Which::All), shown(which));
        let next = lived.as_ref().map_or(self.model.last(), Lived::newest);
        let above = |from| visible.iter().copied().filter(|id| *id > from).collect::<Vec<_>>();
        match origin {
            Origin::After(id) if all.contains(&id) || id == next => prop_assert_eq!(&got, &above(id)),
            // The last that is gone is as good a position as one that is there.
            Origin::After(id)
                if self
                    .model
                    .ids(Some(channel), Which::All)
                    .iter()
                    .all(|other| *other <= id || all.contains(other)) =>
            {
                prop_assert!(got == above(id) || got == visible, "{got:?} of {visible:?}");
            }
            _ => prop_assert_eq!(&got, &visible),
        }
        // A window that was made anew goes on from what the bus has let go.
        let anew = self.floors.contains_key(channel) && (next..=self.model.last()).contains(&slice.next);
        prop_assert!(slice.next == next || anew, "the next position");
        if let Origin::After(seen) = origin {
            let ids = self.model.ids(Some(channel), which);
            let missed = ids.iter().any(|id| *id > seen && !got.contains(id));
            prop_assert!(!missed || slice.resume == Resume::Gap, "something was missed in silence");
            let reason = !self.floors.is_empty() || self.is_anything_gone_since(seen, which);
            prop_assert!(reason || slice.resume == Resume::Complete, "a gap without reason");
        }
        Ok(())
    }

    /// Whether any message above this one is not shown by its channel any more.
    fn is_anything_gone_since(&self, seen: MessageId, which: Which) -> bool {
        self.names.iter().any(|name| {
            let lived = self.model.lived(name).filter(|lived| !lived.is_over(self.now));
            let shown = lived.map(|lived| lived.shown(self.now, CHANNEL_WINDOW, which, MessageId::ZERO));
            let shown = shown.unwrap_or_default();
            self.model.ids(Some(name), which).iter().any(|id| *id > seen && !shown.contains(id))
        })
    }

    fn check_bus(&mut self, origin: Origin, which: Which) -> Checked {
        let read = Read { origin, which, most: usize::MAX };
        let slice = self.ledger.read(read, self.now, self.sizes());
        let got: Vec<_> = slice.entries.iter().map(|entry| entry.id()).collect();
        prop_assert!(got.is_sorted());
        let (least, most) = self.model.bus(self.now, BUS_WINDOW, which);
        let above = |ids: &[MessageId], from| ids.iter().copied().filter(|id| *id > from).collect::<Vec<_>>();
        let fits = |from| {
            let (least, most) = (above(&least, from), above(&most, from));
            least.iter().all(|id| got.contains(id)) && got.iter().all(|id| most.contains(id))
        };
        let (all, most_of_all) = self.model.bus(self.now, BUS_WINDOW, Which::All);
        let ids = self.model.ids(None, Which::All);
        let is_right = match origin {
            Origin::After(id) if all.contains(&id) => fits(id),
            // Whether the bus still has it is its own affair, and the last that is gone is as good a position.
            Origin::After(id)
                if most_of_all.contains(&id)
                    || ids.iter().all(|other| *other <= id || all.contains(other)) =>
            {
                fits(id) || fits(MessageId::ZERO)
            }
            _ => fits(MessageId::ZERO),
        };
        prop_assert!(is_right, "{:?} of {:?} to {:?}", got, least, most);
        prop_assert_eq!(slice.next, self.model.last());
        if let Origin::After(seen) = origin {
            let missed = self.model.ids(None, which).iter().any(|id| *id > seen && !got.contains(id));
            prop_assert_eq!(slice.resume, if missed { Resume::Gap } else { Resume::Complete });
        }
        Ok(())
    }

    /// Everything that readers see, from every position that may still be of use.
    fn check_all(&mut self) -> Checked {
        for back in 0..30.min(self.model.ids(None, Which::All).len() + 1) {
            let origin = self.origin(back);
            for which in [Which::All, Which::Sticky] {
                for name in self.names.clone() {
                    self.check_channel(&name, origin, which)?;
                }
                self.check_bus(origin, which)?;
            }
        }
        Ok(())
    }

    /// A bus that is folded from its records is what it was: both show what the model says.
    fn restart(&mut self, kept: usize) -> Checked {
        self.check_all()?;
        // Those were durable, and nobody was told.
        let survivors = self.pending.drain(..).take(kept).map(|(_, record)| Arc::new(record));
        self.model.records.extend(survivors);
        let held = self.memory.held();
        let mut state = BusState::new(
            Incarnation::FIRST,
            &self.settings,
            &self.holdings,
            Watchers::new("b".parse().unwrap(), Epoch::from_u64(1)),
        );
        for record in &self.model.records {
            state.refold(record, self.sizes(), &self.counters);
            // What is over is not held for the rest of the fold (I-5).
            prop_assert!(state.directory().live() <= CHANNELS_MAX);
            prop_assert!(self.memory.held() <= held + room());
        }
        state.resume(Lost::NOTHING, self.now, self.sizes(), &self.counters);
        let back = state.directory().live();
        state.directory().reap_all(self.now, &self.counters);
        prop_assert_eq!(state.directory().live(), back, "a channel that is over came back");
        self.ledger = Ledger::new(state);
        self.rooms.clear();
        self.dead.clear();
        self.floors.clear();
        self.restarted = true;
        self.check_all()
    }
}
