//! The Backplane Protocol over HTTP/1.1.

use crate::{Dialect, MESSAGE, Received, Verdict, line};

/// Channels that are posted to in turn.
const CHANNELS: usize = 10_000;

pub(crate) struct Http {
    next: usize,
    request: String,
}

impl Http {
    pub(crate) fn new(poster: usize) -> Self {
        // Posters begin far from each other.
        Self { next: poster.wrapping_mul(7_919), request: String::new() }
    }
}

impl Dialect for Http {
    fn hello(&self) -> Vec<u8> {
        Vec::new()
    }

    fn prepare(&self) -> Option<Vec<u8>> {
        None
    }

    fn post(&mut self) -> &[u8] {
        let (channel, length) = (self.next % CHANNELS, MESSAGE.len() + 2);
        self.next = self.next.wrapping_add(1);
        self.request = format!(
            "POST /v1/bus/bench/channel/ch{channel} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Basic YmVuY2g6c2lkZSBieSBzaWRl\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n[{MESSAGE}]"
        );
        self.request.as_bytes()
    }

    fn understand(&self, bytes: &[u8]) -> Received {
        let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Received::Partly;
        };
        let (mut rest, mut length, mut verdict) = (bytes, 0, Verdict::Refused);
        while let Some((text, next)) = line(rest) {
            if text.is_empty() {
                break;
            }
            if text.starts_with("HTTP/1.1 200") {
                verdict = Verdict::Accepted;
            }
            if let Some((name, value)) = text.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
            rest = rest.get(next..).unwrap_or_default();
        }
        let whole = head + 4 + length;
        if bytes.len() < whole { Received::Partly } else { Received::Answer(whole, verdict) }
    }
}
