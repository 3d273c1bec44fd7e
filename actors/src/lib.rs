//! wip
#![allow(dead_code, unused, missing_docs, unreachable_pub)]
mod clock;
pub mod log;
mod model;
mod window;
pub use clock::{Boot, Clock, ManualClock, SystemClock};
pub use log::Sequencer;
pub use model::*;
pub use window::{Entry, Page, Resume};
