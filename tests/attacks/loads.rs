//! Requests that cost whoever sends them little: each is answered, leaves nothing behind, and stops nobody (I-4, I-5).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use testkit::message;

use crate::attack::{Attack, bytes, spread};
use crate::house::{House, Plan, from};
use crate::newcomers::{Door, all_served, ask, come, tell};
use crate::peer::{Peer, all, trusting};
use crate::requests::{CHANNEL, post};
use crate::{KIB, MIB};

/// What may be left of many requests, mostly by the allocator.
const MOST: usize = 16 * MIB;
#[test]
fn i_4_i_5_reads_of_channels_that_are_not_there_leave_nothing() {
    let mut attack = Attack::begin("reads of channels that are not there");
    let house = Plan::new().start();
    let memory = house.memory();
    let (count, connections) = (attack.size(200, 2_000), 20);
    let mut peers: Vec<_> = (0..connections)
        .map(|number| {
            let mut peer = Peer::connect(from(number), house.plain);
            for channel in 0..count {
                let path = format!("/v1/bus/customer.com/channel/n{number}-{channel}");
                peer.offer(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
            }
            peer
        })
        .collect();
    let began = Instant::now();
    all("answers come", &mut peers, |peer| {
        let moved = peer.push() + peer.pull(usize::MAX);
        (moved, peer.closed || peer.read.len() >= count)
    });
    let grown = house.memory().saturating_sub(memory);
    attack.figure("channels that were read", count * connections);
    attack.figure("took", format!("{:.1?}", began.elapsed()));
    attack.figure("memory after all, more than before", bytes(grown));
    assert!(peers.iter().all(|peer| peer.read.iter().filter(|answer| answer.status == 200).count() == count));
    assert_eq!(house.metric("channels{"), Some(0.0));
    assert!(grown <= MOST, "{}", bytes(grown));
}

#[test]
fn i_5_requests_that_are_none_write_no_line_each() {
    let mut attack = Attack::begin("requests that are none, one after the other");
    let house = Plan::new().start();
    let (logged, count) = (house.logged(), attack.size(1_000, 20_000));
    let began = Instant::now();
    for number in 0..count {
        let mut peer = Peer::connect(from(number % 50), house.plain);
        peer.offer(b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(peer.answered(1)[0].status, 400);
    }
    let lines = house.logged() - logged;
    attack.figure("requests", format!("{count} in {:.1?}", began.elapsed()));
    attack.figure("bytes logged", lines);
    assert!(lines < 4 * KIB, "{lines} bytes were logged");
}

#[test]
fn i_5_requests_that_are_hard_to_read_are_refused_soon() {
    let mut attack = Attack::begin("requests that are hard to read");
    let house = Plan::new().start();
    let memory = house.memory();
    let get = |query: &str| format!("GET {CHANNEL}?{query} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes();
    let deep = |levels: usize| format!("[{}", message(&"[".repeat(levels)));
    let escapes = format!("[{}]", message(&format!("\"{}\"", "\\u0000".repeat(40_000))));
    let members = (0..20_000).map(|number| format!("\"m{number}\":0")).collect::<Vec<_>>().join(",");
    let packed = String::from_utf8(post(CHANNEL, &vec![0; 100 * KIB])).unwrap();
    let packed = packed.replace("Content-Length", "Content-Encoding: gzip\r\nContent-Length").into_bytes();
    let requests: Vec<(&str, Vec<u8>)> = vec![
        ("a query of 60 KB", get(&format!("since={}", "x".repeat(60_000)))),
        ("a query of 7 000 positions", get(&"since=1&".repeat(7_000))),
        ("a query of nothing but escapes", get(&"%41".repeat(19_000))),
        ("JSON of 500 000 levels", post(CHANNEL, deep(500_000).as_bytes())),
        ("1 MiB of brackets", post(CHANNEL, "[".repeat(MIB).as_bytes())),
        ("1 MiB of blanks", post(CHANNEL, " ".repeat(MIB).as_bytes())),
        ("1 MiB of digits", post(CHANNEL, "1".repeat(MIB).as_bytes())),
        ("a string of escapes", post(CHANNEL, escapes.as_bytes())),
        (
            "an object of 20 000 members",
            post(CHANNEL, format!("[{}]", message(&format!("{{{members}}}"))).as_bytes()),
        ),
        ("what says to be packed", packed),
        ("what is no UTF-8", post(CHANNEL, &vec![0xff; 100 * KIB])),
    ];
    for (name, request) in requests {
        let mut times = Vec::new();
        let mut statuses = Vec::new();
        for number in 0..attack.size(3, 30) {
            let mut peer = Peer::connect(from(number), house.plain);
            peer.make_room(256 * KIB);
            let began = Instant::now();
            peer.offer(&request);
            let status = peer.answered(1)[0].status;
            times.push(began.elapsed());
            statuses.push(status);
            assert!(status < 500, "{name}: {status}");
        }
        statuses.dedup();
        attack.figure(name, format!("{statuses:?} {}", spread(&mut times)));
    }
    let grown = house.memory().saturating_sub(memory);
    attack.figure("memory after all, more than before", bytes(grown));
    assert!(grown <= 2 * MOST, "{}", bytes(grown));
}

/// Has so many threads do this again and again, from an address each, until it is dropped.
struct Flood {
    done: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Flood {
    fn of(threads: usize, work: impl Fn(usize) -> usize + Send + Sync + 'static) -> Self {
        let (done, count, work) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), Arc::new(work));
        let threads = (0..threads).map(|me| {
            let (done, count, work) = (Arc::clone(&done), Arc::clone(&count), Arc::clone(&work));
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    count.fetch_add(work(me), Ordering::Relaxed);
                }
            })
        });
        Self { threads: threads.collect(), done, count }
    }

    /// Ends it; how often it was done.
    fn end(self) -> usize {
        self.done.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        self.count.load(Ordering::Relaxed)
    }
}

/// Newcomers beside a flood: how they were served, and how it went.
fn beside(attack: &mut Attack, house: &House, what: &str, doors: &[Door], flood: impl FnOnce() -> Flood) {
    let count = attack.size(100, 2_000);
    let mut alone = come(house, doors, count);
    tell(attack, "alone", &mut alone);
    let (began, cpu) = (Instant::now(), house.cpu());
    let flood = flood();
    let mut served = come(house, doors, count);
    while began.elapsed() < Duration::from_secs(attack.size(1, 10)) {
        served.append(&mut come(house, doors, 1));
    }
    let (span, done) = (began.elapsed(), flood.end());
    tell(attack, "beside the flood", &mut served[..doors.len()]);
    attack.figure(what, format!("{:.0}/s", done as f64 / span.as_secs_f64()));
    let cpu = house.cpu().saturating_sub(cpu).as_secs_f64() / span.as_secs_f64();
    attack.figure("processors in use", format!("{cpu:.2}"));
    assert!(done > 0, "there was no flood");
    all_served(&served);
}

#[test]
fn i_5_handshakes_without_end_stop_nobody() {
    let mut attack = Attack::begin("TLS handshakes without end");
    let house = Plan::new().tls().start();
    let (config, to) = (trusting(&house.certificate), house.tls.unwrap());
    let sockets = house.sockets();
    let doors = [Door::Plain, Door::Tls, Door::Operators];
    beside(&mut attack, &house, "handshakes with a request each", &doors, || {
        // Each with a key of its own: nothing is resumed.
        Flood::of(16, move |me| usize::from(ask(from(me), to, Some(&config), "/healthz").is_ok()))
    });
    house.sockets_come_back_to(sockets);
}

#[test]
fn i_5_signatures_without_end_stop_nobody() {
    const BITS: usize = 4096;
    let mut attack = Attack::begin("messages with signatures of nobody");
    let random = || (0..BITS / 8).map(|_| fastrand::u8(..)).collect::<Vec<_>>();
    // Any odd number will do: nobody has a key to it.
    let key = || {
        let mut modulus = random();
        modulus[0] |= 0x80;
        modulus[BITS / 8 - 1] |= 1;
        format!("\"RSA.{}.AQAB\"", BASE64.encode(modulus))
    };
    let keys = (0..8).map(|_| key()).collect::<Vec<_>>().join(", ");
    let house = Plan::new().set("defaults", "envelope_keys", format!("[{keys}]")).start();
    let signatures =
        (0..8).map(|_| format!(r#"{{"value":"{}"}}"#, BASE64.encode(random()))).collect::<Vec<_>>().join(",");
    let envelope = format!(
        r#"[{{"data":"{}","data_type":"application/json","encoding":"base64url","alg":"RSA-SHA256","sigs":[{signatures}]}}]"#,
        BASE64.encode(message("1"))
    );
    let (request, to) = (post(CHANNEL, envelope.as_bytes()), house.plain);
    let mut first = Peer::connect(from(0), to);
    first.offer(&request);
    assert_eq!(first.answered(1)[0].status, 400);
    let posters = attack.size(20, 40);
    beside(&mut attack, &house, "such messages, answered", &[Door::Plain, Door::Operators], || {
        Flood::of(posters, move |me| {
            let mut peer = Peer::connect(from(me), to);
            peer.offer(&request);
            let status = peer.answered(1)[0].status;
            assert!(matches!(status, 400 | 429 | 503), "{status}");
            1
        })
    });
    attack.figure("posters", posters);
}
