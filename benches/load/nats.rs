//! NATS `JetStream`: each message is published with a reply subject, on which the stream acknowledges it.

use crate::{Dialect, MESSAGE, Received, Verdict, line};

pub(crate) struct Nats {
    inbox: String,
    request: Vec<u8>,
}

impl Nats {
    pub(crate) fn new(poster: usize) -> Self {
        let inbox = format!("_INBOX.{poster}");
        let request = publish("bench.messages", &inbox, MESSAGE);
        Self { inbox, request }
    }
}

fn publish(subject: &str, inbox: &str, content: &str) -> Vec<u8> {
    format!("PUB {subject} {inbox} {}\r\n{content}\r\n", content.len()).into_bytes()
}

impl Dialect for Nats {
    fn hello(&self) -> Vec<u8> {
        let options = r#"{"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":1}"#;
        format!("CONNECT {options}\r\nSUB {} 1\r\n", self.inbox).into_bytes()
    }

    fn prepare(&self) -> Option<Vec<u8>> {
        let stream = r#"{"name":"bench","subjects":["bench.>"],"storage":"file","num_replicas":1}"#;
        Some(publish("$JS.API.STREAM.CREATE.bench", &self.inbox, stream))
    }

    fn post(&mut self) -> &[u8] {
        &self.request
    }

    fn understand(&self, bytes: &[u8]) -> Received {
        let Some((text, next)) = line(bytes) else { return Received::Partly };
        if text == "PING" {
            return Received::Aside(next, b"PONG\r\n");
        }
        let Some(head) = text.strip_prefix("MSG ") else {
            let refused = text.starts_with("-ERR");
            return if refused {
                Received::Answer(next, Verdict::Refused)
            } else {
                Received::Aside(next, b"")
            };
        };
        let length: usize = head.rsplit(' ').next().and_then(|length| length.parse().ok()).unwrap_or(0);
        let Some(content) = bytes.get(next..next + length + 2) else { return Received::Partly };
        let refused = content.windows(7).any(|seven| seven == br#""error""#);
        Received::Answer(next + length + 2, if refused { Verdict::Refused } else { Verdict::Accepted })
    }
}
