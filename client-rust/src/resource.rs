//! What there is on a server. Pure.

use std::collections::BTreeSet;

use reqwest::Url;

use crate::base::Base;
use crate::names::{BusName, ChannelName};
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
        }
    }

    /// Whether reading it needs a right (1.0 section 4.4.1).
    pub(crate) fn needs_credentials(&self) -> bool {
        matches!(self, Self::Bus(_))
    }

    /// Whether positions are of several channels.
    pub(crate) fn is_several(&self) -> bool {
        matches!(self, Self::Channels(..))
    }

    /// What frames of it are checked for.
    pub(crate) fn scope(&self) -> Scope {
        match self {
            Self::Bus(_) => Scope::Bus,
            Self::Channel(_, channel) => Scope::Channels([channel.clone()].into()),
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
}
