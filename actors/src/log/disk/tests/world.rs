//! A log on the simulated disk, driven step by step, with a book of all that was posted and answered.

use std::sync::Arc;
use std::time::Duration;

use super::super::file::Folder;
use super::super::keeper::Keeper;
use super::super::open::{Opened, Visit, open};
use super::super::record::encode;
use super::super::sim::{Dice, Image, SimFolder, again};
use super::super::writer::{Group, Writer};
use crate::log::{Extent, LogError, Notify, Outcome, Record, Recovered, RecoveryError};
use crate::{Clock, Fingerprint, IdempotencyKey, ManualClock, Message, MessageId, Timestamp};

/// Small enough that segments are filled all the time.
pub(super) const SEGMENT: u64 = 3 * 1024;
const START: Timestamp = Timestamp::from_millis(1_000);

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
    kept_until: Timestamp,
    pub(super) fate: Fate,
    group: usize,
}

pub(super) struct World {
    pub(super) folder: SimFolder,
    clock: Arc<ManualClock>,
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
    pub(super) extent: Extent,
    pub(super) records: Vec<(MessageId, Vec<u8>)>,
    opened: Opened,
}

pub(super) fn recover(folder: &SimFolder) -> Result<Found, RecoveryError> {
    let mut records = Vec::new();
    let opened = {
        let mut record = |recovered: Recovered| {
            let mut bytes = Vec::new();
            let first = recovered.first;
            encode(&again(recovered), &mut bytes).unwrap();
            records.push((first, bytes));
        };
        let folder: Arc<dyn Folder> = Arc::new(folder.clone());
        let mut visit = Visit { record: &mut record, progress: &mut |_| () };
        open(&folder, SEGMENT, MessageId::first_at(START), &mut visit)?
    };
    Ok(Found { extent: opened.extent, records, opened })
}

fn keeper(folder: &SimFolder, clock: &Arc<ManualClock>, found: Opened) -> (Writer, Arc<Keeper>) {
    let next = found.active.number + 1;
    let clock: Arc<dyn Clock> = clock.clone();
    let keeper = Arc::new(Keeper::new(Arc::new(folder.clone()), clock, SEGMENT, found.sealed, next));
    let (written, floor) = (found.written, found.extent.highest);
    (Writer::new(found.active, written, floor, SEGMENT, Arc::clone(&keeper)), keeper)
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
        let found = recover(&folder).unwrap();
        let highest = found.extent.highest;
        let (writer, keeper) = keeper(&folder, &clock, found.opened);
        let (book, dice) = (Vec::new(), Dice(seed));
        Self { folder, clock, writer: Some(writer), keeper, book, highest, groups: 0, told: Vec::new(), dice }
    }

    fn record(&mut self) -> Record {
        let count = 1 + self.dice.roll(3);
        let longest = if self.dice.roll(8) == 0 { 1500 } else { 200 };
        let messages = (0..count)
            .map(|_| Message::recovered(&"m".repeat(usize::try_from(self.dice.roll(longest)).unwrap())))
            .collect();
        let (first, accepted) =
            (MessageId::from_u64(self.highest.as_u64() + 1 + self.dice.roll(3)), self.clock.now());
        let key = (self.dice.roll(3) == 0)
            .then(|| IdempotencyKey::new(&format!("k{}", first.as_u64()), Fingerprint([7; 32])).unwrap());
        let until = accepted.after(Duration::from_millis(100));
        let recovered = Recovered {
            bus: ["a", "b", "c"][usize::try_from(self.dice.roll(3)).unwrap()].parse().unwrap(),
            channel: "c".parse().unwrap(),
            first,
            messages,
            accepted,
            until,
            key,
            kept_until: until,
        };
        self.highest = recovered.last();
        again(recovered)
    }

    /// Writes a group, and syncs it unless told otherwise.
    pub(super) fn post(&mut self, sync: bool) -> Result<(), LogError> {
        let Some(mut writer) = self.writer.take() else { return Err(LogError::Failed) };
        let (mut group, from) = (Group::new(), self.book.len());
        for _ in 0..=self.dice.roll(3) {
            let record = self.record();
            let mut bytes = Vec::new();
            encode(&record, &mut bytes).unwrap();
            group.push(&record, &Notify::new(|_: Outcome| ())).unwrap();
            let first = record.entries[0].id();
            let kept_until = record.kept_until;
            self.book.push(Sent { first, bytes, kept_until, fate: Fate::Unknown, group: self.groups });
        }
        self.groups += 1;
        let reserved = if sync { Ok(()) } else { writer.reserve(&group) };
        let outcome = reserved.and_then(|()| writer.write(&mut group));
        let outcome = outcome.and_then(|()| if sync { writer.sync() } else { Ok(()) });
        let ops = self.folder.ops();
        if outcome.is_ok() && !sync {
            self.told.push((ops, self.highest));
        }
        match outcome {
            Ok(()) if !writer.is_dirty() => {
                // In the order of the file: all before it are durable as well.
                let unknown = self.book.iter_mut().filter(|sent| sent.fate == Fate::Unknown);
                unknown.for_each(|sent| sent.fate = Fate::Durable(ops));
            }
            Err(LogError::Full) => {
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
    }

    /// SIGTERM.
    pub(super) fn close(&mut self) -> Result<(), LogError> {
        let closed = self.writer.take().map_or(Err(LogError::Failed), |mut writer| writer.close());
        if closed.is_ok() {
            let ops = self.folder.ops();
            let unknown = self.book.iter_mut().filter(|sent| sent.fate == Fate::Unknown);
            unknown.for_each(|sent| sent.fate = Fate::Durable(ops));
        }
        closed
    }

    /// Starts again on the disk as it is, as after a kill.
    pub(super) fn restart(&mut self) {
        let found = recover(&self.folder).unwrap();
        self.check(&found, self.folder.ops());
        self.highest = self.highest.max(found.extent.highest);
        let ops = self.folder.ops();
        let seen: Vec<MessageId> = found.records.iter().map(|(first, _)| *first).collect();
        // What came back is shown to readers and is durable; what did not is gone for ever.
        for sent in self.book.iter_mut().filter(|sent| sent.fate == Fate::Unknown) {
            let back = seen.contains(&sent.first);
            sent.fate = if back { Fate::Durable(ops) } else { Fate::Refused(ops) };
        }
        let (writer, keeper) = keeper(&self.folder, &self.clock, found.opened);
        (self.writer, self.keeper) = (Some(writer), keeper);
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
                }
                14 => {
                    self.close().unwrap();
                    self.restart();
                }
                _ => self.restart(),
            }
        }
    }

    /// Whether a start after a crash found what it has to find, and nothing else.
    pub(super) fn check(&self, found: &Found, cut: usize) {
        self.check_but(found, cut, |_| false);
    }

    /// The same, with records that may be missing at the end.
    pub(super) fn check_but(&self, found: &Found, cut: usize, may_miss: impl Fn(&Sent) -> bool) {
        let mut records = found.records.iter().peekable();
        let begins = records.peek().map(|(first, _)| *first);
        let mut missing = None;
        for sent in &self.book {
            let durable = matches!(sent.fate, Fate::Durable(at) if at <= cut);
            let refused = matches!(sent.fate, Fate::Refused(at) if at <= cut);
            match records.next_if(|(first, _)| *first == sent.first) {
                Some((first, bytes)) => {
                    assert!(!refused, "a refused POST is back: {first:?}");
                    assert!(missing.is_none(), "{first:?} is there, and one before it is not: {missing:?}");
                    assert!(*bytes == sent.bytes, "not what was posted: {first:?}");
                    assert!(found.extent.highest >= *first && found.extent.lost < *first);
                }
                None if refused => {}
                None if begins.is_none_or(|begins| sent.first < begins)
                    && sent.kept_until <= self.clock.now() =>
                {
                    // Its segment has expired.
                }
                None => {
                    assert!(!durable || may_miss(sent), "an answered POST is lost: {:?}", sent.first);
                    missing = Some(sent.first);
                }
            }
            // Ids do not fall below any that was shown (I-1).
            assert!(!durable || may_miss(sent) || found.extent.highest >= sent.first);
        }
        assert!(records.next().is_none(), "a record that nobody posted, or in a wrong place");
        // Neither below any that was told, also when its message is gone.
        let told = self.told.iter().rev().find(|(at, _)| *at <= cut);
        assert!(told.is_none_or(|(_, id)| found.extent.highest >= *id), "an id is given out again");
    }

    /// The group that was written last, as far as is known to have been accepted before a crash.
    pub(super) fn last_group(&self, cut: usize) -> Option<usize> {
        let durable = |sent: &&Sent| matches!(sent.fate, Fate::Durable(at) if at <= cut);
        self.book.iter().rev().find(durable).map(|sent| sent.group)
    }

    pub(super) fn is_in(sent: &Sent, group: Option<usize>) -> bool {
        group.is_none_or(|group| sent.group >= group)
    }
}

/// A start on a crashed disk, one POST, a crash that keeps only what is durable, another start.
pub(super) fn goes_on(image: &Image, dice: &mut Dice) {
    let folder = SimFolder::of(image);
    let found = recover(&folder).unwrap();
    let before: Vec<_> = found.records.clone();
    let (highest, lost) = (found.extent.highest, found.extent.lost);
    let clock = Arc::new(ManualClock::at(START));
    let (mut writer, _keeper) = keeper(&folder, &clock, found.opened);
    let recovered = Recovered {
        bus: "a".parse().unwrap(),
        channel: "c".parse().unwrap(),
        first: MessageId::from_u64(highest.as_u64() + 1),
        messages: vec![Message::recovered("new")],
        accepted: START,
        until: START,
        key: None,
        kept_until: START,
    };
    let mut group = Group::new();
    group.push(&again(recovered), &Notify::new(|_: Outcome| ())).unwrap();
    writer.write(&mut group).unwrap();
    writer.sync().unwrap();
    let nothing = super::super::sim::Fate { kept: 0, torn: false };
    let image = folder.crash(folder.ops(), nothing, dice);
    let found = recover(&SimFolder::of(&image)).unwrap();
    let (new, old) = found.records.split_last().unwrap();
    assert!(old == before, "what a start has shown stays");
    assert_eq!(new.0, MessageId::from_u64(highest.as_u64() + 1));
    assert_eq!((found.extent.highest, found.extent.lost), (new.0, lost));
}
