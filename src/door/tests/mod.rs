//! Connections over pipes, on a clock that stands until everybody waits: each deadline is met to the second.

mod keeping;
mod pipelines;
mod refused;
mod turned_away;
mod turns;

use std::cell::Cell;
use std::fmt::Debug;
use std::future::pending;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_http::{Request, Response};
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::body::{BodyStream, MessageBody};
use actix_web::dev::AppConfig;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse};
use futures::stream;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::crowd::Place;
use super::guard::{Connection, Guard};
use super::load::REST;
use super::pass::Entered;
use super::served::Served;
use super::serving::http;
use super::settings::{Pace, Patience};
use super::stream::{Guarded, Wire};
use super::{Door, DoorSettings, Refused};

/// Bytes that a pipe takes from the server before its reader must read.
const PIPE: usize = 1024;
/// Bytes of the long answer.
const LONG: usize = 300_000;

impl Wire for DuplexStream {
    fn forget(&self) {}
}

/// A connection, and what the server does with it.
struct Peer {
    stream: DuplexStream,
    served: JoinHandle<()>,
    guard: Rc<Guard>,
    began: Instant,
}

thread_local! {
    /// Requests that the application was asked, and those whose work was dropped before its end.
    static ASKED: Cell<usize> = const { Cell::new(0) };
    static DROPPED: Cell<usize> = const { Cell::new(0) };
    static IS_PAUSED: Cell<bool> = const { Cell::new(false) };
}

struct CountsDrop;

impl Drop for CountsDrop {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
    }
}

async fn echo(number: web::Path<u64>, body: Bytes) -> String {
    ASKED.set(ASKED.get() + 1);
    format!("{number}:{}", body.len())
}

async fn never() -> HttpResponse {
    let _counts = CountsDrop;
    pending().await
}

async fn long() -> HttpResponse {
    ASKED.set(ASKED.get() + 1);
    HttpResponse::Ok().body(vec![b'x'; LONG])
}

async fn endless(request: HttpRequest) -> HttpResponse {
    request.conn_data::<Connection>().unwrap().streams();
    let pieces = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 100])));
    HttpResponse::Ok().body(BodyStream::new(pieces))
}

fn patience() -> Patience {
    let pace = |seconds| Pace::of(Duration::from_secs(seconds));
    Patience {
        head: Duration::from_secs(5),
        idle: Duration::from_secs(70),
        body: pace(31),
        answer: pace(29),
        stream: pace(17),
    }
}

/// Time passes while everybody waits, and at no other time.
fn pause() {
    if !IS_PAUSED.replace(true) {
        tokio::time::pause();
    }
}

async fn connect() -> Peer {
    pause();
    connect_over(|pipe| pipe).await
}

/// A connection whose server writes to this and not to the pipe itself.
async fn connect_over<W: Wire>(wire: impl Fn(DuplexStream) -> W) -> Peer {
    let application = || {
        App::new()
            .app_data(web::PayloadConfig::new(10_000_000))
            .route("/echo/{number}", web::to(echo))
            .route("/never", web::to(never))
            .route("/long", web::to(long))
            .route("/endless", web::to(endless))
    };
    connect_all(application, wire, 1).await.pop().unwrap()
}

/// So many connections to one application, on one thread.
async fn connect_all<A, I, S, B, W>(
    application: A,
    wire: impl Fn(DuplexStream) -> W,
    count: usize,
) -> Vec<Peer>
where
    A: Fn() -> I,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
    W: Wire,
{
    let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let door = Door::new(DoorSettings::default());
    let http = http::<A, I, S, B, W>(&application, address, false, &door);
    let http = http.new_service(()).await.unwrap_or_else(|_| panic!("the application starts"));
    let connect = |_| {
        let (stream, other_end) = duplex(PIPE);
        let guard = Guard::new(patience(), 64 * 1024, Place::Hall, address);
        let dispatcher = http.call((Guarded::new(wire(other_end), Rc::clone(&guard)), Some(address)));
        let counts = door.stats().clone();
        let connection = Served::new(dispatcher, Rc::clone(&guard), counts, Rc::default(), pending::<()>());
        let served = actix_web::rt::spawn(connection);
        Peer { stream, served, guard, began: Instant::now() }
    };
    (0..count).map(connect).collect()
}

impl Peer {
    async fn send(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(text.as_ref()).await.unwrap();
        self
    }

    /// Reads to the end; gives back what came, and the whole seconds since the beginning.
    async fn rest(&mut self) -> (String, u64) {
        let mut text = Vec::new();
        // A reset is an end, too.
        drop(self.stream.read_to_end(&mut text).await);
        (String::from_utf8_lossy(&text).into_owned(), self.began.elapsed().as_secs())
    }

    /// Waits until the server has let go, without reading; gives back the whole seconds since the beginning.
    async fn let_go(&mut self) -> u64 {
        (&mut self.served).await.unwrap();
        self.began.elapsed().as_secs()
    }

    async fn reply(&mut self) -> String {
        let mut text = Vec::new();
        loop {
            text.push(self.stream.read_u8().await.unwrap());
            let Some(head) = text.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8(text[..head + 4].to_vec()).unwrap();
            let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut body).await.unwrap();
            return String::from_utf8(body).unwrap();
        }
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

#[actix_web::test]
async fn who_says_nothing_is_let_go() {
    assert_eq!(connect().await.rest().await, (String::new(), 5));
}

#[actix_web::test]
async fn a_head_that_does_not_end_is_408_however_it_trickles() {
    let mut peer = connect().await;
    for byte in "GET /ec".bytes() {
        peer.send([byte]).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    let (text, seconds) = peer.rest().await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert_eq!(seconds, 5);
}

#[actix_web::test]
async fn a_later_head_that_does_not_end_is_408() {
    // Behind the first one, and by itself.
    let mut peer = connect().await;
    peer.send(get("/echo/1") + "\r").await;
    assert_eq!(peer.reply().await, "1:0");
    let (text, seconds) = peer.rest().await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert_eq!(seconds, 5);

    let mut peer = connect().await;
    peer.send(get("/echo/1")).await;
    assert_eq!(peer.reply().await, "1:0");
    tokio::time::sleep(Duration::from_secs(20)).await;
    peer.send("G").await;
    let (text, seconds) = peer.rest().await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert_eq!(seconds, 25);
}

#[actix_web::test]
async fn an_idle_connection_is_let_go() {
    let mut peer = connect().await;
    peer.send(get("/echo/1")).await;
    assert_eq!(peer.reply().await, "1:0");
    assert_eq!(peer.rest().await, (String::new(), 70));
}

#[actix_web::test]
async fn a_head_has_a_bound() {
    let mut peer = connect().await;
    let head = format!("GET /echo/1 HTTP/1.1\r\nHost: x\r\nX: {}", "x".repeat(70_000));
    // The server stops reading before the end.
    drop(peer.stream.write_all(head.as_bytes()).await);
    let (text, seconds) = peer.rest().await;
    assert!(text.starts_with("HTTP/1.1 431 "), "{text}");
    assert_eq!(seconds, 0);
}

#[actix_web::test]
async fn a_body_that_stops_ends_the_connection() {
    for head in ["content-length: 10\r\n\r\n12345", "transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n"] {
        let mut peer = connect().await;
        peer.send(format!("POST /echo/1 HTTP/1.1\r\nHost: x\r\n{head}")).await;
        assert_eq!(peer.let_go().await, 31);
    }
}

#[actix_web::test]
async fn who_does_not_take_an_answer_is_let_go() {
    let mut peer = connect().await;
    peer.send(get("/long")).await;
    assert_eq!(peer.let_go().await, 29);
    // A byte now and then does not help for long: the long run counts.
    let mut peer = connect().await;
    peer.send(get("/long")).await;
    let reading = async {
        loop {
            tokio::time::sleep(Duration::from_secs(7)).await;
            if peer.stream.read_u8().await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = reading => {}
        ended = &mut peer.served => ended.unwrap(),
    }
    assert!(peer.began.elapsed() < Duration::from_secs(2 * 29), "{:?}", peer.began.elapsed());
}

#[actix_web::test]
async fn who_does_not_take_a_stream_is_let_go() {
    let mut peer = connect().await;
    peer.send(get("/endless")).await;
    assert_eq!(peer.let_go().await, 17);
}

#[actix_web::test]
async fn who_waits_for_an_answer_owes_nothing_and_is_missed_when_gone() {
    DROPPED.set(0);
    let mut peer = connect().await;
    peer.send(get("/never")).await;
    tokio::time::sleep(Duration::from_secs(10_000)).await;
    assert!(!peer.served.is_finished());
    assert_eq!(DROPPED.get(), 0);
    let Peer { stream, served, .. } = peer;
    drop(stream);
    served.await.unwrap();
    assert_eq!(DROPPED.get(), 1, "nobody goes on working for it");
}

#[test]
fn i_5_handshakes_of_one_address_leave_slots_to_others() {
    let door = Door::new(DoorSettings { handshakes: 20, ..DoorSettings::default() });
    let of = |last: u8| SocketAddr::from(([192, 0, 2, last], 1));
    let first = door.begin_handshake(of(1));
    let second = door.begin_handshake(of(1));
    assert!(first.is_some() && second.is_some());
    assert!(door.begin_handshake(of(1)).is_none(), "a tenth is all for one");
    let others: Vec<_> = (2..=10).chain(2..=10).map(|last| door.begin_handshake(of(last))).collect();
    assert!(others.iter().all(Option::is_some));
    assert!(door.begin_handshake(of(11)).is_none(), "and all is all");
    assert_eq!(door.stats().handshakes(), 20);
    drop(first);
    assert!(door.begin_handshake(of(11)).is_some(), "who is done makes room");
    let refused = door.stats().refused_by_reason().find(|(why, _)| *why == Refused::Handshakes);
    assert_eq!(refused.map(|(_, count)| count), Some(2));
}

#[actix_web::test]
async fn i_5_who_rests_is_in_the_bounds_and_not_in_the_reserve() {
    let settings = DoorSettings { connections: 3, connections_per_address: 2, ..DoorSettings::default() };
    let door = Door::new(settings);
    let of = |last: u8| SocketAddr::from(([192, 0, 2, last], 1));
    door.refused(of(1));
    let mut resting: Vec<_> = (0..2).map(|_| door.enter(of(1)).unwrap()).collect();
    assert_eq!((door.stats().connections(), door.stats().accepted()), (2, 0));
    assert_eq!(door.enter(of(1)).map(drop), Err(Refused::Overload), "as many as an address may have");
    resting.push(door.enter(of(2)).unwrap());
    door.refused(of(3));
    assert_eq!(
        door.enter(of(3)).map(drop),
        Err(Refused::Overload),
        "all are taken, and no probe is answered there"
    );
    assert!(matches!(door.enter(of(4)), Ok(Entered::Served(_))), "the reserve is for others");
    let refused = door.stats().refused_by_reason().find(|(why, _)| *why == Refused::Overload);
    assert_eq!(refused.map(|(_, count)| count), Some(4), "whoever rests is one of them");
    drop(resting);
    assert_eq!(door.stats().connections(), 0);
}

#[actix_web::test]
async fn who_was_refused_for_too_much_brings_no_new_connections_for_a_while() {
    tokio::time::pause();
    let trusted = vec!["192.0.2.9/32".parse().unwrap()];
    let door = Door::new(DoorSettings { trusted, ..DoorSettings::default() });
    let of = |last: u8| SocketAddr::from(([192, 0, 2, last], 1));
    door.refused(of(1));
    door.refused(of(9));
    assert!(matches!(door.enter(of(1)), Ok(Entered::Rests(_))));
    assert!(matches!(door.enter(of(2)), Ok(Entered::Served(_))), "others come in");
    assert!(matches!(door.enter(of(9)), Ok(Entered::Served(_))), "so do a proxy's other clients");
    tokio::time::advance(REST * 2).await;
    assert!(matches!(door.enter(of(1)), Ok(Entered::Served(_))));
}

/// A request as bytes, and its answer.
fn request() -> impl Strategy<Value = (u64, Option<(usize, bool)>)> {
    (0u64..1_000, prop::option::of((0usize..9_000, any::<bool>())))
}

fn written((number, body): &(u64, Option<(usize, bool)>)) -> Vec<u8> {
    let head = |method, headers| format!("{method} /echo/{number} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    match body {
        None => head("GET", String::new()).into_bytes(),
        Some((length, false)) => {
            let mut bytes = head("POST", format!("content-length: {length}\r\n")).into_bytes();
            // Blank lines in bodies are no ends of heads.
            bytes.extend(b"\r\n\n".iter().cycle().take(*length));
            bytes
        }
        Some((length, true)) => {
            let mut bytes = head("POST", "transfer-encoding: chunked\r\n".to_owned()).into_bytes();
            for chunk in vec![b'\n'; *length].chunks(1_000) {
                bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            bytes
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However a peer portions what it sends and takes, within its time: each request is answered, in order, once. Only behind
    /// a body without a length may the connection end, and then the answer has said so.
    #[test]
    fn all_requests_are_answered_in_order(
        requests in prop::collection::vec(request(), 1..20),
        sent in prop::collection::vec((1usize..4_000, 0u64..2_000), 1..40),
        taken in prop::collection::vec((1usize..2_000, 0u64..2), 1..40),
    ) {
        let bytes: Vec<u8> = requests.iter().flat_map(written).collect();
        let kinds: Vec<_> = requests.iter().map(|(_, body)| *body).collect();
        let expected: Vec<String> = requests
            .iter()
            .map(|(number, body)| format!("{number}:{}", body.map_or(0, |(length, _)| length)))
            .collect();
        let answers = actix_web::rt::System::new().block_on(async move {
            IS_PAUSED.set(false);
            let peer = connect().await;
            let (mut reader, mut writer) = tokio::io::split(peer.stream);
            actix_web::rt::spawn(async move {
                let (mut rest, mut portions) = (&bytes[..], sent.iter().cycle());
                while !rest.is_empty() {
                    let (size, millis) = portions.next().unwrap();
                    let (now, later) = rest.split_at(rest.len().min(*size));
                    // The whole time for a head is short: a pause that ends one is the other tests' affair.
                    tokio::time::sleep(Duration::from_millis(millis / 100)).await;
                    if writer.write_all(now).await.is_err() {
                        return;
                    }
                    rest = later;
                }
                pending::<()>().await;
            });
            let (mut text, mut portions) = (Vec::new(), taken.iter().cycle());
            loop {
                let (size, millis) = portions.next().unwrap();
                // Twice as fast as it must be.
                tokio::time::sleep(Duration::from_millis(*millis * u64::try_from(*size).unwrap())).await;
                let mut part = vec![0; *size];
                let count = reader.read(&mut part).await.unwrap();
                text.extend_from_slice(&part[..count]);
                if count == 0 {
                    return String::from_utf8(text).unwrap();
                }
            }
        });
        let answers: Vec<_> =
            answers.split("HTTP/1.1 200 OK").skip(1).map(|text| text.split_once("\r\n\r\n").unwrap()).collect();
        let bodies: Vec<_> = answers.iter().map(|(_, body)| *body).collect();
        prop_assert_eq!(&bodies[..], &expected[..bodies.len()]);
        if let Some((last, (head, _))) = answers.iter().enumerate().next_back()
            && last + 1 < expected.len()
        {
            prop_assert!(head.contains("connection: close"), "{head}");
            let chunked = |kind: &Option<(usize, bool)>| matches!(kind, Some((_, true)));
            prop_assert!(kinds[..=last].iter().any(chunked), "{kinds:?}");
        }
    }
}
