//! What posters and readers have in common: they outlive the servers, and record what they see.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use fastrand::Rng;
use tokio::sync::watch;

use crate::history::{Answer, ChannelKey, Cursor, History, Nanos, Position, Retrieval, Span, View};
use crate::http::Client;
use crate::plan::BUSES;

/// Where the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Killed, or about to be; another one will come.
    Down,
    /// It answers until further notice. Ports repeat, starts do not.
    Up { start: u32, address: SocketAddr },
}

/// What all tasks of a life share.
pub(crate) struct Run {
    pub(crate) place: watch::Receiver<Place>,
    pub(crate) clock: Instant,
    pub(crate) posters_done: AtomicBool,
    pub(crate) readers_done: AtomicBool,
    /// The highest id that a POST was answered with, by bus.
    pub(crate) highest: [AtomicU64; BUSES.len()],
}

pub(crate) struct Task {
    pub(crate) run: Arc<Run>,
    pub(crate) rng: Rng,
    pub(crate) history: History,
    place: watch::Receiver<Place>,
    /// Of the server that this task knows.
    at: Place,
    client: Option<Client>,
}

/// Where a view is found.
pub(crate) fn path(view: View) -> String {
    let bus = BUSES[usize::from(view.bus())];
    match view {
        View::Bus(_) => format!("/v1/bus/{bus}"),
        View::Channel(ChannelKey { number, .. }) => format!("/v1/bus/{bus}/channel/c{number}"),
    }
}

impl Task {
    pub(crate) fn new(run: &Arc<Run>, rng: Rng) -> Self {
        let place = run.place.clone();
        Self { run: Arc::clone(run), rng, history: History::default(), place, at: Place::Down, client: None }
    }

    pub(crate) fn now(&self) -> Nanos {
        u64::try_from(self.run.clock.elapsed().as_nanos()).unwrap()
    }

    pub(crate) fn posters_done(&self) -> bool {
        self.run.posters_done.load(Ordering::Relaxed)
    }

    pub(crate) fn readers_done(&self) -> bool {
        self.run.readers_done.load(Ordering::Relaxed)
    }

    /// The server, once there is one that this task has not seen end.
    pub(crate) async fn server(&mut self) -> &mut Client {
        if self.client.is_none() {
            let last = self.at;
            let up = |place: &Place| *place != Place::Down && *place != last;
            let next = self.place.wait_for(up).await.map(|place| *place);
            self.at = match next {
                Ok(place) => place,
                // The life has failed, and its runtime drops this task.
                Err(_) => std::future::pending().await,
            };
        }
        let Place::Up { address, .. } = self.at else { unreachable!("it was waited for") };
        self.client.get_or_insert_with(|| Client::new(address))
    }

    /// Where the server is that this task knows.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self.at {
            Place::Down => None,
            Place::Up { address, .. } => Some(address),
        }
    }

    /// What a request came to, if it was answered. A server that is up has to answer, and as expected.
    pub(crate) fn answered<T: Debug>(&mut self, what: &str, result: io::Result<T>) -> Option<T> {
        match result {
            Ok(answer) => Some(answer),
            Err(error) => {
                if *self.place.borrow() == self.at {
                    self.history.failures.push(format!("{what}: {error}"));
                }
                self.client = None;
                None
            }
        }
    }

    /// Which server this task knows, counted from 1.
    pub(crate) fn start(&self) -> u32 {
        match self.at {
            Place::Down => 0,
            Place::Up { start, .. } => start,
        }
    }

    /// Hangs up, as the server is gone.
    pub(crate) fn leave(&mut self) {
        self.client = None;
    }

    /// Whether the server is meant to answer still.
    pub(crate) fn is_up(&self) -> bool {
        *self.place.borrow() == self.at
    }

    /// Reads, records the answer, and gives the position to go on from. Nothing when the server was killed.
    pub(crate) async fn read(&mut self, view: View, since: Position) -> Option<Cursor> {
        self.server().await;
        // Now that there is one: what is known by now has to be in the answer.
        let start = self.now();
        let answer = self.server().await.read(&path(view), view.bus(), since).await;
        let span = Span { start, end: self.now() };
        let answer: Answer = self.answered("GET", answer)?;
        let next = answer.next;
        self.history.retrievals.push(Retrieval { view, since, span, answer });
        Some(next)
    }
}
