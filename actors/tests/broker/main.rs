//! The broker through its public handle, on a clock that the test moves.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

mod arbiters;
mod buses;
mod delivery;
mod disk;
mod durability;
mod expiry;
mod faults;
mod limits;
mod log;
mod patience;
mod positions;
mod reaping;
mod restarts;

use std::sync::Arc;
use std::time::Duration;

use backplane_actors::{
    Broker, BrokerBuilder, BusName, BusSettings, ChannelName, Clock, Fingerprint, IdempotencyKey,
    ManualClock, Message, MessageId, MessageLimits, Page, PostError, Posted, Posting, Since, Stats,
    Timestamp,
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

/// A POST of one message, with a key.
fn keyed(name: &str, text: &str, key: &str) -> Posting {
    keyed_by("", name, text, key)
}

fn keyed_by(owner: &str, name: &str, text: &str, key: &str) -> Posting {
    let mut body = [0; 32];
    body[..text.len().min(32)].copy_from_slice(&text.as_bytes()[..text.len().min(32)]);
    let key = IdempotencyKey::new(owner, key, Fingerprint(body)).unwrap();
    Posting { key: Some(key), ..posting(name, &[text]) }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(START))
}

fn builder(clock: &Arc<ManualClock>) -> BrokerBuilder {
    Broker::builder().bus(bus(), BusSettings::default()).clock(Arc::clone(clock) as Arc<dyn Clock>)
}

/// POSTs without waiting for the answer.
fn post(broker: &Broker, posting: Posting) -> actix_rt::task::JoinHandle<Result<Posted, PostError>> {
    let broker = broker.clone();
    actix_rt::spawn(async move { broker.post(&bus(), posting).await })
}

async fn read(broker: &Broker, name: &str, since: impl Into<Since>) -> Page {
    broker.read_channel(&bus(), &channel(name), since.into()).await.unwrap()
}

async fn read_bus(broker: &Broker, since: impl Into<Since>) -> Page {
    broker.read_bus(&bus(), since.into()).await.unwrap()
}

fn stats(broker: &Broker) -> Stats {
    broker.bus_stats(&bus()).unwrap()
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
