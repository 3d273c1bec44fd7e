//! Crowds that wait for messages: those who never read what they asked for, all that come again when a server is restarted, and
//! subscriptions without end. They cost what their bounds say (I-5), and nobody else misses anything (I-6, I-10).

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use backplane_actors::{Broker, BrokerLimits, BusSettings, Event, Selection, Since, Subscription};
use futures::{FutureExt as _, StreamExt as _};
use testkit::witness::checker::{Rules, check};
use testkit::witness::history::{
    Attempt, ChannelKey, History, Ids, Nanos, Outcome, Position, PostKey, Resume, Span, Stamp, View,
};
use testkit::witness::http::Client;
use testkit::witness::listener::{Listener, Went};
use testkit::{Home, PATIENCE, Program, strong_hash};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::attack::{Attack, bytes, spread};
use crate::house::{Plan, cpu_of, from};
use crate::peer::{Peer, push_until_still};
use crate::requests::fill;
use crate::{KIB, MIB};

const BUS: &str = "/v1/bus/b";
const CHANNELS: u32 = 8;
/// Streams that are asked for at the same time, so that no queue of connections overflows.
const AT_ONCE: usize = 64;
/// What a reader that never reads may hold.
const MOST: usize = 256 * KIB;
/// For longer than any of this takes, and more than any of it posts.
const KEPT: u64 = 30 * 60 * 1_000;
const ALL: usize = 1_000_000;

/// What all readers of a crowd share.
struct Crowd {
    address: SocketAddr,
    clock: Instant,
    turns: Semaphore,
    /// Readers that stand somewhere now.
    there: AtomicUsize,
    /// Times that nobody listened where a server was expected.
    early: AtomicUsize,
    /// The last id of each channel, once that is known.
    goals: [AtomicU64; CHANNELS as usize],
}

impl Crowd {
    fn of(address: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            address,
            clock: Instant::now(),
            turns: Semaphore::new(AT_ONCE),
            there: AtomicUsize::new(0),
            early: AtomicUsize::new(0),
            goals: std::array::from_fn(|_| AtomicU64::new(0)),
        })
    }

    fn now(&self) -> Nanos {
        u64::try_from(self.clock.elapsed().as_nanos()).unwrap()
    }

    async fn listen(self: Arc<Self>, number: u32) -> History {
        let channel = ChannelKey { bus: 0, number };
        let mut listener = Listener::new(BUS.to_owned(), vec![View::Channel(channel)], Position::Start);
        let mut history = History::default();
        if let Err(failure) = self.read(&mut listener, number).await {
            history.failures.push(failure);
        }
        listener.hand_in(&mut history);
        history
    }

    /// Until it has all of its channel. An order to come back is followed, and never refused.
    async fn read(&self, listener: &mut Listener, number: u32) -> Result<(), String> {
        loop {
            let goal = self.goals[number as usize].load(Ordering::Acquire);
            if goal > 0 && listener.notes.stands().is_some_and(|stands| stands >= goal) {
                return Ok(());
            }
            if !listener.is_open() {
                let _turn = self.turns.acquire().await.unwrap();
                let Ok(opened) = listener.open(self.address, self.now()).await else {
                    self.early.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    continue;
                };
                opened.map_err(|status| format!("refused: {status}"))?;
                listener.next(|| self.now()).await.map_err(|error| format!("first word: {error}"))?;
                self.there.fetch_add(1, Ordering::AcqRel);
            }
            let went = tokio::time::timeout(PATIENCE * 2, listener.next(|| self.now())).await;
            match went.map_err(|_| "silence")?.map_err(|error| format!("cut: {error}"))? {
                Went::On => {}
                Went::Ended(reason, Some(retry)) if reason == "drain" => {
                    self.there.fetch_sub(1, Ordering::AcqRel);
                    tokio::time::sleep(Duration::from_millis(retry)).await;
                }
                Went::Ended(reason, _) => return Err(format!("ended: {reason}")),
            }
        }
    }

    /// Has so many read, and waits until all of them do.
    fn gather(self: &Arc<Self>, runtime: &Runtime, count: usize) -> Vec<JoinHandle<History>> {
        let numbers = (0..CHANNELS).cycle().take(count);
        let readers = numbers.map(|number| runtime.spawn(Arc::clone(self).listen(number))).collect();
        self.wait_for(count);
        readers
    }

    fn wait_for(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE * 4;
        while self.there.load(Ordering::Acquire) < count {
            assert!(Instant::now() < deadline, "{} of {count} are there", self.there.load(Ordering::Acquire));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Posts from one number to another, by turns to all channels. The last one of each channel is its goal, if this is the end.
    async fn post(&self, history: &mut History, numbers: std::ops::Range<u32>, is_end: bool) {
        let (mut client, end) = (Client::new(self.address), numbers.end);
        for number in numbers {
            let (post, channel) = (PostKey { poster: 0, number }, number % CHANNELS);
            let Stamp(stamp) = Stamp::new(post, 0, 1);
            let body = format!(r#"[{{"source":"http://push.test","type":"stamp","payload":{stamp}}}]"#);
            let start = self.now();
            let ids = client.post(&format!("{BUS}/channel/c{channel}"), &body, None).await.unwrap().unwrap();
            let span = Span { start, end: self.now() };
            let outcome = Outcome::Acked(Ids::new(ids.iter().copied()));
            let channel_key = ChannelKey { bus: 0, number: channel };
            history.attempts.push(Attempt { post, channel: channel_key, size: 1, span, outcome });
            if is_end && number + CHANNELS >= end {
                self.goals[channel as usize].store(ids[0], Ordering::Release);
            }
        }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Whether all saw the same, and how long it took from the POST to the reader.
fn judge(attack: &mut Attack, runtime: &Runtime, mut history: History, readers: Vec<JoinHandle<History>>) {
    for reader in readers {
        history.append(runtime.block_on(reader).unwrap());
    }
    let posted: HashMap<PostKey, Nanos> =
        history.attempts.iter().map(|attempt| (attempt.post, attempt.span.start)).collect();
    let mut times = Vec::new();
    for stretch in &history.stretches {
        for (shown, link) in stretch.retrieval.answer.shown.iter().zip(&stretch.links) {
            times.push(Duration::from_nanos(link.at.saturating_sub(posted[&shown.stamp.post()])));
        }
    }
    attack.figure("from the POST to its readers", spread(&mut times));
    let (idle, retention) = (KEPT, KEPT);
    let rules = Rules {
        idle,
        retention,
        promised: None,
        channel_window: ALL,
        bus_window: ALL,
        early: 0,
        late: 0,
        kept: 0,
    };
    let mut findings = check(&history, &[rules]);
    let not_complete = |resume| resume != Resume::Complete;
    for stretch in history.stretches.iter().filter(|one| not_complete(one.retrieval.answer.resume)) {
        findings.add(testkit::witness::checker::Kind::FalseAlarm, || format!("{:?}", stretch.retrieval));
    }
    findings.print();
    assert!(findings.is_clean(), "see above");
    assert!(findings.checks.linked > 0, "nothing was pushed");
}

#[test]
fn i_6_readers_that_never_read_cost_the_others_nothing() {
    let mut attack = Attack::begin("event streams that nobody reads");
    let many = |most: usize| most.to_string();
    let house = Plan::new()
        .limit("answer_timeout", r#""3s""#)
        .limit("connections_per_address", many(ALL))
        .limit("streams_per_address", many(ALL))
        .start();
    // Together more than the systems hold on the way.
    fill(&house, "/v1/bus/customer.com/channel/large", 80, 160 * KIB);
    let (readers, silent) = (attack.size(500, 10_000), attack.size(50, 500));
    let (runtime, crowd, sockets) = (runtime(), Crowd::of(house.plain), house.sockets());
    let before = house.memory();
    let listening = crowd.gather(&runtime, readers);
    let of_readers = house.memory().saturating_sub(before);
    attack.figure("readers", format!("{readers}, {} each", bytes(of_readers / readers)));
    let mut history = History::default();
    let posts = attack.size(400, 800);
    runtime.block_on(crowd.post(&mut history, 0..posts / 2, false));

    let (memory, began) = (house.memory(), Instant::now());
    let request =
        "GET /v1/bus/customer.com/channel/large HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n";
    let mut peers: Vec<_> = (0..silent)
        .map(|number| {
            let mut peer = Peer::connect(from(number), house.plain);
            peer.offer(request.as_bytes());
            peer.push();
            peer
        })
        .collect();
    push_until_still(&mut peers);
    runtime.block_on(crowd.post(&mut history, posts / 2..posts, true));
    let held = house.memory().saturating_sub(memory) / silent;
    attack.figure("those who never read", format!("{silent}, {} each", bytes(held)));
    assert!(held <= MOST, "{held} bytes for each");
    judge(&mut attack, &runtime, history, listening);
    // The readers have left.
    house.sockets_come_back_to(sockets);
    attack.figure("closed by the server after", format!("{:.1} s", began.elapsed().as_secs_f64()));
    // They were closed while they still had them open.
    drop(peers);
}

/// A server that is found at the same place after a restart.
fn home() -> (Home, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hash = strong_hash("demo").to_phc();
    let config = format!(
        r#"
listen = "{free}"
workers = 2
[limits]
lateness = "0s"
connections_per_address = {ALL}
streams_per_address = {ALL}
[[user]]
name = "demo"
password_hash = "{hash}"
[[bus]]
name = "b"
post = ["demo"]
read = ["demo"]
window = {{ channel = {ALL}, bus = {ALL} }}
"#
    );
    (Home::new(Some(&config)), free)
}

fn started(home: &Home) -> Program {
    let mut program = home.start(&[]);
    program.address();
    program
}

#[test]
fn i_10_all_come_back_to_a_restarted_server_and_miss_nothing() {
    let mut attack = Attack::begin("a restart with a crowd of readers");
    let readers = attack.size(500, 10_000);
    let ((home, address), runtime) = (home(), runtime());
    let (program, crowd) = (started(&home), Crowd::of(address));
    let listening = crowd.gather(&runtime, readers);
    let mut history = History::default();
    runtime.block_on(crowd.post(&mut history, 0..80, false));
    let began = Instant::now();
    program.signal("TERM");
    assert_eq!(program.end().code, Some(0));
    attack.figure("the end took", format!("{:.1} s", began.elapsed().as_secs_f64()));
    let program = started(&home);
    let back = Instant::now();
    runtime.block_on(crowd.post(&mut history, 80..160, false));
    crowd.wait_for(readers);
    let (span, cpu) = (back.elapsed().as_secs_f64(), cpu_of(program.id()).as_secs_f64());
    attack.figure(format!("{readers} readers came back within"), format!("{span:.1} s"));
    attack.figure(
        "processor time for that, of the server",
        format!("{cpu:.2} s, {:.2} processors", cpu / span),
    );
    attack.figure("times that nobody listened yet", crowd.early.load(Ordering::Relaxed));
    runtime.block_on(crowd.post(&mut history, 160..240, true));
    judge(&mut attack, &runtime, history, listening);
}

/// Bytes of memory that this process has in use.
fn own_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * KIB
}

#[test]
fn i_5_subscriptions_that_have_gone_leave_nothing() {
    let mut attack = Attack::begin("subscriptions without end");
    let count = attack.size(20_000, ALL);
    let limits = BrokerLimits { subscribers: count, subscribers_per_bus: count, ..BrokerLimits::default() };
    let name: backplane_actors::BusName = "b".parse().unwrap();
    let waiting = |broker: &Broker| broker.bus_stats(&name).unwrap().subscribers;
    actix_rt::System::new().block_on(async {
        let broker =
            Broker::builder().bus(name.clone(), BusSettings::default()).limits(limits).start().unwrap();
        let bus = broker.bus("b").unwrap();
        let before = own_memory();
        let mut peaks = Vec::new();
        for round in 0..3 {
            let began = Instant::now();
            let mut all: Vec<Subscription> = Vec::with_capacity(count);
            for number in 0..count {
                let channel = format!("c{number}").parse().unwrap();
                let mut one = bus.subscribe(Selection::Channels(vec![(channel, Since::Start)])).unwrap();
                let first = one.next().now_or_never().flatten();
                assert!(matches!(first, Some(Event::Resumed(_))), "{first:?}");
                all.push(one);
            }
            assert_eq!(waiting(&broker), count);
            let more = Selection::Channels(vec![("more".parse().unwrap(), Since::Start)]);
            assert!(bus.subscribe(more).is_err(), "there may be no more");
            let held = own_memory().saturating_sub(before);
            let took = began.elapsed().as_secs_f64();
            attack.figure(
                format!("round {round}: {count} of them"),
                format!("{}, {} each, in {took:.1} s", bytes(held), bytes(held / count)),
            );
            peaks.push(held);
            drop(all);
            assert_eq!(waiting(&broker), 0);
            attack.figure(
                "  memory when they have gone, more than before",
                bytes(own_memory().saturating_sub(before)),
            );
        }
        // What the allocator keeps it uses again.
        assert!(peaks[2] <= peaks[0] * 3 / 2 + 4 * MIB, "it grows: {peaks:?}");
    });
}
