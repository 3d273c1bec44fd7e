//! A disk that hangs.

use std::sync::{Condvar, Mutex};

/// Where syncs wait while the disk hangs.
#[derive(Default)]
pub(crate) struct Gate {
    hangs: Mutex<Hangs>,
    changed: Condvar,
}

#[derive(Default)]
struct Hangs {
    closed: bool,
    waiting: usize,
}

impl Gate {
    /// From now on syncs do not return.
    pub(crate) fn close(&self) {
        self.hangs.lock().unwrap().closed = true;
    }

    /// Those that wait return, and later ones do not wait.
    pub(crate) fn open(&self) {
        self.hangs.lock().unwrap().closed = false;
        self.changed.notify_all();
    }

    /// Waits until a sync hangs.
    pub(crate) fn hangs(&self) {
        let hangs = self.hangs.lock().unwrap();
        drop(self.changed.wait_while(hangs, |hangs| hangs.waiting == 0).unwrap());
    }

    pub(super) fn pass(&self) {
        let mut hangs = self.hangs.lock().unwrap();
        hangs.waiting += 1;
        self.changed.notify_all();
        hangs = self.changed.wait_while(hangs, |hangs| hangs.closed).unwrap();
        hangs.waiting -= 1;
    }
}
