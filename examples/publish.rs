//! Tells the widgets on a visitor's page who signed in there: posts `identity/login` to the page's channel.
//!
//! ```text
//! BUS_USER=demo BUS_PASSWORD=demo cargo run --example publish -- <channel-URL> <name>
//! ```
//!
//! The same with curl: `publish.sh`, in Python: `publish.py`. They show what the client does here: one `Idempotency-Key` for all attempts,
//! and the waits between them.

use std::env;
use std::process::ExitCode;

use anyhow::Context as _;
use backplane_client::{Client, Message};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [channel, name] = arguments.as_slice() else {
        eprintln!("usage: publish <channel-URL> <name>");
        return ExitCode::from(2);
    };
    match publish(channel, name).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("publish: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn publish(channel: &str, name: &str) -> anyhow::Result<()> {
    let user = env::var("BUS_USER").context("BUS_USER")?;
    let password = env::var("BUS_PASSWORD").context("BUS_PASSWORD")?;
    let (base, bus, channel) =
        parts(channel).context("a channel's URL ends in /bus/<bus>/channel/<channel>")?;
    let client = Client::builder(base).credentials(&user, &password).build()?;
    client.bus(bus)?.channel(channel)?.post(&[login(name)?]).await?;
    Ok(())
}

/// The server's base URL, the bus and the channel.
fn parts(channel_url: &str) -> Option<(&str, &str, &str)> {
    let (bus_url, channel) = channel_url.rsplit_once("/channel/")?;
    let (base, bus) = bus_url.rsplit_once("/bus/")?;
    Some((base, bus, channel))
}

/// As the Identity scenario has it: the page's URL, and a Portable Contacts object.
fn login(name: &str) -> Result<Message, backplane_client::MessageError> {
    let payload = json!({
        "context": "http://shop.example/",
        "identities": {
            "startIndex": 0,
            "itemsPerPage": 1,
            "totalResults": 1,
            "entry": { "id": "1", "displayName": name },
        },
    });
    Message::new("http://login.example", "identity/login", &payload)
}
