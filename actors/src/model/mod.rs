//! The words of the protocol as types. Pure: nothing here knows an actor, a runtime or a clock.

mod id;
mod name;
mod time;

pub use id::{IdText, MessageId, NotAnId};
pub use name::{BUS_NAME_MAX, BusName, CHANNEL_NAME_MAX, ChannelName, NameError};
pub use time::Timestamp;
