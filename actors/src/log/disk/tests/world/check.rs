//! What a start has to find, by the book.

use std::sync::Arc;

use super::super::super::group::Group;
use super::super::super::sim::{self, Dice, Image, SimFolder};
use super::{Fate, Found, START, Sent, World, recover, writer};
use crate::clock::ManualClock;
use crate::log::{Feed, Record, Ticket, contract};
use crate::model::MessageId;

impl World {
    /// Whether a start after a crash found what it has to find, and nothing else.
    pub(in super::super) fn check(&self, found: &Found, cut: usize) {
        self.check_but(found, cut, |_| false);
    }

    /// The same, with records that may be missing at the end.
    pub(in super::super) fn check_but(&self, found: &Found, cut: usize, may_miss: impl Fn(&Sent) -> bool) {
        let mut records = found.records.iter().peekable();
        let begins = records.peek().map(|(first, _)| *first);
        let mut missing = None;
        assert!(found.begun.timeline.now() >= found.latest, "time goes back (I-11)");
        for sent in &self.book {
            let durable = matches!(sent.fate, Fate::Durable(at) if at <= cut);
            let refused = matches!(sent.fate, Fate::Refused(at) if at <= cut);
            let told = sent.told.filter(|(at, _)| *at <= cut).map(|(_, position)| position);
            match records.next_if(|(first, _)| *first == sent.first) {
                Some((first, bytes)) => {
                    assert!(!refused, "a refused POST is back: {first:?}");
                    assert!(missing.is_none(), "{first:?} is there, and one before it is not: {missing:?}");
                    assert!(*bytes == sent.bytes, "not what was posted: {first:?}");
                    assert!(found.highest >= *first && found.lost < *first);
                    assert!(told.is_none_or(|told| found.believes(told)), "a gap where nothing is missing");
                }
                None if refused => {}
                None if begins.is_none_or(|begins| sent.first < begins) && sent.kept_until <= self.now => {
                    // Its segment has expired.
                }
                None => {
                    assert!(!durable || may_miss(sent), "an answered POST is lost: {:?}", sent.first);
                    let fooled = told.is_some_and(|told| found.believes(told) && told.id > found.lost);
                    assert!(!fooled || may_miss(sent), "no gap where an answered POST is missing (I-10)");
                    missing = Some(sent.first);
                }
            }
            // Ids do not fall below any that was shown (I-1).
            assert!(!durable || may_miss(sent) || found.highest >= sent.first);
        }
        assert!(records.next().is_none(), "a record that nobody posted, or in a wrong place");
        // Neither below any that was told, also when its message is gone.
        let told = self.told.iter().rev().find(|(at, _)| *at <= cut);
        assert!(told.is_none_or(|(_, id)| found.highest >= *id), "an id is given out again");
    }

    /// The group that was written last, as far as is known to have been accepted before a crash.
    pub(in super::super) fn last_group(&self, cut: usize) -> Option<usize> {
        let durable = |sent: &&Sent| matches!(sent.fate, Fate::Durable(at) if at <= cut);
        self.book.iter().rev().find(durable).map(|sent| sent.group)
    }

    pub(in super::super) fn is_in(sent: &Sent, group: Option<usize>) -> bool {
        group.is_none_or(|group| sent.group >= group)
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
