//! The broker through its public handle and its public actor messages, on a clock that the test moves.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

mod delivery;
mod durability;
mod faults;
mod limits;
mod reaping;
