//! The program under attack: what somebody can do to it with sockets alone, each attack bounded in count and time, on
//! loopback. Each wants two things: that the attack costs no more than its bound (I-5), and that whoever means well
//! is served meanwhile.
//!
//! | module | what lives there |
//! |---|---|
//! | `attack` | one attack at a time, in its short or its whole form, and the table of its figures |
//! | `house` | the program as it is attacked, and what the system says of it: memory, time, sockets |
//! | `peer` | a socket that does only what it is told, with TLS or without |
//! | `answers` | pure: from bytes to answers |
//! | `requests` | requests that attacks begin with |
//! | `rightful` | those who mean well, watched by the checker of the stress test |
//! | `newcomers` | those who connect, ask once and leave, and how long it took them |
//! | `pipelining`, `second_head`, `tls_silence`, `slow_readers`, `bodies`, `crowd`, `descriptors`, `fuzz`, `idle`, `loads` | attacks of one kind each |
//! | `push` | crowds of readers of event streams: those who never read, all that come again at once, and subscriptions without end |
//! | `slow_everything`, `overload` | attacks of all kinds, and by number alone |
//!
//! `BACKPLANE_ATTACKS=full` makes them whole. `BACKPLANE_ATTACKS_PROGRAM` names another program than the built one,
//! such as an older version, for its figures: settings that it does not know are left out and told.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]

mod answers;
mod attack;
mod bodies;
mod crowd;
mod descriptors;
mod fuzz;
mod house;
mod idle;
mod loads;
mod newcomers;
mod overload;
mod peer;
mod pipelining;
mod push;
mod requests;
mod rightful;
mod second_head;
mod slow_everything;
mod slow_readers;
mod tls_silence;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
