//! A reader behind a way that drops, doubles, swaps, replaces and cuts.

use proptest::prelude::*;

use super::reader::{Next, Reader};
use super::{Cause, Event};
use crate::fact::Resume;
use crate::message::{Frame, Message};
use crate::names::{BusName, ChannelName};
use crate::page::Page;
use crate::position::Position;
use crate::resource::Resource;
use crate::sse::SseEvent;

/// The moment of a message. Between two of them there are others, at which nothing is posted here.
fn moment(number: usize) -> usize {
    number * 10
}

fn id(moment: usize) -> String {
    format!("{moment:013}")
}

fn position(moment: usize) -> String {
    format!("{}.0t3k000000000", id(moment))
}

fn channel(number: usize) -> &'static str {
    if number.is_multiple_of(3) { "d" } else { "c" }
}

fn frame_text(number: usize, prev: Option<usize>) -> String {
    let (channel, id_text) = (channel(number), id(moment(number)));
    let prev = prev.map(|prev| format!(r#","prev":"{}""#, id(prev))).unwrap_or_default();
    format!(r#"{{"message":{{"payload":{number}}},"channel_name":"{channel}","id":"{id_text}"{prev}}}"#)
}

fn event(kind: &str, data: String, at: usize) -> SseEvent {
    SseEvent { kind: kind.to_owned(), data, id: Some(position(at)) }
}

/// The server: messages 1 to `newest` by turns on two channels, and whatever it says of positions before `lost`. After each
/// second message it is silent for long enough to say so.
#[derive(Clone, Copy)]
struct Server {
    newest: usize,
    lost: usize,
    several: bool,
}

impl Server {
    /// The last message that the reader has or cannot have any more, where it stands, and what is said of that.
    fn start(self, since: Option<&Position>) -> (usize, usize, Resume) {
        let at = since.map_or(moment(self.lost), |since| since.id().unwrap().as_str().parse().unwrap());
        if at < moment(self.lost) {
            (self.lost, moment(self.lost), Resume::Gap)
        } else {
            (at / moment(1), at, Resume::Complete)
        }
    }

    fn cursor(self, moment: usize) -> String {
        format!("{}{}", position(moment), if self.several { ".set" } else { "" })
    }

    fn stream(self, since: Option<&Position>) -> Vec<SseEvent> {
        let (last, at, resume) = self.start(since);
        let word = if resume == Resume::Gap { "gap" } else { "complete" };
        let fact = format!(r#"{{"resume":"{word}","cursor":"{}"}}"#, self.cursor(at));
        let mut events = vec![event("backplane", fact, at)];
        let silence = |number: usize, prev: String| {
            let cursor = self.cursor(moment(number) + 5);
            event("backplane", format!(r#"{{"cursor":"{cursor}"{prev}}}"#), moment(number) + 5)
        };
        for number in last + 1..=self.newest {
            let frame = frame_text(number, Some(moment(number - 1)));
            events.push(event("message", frame, moment(number)));
            if number.is_multiple_of(2) {
                events.push(silence(number, format!(r#","prev":"{}""#, id(moment(number)))));
            }
        }
        if last == self.newest {
            events.push(silence(last, String::new()));
        }
        events
    }

    fn page(self, since: Option<&Position>) -> Page {
        let (last, _, resume) = self.start(since);
        let frames =
            (last + 1..=self.newest).map(|number| serde_json::from_str(&frame_text(number, None)).unwrap());
        let next = self.cursor(moment(self.newest) + 3).parse().ok();
        Page { frames: frames.collect::<Vec<Frame>>(), next, resume, more: false }
    }
}

/// What a reader was told: the numbers of messages, and 0 for something missed.
fn told(reader: &mut Reader<Message>) -> Vec<usize> {
    let mut told = Vec::new();
    for event in std::iter::from_fn(|| reader.next()).filter_map(|(event, _)| event) {
        match event.unwrap() {
            Event::Message(frame) => told.push(frame.message.payload_as().unwrap()),
            Event::Resumed(resumed) if resumed.resume != Resume::Complete => told.push(0),
            _ => {}
        }
    }
    told
}

fn reader(several: bool) -> Reader<Message> {
    let bus: BusName = "b".parse().unwrap();
    let names: [ChannelName; 2] = ["c", "d"].map(|name| name.parse().unwrap());
    Reader::new(&if several { Resource::Channels(bus, names.into()) } else { Resource::Bus(bus) }, None)
}

/// One connection, as the engine makes it. Whether it was noticed that the way does not hold.
fn connect(reader: &mut Reader<Message>, server: Server, harm: &dyn Fn(&mut Vec<SseEvent>)) -> bool {
    let mut events = server.stream(reader.connects());
    harm(&mut events);
    for event in &events {
        match reader.take(event) {
            Next::Broken => {
                reader.take_page(server.page(reader.position())).unwrap();
                return true;
            }
            Next::Again => panic!("nothing is told of a gap in the midst"),
            _ => {}
        }
    }
    false
}

#[derive(Debug, Clone)]
enum Harm {
    Drop(prop::sample::Index),
    Double(prop::sample::Index, prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Replace(prop::sample::Index, prop::sample::Index),
    Cut(prop::sample::Index),
    Spoil(prop::sample::Index),
}

impl Harm {
    fn to(&self, events: &mut Vec<SseEvent>) {
        let most = events.len();
        if most == 0 {
            return;
        }
        match self {
            Self::Drop(at) => drop(events.remove(at.index(most))),
            Self::Double(at, place) => events.insert(place.index(most + 1), events[at.index(most)].clone()),
            Self::Swap(at, other) => events.swap(at.index(most), other.index(most)),
            Self::Replace(at, by) => events[at.index(most)] = events[by.index(most)].clone(),
            Self::Cut(at) => events.truncate(at.index(most)),
            Self::Spoil(at) => events[at.index(most)].data.push('x'),
        }
    }
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        at().prop_map(Harm::Drop),
        (at(), at()).prop_map(|(at, place)| Harm::Double(at, place)),
        (at(), at()).prop_map(|(at, other)| Harm::Swap(at, other)),
        (at(), at()).prop_map(|(at, by)| Harm::Replace(at, by)),
        at().prop_map(Harm::Cut),
        at().prop_map(Harm::Spoil),
    ]
}

proptest! {
    /// Whatever happens on the way, of one or between several channels: each message comes once and in order, and nobody is told of a
    /// gap that is none.
    #[test]
    fn i_10_each_message_comes_once_and_in_order(
        several in any::<bool>(),
        rounds in prop::collection::vec((0usize..6, prop::collection::vec(harm(), 0..3)), 1..8),
    ) {
        let (mut reader, mut server) = (reader(several), Server { newest: 0, lost: 0, several });
        for (more, harms) in rounds {
            server.newest += more;
            let noticed = connect(&mut reader, server, &|events| harms.iter().for_each(|harm| harm.to(events)));
            prop_assert!(!noticed || !harms.is_empty(), "nothing is noticed where nothing happened");
        }
        // What was dropped last comes again.
        connect(&mut reader, server, &|_| {});
        prop_assert_eq!(told(&mut reader), (1..=server.newest).collect::<Vec<_>>());
    }

    /// Where the server has lost something, that is told once, in its place.
    #[test]
    fn i_10_what_the_server_has_lost_is_told_in_its_place(
        several in any::<bool>(),
        before in 1usize..5,
        lost in 1usize..5,
        after in 0usize..5,
        harms in prop::collection::vec(harm(), 0..3),
    ) {
        let mut reader = reader(several);
        connect(&mut reader, Server { newest: before, lost: 0, several }, &|_| {});
        let server = Server { newest: before + lost + after, lost: before + lost, several };
        connect(&mut reader, server, &|events| harms.iter().for_each(|harm| harm.to(events)));
        connect(&mut reader, server, &|_| {});
        let mut wanted: Vec<_> = (1..=before).chain([0]).collect();
        wanted.extend(server.lost + 1..=server.newest);
        prop_assert_eq!(told(&mut reader), wanted);
    }

    /// One event that is dropped is noticed by the next of whichever channel, a position included; one that comes a second time,
    /// at once or later, is no loss.
    #[test]
    fn i_10_one_loss_is_noticed_by_the_next_and_a_double_is_none(
        several in any::<bool>(),
        newest in 1usize..9,
        at in any::<prop::sample::Index>(),
        later in any::<prop::sample::Index>(),
    ) {
        let server = Server { newest, lost: 0, several };
        let events = server.stream(None);
        let at = at.index(events.len());
        let is_noticed = at + 1 < events.len() && (at == 0 || events[at].kind == "message");
        let noticed = connect(&mut reader(several), server, &|events| drop(events.remove(at)));
        prop_assert_eq!(noticed, is_noticed);
        let place = at + 1 + later.index(events.len() - at);
        let noticed = connect(&mut reader(several), server, &|events| events.insert(place, events[at].clone()));
        prop_assert!(!noticed);
    }
}

#[test]
fn positions_go_with_what_is_told() {
    let mut reader = reader(false);
    let server = Server { newest: 2, lost: 0, several: false };
    for event in server.stream(None) {
        assert_ne!(reader.take(&event), Next::Broken);
    }
    let mut positions = Vec::new();
    while let Some((_, position)) = reader.next() {
        positions.push(position.unwrap().to_string());
    }
    assert_eq!(positions, [0, 10, 20, 25].map(position));
    assert_eq!(reader.connects().unwrap().to_string(), position(25), "a position that holds is gone on from");
}

#[test]
fn i_10_a_mend_says_what_it_found() {
    let mut reader = reader(false);
    let server = Server { newest: 3, lost: 0, several: false };
    assert!(connect(&mut reader, server, &|events| drop(events.remove(1))));
    let causes: Vec<_> = std::iter::from_fn(|| reader.next())
        .filter_map(|(event, _)| match event {
            Some(Ok(Event::Resumed(resumed))) => Some((resumed.cause, resumed.resume)),
            _ => None,
        })
        .collect();
    assert_eq!(causes, [(Cause::Started, Resume::Complete), (Cause::Mended, Resume::Complete)]);
}

/// A way that drops the first word hides how the stream stands, and a word without a place is none.
#[test]
fn i_10_what_begins_without_its_place_is_broken() {
    for first in [
        event("message", frame_text(1, Some(0)), 10),
        event("backplane", format!(r#"{{"cursor":"{}"}}"#, position(5)), 5),
        event("backplane", r#"{"resume":"complete"}"#.to_owned(), 0),
    ] {
        let mut reader = reader(false);
        reader.connects();
        assert_eq!(reader.take(&first), Next::Broken, "{first:?}");
    }
}

/// After a gap of another channel, what the reader has may come again. It is not told twice, and what comes behind it names it.
#[test]
fn i_10_what_comes_again_is_part_of_the_chain() {
    let mut reader = reader(true);
    reader.connects();
    let gap = format!(r#"{{"resume":"gap","cursor":"{}.set","channels":{{"d":"gap"}}}}"#, position(0));
    let complete = format!(r#"{{"resume":"complete","cursor":"{}.set"}}"#, position(0));
    let (first, third) = (frame_text(1, Some(0)), frame_text(3, Some(moment(1))));
    assert_eq!(reader.take(&event("backplane", complete, 0)), Next::GoOn);
    assert_eq!(reader.take(&event("message", first.clone(), moment(1))), Next::New);
    reader.connects();
    assert_eq!(reader.take(&event("backplane", gap, 0)), Next::GoOn);
    assert_eq!(reader.take(&event("message", first, moment(1))), Next::GoOn);
    assert_eq!(reader.take(&event("message", third, moment(3))), Next::New);
    assert_eq!(told(&mut reader), [1, 0, 3]);
}
