//! A connection that is being served: what reads its requests, and the deadlines around it.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::error::DispatchError;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::ends::Ends;
use super::guard::{Ending, Guard};
use super::policy::Overdue;
use super::stats::Stats;
use super::words;

/// Turns that a connection has in a row, before others have theirs: a head and its body are two.
const ROUNDS: u32 = 4;
/// How long an end may take that the peer is told of.
const LAST_WORDS: Duration = Duration::from_secs(1);

pin_project! {
    /// Ends when the dispatcher has ended, or when a deadline is over: whatever the dispatcher waits for goes with it.
    pub(super) struct Served<D, E> {
        #[pin]
        dispatcher: D,
        guard: Rc<Guard>,
        stats: Arc<Stats>,
        began: Instant,
        #[pin]
        timer: Sleep,
        armed: Option<Instant>,
        // When an end that was told is one for good.
        last_words: Option<Instant>,
        // The end of the server: nothing new begins then. It wakes whoever has waited for it once, and only then is looked at again.
        #[pin]
        end: E,
        ends: Rc<Ends>,
        is_waiting: bool,
        is_told: bool,
    }
}

impl<D: Future, E: Future> Served<D, E> {
    pub(super) fn new(dispatcher: D, guard: Rc<Guard>, stats: Arc<Stats>, ends: Rc<Ends>, end: E) -> Self {
        let began = Instant::now();
        Self {
            dispatcher,
            guard,
            stats,
            began,
            timer: sleep_until(began),
            armed: None,
            last_words: None,
            end,
            ends,
            is_waiting: false,
            is_told: false,
        }
    }
}

impl<D, E> Future for Served<D, E>
where
    D: Future<Output = Result<(), DispatchError>>,
    E: Future,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let turn = Instant::now();
        let now = turn.saturating_duration_since(*this.began);
        this.guard.turn.set(turn);
        this.guard.state.borrow_mut().begin_turn(now);
        if !*this.is_told && (this.ends.is_over() || !*this.is_waiting) {
            *this.is_waiting = true;
            if this.end.poll(context).is_ready() {
                *this.is_told = true;
                this.guard.state.borrow_mut().finish();
            }
        }
        // First what has come: a server that was held up is no reason to be overdue.
        for round in 1.. {
            if let Poll::Ready(ended) = this.dispatcher.as_mut().poll(context) {
                if matches!(ended, Err(DispatchError::Parse(_))) {
                    this.stats.malformed();
                }
                return Poll::Ready(());
            }
            let mut state = this.guard.state.borrow_mut();
            if !state.wants_turn() {
                break;
            }
            if round == ROUNDS {
                context.waker().wake_by_ref();
                break;
            }
            state.begin_turn(now);
        }
        if let Some(ending) = ending(this.guard, this.stats) {
            let is_reset = matches!(ending, Ending::Reset);
            let mut state = this.guard.state.borrow_mut();
            state.ending = Some(ending);
            state.begin_turn(now);
            drop(state);
            if is_reset || this.dispatcher.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            *this.last_words = Some(*this.began + now + LAST_WORDS);
        }
        let due = {
            let state = this.guard.state.borrow();
            this.last_words.or_else(|| state.due().map(|due| *this.began + due))
        };
        let Some(due) = due else { return Poll::Pending };
        // A timer that rings too early costs a turn; setting it anew in each turn would cost more.
        let rings_in_time = this.armed.is_some_and(|armed| armed <= due && *this.began + now < armed);
        if rings_in_time {
            return Poll::Pending;
        }
        this.timer.as_mut().reset(due);
        *this.armed = Some(due);
        if this.timer.as_mut().poll(context).is_ready() {
            if this.last_words.is_some() {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// Whether the connection must end, and how.
fn ending(guard: &Guard, counts: &Stats) -> Option<Ending> {
    let state = guard.state.borrow();
    if state.ending.is_some() {
        return None;
    }
    if state.is_done() {
        return Some(Ending::Orderly(None));
    }
    if state.head_is_too_large() {
        return Some(Ending::Orderly(Some(words::head_too_large())));
    }
    let overdue = state.policy.overdue(state.now)?;
    counts.overdue(overdue);
    Some(match overdue {
        Overdue::Silent => Ending::Orderly(None),
        Overdue::Head if state.is_unfinished() => Ending::Orderly(None),
        Overdue::Head => Ending::Orderly(Some(words::head_timeout())),
        Overdue::Body | Overdue::Answer | Overdue::Stream => Ending::Reset,
    })
}
