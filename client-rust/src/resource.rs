//! What there is on a server. Pure.

use std::collections::BTreeSet;

use reqwest::Url;

use crate::base::Base;
use crate::names::{BusName, ChannelName};
use crate::position::Position;
use crate::track::Scope;

/// What can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    /// A bus.
    Bus(BusName),
    /// A channel, which can be posted to as well.
    Channel(BusName, ChannelName),
    /// Several channels at once.
    Channels(BusName, BTreeSet<ChannelName>),
    /// What a token of version 2.0 lets see: messages of a client's buses, or of a page's channel.
    Messages(Option<ChannelName>),
}

impl Resource {
    /// Its URL.
    pub(crate) fn url(&self, base: &Base) -> Url {
        match self {
            Self::Bus(bus) => base.below(&["bus", bus.as_str()]),
            Self::Channel(bus, channel) => base.below(&["bus", bus.as_str(), "channel", channel.as_str()]),
            Self::Channels(bus, channels) => {
                let mut url = base.below(&["bus", bus.as_str(), "channels"]);
                url.query_pairs_mut().extend_pairs(channels.iter().map(|name| ("channel", name.as_str())));
                url
            }
            Self::Messages(_) => base.below(&["messages"]),
        }
    }

    /// The URL that is posted to.
    pub(crate) fn post_url(&self, base: &Base) -> Url {
        match self {
            Self::Messages(_) => base.below(&["message"]),
            other => other.url(base),
        }
    }

    /// The parameters of a request that goes on from a position.
    pub(crate) fn since<'a>(&self, position: &'a Position) -> Vec<(&'static str, &'a str)> {
        match self {
            // There is no other parameter for what an id alone does not say (V2-GET-1).
            Self::Messages(_) => vec![("since", position.cursor())],
            _ => position.query(),
        }
    }

    /// Whether reading it needs a right (1.0 section 4.4.1).
    pub(crate) fn needs_credentials(&self) -> bool {
        matches!(self, Self::Bus(_) | Self::Messages(_))
    }

    /// Whether positions are of several channels.
    pub(crate) fn is_several(&self) -> bool {
        matches!(self, Self::Channels(..))
    }

    /// What frames of it are checked for.
    pub(crate) fn scope(&self) -> Scope {
        match self {
            Self::Bus(_) | Self::Messages(None) => Scope::Bus,
            Self::Channel(_, channel) | Self::Messages(Some(channel)) => {
                Scope::Channels([channel.clone()].into())
            }
            Self::Channels(_, channels) => Scope::Channels(channels.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_have_the_urls_of_the_protocol() {
        let base = Base::new("http://x.y/v1.1").unwrap();
        let bus: BusName = "b.c".parse().unwrap();
        let [one, two]: [ChannelName; 2] = ["c-1", "c_2"].map(|name| name.parse().unwrap());
        let url = |resource: Resource| resource.url(&base).to_string();
        assert_eq!(url(Resource::Bus(bus.clone())), "http://x.y/v1.1/bus/b.c");
        assert_eq!(url(Resource::Channel(bus.clone(), one.clone())), "http://x.y/v1.1/bus/b.c/channel/c-1");
        assert_eq!(
            url(Resource::Channels(bus, [one, two].into())),
            "http://x.y/v1.1/bus/b.c/channels?channel=c-1&channel=c_2"
        );
    }

    #[test]
    fn v2_get_1_messages_are_in_one_place_and_go_on_from_whole_positions() {
        let (base, messages) = (Base::of_2_0("http://x.y/v2").unwrap(), Resource::Messages(None));
        assert_eq!(messages.url(&base).as_str(), "http://x.y/v2/messages");
        assert_eq!(messages.post_url(&base).as_str(), "http://x.y/v2/message");
        let position: Position = "0w7z000000000.0t3k000000000".parse().unwrap();
        assert_eq!(messages.since(&position), [("since", "0w7z000000000.0t3k000000000")]);
        let bus = Resource::Bus("b".parse().unwrap());
        assert_eq!(bus.since(&position), [("since", "0w7z000000000"), ("epoch", "0t3k000000000")]);
    }
}
