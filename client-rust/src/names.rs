//! Names of buses and channels: checked once, carried as types afterwards.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest bus name, in characters.
pub const BUS_NAME_MAX: usize = 255;
/// Longest channel name, in characters.
pub const CHANNEL_NAME_MAX: usize = 128;

/// Why a text is not a name. It never repeats the text: whoever knows a channel's name may read the channel (I-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not the name of a bus.
    #[error("the name of a bus has 1 to 255 of the characters A-Z a-z 0-9 . - _, and is not . or ..")]
    Bus,
    /// Not the name of a channel (MSG-8, V1-NEW-1).
    #[error("the name of a channel has 1 to 128 of the characters A-Z a-z 0-9 - _, and is not \"new\"")]
    Channel,
    /// A set of channels to subscribe to that is empty.
    #[error("at least one channel is needed")]
    NoChannel,
}

/// The name of a bus: 1 to 255 of `A-Z a-z 0-9 . - _`, and not `.` or `..`.
///
/// ```
/// use backplane_client::BusName;
/// assert!("customer.com".parse::<BusName>().is_ok());
/// assert!("customer com".parse::<BusName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BusName(Arc<str>);

impl BusName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BusName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let good = is_name(text, BUS_NAME_MAX, allowed) && !matches!(text, "." | "..");
        if good { Ok(Self(text.into())) } else { Err(NameError::Bus) }
    }
}

impl fmt::Display for BusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a channel: 1 to 128 of `A-Z a-z 0-9 - _` (MSG-8), and not `new` (V1-NEW-1).
///
/// Whoever knows the name may read the channel, so `Debug` does not show it (I-8).
///
/// ```
/// use backplane_client::ChannelName;
/// let channel: ChannelName = "8ec92f459fa70b0da1a40e8fe70a0bc8".parse()?;
/// assert_eq!(format!("{channel:?}"), "ChannelName(32 characters)");
/// # Ok::<(), backplane_client::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

impl ChannelName {
    /// A name that a server tells. Servers of others may allow more than MSG-8.
    pub(crate) fn told(text: &str) -> Self {
        Self(text.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChannelName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let good = is_name(text, CHANNEL_NAME_MAX, allowed) && text != "new";
        if good { Ok(Self(text.into())) } else { Err(NameError::Channel) }
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelName({} characters)", self.0.len())
    }
}

fn is_name(text: &str, most: usize, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn msg_8_names_have_their_alphabets_and_bounds() {
        for bad in ["", ".", "..", "a/b", "a b", "ü", "a?b", "a%20", &"b".repeat(BUS_NAME_MAX + 1)] {
            assert_eq!(bad.parse::<BusName>(), Err(NameError::Bus), "{bad}");
        }
        for bad in ["", "new", "a.b", "a/b", "a b", "ü", "a&b", &"c".repeat(CHANNEL_NAME_MAX + 1)] {
            assert_eq!(bad.parse::<ChannelName>(), Err(NameError::Channel), "{bad}");
        }
        assert!("b".repeat(BUS_NAME_MAX).parse::<BusName>().is_ok());
        assert!("c".repeat(CHANNEL_NAME_MAX).parse::<ChannelName>().is_ok());
    }
}
