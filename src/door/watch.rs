//! How late a thread is: looked at while it is asked something, and at no other time.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::Door;
use super::load::{Kind, Load, TICK};

#[derive(Debug, Default)]
struct State {
    load: RefCell<Load>,
    asked: Cell<bool>,
    wake: Notify,
}

/// Watches this thread as long as it lives.
#[derive(Debug)]
pub(super) struct Watch(Rc<State>);

impl Watch {
    pub(super) fn begin(door: Door) -> Self {
        let state = Rc::new(State::default());
        actix_web::rt::spawn(look(Rc::downgrade(&state), door));
        Self(state)
    }

    /// Whether the next request of this kind is answered.
    pub(super) fn admits(&self, kind: Kind) -> bool {
        if !self.0.asked.replace(true) {
            self.0.wake.notify_one();
        }
        self.0.load.borrow_mut().admits(kind)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.wake.notify_one();
    }
}

async fn look(state: Weak<State>, door: Door) {
    let began = Instant::now();
    loop {
        let Some(watched) = state.upgrade() else { return };
        if !watched.asked.replace(false) {
            watched.load.borrow_mut().rested();
            // Held only while it waits for somebody to ask: whoever drops the watch wakes it, too.
            watched.wake.notified().await;
        }
        drop(watched);
        let before = Instant::now();
        sleep(TICK).await;
        let late = before.elapsed().saturating_sub(TICK);
        let Some(watched) = state.upgrade() else { return };
        watched.load.borrow_mut().observe(late, door.settings().lateness, began.elapsed());
    }
}
