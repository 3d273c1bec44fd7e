//! The broker through its public handle, on a clock that the test moves.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

mod across;
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
mod promises;
mod reaping;
mod recovery;
mod restarts;
mod shares;
mod subscriptions;

use actix_rt::task::JoinHandle;
use backplane_actors::{
    Broker, Fingerprint, IdempotencyKey, Page, PostError, Posted, Poster, Posting, Since, Stats,
};
use testkit::START;
use testkit::broker::{builder, bus, channel, clock, eventually, ids, message, posted_ids, posting, texts};

/// A POST of one message, with a key.
fn keyed(name: &str, text: &str, key: &str) -> Posting {
    keyed_by("", name, text, key)
}

/// A POST of one message by somebody of this name.
fn posting_of(poster: &str, name: &str, text: &str) -> Posting {
    Posting { poster: Poster::new(poster).unwrap(), ..posting(name, &[text]) }
}

/// A POST of one message, with a key, by somebody of this name.
fn keyed_by(owner: &str, name: &str, text: &str, key: &str) -> Posting {
    let mut body = [0; 32];
    let length = text.len().min(body.len());
    body[..length].copy_from_slice(&text.as_bytes()[..length]);
    let key = IdempotencyKey::new(key, Fingerprint(body)).unwrap();
    Posting { key: Some(key), ..posting_of(owner, name, text) }
}

/// POSTs without waiting for the answer.
fn post(broker: &Broker, posting: Posting) -> JoinHandle<Result<Posted, PostError>> {
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
