//! Posts a message to a channel, once, however often it has to be tried.
//!
//! ```text
//! BUS_USER=demo BUS_PASSWORD=demo \
//!   cargo run -p backplane-client --example post -- http://127.0.0.1:8080/v1 demo <channel> <source-URL> <type> '<payload as JSON>'
//! ```

use std::process::ExitCode;

use backplane_client::{Client, Message};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, bus, channel, source, kind, payload] = arguments.as_slice() else {
        eprintln!("usage: post <base-URL> <bus> <channel> <source-URL> <type> <payload>");
        return ExitCode::from(2);
    };
    match post([base, bus, channel], source, kind, payload).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("post: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn post(
    [base, bus, channel]: [&str; 3],
    source: &str,
    kind: &str,
    payload: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let user = std::env::var("BUS_USER").map_err(|_| "BUS_USER is not set")?;
    let password = std::env::var("BUS_PASSWORD").map_err(|_| "BUS_PASSWORD is not set")?;
    let client = Client::builder(base).credentials(&user, &password).build()?;
    // As it is: numbers keep every digit (MSG-3).
    let payload: Box<RawValue> = serde_json::from_str(payload)?;
    let message = Message::new(source, kind, &payload)?;
    for id in client.bus(bus)?.channel(channel)?.post(&[message]).await? {
        println!("{id}");
    }
    Ok(())
}
