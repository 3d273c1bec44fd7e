//! One log, from its first start to its end in order, with many kills in between.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::checker::{Findings, Kind, Rules, check};
use crate::history::{ChannelKey, History, Span, View, millis};
use crate::plan::{BUSY, Fate, KEEPS, Manner};
use crate::posters::Poster;
use crate::readers::{ask_and_not_read, audit, follow_buses, follow_channels, listen};
use crate::task::{Place, Run, Task};
use testkit::witness::listener::Way;
use testkit::{Ended, Home, Program, errors_in};

const POSTERS: u16 = 8;
/// After so many kills under load the next server comes so late that each channel must have ended meanwhile: time goes on
/// without a server (I-11).
const PAUSED: u32 = 16;
/// For how much longer, in milliseconds: what was answered last is to be over for sure.
const SPARE: u64 = 100;

/// What a life left behind.
pub(crate) struct Lived {
    pub(crate) history: History,
    pub(crate) findings: Findings,
    pub(crate) counts: Counts,
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) kills: u64,
    /// Of them before the server listened, and while it ended in order.
    pub(crate) starting: u64,
    pub(crate) ending: u64,
    /// Starts that found a torn end and cut it.
    pub(crate) torn: u64,
    /// Segments that were begun after the first.
    pub(crate) rolled: u64,
    /// Messages that channels showed which nothing but promises kept.
    pub(crate) outlived: u64,
}

struct Life<'a> {
    runtime: &'a Runtime,
    manner: Manner,
    rng: &'a mut Rng,
    home: Home,
    place: watch::Sender<Place>,
    starts: u32,
    /// Kills under load.
    loaded: u32,
    /// How long the last start took.
    start: Duration,
    auditor: Task,
    counts: Counts,
    /// What a server said that it should not have to say.
    complaints: Vec<String>,
}

pub(crate) fn live(runtime: &Runtime, rng: &mut Rng, manner: Manner) -> Lived {
    let (place, seen) = watch::channel(Place::Down);
    let run = Arc::new(Run {
        place: seen,
        clock: Instant::now(),
        posters_done: AtomicBool::new(false),
        readers_done: AtomicBool::new(false),
        highest: Default::default(),
    });
    let posters: Vec<_> = (0..POSTERS)
        .map(|me| runtime.spawn(Poster::new(Task::new(&run, rng.fork()), manner, me).run()))
        .collect();
    let mut readers = Vec::new();
    for _ in 0..2 {
        readers.push(runtime.spawn(follow_buses(Task::new(&run, rng.fork()))));
        readers.push(runtime.spawn(follow_channels(Task::new(&run, rng.fork()), manner)));
        readers.push(runtime.spawn(ask_and_not_read(Task::new(&run, rng.fork()))));
        for way in [Way::Events, Way::Socket] {
            for channels in [0, 1, 5] {
                readers.push(runtime.spawn(listen(Task::new(&run, rng.fork()), manner, way, channels)));
            }
        }
    }
    let mut life = Life {
        runtime,
        manner,
        home: Home::new(Some(&manner.config())),
        place,
        starts: 0,
        loaded: 0,
        // Of the first one nobody knows yet how long it takes.
        start: Duration::from_millis(30),
        auditor: Task::new(&run, rng.fork()),
        rng,
        counts: Counts::default(),
        complaints: Vec::new(),
    };
    while life.left() > 0 {
        // Often several in a row.
        let row = life.rng.u64(1..=3).min(life.left());
        (0..row).for_each(|_| life.kill_while_starting());
        let row = life.rng.u64(2..=4).min(life.left());
        (0..row).for_each(|_| life.kill_under_load());
    }
    let history = life.end(&run, posters, readers);
    life.counts.outlived = outlived(&history, &manner.rules()[usize::from(KEEPS)]);
    let mut findings = check(&history, &manner.rules());
    if let (Fate::Whole, gaps @ 1..) = (manner.fate, findings.checks.gaps) {
        findings.add(Kind::FalseAlarm, || format!("nothing can have been lost; {gaps} answers say `gap`"));
    }
    Lived { history, findings, counts: life.counts }
}

impl Life<'_> {
    fn left(&self) -> u64 {
        u64::from(self.manner.kills) - self.counts.kills
    }

    /// A server whose errors are findings of the run, told with all others.
    fn server(&self) -> Program {
        self.home.start(&[]).expect_errors()
    }

    /// Starts the server and tells all tasks.
    fn start(&mut self) -> Program {
        let began = Instant::now();
        let mut program = self.server();
        let address = program.address();
        self.start = began.elapsed();
        self.starts += 1;
        self.place.send_replace(Place::Up { start: self.starts, address });
        program
    }

    fn kill_while_starting(&mut self) {
        let program = self.server();
        std::thread::sleep(self.start.mul_f64(self.rng.f64()));
        let ended = program.kill();
        if let Some(code) = ended.code {
            self.complaints.push(format!("a start ended by itself with {code}: {}", ended.errors));
        }
        self.counts.starting += u64::from(!ended.errors.contains("listening on"));
        self.ended(&ended);
    }

    fn kill_under_load(&mut self) {
        let program = self.start();
        if self.rng.u32(..4) != 0 {
            let channels: Vec<_> = (0..3).map(|_| self.rng.u32(..self.manner.channels(BUSY))).collect();
            self.runtime.block_on(audit(&mut self.auditor, self.manner, channels));
        }
        let rest = self.rng.u64(2_000..200_000);
        std::thread::sleep(Duration::from_micros(rest));
        // From now on requests may fail.
        self.place.send_replace(Place::Down);
        self.loaded += 1;
        let ending = self.loaded.is_multiple_of(6);
        if ending {
            program.signal("TERM");
            let rest = self.rng.u64(..5_000);
            std::thread::sleep(Duration::from_micros(rest));
        }
        let ended = program.kill();
        // Unless it was quicker.
        self.counts.ending += u64::from(ending && ended.code.is_none());
        self.ended(&ended);
        if self.manner.fate == Fate::Brief && self.loaded % PAUSED == PAUSED / 4 {
            let Rules { idle, late, .. } = self.manner.rules()[usize::from(BUSY)];
            std::thread::sleep(Duration::from_millis(idle + late + SPARE));
        }
    }

    fn ended(&mut self, ended: &Ended) {
        self.counts.kills += u64::from(ended.code.is_none());
        self.counts.torn += u64::from(ended.errors.contains("cut off"));
        self.complaints.extend(errors_in(&ended.errors).into_iter().map(str::to_owned));
    }

    /// The last server: all get their answers, all is read, and it ends in order.
    fn end(
        &mut self,
        run: &Arc<Run>,
        posters: Vec<JoinHandle<History>>,
        readers: Vec<JoinHandle<History>>,
    ) -> History {
        let program = self.start();
        run.posters_done.store(true, Ordering::Relaxed);
        let mut history = self.runtime.block_on(gather(posters));
        run.readers_done.store(true, Ordering::Relaxed);
        history.append(self.runtime.block_on(gather(readers)));
        self.runtime.block_on(audit(&mut self.auditor, self.manner, 0..self.manner.channels(BUSY)));
        history.append(std::mem::take(&mut self.auditor.history));
        program.signal("TERM");
        let ended = program.end();
        self.ended(&ended);
        if ended.code != Some(0) {
            self.complaints.push(format!("the server did not end in order: {ended:?}"));
        }
        history.failures.append(&mut self.complaints);
        let data = std::fs::read_dir(self.home.path().join("backplane-data")).unwrap();
        let segments = data.filter(|file| {
            file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "log")
        });
        // The last one is the spare.
        self.counts.rolled = (segments.count() as u64).saturating_sub(2);
        history
    }
}

/// Messages that channels showed after their last POST was longer ago than anything but a promise lasts.
fn outlived(history: &History, rules: &Rules) -> u64 {
    let mut posts: HashMap<ChannelKey, Vec<Span>> = HashMap::new();
    for attempt in history.attempts.iter().filter(|attempt| attempt.channel.bus == KEEPS) {
        posts.entry(attempt.channel).or_default().push(attempt.span);
    }
    let is_over = |channel, read: Span| {
        let posts = posts.get(&channel).into_iter().flatten();
        let last = posts.filter(|post| post.start < read.end).map(|post| post.end).max();
        last.is_some_and(|last| millis(last) + rules.life() + rules.late < millis(read.start))
    };
    let of_channels = history.retrievals.iter().filter_map(|read| match read.view {
        View::Channel(channel) if channel.bus == KEEPS && !read.answer.shown.is_empty() => {
            is_over(channel, read.span).then_some(read.answer.shown.len() as u64)
        }
        _ => None,
    });
    of_channels.sum()
}

async fn gather(tasks: Vec<JoinHandle<History>>) -> History {
    let mut all = History::default();
    for task in tasks {
        all.append(task.await.unwrap());
    }
    all
}
