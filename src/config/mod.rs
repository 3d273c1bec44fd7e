//! The configuration: from text in several places to one checked [`Config`].
//!
//! ```text
//! file, environment, flags ─ load ─► layers ─ check against the catalogue ─► read, resolve ─► Config
//! ```
//!
//! | module | what lives there |
//! |---|---|
//! | `keys` | what a key is: the words that the catalogue is written in |
//! | `catalogue` | every key once: kind, bounds, default, documentation |
//! | `units` | durations and sizes |
//! | `load` | the sources and their precedence: flag, environment, file, default |
//! | `layers` | values on top of each other, each with its origin |
//! | `check` | each value against the catalogue; unknown keys |
//! | `read` | checked values, each taken out as its type |
//! | `values` | single values with rules that only files know |
//! | `resolved` | [`Config`] and its parts: all that the rest of the server sees |
//! | `resolve` | each setting read once, with the checks between keys |
//! | `plan` | what changes from one configuration to another, and what of it needs a restart |
//! | `example` | `backplane.example.toml`, written from the catalogue |
//! | `error` | what an operator reads when something is refused |
//!
//! Nothing here knows HTTP, an actor or a clock, and only `load` touches the file system.

mod catalogue;
mod check;
mod error;
mod example;
mod keys;
mod layers;
mod load;
mod plan;
mod read;
mod resolve;
mod resolved;
#[cfg(test)]
mod tests;
mod units;
mod values;

pub use crate::rates::{Rate, RateError};
pub(crate) use error::Problems;
pub use error::{ConfigError, ConfigErrors, Origin};
pub use example::example;
pub use load::{Demonstration, FlagValue, Loaded, Sources, load};
pub use plan::{ChangedBus, People, Plan, Requests, plan};
pub use resolve::{Defaults, made_bus};
pub use resolved::{
    Admin, AllowedOrigins, Bus, Config, DEMO_NAME, Issuer, KeysAt, Limits, LogFormat, LogSettings, Provision,
    Quota, Storage, Tls, Tokens, User,
};
