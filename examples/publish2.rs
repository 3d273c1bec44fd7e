//! Tells the widgets on a visitor's page, by version 2.0, who signed in there: posts `identity/login` to the page's channel.
//!
//! ```text
//! CLIENT_ID=vendor CLIENT_SECRET=… cargo run --example publish2 -- http://127.0.0.1:8080/v2 <bus> <channel> <name>
//! ```
//!
//! The same with curl: `publish2.sh`, in Python: `publish2.py`. They show what the client does here: a token for the credentials, another one when it is
//! over, one `Idempotency-Key` for all attempts, and the waits between them. What is posted is read by `read2`.

use std::env;
use std::process::ExitCode;

use anyhow::Context as _;
use backplane_client::Client;
use backplane_client::v2::Message;
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [base, bus, channel, name] = arguments.as_slice() else {
        eprintln!("usage: publish2 <base-URL> <bus> <channel> <name>");
        return ExitCode::from(2);
    };
    match publish(base, bus, channel, name).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("publish2: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn publish(base: &str, bus: &str, channel: &str, name: &str) -> anyhow::Result<()> {
    let client = env::var("CLIENT_ID").context("CLIENT_ID")?;
    let secret = env::var("CLIENT_SECRET").context("CLIENT_SECRET")?;
    let vendor = Client::builder(base).credentials(&client, &secret).privileged()?;
    // As the Identity scenario has it: the page's URL, and a Portable Contacts object.
    let payload = json!({
        "context": "http://shop.example/",
        "identities": {
            "startIndex": 0,
            "itemsPerPage": 1,
            "totalResults": 1,
            "entry": { "id": "1", "displayName": name },
        },
    });
    vendor.post(&Message::new(bus, channel, "identity/login", &payload)?.sticky()).await?;
    Ok(())
}
