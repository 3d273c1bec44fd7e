//! What a start has to find, by the book.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::super::content::encode;
use super::super::super::group::Group;
use super::super::super::sim::{self, Dice, Image, SimFolder};
use super::{Fate, Found, START, Sent, World, recover, writer};
use crate::clock::ManualClock;
use crate::log::{Feed, Incarnation, Kept, Record, Ticket, contract};
use crate::model::{BusName, MessageId, Moment};

impl World {
    /// Whether a start after a crash found what it has to find, and nothing else.
    pub(in super::super) fn check(&self, found: &Found, cut: usize) {
        self.check_but(found, cut, |_| false);
    }

    /// The same, with groups that may be missing at the end.
    pub(in super::super) fn check_but(&self, found: &Found, cut: usize, may_miss: impl Fn(usize) -> bool) {
        let mut records = found.kept.iter().filter_map(record_of).peekable();
        let mut missing = None;
        let now = self.now_at(cut);
        assert!(found.begun.timeline.now() >= found.latest, "time goes back (I-11)");
        assert!(found.lost_sticky <= found.lost);
        for sent in &self.book {
            let durable = matches!(sent.fate, Fate::Durable(at) if at <= cut);
            let refused = matches!(sent.fate, Fate::Refused(at) if at <= cut);
            let told = sent.told.filter(|(at, _)| *at <= cut).map(|(_, position)| position);
            let mut parts = Vec::new();
            while let Some(part) = records.next_if(|part| part.first() <= sent.record.last()) {
                parts.push(part);
            }
            assert!(!refused || parts.is_empty(), "a refused POST is back: {:?}", sent.first);
            if refused {
                continue;
            }
            if sent.first <= found.lost {
                // Its segment is gone.
                if durable && !may_miss(sent.group) {
                    self.check_gone(sent, &parts, found, now, cut);
                }
                continue;
            }
            if let [whole] = &parts[..] {
                assert!(missing.is_none(), "{sent:?} is there, and one before it is not: {missing:?}");
                let mut bytes = Vec::new();
                encode(whole, &mut bytes).unwrap();
                assert!(bytes == sent.bytes, "not what was posted: {sent:?}");
                assert!(found.highest >= sent.first);
                assert!(told.is_none_or(|told| found.believes(told)), "a gap where nothing is missing");
            } else {
                assert!(parts.is_empty(), "{sent:?} is there in parts");
                assert!(!durable || may_miss(sent.group), "an answered POST is lost: {sent:?}");
                let fooled = told.is_some_and(|told| found.believes(told) && told.id > found.lost);
                assert!(!fooled || may_miss(sent.group), "no gap where an answered POST is missing (I-10)");
                missing = Some(sent.first);
            }
            // Ids do not fall below any that was shown (I-1).
            assert!(!durable || may_miss(sent.group) || found.highest >= sent.first);
        }
        assert!(records.next().is_none(), "a record that nobody posted, or in a wrong place");
        // Neither below any that was told, also when its message is gone.
        let told = self.told.iter().rev().find(|(at, _)| *at <= cut);
        assert!(told.is_none_or(|(_, id)| found.highest >= *id), "an id is given out again");
        self.check_closed(found, cut, may_miss);
    }

    /// Of a record whose segment is gone everything is there that was promised and lives, and nothing else was needed.
    fn check_gone(&self, sent: &Sent, parts: &[&Record], found: &Found, now: Moment, cut: usize) {
        let former = self.may_be_former(&sent.record, cut);
        let there: Vec<_> = parts.iter().flat_map(|part| part.numbered()).collect();
        for (id, item) in sent.record.numbered() {
            let is_there = there.iter().any(|(there, is)| *there == id && *is == item);
            let lives = item.until > now && !former;
            assert!(is_there || !lives, "{id:?} of {sent:?} was removed too early, at {now:?}");
            let told = id <= found.lost_sticky || !item.promise.sticky;
            assert!(is_there || told, "a sticky message is lost without a word: {id:?} of {sent:?}");
            let promised = item.promise.is_any();
            assert!(!is_there || promised, "{id:?} of {sent:?} was carried without a promise");
        }
        let ours = there.iter().all(|(id, _)| (sent.first..=sent.record.last()).contains(id));
        assert!(
            ours && there.is_sorted_by_key(|(id, _)| *id),
            "what was carried is what was posted, in order"
        );
        assert!(parts.iter().all(|part| part.keyed.is_none() && part.incarnation == sent.record.incarnation));
        let key_lives = sent.record.keyed.as_ref().is_some_and(|keyed| keyed.until > now);
        assert!(!key_lives || former, "a key was removed too early");
    }

    /// Whether the bus of a record is closed since, as far as anybody can tell after a crash.
    fn may_be_former(&self, record: &Record, cut: usize) -> bool {
        let refused = |fate| matches!(fate, Fate::Refused(at) if at <= cut);
        let later = |closed: &&super::Closed| closed.bus == record.bus && closed.next > record.incarnation;
        self.closed.iter().filter(later).any(|closed| !refused(closed.fate))
    }

    /// Nothing of a bus that was closed is shown to whoever has the name now.
    fn check_closed(&self, found: &Found, cut: usize, may_miss: impl Fn(usize) -> bool) {
        let mut shown: HashMap<&BusName, (Incarnation, Vec<MessageId>)> = HashMap::new();
        for kept in &found.kept {
            let (bus, next) = match kept {
                Kept::Record(record) => (&record.bus, record.incarnation),
                Kept::Retired { bus, next } => (bus, *next),
            };
            // As a bus folds it.
            let (incarnation, ids) = shown.entry(bus).or_insert((Incarnation::FIRST, Vec::new()));
            if next > *incarnation {
                (*incarnation, *ids) = (next, Vec::new());
            }
            if let Kept::Record(record) = kept
                && record.incarnation == *incarnation
            {
                ids.extend(record.numbered().map(|(id, _)| id));
            }
        }
        let durable = |fate| matches!(fate, Fate::Durable(at) if at <= cut);
        let is_sure = |closed: &&super::Closed| durable(closed.fate) && !may_miss(closed.group);
        for closed in self.closed.iter().filter(is_sure) {
            let former =
                shown.get(&closed.bus).is_some_and(|(_, ids)| ids.iter().any(|id| *id <= closed.next.0));
            assert!(!former, "what {} was before is back", closed.bus);
        }
    }

    /// The group that was written last, as far as is known to have been accepted before a crash.
    pub(in super::super) fn last_group(&self, cut: usize) -> Option<usize> {
        let posted = self.book.iter().map(|sent| (sent.fate, sent.group));
        let all = posted.chain(self.closed.iter().map(|closed| (closed.fate, closed.group)));
        let durable = |(fate, _): &(Fate, usize)| matches!(fate, Fate::Durable(at) if *at <= cut);
        all.filter(durable).map(|(_, group)| group).max()
    }
}

fn record_of(kept: &Kept) -> Option<&Record> {
    match kept {
        Kept::Record(record) => Some(record),
        Kept::Retired { .. } => None,
    }
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let items: Vec<_> = self.record.items.iter().map(|item| (item.until, item.promise)).collect();
        write!(f, "{:?} of {} {items:?}", self.first, self.record.bus)
    }
}

/// A start on a crashed disk, one POST, a crash that keeps only what is durable, another start.
pub(in super::super) fn goes_on(image: &Image, dice: &mut Dice) {
    let folder = SimFolder::of(image);
    let found = recover(&folder).unwrap();
    let before: Vec<_> = found.records.clone();
    let (highest, lost) = (found.highest, found.lost);
    let clock = Arc::new(ManualClock::at(START));
    let (mut pen, _keeper) = writer(&folder, &clock, found.opened, &found.begun);
    let mut group = Group::new();
    let new = MessageId::from_u64(highest.as_u64() + 1);
    let record = Record::new(new, contract::proposal("a", &["{}"])).unwrap();
    group.push(Arc::new(record), Ticket(0), &Feed::new(|_| ())).unwrap();
    pen.write(&mut group).unwrap();
    pen.sync().unwrap();
    let nothing = sim::Fate { kept: 0, torn: false };
    let image = folder.crash(folder.ops(), nothing, dice);
    let found = recover(&SimFolder::of(&image)).unwrap();
    let ((newest, _), old) = found.records.split_last().unwrap();
    assert!(old == before, "what a start has shown stays");
    assert_eq!(*newest, new);
    assert_eq!((found.highest, found.lost), (new, lost));
}
