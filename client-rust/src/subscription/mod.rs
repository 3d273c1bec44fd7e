//! Subscriptions: messages as they come, and whatever may have been missed.
//!
//! | module | what lives there |
//! |---|---|
//! | `engine` | connects, listens, polls, mends, waits; one thing at a time |
//! | `reader` | pure: what events of a stream and pages of polls are to this reader |

mod engine;
mod reader;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::{BoxStream, Stream, StreamExt as _};

use self::engine::Engine;
use crate::error::Error;
use crate::fact::Resume;
use crate::http::Http;
use crate::message::{Frame, Message};
use crate::names::ChannelName;
use crate::page::Shape;
use crate::position::Position;
use crate::resource::Resource;

/// What a subscription tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<M = Message> {
    /// A message: new to this subscription, and next in its channel.
    Message(Frame<M>),
    /// The server says where the subscription stands: first of all, again after each interruption, and whenever something was missed.
    Resumed(Resumed),
    /// Nothing comes for the moment. The subscription goes on by itself.
    Interrupted(Interrupted),
}

/// Where a subscription stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resumed {
    /// Whether something was missed until here. Anything but [`Resume::Complete`] is a gap: what the reader has may be out of date.
    pub resume: Resume,
    /// Of several channels, those for which that is not `complete`, as far as the server names them.
    pub channels: BTreeMap<ChannelName, Resume>,
    /// Why it is told.
    pub cause: Cause,
}

/// Why it is told where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// It has begun.
    Started,
    /// It is connected again.
    Reconnected,
    /// Something was missing, broken or of somebody else on the way. It was read again from the last good position.
    Mended,
    /// The server says so in the midst of it.
    Told,
}

/// Why nothing comes for the moment.
#[derive(Debug)]
#[non_exhaustive]
pub struct Interrupted {
    /// What happened.
    pub why: Error,
    /// When it is tried again.
    pub wait: Duration,
}

/// A subscription: a [`Stream`] of [`Event`]s, of messages of version 1.x or of 2.0, that connects again by itself, and never misses anything in silence.
///
/// It listens to a stream of server-sent events. Where there is none, or nothing gets through, it makes long polls, and where there are none
/// either, it polls. Whichever it is, each message comes once and in order, or [`Event::Resumed`] says that something may be missing.
///
/// It ends with an error that waiting does not help: the server refuses, or has ended it for good ([`Error::Ended`], [`Error::Revoked`]). Nothing happens while
/// nobody asks for the next event, and whoever does not ask for too long is told [`Error::Ended`] or a gap.
///
/// ```no_run
/// # async fn example(channel: backplane_client::Channel) -> Result<(), backplane_client::Error> {
/// use backplane_client::{Event, Resume};
///
/// let mut subscription = channel.subscribe(None);
/// while let Some(event) = subscription.next().await {
///     match event? {
///         Event::Message(frame) => println!("{} {}", frame.id, frame.message.as_json()),
///         Event::Resumed(resumed) if resumed.resume != Resume::Complete => eprintln!("something may be missing"),
///         _ => {}
///     }
/// }
/// # Ok(()) }
/// ```
pub struct Subscription<M = Message> {
    items: BoxStream<'static, Item<M>>,
    position: Option<Position>,
}

/// What is told, if anything, and the position behind it.
type Item<M> = (Option<Result<Event<M>, Error>>, Option<Position>);

impl<M> Subscription<M> {
    pub(crate) fn new(http: Arc<Http>, resource: Resource, since: Option<Position>) -> Self
    where
        M: Shape,
    {
        let engine = Engine::<M>::new(http, resource, since.clone());
        let items = futures::stream::unfold(engine, async |mut engine| {
            let item = engine.next().await?;
            Some((item, engine))
        });
        // Whoever asks again after the end is told again that there is nothing.
        Self { items: items.fuse().boxed(), position: since }
    }

    /// The next event. Nothing is lost if this future is dropped before it is ready.
    pub async fn next(&mut self) -> Option<Result<Event<M>, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The position behind what was told until now: who subscribes from it gets what is newer. While the next event is waited for it moves on
    /// with the server's word that there was none, so that whoever keeps it does not fall behind in silence. Of a poll with several messages it moves
    /// with the last one, so that a reader that stops in the midst of it gets the first ones again.
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }
}

impl<M> Stream for Subscription<M> {
    type Item = Result<Event<M>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some((event, position)) = ready!(self.items.poll_next_unpin(context)) else {
                return Poll::Ready(None);
            };
            self.position = position;
            if event.is_some() {
                return Poll::Ready(event);
            }
        }
    }
}

impl<M> fmt::Debug for Subscription<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("position", &self.position).finish_non_exhaustive()
    }
}
