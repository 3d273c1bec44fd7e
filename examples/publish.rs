//! Tells the widgets on a visitor's page who signed in there: posts `identity/login` to the page's channel.
//!
//! ```text
//! BACKPLANE_USER=demo BACKPLANE_PASSWORD=demo cargo run --example publish -- <channel-URL> <name>
//! ```
//!
//! The same with curl: `publish.sh`, in Python: `publish.py`.

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

const ATTEMPTS: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_mins(1);
const TIMEOUT: Duration = Duration::from_secs(30);

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
    let user = env::var("BACKPLANE_USER").context("BACKPLANE_USER")?;
    let password = env::var("BACKPLANE_PASSWORD").context("BACKPLANE_PASSWORD")?;
    // For https: reqwest is built without a choice of its own.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        bail!("another provider of cryptography is installed");
    }
    let post = Client::builder()
        .timeout(TIMEOUT)
        .build()?
        .post(channel)
        .basic_auth(user, Some(password))
        // One key for all attempts: if an answer got lost, the message is not posted twice.
        .header("Idempotency-Key", random_key()?)
        .json(&[login(name)]);
    let mut wait = Duration::from_secs(1);
    let mut last = String::new();
    for attempt in 1..=ATTEMPTS {
        let asked = match send(&post).await? {
            Outcome::Posted => return Ok(()),
            Outcome::Later(reason, asked) => {
                last = reason;
                asked
            }
        };
        if attempt < ATTEMPTS {
            // Without a word from the server, each wait is twice the one before.
            tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
            wait = wait.saturating_mul(2);
        }
    }
    bail!("not posted after {ATTEMPTS} attempts; the last: {last}")
}

enum Outcome {
    Posted,
    /// Worth another attempt, after the time that the server named.
    Later(String, Option<Duration>),
}

async fn send(post: &RequestBuilder) -> anyhow::Result<Outcome> {
    let request = post.try_clone().context("the request cannot be repeated")?;
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if error.is_builder() => return Err(error.into()),
        Err(error) => return Ok(Outcome::Later(error.to_string(), None)),
    };
    let status = answer.status();
    match status {
        StatusCode::OK => Ok(Outcome::Posted),
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            Ok(Outcome::Later(format!("the server answered {status}"), retry_after(answer.headers())))
        }
        _ => bail!("the server answered {status}"),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// As the Identity scenario has it: the page's URL, and a Portable Contacts object.
fn login(name: &str) -> Value {
    json!({
        "source": "http://login.example",
        "type": "identity/login",
        "payload": {
            "context": "http://shop.example/",
            "identities": {
                "startIndex": 0,
                "itemsPerPage": 1,
                "totalResults": 1,
                "entry": { "id": "1", "displayName": name },
            },
        },
    })
}

fn random_key() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).context("the system has no randomness to give")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
