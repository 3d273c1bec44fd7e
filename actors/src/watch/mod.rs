//! Readers that wait: who is told of what, on which thread.
//!
//! | module | what lives there |
//! |---|---|
//! | `delivered` | a message on its way to those who wait |
//! | `ring` | pure: the latest messages of what somebody watches, until all who wait have taken them |
//! | `inbox` | what a thread is told by others |
//! | `watchers` | which threads watch which channels of a bus, and how many readers wait |
//! | `hub` | the readers of one thread, and how they are woken |
//!
//! # Why nothing is missed
//!
//! Being told is only a hint: a reader owns a position, and what is behind it can always be asked of a window. Two rules
//! make the hints complete all the same, so that nobody has to ask:
//!
//! - A record is shown first (it is in the channel's window, and `visible up to` has risen) and told then. A reader registers
//!   first and looks then, from `visible up to`, which it reads in between. So a record that it was not told of is in what it
//!   looked at, and one that is beyond that it is told of.
//! - Threads are told in the order of ids, all of a bus from one place, and `told up to` rises after that. So whoever reads
//!   `told up to` and then finds nothing in its inbox has seen everything up to there: the position of a reader to whom nothing
//!   is posted goes on.
//!
//! Nothing is queued for a reader. What was told last is kept once per thread and channel, in a ring of a few messages, and
//! for a second or two; whoever does not take it in time, or has fallen behind the ring, looks again, and the window says whether
//! it missed something (I-6, I-10).

mod delivered;
mod hub;
mod inbox;
mod ring;
mod watchers;

pub use self::delivered::{Delivered, FORMS};
pub(crate) use self::hub::{Hub, Seat, Spot};
pub use self::watchers::{Bound, End};
pub(crate) use self::watchers::{Scope, Watchers};
