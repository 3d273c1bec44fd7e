//! Redis: `XADD` to one stream (RESP 2).

use crate::{Dialect, MESSAGE, Received, Verdict, line};

pub(crate) struct Redis {
    request: String,
}

impl Redis {
    pub(crate) fn new() -> Self {
        let length = MESSAGE.len();
        let request =
            format!("*5\r\n$4\r\nXADD\r\n$5\r\nbench\r\n$1\r\n*\r\n$1\r\nm\r\n${length}\r\n{MESSAGE}\r\n");
        Self { request }
    }
}

impl Dialect for Redis {
    fn hello(&self) -> Vec<u8> {
        Vec::new()
    }

    fn prepare(&self) -> Option<Vec<u8>> {
        None
    }

    fn post(&mut self) -> &[u8] {
        self.request.as_bytes()
    }

    fn understand(&self, bytes: &[u8]) -> Received {
        let Some((text, next)) = line(bytes) else { return Received::Partly };
        let Some(length) = text.strip_prefix('$') else { return Received::Answer(next, Verdict::Refused) };
        // The id, and its line end.
        let whole = next + length.parse::<usize>().unwrap_or(0) + 2;
        if bytes.len() < whole { Received::Partly } else { Received::Answer(whole, Verdict::Accepted) }
    }
}
