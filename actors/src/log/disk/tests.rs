//! The disk log: its contract, every state in which a crash may leave it, and disks that fail.
#![allow(clippy::disallowed_methods, reason = "tests wait for threads of the log")]

mod bounds;
mod crashes;
mod faults;
mod hours;
mod kept;
mod newer;
mod positions;
mod promise;
mod real;
mod salvage;
mod trouble;
mod world;
