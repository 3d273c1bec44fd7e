//! The parameters of version 2.0.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::HttpRequest;
use backplane_actors::Since;
use url::form_urlencoded;

use crate::error::{ApiError, ErrorCode};
use crate::protocol::padding::Callback;
use crate::protocol::push::{self, Given, LAST_EVENT_ID};

/// The parameters of a query or of a form: each that is known once. Unknown ones are passed over (RFC 6749 section 3.1).
pub(super) struct Parameters<'r, const N: usize> {
    names: [&'static str; N],
    values: [Option<Cow<'r, str>>; N],
}

impl<'r, const N: usize> Parameters<'r, N> {
    /// Those of this text that have one of these names.
    pub(super) fn parse(text: &'r [u8], names: [&'static str; N]) -> Result<Self, ApiError> {
        let mut parameters = Self { names, values: [const { None }; N] };
        parameters.add(text)?;
        Ok(parameters)
    }

    /// More of them, which must be others.
    pub(super) fn add(&mut self, text: &'r [u8]) -> Result<(), ApiError> {
        for (name, value) in form_urlencoded::parse(text) {
            let Some(place) = self.names.iter().zip(&mut self.values).find(|(known, _)| **known == name)
            else {
                continue;
            };
            // One without a value is one that was not sent (RFC 6749 section 3.1).
            if !value.is_empty() && place.1.replace(value).is_some() {
                let text = format!("the parameter {} may be given once, not twice", place.0);
                return Err(ApiError::new(ErrorCode::InvalidRequest, text));
            }
        }
        Ok(())
    }

    /// The value of one of them.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.names.iter().zip(&self.values).find(|(known, _)| **known == name)?.1.as_deref()
    }

    /// The value of one that must be there.
    pub(super) fn want(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| {
            ApiError::new(ErrorCode::InvalidRequest, format!("the parameter {name} is missing"))
        })
    }

    /// The function of the page that the answer calls, if there is one.
    pub(super) fn callback(&self) -> Result<Option<Callback>, ApiError> {
        self.get("callback").map(Callback::parse).transpose()
    }
}

/// How an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// At once, or so long after there was nothing to say.
    Poll(Duration),
    /// As events.
    Events,
}

/// Where a reader is, by `since` and by `Last-Event-ID`; of both the later counts.
pub(super) fn since_of(request: &HttpRequest, since: Option<&str>) -> Since {
    let mut given: Vec<_> = since.map(|since| Given::parse(since, None)).into_iter().collect();
    let mut last = request.headers().get_all(LAST_EVENT_ID).filter(|value| !value.is_empty());
    given.extend(
        last.next().map(|last| last.to_str().map_or(Given::Unknown, |last| Given::parse(last, None))),
    );
    push::single_since(None, &given).strictly()
}

/// How the answer is wanted; `longest` is how long it may be waited for.
pub(super) fn manner_of(
    request: &HttpRequest,
    block: Option<&str>,
    is_padded: bool,
    longest: Duration,
) -> Result<Manner, ApiError> {
    let refuse = |text: String| Err(ApiError::new(ErrorCode::InvalidRequest, text));
    if push::wants_events(request.headers()) {
        for (name, is_there) in [("callback", is_padded), ("block", block.is_some())] {
            if is_there {
                let text = "does not go together with Accept: text/event-stream";
                return refuse(format!("the parameter {name} {text}"));
            }
        }
        return Ok(Manner::Events);
    }
    let Some(block) = block else { return Ok(Manner::Poll(Duration::ZERO)) };
    let most = longest.as_secs();
    match block.parse() {
        Ok(seconds) if block.bytes().all(|byte| byte.is_ascii_digit()) && seconds <= most => {
            Ok(Manner::Poll(Duration::from_secs(seconds)))
        }
        _ => refuse(format!("the parameter block is a whole number of seconds from 0 to {most}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_given_once_and_others_are_passed_over() {
        let mut found = Parameters::parse(b"a=1&x=2&x=3&b=&b=4", ["a", "b", "c"]).unwrap();
        assert_eq!((found.get("a"), found.get("b"), found.get("c")), (Some("1"), Some("4"), None));
        assert!(found.want("c").is_err());
        assert!(found.add(b"c=5").is_ok() && found.want("c").unwrap() == "5");
        assert!(found.add(b"a=1").is_err(), "in two places it is there twice, too");
        assert!(Parameters::parse(b"a=1&a=1", ["a"]).is_err());
    }
}
