//! A server written by hand: it says what a test wants, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use backplane_client::v2::Received;
use backplane_client::{Backoff, Client, ClientBuilder, Event, Message, Resume, Subscription};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The run that gives all positions out.
const EPOCH: &str = "0t3k000000000";

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Its number, from 0.
    pub(crate) number: usize,
    pub(crate) method: String,
    pub(crate) target: String,
    head: String,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn wants_stream(&self) -> bool {
        self.header("accept") == Some("text/event-stream")
    }

    /// The number of the message that it goes on from.
    pub(crate) fn since(&self) -> Option<u32> {
        let (_, value) = self.target.split_once("since=")?;
        value.get(..13)?.parse().ok()
    }
}

/// What is answered.
pub(crate) struct Answer {
    pieces: Vec<Piece>,
    /// Whether the connection stays open after it.
    stays: bool,
}

enum Piece {
    Bytes(Vec<u8>),
    Wait(Duration),
}

/// An answer of a status, with more header lines, and a body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    );
    Answer { pieces: vec![Piece::Bytes(text.into())], stays: false }
}

/// A refusal in the protocol's shape.
pub(crate) fn refusal(status: u16, headers: &str, code: &str) -> Answer {
    answer(status, headers, &format!(r#"{{"error":"{code}","error_description":"because"}}"#))
}

/// What a poll gives, with the position behind it.
pub(crate) fn page(resume: &str, next: u32, frames: &[String]) -> Answer {
    let headers = format!(
        "Content-Type: application/json\r\nBackplane-Resume: {resume}\r\nLink: <?since={}&epoch={EPOCH}>; rel=\"next\"\r\n",
        id(next)
    );
    answer(200, &headers, &format!("[{}]", frames.join(",")))
}

/// No answer at all.
pub(crate) fn nothing() -> Answer {
    Answer { pieces: Vec::new(), stays: false }
}

/// A stream of this text. It stays open unless it is [`Answer::cut`].
pub(crate) fn stream(events: &[String]) -> Answer {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    Answer { pieces: vec![Piece::Bytes(format!("{head}{}", events.concat()).into())], stays: true }
}

impl Answer {
    /// The connection ends with it.
    pub(crate) fn cut(self) -> Self {
        Self { stays: false, ..self }
    }

    /// A byte at a time.
    pub(crate) fn in_bytes(self) -> Self {
        let bytes = self.pieces.into_iter().flat_map(|piece| match piece {
            Piece::Bytes(bytes) => bytes,
            Piece::Wait(_) => Vec::new(),
        });
        Self { pieces: bytes.map(|byte| Piece::Bytes(vec![byte])).collect(), stays: self.stays }
    }

    /// And more after a time.
    pub(crate) fn after(mut self, wait: Duration, text: &str) -> Self {
        self.pieces.extend([Piece::Wait(wait), Piece::Bytes(text.into())]);
        self
    }
}

/// The text of an id.
pub(crate) fn id(number: u32) -> String {
    format!("{number:013}")
}

/// The text of a position.
pub(crate) fn position(number: u32) -> String {
    format!("{}.{EPOCH}", id(number))
}

/// A frame of a channel, as polls have it.
pub(crate) fn polled(channel: &str, number: u32) -> String {
    format!(
        r#"{{"message":{{"source":"http://x.y","type":"t","payload":{number}}},"channel_name":"{channel}","id":"{}"}}"#,
        id(number)
    )
}

/// The event of a frame of a channel.
pub(crate) fn pushed_on(channel: &str, prev: u32, number: u32) -> String {
    let frame = polled(channel, number);
    let frame = frame.strip_suffix('}').unwrap();
    format!("event: message\nid: {}\ndata: {frame},\"prev\":\"{}\"}}\n\n", position(number), id(prev))
}

/// The event of a frame of channel `c`.
pub(crate) fn pushed(prev: u32, number: u32) -> String {
    pushed_on("c", prev, number)
}

/// The event of a fact.
pub(crate) fn fact(json: &str) -> String {
    format!("event: backplane\ndata: {json}\n\n")
}

/// The first fact of a stream.
pub(crate) fn resume(word: &str, at: u32) -> String {
    fact(&format!(r#"{{"resume":"{word}","cursor":"{}"}}"#, position(at)))
}

/// The running server.
pub(crate) struct Fake {
    base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Starts it. It runs on the thread of the test, and ends with its runtime.
    pub(crate) async fn start(answers: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (all, answers) = (Arc::clone(&asked), Arc::new(answers));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&all), Arc::clone(&answers)));
            }
        });
        Self { base, asked }
    }

    /// A client of it to be refined, that does not wait long.
    pub(crate) fn builder(&self) -> ClientBuilder {
        Self::of(&self.base)
    }

    /// The same of version 2.0.
    pub(crate) fn builder_of_2_0(&self) -> ClientBuilder {
        Self::of(&self.base.replace("/v1", "/v2"))
    }

    fn of(base: &str) -> ClientBuilder {
        let [soonest, first, longest] = [1, 2, 5].map(Duration::from_millis);
        Client::builder(base).credentials("user", "secret").backoff(Backoff { soonest, first, longest })
    }

    /// A subscription to channel `c`, from the start.
    pub(crate) fn subscribe(&self) -> Subscription {
        self.builder().build().unwrap().bus("b").unwrap().channel("c").unwrap().subscribe(None)
    }

    /// All that it was asked until now.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut connection: TcpStream,
    all: Arc<Mutex<Vec<Asked>>>,
    answers: Arc<impl Fn(&Asked) -> Answer>,
) {
    connection.set_nodelay(true).unwrap();
    let mut bytes = Vec::new();
    let (head, mut body) = loop {
        if connection.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
        if let Some((head, body)) = std::str::from_utf8(&bytes).unwrap().split_once("\r\n\r\n") {
            break (head.to_owned(), body.to_owned());
        }
    };
    let mut words = head.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let mut asked = Asked { number: 0, method, target, head, body: String::new() };
    let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        let mut more = Vec::new();
        if connection.read_buf(&mut more).await.unwrap_or(0) == 0 {
            return;
        }
        body.push_str(std::str::from_utf8(&more).unwrap());
    }
    asked.body = body;
    {
        let mut all = all.lock().unwrap();
        asked.number = all.len();
        all.push(asked.clone());
    }
    let answer = answers(&asked);
    for piece in answer.pieces {
        match piece {
            Piece::Bytes(bytes) => {
                if connection.write_all(&bytes).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            Piece::Wait(wait) => tokio::time::sleep(wait).await,
        }
    }
    if answer.stays {
        // Until the client goes.
        let _ = connection.read(&mut [0]).await;
    }
}

/// A message of a test: its number is its payload.
pub(crate) trait Numbered: std::fmt::Debug {
    fn number(&self) -> u32;
}

impl Numbered for Message {
    fn number(&self) -> u32 {
        self.payload_as().unwrap()
    }
}

impl Numbered for Received {
    fn number(&self) -> u32 {
        self.payload_as().unwrap()
    }
}

/// An event in short: messages by their number, the rest by what it says.
pub(crate) async fn told<M: Numbered>(subscription: &mut Subscription<M>) -> String {
    match subscription.next().await {
        None => "over".to_owned(),
        Some(Err(error)) => format!("error: {error}"),
        Some(Ok(Event::Message(frame))) => {
            let number = frame.message.number();
            assert_eq!(frame.id.as_str(), id(number));
            number.to_string()
        }
        Some(Ok(Event::Resumed(resumed))) => {
            let resume = match resumed.resume {
                Resume::Complete => "complete",
                Resume::Gap => "gap",
                Resume::Reset => "reset",
                Resume::Unknown => "unknown",
            };
            format!("{:?} {resume}", resumed.cause)
        }
        Some(Ok(Event::Interrupted(interrupted))) => format!("interrupted: {}", interrupted.why),
        Some(Ok(other)) => format!("{other:?}"),
    }
}

/// Asserts that these come next.
pub(crate) async fn tells<M: Numbered>(subscription: &mut Subscription<M>, wanted: &[&str]) {
    for (place, wanted) in wanted.iter().enumerate() {
        assert_eq!(told(subscription).await, *wanted, "place {place} of {wanted:?}");
    }
}
