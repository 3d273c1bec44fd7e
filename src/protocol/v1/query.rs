//! What a retrieval asks for, apart from its path.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use actix_web::HttpRequest;
use backplane_actors::{ChannelName, NameError, Since, Which};
use url::form_urlencoded;

use super::version::Version;
use crate::error::{ApiError, ErrorCode};
use crate::protocol::padding::Callback;
use crate::protocol::push::{self, ChannelSet, Given, LAST_EVENT_ID};
use crate::service::Bus;

/// How an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// At once, or so long after there was nothing to say.
    Poll(Duration),
    /// As events.
    Events,
}

/// The parameters of a retrieval. Unknown ones are for other versions and are passed over.
///
/// `since` and `epoch` are one position, as the link of an earlier answer had them.
pub(super) struct Query<'r> {
    /// Where the reader is: from `since`, and from `Last-Event-ID`.
    given: Vec<Given>,
    block: Option<Cow<'r, str>>,
    channels: Vec<Cow<'r, str>>,
    callback: Option<Callback>,
    sticky: Vec<Cow<'r, str>>,
    wants_events: bool,
}

impl<'r> Query<'r> {
    pub(super) fn of(request: &'r HttpRequest) -> Result<Self, ApiError> {
        let (mut since, mut epoch, mut block, mut callback) = (None, None, None, None);
        let (mut channels, mut sticky) = (Vec::new(), Vec::new());
        for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            match &*name {
                "since" => once(&mut since, "since", value)?,
                "epoch" => once(&mut epoch, "epoch", value)?,
                "block" => once(&mut block, "block", value)?,
                "callback" => once(&mut callback, "callback", Callback::parse(&value)?)?,
                "sticky" => sticky.push(value),
                "channel" => channels.push(value),
                _ => {}
            }
        }
        let mut given = Vec::new();
        // An epoch says to which history an id belongs; without an id it says nothing.
        given.extend(since.map(|since| Given::parse(&since, epoch.as_deref())));
        let mut last = request.headers().get_all(LAST_EVENT_ID).filter(|value| !value.is_empty());
        // What is no text is no position of ours.
        given.extend(
            last.next().map(|last| last.to_str().map_or(Given::Unknown, |last| Given::parse(last, None))),
        );
        let wants_events = push::wants_events(request.headers());
        Ok(Self { given, block, channels, callback, sticky, wants_events })
    }

    /// Which messages are wanted (RET-6). What a version does not know it passes over.
    pub(super) fn which(&self, version: Version) -> Result<Which, ApiError> {
        match self.sticky.as_slice() {
            [value] if value == "true" => Ok(Which::Sticky),
            [_, ..] if version.knows_sticky() => {
                let text =
                    "the parameter sticky is true, once, or it is not there: then all messages are asked for";
                Err(ApiError::new(ErrorCode::InvalidRequest, text))
            }
            _ => Ok(Which::All),
        }
    }

    /// From where the bus is read.
    pub(super) fn since_of_bus(&self) -> Since {
        push::single_since(None, &self.given)
    }

    /// From where this channel is read.
    pub(super) fn since_of(&self, channel: &ChannelName) -> Since {
        push::single_since(Some(channel), &self.given)
    }

    /// The channels that are asked for, from where each of them is read, and the set of them.
    pub(super) fn channels(&self, most: usize) -> Result<(Vec<(ChannelName, Since)>, ChannelSet), ApiError> {
        let refuse = |text: String| Err(ApiError::new(ErrorCode::InvalidRequest, text));
        if self.channels.is_empty() || self.channels.len() > most {
            return refuse(format!(
                "the parameter channel names 1 to {most} channels, each in a parameter of its own"
            ));
        }
        let parse = |name: &Cow<'_, str>| {
            name.parse()
                .map_err(|error: NameError| ApiError::new(ErrorCode::InvalidChannelName, error.to_string()))
        };
        let channels = self.channels.iter().map(parse).collect::<Result<Vec<ChannelName>, _>>()?;
        let mut seen = HashSet::with_capacity(channels.len());
        if !channels.iter().all(|channel| seen.insert(channel)) {
            return refuse("the parameter channel may name each channel once, not twice".to_owned());
        }
        let set = ChannelSet::of(&channels);
        Ok((set.sinces(channels, &self.given), set))
    }

    /// Whether any channel is asked for.
    pub(super) fn names_channels(&self) -> bool {
        !self.channels.is_empty()
    }

    /// What makes no sense where a WebSocket is opened is refused.
    pub(super) fn for_socket(&self) -> Result<(), ApiError> {
        for (name, is_there) in [("callback", self.callback.is_some()), ("block", self.block.is_some())] {
            if is_there {
                let text = format!("the parameter {name} does not go together with Upgrade: websocket");
                return Err(ApiError::new(ErrorCode::InvalidRequest, text));
            }
        }
        Ok(())
    }

    /// How the answer is wanted; `longest` is how long it may be waited for.
    pub(super) fn manner(&self, longest: Duration) -> Result<Manner, ApiError> {
        let refuse = |text: String| Err(ApiError::new(ErrorCode::InvalidRequest, text));
        if self.wants_events {
            for (name, is_there) in [("callback", self.callback.is_some()), ("block", self.block.is_some())] {
                if is_there {
                    return refuse(format!(
                        "the parameter {name} does not go together with Accept: text/event-stream"
                    ));
                }
            }
            return Ok(Manner::Events);
        }
        let Some(block) = &self.block else { return Ok(Manner::Poll(Duration::ZERO)) };
        let most = longest.as_secs();
        let is_number = !block.is_empty() && block.bytes().all(|byte| byte.is_ascii_digit());
        match block.parse() {
            Ok(seconds) if is_number && seconds <= most => Ok(Manner::Poll(Duration::from_secs(seconds))),
            _ => refuse(format!("the parameter block is a whole number of seconds from 0 to {most}")),
        }
    }

    /// The callback, where there is no bus to ask.
    pub(super) fn callback(&self) -> Option<&Callback> {
        self.callback.as_ref()
    }

    /// The callback, where the bus answers with scripts.
    ///
    /// A script is loaded by pages of every origin, so it would pass by the origins that a bus allows.
    pub(super) fn callback_on(self, bus: &Bus) -> Result<Option<Callback>, ApiError> {
        if self.callback.is_some() && !bus.jsonp() {
            let text = "this bus may be read by pages of certain origins only, and a script by pages of all: \
                        ask without the parameter callback";
            return Err(ApiError::new(ErrorCode::Forbidden, text));
        }
        Ok(self.callback)
    }
}

fn once<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), ApiError> {
    if place.replace(value).is_some() {
        let text = format!("the parameter {name} may be given once, not twice");
        return Err(ApiError::new(ErrorCode::InvalidRequest, text));
    }
    Ok(())
}
