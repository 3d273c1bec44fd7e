//! Reading several buses in one order that never skips (I-9).
//!
//! | module | what lives there |
//! |---|---|
//! | `horizon` | up to where nothing can come any more |
//! | `merge` | pure: one order of what the windows gave |
//! | `read` | asking the windows |
//! | `several` | a reader of several buses that waits |
//! | `subscription` | a reader that waits, of one bus or of several |
//!
//! # Why nothing is skipped
//!
//! All buses of a broker get their ids from one sequence, so their messages have one order. But a message is shown later than it gets
//! its id, on each bus at its own time: when id 7 is shown on one bus, id 5 may still be pending on another. Who went on from 7 would
//! never see 5. So a read ends at its *horizon*, up to which nothing can come any more: the lowest of
//!
//! - what the log has *issued*, and
//! - of each bus the id that it *holds above*: everything that is pending there gets a higher one.
//!
//! Each bus notes what the log has issued **before** it proposes: what it is going to get is above that. Once the record is shown, or
//! refused, it notes that of the next that is pending, or that nothing is. A reader asks in the other order: first what is issued, then
//! what each bus holds above, then the windows.
//!
//! Take a message that is at or below the horizon. So its id was issued when the reader asked ([`Log`](crate::log::Log), "One order": all
//! later ones are above). Its bus had noted a lower one before it proposed, and the reader sees that note or a later one. It has not seen
//! one of the time while the message was pending, for then the horizon would be below it. So it has seen one from behind that: the message
//! was shown, before the windows were asked. What others proposed is the same: a bus notes it while it is told of it, which is before
//! the log says that it is issued.
//!
//! This asks nothing of the kind of log. A log in memory numbers and commits at once, the one on disk numbers at once and commits in
//! groups, and one that numbers by itself, later than it was proposed to, gives ids that are above what it had issued before. What was
//! issued on buses that are not read, what was refused, what the log gave to nobody: none of it holds a reader up. An idle bus does not
//! either, because what it has shown last is not asked. One that has failed or is closed is told.
//!
//! One thing that is refused may come back: what was pending when the log failed, after a restart. It is above all that was committed. So where
//! a bus had something pending then, a horizon is no higher than what is shown.
//!
//! The horizon can fall back: a bus that is about to propose notes what was issued a moment ago. Positions do not: what was once below a
//! horizon was shown then.
//!
//! # Why nothing answered is missing
//!
//! A POST is answered once it is shown, and whoever reads after that finds it (RET-10). If something lower is pending on another bus at
//! that time, the read waits for it: the log commits in the order of the ids, so that is about to be shown as well, or refused. Only
//! where the log hangs a read gives up, after `log_patience`, and tells what is below. A reader that waits does not give up.

mod horizon;
mod merge;
mod read;
mod several;
mod subscription;

use std::fmt;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;

pub use self::subscription::AcrossSubscription;
use super::Broker;
use super::bus_handle::BusHandle;
use super::subscription::Filter;
use crate::context::BrokerContext;
use crate::error::{ReadError, SubscribeError};
use crate::model::{BusName, ChannelName, Position, Since};
use crate::watch::Scope;
use crate::window::{Entry, Resume, Which};

/// What of a bus is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// All of it.
    All,
    /// A channel.
    Channel(ChannelName),
}

impl From<Part> for Scope {
    fn from(part: Part) -> Self {
        match part {
            Part::All => Self::Bus,
            Part::Channel(name) => Self::Channel(name),
        }
    }
}

/// What is read of several buses, in one order. See [`Broker::across`].
#[derive(Clone)]
pub struct Across {
    context: Arc<BrokerContext>,
    members: Vec<(BusHandle, Scope)>,
    which: Which,
}

/// What a read of several buses has found.
#[derive(Debug, Clone)]
pub struct AcrossPage {
    /// The messages, each with its bus, in the order in which they were accepted (RET-7).
    pub entries: Vec<(BusName, Arc<Entry>)>,
    /// The position to go on from, also when there are no messages. Whoever does skips nothing and gets nothing twice.
    pub next: Position,
    /// Whether something was missed, on whichever bus.
    pub resume: Resume,
    /// There is more behind `next`, as far as that is known: it may be that nothing of it is wanted.
    pub more: bool,
}

/// Why several buses were not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bus {bus}: {error}")]
pub struct AcrossError {
    /// The bus that was the reason.
    pub bus: BusName,
    /// Why.
    #[source]
    pub error: ReadError,
}

impl Broker {
    /// What is to be read of several buses of this broker, in one order. A bus may come several times, with several channels.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    /// use backplane_actors::{Batch, Broker, BusSettings, Message, MessageLimits, Part, Poster, Posting, Since};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// actix::System::new().block_on(async {
    ///     let names = ["shop.com", "blog.com"];
    ///     let builder = names.iter().try_fold(Broker::builder(), |builder, name| {
    ///         Ok::<_, Box<dyn std::error::Error>>(builder.bus(name.parse()?, BusSettings::default()))
    ///     })?;
    ///     let broker = builder.start()?;
    ///     for name in names {
    ///         let message = Message::new("https://example.com", "test", &1, &MessageLimits::default())?;
    ///         let (poster, messages) = (Poster::nobody(), Batch::single(message));
    ///         broker.post(&name.parse()?, Posting { poster, channel: "c".parse()?, messages, key: None }).await?;
    ///     }
    ///     let buses = names.iter().filter_map(|name| broker.bus(name)).map(|bus| (bus, Part::All)).collect();
    ///     let page = broker.across(buses).read(Since::Start, &|_, _| true, NonZeroUsize::MAX).await?;
    ///     assert_eq!(page.entries.iter().map(|(bus, _)| bus.as_str()).collect::<Vec<_>>(), names);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn across(&self, members: Vec<(BusHandle, Part)>) -> Across {
        let members = members.into_iter().map(|(bus, part)| (bus, part.into())).collect();
        Across { context: Arc::clone(&self.0.context), members, which: Which::All }
    }
}

impl Across {
    /// The same of sticky messages alone (RET-6): only of them gaps are told.
    #[must_use]
    pub fn sticky(self) -> Self {
        Self { which: Which::Sticky, ..self }
    }

    /// What is newer than a position, and never anything else (RET-5: see [`Since::strictly`]). At most so many messages, and each window
    /// is asked for no more: where many are not `wanted` there may be [more](AcrossPage::more) behind a page that has none.
    ///
    /// What was answered before is there. For that it may wait for what is pending, up to
    /// [`log_patience`](crate::BrokerLimits::log_patience).
    ///
    /// # Errors
    ///
    /// See [`ReadError`]: of the first bus that cannot be read.
    pub async fn read(
        &self,
        since: Since,
        wanted: &Filter<'_>,
        most: NonZeroUsize,
    ) -> Result<AcrossPage, AcrossError> {
        let origin = self.context.judge(since.strictly());
        let horizon = self.horizon_within(self.context.limits.load().log_patience).await?;
        let found = self.look(origin, most).await?;
        Ok(self.page(found, horizon, wanted, most))
    }

    /// Waits for what is posted, from a position on, strictly: a stream of the same events that a
    /// [`Subscription`](crate::Subscription) yields, of all that is read. The end of one of the buses is its end.
    ///
    /// With one bus it is a subscription to that. `None` as `wanted` is all: then those who wait for one bus share the frames of its
    /// messages.
    ///
    /// # Errors
    ///
    /// See [`SubscribeError`]; where there is no bus to read, [`SubscribeError::Ended`].
    pub fn subscribe(
        self,
        since: Since,
        wanted: Option<Rc<Filter<'static>>>,
    ) -> Result<AcrossSubscription, SubscribeError> {
        AcrossSubscription::begin(self, since.strictly(), wanted)
    }
}

/// Without the channels (I-8).
impl fmt::Debug for Across {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Across").field("of", &self.members.len()).finish_non_exhaustive()
    }
}
