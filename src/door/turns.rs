//! Those who write take turns ([`load::Turns`]): those who wait for theirs, and the task that begins the turns.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::Instant;

use super::load;

#[derive(Debug)]
struct State {
    began: Instant,
    turns: RefCell<load::Turns<Weak<Waiting>>>,
    is_over: Notify,
}

/// One who waits; dropped by whoever waits no more.
#[derive(Debug)]
struct Waiting {
    is_called: Cell<bool>,
    waker: RefCell<Waker>,
}

/// The turns of one listener's requests on this thread.
#[derive(Debug)]
pub(super) struct Turns {
    state: Rc<State>,
    task: JoinHandle<()>,
}

impl Turns {
    pub(super) fn begin() -> Self {
        let state =
            Rc::new(State { began: Instant::now(), turns: RefCell::default(), is_over: Notify::new() });
        let task = actix_web::rt::spawn(take_turns(Rc::clone(&state)));
        Self { state, task }
    }

    /// Whether somebody has waited for so long that nobody else should begin to. Zero: that is never so.
    pub(super) fn is_too_much(&self, most: Duration) -> bool {
        self.state.turns.borrow().is_too_much(most)
    }

    /// For somebody who will want turns.
    pub(super) fn turn(&self) -> Turn {
        Turn { state: Rc::clone(&self.state), had: None, waiting: None }
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins another turn whenever one is over. While nobody waits and few come it sleeps: then it does not matter which turn it is.
async fn take_turns(state: Rc<State>) {
    loop {
        if !state.turns.borrow().is_over() {
            state.is_over.notified().await;
        }
        // Comes back after a look at the network, and behind all who were found then.
        yield_now().await;
        state.turns.borrow_mut().next(state.began.elapsed(), |waiting| {
            let waiting = waiting.upgrade();
            if let Some(waiting) = &waiting {
                waiting.is_called.set(true);
                waiting.waker.borrow().wake_by_ref();
            }
            waiting.is_some()
        });
    }
}

/// One who wants turns, one after the other.
#[derive(Debug)]
pub(super) struct Turn {
    state: Rc<State>,
    had: Option<u64>,
    waiting: Option<Rc<Waiting>>,
}

impl Turn {
    /// Whether it has a turn; if not, it is woken when it has. What it does in the turn that it has costs no other one.
    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        let mut turns = self.state.turns.borrow_mut();
        if let Some(waiting) = &self.waiting {
            if !waiting.is_called.get() {
                waiting.waker.borrow_mut().clone_from(context.waker());
                return Poll::Pending;
            }
            self.waiting = None;
        } else if self.had != Some(turns.number()) {
            let may = turns.take();
            if !may {
                let waker = RefCell::new(context.waker().clone());
                let waiting = Rc::new(Waiting { is_called: Cell::new(false), waker });
                turns.wait(Rc::downgrade(&waiting));
                self.waiting = Some(waiting);
            }
            if turns.is_over() {
                self.state.is_over.notify_one();
            }
            if !may {
                return Poll::Pending;
            }
        }
        self.had = Some(turns.number());
        Poll::Ready(())
    }
}
