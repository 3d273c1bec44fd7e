//! A broker alone, on a clock that the test moves: how it is made, what is posted to it, and what its pages hold.

use std::sync::Arc;
use std::time::Instant;

use backplane_actors::{
    Broker, BrokerBuilder, BusName, BusSettings, ChannelName, Clock, Expire, ManualClock, Message, MessageId,
    MessageLimits, Page, Posted, Poster, Posting,
};

use crate::{PATIENCE, PAUSE, START};

/// The bus that all of this is about.
pub fn bus() -> BusName {
    "customer.com".parse().unwrap()
}

/// A channel of this name.
pub fn channel(name: &str) -> ChannelName {
    name.parse().unwrap()
}

/// A message with this text as its payload.
pub fn message(text: &str) -> Message {
    Message::new("https://example.com", "test", &text, &MessageLimits::default()).unwrap()
}

/// The same with this promise: sticky, or with an end of its own.
pub fn promised(text: &str, sticky: bool, end: Option<Expire>) -> Message {
    let expire = end.map(|end| format!(r#","expire":"{end}""#)).unwrap_or_default();
    let json = format!(
        r#"{{"source":"https://example.com","type":"test","payload":"{text}","sticky":{sticky}{expire}}}"#
    );
    Message::parse(&json, &MessageLimits::default()).unwrap()
}

/// A POST of one message for each text, without a key.
pub fn posting(name: &str, texts: &[&str]) -> Posting {
    Posting {
        poster: Poster::nobody(),
        channel: channel(name),
        messages: texts.iter().map(|text| message(text)).collect::<Vec<_>>().into(),
        key: None,
    }
}

/// A clock that stands at [`START`].
pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(START))
}

/// A broker with [`bus`] and this clock, to be refined and started.
pub fn builder(clock: &Arc<ManualClock>) -> BrokerBuilder {
    Broker::builder().bus(bus(), BusSettings::default()).clock(Arc::clone(clock) as Arc<dyn Clock>)
}

/// The ids on a page.
pub fn ids(page: &Page) -> Vec<MessageId> {
    page.entries.iter().map(|entry| entry.id()).collect()
}

/// The texts of the messages on a page, as [`message`] makes them.
pub fn texts(page: &Page) -> Vec<String> {
    let payload = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap()["payload"].clone();
    page.entries.iter().map(|entry| payload(entry.message().as_str()).as_str().unwrap().to_owned()).collect()
}

/// The ids that a POST was answered with.
pub fn posted_ids(posted: Posted) -> Vec<MessageId> {
    posted.ids().collect()
}

/// Lets the actors of this thread work until this holds, as [`crate::eventually`] does for other threads.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
