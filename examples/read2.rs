//! Prints the messages of all buses that a client of version 2.0 was granted, each as a line of JSON, as they come. On standard error it says
//! whatever may have been missed. It ends when what it was granted is taken back.
//!
//! ```text
//! CLIENT_ID=vendor CLIENT_SECRET=… cargo run --example read2 -- http://127.0.0.1:8080/v2 [<scope>]
//! ```
//!
//! The same with curl: `read2.sh`, in Python: `read2.py`. They make long polls; the client here listens to a stream.

use std::env;
use std::process::ExitCode;

use anyhow::Context as _;
use backplane_client::{Client, Event, Resume};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (base, scope) = match arguments.as_slice() {
        [base] => (base, ""),
        [base, scope] => (base, scope.as_str()),
        _ => {
            eprintln!("usage: read2 <base-URL> [<scope>]");
            return ExitCode::from(2);
        }
    };
    match read(base, scope).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("read2: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn read(base: &str, scope: &str) -> anyhow::Result<()> {
    let client = env::var("CLIENT_ID").context("CLIENT_ID")?;
    let secret = env::var("CLIENT_SECRET").context("CLIENT_SECRET")?;
    let vendor = Client::builder(base).credentials(&client, &secret).privileged()?;
    let mut subscription = vendor.messages(&scope.parse()?).subscribe(None);
    while let Some(event) = subscription.next().await {
        match event? {
            Event::Message(frame) => println!("{}", frame.message.as_json()),
            Event::Resumed(resumed) if resumed.resume == Resume::Complete => {}
            Event::Resumed(_) => eprintln!("read2: something may be missing here"),
            Event::Interrupted(interrupted) => eprintln!("read2: {}", interrupted.why),
            _ => {}
        }
    }
    Ok(())
}
