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
use crate::error::{EndError, PostError, Share};
use crate::log::{Items, Keyed, Life, LogError, Proposal, Ticket};
use crate::model::{
    Batch, BusName, ChannelName, Expire, Fingerprint, IdempotencyKey, Message, MessageId, Moment, Posted,
    Poster, Posting, Promise, Timestamp,
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
    /// The highest id that the log has given out: that of what is proposed now is above it.
    pub(crate) issued: MessageId,
    pub(crate) settings: &'c BusSettings,
    pub(crate) limits: &'c BrokerLimits,
    pub(crate) counters: &'c Counters,
}

impl Circumstances<'_> {
    /// When a message ends (RET-9). What it asks for by a wall clock is kept by the log's time (I-11).
    fn until(&self, message: &Message) -> Result<Moment, EndError> {
        let BusSettings { retention, retention_max, .. } = self.settings;
        let longest = *retention_max.max(retention);
        let Promise { sticky, dated } = message.promise();
        let span = match message.expire().filter(|_| dated).map(Expire::timestamp) {
            Some(end) if end <= self.wall => return Err(EndError::Over),
            // Ends are whole seconds.
            Some(end) if end.since(self.wall).as_secs() > longest.as_secs() => {
                return Err(EndError::Beyond(longest));
            }
            Some(end) => end.since(self.wall),
            None if sticky => longest,
            None => *retention,
        };
        Ok(self.now.after(span))
    }
}

/// What a POST takes of the bounds.
struct Asks {
    bytes: usize,
    /// How many of its messages are promised.
    promised: usize,
    is_keyed: bool,
}

impl Asks {
    fn of(messages: &Batch, is_keyed: bool) -> Self {
        let promised = messages.iter().filter(|message| message.promise().is_any()).count();
        Self { bytes: messages.iter().map(Entry::cost).sum(), promised, is_keyed }
    }
}

/// A proposal that the log has.
#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    channel: ChannelName,
    place: Option<Place>,
    /// How many of its messages are promised.
    promised: usize,
    since: Moment,
    /// Its ids are above this one.
    above: MessageId,
    bytes: Held<Bytes>,
    key: Option<Held<OneKey>>,
}

/// The life that the pending POSTs to a channel belong to.
#[derive(Debug)]
struct Bound {
    life: Life,
    posts: usize,
    /// Promised messages of theirs.
    promised: usize,
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
            Refusal::BusFull(most) => Self::BusMemoryFull(most),
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
        if messages.is_empty() {
            return Decision::Answer(Ok(Posted::NOTHING));
        }
        state.expire(about.now);
        if let Some(known) =
            key.as_ref().and_then(|key| self.known(&place(&poster, &channel, key), key, state))
        {
            return known;
        }
        if self.stalled_since(about.now) >= about.limits.log_patience {
            return Decision::Answer(Err(PostError::LogStalled));
        }
        let asks = Asks::of(&messages, key.is_some());
        let items = match Items::of_batch(messages, |message| about.until(message)) {
            Ok(Some(items)) => items,
            Ok(None) => return Decision::Answer(Ok(Posted::NOTHING)),
            Err((index, error)) => return Decision::Answer(Err(PostError::End { index, error })),
        };
        match self.let_in(&poster, &channel, &asks, state, about) {
            Ok(let_in) => {
                let life = let_in.0;
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
                Decision::Propose(self.take(&proposal, asks.promised, about.issued, let_in), proposal)
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
        asks: &Asks,
        state: &mut BusState<H>,
        about: &Circumstances<'_>,
    ) -> Result<LetIn, PostError> {
        let holdings = Arc::clone(state.holdings());
        let costs = || Bytes::new(asks.bytes).ok_or(PostError::Log(LogError::TooLong));
        let memory = || holdings.try_hold(poster, costs()?).map_err(PostError::from);
        if asks.promised > 0 {
            // A promise is never taken back for another one: so there is a bound on what is given (RET-9).
            let most = about.settings.channel_window.get();
            let pending = self.channels.get(channel).map_or(0, |bound| bound.promised);
            let given = state.directory().promised(channel, about.now).saturating_add(pending);
            if given.saturating_add(asks.promised) > most {
                return Err(PostError::TooManyPromises(most));
            }
        }
        let key = if asks.is_keyed { Some(holdings.try_hold(poster, OneKey)?) } else { None };
        if let Some(bound) = self.channels.get_mut(channel) {
            let bytes = memory()?;
            bound.posts += 1;
            bound.promised += asks.promised;
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
        self.channels.insert(channel.clone(), Bound { life, posts: 1, promised: asks.promised, fresh });
        Ok((life, bytes, key))
    }

    fn take(
        &mut self,
        proposal: &Proposal,
        promised: usize,
        above: MessageId,
        (_, bytes, key): LetIn,
    ) -> Ticket {
        let ticket = Ticket(self.next);
        self.next = self.next.wrapping_add(1);
        let place = proposal.keyed.as_ref().map(|keyed| {
            let place = place(&proposal.poster, &proposal.channel, &keyed.key);
            self.keys.insert(place.clone(), Underway { ticket, body: keyed.key.body() });
            place
        });
        let (channel, since) = (proposal.channel.clone(), proposal.at);
        debug_assert!(self.pending.back().is_none_or(|last| last.ticket < ticket), "tickets rise");
        self.pending.push_back(Pending { ticket, channel, place, promised, since, above, bytes, key });
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
    fn leave(&mut self, channel: &ChannelName, promised: usize) -> Option<bool> {
        let bound = self.channels.get_mut(channel)?;
        bound.posts -= 1;
        bound.promised -= promised;
        let more = bound.posts > 0;
        if !more {
            self.channels.remove(channel);
        }
        Some(more)
    }

    /// A proposal is committed: what it was let in with goes over to what it leaves.
    pub(crate) fn commit(&mut self, ticket: Ticket) -> Admitted {
        let Some(Pending { channel, promised, bytes, key, .. }) = self.remove(ticket) else {
            return Admitted::default();
        };
        // With the first of them the channel exists. It is his who brings it about, whoever asked for it.
        let fresh = self.channels.get_mut(&channel).and_then(|bound| bound.fresh.take());
        let fresh = fresh.filter(|fresh| fresh.is_whose(&bytes));
        self.leave(&channel, promised);
        Admitted { bytes: Some(bytes), channel: fresh, key }
    }

    /// A proposal is refused. Returns its channel, and whether more POSTs to that are pending: the channel did not come
    /// into being, and will with the next.
    pub(crate) fn refuse(&mut self, ticket: Ticket) -> Option<(ChannelName, bool)> {
        let Pending { channel, promised, .. } = self.remove(ticket)?;
        let more = self.leave(&channel, promised)?;
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

    /// What is pending gets ids above this one. `None`: nothing is pending.
    pub(crate) fn pending_above(&self) -> Option<MessageId> {
        self.pending.front().map(|oldest| oldest.above)
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
