//! Closed-loop load for brokers of several protocols: every poster waits for its answer before it posts again.
//!
//! `cargo bench --bench load -- http 127.0.0.1:8080 --posters 64 --seconds 5` prints one line of figures.
//! One generator for all peers, so that what it costs itself is the same for each. It talks to loopback only.
#![allow(
    clippy::disallowed_methods,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

mod http;
mod nats;
mod redis;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::{Parser, ValueEnum};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::LocalSet;

/// What is posted, the same to all: 260 bytes of an ordinary message.
const MESSAGE: &str = concat!(
    r#"{"source":"http://example.com","type":"identity/login","payload":"#,
    r#"{"context":"http://example.com/some/page","identities":{"startIndex":0,"itemsPerPage":1,"#,
    r#""totalResults":1,"entry":{"id":"7","displayName":"ann","preferredUsername":"ann","#,
    r#""accounts":"example"}}}}"#
);

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Protocol {
    /// A Backplane server: POST to one of 10 000 channels of the bus `bench`, as `bench:side by side`.
    Http,
    /// Redis: XADD to one stream.
    Redis,
    /// NATS: publish to one `JetStream` stream, acknowledged.
    Nats,
}

#[derive(Debug, Parser)]
struct Arguments {
    protocol: Protocol,
    address: SocketAddr,
    /// Connections that post, each one message at a time.
    #[arg(long, default_value_t = 64)]
    posters: usize,
    /// How long to post.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Ends when so many messages were accepted, too.
    #[arg(long, default_value_t = u64::MAX)]
    messages: u64,
    /// `cargo bench` adds it.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What has arrived so far, as a protocol sees it.
enum Received {
    /// Not enough of it.
    Partly,
    /// The answer, in so many bytes.
    Answer(usize, Verdict),
    /// Something else, in so many bytes, with what is to be sent for it.
    Aside(usize, &'static [u8]),
}

enum Verdict {
    Accepted,
    Refused,
}

/// One connection's side of a protocol.
trait Dialect {
    /// Sent once, without an answer.
    fn hello(&self) -> Vec<u8>;
    /// Asked once by one connection before all others begin.
    fn prepare(&self) -> Option<Vec<u8>>;
    /// The next POST.
    fn post(&mut self) -> &[u8];
    fn understand(&self, bytes: &[u8]) -> Received;
}

fn dialect(protocol: Protocol, poster: usize) -> Box<dyn Dialect> {
    match protocol {
        Protocol::Http => Box::new(http::Http::new(poster)),
        Protocol::Redis => Box::new(redis::Redis::new()),
        Protocol::Nats => Box::new(nats::Nats::new(poster)),
    }
}

/// The end of the first line, behind its line feed.
fn line(bytes: &[u8]) -> Option<(&str, usize)> {
    let end = bytes.windows(2).position(|two| two == b"\r\n")?;
    Some((std::str::from_utf8(bytes.get(..end)?).ok()?, end + 2))
}

struct Connection {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr, dialect: &dyn Dialect) -> anyhow::Result<Self> {
        let mut stream =
            TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.write_all(&dialect.hello()).await?;
        Ok(Self { stream, bytes: Vec::with_capacity(4096) })
    }

    async fn exchange(&mut self, request: &[u8], dialect: &dyn Dialect) -> anyhow::Result<Verdict> {
        self.stream.write_all(request).await?;
        self.answer(dialect).await
    }

    async fn answer(&mut self, dialect: &dyn Dialect) -> anyhow::Result<Verdict> {
        loop {
            match dialect.understand(&self.bytes) {
                Received::Partly => {
                    ensure!(self.stream.read_buf(&mut self.bytes).await? > 0, "the server hung up");
                }
                Received::Aside(length, reply) => {
                    self.bytes.drain(..length);
                    self.stream.write_all(reply).await?;
                }
                Received::Answer(length, verdict) => {
                    self.bytes.drain(..length);
                    return Ok(verdict);
                }
            }
        }
    }
}

/// What the posters saw.
#[derive(Default)]
struct Seen {
    /// Of accepted messages, in nanoseconds.
    latencies: Vec<u32>,
    refused: u64,
}

async fn poster(arguments: Rc<Arguments>, me: usize, ready: Rc<Barrier>) -> anyhow::Result<Seen> {
    let mut dialect = dialect(arguments.protocol, me);
    let mut connection = Connection::open(arguments.address, &*dialect).await?;
    // Not measured: the first password is hashed, and allocators warm up.
    let request = dialect.post().to_vec();
    connection.exchange(&request, &*dialect).await?;
    ready.wait().await;
    let (mut seen, end) = (Seen::default(), Instant::now() + Duration::from_secs(arguments.seconds));
    let share = arguments.messages / arguments.posters as u64;
    while (seen.latencies.len() as u64) < share {
        let began = Instant::now();
        if began >= end {
            break;
        }
        let request = dialect.post();
        connection.stream.write_all(request).await?;
        match connection.answer(&*dialect).await? {
            Verdict::Accepted => {
                seen.latencies.push(u32::try_from(began.elapsed().as_nanos()).unwrap_or(u32::MAX));
            }
            Verdict::Refused => seen.refused += 1,
        }
    }
    Ok(seen)
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    ensure!(arguments.address.ip().is_loopback(), "{} is not a loopback address", arguments.address);
    ensure!(arguments.posters > 0, "at least one poster");
    let first = dialect(arguments.protocol, 0);
    let mut connection = Connection::open(arguments.address, &*first).await?;
    if let Some(request) = first.prepare()
        && let Verdict::Refused = connection.exchange(&request, &*first).await?
    {
        bail!("the server refused what has to be there before the first message");
    }
    // A server that hashes passwords does it once, not once per connection.
    connection.exchange(dialect(arguments.protocol, 0).post(), &*first).await?;
    let posters = arguments.posters;
    let (arguments, ready) = (Rc::new(arguments), Rc::new(Barrier::new(posters + 1)));
    let tasks: Vec<_> = (0..posters)
        .map(|me| tokio::task::spawn_local(poster(Rc::clone(&arguments), me, Rc::clone(&ready))))
        .collect();
    // Tasks that cannot begin must not leave the others waiting.
    tokio::time::timeout(Duration::from_secs(30), ready.wait())
        .await
        .context("not all posters could begin")?;
    let began = Instant::now();
    let mut all = Seen::default();
    for task in tasks {
        let mut seen = task.await??;
        all.latencies.append(&mut seen.latencies);
        all.refused += seen.refused;
    }
    let elapsed = began.elapsed();
    all.latencies.sort_unstable();
    let accepted = all.latencies.len();
    ensure!(accepted > 0, "nothing was accepted, {} refused", all.refused);
    let at = |share: f64| {
        let place = ((accepted - 1) as f64 * share) as usize;
        f64::from(all.latencies.get(place).copied().unwrap_or(0)) / 1e6
    };
    println!(
        "accepted {accepted} refused {} rate {:.0} p50_ms {:.3} p99_ms {:.3} p999_ms {:.3} max_ms {:.3} bytes {}",
        all.refused,
        accepted as f64 / elapsed.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        MESSAGE.len()
    );
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(run(arguments)))
}
