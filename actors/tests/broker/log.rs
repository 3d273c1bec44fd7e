//! A log for tests: it keeps its records in memory over restarts of the broker, and does what a test tells it to.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use backplane_actors::log::{
    Anchor, Commit, Done, Extent, Feed, Incarnation, Kept, Log, LogError, LogHealth, LogState, Outcome,
    Proposal, Proposed, Record, RecoveryError, Run, Runs, Sequencer, Ticket, Timeline,
};
use backplane_actors::{BusName, Clock, Epoch, MessageId, Timestamp};

/// When a proposal is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Pace {
    /// When it is proposed.
    #[default]
    AtOnce,
    /// After the flush, told from another thread.
    Flushed,
    /// When the test says so.
    Told,
}

/// All clones are one log.
#[derive(Clone, Default)]
pub(crate) struct Recorder {
    state: Arc<Mutex<State>>,
    /// Held from the choice of what is told until it is told: each bus hears in order.
    telling: Arc<Mutex<()>>,
}

#[derive(Default)]
struct State {
    kept: Vec<Line>,
    pending: VecDeque<Pending>,
    /// The feed that each bus used last.
    feeds: HashMap<BusName, Feed>,
    sequencer: Option<Sequencer>,
    clock: Option<Timeline>,
    run: Option<(Epoch, MessageId)>,
    past: Vec<Run>,
    /// Messages up to here may have existed and are not kept.
    lost: Option<MessageId>,
    /// Records of the present run up to here were lost.
    torn: Option<MessageId>,
    pace: Pace,
    refusal: Option<LogError>,
    retire_refusal: Option<LogError>,
    flushes: usize,
    closed: bool,
}

/// What is kept.
#[derive(Clone)]
enum Line {
    Record(Arc<Record>),
    Retired(BusName, Incarnation),
}

struct Pending {
    record: Arc<Record>,
    ticket: Ticket,
    feed: Feed,
}

impl Recorder {
    /// A log of this pace.
    pub(crate) fn paced(pace: Pace) -> Self {
        let log = Self::default();
        log.state().pace = pace;
        log
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn set_pace(&self, pace: Pace) {
        self.state().pace = pace;
    }

    /// Proposals that are not committed yet.
    pub(crate) fn pending(&self) -> usize {
        self.state().pending.len()
    }

    pub(crate) fn flushes(&self) -> usize {
        self.state().flushes
    }

    /// The record that was kept last.
    pub(crate) fn last(&self) -> Arc<Record> {
        let last = self.state().kept.iter().rev().find_map(|line| match line {
            Line::Record(record) => Some(Arc::clone(record)),
            Line::Retired(..) => None,
        });
        last.unwrap()
    }

    /// Refuses proposals from now on, or takes them again.
    pub(crate) fn refuse(&self, error: Option<LogError>) {
        self.state().refusal = error;
    }

    /// Refuses to note that a bus is gone, or does so again.
    pub(crate) fn refuse_retire(&self, error: Option<LogError>) {
        self.state().retire_refusal = error;
    }

    /// Commits the oldest pending proposals, those of one bus as one group.
    pub(crate) fn commit(&self, most: usize) {
        self.commit_up_to(most, MessageId::from_u64(u64::MAX));
    }

    fn commit_up_to(&self, most: usize, last: MessageId) {
        let _telling = self.telling.lock().unwrap();
        let mut groups: Vec<(Feed, Vec<Commit>)> = Vec::new();
        let mut state = self.state();
        let count =
            state.pending.iter().take(most).take_while(|pending| pending.record.last() <= last).count();
        for Pending { record, ticket, feed } in state.pending.drain(..count).collect::<Vec<_>>() {
            state.kept.push(Line::Record(Arc::clone(&record)));
            let commit = Commit { record, ticket: Some(ticket) };
            match groups.last_mut().filter(|(last, _)| last.id() == feed.id()) {
                Some((_, commits)) => commits.push(commit),
                None => groups.push((feed, vec![commit])),
            }
        }
        drop(state);
        for (feed, commits) in groups {
            feed.tell(Outcome::Committed(commits));
        }
    }

    /// Commits all that is pending.
    pub(crate) fn commit_all(&self) {
        self.commit(usize::MAX);
    }

    /// Refuses the n-th pending proposal.
    pub(crate) fn refuse_pending(&self, n: usize, error: LogError) {
        let Pending { ticket, feed, .. } = self.state().pending.remove(n).unwrap();
        feed.tell(Outcome::Refused { tickets: vec![ticket], error });
    }

    /// The process is killed: of what is pending so many are kept and nobody is told.
    pub(crate) fn kill(&self, kept: usize) {
        let mut state = self.state();
        let survivors: Vec<_> = state.pending.drain(..).take(kept).map(|pending| pending.record).collect();
        state.kept.extend(survivors.into_iter().map(Line::Record));
    }

    /// A power loss takes the last records, though they were told.
    pub(crate) fn lose_tail(&self, records: usize) {
        let mut state = self.state();
        let left = state.kept.len() - records;
        state.kept.truncate(left);
        let from = state.run.unwrap().1;
        let last = state.kept.iter().rev().find_map(|line| match line {
            Line::Record(record) => Some(record.last()),
            Line::Retired(..) => None,
        });
        state.torn = Some(last.unwrap_or(from).max(from));
    }

    /// Hands over a record that somebody else proposed.
    pub(crate) fn post_elsewhere(&self, proposal: Proposal) -> Arc<Record> {
        let _telling = self.telling.lock().unwrap();
        let mut state = self.state();
        let record = Arc::new(state.number(proposal).unwrap());
        state.kept.push(Line::Record(Arc::clone(&record)));
        let commit = Commit { record: Arc::clone(&record), ticket: None };
        // Before anybody is told that it is issued.
        state.feeds[&record.bus].tell(Outcome::Committed(vec![commit]));
        record
    }

    /// Tells a bus that messages up to here may be gone.
    pub(crate) fn tell_lost(&self, bus: &BusName, id: MessageId) {
        let feed = self.state().feeds[bus].clone();
        feed.tell(Outcome::Lost(id));
    }
}

impl State {
    fn number(&mut self, proposal: Proposal) -> Result<Record, LogError> {
        let (sequencer, clock) = (self.sequencer.as_mut().unwrap(), self.clock.as_ref().unwrap());
        let first = sequencer.take(proposal.ids().unwrap(), clock.wall()).ok_or(LogError::NoMoreIds)?;
        Record::new(first, proposal).map_err(|_| LogError::NoMoreIds)
    }

    /// Notes how far the run that is over can be vouched for.
    fn end_run(&mut self) {
        if let (Some((epoch, from)), Some(sequencer)) = (self.run.take(), &self.sequencer) {
            let (torn, highest) = (self.torn.take(), sequencer.highest());
            if torn.is_some() {
                self.lost = Some(highest);
            }
            self.past.push(Run { epoch, from, up_to: torn.unwrap_or(highest) });
        }
    }

    fn timeline(&self, clock: &Arc<dyn Clock>) -> Timeline {
        let anchor: Option<Anchor> = self.clock.as_ref().map(Timeline::anchor);
        anchor.map_or_else(
            || Timeline::fresh(Arc::clone(clock)),
            |anchor| {
                let last = self.kept.iter().rev().find_map(|line| match line {
                    Line::Record(record) => Some((record.at, record.accepted)),
                    Line::Retired(..) => None,
                });
                let (last, wall): (_, Timestamp) = last.unwrap_or((anchor.moment, anchor.wall));
                Timeline::resume(Arc::clone(clock), anchor, last, wall)
            },
        )
    }
}

impl Log for Recorder {
    fn recover(
        &mut self,
        clock: &Arc<dyn Clock>,
        epoch: Epoch,
        visit: &mut dyn FnMut(Kept),
    ) -> Result<Extent, RecoveryError> {
        let mut state = self.state();
        state.end_run();
        state.pending.clear();
        state.feeds.clear();
        state.closed = false;
        let timeline = state.timeline(clock);
        if state.sequencer.is_none() {
            // Nothing is known of what was before.
            let born = MessageId::first_at(timeline.wall());
            (state.lost, state.sequencer) = (Some(born), Some(Sequencer::after(born)));
        }
        let highest = state.sequencer.as_ref().unwrap().highest();
        state.run = Some((epoch, highest));
        state.clock = Some(timeline.clone());
        for line in &state.kept {
            visit(match line {
                Line::Record(record) => Kept::Record(Record::clone(record)),
                Line::Retired(bus, next) => Kept::Retired { bus: bus.clone(), next: *next },
            });
        }
        let runs = Runs::new(state.past.clone(), epoch, highest);
        Ok(Extent { highest, lost: state.lost.unwrap(), lost_sticky: state.lost.unwrap(), runs, timeline })
    }

    fn propose(&self, proposal: Proposal, ticket: Ticket, feed: &Feed) -> Result<Proposed, LogError> {
        let mut state = self.state();
        if state.closed {
            return Err(LogError::Closed);
        }
        if let Some(error) = state.refusal {
            return Err(error);
        }
        state.feeds.insert(proposal.bus.clone(), feed.clone());
        let record = Arc::new(state.number(proposal)?);
        if state.pace == Pace::AtOnce && state.pending.is_empty() {
            state.kept.push(Line::Record(Arc::clone(&record)));
            return Ok(Proposed::Committed(record));
        }
        state.pending.push_back(Pending { record, ticket, feed: feed.clone() });
        Ok(Proposed::Pending)
    }

    fn flush(&self) {
        let mut state = self.state();
        state.flushes += 1;
        if state.pace != Pace::Told
            && let Some(last) = state.pending.back().map(|pending| pending.record.last())
        {
            let log = self.clone();
            thread::spawn(move || log.commit_up_to(usize::MAX, last));
        }
    }

    fn issued(&self) -> MessageId {
        self.state().sequencer.as_ref().unwrap().highest()
    }

    fn retire(&self, bus: &BusName, done: Done) -> Result<Incarnation, LogError> {
        let mut state = self.state();
        if let Some(error) = state.retire_refusal {
            return Err(error);
        }
        assert!(state.pending.iter().all(|pending| &pending.record.bus != bus), "nothing of it is pending");
        let next = Incarnation(state.sequencer.as_ref().unwrap().highest());
        state.kept.push(Line::Retired(bus.clone(), next));
        drop(state);
        done(Ok(()));
        Ok(next)
    }

    fn health(&self) -> LogHealth {
        LogHealth::in_memory(if self.state().closed { LogState::Closed } else { LogState::Open })
    }

    fn close(&self) {
        self.state().closed = true;
        self.commit_all();
    }
}
