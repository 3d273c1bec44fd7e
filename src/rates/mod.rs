//! How often somebody may do something: so many times in a window of time. Pure: time is an argument.
//!
//! | module | what lives there |
//! |---|---|
//! | `rate` | a rate as it is configured |
//! | `level` | how much of a quota is used: the one rule of all that refills with time |
//! | `table` | the levels of many, of whom it forgets those who owe nothing |
//! | `fields` | what clients are told of quotas |
//!
//! **The rule.** A quota of `q` in a window `w` is a bucket of `q`, full at first, that gets one back every `w / q`. So whoever
//! keeps to `q` in each window is never refused; whoever had kept still for a window and then takes all at once gets what refills
//! meanwhile, too: at most `2 q` in any window, and in the long run `q` in each.

mod fields;
mod level;
mod rate;
mod table;

pub(crate) use fields::{Fields, Standing};
pub(crate) use level::{Level, Pace};
pub use rate::{Rate, RateError};
pub(crate) use table::{Table, make_room};
