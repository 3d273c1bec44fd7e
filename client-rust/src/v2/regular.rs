//! Regular access: a page, by a token for its channel.

use std::fmt;
use std::sync::Arc;

use super::Messages;
use crate::http::{Access, Http};
use crate::keeper::{Latest, Opened};
use crate::names::{BusName, ChannelName};
use crate::resource::Resource;
use crate::token::RefreshToken;
use crate::wire::Wire;

/// Regular access: reads one channel, and sees headers. Cheap to clone; clones share the token.
///
/// Who wants to go on with the same channel after a restart keeps [`Regular::refresh_token`], and calls
/// [`ClientBuilder::regular_again`](crate::ClientBuilder::regular_again).
#[derive(Clone)]
pub struct Regular {
    bus: BusName,
    channel: ChannelName,
    refresh: Latest,
    messages: Messages,
}

impl Regular {
    pub(crate) fn new(wire: Wire, opened: Opened) -> Self {
        let Opened { keeper, bus, channel, refresh } = opened;
        let http = Http { wire: Arc::new(wire), access: Access::Token(keeper) };
        let messages = Messages::new(http, Resource::Messages(Some(channel.clone())));
        Self { bus, channel, refresh, messages }
    }

    /// Its bus.
    #[must_use]
    pub fn bus(&self) -> &BusName {
        &self.bus
    }

    /// Its channel, which the server has made for it. Whoever is told its name may have messages posted to it.
    #[must_use]
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// With what it goes on after a restart. It is another one whenever the token was renewed; those of before stay good for their time.
    #[must_use]
    pub fn refresh_token(&self) -> RefreshToken {
        self.refresh.get()
    }

    /// The headers of its messages.
    #[must_use]
    pub fn messages(&self) -> &Messages {
        &self.messages
    }
}

impl fmt::Debug for Regular {
    /// Without the token (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Regular")
            .field("bus", &self.bus)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}
