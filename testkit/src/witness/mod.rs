//! What the tests that shake the broker share: a record of what they saw, and what is wrong in such a record.
//!
//! | part | what it is |
//! |---|---|
//! | [`history`] | every POST and every retrieval, as plain data |
//! | [`http`] | a light client that keeps its connection and hangs up when told |
//! | [`second`] | the same in version 2.0: single messages, and pages of several buses |
//! | [`events`] | a light reader of event streams |
//! | [`sockets`] | the same over a WebSocket, who may post as well |
//! | [`notes`] | pure: from what a reader of a stream is told to the parts of streams that the checker takes |
//! | [`listener`] | a reader of streams that comes again with its position, and with other channels |
//! | [`checker`] | pure: from a history to what was wrong |
//!
//! The stress test wants the rules to hold under load, the kill test across the ends of the program.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a run is too short for numbers that large"
)]

pub mod checker;
pub mod events;
pub mod history;
pub mod http;
pub mod listener;
pub mod notes;
pub mod second;
pub mod sockets;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Ends the process with a word when the run takes longer than it ever should: a server or an actor that hangs
/// would hold it up for good. Dropping what is returned calls the watch off.
pub fn watch(limit: Duration) -> mpsc::Sender<()> {
    let (watched, watch) = mpsc::channel();
    std::thread::spawn(move || {
        if watch.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            println!("VIOLATION failed: 1\n  the run hangs");
            std::process::exit(1);
        }
    });
    watched
}
