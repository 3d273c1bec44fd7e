//! The pieces together are the answer that the protocol says, and none is larger than it may be.

use actix_web::body::MessageBody as _;
use backplane_actors::{
    Batch, Broker, BusName, BusSettings, ChannelName, Message, MessageLimits, Page, Poster, Posting, Since,
};
use proptest::prelude::*;

use super::*;
use crate::http::Budget;

/// A page with these payloads, as readers of a bus get it.
fn page(payloads: &[String]) -> Page {
    actix_web::rt::System::new().block_on(async {
        let bus = bus();
        let broker = Broker::builder().bus(bus.clone(), BusSettings::default()).start().unwrap();
        for (n, payload) in payloads.iter().enumerate() {
            let channel: ChannelName = format!("channel-{n}").parse().unwrap();
            let message =
                Message::new("https://example.com", "test", payload, &MessageLimits::default()).unwrap();
            let posting =
                Posting { poster: Poster::nobody(), channel, messages: Batch::single(message), key: None };
            broker.post(&bus, posting).await.unwrap();
        }
        let page = broker.read_bus(&bus, Since::Start).await.unwrap();
        broker.shutdown().await;
        page
    })
}

/// The whole answer, made in the plainest way.
fn whole(page: &Page, callback: Option<&str>) -> String {
    let frames: Vec<_> = page
        .entries
        .iter()
        .map(|entry| {
            format!(
                r#"{{"message":{},"channel_name":"{}","id":"{}"}}"#,
                std::str::from_utf8(entry.message().as_bytes()).unwrap(),
                entry.channel().as_str(),
                entry.id()
            )
        })
        .collect();
    let json = format!("[{}]", frames.join(","));
    match callback {
        None => json,
        Some(name) => {
            format!("{name}({});", json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
        }
    }
}

fn bus() -> BusName {
    "customer.com".parse().unwrap()
}

fn frames(page: &Page, callback: Option<&str>) -> List {
    let callback = callback.map(|name| Callback::parse(name).ok().unwrap());
    List::frames((&bus(), page.entries.clone()), Shows::AsPosted, callback.as_ref())
}

fn pieces(mut frames: List) -> Vec<Bytes> {
    std::iter::from_fn(|| frames.piece()).collect()
}

/// Text that grows when it is escaped, by the byte, so that its separators meet the ends of pieces.
fn payload() -> impl Strategy<Value = String> {
    let short = "[a\u{2028}\u{2029}\u{2027}\u{e2}\"\\\\]{0,20}";
    let long = (0..3 * PIECE, "[ab]{0,3}\u{2028}{1,3}")
        .prop_map(|(length, unit)| unit.repeat(length.min(200_000) / unit.len()));
    prop_oneof![4 => short.prop_map(String::from), 1 => long]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_pieces_are_the_answer_and_bounded(
        payloads in prop::collection::vec(payload(), 0..12),
        callback in prop::option::of(prop_oneof![Just("f"), Just("Backplane.response")]),
    ) {
        let page = page(&payloads);
        let body = frames(&page, callback);
        let expected = whole(&page, callback);
        prop_assert_eq!(body.left(), expected.len());
        prop_assert_eq!(body.size(), BodySize::Sized(expected.len().try_into().unwrap()));
        let pieces = pieces(body);
        prop_assert!(pieces.iter().all(|piece| !piece.is_empty() && piece.len() <= PIECE));
        prop_assert!(pieces.len() <= expected.len() / (PIECE / 2) + 1, "small pieces cost a write each");
        prop_assert!(pieces.concat() == expected.as_bytes(), "another answer than the protocol's");
    }
}

#[test]
fn a_separator_may_meet_the_end_of_a_piece_at_every_byte() {
    for before in 0..16 {
        let text = format!("{}{}", "x".repeat(PIECE - 90 + before), "\u{2028}\u{2029}".repeat(8));
        let page = page(&[text]);
        assert_eq!(pieces(frames(&page, Some("f"))).concat(), whole(&page, Some("f")).as_bytes(), "{before}");
    }
}

#[test]
fn i_6_an_answer_that_nobody_reads_holds_references_and_two_pieces() {
    let page = page(&vec!["x".repeat(100_000); 20]);
    let body = frames(&page, None);
    assert_eq!(body.left(), whole(&page, None).len());
    let references = page.entries.len() * size_of::<Arc<Entry>>();
    assert_eq!(body.cost(), 2 * PIECE + references + size_of::<List>());
}

#[test]
fn what_is_written_is_let_go_of() {
    let page = page(&["first".to_owned(), "x".repeat(2 * PIECE)]);
    let first = Arc::downgrade(page.entries.first().unwrap());
    let mut body = frames(&page, None);
    drop(page);
    assert!(first.upgrade().is_some());
    assert!(body.piece().is_some());
    assert!(first.upgrade().is_none());
}

#[test]
fn small_answers_take_what_they_are_and_empty_ones_nothing() {
    let page = page(&["x".to_owned()]);
    let body = frames(&page, None);
    assert!(body.cost() < 512, "{}", body.cost());
    let empty = Page { entries: Vec::new(), ..page };
    assert_eq!(frames(&empty, None).cost(), 0);
    assert_eq!(frames(&empty, None).try_into_bytes().ok().unwrap(), "[]");
    assert_eq!(frames(&empty, Some("f")).try_into_bytes().ok().unwrap(), "f([]);");
}

#[test]
fn the_lease_ends_with_the_body() {
    let page = page(&["x".to_owned()]);
    let budget = Budget::new(1024);
    let body = frames(&page, None);
    let cost = body.cost();
    let mut body = body.with_lease(budget.take(Holder::Anybody, cost).unwrap());
    assert_eq!(budget.held(), cost);
    while body.piece().is_some() {}
    assert_eq!(budget.held(), cost, "the connection has not let go of it");
    drop(body);
    assert_eq!(budget.held(), 0);
}
