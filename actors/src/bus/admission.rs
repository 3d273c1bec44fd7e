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
use crate::error::{PostError, Share};
use crate::log::{Items, Keyed, Life, LogError, Proposal, Ticket};
use crate::model::{
    BusName, ChannelName, Fingerprint, IdempotencyKey, Moment, Posted, Poster, Posting, Timestamp,
};
use crate::settings::{BrokerLimits, BusSettings};
use crate::window::{Admitted, Bytes, Entry, Held, OneChannel, OneKey, Refusal, What};

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
    pub(crate) counters: &'c Counters,
}

/// A proposal that the log has.
#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    channel: ChannelName,
    place: Option<Place>,
    since: Moment,
    bytes: Held<Bytes>,
    key: Option<Held<OneKey>>,
}

/// The life that the pending POSTs to a channel belong to.
#[derive(Debug)]
struct Bound {
    life: Life,
    posts: usize,
    /// What the channel takes, if it comes into being with whichever of them is committed first. It is his who asked for
    /// it first; if that is refused it becomes his who brings it about, as a restart will find it, whether it fits or not.
    fresh: Option<Held<OneChannel>>,
}

/// A key whose POST is pending.
#[derive(Debug)]
struct Underway {
    ticket: Ticket,
    body: Fingerprint,
}

impl From<Refusal> for PostError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full(What::Bytes, most) => Self::MemoryFull(most),
            Refusal::Full(What::Channels, most) => Self::TooManyChannels(most),
            Refusal::Full(What::Keys, most) => Self::TooManyKeys(most),
            Refusal::BusShare => Self::BusShareUsed,
            Refusal::PosterShare(What::Bytes) => Self::ShareUsed(Share::Memory),
            Refusal::PosterShare(What::Channels) => Self::ShareUsed(Share::Channels),
            Refusal::PosterShare(What::Keys) => Self::ShareUsed(Share::Keys),
        }
    }
}

/// The life that a POST belongs to, and what it takes.
type LetIn = (Life, Held<Bytes>, Option<Held<OneKey>>);

/// The POSTs of one bus that are pending, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    next: u64,
    pending: VecDeque<Pending>,
    channels: HashMap<ChannelName, Bound, RandomState>,
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
        let Posting { poster, channel, messages, key } = posting;
        let costs: usize = messages.iter().map(Entry::cost).sum();
        let Some(items) = Items::of_batch(messages, about.now.after(about.settings.retention)) else {
            return Decision::Answer(Ok(Posted::NOTHING));
        };
        state.expire(about.now);
        if let Some(known) =
            key.as_ref().and_then(|key| self.known(&place(&poster, &channel, key), key, state))
        {
            return known;
        }
        if self.stalled_since(about.now) >= about.limits.log_patience {
            return Decision::Answer(Err(PostError::LogStalled));
        }
        match self.let_in(&poster, &channel, costs, key.is_some(), state, about) {
            Ok((life, bytes, held_key)) => {
                let proposal = Proposal {
                    bus: about.bus.clone(),
                    incarnation: state.incarnation(),
                    life,
                    poster,
                    idle_until: about.now.after(about.settings.channel_idle),
                    items,
                    at: about.now,
                    accepted: about.wall,
                    keyed: key
                        .map(|key| Keyed { key, until: about.now.after(about.limits.idempotency_window) }),
                    channel,
                };
                Decision::Propose(self.take(&proposal, bytes, held_key), proposal)
            }
            Err(error) => Decision::Answer(Err(error)),
        }
    }

    /// What is known of a key that came before.
    fn known<H: Home>(&self, place: &Place, key: &IdempotencyKey, state: &BusState<H>) -> Option<Decision> {
        let (body, decision) = match (state.answer(place), self.keys.get(place)) {
            (Some((body, posted)), _) => (body, Decision::Answer(Ok(posted))),
            (None, Some(underway)) => (underway.body, Decision::Join(underway.ticket)),
            (None, None) => return None,
        };
        Some(if body == key.body() { decision } else { Decision::Answer(Err(PostError::KeyReused)) })
    }

    /// The life that a POST belongs to, and what it takes of the bounds beside a channel.
    fn let_in<H: Home>(
        &mut self,
        poster: &Poster,
        channel: &ChannelName,
        costs: usize,
        is_keyed: bool,
        state: &mut BusState<H>,
        about: &Circumstances<'_>,
    ) -> Result<LetIn, PostError> {
        let holdings = Arc::clone(state.holdings());
        let costs = || Bytes::new(costs).ok_or(PostError::Log(LogError::TooLong));
        let memory = || holdings.try_hold(poster, costs()?).map_err(PostError::from);
        let key = if is_keyed { Some(holdings.try_hold(poster, OneKey)?) } else { None };
        if let Some(bound) = self.channels.get_mut(channel) {
            let bytes = memory()?;
            bound.posts += 1;
            return Ok((bound.life, bytes, key));
        }
        let directory = Arc::clone(state.directory());
        let pinned = directory.pin(channel, about.now, about.counters);
        let (life, fresh, bytes) = if let Some(life) = pinned {
            (life, None, memory().inspect_err(|_| directory.unpin(channel))?)
        } else {
            let (fresh, bytes) = (holdings.try_hold(poster, OneChannel)?, memory()?);
            (state.begin_life(), Some(fresh), bytes)
        };
        self.channels.insert(channel.clone(), Bound { life, posts: 1, fresh });
        Ok((life, bytes, key))
    }

    fn take(&mut self, proposal: &Proposal, bytes: Held<Bytes>, key: Option<Held<OneKey>>) -> Ticket {
        let ticket = Ticket(self.next);
        self.next = self.next.wrapping_add(1);
        let place = proposal.keyed.as_ref().map(|keyed| {
            let place = place(&proposal.poster, &proposal.channel, &keyed.key);
            self.keys.insert(place.clone(), Underway { ticket, body: keyed.key.body() });
            place
        });
        let (channel, since) = (proposal.channel.clone(), proposal.at);
        debug_assert!(self.pending.back().is_none_or(|last| last.ticket < ticket), "tickets rise");
        self.pending.push_back(Pending { ticket, channel, place, since, bytes, key });
        ticket
    }

    /// A proposal is no longer pending. Mostly it is the first: a log commits in the order of the proposals. Nothing is
    /// searched through, whatever the number of keys.
    fn remove(&mut self, ticket: Ticket) -> Option<Pending> {
        let at = self.pending.binary_search_by_key(&ticket, |pending| pending.ticket).ok()?;
        let pending = self.pending.remove(at)?;
        if let Some(place) = &pending.place {
            self.keys.remove(place);
        }
        Some(pending)
    }

    /// A POST to this channel is no longer pending. Tells whether more are.
    fn leave(&mut self, channel: &ChannelName) -> Option<bool> {
        let bound = self.channels.get_mut(channel)?;
        bound.posts -= 1;
        let more = bound.posts > 0;
        if !more {
            self.channels.remove(channel);
        }
        Some(more)
    }

    /// A proposal is committed: what it was let in with goes over to what it leaves.
    pub(crate) fn commit(&mut self, ticket: Ticket) -> Admitted {
        let Some(Pending { channel, bytes, key, .. }) = self.remove(ticket) else {
            return Admitted::default();
        };
        // With the first of them the channel exists. It is his who brings it about, whoever asked for it.
        let fresh = self.channels.get_mut(&channel).and_then(|bound| bound.fresh.take());
        let fresh = fresh.filter(|fresh| fresh.is_whose(&bytes));
        self.leave(&channel);
        Admitted { bytes: Some(bytes), channel: fresh, key }
    }

    /// A proposal is refused. Returns its channel, and whether more POSTs to that are pending: the channel did not come
    /// into being, and will with the next.
    pub(crate) fn refuse(&mut self, ticket: Ticket) -> Option<(ChannelName, bool)> {
        let Pending { channel, .. } = self.remove(ticket)?;
        let more = self.leave(&channel)?;
        Some((channel, more))
    }

    /// A channel exists: it counts there now.
    pub(crate) fn exists(&mut self, channel: &ChannelName) {
        if let Some(bound) = self.channels.get_mut(channel) {
            bound.fresh = None;
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
