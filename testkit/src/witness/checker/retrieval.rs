//! One answer against the timeline of its view.

use std::collections::HashSet;

use super::super::history::{Cursor, Extent, Position, Resume, Retrieval, Shown, View, millis};
use super::timeline::{Point, Timeline, Timelines};
use super::{Findings, Kind, Rules};

/// An answer, placed on its timeline.
pub(super) struct Placed<'a> {
    retrieval: &'a Retrieval,
    /// The position is of another log: a gap, however little was missed (I-10).
    foreign: bool,
    rules: &'a Rules,
    timeline: &'a Timeline,
    /// The [`Point::loose`] up to the end of the retrieval.
    loose: u32,
    shown: &'a [Shown],
    /// The part of the timeline that is shown: from, and up to, not including.
    from: usize,
    to: usize,
    /// The first message that is newer than the reader's position.
    newer: usize,
    /// How far the answer reaches by the position that it gave out.
    reaches: usize,
    /// It may have been left in the midst of what it had to show: only what lies below its last position has to be there.
    open: bool,
}

pub(super) fn check(
    retrieval: &Retrieval,
    timelines: &Timelines,
    rules: &[Rules],
    epochs: &HashSet<u64>,
    findings: &mut Findings,
) {
    let Some(placed) = Placed::on(timelines, retrieval, rules, epochs, findings) else { return };
    placed.whole_batches(findings);
    placed.rules(findings);
}

impl<'a> Placed<'a> {
    /// Places an answer, if its messages can be: their ids rise, up to its position.
    pub(super) fn on(
        timelines: &'a Timelines,
        retrieval: &'a Retrieval,
        rules: &'a [Rules],
        epochs: &HashSet<u64>,
        findings: &mut Findings,
    ) -> Option<Self> {
        let (answer, timeline) = (&retrieval.answer, timelines.of_view(retrieval.view));
        let shown = &answer.shown[..];
        findings.checks.shown += shown.len() as u64;
        if !shown.is_sorted_by(|one, other| one.id < other.id) {
            findings.add(Kind::Order, || format!("ids do not rise: {}", told(retrieval)));
            return None;
        }
        if shown.last().is_some_and(|last| last.id > answer.next.id) {
            findings.add(Kind::Order, || format!("the next position is too low: {}", told(retrieval)));
        }
        let newer = retrieval.since.id().map_or(0, |id| timeline.count(|point| point.id <= id));
        let reaches = timeline.count(|point| point.id <= answer.next.id);
        let from = shown.first().map_or(newer, |first| timeline.count(|point| point.id < first.id));
        let rules = &rules[usize::from(retrieval.view.bus())];
        let to = from + shown.len();
        let loose = timelines.loose_until(retrieval.view.bus(), retrieval.span.end);
        let foreign =
            matches!(retrieval.since, Position::Cursor(Cursor { epoch, .. }) if !epochs.contains(&epoch));
        Some(Self {
            retrieval,
            foreign,
            rules,
            timeline,
            loose,
            shown,
            from,
            to,
            newer,
            reaches,
            open: false,
        })
    }

    /// As a part of a stream.
    pub(super) fn open(self) -> Self {
        Self { open: true, ..self }
    }

    /// The rules that hold for answers and for parts of streams alike.
    pub(super) fn rules(&self, findings: &mut Findings) {
        self.one_piece(findings);
        self.position(findings);
        self.required(findings);
        self.honest(findings);
        self.not_expired(findings);
    }
}

impl Placed<'_> {
    fn is_bus(&self) -> bool {
        matches!(self.retrieval.view, View::Bus(_))
    }

    fn window(&self) -> usize {
        if self.is_bus() { self.rules.bus_window } else { self.rules.channel_window }
    }

    /// Whether all messages between two places of the timeline are shown.
    fn shows(&self, from: usize, to: usize) -> bool {
        from >= to || (!self.shown.is_empty() && self.from <= from && to <= self.to)
    }

    /// A window is one piece of its timeline and reaches up to the position that is given out.
    fn one_piece(&self, findings: &mut Findings) {
        let piece = self.timeline.points.get(self.from..self.to).unwrap_or_default();
        let same = |(point, shown): (&Point, &Shown)| point.id == shown.id && point.stamp == shown.stamp;
        if piece.len() != self.shown.len() || !piece.iter().zip(self.shown).all(same) {
            let kind = if self.is_bus() { Kind::Late } else { Kind::Views };
            let hole = piece.iter().zip(self.shown).find(|(point, shown)| point.id != shown.id);
            findings.add(kind, || format!("not shown: {hole:x?} in {}", told(self.retrieval)));
        } else if !self.shown.is_empty() && self.to < self.reaches {
            let point = self.timeline.points[self.to];
            findings.add(Kind::Late, || {
                format!("not shown, though below the next position: {point:x?} in {}", told(self.retrieval))
            });
        }
    }

    /// What the reader has, it does not get again (RET-3). By RET-4 a position that is no message of this
    /// view gets the whole window, hence a foreign id proves nothing.
    fn position(&self, findings: &mut Findings) {
        let Some(id) = self.retrieval.since.id() else { return };
        let own = self.newer.checked_sub(1).is_some_and(|at| self.timeline.points[at].id == id);
        let binds = own || matches!(self.retrieval.since, Position::Cursor(_));
        if binds && self.shown.first().is_some_and(|first| first.id <= id) {
            findings.add(Kind::Order, || format!("shown again: {}", told(self.retrieval)));
        }
    }

    /// Only a position inside a batch, or a full window, may cut one, and only at its beginning (RET-7); the end of a page may, too.
    fn whole_batches(&self, findings: &mut Findings) {
        let (Some(first), Some(last)) = (self.shown.first(), self.shown.last()) else { return };
        let position_cuts = self.retrieval.since.id() == Some(first.id.wrapping_sub(1));
        let cut = first.stamp.index() != 0 && !position_cuts && !self.may_be_full();
        let is_page = self.retrieval.answer.extent == Extent::Page;
        if cut || (!is_page && last.stamp.index() + 1 != last.stamp.size()) {
            findings.add(Kind::Batch, || {
                format!("{:?} to {:?} in {}", first.stamp, last.stamp, told(self.retrieval))
            });
        }
    }

    /// Whether the window may have been full.
    fn may_be_full(&self) -> bool {
        let (held, window) = (self.shown.len(), self.window());
        if self.retrieval.answer.extent == Extent::Window {
            return held == window;
        }
        let end = self.retrieval.span.end;
        let beyond = self.timeline.count(|point| point.begun < end).saturating_sub(self.to);
        held + beyond + self.unseen_since(self.to.saturating_sub(1)) >= window
    }

    /// How many messages that nobody saw may have come after a place of the timeline, in time for this answer.
    fn unseen_since(&self, place: usize) -> usize {
        let tight = self.timeline.points.get(place).is_some_and(|point| point.loose == self.loose);
        if tight { 0 } else { self.timeline.unseen(place, self.retrieval.span.end) }
    }

    /// The messages that must be there whenever within its span the retrieval was served: from, and up to.
    fn must_show(&self) -> (usize, usize) {
        let (points, span) = (&self.timeline.points, self.retrieval.span);
        let known = self.timeline.count(|point| point.known < span.start);
        let is_part = self.open || self.retrieval.answer.extent == Extent::Page;
        let covered = if is_part { self.reaches } else { known.max(self.reaches) };
        let Some(last) = covered.checked_sub(1).map(|at| points[at]) else { return (0, 0) };
        let end = millis(span.end) + self.rules.early;
        let pushed = self.timeline.count(|point| point.begun < span.end);
        // What nobody saw pushes others out only once the window is full.
        let unseen = self.unseen_since(pushed.saturating_sub(self.window()));
        let in_window = (pushed + unseen).saturating_sub(self.window());
        let kept = self.timeline.count(|point| millis(point.begun) + self.rules.retention <= end);
        let alive = if self.is_bus() {
            0
        } else if end < millis(last.begun) + self.rules.life() {
            last.linked
        } else {
            covered
        };
        let oldest = in_window.max(kept).max(alive);
        // What was posted after a stream had said where it stands reaches it, whatever becomes of its window.
        let later = self.timeline.count(|point| point.begun < span.end);
        (if self.open { oldest.min(later) } else { oldest }, covered)
    }

    fn required(&self, findings: &mut Findings) {
        let (oldest, to) = self.must_show();
        let from = oldest.max(self.newer);
        let count = if self.is_bus() {
            &mut findings.checks.required_on_bus
        } else {
            &mut findings.checks.required_on_channels
        };
        *count += to.saturating_sub(from) as u64;
        if !self.shows(from, to) {
            let (first, last) = (self.timeline.points[from], self.timeline.points[to - 1]);
            findings.add(Kind::Missing, || {
                format!("{first:x?} to {last:x?} must be in {}", told(self.retrieval))
            });
        }
        let own = self.newer.checked_sub(1).filter(|at| {
            oldest <= *at && *at < to && Some(self.timeline.points[*at].id) == self.retrieval.since.id()
        });
        if own.is_some() && !matches!(self.retrieval.answer.resume, Resume::Complete | Resume::Unsure) {
            findings
                .add(Kind::FalseAlarm, || format!("the position is in the window: {}", told(self.retrieval)));
        }
    }

    /// What the answer says about itself is true.
    fn honest(&self, findings: &mut Findings) {
        let resume = self.retrieval.answer.resume;
        match (self.retrieval.since, resume) {
            (Position::Start, Resume::Complete) | (Position::Garbage, Resume::Reset) => {}
            (Position::Start | Position::Garbage, _) | (_, Resume::Reset) => {
                findings.add(Kind::FalseAlarm, || told(self.retrieval));
            }
            (_, Resume::Complete) if self.foreign => {
                findings.add(Kind::Silent, || format!("nobody can vouch for {}", told(self.retrieval)));
            }
            (_, Resume::Gap) if self.foreign => findings.checks.foreign += 1,
            (_, Resume::Complete) => {
                findings.checks.complete += 1;
                findings.checks.complete_with_messages += u64::from(!self.shown.is_empty());
                if !self.shows(self.newer, self.reaches.max(self.to)) {
                    let lost = self.timeline.points[self.newer];
                    findings.add(Kind::Silent, || format!("{lost:x?} is lost in {}", told(self.retrieval)));
                }
            }
            (_, Resume::Unsure) => findings.checks.gaps += 1,
            (_, Resume::Gap) => {
                findings.checks.gaps += 1;
                // A channel may say so too often; a bus knows what it lost.
                let unseen = self.unseen_since(self.newer.saturating_sub(1));
                if self.is_bus() && unseen == 0 && self.shows(self.newer, self.reaches) {
                    findings.add(Kind::FalseAlarm, || format!("nothing was lost: {}", told(self.retrieval)));
                }
            }
        }
    }

    /// The last message of the life that is shown. What was left in the midst of a life may show less of it than there was.
    fn kept_alive_by(&self) -> Option<&Point> {
        let (points, mut last) = (&self.timeline.points, self.to.checked_sub(1)?);
        while self.open
            && points.get(last + 1).is_some_and(|next| next.begun < self.retrieval.span.end && !next.apart)
        {
            last += 1;
        }
        points.get(last)
    }

    /// What expired before the retrieval began is not shown, nor what came before and after an expiry together
    /// (RET-8, RET-9).
    fn not_expired(&self, findings: &mut Findings) {
        let Some(piece) = self.timeline.points.get(self.from..self.to) else { return };
        let (Some(first), Some(last)) = (piece.first(), self.kept_alive_by()) else { return };
        let start = millis(self.retrieval.span.start).saturating_sub(self.rules.late);
        let start_of_channel = start.saturating_sub(self.rules.kept);
        let kept = start < millis(first.known).saturating_add(self.rules.retention);
        let alive = self.is_bus() || start_of_channel < millis(last.known).saturating_add(self.rules.life());
        // A stream goes on over it.
        let together = self.open || !piece[1..].iter().any(|point| point.apart);
        if !kept || !alive || !together {
            findings.add(Kind::Returned, || {
                format!("{first:x?} to {last:x?} had expired, or some of it, before {}", told(self.retrieval))
            });
        }
    }
}

/// An answer in few words, however long it is.
pub(super) fn told(retrieval: &Retrieval) -> String {
    let Retrieval { view, since, span, answer } = retrieval;
    let ends = (answer.shown.first(), answer.shown.last(), answer.shown.len());
    format!(
        "{view:?} since {since:x?} during {span:?}: {:?} {ends:x?} next {:x}",
        answer.resume, answer.next.id
    )
}
