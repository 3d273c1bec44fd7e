//! The messages of each bus and each channel in id order, with bounds on when the broker handled them.
//!
//! A bus handles its POSTs one after the other in id order. So whatever was begun or surely there for one of
//! them bounds its neighbours: none was handled before any with a lower id was sent, and all with lower ids
//! are there when one is.

use std::collections::HashMap;

use super::super::history::{ChannelKey, History, Nanos, Resume, Retrieval, Stamp, View, millis};
use super::catalogue::{Catalogue, Post};
use super::{Findings, Kind, Rules};

#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) id: u64,
    pub(super) stamp: Stamp,
    /// It was not handled before this. Rises along a timeline.
    pub(super) begun: Nanos,
    /// It was handled by then. Rises along a timeline.
    pub(super) known: Nanos,
    /// The oldest message since which the channel cannot have expired. Meaningless on a bus.
    pub(super) linked: usize,
    /// Between its predecessor and this the channel surely expired. Never so on a bus.
    pub(super) apart: bool,
    /// How many neighbours on the bus, up to here, were never shown side by side: messages that nobody
    /// saw can only lie between those.
    pub(super) loose: u32,
    channel: ChannelKey,
}

#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) points: Vec<Point>,
    unseen: Unseen,
}

/// Messages of unknown outcome that nobody saw: they may have pushed others out of a window.
#[derive(Debug, Default)]
struct Unseen {
    /// When their POSTs were sent, with how many messages; and when these were there if ever. In order once complete.
    sent: Vec<(Nanos, usize)>,
    until: Vec<(Nanos, usize)>,
}

impl Unseen {
    fn add(&mut self, post: &Post) {
        self.sent.push((post.start, post.size));
        self.until.push((post.until, post.size));
    }

    fn complete(&mut self) {
        for times in [&mut self.sent, &mut self.until] {
            times.sort_unstable();
            let mut sum = 0;
            for (_, count) in times {
                sum += *count;
                *count = sum;
            }
        }
    }

    /// How many may have come after a message that was begun then, and before an end.
    fn between(&self, begun: Nanos, end: Nanos) -> usize {
        let before = |times: &[(Nanos, usize)], time| {
            let count = times.partition_point(|(at, _)| *at < time);
            count.checked_sub(1).map_or(0, |last| times[last].1)
        };
        before(&self.sent, end).saturating_sub(before(&self.until, begun.min(end)))
    }
}

impl Timeline {
    /// How many messages that nobody saw may have come after the one at a place of the timeline, and before a time.
    pub(super) fn unseen(&self, place: usize, end: Nanos) -> usize {
        self.unseen.between(self.points.get(place).map_or(0, |point| point.begun), end)
    }

    /// How many points this holds for; it must hold for a first part of them.
    pub(super) fn count(&self, holds: impl Fn(&Point) -> bool) -> usize {
        self.points.partition_point(holds)
    }
}

pub(super) struct Timelines {
    buses: Vec<Timeline>,
    channels: HashMap<ChannelKey, Timeline>,
    nothing: Timeline,
}

impl Timelines {
    pub(super) fn of(
        history: &History,
        catalogue: &Catalogue,
        rules: &[Rules],
        findings: &mut Findings,
    ) -> Self {
        let mut all = Self {
            buses: rules.iter().map(|_| Timeline::default()).collect(),
            channels: HashMap::new(),
            nothing: Timeline::default(),
        };
        for post in catalogue.posts() {
            let bus = &mut all.buses[usize::from(post.channel.bus)];
            let Some(first) = post.first else {
                bus.unseen.add(post);
                all.channels.entry(post.channel).or_default().unseen.add(post);
                findings.checks.vanished += 1;
                continue;
            };
            bus.points.extend((0..post.size).map(|index| Point {
                id: first + index as u64,
                stamp: Stamp::new(post.key, index, post.size),
                begun: post.start,
                known: post.known,
                linked: 0,
                apart: false,
                loose: 0,
                channel: post.channel,
            }));
        }
        for (number, bus) in (0u8..).zip(&mut all.buses) {
            bound(bus, findings);
            let own = history.retrievals.iter().filter(|retrieval| retrieval.view == View::Bus(number));
            tighten(bus, own);
            for point in &bus.points {
                all.channels.entry(point.channel).or_default().points.push(*point);
            }
            findings.checks.messages += bus.points.len() as u64;
            bus.unseen.complete();
        }
        for (channel, timeline) in &mut all.channels {
            timeline.unseen.complete();
            link(timeline, &rules[usize::from(channel.bus)], findings);
        }
        all
    }

    /// The [`Point::loose`] of the first message of a bus that was handled after a time, or of its last.
    pub(super) fn loose_until(&self, bus: u8, time: Nanos) -> u32 {
        let bus = &self.buses[usize::from(bus)];
        let after = bus.count(|point| point.begun < time);
        bus.points.get(after).or(bus.points.last()).map_or(0, |point| point.loose)
    }

    pub(super) fn of_view(&self, view: View) -> &Timeline {
        match view {
            View::Bus(bus) => &self.buses[usize::from(bus)],
            View::Channel(channel) => self.channels.get(&channel).unwrap_or(&self.nothing),
        }
    }
}

fn bound(bus: &mut Timeline, findings: &mut Findings) {
    bus.points.sort_unstable_by_key(|point| point.id);
    for pair in bus.points.windows(2) {
        if pair[0].id == pair[1].id {
            findings.add(Kind::Twice, || {
                format!("id {:x} is that of {:?} and of {:?}", pair[0].id, pair[0].stamp, pair[1].stamp)
            });
        }
    }
    let mut begun = 0;
    for point in &mut bus.points {
        begun = point.begun.max(begun);
        point.begun = begun;
    }
    let mut known = Nanos::MAX;
    for point in bus.points.iter_mut().rev() {
        known = point.known.min(known);
        point.known = known;
    }
}

/// Marks neighbours that some retrieval of the bus showed side by side, or one as its position and the other
/// as the first message after it.
fn tighten<'a>(bus: &mut Timeline, retrievals: impl Iterator<Item = &'a Retrieval>) {
    // Retrievals that show a message with its predecessor, as differences.
    let mut tight = vec![0i32; bus.points.len() + 1];
    for Retrieval { since, answer, .. } in retrievals {
        let Some(first) = answer.shown.first() else { continue };
        let from = bus.count(|point| point.id < first.id);
        let to = (from + answer.shown.len()).min(bus.points.len());
        let follows = answer.resume == Resume::Complete
            && from.checked_sub(1).is_some_and(|at| since.id() == Some(bus.points[at].id));
        let second = if follows { from } else { from + 1 };
        if second < to {
            tight[second] += 1;
            tight[to] -= 1;
        }
    }
    let (mut together, mut loose) = (0, 0);
    for (point, difference) in bus.points.iter_mut().zip(tight) {
        together += difference;
        loose += u32::from(together == 0);
        point.loose = loose;
    }
}

fn link(channel: &mut Timeline, rules: &Rules, findings: &mut Findings) {
    let life = rules.life();
    for at in 1..channel.points.len() {
        let (before, this) = (channel.points[at - 1], channel.points[at]);
        let unbroken = this.stamp.post() == before.stamp.post()
            || millis(this.known).saturating_add(rules.early) < millis(before.begun).saturating_add(life);
        channel.points[at].linked = if unbroken { before.linked } else { at };
        let over = millis(before.known).saturating_add(life).saturating_add(rules.late + rules.kept);
        channel.points[at].apart = millis(this.begun) >= over;
        findings.checks.ended += u64::from(channel.points[at].apart);
    }
}
