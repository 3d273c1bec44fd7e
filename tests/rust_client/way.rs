//! A way between a client and a server that does not hold: of the events of a stream it drops, doubles, swaps, delays and replaces some, and cuts
//! others in two. What it has done harm to stands still until the client has noticed.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use testkit::PATIENCE;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What is done to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Drop,
    Double,
    /// It comes behind the next one.
    Swap,
    /// The connection ends in the midst of it.
    Cut,
    Delay,
    /// An earlier message of the stream comes in its place.
    Replace,
    /// It is no JSON any more.
    Spoil,
}

const FAULTS: [Fault; 7] =
    [Fault::Drop, Fault::Double, Fault::Swap, Fault::Cut, Fault::Delay, Fault::Replace, Fault::Spoil];

/// What has gone this way.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Messages in streams, as the server sent them.
    pub(crate) messages: usize,
    pub(crate) faults: BTreeMap<Fault, usize>,
    /// Of the faults, those after which a client must not go on; and those of them after which it did.
    pub(crate) harmful: usize,
    pub(crate) unnoticed: Vec<String>,
    /// Times that the server told of a gap.
    pub(crate) gaps: usize,
}

/// An open way.
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    pub(crate) tally: Arc<Mutex<Tally>>,
}

impl Way {
    /// To this server, for one client. One event in so many has something done to it.
    pub(crate) async fn to(server: SocketAddr, one_in: u32, mut rng: Rng) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, tally) = (listener.local_addr().unwrap(), Arc::<Mutex<Tally>>::default());
        let shared = Arc::clone(&tally);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (tally, rng) = (Arc::clone(&shared), rng.fork());
                // It may end in any way; what has to be said of it is in the tally.
                tokio::spawn(async move { carry(client, server, tally, one_in, rng).await.ok() });
            }
        });
        Self { address, tally }
    }
}

/// One request, and its answer.
async fn carry(
    client: TcpStream,
    server: SocketAddr,
    tally: Arc<Mutex<Tally>>,
    one_in: u32,
    rng: Rng,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let (from_client, mut to_client) = client.into_split();
    let mut from_client = BufReader::new(from_client);
    let mut server = BufReader::new(TcpStream::connect(server).await?);
    let head = head(&mut from_client).await?;
    let request = format!("{}Connection: close\r\n\r\n", head.trim_end_matches("\r\n").to_owned() + "\r\n");
    server.write_all(request.as_bytes()).await?;
    let answer = self::head(&mut server).await?;
    to_client.write_all(answer.as_bytes()).await?;
    let answer = answer.to_ascii_lowercase();
    if answer.contains("content-type: text/event-stream") {
        let stream = Stream {
            server,
            client: from_client,
            to_client,
            tally,
            one_in,
            rng,
            text: String::new(),
            seen: Vec::new(),
            last: None,
            held: None,
            harm: None,
        };
        return stream.run().await;
    }
    let told = ["backplane-resume: gap", "backplane-resume: reset"].iter().any(|line| answer.contains(line));
    tally.lock().unwrap().gaps += usize::from(told);
    tokio::io::copy(&mut server, &mut to_client).await?;
    Ok(())
}

async fn head(from: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if from.read_line(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

/// What an event is to whoever reads the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing: a comment.
    Comment,
    /// A message, or that something was missed: the next one names it.
    Link,
    /// The position, or what repeats it: nobody misses it.
    Place,
    /// Nothing comes behind it.
    End,
}

struct Stream {
    server: BufReader<TcpStream>,
    client: BufReader<OwnedReadHalf>,
    to_client: OwnedWriteHalf,
    tally: Arc<Mutex<Tally>>,
    one_in: u32,
    rng: Rng,
    /// What came and was not handed on.
    text: String,
    /// Messages that were handed on.
    seen: Vec<String>,
    /// What the next event names, as far as the server has come. Nothing, before its first word.
    last: Option<String>,
    /// It comes behind the next one.
    held: Option<String>,
    /// What was done to something that the client cannot miss.
    harm: Option<String>,
}

impl Stream {
    async fn run(mut self) -> io::Result<()> {
        loop {
            let mut heard = [0];
            tokio::select! {
                // Whatever it says, it says no more than that it goes.
                _ = self.client.read(&mut heard) => return Ok(()),
                filled = self.server.fill_buf() => {
                    if filled?.is_empty() {
                        return Ok(());
                    }
                }
            }
            let mut line = String::new();
            self.server.read_line(&mut line).await?;
            let length = usize::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
            let mut chunk = vec![0; length + 2];
            self.server.read_exact(&mut chunk).await?;
            if length == 0 {
                return self.to_client.write_all(b"0\r\n\r\n").await;
            }
            self.text.push_str(std::str::from_utf8(&chunk[..length]).map_err(io::Error::other)?);
            while let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                if !self.meet(event).await? {
                    return Ok(());
                }
            }
        }
    }

    /// Notes what the server says. Whether that tells what was before it, too.
    fn kind(&mut self, event: &str) -> Kind {
        if event.starts_with(':') {
            return Kind::Comment;
        }
        if event.starts_with("event: message\n") {
            self.tally.lock().unwrap().messages += 1;
            self.last = member(event, "id");
            return Kind::Link;
        }
        if event.contains("data: {\"end\"") {
            return Kind::End;
        }
        let first = self.last.is_none();
        let told = event.contains("{\"resume\"") && !event.contains("{\"resume\":\"complete\"");
        self.tally.lock().unwrap().gaps += usize::from(told);
        let place = member(event, "cursor").map(|cursor| cursor[..13].to_owned());
        // A gap before what was seen already is none to its reader.
        if first || (told && place > self.last) {
            self.last = place;
            return Kind::Link;
        }
        Kind::Place
    }

    /// Hands an event on, or does something to it. Whether the stream goes on.
    async fn meet(&mut self, event: String) -> io::Result<bool> {
        let kind = self.kind(&event);
        let event = at_once(event);
        if kind == Kind::Comment {
            self.hand_on(&event).await?;
            return Ok(true);
        }
        let is_struck = self.harm.is_none()
            && self.held.is_none()
            && kind != Kind::End
            && self.rng.u32(..self.one_in) == 0;
        if !is_struck {
            return self.pass(event, kind).await;
        }
        let fault = FAULTS[self.rng.usize(..FAULTS.len())];
        *self.tally.lock().unwrap().faults.entry(fault).or_default() += 1;
        let harm = (kind == Kind::Link).then(|| format!("{fault:?} of {event:?}"));
        match fault {
            Fault::Drop => self.harm = harm,
            Fault::Double => {
                self.hand_on(&event).await?;
                return self.pass(event, kind).await;
            }
            Fault::Swap => (self.held, self.harm) = (Some(event), harm),
            Fault::Cut => {
                let half = self.rng.usize(1..event.len() - 1);
                self.hand_on(&event[..half]).await?;
                return Ok(false);
            }
            Fault::Delay => {
                let pause = self.rng.u64(1..10);
                tokio::time::sleep(Duration::from_millis(pause)).await;
                return self.pass(event, kind).await;
            }
            Fault::Replace => {
                let other = self.rng.choice(&self.seen).cloned();
                self.harm = harm;
                if let Some(other) = other {
                    self.hand_on(&other).await?;
                }
            }
            Fault::Spoil => {
                self.harm = Some(format!("{fault:?} of {event:?}"));
                self.hand_on(&event.replace("\n\n", "\ndata: }\n\n")).await?;
                return self.is_noticed().await;
            }
        }
        Ok(true)
    }

    /// As it came, and behind it what was held.
    async fn pass(&mut self, event: String, kind: Kind) -> io::Result<bool> {
        let is_resume = event.contains("data: {\"resume\"");
        self.hand_on(&event).await?;
        if kind == Kind::Link && event.starts_with("event: message") {
            self.seen.push(event);
        }
        if let Some(held) = self.held.take() {
            self.hand_on(&held).await?;
        }
        if self.harm.is_none() || kind == Kind::End {
            // An end says nothing of what was before it: the client comes again for that.
            return Ok(true);
        }
        if is_resume {
            // If it tells of a gap, what is missing may be part of that.
            self.harm = None;
            return Ok(true);
        }
        self.is_noticed().await
    }

    /// Waits until the client leaves a stream that has lost something. It does not go on.
    async fn is_noticed(&mut self) -> io::Result<bool> {
        let harm = self.harm.take().unwrap_or_default();
        self.tally.lock().unwrap().harmful += 1;
        // One that is not noticed is enough to wait for.
        let is_first = self.tally.lock().unwrap().unnoticed.is_empty();
        let patience = if is_first { PATIENCE } else { Duration::ZERO };
        let leaves = tokio::time::timeout(patience, self.client.read(&mut [0])).await;
        if leaves.is_err() {
            self.tally.lock().unwrap().unnoticed.push(harm);
        }
        Ok(false)
    }

    async fn hand_on(&mut self, text: &str) -> io::Result<()> {
        self.to_client.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await
    }
}

/// An event without the time to wait after a cut: that is for many readers, and here is one.
fn at_once(event: String) -> String {
    match event.split_once("retry: ").and_then(|(before, rest)| Some((before, rest.split_once('\n')?.1))) {
        Some((before, after)) if !event.starts_with("event: message") => format!("{before}retry: 1\n{after}"),
        _ => event,
    }
}

/// A member of an event's JSON that is a text.
fn member(event: &str, name: &str) -> Option<String> {
    let (_, rest) = event.rsplit_once(&format!("\"{name}\":\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}
