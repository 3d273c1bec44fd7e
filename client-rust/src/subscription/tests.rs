//! A reader behind a way that drops, doubles, swaps, replaces and cuts.

use proptest::prelude::*;

use super::reader::{Next, Reader};
use super::{Cause, Event};
use crate::fact::Resume;
use crate::http::Page;
use crate::message::Frame;
use crate::names::{BusName, ChannelName};
use crate::position::Position;
use crate::resource::Resource;
use crate::sse::SseEvent;

fn position(number: usize) -> String {
    format!("{number:013}.0t3k000000000")
}

fn frame_text(number: usize, prev: Option<usize>) -> String {
    let prev = prev.map(|prev| format!(r#","prev":"{prev:013}""#)).unwrap_or_default();
    format!(r#"{{"message":{{"payload":{number}}},"channel_name":"c","id":"{number:013}"{prev}}}"#)
}

fn event(kind: &str, data: String, at: usize) -> SseEvent {
    SseEvent { kind: kind.to_owned(), data, id: Some(position(at)) }
}

/// The server: messages 1 to `newest`, and whatever it says of positions before `lost`.
#[derive(Clone, Copy)]
struct Server {
    newest: usize,
    lost: usize,
}

impl Server {
    fn start(self, since: Option<&Position>) -> (usize, Resume) {
        match since {
            None => (self.lost, Resume::Complete),
            Some(since) => {
                let at = since.id().unwrap().as_str().parse().unwrap();
                if at < self.lost { (self.lost, Resume::Gap) } else { (at, Resume::Complete) }
            }
        }
    }

    fn stream(self, since: Option<&Position>) -> Vec<SseEvent> {
        let (at, resume) = self.start(since);
        let word = if resume == Resume::Gap { "gap" } else { "complete" };
        let fact = format!(r#"{{"resume":"{word}","cursor":"{}"}}"#, position(at));
        let frames = (at + 1..=self.newest)
            .map(|number| event("message", frame_text(number, Some(number - 1)), number));
        let cursor = format!(r#"{{"cursor":"{}"}}"#, position(self.newest));
        let mut events = vec![event("backplane", fact, at)];
        events.extend(frames);
        events.push(event("backplane", cursor, self.newest));
        events
    }

    fn page(self, since: Option<&Position>) -> Page {
        let (at, resume) = self.start(since);
        let frames =
            (at + 1..=self.newest).map(|number| serde_json::from_str(&frame_text(number, None)).unwrap());
        Page { frames: frames.collect::<Vec<Frame>>(), next: position(self.newest).parse().ok(), resume }
    }
}

/// What a reader was told: the numbers of messages, and 0 for something missed.
fn told(reader: &mut Reader) -> Vec<usize> {
    let mut told = Vec::new();
    while let Some((event, _)) = reader.next() {
        match event.unwrap() {
            Event::Message(frame) => told.push(frame.message.payload_as().unwrap()),
            Event::Resumed(resumed) if resumed.resume != Resume::Complete => told.push(0),
            _ => {}
        }
    }
    told
}

fn reader() -> Reader {
    let (bus, channel): (BusName, ChannelName) = ("b".parse().unwrap(), "c".parse().unwrap());
    Reader::new(&Resource::Channel(bus, channel), None)
}

/// One connection, as the engine makes it.
fn connect(reader: &mut Reader, server: Server, harm: &dyn Fn(&mut Vec<SseEvent>)) {
    let mut events = server.stream(reader.connects());
    harm(&mut events);
    for event in &events {
        match reader.take(event) {
            Next::Broken => return reader.take_page(server.page(reader.position())).unwrap(),
            Next::Again => return connect(reader, server, &|_| {}),
            _ => {}
        }
    }
}

#[derive(Debug, Clone)]
enum Harm {
    Drop(prop::sample::Index),
    Double(prop::sample::Index),
    Swap(prop::sample::Index),
    Replace(prop::sample::Index),
    Cut(prop::sample::Index),
    Spoil(prop::sample::Index),
}

impl Harm {
    /// To whatever comes behind the first fact, which the server repeats to nobody.
    fn to(&self, events: &mut Vec<SseEvent>) {
        let Some(most) = events.len().checked_sub(1).filter(|most| *most > 0) else { return };
        match self {
            Self::Drop(at) => drop(events.remove(1 + at.index(most))),
            Self::Double(at) => {
                let at = 1 + at.index(most);
                events.insert(at, events[at].clone());
            }
            Self::Swap(at) => events[1..].swap(0, at.index(most)),
            Self::Replace(at) => events[1 + at.index(most)] = events[1].clone(),
            Self::Cut(at) => events.truncate(1 + at.index(most)),
            Self::Spoil(at) => events[1 + at.index(most)].data.push('x'),
        }
    }
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        at().prop_map(Harm::Drop),
        at().prop_map(Harm::Double),
        at().prop_map(Harm::Swap),
        at().prop_map(Harm::Replace),
        at().prop_map(Harm::Cut),
        at().prop_map(Harm::Spoil),
    ]
}

proptest! {
    /// Whatever happens on the way, each message comes once and in order, and nobody is told of a gap that is none.
    #[test]
    fn i_10_each_message_comes_once_and_in_order(
        rounds in prop::collection::vec((0usize..6, prop::collection::vec(harm(), 0..3)), 1..8),
    ) {
        let (mut reader, mut server) = (reader(), Server { newest: 0, lost: 0 });
        for (more, harms) in rounds {
            server.newest += more;
            connect(&mut reader, server, &|events| harms.iter().for_each(|harm| harm.to(events)));
        }
        // What was dropped last comes again.
        connect(&mut reader, server, &|_| {});
        prop_assert_eq!(told(&mut reader), (1..=server.newest).collect::<Vec<_>>());
    }

    /// Where the server has lost something, that is told in its place.
    #[test]
    fn i_10_what_the_server_has_lost_is_told_in_its_place(
        before in 1usize..5,
        lost in 1usize..5,
        after in 0usize..5,
        harms in prop::collection::vec(harm(), 0..3),
    ) {
        let mut reader = reader();
        connect(&mut reader, Server { newest: before, lost: 0 }, &|_| {});
        let server = Server { newest: before + lost + after, lost: before + lost };
        connect(&mut reader, server, &|events| harms.iter().for_each(|harm| harm.to(events)));
        connect(&mut reader, server, &|_| {});
        let mut wanted: Vec<_> = (1..=before).chain([0]).collect();
        wanted.extend(server.lost + 1..=server.newest);
        // A mend behind the gap may be told of it once more: it reads from before.
        let mut all = told(&mut reader);
        all.dedup();
        prop_assert_eq!(all, wanted);
    }
}

#[test]
fn positions_go_with_what_is_told() {
    let mut reader = reader();
    let server = Server { newest: 2, lost: 0 };
    for event in server.stream(None) {
        assert_ne!(reader.take(&event), Next::Broken);
    }
    let mut positions = Vec::new();
    while let Some((_, position)) = reader.next() {
        positions.push(position.unwrap().to_string());
    }
    assert_eq!(positions, [position(0), position(1), position(2)]);
}

#[test]
fn i_10_a_mend_says_what_it_found() {
    let mut reader = reader();
    connect(&mut reader, Server { newest: 3, lost: 0 }, &|events| drop(events.remove(2)));
    let causes: Vec<_> = std::iter::from_fn(|| reader.next())
        .filter_map(|(event, _)| match event {
            Ok(Event::Resumed(resumed)) => Some((resumed.cause, resumed.resume)),
            _ => None,
        })
        .collect();
    assert_eq!(causes, [(Cause::Started, Resume::Complete), (Cause::Mended, Resume::Complete)]);
}
