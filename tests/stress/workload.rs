//! Starts the service and its users, waits until enough has happened, and brings home what they saw; again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use backplane_actors::Stats;
use fastrand::Rng;
use testkit::Home;
use testkit::witness::listener::Way;
use tokio::task::JoinHandle;

use crate::door::Door;
use crate::history::{Cursor, History, Nanos, Position, View};
use crate::http::Client;
use crate::plan::{BUSES, Keeping, Plan, STICKY, TERMS};
use crate::posters::Poster;
use crate::publishers::Publisher;
use crate::readers::{
    ask_and_not_read, compare_views, follow_bus, follow_channels, follow_sticky_channels, meet_posters,
    wait_for_bus, wait_for_channels, wait_for_several,
};
use crate::second::{self, Second};
use crate::service::{RunClock, Service};
use crate::streams::{Of, listen, subscribe_by_client};
use crate::subscriptions;
use crate::task::{Run, Task};

/// What the brokers of one log left behind.
pub(crate) struct Yield {
    pub(crate) keeping: Keeping,
    pub(crate) history: History,
    pub(crate) posting: Duration,
    /// By broker and bus.
    pub(crate) stats: Vec<Stats>,
    /// Channels that there were in the end.
    pub(crate) live: u64,
}

/// Tasks that are started in the same way.
struct Crew {
    run: Arc<Run>,
    rng: Rng,
    turn: usize,
}

impl Crew {
    fn task(&mut self, door: Door) -> Task {
        Task { run: Arc::clone(&self.run), door, rng: self.rng.fork(), history: History::default() }
    }

    fn http(&mut self) -> Task {
        let client = Client::new(self.run.service.address);
        self.task(Door::Http(client))
    }

    /// By the broker's handle and by its actors, in turn.
    fn inside(&mut self) -> Task {
        self.turn += 1;
        self.task(if self.turn.is_multiple_of(2) { Door::Handle } else { Door::Bus })
    }

    /// Runs what belongs to its thread on one of the arbiters: the first runs actors too.
    fn stay<F: Future<Output = History> + 'static>(
        &self,
        arbiter: usize,
        work: impl FnOnce() -> F + Send + 'static,
    ) -> JoinHandle<History> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let sent = self.run.service.arbiters[arbiter].spawn_fn(move || {
            actix_rt::spawn(async move { _ = sender.send(work().await) });
        });
        assert!(sent, "the arbiter is there as long as the service");
        tokio::spawn(async move { receiver.await.expect("a task panicked") })
    }

    /// Runs it on the arbiters, one of which runs actors too, and on threads without actors, in turn.
    fn start(&mut self, work: impl Future<Output = History> + Send + 'static) -> JoinHandle<History> {
        self.turn += 1;
        let (sender, receiver) = tokio::sync::oneshot::channel();
        match self.turn % 3 {
            2 => return tokio::spawn(work),
            at => {
                let sent = self.run.service.arbiters[at].spawn(async move {
                    _ = sender.send(work.await);
                });
                assert!(sent, "the arbiter is there as long as the service");
            }
        }
        tokio::spawn(async move { receiver.await.expect("a task panicked") })
    }
}

/// Where readers go on from: the last position that each view gave out.
type Places = BTreeMap<View, Cursor>;

/// What of a run outlives its brokers.
struct Shift<'a> {
    plan: &'a Plan,
    clock: RunClock,
    home: Home,
    rng: Rng,
    places: Places,
    posters: u16,
}

/// Ends the broker in order and starts another one, as often as the plan says. One yield for each log.
pub(crate) async fn run(plan: &Plan) -> Vec<Yield> {
    let mut shift = Shift {
        plan,
        clock: RunClock::start(),
        home: Home::new(None),
        rng: Rng::with_seed(plan.seed),
        places: Places::new(),
        posters: 0,
    };
    let mut logs: Vec<Yield> = Vec::new();
    for (keeping, percent) in TERMS {
        let term = shift.work(keeping, percent).await;
        match logs.last_mut() {
            Some(log) if keeping == Keeping::Disk && log.keeping == keeping => {
                log.history.append(term.history);
                log.posting += term.posting;
                log.stats.extend(term.stats);
                log.live = term.live;
            }
            _ => logs.push(term),
        }
    }
    logs
}

impl Shift<'_> {
    /// One broker, from its start to its end.
    async fn work(&mut self, keeping: Keeping, percent: u64) -> Yield {
        let (plan, folder) = (self.plan, self.home.path().join("log"));
        let service = Arc::new(Service::start(keeping, self.clock, &folder));
        let run = Arc::new(Run::new(Arc::clone(&service)));
        let mut crew = Crew { run: Arc::clone(&run), rng: self.rng.fork(), turn: 0 };
        // The server answers once a worker runs, and with it the arbiter that the broker's actors go to.
        let mut history = crew.http().first_answers().await;
        let second = {
            let service = Arc::clone(&service);
            Arc::new(tokio::task::spawn_blocking(move || Second::prepare(&service)).await.unwrap())
        };
        let began = Instant::now();
        let mut posters = self.start_posters(&mut crew, keeping);
        posters.extend(self.start_second_posters(&mut crew, &second));
        let mut readers = start_readers(&mut crew, &self.places);
        readers.extend(start_second_readers(&mut crew, &self.places, &second));
        readers.extend(start_subscriptions(&mut crew, &self.places));
        let streams = start_streams(&mut crew, &self.places);
        let enough = || {
            let reaped: u64 = stats(&service).iter().map(|stats| stats.reaped).sum();
            run.acked.load(Ordering::Relaxed) >= plan.posts * percent / 100
                && reaped >= plan.reaps * percent / 100
        };
        while !enough() && began.elapsed() < plan.within * percent as u32 / 100 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        run.posters_done.store(true, Ordering::Relaxed);
        history.append(gather(posters).await);
        let posting = began.elapsed();
        run.readers_done.store(true, Ordering::Release);
        history.append(gather(readers).await);
        // They give up themselves.
        while run.arrived.load(Ordering::Acquire) < streams.len() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        history.append(compare_views(crew.task(Door::Handle)).await);
        let stats = stats(&service);
        run.ending.store(true, Ordering::Release);
        service.begin_shutdown();
        history.append(gather(streams).await);
        history.failures.extend(service.errors());
        // The last of them that goes ends the service.
        drop((crew, run, second, service));
        let streamed = history.stretches.iter().map(|stretch| &stretch.retrieval);
        // Those who read sticky messages alone begin anew.
        let all = history.retrievals.iter().chain(streamed).filter(|read| read.view.bus() != STICKY);
        self.places.extend(all.map(|read| (read.view, read.answer.next)));
        let live = stats.iter().map(|stats| stats.channels as u64).sum();
        Yield { keeping, history, posting, stats, live }
    }

    fn start_posters(&mut self, crew: &mut Crew, keeping: Keeping) -> Vec<JoinHandle<History>> {
        let lives: Vec<Nanos> = keeping.rules().iter().map(|rules| rules.life() * 1_000_000).collect();
        let all = self.posters..self.posters + 20;
        let publishers = all.end..all.end + 2;
        self.posters = publishers.end;
        let publish = |me| {
            let publisher = Publisher::new(crew.inside(), me, [0, 2][usize::from(me % 2)]);
            tokio::spawn(publisher.run())
        };
        let mut posters: Vec<_> = publishers.map(publish).collect();
        posters.extend(all.map(|me| {
            let over_http = me % 2 == 0;
            let task = if over_http { crew.http() } else { crew.inside() };
            let poster = Poster::new(task, me, lives.clone()).run();
            if over_http { tokio::spawn(poster) } else { crew.start(poster) }
        }));
        posters
    }

    /// Those of version 2.0, and whoever makes a bus and takes it away meanwhile.
    fn start_second_posters(&mut self, crew: &mut Crew, second: &Arc<Second>) -> Vec<JoinHandle<History>> {
        let all = self.posters..self.posters + 2;
        self.posters = all.end;
        let mut posters: Vec<_> =
            all.map(|me| tokio::spawn(second::post(crew.http(), Arc::clone(second), me))).collect();
        let (second, run) = (Arc::clone(second), Arc::clone(&crew.run));
        posters.push(tokio::task::spawn_blocking(move || {
            second::come_and_go(&second, || run.posters_done.load(Ordering::Relaxed));
            History::default()
        }));
        posters
    }
}

fn start_second_readers(crew: &mut Crew, places: &Places, second: &Arc<Second>) -> Vec<JoinHandle<History>> {
    // A position is of all that it was told for: the lowest of all buses is one of all of them.
    let all: Option<Vec<_>> = (0u8..).take(BUSES.len()).map(|bus| places.get(&View::Bus(bus))).collect();
    let lowest = all.and_then(|all| all.into_iter().min_by_key(|cursor| cursor.id).copied());
    let since = lowest.map_or(Position::Start, Position::Cursor);
    let of = [
        (second::Of::All, since),
        (second::Of::All, Position::Start),
        (second::Of::Sticky, Position::Start),
        (second::Of::One(1), Position::Start),
    ];
    let follow = |(of, since)| tokio::spawn(second::follow(crew.http(), Arc::clone(second), of, since));
    of.map(follow).into()
}

fn start_readers(crew: &mut Crew, places: &Places) -> Vec<JoinHandle<History>> {
    let mut readers = Vec::new();
    for bus in (0u8..).take(BUSES.len()) {
        let since = place(bus, places);
        for _ in 0..2 {
            let task = crew.inside();
            readers.push(crew.start(follow_bus(task, bus, since)));
        }
        readers.push(tokio::spawn(follow_bus(crew.http(), bus, since)));
    }
    for _ in 0..2 {
        let task = crew.inside();
        readers.push(crew.start(follow_bus(task, STICKY, Position::Start)));
        readers.push(tokio::spawn(follow_sticky_channels(crew.http())));
    }
    readers.push(tokio::spawn(follow_bus(crew.http(), STICKY, Position::Start)));
    for _ in 0..4 {
        let (task, some) = (crew.inside(), some_channels(crew, places));
        readers.push(crew.start(follow_channels(task, some)));
        let task = crew.inside();
        readers.push(crew.start(meet_posters(task)));
    }
    readers.push(tokio::spawn(ask_and_not_read(crew.http(), 0)));
    let some = some_channels(crew, places);
    readers.push(tokio::spawn(follow_channels(crew.http(), some)));
    readers.push(tokio::spawn(meet_posters(crew.http())));
    readers.push(tokio::spawn(wait_for_bus(crew.http(), 1, place(1, places))));
    readers.push(tokio::spawn(wait_for_channels(crew.http())));
    for bus in [0, 2] {
        readers.push(tokio::spawn(wait_for_several(crew.http(), bus)));
    }
    readers
}

/// Where a bus was left.
fn place(bus: u8, places: &Places) -> Position {
    places.get(&View::Bus(bus)).copied().map_or(Position::Start, Position::Cursor)
}

/// Subscriptions in the broker, on both arbiters.
fn start_subscriptions(crew: &mut Crew, places: &Places) -> Vec<JoinHandle<History>> {
    let of = [
        subscriptions::Of::Bus(1, place(1, places)),
        subscriptions::Of::Bus(2, Position::Start),
        subscriptions::Of::Channels(0),
        subscriptions::Of::Channels(2),
        subscriptions::Of::Channels(3),
    ];
    let mut readers = Vec::new();
    for arbiter in 0..2 {
        for of in of {
            let task = crew.inside();
            readers.push(crew.stay(arbiter, move || subscriptions::subscribe(task, of)));
        }
    }
    readers
}

/// Readers of streams, who read until the service ends.
fn start_streams(crew: &mut Crew, places: &Places) -> Vec<JoinHandle<History>> {
    let mut of: Vec<_> = [0, 2, 3].map(|bus| Of::One(View::Bus(bus), place(bus, places))).into();
    of.extend([0, 1, 2].map(Of::Several));
    let one = |(view, since)| Of::One(view, since);
    of.extend(some_channels(crew, places).into_iter().take(4).map(one));
    let ways = of.into_iter().flat_map(|of| [(Way::Events, of), (Way::Socket, of)]);
    let mut readers: Vec<_> = ways.map(|(way, of)| tokio::spawn(listen(crew.http(), way, of))).collect();
    for of in [Of::One(View::Bus(2), place(2, places)), Of::Several(0)] {
        readers.push(tokio::spawn(subscribe_by_client(crew.http(), of)));
    }
    readers
}

/// Some of the channels that somebody followed, and where to.
fn some_channels(crew: &mut Crew, places: &Places) -> Vec<(View, Position)> {
    let channels = places.iter().filter(|(view, _)| matches!(view, View::Channel(_)));
    let some = crew.rng.choose_multiple(channels, 12);
    some.into_iter().map(|(view, cursor)| (*view, Position::Cursor(*cursor))).collect()
}

async fn gather(tasks: Vec<JoinHandle<History>>) -> History {
    let mut all = History::default();
    for task in tasks {
        all.append(task.await.unwrap());
    }
    all
}

fn stats(service: &Service) -> Vec<Stats> {
    let buses = (0u8..).take(BUSES.len()).map(|bus| service.bus(bus));
    buses.map(|bus| service.broker.bus_stats(bus).unwrap()).collect()
}
