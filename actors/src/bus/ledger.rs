//! What a bus does with POSTs: admission, order, waiting for the log, and making visible.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::Addr;
use futures::channel::oneshot;

use super::recovery::Restored;
use super::waiting::{Seat, Waiting, seat};
use crate::cell::BusCell;
use crate::channel::Channel;
use crate::directory::StartChannel;
use crate::idempotency::{Answers, Known};
use crate::log::{Appended, LogError, Notify, Outcome, Record};
use crate::memory::CHANNEL_OVERHEAD;
use crate::{
    ChannelName, Entry, IdempotencyKey, MessageId, Page, PostError, Posted, Posting, Since, Timestamp, Window,
};

/// Messages that may wait in a channel's mailbox before its readers wait instead.
const CHANNEL_MAILBOX: usize = 16;

pub(super) type Answer = Result<Posted, PostError>;

/// The answer to a POST: known, or to come once its record is durable.
pub(super) enum Reply {
    Now(Answer),
    Later(Seat),
}

/// The state of a bus. It is driven by the Bus actor alone, one call after the other.
pub(super) struct Ledger {
    cell: Arc<BusCell>,
    window: Window,
    answers: Answers,
    /// Logged, not yet durable, in id order.
    pending: VecDeque<Pending>,
    draining: Vec<oneshot::Sender<()>>,
    notify: Notify,
}

struct Pending {
    record: Arc<Record>,
    posted: Posted,
    /// The poster, and those who repeated the POST with its idempotency key.
    waiting: Vec<Waiting>,
}

impl Ledger {
    /// The state after a start; the channels that there were get their actors.
    pub(super) fn new(cell: &Arc<BusCell>, restored: Restored, notify: Notify) -> Self {
        let Restored { window, answers, channels, .. } = restored;
        let (pending, draining) = (VecDeque::new(), Vec::new());
        let ledger = Self { window, answers, pending, draining, notify, cell: Arc::clone(cell) };
        for (name, channel) in channels {
            let actor = ledger.start(channel.window);
            cell.directory.restore(name, actor, channel.newest, channel.until, &cell.common.counters);
        }
        ledger
    }

    /// Decides, before anything is changed, whether a POST is accepted.
    fn admit(&self, posting: &Posting) -> Result<(), PostError> {
        let (shared, directory) = (&self.cell.common.shared, &self.cell.directory);
        let fresh = !directory.contains(&posting.channel);
        if fresh && directory.live() >= shared.limits.channels_per_bus {
            return Err(PostError::TooManyChannels(shared.limits.channels_per_bus));
        }
        let cost: usize = posting.messages.iter().map(Entry::cost).sum();
        if !shared.memory.has_room(cost + if fresh { CHANNEL_OVERHEAD } else { 0 }) {
            return Err(PostError::MemoryFull(shared.memory.limit()));
        }
        if posting.key.is_some() && self.answers.is_full() {
            return Err(PostError::TooManyKeys(shared.limits.idempotency_keys));
        }
        Ok(())
    }

    pub(super) fn post(&mut self, posting: Posting) -> Reply {
        if posting.messages.is_empty() {
            return Reply::Now(Ok(Posted::NOTHING));
        }
        self.answers.expire(self.cell.common.shared.clock.now());
        if let Some(key) = &posting.key
            && let Some(reply) = self.replay(&posting.channel, key)
        {
            return reply;
        }
        match self.admit(&posting).and_then(|()| self.append(posting)) {
            Ok((record, posted, Appended::Durable)) => {
                // It vouches for all before it.
                self.settle(Outcome::Durable(record.last()));
                self.commit(&record);
                Reply::Now(Ok(posted))
            }
            Ok((record, posted, Appended::Pending)) => {
                let (waiting, seat) = seat();
                self.pending.push_back(Pending { record, posted, waiting: vec![waiting] });
                Reply::Later(seat)
            }
            Err(error) => Reply::Now(Err(error)),
        }
    }

    fn replay(&mut self, channel: &ChannelName, key: &IdempotencyKey) -> Option<Reply> {
        let reply = match self.answers.look_up(channel, key) {
            Known::No => return None,
            Known::OtherBody => return Some(Reply::Now(Err(PostError::KeyReused))),
            Known::Answered(posted) => Reply::Now(Ok(posted)),
            Known::Pending(posted) => {
                let pending = self.pending.iter_mut().find(|pending| pending.posted == posted)?;
                let (waiting, seat) = seat();
                pending.waiting.push(waiting);
                Reply::Later(seat)
            }
        };
        self.cell.common.counters.replays.one();
        Some(reply)
    }

    fn append(&mut self, posting: Posting) -> Result<(Arc<Record>, Posted, Appended), PostError> {
        let Posting { channel, messages, key } = posting;
        let shared = &self.cell.common.shared;
        let count = u32::try_from(messages.len()).map_err(|_| PostError::TooManyMessages(u32::MAX))?;
        let now = shared.clock.now();
        let until = now.after(self.cell.settings.retention);
        let (record, appended) = shared.journal.append(count, now, &self.notify, |first| {
            let numbered = (first.as_u64()..).map(MessageId::from_u64).zip(messages);
            let entries = numbered
                .map(|(id, message)| {
                    Arc::new(Entry::new(id, until, channel.clone(), message, &shared.memory))
                })
                .collect();
            let kept_until = match &key {
                Some(_) => until.max(now.after(shared.limits.idempotency_window)),
                None => until,
            };
            Record { bus: self.cell.common.name.clone(), channel, entries, key, accepted: now, kept_until }
        })?;
        let first = record.entries.first().map_or(MessageId::ZERO, |entry| entry.id());
        let posted = Posted::new(first, count);
        if let Some(key) = &record.key {
            self.answers.accept(&record.channel, key, posted, now);
        }
        Ok((record, posted, appended))
    }

    /// Whether something waits for the log.
    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Makes a durable record visible: on the bus, on the channel, and only then as settled (RET-10).
    fn commit(&mut self, record: &Arc<Record>) {
        for entry in &record.entries {
            self.window.push(Arc::clone(entry));
        }
        let (shared, directory) = (&self.cell.common.shared, &self.cell.directory);
        directory.deliver(record, &*shared.clock, &self.cell.common.counters, self);
        directory.settle(record.last());
        if let Some(key) = &record.key {
            self.answers.settle(&record.channel, key);
        }
        let counters = &self.cell.common.counters;
        counters.posts.one();
        counters.messages.add(record.entries.len());
    }

    pub(super) fn settle(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Durable(up_to) => {
                while let Some(done) = self.pending.pop_front_if(|pending| pending.record.last() <= up_to) {
                    self.commit(&done.record);
                    answer(done.waiting, &Ok(done.posted));
                }
            }
            Outcome::Refused { up_to, error } => self.refuse_pending(up_to, error),
        }
        if self.pending.is_empty() {
            // A receiver that is gone has stopped waiting.
            self.draining.drain(..).for_each(|waiting| _ = waiting.send(()));
        }
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        self.window.expire(now);
        self.answers.expire(now);
    }

    pub(super) fn read(&mut self, since: Since) -> Page {
        self.window.expire(self.cell.common.shared.clock.now());
        self.window.since(self.cell.common.shared.journal.judge(since))
    }

    pub(super) fn revive(&self, channel: &ChannelName) {
        self.cell.directory.revive(channel, &self.cell.common.counters, self);
    }

    /// Completes, or fails to, once nothing is pending.
    pub(super) fn drained(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        if !self.pending.is_empty() {
            self.draining.push(sender);
        }
        receiver
    }

    fn refuse_pending(&mut self, up_to: MessageId, error: LogError) {
        while let Some(refused) = self.pending.pop_front_if(|pending| pending.record.last() <= up_to) {
            if let Some(key) = &refused.record.key {
                self.answers.forget(&refused.record.channel, key);
            }
            answer(refused.waiting, &Err(error.into()));
        }
    }

    fn start(&self, window: Window) -> Addr<Channel> {
        self.cell
            .common
            .shared
            .placement
            .start(CHANNEL_MAILBOX, Channel::new(window, Arc::clone(&self.cell.common)))
    }
}

fn answer(waiting: Vec<Waiting>, answer: &Answer) {
    for poster in waiting {
        poster.answer(answer);
    }
}

impl StartChannel for Ledger {
    fn fresh(&self, lost: MessageId) -> Addr<Channel> {
        self.start(Window::new(self.cell.settings.channel_window, lost))
    }

    fn again(&self, channel: &ChannelName) -> Addr<Channel> {
        let mut window = Window::new(self.cell.settings.channel_window, MessageId::ZERO);
        for entry in self.window.iter().filter(|entry| entry.channel() == channel) {
            window.push(Arc::clone(entry));
        }
        window.lose(self.window.lost());
        self.start(window)
    }
}
