//! Posters that wait until their record is durable.
//!
//! actix hands over where to send the answer only after the handler has returned. So the Bus keeps one
//! half of a seat with the ticket, and the poster sits down on the other one right after: no task of its own
//! waits for each POST.

use std::cell::Cell;
use std::rc::Rc;

use actix::dev::OneshotSender;

use crate::error::PostError;
use crate::model::Posted;

/// What a poster is told.
pub(super) type Answer = Result<Posted, PostError>;

type Shared = Rc<Cell<Option<OneshotSender<Answer>>>>;

/// Whom to answer. A poster is told [`PostError::Crashed`] when this is dropped without an answer.
pub(super) struct Waiting(Shared);

/// Where the poster takes its seat.
pub(super) struct Seat(Shared);

/// Both halves.
pub(super) fn seat() -> (Waiting, Seat) {
    let shared = Shared::default();
    (Waiting(Rc::clone(&shared)), Seat(shared))
}

impl Seat {
    pub(super) fn take(self, poster: OneshotSender<Answer>) {
        self.0.set(Some(poster));
    }
}

impl Waiting {
    pub(super) fn answer(self, answer: &Answer) {
        self.send(answer);
    }

    fn send(&self, answer: &Answer) {
        if let Some(poster) = self.0.take() {
            // A poster that hung up will use its idempotency key.
            _ = poster.send(answer.clone());
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.send(&Err(PostError::Crashed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poster_is_answered_once_or_told_that_nobody_knows() {
        let told = |drive: fn(Waiting)| {
            let ((waiting, seat), (poster, mut answer)) = (seat(), tokio::sync::oneshot::channel());
            seat.take(poster);
            drive(waiting);
            answer.try_recv()
        };
        let posted = Posted::NOTHING;
        assert_eq!(told(|waiting| waiting.answer(&Ok(Posted::NOTHING))), Ok(Ok(posted)));
        assert_eq!(told(drop), Ok(Err(PostError::Crashed)));
    }

    #[test]
    fn nobody_is_answered_who_did_not_ask() {
        let (waiting, seat) = seat();
        drop(seat);
        waiting.answer(&Err(PostError::Closed));
    }
}
