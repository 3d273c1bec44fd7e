//! The broker through its public handle and its public actor messages, on a clock that the test moves.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

mod delivery;
mod durability;
mod faults;
mod limits;
mod reaping;

use std::sync::Arc;
use std::time::Duration;

use backplane_actors::{
    Broker, BrokerBuilder, BusName, BusSettings, ChannelName, Clock, ManualClock, Message, MessageId,
    MessageLimits, Page, Posted, Posting, Timestamp,
};

/// Any day will do.
const START: Timestamp = Timestamp::from_millis(1_763_683_200_000);

fn bus() -> BusName {
    "customer.com".parse().unwrap()
}

fn channel(name: &str) -> ChannelName {
    name.parse().unwrap()
}

fn message(text: &str) -> Message {
    Message::new("https://example.com", "test", &text, &MessageLimits::default()).unwrap()
}

fn posting(name: &str, texts: &[&str]) -> Posting {
    Posting {
        channel: channel(name),
        messages: texts.iter().map(|text| message(text)).collect::<Vec<_>>().into(),
        key: None,
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(START))
}

fn builder(clock: &Arc<ManualClock>) -> BrokerBuilder {
    Broker::builder().bus(bus(), BusSettings::default()).clock(Arc::clone(clock) as Arc<dyn Clock>)
}

fn ids(page: &Page) -> Vec<MessageId> {
    page.entries.iter().map(|entry| entry.id()).collect()
}

fn texts(page: &Page) -> Vec<String> {
    let payload = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap()["payload"].clone();
    page.entries.iter().map(|entry| payload(entry.message().as_str()).as_str().unwrap().to_owned()).collect()
}

fn posted_ids(posted: Posted) -> Vec<MessageId> {
    posted.ids().collect()
}

/// Lets the actors work until this holds. Ends by panicking: a condition that never holds is a finding.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..5_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never: {what}");
}
