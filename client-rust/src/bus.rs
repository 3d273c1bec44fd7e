//! What there is on a server: buses, channels, several channels at once.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::http::Http;
use crate::key::IdempotencyKey;
use crate::message::Message;
use crate::names::{BusName, ChannelName, NameError};
use crate::page::Page;
use crate::position::{MessageId, Position};
use crate::resource::Resource;
use crate::subscription::Subscription;

/// A bus of a server. Reading it as a whole needs credentials with the right to.
#[derive(Clone)]
pub struct Bus {
    http: Arc<Http>,
    name: BusName,
}

impl Bus {
    pub(crate) fn new(http: Arc<Http>, name: BusName) -> Self {
        Self { http, name }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &BusName {
        &self.name
    }

    /// A channel of it.
    ///
    /// # Errors
    ///
    /// The name is none (MSG-8).
    pub fn channel(&self, name: &str) -> Result<Channel, Error> {
        let name: ChannelName = name.parse()?;
        let resource = Resource::Channel(self.name.clone(), name.clone());
        Ok(Channel { http: Arc::clone(&self.http), name, resource })
    }

    /// Several channels of it in one stream, each once. Servers take up to 255 (`limits.channels_per_stream`).
    ///
    /// # Errors
    ///
    /// A name is none (MSG-8), or there is no name.
    pub fn channels<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Result<Channels, Error> {
        let names = names.into_iter().map(|name| name.as_ref().parse());
        let names: std::collections::BTreeSet<ChannelName> = names.collect::<Result<_, _>>()?;
        if names.is_empty() {
            return Err(NameError::NoChannel.into());
        }
        Ok(Channels { http: Arc::clone(&self.http), resource: Resource::Channels(self.name.clone(), names) })
    }

    /// Reads what is newer than a position, or the whole window. Retries as [`Channel::post`] does.
    ///
    /// # Errors
    ///
    /// As [`Channel::read`] has them; 401 and 403 without the right.
    pub async fn read(&self, since: Option<&Position>) -> Result<Page, Error> {
        self.http.read(&self.resource(), since).await
    }

    /// Subscribes to all channels, from a position or from the start of the window. See [`Subscription`].
    #[must_use]
    pub fn subscribe(&self, since: Option<Position>) -> Subscription {
        Subscription::new(Arc::clone(&self.http), self.resource(), since)
    }

    fn resource(&self) -> Resource {
        Resource::Bus(self.name.clone())
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bus").field(&self.name).finish()
    }
}

/// A channel of a bus. Whoever knows its name may read it; posting needs credentials with the right to.
#[derive(Clone)]
pub struct Channel {
    http: Arc<Http>,
    name: ChannelName,
    resource: Resource,
}

impl Channel {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &ChannelName {
        &self.name
    }

    /// Posts messages, all or none, and gives their ids in order; servers of old tell none.
    ///
    /// Where that may help it is tried again: when the server is not reached, the connection breaks, no answer comes in time, or the server
    /// says later. All tries have the same key, so the messages are stored once (I-2).
    ///
    /// ```no_run
    /// # async fn example(channel: backplane_client::Channel) -> Result<(), backplane_client::Error> {
    /// use backplane_client::Message;
    /// let hello = Message::new("https://shop.example", "cart/changed", &["apple", "pear"])?;
    /// let ids = channel.post(&[hello]).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The error of the last try. [`Error::may_be_stored`] says whether that or an earlier one may have stored them all the same.
    pub async fn post(&self, messages: &[Message]) -> Result<Vec<MessageId>, Error> {
        self.post_with(&IdempotencyKey::random()?, messages).await
    }

    /// As [`Channel::post`], with a key of the caller's: who posts the same again with it, at most ten minutes later, stores
    /// nothing twice and gets the same ids.
    ///
    /// # Errors
    ///
    /// As [`Channel::post`]; 422 if the key came with other messages before.
    pub async fn post_with(
        &self,
        key: &IdempotencyKey,
        messages: &[Message],
    ) -> Result<Vec<MessageId>, Error> {
        let texts: Vec<_> = messages.iter().map(Message::as_json).collect();
        let body = format!("[{}]", texts.join(","));
        let answer = self.http.post(&self.resource, key, &body).await?;
        // It is stored, whatever the answer says: servers of old say nothing.
        let ids: Vec<String> = serde_json::from_slice(&answer).unwrap_or_default();
        Ok(ids.iter().map(|id| MessageId::told(id)).collect())
    }

    /// Reads what is newer than a position, or the whole window. Retries as [`Channel::post`] does.
    ///
    /// ```no_run
    /// # async fn example(channel: backplane_client::Channel) -> Result<(), backplane_client::Error> {
    /// let all = channel.read(None).await?;
    /// let newer = channel.read(all.next.as_ref()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The error of the last try.
    pub async fn read(&self, since: Option<&Position>) -> Result<Page, Error> {
        self.http.read(&self.resource, since).await
    }

    /// Subscribes, from a position or from the start of the window. See [`Subscription`].
    #[must_use]
    pub fn subscribe(&self, since: Option<Position>) -> Subscription {
        Subscription::new(Arc::clone(&self.http), self.resource.clone(), since)
    }
}

impl fmt::Debug for Channel {
    /// Without its name's text (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Channel").field(&self.name).finish()
    }
}

/// Several channels of a bus, read at once. Messages come in the order of the bus.
///
/// To change the set, subscribe to another one from [`Subscription::position`]: channels that the position does not name begin with their
/// whole window, and nothing is lost or doubled.
#[derive(Clone)]
pub struct Channels {
    http: Arc<Http>,
    resource: Resource,
}

impl Channels {
    /// Reads what is newer than a position, or the whole windows. Retries as [`Channel::post`] does.
    ///
    /// # Errors
    ///
    /// As [`Channel::read`] has them; 404 of servers that read only one channel at a time.
    pub async fn read(&self, since: Option<&Position>) -> Result<Page, Error> {
        self.http.read(&self.resource, since).await
    }

    /// Subscribes, from a position or from the start of the windows. See [`Subscription`].
    #[must_use]
    pub fn subscribe(&self, since: Option<Position>) -> Subscription {
        Subscription::new(Arc::clone(&self.http), self.resource.clone(), since)
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Channels").field(&self.resource).finish()
    }
}
