//! What is known of one connection: shared by the stream, by what reads it, and by the service that answers.
//!
//! All of them run in one task on one thread. The outermost, [`super::served`], gives each turn its time and looks at the end of
//! it at what is due.

use std::cell::{Cell, OnceCell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_web::web::Bytes;
use tokio::time::Instant;

use super::crowd::Place;
use super::intake::Intake;
use super::policy::Policy;
use super::settings::Patience;
use super::writers::Writers;
use crate::error::ApiError;

/// How a connection ends before its peer wants it.
#[derive(Debug, Clone)]
pub(super) enum Ending {
    /// The peer is told, if there is something to tell, and sees the end of what it reads.
    Orderly(Option<Bytes>),
    /// Whoever does not take what there is will not take an end either: the kernel forgets both.
    Reset,
}

/// What the stream may do when it is asked for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Hand on at most so many.
    Hand(usize),
    /// Read ahead at most so many, and hand on nothing.
    Ahead(usize),
    /// Not even read.
    Wait,
}

/// What becomes of a request after the open one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It is answered.
    Welcome,
    /// It is not: the open one's head, or the end of the server, said that no other follows.
    Unwanted,
    /// It came all the same (RFC 9112 section 9.6).
    Surplus,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) policy: Policy,
    pub(super) intake: Intake,
    /// The time of this turn, since the connection began.
    pub(super) now: Duration,
    pub(super) ending: Option<Ending>,
    /// The peer has sent its last byte.
    pub(super) ended: bool,
    /// Bytes may be there that nobody has looked for.
    pub(super) unread: bool,
    next: Next,
    /// Until then nobody listens to the peer.
    rests_until: Duration,
    /// The last request's body was not read to its end: what comes is still its rest.
    unfinished: bool,
    head_most: usize,
}

impl State {
    pub(super) fn begin_turn(&mut self, now: Duration) {
        self.now = now;
        self.intake.turn();
    }

    /// Whether bytes may go on to what reads requests.
    fn may_hand(&self) -> bool {
        if self.policy.is_blocked() {
            false
        } else if self.policy.is_open() {
            self.policy.wants_body() && self.intake.is_in_body()
        } else {
            (self.next == Next::Welcome && self.rests_until <= self.now) || self.unfinished
        }
    }

    pub(super) fn reading(&self) -> Turn {
        if self.policy.is_blocked() {
            return Turn::Wait;
        }
        match (self.may_hand(), self.intake.most()) {
            (true, most @ 1..) => Turn::Hand(most),
            _ => match self.intake.room() {
                0 => Turn::Wait,
                room => Turn::Ahead(room),
            },
        }
    }

    /// Whether another turn would bring something on that waits: nobody else would begin one. The peer's end is no such thing: it
    /// is told right behind the last byte, and what reads may be busy ending the connection since.
    pub(super) fn wants_turn(&self) -> bool {
        self.ending.is_none()
            && self.may_hand()
            && ((self.unread && !self.ended) || !self.intake.held().is_empty())
    }

    /// When the guard must have a turn, whatever happens: somebody is overdue then, or is listened to again.
    pub(super) fn due(&self) -> Option<Duration> {
        let deadline = self.policy.deadline().map(|(until, _)| until);
        let rested = Some(self.rests_until).filter(|until| *until > self.now);
        deadline.into_iter().chain(rested).min()
    }

    /// Whether more was sent than a head may have, and no request came of it.
    pub(super) fn head_is_too_large(&self) -> bool {
        !self.policy.is_open() && !self.unfinished && self.intake.head() > self.head_most
    }

    /// Whether what was sent last belongs to a request that was answered already: there is nothing to say about it.
    pub(super) fn is_unfinished(&self) -> bool {
        self.unfinished
    }

    /// From now on no request begins.
    pub(super) fn finish(&mut self) {
        if self.next == Next::Welcome {
            self.next = Next::Unwanted;
        }
        self.unfinished &= self.policy.is_open();
    }

    /// Whether no request begins any more, and none is left to be answered.
    pub(super) fn is_done(&self) -> bool {
        let nothing_is_left = match self.next {
            Next::Welcome => false,
            Next::Unwanted => !self.unfinished && !self.policy.is_open(),
            Next::Surplus => true,
        };
        nothing_is_left && !self.policy.is_blocked()
    }
}

/// The shared state, and what never changes.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) state: RefCell<State>,
    pub(super) place: Place,
    pub(super) peer: SocketAddr,
    /// When this turn began: to ask the clock for each request would be asking it twice.
    pub(super) turn: Cell<Instant>,
    /// Among whom it writes in another way than by requests.
    writers: OnceCell<Rc<Writers>>,
}

/// How much of a body a request announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    /// None.
    Nothing,
    /// So many bytes.
    Bytes(u64),
    /// Until it ends.
    Unknown,
}

impl Guard {
    pub(super) fn new(patience: Patience, head_most: usize, place: Place, peer: SocketAddr) -> Rc<Self> {
        let state = State {
            policy: Policy::new(patience),
            intake: Intake::default(),
            now: Duration::ZERO,
            ending: None,
            ended: false,
            unread: false,
            next: Next::Welcome,
            rests_until: Duration::ZERO,
            unfinished: false,
            head_most,
        };
        let turn = Cell::new(Instant::now());
        Rc::new(Self { state: RefCell::new(state), place, peer, turn, writers: OnceCell::new() })
    }

    /// A request offers to go on with another protocol: what comes by that may be to be written.
    pub(super) fn writes_among(&self, writers: &Rc<Writers>) {
        self.writers.get_or_init(|| Rc::clone(writers));
    }

    /// A request is to be answered. `last`: its head says that no other one follows. Whether the service may work on it: not
    /// after the last.
    pub(super) fn opened(&self, body: Announced, last: bool) -> bool {
        let mut state = self.state.borrow_mut();
        state.policy.opened();
        if state.next != Next::Welcome {
            state.next = Next::Surplus;
            return false;
        }
        state.intake.opened(match body {
            Announced::Bytes(bytes) => Some(bytes),
            Announced::Nothing => Some(0),
            Announced::Unknown => None,
        });
        state.unfinished = body != Announced::Nothing;
        if last {
            state.next = Next::Unwanted;
        }
        true
    }

    /// Somebody waits for more of the body.
    pub(super) fn body_wanted(&self) {
        let mut state = self.state.borrow_mut();
        let now = state.now;
        state.policy.body_wanted(now);
    }

    /// Nobody waits for more of the body; `whole`: there is no more.
    pub(super) fn body_done(&self, whole: bool) {
        let mut state = self.state.borrow_mut();
        state.policy.body_done();
        if whole {
            state.unfinished = false;
        }
    }

    /// For so long nobody listens to the peer.
    pub(super) fn rest(&self, pause: Duration) {
        let mut state = self.state.borrow_mut();
        state.rests_until = state.now.saturating_add(pause);
    }

    /// The answer was handed over, or is not wanted any more.
    pub(super) fn closed(&self) {
        let mut state = self.state.borrow_mut();
        let now = state.now;
        let next_has_begun = state.intake.closed();
        state.policy.closed(next_has_begun, now);
    }
}

/// A connection as requests see it, in their connection data: `request.conn_data::<Connection>()`.
///
/// Only a server behind a [`Door`](super::Door) has it.
#[derive(Debug, Clone)]
pub struct Connection(pub(super) Rc<Guard>);

impl Connection {
    /// The answer to the open request is a stream, which ends when it ends: its reader is waited for with
    /// [`Patience::stream`].
    pub fn streams(&self) {
        self.0.state.borrow_mut().policy.streams();
    }

    /// The answer to the open request is another protocol: what the peer sends from here on is no request, and ends with the
    /// connection. It is waited for as in [`Connection::streams`] to take what there is; how long it may be silent is up to
    /// whoever listens.
    pub fn upgrades(&self) {
        let mut state = self.0.state.borrow_mut();
        state.policy.upgrades();
        // No head is looked for in it.
        state.intake.opened(Some(u64::MAX));
    }

    /// For something to be written that came over another protocol, [`Connection::upgrades`]: waits until it may, as the body of a
    /// request that writes waits for its turn.
    ///
    /// # Errors
    ///
    /// More is asked than can be answered. Whoever wanted to write has rested by then, and may come again.
    pub(crate) async fn may_write(&self) -> Result<(), ApiError> {
        match self.0.writers.get() {
            Some(writers) => writers.wait(self.0.peer).await,
            None => Ok(()),
        }
    }

    /// Whether the peer had to be waited for, to take what there was for it, since this was asked.
    #[must_use]
    pub fn has_waited(&self) -> bool {
        self.0.state.borrow_mut().policy.take_waited()
    }

    /// Everything was said that is to be said: once the peer has it, the connection ends. Nothing more is read.
    pub fn hangs_up(&self) {
        self.0.state.borrow_mut().ending.get_or_insert(Ending::Orderly(None));
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }
}
