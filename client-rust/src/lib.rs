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
//! | `error` | what can go wrong |
//! | `backoff` | pure: when to try again |
//! | `key` | names of POSTs, and chance |
//! | `tls` | whom it trusts |
//! | `http` | one request and its answer |
//! | `subscription` | messages as they come |
//! | `bus` | what there is on a server, as callers see it |
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
mod key;
mod message;
mod names;
mod position;
mod resource;
mod sse;
mod subscription;
mod tls;
mod track;

pub use self::backoff::Backoff;
pub use self::base::BaseError;
pub use self::bus::{Bus, Channel, Channels};
pub use self::client::{Client, ClientBuilder};
pub use self::error::{Error, Refusal};
pub use self::fact::{Reason, Resume};
pub use self::http::Page;
pub use self::key::IdempotencyKey;
pub use self::message::{Frame, Message, MessageError};
pub use self::names::{BUS_NAME_MAX, BusName, CHANNEL_NAME_MAX, ChannelName, NameError};
pub use self::position::{MessageId, NotAPosition, POSITION_MAX, Position};
pub use self::subscription::{Cause, Event, Interrupted, Resumed, Subscription};
