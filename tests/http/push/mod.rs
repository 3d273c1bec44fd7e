//! What readers are told at once (docs/PUSH.md), over real sockets.
//!
//! | module | what lives there |
//! |---|---|
//! | `bounds` | how many may wait |
//! | `chains` | nothing is lost or doubled on any way |
//! | `endings` | why a stream ends |
//! | `event_source` | what a browser makes of them |
//! | `events` | server-sent events |
//! | `long_polls` | answers that wait |
//! | `sets` | several channels at once |
//! | `sockets` | WebSocket |

mod bounds;
mod chains;
mod endings;
mod event_source;
mod events;
mod long_polls;
mod sets;
mod sockets;

use testkit::{BUS, Client, Events};

/// The path of a channel; `query` starts with `?` or is empty.
fn channel(name: &str, query: &str) -> String {
    format!("/v1/bus/{BUS}/channel/{name}{query}")
}

/// The path of several channels; `query` starts with `&` or is empty.
fn channels(names: &[&str], query: &str) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("channel={name}")).collect();
    format!("/v1/bus/{BUS}/channels?{}{query}", names.join("&"))
}

/// The events at a path, for a reader that comes back with an event's `id`.
fn again(client: &Client, path: &str, last: &str) -> Events {
    Events::of(client.request("GET", path).header("Last-Event-ID", last))
}

/// The events of the bus, for `reader`.
fn of_bus(client: &Client) -> Events {
    Events::of(client.request("GET", &format!("/v1/bus/{BUS}")).basic_auth("reader", Some("redaer")))
}

/// How many wait in this way.
fn waiting(client: &Client, kind: &str) -> Option<f64> {
    client.metric("streams", &format!("{{kind=\"{kind}\"}}"))
}
