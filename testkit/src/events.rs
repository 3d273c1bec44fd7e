//! An event stream, as its reader sees it.

use std::io::{BufRead as _, BufReader};
use std::time::Instant;

use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::{Client, PATIENCE, Reply, described};

/// An open event stream. Dropping it hangs up.
pub struct Events {
    lines: BufReader<Response>,
    /// Of the answer.
    pub headers: HeaderMap,
}

/// What an event stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A frame.
    Frame {
        /// The position behind it.
        id: String,
        /// All of it.
        frame: Value,
    },
    /// Something beside messages.
    Fact {
        /// The position behind it, if it has one.
        id: Option<String>,
        /// How long to wait before coming back, in milliseconds, if it says so.
        retry: Option<u64>,
        /// All of it.
        fact: Value,
    },
    /// That it is there.
    Heartbeat,
}

impl Events {
    /// Asks for events, and expects that they come.
    pub fn of(request: RequestBuilder) -> Self {
        let response = request.header("Accept", "text/event-stream").send().unwrap();
        let headers = response.headers().clone();
        // What it says is another question: it has no end.
        let reply = Reply { status: response.status().as_u16(), headers: headers.clone(), body: Vec::new() };
        if reply.status == 200 {
            described::check("GET", response.url().path(), &reply);
        }
        assert_eq!(response.status().as_u16(), 200, "{}", response.text().unwrap());
        assert_eq!(headers["content-type"], "text/event-stream");
        Self { lines: BufReader::new(response), headers }
    }

    /// The events at this path.
    pub fn open(client: &Client, path: &str) -> Self {
        Self::of(client.request("GET", path))
    }

    /// The next frame, with the position behind it. Silence may come before.
    #[track_caller]
    pub fn frame(&mut self) -> (String, Value) {
        match self.next_loud() {
            Some(Said::Frame { id, frame }) => (id, frame),
            other => panic!("no frame but {other:?}"),
        }
    }

    /// The payloads of the next frames.
    #[track_caller]
    pub fn payloads(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.frame().1["message"]["payload"].to_string()).collect()
    }

    /// The next fact. Silence may come before.
    #[track_caller]
    pub fn fact(&mut self) -> Value {
        match self.next_loud() {
            Some(Said::Fact { fact, .. }) => fact,
            other => panic!("no fact but {other:?}"),
        }
    }

    /// The first of all: whether something was missed, and the position.
    #[track_caller]
    pub fn resumed(&mut self) -> (String, String) {
        let fact = self.fact();
        let text = |name: &str| fact[name].as_str().unwrap_or_else(|| panic!("{name} in {fact}")).to_owned();
        (text("resume"), text("cursor"))
    }

    fn next_loud(&mut self) -> Option<Said> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next() {
                Some(Said::Heartbeat) => assert!(Instant::now() < deadline, "nothing but silence"),
                said => return said,
            }
        }
    }
}

/// What it says, until its end.
impl Iterator for Events {
    type Item = Said;

    fn next(&mut self) -> Option<Said> {
        let (mut name, mut id, mut retry, mut data, mut comment) = (None, None, None, None, false);
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                assert!(name.is_none() && data.is_none(), "an event is whole: {name:?} {data:?}");
                return None;
            }
            let line = line.strip_suffix('\n').expect("lines have an end");
            if line.is_empty() {
                break;
            }
            let (field, value) = line.split_once(": ").unwrap();
            match field {
                "" => comment = true,
                "event" => name = Some(value.to_owned()),
                "id" => id = Some(value.to_owned()),
                "retry" => retry = Some(value.parse().unwrap()),
                "data" => assert!(data.replace(value.to_owned()).is_none(), "one line of data"),
                other => panic!("an event has no field {other}"),
            }
        }
        let json = |data: Option<String>| serde_json::from_str(&data.unwrap()).unwrap();
        Some(match name.as_deref() {
            Some("message") => Said::Frame { id: id.unwrap(), frame: json(data) },
            Some("backplane") => Said::Fact { id, retry, fact: json(data) },
            None if comment => Said::Heartbeat,
            other => panic!("events are not called {other:?}"),
        })
    }
}
