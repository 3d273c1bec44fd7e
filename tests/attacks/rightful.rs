//! Those who mean well: they post to a bus and read it while the program is attacked, and what they saw is checked as
//! the stress test's is: nothing lost, doubled, reordered or missed in silence (I-1, I-2, I-10).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use testkit::witness::checker::{Rules, check};
use testkit::witness::history::{
    Attempt, BATCH_MAX, ChannelKey, History, Ids, Nanos, Outcome, Position, PostKey, Retrieval, Span, Stamp,
    View,
};
use testkit::witness::http::Client;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::attack::{Attack, p99, spread};
use crate::house::House;

const BUS: &str = "/v1/bus/b";
const CHANNELS: u32 = 8;
/// How long anybody waits between two requests, at most.
const PAUSE: u64 = 30_000;
/// For longer than any attack takes.
const KEPT: u64 = 30 * 60 * 1_000;
const ALL: usize = 1_000_000;
/// Where readers come from: what posters were refused is none of their business, and they need not rest for it.
const READERS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Whose POSTs they are: nobody posts the same twice, also one gathering after the other.
static POSTERS: AtomicU16 = AtomicU16::new(0);

/// What one of them saw, and how long it took.
#[derive(Default)]
struct Seen {
    history: History,
    posts: Vec<Duration>,
    /// When each began, since the rightful did, and how long it took.
    reads: Vec<(Duration, Duration)>,
    /// Requests that were told to come back later.
    refused: u64,
}

struct Task {
    client: Client,
    clock: Instant,
    done: Arc<AtomicBool>,
    /// Whether they may be told to come back later.
    may_be_refused: bool,
    rng: fastrand::Rng,
    seen: Seen,
}

/// Some of them, at work.
pub(crate) struct Rightful {
    runtime: Runtime,
    posters_done: Arc<AtomicBool>,
    readers_done: Arc<AtomicBool>,
    posters: Vec<JoinHandle<Seen>>,
    readers: Vec<JoinHandle<Seen>>,
}

impl Rightful {
    /// So many posters, and as many readers of the bus and of its channels.
    pub(crate) fn begin(house: &House, count: u16, may_be_refused: bool) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name("rightful").enable_all().build().unwrap();
        let (posters_done, readers_done) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (address, clock) = (house.plain, Instant::now());
        let task = |from: Ipv4Addr, done: &Arc<AtomicBool>| Task {
            client: Client::at(from, address),
            clock,
            done: Arc::clone(done),
            may_be_refused,
            rng: fastrand::Rng::new(),
            seen: Seen::default(),
        };
        let readers = (0..count).map(|me| {
            let channel = ChannelKey { bus: 0, number: u32::from(me) % CHANNELS };
            let view = if me % 2 == 0 { View::Bus(0) } else { View::Channel(channel) };
            let mut task = task(READERS, &readers_done);
            // What was there before is none of theirs.
            let since = runtime.block_on(task.client.read(&path(view), 0, Position::Start)).unwrap().next;
            runtime.spawn(task.read_on(address, view, Position::Cursor(since)))
        });
        let readers = readers.collect();
        let posters = (0..count).map(|_| {
            let me = POSTERS.fetch_add(1, Ordering::Relaxed);
            runtime.spawn(task(Ipv4Addr::LOCALHOST, &posters_done).post_on(me))
        });
        let posters = posters.collect();
        Self { runtime, posters_done, readers_done, posters, readers }
    }

    /// Has them end: whatever was posted is read. Adds their figures, and checks what they saw.
    pub(crate) fn end(self, attack: &mut Attack, when: &str) {
        let gather = |tasks: Vec<JoinHandle<Seen>>| {
            let mut all = Seen::default();
            for task in tasks {
                let mut seen = self.runtime.block_on(task).unwrap();
                all.history.append(seen.history);
                all.posts.append(&mut seen.posts);
                all.reads.append(&mut seen.reads);
                all.refused += seen.refused;
            }
            all
        };
        self.posters_done.store(true, Ordering::Relaxed);
        let mut all = gather(self.posters);
        self.readers_done.store(true, Ordering::Relaxed);
        let reads = gather(self.readers);
        all.history.append(reads.history);
        attack.figure(format!("rightful POSTs, {when}"), spread(&mut all.posts));
        let mut took: Vec<_> = reads.reads.iter().map(|(_, took)| *took).collect();
        attack.figure(format!("rightful retrievals, {when}"), spread(&mut took));
        attack.figure("  p99 of each second, in ms", each_second(&reads.reads));
        if all.refused + reads.refused > 0 {
            attack
                .figure(format!("rightful requests told to come back, {when}"), all.refused + reads.refused);
        }
        let rules = Rules {
            idle: KEPT,
            retention: KEPT,
            promised: None,
            channel_window: ALL,
            bus_window: ALL,
            early: 0,
            late: 0,
            kept: 0,
        };
        let findings = check(&all.history, &[rules]);
        findings.print();
        attack.figure(format!("rightful messages, each checked, {when}"), findings.checks.messages);
        assert!(findings.is_clean(), "what the rightful saw is wrong, see above");
        assert_eq!(findings.checks.gaps, 0, "nothing can have been missed");
        assert!(findings.checks.messages > 0, "nobody posted: this proves nothing");
    }
}

/// Whether it is slow at the beginning, all the time or in waves: an attack's p99 alone does not tell.
fn each_second(reads: &[(Duration, Duration)]) -> String {
    let mut seconds = BTreeMap::<u64, Vec<Duration>>::new();
    for (began, took) in reads {
        seconds.entry(began.as_secs()).or_default().push(*took);
    }
    let late = |mut took: Vec<Duration>| format!("{:.1}", p99(&mut took).as_secs_f64() * 1e3);
    seconds.into_values().map(late).collect::<Vec<_>>().join(" ")
}

fn path(view: View) -> String {
    match view {
        View::Bus(_) => BUS.to_owned(),
        View::Channel(channel) => format!("{BUS}/channel/c{}", channel.number),
    }
}

impl Task {
    fn now(&self) -> Nanos {
        self.clock.elapsed().as_nanos() as u64
    }

    async fn pause(&mut self) {
        let micros = self.rng.u64(..PAUSE);
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }

    async fn post_on(mut self, me: u16) -> Seen {
        let mut number = 0;
        while !self.done.load(Ordering::Relaxed) {
            let channel = ChannelKey { bus: 0, number: self.rng.u32(..CHANNELS) };
            let post = PostKey { poster: me, number };
            number += 1;
            let size = self.rng.usize(1..=BATCH_MAX);
            let message = |index| {
                let Stamp(stamp) = Stamp::new(post, index, size);
                format!(r#"{{"source":"http://rightful.test","type":"stamp","payload":{stamp}}}"#)
            };
            let body = format!("[{}]", (0..size).map(message).collect::<Vec<_>>().join(","));
            let path = format!("{BUS}/channel/c{}", channel.number);
            let start = self.now();
            let posted = self.client.post(&path, &body, None).await;
            let span = Span { start, end: self.now() };
            self.seen.posts.push(Duration::from_nanos(span.end - span.start));
            let outcome = match posted {
                Ok(Ok(ids)) => Outcome::Acked(Ids::new(ids)),
                Ok(Err(503)) if self.may_be_refused => {
                    self.seen.refused += 1;
                    Outcome::Refused
                }
                other => {
                    self.seen.history.failures.push(format!("a rightful POST: {other:?}"));
                    Outcome::Unknown
                }
            };
            self.seen.history.attempts.push(Attempt { post, channel, size, span, outcome });
            self.pause().await;
        }
        self.seen
    }

    async fn read_on(mut self, address: SocketAddr, view: View, mut since: Position) -> Seen {
        let path = path(view);
        loop {
            // What is read after the last POST was answered has all of it.
            let last = self.done.load(Ordering::Relaxed);
            let start = self.now();
            let answer = self.client.read(&path, 0, since).await;
            let span = Span { start, end: self.now() };
            let nanos = Duration::from_nanos;
            self.seen.reads.push((nanos(span.start), nanos(span.end - span.start)));
            match answer {
                Ok(answer) => {
                    let next = Position::Cursor(answer.next);
                    self.seen.history.retrievals.push(Retrieval { view, since, span, answer });
                    since = next;
                    if last {
                        return self.seen;
                    }
                }
                Err(error) if self.may_be_refused && error.to_string().ends_with("503") => {
                    self.seen.refused += 1;
                    self.client = Client::at(READERS, address);
                }
                Err(error) => {
                    self.seen.history.failures.push(format!("a rightful retrieval: {error}"));
                    if last {
                        return self.seen;
                    }
                }
            }
            self.pause().await;
        }
    }
}
