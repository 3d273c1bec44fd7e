//! Pure: which POSTs are let in, and those that are on their way through the log.
//!
//! Nothing here is part of what a bus is. A proposal is decided about once, holds its share of every bound while it is
//! pending, and becomes a record or leaves nothing (I-2, I-5).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::keys::{Place, place};
use super::state::BusState;
use crate::channel::Home;
use crate::context::Counters;
use crate::error::PostError;
use crate::log::{Items, Keyed, Life, Proposal, Ticket};
use crate::model::{BusName, ChannelName, Fingerprint, IdempotencyKey, Moment, Posted, Posting, Timestamp};
use crate::settings::{BrokerLimits, BusSettings};
use crate::window::{CHANNEL_OVERHEAD, Entry, Held, MemoryGauge};

/// What becomes of a POST.
#[derive(Debug)]
pub(crate) enum Decision {
    /// The answer is known.
    Answer(Result<Posted, PostError>),
    /// The same POST is on its way already, and its answer is the answer to this one.
    Join(Ticket),
    /// It is to be proposed to the log.
    Propose(Ticket, Proposal),
}

/// What a decision depends on beside the bus.
pub(crate) struct Circumstances<'c> {
    pub(crate) bus: &'c BusName,
    pub(crate) now: Moment,
    pub(crate) wall: Timestamp,
    pub(crate) settings: &'c BusSettings,
    pub(crate) limits: &'c BrokerLimits,
    pub(crate) memory: &'c Arc<MemoryGauge>,
    pub(crate) counters: &'c Counters,
}

/// A proposal that the log has.
#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    channel: ChannelName,
    place: Option<Place>,
    since: Moment,
    _held: Held,
}

/// The life that the pending POSTs to a channel belong to.
#[derive(Debug)]
struct Bound {
    life: Life,
    posts: usize,
    /// What the channel takes, if it comes into being with whichever of them is committed first.
    fresh: Option<Held>,
}

/// A key whose POST is pending.
#[derive(Debug)]
struct Underway {
    ticket: Ticket,
    body: Fingerprint,
}

/// The POSTs of one bus that are pending, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    next: u64,
    pending: VecDeque<Pending>,
    channels: HashMap<ChannelName, Bound, RandomState>,
    /// Channels among them that do not exist yet.
    fresh: usize,
    keys: HashMap<Place, Underway, RandomState>,
}

impl Admission {
    /// Decides about a POST. Unless it is to be proposed nothing is changed.
    pub(crate) fn decide<H: Home>(
        &mut self,
        posting: Posting,
        state: &mut BusState<H>,
        about: &Circumstances<'_>,
    ) -> Decision {
        let Posting { channel, messages, key } = posting;
        let costs: usize = messages.iter().map(Entry::cost).sum();
        let Some(items) = Items::of_batch(messages, about.now.after(about.settings.retention)) else {
            return Decision::Answer(Ok(Posted::NOTHING));
        };
        state.expire(about.now);
        if let Some(known) = key.as_ref().and_then(|key| self.known(&channel, key, state)) {
            return known;
        }
        if self.stalled_since(about.now) >= about.limits.log_patience {
            return Decision::Answer(Err(PostError::LogStalled));
        }
        if key.is_some() && state.keys().saturating_add(self.keys.len()) >= about.limits.idempotency_keys {
            return Decision::Answer(Err(PostError::TooManyKeys(about.limits.idempotency_keys)));
        }
        match self.join(&channel, costs, state, about) {
            Ok((life, held)) => {
                let proposal = Proposal {
                    bus: about.bus.clone(),
                    incarnation: state.incarnation(),
                    life,
                    idle_until: about.now.after(about.settings.channel_idle),
                    items,
                    at: about.now,
                    accepted: about.wall,
                    keyed: key
                        .map(|key| Keyed { key, until: about.now.after(about.limits.idempotency_window) }),
                    channel,
                };
                Decision::Propose(self.take(&proposal, held), proposal)
            }
            Err(error) => Decision::Answer(Err(error)),
        }
    }

    /// What is known of a key that came before.
    fn known<H: Home>(
        &self,
        channel: &ChannelName,
        key: &IdempotencyKey,
        state: &BusState<H>,
    ) -> Option<Decision> {
        let place = place(channel, key);
        let (body, decision) = match (state.answer(&place), self.keys.get(&place)) {
            (Some((body, posted)), _) => (body, Decision::Answer(Ok(posted))),
            (None, Some(underway)) => (underway.body, Decision::Join(underway.ticket)),
            (None, None) => return None,
        };
        Some(if body == key.body() { decision } else { Decision::Answer(Err(PostError::KeyReused)) })
    }

    /// The life that a POST belongs to, and its share of the memory.
    fn join<H: Home>(
        &mut self,
        channel: &ChannelName,
        costs: usize,
        state: &mut BusState<H>,
        about: &Circumstances<'_>,
    ) -> Result<(Life, Held), PostError> {
        let memory = |bytes: usize| {
            about.memory.try_hold(bytes).ok_or_else(|| PostError::MemoryFull(about.memory.limit()))
        };
        if let Some(bound) = self.channels.get_mut(channel) {
            let held = memory(costs)?;
            bound.posts += 1;
            return Ok((bound.life, held));
        }
        let directory = Arc::clone(state.directory());
        let (life, fresh, held) = match directory.pin(channel, about.now, about.counters) {
            Some(life) => (life, None, memory(costs).inspect_err(|_| directory.unpin(channel))?),
            None if directory.live().saturating_add(self.fresh) >= about.limits.channels_per_bus => {
                return Err(PostError::TooManyChannels(about.limits.channels_per_bus));
            }
            None => {
                let (fresh, held) = (memory(CHANNEL_OVERHEAD)?, memory(costs)?);
                (state.begin_life(), Some(fresh), held)
            }
        };
        self.fresh += usize::from(fresh.is_some());
        self.channels.insert(channel.clone(), Bound { life, posts: 1, fresh });
        Ok((life, held))
    }

    fn take(&mut self, proposal: &Proposal, held: Held) -> Ticket {
        let ticket = Ticket(self.next);
        self.next = self.next.wrapping_add(1);
        let place = proposal.keyed.as_ref().map(|keyed| {
            let place = place(&proposal.channel, &keyed.key);
            self.keys.insert(place.clone(), Underway { ticket, body: keyed.key.body() });
            place
        });
        let (channel, since) = (proposal.channel.clone(), proposal.at);
        debug_assert!(self.pending.back().is_none_or(|last| last.ticket < ticket), "tickets rise");
        self.pending.push_back(Pending { ticket, channel, place, since, _held: held });
        ticket
    }

    /// A proposal is no longer pending. Returns its channel, and whether more POSTs to that are.
    pub(crate) fn settle(&mut self, ticket: Ticket) -> Option<(ChannelName, bool)> {
        // Mostly it is the first: a log commits in the order of the proposals.
        let at = self.pending.binary_search_by_key(&ticket, |pending| pending.ticket).ok()?;
        let Pending { channel, place, .. } = self.pending.remove(at)?;
        if let Some(place) = place {
            self.keys.remove(&place);
        }
        let bound = self.channels.get_mut(&channel)?;
        bound.posts -= 1;
        // With the first of them the channel exists, or did not come into being and will with the next.
        let more = bound.posts > 0;
        if !more && let Some(bound) = self.channels.remove(&channel) {
            self.fresh -= usize::from(bound.fresh.is_some());
        }
        Some((channel, more))
    }

    /// A channel exists: it counts there now.
    pub(crate) fn exists(&mut self, channel: &ChannelName) {
        if let Some(bound) = self.channels.get_mut(channel) {
            self.fresh -= usize::from(bound.fresh.take().is_some());
        }
    }

    /// Whether POSTs to this channel are pending.
    pub(crate) fn is_pending(&self, channel: &ChannelName) -> bool {
        self.channels.contains_key(channel)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// For how long the oldest has been pending.
    fn stalled_since(&self, now: Moment) -> Duration {
        self.pending.front().map_or(Duration::ZERO, |oldest| now.since(oldest.since))
    }

    /// Those that have been pending for at least so long.
    pub(crate) fn stalled(&self, now: Moment, patience: Duration) -> impl Iterator<Item = Ticket> {
        self.pending
            .iter()
            .take_while(move |pending| now.since(pending.since) >= patience)
            .map(|pending| pending.ticket)
    }
}
