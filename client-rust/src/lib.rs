//! A client of Backplane Protocol servers, for servers and tests: post messages, read channels and buses, subscribe to them, and
//! learn of whatever was missed.
//!
//! ```no_run
//! use backplane_client::{Client, Event, Message, Resume};
//!
//! # async fn example() -> Result<(), backplane_client::Error> {
//! let client = Client::builder("http://127.0.0.1:8080/v1").credentials("demo", "demo").build()?;
//! let channel = client.bus("demo")?.channel("8ec92f459fa70b0da1a40e8fe70a0bc8")?;
//!
//! channel.post(&[Message::new("https://shop.example", "cart/changed", &["apple"])?]).await?;
//!
//! let mut subscription = channel.subscribe(None);
//! while let Some(event) = subscription.next().await {
//!     match event? {
//!         Event::Message(frame) => println!("{}", frame.message.as_json()),
//!         Event::Resumed(resumed) if resumed.resume != Resume::Complete => println!("something may be missing"),
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! What it does by itself: POSTs have an `Idempotency-Key` and are retried with it, so they are stored once; subscriptions connect again,
//! check that nothing was dropped, doubled or changed in order on the way, and read again what was; servers without streams are polled.
//! Version 2.0, with tokens, is in [`v2`].
//! It needs a tokio runtime with time and I/O.
//!
//! | module | what lives there |
//! |---|---|
//! | `names` | pure: names of buses and channels |
//! | `base` | pure: base URLs |
//! | `position` | pure: ids of messages, positions |
//! | `message` | pure: messages and frames, kept as they came |
//! | `fact` | pure: what a server tells beside messages |
//! | `sse` | pure: server-sent events |
//! | `chain` | pure: whether a stream comes whole and in order |
//! | `track` | pure: up to where a reader has seen what it asked for |
//! | `resource` | pure: what there is on a server |
//! | `scope` | pure: what a token is asked to let see |
//! | `error` | what can go wrong |
//! | `token` | pure: what a server says of tokens |
//! | `page` | pure: what a retrieval gives, by version |
//! | `backoff` | pure: when to try again |
//! | `key` | names of POSTs, and chance |
//! | `tls` | whom it trusts |
//! | `wire` | requests and answers, whoever asks |
//! | `keeper` | keeps a token of version 2.0 and renews it |
//! | `http` | one request for messages, or with some, and its answer |
//! | `subscription` | messages as they come |
//! | `bus` | what there is on a server, as callers see it |
//! | `v2` | version 2.0, as callers see it |
//! | `client` | the client of one server, and how it is made |
//!
//! It knows nothing of the broker: what it knows of servers stands in the protocol and in `docs/PUSH.md`.

mod backoff;
mod base;
mod bus;
mod chain;
mod client;
mod error;
mod fact;
mod http;
mod keeper;
mod key;
mod message;
mod names;
mod page;
mod position;
mod resource;
mod scope;
mod sse;
mod subscription;
mod tls;
mod token;
mod track;
pub mod v2;
mod wire;

pub use self::backoff::Backoff;
pub use self::base::BaseError;
pub use self::bus::{Bus, Channel, Channels};
pub use self::client::{Client, ClientBuilder};
pub use self::error::{Error, Refusal};
pub use self::fact::{Reason, Resume};
pub use self::key::IdempotencyKey;
pub use self::message::{Frame, Message, MessageError};
pub use self::names::{BUS_NAME_MAX, BusName, CHANNEL_NAME_MAX, ChannelName, NameError};
pub use self::page::Page;
pub use self::position::{MessageId, NotAPosition, POSITION_MAX, Position};
pub use self::subscription::{Cause, Event, Interrupted, Resumed, Subscription};
