//! Starts the service and its users, waits until enough has happened, and brings home what they saw.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use backplane_actors::Stats;
use fastrand::Rng;
use tokio::task::JoinHandle;

use crate::door::Door;
use crate::history::{History, Nanos};
use crate::http::Client;
use crate::plan::{BUSES, Plan};
use crate::posters::Poster;
use crate::readers::{compare_views, follow_bus, follow_channels, meet_posters};
use crate::service::Service;
use crate::task::{Run, Task};

/// What a run left behind.
pub(crate) struct Yield {
    pub(crate) history: History,
    pub(crate) posting: Duration,
    /// By bus.
    pub(crate) stats: Vec<Stats>,
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

pub(crate) async fn run(plan: &Plan) -> Yield {
    let service = Arc::new(Service::start(&plan.rules));
    let run = Arc::new(Run::new(Arc::clone(&service)));
    let mut crew = Crew { run: Arc::clone(&run), rng: Rng::with_seed(plan.seed), turn: 0 };
    // The server answers once a worker runs, and with it the arbiter that the broker's actors go to.
    let mut history = crew.http().first_answer().await;
    let began = Instant::now();
    let lives: Vec<Nanos> = plan.rules.iter().map(|rules| rules.life() * 1_000_000).collect();
    let posters: Vec<_> = (0..20u16)
        .map(|me| {
            let over_http = me % 2 == 0;
            let task = if over_http { crew.http() } else { crew.inside() };
            let poster = Poster::new(task, me, lives.clone()).run();
            if over_http { tokio::spawn(poster) } else { crew.start(poster) }
        })
        .collect();
    let readers = start_readers(&mut crew);

    let enough = || {
        let reaped: u64 = stats(&service).iter().map(|stats| stats.reaped).sum();
        run.acked.load(Ordering::Relaxed) >= plan.posts && reaped >= plan.reaps
    };
    while !enough() && began.elapsed() < plan.within {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    run.posters_done.store(true, Ordering::Relaxed);
    history.append(gather(posters).await);
    let posting = began.elapsed();
    run.readers_done.store(true, Ordering::Relaxed);
    history.append(gather(readers).await);
    history.append(compare_views(crew.task(Door::Handle)).await);
    let stats = stats(&service);
    history.failures.extend(service.errors());
    // The last of them that goes ends the service.
    drop((crew, run, service));
    Yield { history, posting, stats }
}

fn start_readers(crew: &mut Crew) -> Vec<JoinHandle<History>> {
    let mut readers = Vec::new();
    for bus in (0u8..).take(BUSES.len()) {
        for _ in 0..2 {
            let task = crew.inside();
            readers.push(crew.start(follow_bus(task, bus)));
        }
        readers.push(tokio::spawn(follow_bus(crew.http(), bus)));
    }
    for _ in 0..4 {
        let task = crew.inside();
        readers.push(crew.start(follow_channels(task)));
        let task = crew.inside();
        readers.push(crew.start(meet_posters(task)));
    }
    readers.push(tokio::spawn(follow_channels(crew.http())));
    readers.push(tokio::spawn(meet_posters(crew.http())));
    readers
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
