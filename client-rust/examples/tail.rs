//! Prints the messages of a channel as they come, each as a line of JSON, and says on standard error whatever may have been missed.
//!
//! ```text
//! cargo run -p backplane-client --example tail -- http://127.0.0.1:8080/v1 demo <channel> [<position>]
//! ```
//!
//! At the end it says from which position to go on.

use std::process::ExitCode;

use backplane_client::{Client, Error, Event, Resume, Subscription};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut subscription = match arguments.as_slice() {
        [base, bus, channel] => subscribe(base, bus, channel, None),
        [base, bus, channel, since] => subscribe(base, bus, channel, Some(since)),
        _ => {
            eprintln!("usage: tail <base-URL> <bus> <channel> [<position>]");
            return ExitCode::from(2);
        }
    };
    let outcome = match &mut subscription {
        // Ctrl-C ends it in order.
        Ok(subscription) => tokio::select! {
            outcome = tail(subscription) => outcome,
            _ = tokio::signal::ctrl_c() => Ok(()),
        },
        Err(error) => {
            eprintln!("tail: {error}");
            return ExitCode::from(2);
        }
    };
    if let Some(position) = subscription.as_ref().ok().and_then(Subscription::position) {
        eprintln!("tail: go on from {position}");
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tail: {error}");
            ExitCode::FAILURE
        }
    }
}

fn subscribe(
    base: &str,
    bus: &str,
    channel: &str,
    since: Option<&str>,
) -> Result<Subscription, Box<dyn std::error::Error>> {
    let since = since.map(str::parse).transpose()?;
    Ok(Client::builder(base).build()?.bus(bus)?.channel(channel)?.subscribe(since))
}

async fn tail(subscription: &mut Subscription) -> Result<(), Error> {
    while let Some(event) = subscription.next().await {
        match event? {
            Event::Message(frame) => println!("{}", frame.message.as_json()),
            Event::Resumed(resumed) if resumed.resume == Resume::Complete => {}
            Event::Resumed(resumed) => {
                eprintln!("tail: something may be missing here ({:?})", resumed.resume);
            }
            Event::Interrupted(interrupted) => eprintln!("tail: {}", interrupted.why),
            _ => {}
        }
    }
    Ok(())
}
