//! Those who write, on one thread: whether more is asked than can be answered, and whose turn it is.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::Door;
use super::load::{Kind, Rests};
use super::turns::{Turn, Turns};
use super::watch::Watch;
use super::words;
use crate::error::ApiError;

/// What is shared by all who come through one listener to one thread.
#[derive(Debug)]
pub(super) struct Writers {
    door: Door,
    watch: Watch,
    turns: Turns,
    rests: Rests,
}

impl Writers {
    /// On this thread, behind this door.
    pub(super) fn begin(door: Door) -> Rc<Self> {
        let watch = Watch::begin(door.clone());
        Rc::new(Self { door, watch, turns: Turns::begin(), rests: Rests::default() })
    }

    /// Whether something of this kind goes on. Readers are asked as well: they are refused once it is no use any more to refuse those
    /// who write.
    pub(super) fn admit(&self, kind: Kind) -> bool {
        let is_too_much = kind == Kind::Write && self.turns.is_too_much(self.door.settings().lateness);
        self.watch.admits(kind) && !is_too_much
    }

    /// Counts what does not go on. The address of whoever wanted to write brings no new connections in for a while.
    pub(super) fn refused(&self, kind: Kind, peer: SocketAddr) {
        self.door.stats().shed(kind);
        if kind == Kind::Write {
            self.door.refused(peer);
        }
    }

    /// As a request that writes goes on or does not: for what is written in another way.
    ///
    /// # Errors
    ///
    /// More is asked than can be answered. By the time that this is said, whoever wanted to write has rested.
    pub(super) async fn wait(&self, peer: SocketAddr) -> Result<(), ApiError> {
        if !self.admit(Kind::Write) {
            self.refused(Kind::Write, peer);
            tokio::time::sleep(self.rest()).await;
            return Err(words::overload());
        }
        let mut turn = self.turn();
        poll_fn(|context| turn.poll(context)).await;
        Ok(())
    }

    /// For somebody who will want turns.
    pub(super) fn turn(&self) -> Turn {
        self.turns.turn()
    }

    /// For how long somebody rests who was refused.
    pub(super) fn rest(&self) -> Duration {
        self.rests.next()
    }
}
