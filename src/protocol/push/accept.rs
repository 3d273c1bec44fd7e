//! Whether a request asks for an event stream, and what the answer begins with.

use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};

const EVENTS: &[u8] = b"text/event-stream";

/// Headers that keep what is between the reader and the server from holding events back, or from changing them: the last says so in
/// standard words (RFC 10036), nginx understands the other one.
const AT_ONCE: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    (HeaderName::from_static("incremental"), HeaderValue::from_static("?1")),
];

/// Whether `Accept` names event streams, and does not refuse them in the same breath. Who takes anything gets an answer: that
/// is what clients were given before there were streams.
pub(crate) fn wants_events(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).any(|value| value.as_bytes().split(|byte| *byte == b',').any(names_events))
}

/// The head of an event stream.
pub(crate) fn event_head() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("text/event-stream")));
    for header in AT_ONCE {
        response.insert_header(header);
    }
    response
}

fn names_events(range: &[u8]) -> bool {
    let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(EVENTS)) && !parts.any(is_refusal)
}

/// A weight of zero: `q=0`, `q=0.`, `q=0.000` (RFC 9110 section 12.4.2).
fn is_refusal(parameter: &[u8]) -> bool {
    let [b'q' | b'Q', b'=', weight @ ..] = parameter else { return false };
    weight.first() == Some(&b'0') && weight.iter().all(|byte| matches!(byte, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn wants(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, HeaderValue::from_static(value));
        }
        wants_events(&headers)
    }

    #[test]
    fn push_sse_1_who_names_event_streams_gets_one() {
        for named in
            ["text/event-stream", "Text/Event-Stream; q=0.1", "application/json, text/event-stream;q=1"]
        {
            assert!(wants(&[named]), "{named}");
        }
        assert!(wants(&["application/json", "text/event-stream"]), "a second header counts as well");
        for other in
            ["", "*/*", "text/*", "text/event-streams", "text/event-stream;q=0", "text/event-stream; q=0.00"]
        {
            assert!(!wants(&[other]), "{other}");
        }
        assert!(!wants(&[]));
    }
}
