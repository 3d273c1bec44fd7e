//! A log on the simulated disk, driven step by step, with a book of all that was posted and answered.

pub(super) mod check;

use std::sync::Arc;
use std::time::Duration;

use super::super::content::{Note, encode};
use super::super::file::Folder;
use super::super::group::Group;
use super::super::history::Begun;
use super::super::keeper::Keeper;
use super::super::open::{Opened, open};
use super::super::parts::Limits;
use super::super::queue::Queue;
use super::super::read::Visit;
use super::super::sim::{Dice, SimFolder};
use super::super::writer::Writer;
use crate::clock::{Clock, ManualClock};
use crate::log::{
    Feed, Incarnation, Item, Items, Kept, Keyed, LogError, Promise, Record, RecoveryError, Ticket, Timeline,
    contract,
};
use crate::model::{
    BusName, Epoch, Fingerprint, IdempotencyKey, Message, MessageId, Moment, Position, Timestamp,
};
use crate::window::Origin;

/// Small enough that segments are filled all the time.
pub(super) const SEGMENT: u64 = 3 * 1024;
const LIMITS: Limits = Limits { segment: SEGMENT, max: None };
pub(super) const START: Timestamp = Timestamp::from_millis(1_000);

/// What the poster knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing: the connection was lost, or the log failed while it was pending.
    Unknown,
    /// Accepted, when the disk had done so many operations.
    Durable(usize),
    /// Refused, when the disk had done so many operations.
    Refused(usize),
}

/// One POST in the book.
pub(super) struct Sent {
    pub(super) first: MessageId,
    record: Arc<Record>,
    bytes: Vec<u8>,
    pub(super) fate: Fate,
    group: usize,
    /// The position that readers were told after it, when the disk had done so many operations.
    told: Option<(usize, Position)>,
}

/// A bus that was closed, and that somebody else has opened since.
struct Closed {
    bus: BusName,
    next: Incarnation,
    fate: Fate,
    group: usize,
}

pub(super) struct World {
    pub(super) folder: SimFolder,
    clock: Arc<ManualClock>,
    timeline: Timeline,
    /// The log's time: a timeline does not know how long its machine was away.
    now: Moment,
    /// What it was, when the disk had done so many operations.
    times: Vec<(usize, Moment)>,
    closed: Vec<Closed>,
    epoch: Epoch,
    writer: Option<Writer>,
    keeper: Arc<Keeper>,
    pub(super) book: Vec<Sent>,
    highest: MessageId,
    groups: usize,
    /// Ids that posters were told, durable or not, when the disk had done so many operations.
    told: Vec<(usize, MessageId)>,
    dice: Dice,
}

/// What a start finds.
pub(super) struct Found {
    /// All ids that anybody has seen are at or below this one.
    pub(super) highest: MessageId,
    pub(super) lost: MessageId,
    pub(super) lost_sticky: MessageId,
    pub(super) records: Vec<(MessageId, Vec<u8>)>,
    pub(super) kept: Vec<Kept>,
    latest: Moment,
    opened: Opened,
    pub(super) begun: Begun,
}

impl Found {
    /// Whether there is something of segments that are gone.
    pub(super) fn carries(&self) -> bool {
        self.records.first().is_some_and(|(first, _)| *first <= self.lost)
    }

    /// Whether readers who come from a position of an earlier run go on there.
    pub(super) fn believes(&self, position: Position) -> bool {
        self.begun.runs.judge(position.into(), self.highest) == Origin::Newer(position.id)
    }
}

/// Starts on a clock that was set back to the beginning: no id is told by the time alone.
pub(super) fn recover(folder: &SimFolder) -> Result<Found, RecoveryError> {
    recover_at(folder, &Arc::new(ManualClock::at(START)), Epoch::from_u64(0))
}

pub(super) fn recover_at(
    folder: &SimFolder,
    clock: &Arc<ManualClock>,
    epoch: Epoch,
) -> Result<Found, RecoveryError> {
    let (mut records, mut all, mut latest) = (Vec::new(), Vec::new(), Moment::ZERO);
    let mut opened = {
        let mut kept = |kept: Kept| {
            if let Kept::Record(record) = &kept {
                let mut bytes = Vec::new();
                encode(record, &mut bytes).unwrap();
                latest = latest.max(record.at);
                records.push((record.first(), bytes));
            }
            all.push(kept);
        };
        let folder: Arc<dyn Folder> = Arc::new(folder.clone());
        let mut visit = Visit { kept: &mut kept, progress: &mut |_| () };
        open(&folder, SEGMENT, MessageId::first_at(START), &mut visit)?
    };
    let begun = opened.history.begin(epoch, opened.lost_sticky, clock.clone());
    let (highest, lost, lost_sticky) = (begun.start.from, opened.lost, opened.lost_sticky);
    Ok(Found { highest, lost, lost_sticky, records, kept: all, latest, opened, begun })
}

fn writer(
    folder: &SimFolder,
    clock: &Arc<ManualClock>,
    found: Opened,
    begun: &Begun,
) -> (Writer, Arc<Keeper>) {
    let next = found.active.number + 1;
    let timeline = begun.timeline.clone();
    let keeper = Keeper::new(Arc::new(folder.clone()), Some(timeline.clone()), LIMITS, found.stock, next);
    let keeper = Arc::new(keeper);
    let writer = Writer::new(found.active, found.history, LIMITS, Arc::clone(&keeper));
    let mut writer = writer.run(Note::Run(begun.start), timeline, clock.clone());
    writer.announce().unwrap();
    (writer, keeper)
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let (folder, clock, epoch) =
            (SimFolder::default(), Arc::new(ManualClock::at(START)), Epoch::from_u64(1));
        let found = recover_at(&folder, &clock, epoch).unwrap();
        let (writer, keeper) = writer(&folder, &clock, found.opened, &found.begun);
        Self {
            folder,
            clock,
            now: found.begun.timeline.now(),
            times: Vec::new(),
            closed: Vec::new(),
            timeline: found.begun.timeline,
            epoch,
            writer: Some(writer),
            keeper,
            book: Vec::new(),
            highest: found.highest,
            groups: 0,
            told: Vec::new(),
            dice: Dice(seed),
        }
    }

    fn record(&mut self) -> Record {
        let count = 1 + self.dice.roll(3);
        let longest = if self.dice.roll(8) == 0 { 1500 } else { 200 };
        let at = self.timeline.now();
        let until = at.after(Duration::from_millis(100));
        let promises = self.dice.roll(2) == 0;
        let items = (0..count).map(|_| {
            let message = Message::recovered(&"m".repeat(usize::try_from(self.dice.roll(longest)).unwrap()));
            let (sticky, dated) = (self.dice.roll(2) == 0, self.dice.roll(2) == 0);
            let promise = if promises { Promise { sticky, dated } } else { Promise::default() };
            let later = at.after(Duration::from_secs(1 + self.dice.roll(240)));
            Item { message, until: if promise.is_any() { later } else { until }, promise }
        });
        let items = Items::new(items.collect()).unwrap();
        let first = MessageId::from_u64(self.highest.as_u64() + 1 + self.dice.roll(3));
        let bus = ["a", "b", "c"][usize::try_from(self.dice.roll(3)).unwrap()];
        let mut proposal = contract::proposal(bus, &["{}"]);
        (proposal.items, proposal.at, proposal.accepted) = (items, at, self.clock.wall());
        proposal.incarnation = self.incarnation(&proposal.bus);
        if self.dice.roll(3) == 0 {
            let key = IdempotencyKey::new(&format!("k{}", first.as_u64()), Fingerprint([7; 32])).unwrap();
            proposal.keyed = Some(Keyed { key, until });
        }
        let record = Record::new(first, proposal).unwrap();
        self.highest = record.last();
        record
    }

    /// What a bus is since it was closed last.
    fn incarnation(&self, bus: &BusName) -> Incarnation {
        let closed = self.closed.iter().filter(|closed| closed.bus == *bus);
        let closed = closed.filter(|closed| !matches!(closed.fate, Fate::Refused(_)));
        closed.map(|closed| closed.next).max().unwrap_or(Incarnation::FIRST)
    }

    /// Closes a bus, and opens it again for somebody else.
    pub(super) fn retire(&mut self) -> Result<(), LogError> {
        let Some(mut writer) = self.writer.take() else { return Err(LogError::Failed) };
        let bus: BusName = ["a", "b", "c"][usize::try_from(self.dice.roll(3)).unwrap()].parse().unwrap();
        let next = Incarnation(self.highest);
        let mut group = Group::new();
        group.push_retired(&Note::Retired { bus: bus.clone(), next }, Box::new(|_| ())).unwrap();
        let outcome = writer.write(&mut group).and_then(|()| writer.sync());
        let ops = self.folder.ops();
        let fate = match outcome {
            Ok(()) => Fate::Durable(ops),
            Err(LogError::Full | LogError::Starved) => Fate::Refused(ops),
            Err(_) => Fate::Unknown,
        };
        if outcome.is_ok() {
            self.all_durable();
        }
        self.closed.push(Closed { bus, next, fate, group: self.groups });
        self.groups += 1;
        if outcome != Err(LogError::Failed) {
            self.writer = Some(writer);
        }
        outcome
    }

    /// All that was written is durable now.
    fn all_durable(&mut self) {
        let ops = self.folder.ops();
        // In the order of the file: all before it are durable as well.
        let unknown = self.book.iter_mut().filter(|sent| sent.fate == Fate::Unknown);
        unknown.for_each(|sent| sent.fate = Fate::Durable(ops));
    }

    /// Writes a group, and syncs it unless told otherwise.
    pub(super) fn post(&mut self, sync: bool) -> Result<(), LogError> {
        let Some(mut writer) = self.writer.take() else { return Err(LogError::Failed) };
        let (mut group, mut ends, from) = (Group::new(), Vec::new(), self.book.len());
        for _ in 0..=self.dice.roll(3) {
            let record = Arc::new(self.record());
            let mut bytes = Vec::new();
            encode(&record, &mut bytes).unwrap();
            group.push(Arc::clone(&record), Ticket(0), &Feed::new(|_| ())).unwrap();
            ends.push(record.last());
            let (first, fate, group) = (record.first(), Fate::Unknown, self.groups);
            self.book.push(Sent { first, record, bytes, fate, group, told: None });
        }
        self.groups += 1;
        let reserved = if sync { Ok(()) } else { writer.reserve(&group) };
        let outcome = reserved.and_then(|()| writer.write(&mut group));
        let outcome = outcome.and_then(|()| if sync { writer.sync() } else { Ok(()) });
        let ops = self.folder.ops();
        if outcome.is_ok() && !sync {
            self.told.push((ops, self.highest));
        }
        if outcome.is_ok() {
            for (sent, id) in self.book[from..].iter_mut().zip(ends) {
                sent.told = Some((ops, Position { id, epoch: Some(self.epoch) }));
            }
        }
        match outcome {
            Ok(()) if !writer.is_dirty() => self.all_durable(),
            Err(LogError::Full | LogError::Starved) => {
                self.book[from..].iter_mut().for_each(|sent| sent.fate = Fate::Refused(ops));
            }
            Ok(()) | Err(_) => {}
        }
        if outcome != Err(LogError::Failed) {
            self.writer = Some(writer);
        }
        outcome
    }

    /// The highest id that was given out.
    pub(super) fn highest(&self) -> MessageId {
        self.highest
    }

    /// Runs the keeper until it ends by itself, and gives what it would have had to tell.
    pub(super) fn run_keeper(&self) -> Queue {
        let queue = Queue::new(self.highest, self.timeline.clone());
        self.keeper.run(&queue);
        queue
    }

    pub(super) fn tend(&mut self) {
        _ = self.keeper.tend();
    }

    pub(super) fn later(&mut self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
        self.now = self.timeline.now();
        self.times.push((self.folder.ops(), self.now));
    }

    /// What the log's time was when the disk had done so many operations.
    fn now_at(&self, cut: usize) -> Moment {
        self.times.iter().rev().find(|(ops, _)| *ops <= cut).map_or(Moment::ZERO, |(_, now)| *now)
    }

    /// Ends the segment that is written, if it is ripe.
    pub(super) fn roll(&mut self) {
        let Some(writer) = &mut self.writer else { return };
        if writer.roll() == Ok(true) {
            self.all_durable();
        }
    }

    /// SIGTERM.
    pub(super) fn close(&mut self) -> Result<(), LogError> {
        let closed =
            self.writer.take().map_or(Err(LogError::Failed), |mut writer| writer.close(self.highest));
        if closed.is_ok() {
            self.all_durable();
        }
        closed
    }

    /// Starts again on the disk as it is, as after a kill.
    pub(super) fn restart(&mut self) {
        if self.dice.roll(3) == 0 {
            self.clock.reboot();
        }
        self.epoch = Epoch::from_u64(self.epoch.as_u64() + 1);
        let found = recover_at(&self.folder, &self.clock, self.epoch).unwrap();
        self.check(&found, self.folder.ops());
        assert!(found.begun.timeline.now() >= self.now, "time goes back (I-11)");
        self.highest = self.highest.max(found.highest);
        let ops = self.folder.ops();
        let seen: Vec<MessageId> = found.records.iter().map(|(first, _)| *first).collect();
        // What came back is shown to readers and is durable; what did not is gone for ever.
        for sent in self.book.iter_mut().filter(|sent| sent.fate == Fate::Unknown) {
            let back = seen.contains(&sent.first);
            sent.fate = if back { Fate::Durable(ops) } else { Fate::Refused(ops) };
        }
        for closed in self.closed.iter_mut().filter(|closed| closed.fate == Fate::Unknown) {
            let back = found
                .kept
                .iter()
                .any(|kept| matches!(kept, Kept::Retired { next, .. } if *next == closed.next));
            closed.fate = if back { Fate::Durable(ops) } else { Fate::Refused(ops) };
        }
        let (writer, keeper) = writer(&self.folder, &self.clock, found.opened, &found.begun);
        (self.writer, self.keeper, self.timeline) = (Some(writer), keeper, found.begun.timeline);
        self.now = self.timeline.now();
        self.times.push((ops, self.now));
    }

    /// A random life: groups, buses that are closed, rest for the keeper, time that passes, orderly and disorderly
    /// restarts.
    pub(super) fn live(&mut self, steps: usize, sync: bool) {
        for _ in 0..steps {
            match self.dice.roll(20) {
                0..10 => {
                    let sync = sync || self.dice.roll(3) == 0;
                    _ = self.post(sync);
                }
                10..13 => self.tend(),
                13 => {
                    let by = self.dice.roll(60);
                    self.later(by);
                    if self.dice.roll(3) == 0 {
                        self.later(11_000);
                        self.roll();
                    }
                }
                14..17 => {
                    let by = self.dice.roll(100_000);
                    self.later(by);
                    self.roll();
                    self.tend();
                }
                17 => _ = self.retire(),
                18 => {
                    self.close().unwrap();
                    self.restart();
                }
                _ => self.restart(),
            }
        }
    }
}
