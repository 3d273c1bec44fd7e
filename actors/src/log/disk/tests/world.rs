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
use super::super::read::Visit;
use super::super::sim::{Dice, SimFolder};
use super::super::writer::Writer;
use crate::clock::{Clock, ManualClock};
use crate::log::{
    Feed, Item, Items, Kept, Keyed, LogError, Promise, Record, RecoveryError, Ticket, Timeline, contract,
};
use crate::model::{Epoch, Fingerprint, IdempotencyKey, Message, MessageId, Moment, Position, Timestamp};
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
    bytes: Vec<u8>,
    kept_until: Moment,
    pub(super) fate: Fate,
    group: usize,
    /// The position that readers were told after it, when the disk had done so many operations.
    told: Option<(usize, Position)>,
}

pub(super) struct World {
    pub(super) folder: SimFolder,
    clock: Arc<ManualClock>,
    timeline: Timeline,
    /// The log's time: a timeline does not know how long its machine was away.
    now: Moment,
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
    pub(super) records: Vec<(MessageId, Vec<u8>)>,
    latest: Moment,
    opened: Opened,
    pub(super) begun: Begun,
}

impl Found {
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
    let (mut records, mut latest) = (Vec::new(), Moment::ZERO);
    let mut opened = {
        let mut kept = |kept: Kept| {
            let Kept::Record(record) = kept else { panic!("{kept:?}") };
            let mut bytes = Vec::new();
            encode(&record, &mut bytes).unwrap();
            latest = latest.max(record.at);
            records.push((record.first(), bytes));
        };
        let folder: Arc<dyn Folder> = Arc::new(folder.clone());
        let mut visit = Visit { kept: &mut kept, progress: &mut |_| () };
        open(&folder, SEGMENT, MessageId::first_at(START), &mut visit)?
    };
    let begun = opened.history.begin(epoch, opened.lost, clock.clone());
    Ok(Found { highest: begun.start.from, lost: opened.lost, records, latest, opened, begun })
}

fn writer(
    folder: &SimFolder,
    clock: &Arc<ManualClock>,
    found: Opened,
    begun: &Begun,
) -> (Writer, Arc<Keeper>) {
    let next = found.active.number + 1;
    let timeline = begun.timeline.clone();
    let keeper = Keeper::new(Arc::new(folder.clone()), Some(timeline.clone()), LIMITS, found.sealed, next);
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
        let items = (0..count).map(|_| Item {
            message: Message::recovered(&"m".repeat(usize::try_from(self.dice.roll(longest)).unwrap())),
            until,
            promise: Promise { sticky: self.dice.roll(2) == 0, dated: self.dice.roll(2) == 0 },
        });
        let items = Items::new(items.collect()).unwrap();
        let first = MessageId::from_u64(self.highest.as_u64() + 1 + self.dice.roll(3));
        let bus = ["a", "b", "c"][usize::try_from(self.dice.roll(3)).unwrap()];
        let mut proposal = contract::proposal(bus, &["{}"]);
        (proposal.items, proposal.at, proposal.accepted) = (items, at, self.clock.wall());
        if self.dice.roll(3) == 0 {
            let key = IdempotencyKey::new(&format!("k{}", first.as_u64()), Fingerprint([7; 32])).unwrap();
            proposal.keyed = Some(Keyed { key, until });
        }
        let record = Record::new(first, proposal).unwrap();
        self.highest = record.last();
        record
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
            let (first, kept_until) = (record.first(), record.kept_until());
            let (fate, group) = (Fate::Unknown, self.groups);
            self.book.push(Sent { first, bytes, kept_until, fate, group, told: None });
            ends.push(record.last());
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
            Ok(()) if !writer.is_dirty() => {
                // In the order of the file: all before it are durable as well.
                let unknown = self.book.iter_mut().filter(|sent| sent.fate == Fate::Unknown);
                unknown.for_each(|sent| sent.fate = Fate::Durable(ops));
            }
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

    pub(super) fn tend(&mut self) {
        self.keeper.tend();
    }

    pub(super) fn later(&mut self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
        self.now = self.timeline.now();
    }

    /// SIGTERM.
    pub(super) fn close(&mut self) -> Result<(), LogError> {
        let closed =
            self.writer.take().map_or(Err(LogError::Failed), |mut writer| writer.close(self.highest));
        if closed.is_ok() {
            let ops = self.folder.ops();
            let unknown = self.book.iter_mut().filter(|sent| sent.fate == Fate::Unknown);
            unknown.for_each(|sent| sent.fate = Fate::Durable(ops));
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
        let (writer, keeper) = writer(&self.folder, &self.clock, found.opened, &found.begun);
        (self.writer, self.keeper, self.timeline) = (Some(writer), keeper, found.begun.timeline);
        self.now = self.timeline.now();
    }

    /// A random life: groups, rest for the keeper, time that passes, orderly and disorderly restarts.
    pub(super) fn live(&mut self, steps: usize, sync: bool) {
        for _ in 0..steps {
            match self.dice.roll(16) {
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
                        self.writer.as_mut().map_or(Ok(false), Writer::roll).unwrap();
                    }
                }
                14 => {
                    self.close().unwrap();
                    self.restart();
                }
                _ => self.restart(),
            }
        }
    }
}
