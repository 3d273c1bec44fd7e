//! Names of buses and channels: checked once when they enter, carried as types afterwards.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Longest bus name, in characters (I-5).
pub const BUS_NAME_MAX: usize = 255;
/// Longest channel name, in characters (I-5).
pub const CHANNEL_NAME_MAX: usize = 128;
/// What version 1.1 asks the server for when it wants a fresh name (V1-NEW-1), hence never a channel.
const RESERVED_CHANNEL: &str = "new";

/// Why a text is not a name. It never repeats the text, because channel names are secrets (I-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name has no characters.
    #[error("a {0} name has at least 1 character")]
    Empty(&'static str),
    /// The name is over its bound.
    #[error("a {kind} name has at most {max} characters, this one has {length} bytes")]
    TooLong {
        /// `bus` or `channel`.
        kind: &'static str,
        /// Characters allowed.
        max: usize,
        /// Bytes found.
        length: usize,
    },
    /// A character outside the alphabet.
    #[error("a {kind} name consists of {allowed}; byte {at} (counted from 0) is something else")]
    Character {
        /// `bus` or `channel`.
        kind: &'static str,
        /// The alphabet, in words.
        allowed: &'static str,
        /// Where the first wrong byte is.
        at: usize,
    },
    /// A name with a meaning of its own.
    #[error("\"{0}\" is reserved and never the name of a {1}")]
    Reserved(&'static str, &'static str),
}

/// The name of a bus: 1 to 255 of `A-Z a-z 0-9 . - _`, and not `.` or `..`.
///
/// The alphabet leaves out what would need quoting in a path or in the client's cookie
/// (`<bus>:<channel>|…`, JS-3).
///
/// ```
/// use backplane_actors::BusName;
/// let bus: BusName = "customer.com".parse()?;
/// assert_eq!(bus.as_str(), "customer.com");
/// assert!("customer com".parse::<BusName>().is_err());
/// # Ok::<(), backplane_actors::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BusName(Arc<str>);

/// The name of a channel: 1 to 128 base64url characters (MSG-8), and not `new` (V1-NEW-1).
///
/// Whoever knows the name may read the channel, so `Debug` does not show it (I-8).
///
/// ```
/// use backplane_actors::ChannelName;
/// let channel: ChannelName = "8ec92f459fa70b0da1a40e8fe70a0bc8".parse()?;
/// assert_eq!(format!("{channel:?}"), "ChannelName(32 characters)");
/// # Ok::<(), backplane_actors::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

fn check(
    kind: &'static str,
    allowed: &'static str,
    max: usize,
    text: &str,
    is_allowed: impl Fn(u8) -> bool,
) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty(kind));
    }
    if text.len() > max {
        return Err(NameError::TooLong { kind, max, length: text.len() });
    }
    match text.bytes().position(|byte| !is_allowed(byte)) {
        Some(at) => Err(NameError::Character { kind, allowed, at }),
        None => Ok(()),
    }
}

impl BusName {
    /// A name that the code itself chose.
    pub(crate) fn trusted(text: &'static str) -> Self {
        Self(text.into())
    }

    /// A name that was checked when it came and comes back from a log: what is allowed may have changed since, and
    /// that must not make a log unreadable.
    pub(crate) fn recovered(text: &str) -> Self {
        Self(text.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for BusName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check("bus", "A-Z a-z 0-9 . - _", BUS_NAME_MAX, text, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
        })?;
        match text {
            "." => Err(NameError::Reserved(".", "bus")),
            ".." => Err(NameError::Reserved("..", "bus")),
            _ => Ok(Self(text.into())),
        }
    }
}

/// Maps keyed by bus can be asked with the text of a path.
impl Borrow<str> for BusName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BusName({:?})", &*self.0)
    }
}

impl ChannelName {
    /// A name that the code itself chose.
    pub(crate) fn trusted(text: &'static str) -> Self {
        Self(text.into())
    }

    /// See [`BusName::recovered`].
    pub(crate) fn recovered(text: &str) -> Self {
        Self(text.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ChannelName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check("channel", "A-Z a-z 0-9 - _", CHANNEL_NAME_MAX, text, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
        })?;
        if text == RESERVED_CHANNEL {
            return Err(NameError::Reserved(RESERVED_CHANNEL, "channel"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelName({} characters)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn msg_8_channel_names_are_base64url() {
        for good in ["a", "-", "_", "A-z_0-9", &"x".repeat(CHANNEL_NAME_MAX)] {
            assert!(good.parse::<ChannelName>().is_ok(), "{good}");
        }
        for bad in
            ["", "a b", "a.b", "a/b", "a+b", "a=", "ä", "a\0", "new", &"x".repeat(CHANNEL_NAME_MAX + 1)]
        {
            assert!(bad.parse::<ChannelName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn bus_names_have_an_alphabet_and_a_bound() {
        for good in ["customer.com", "a", "...", "A-z_0.9", &"x".repeat(BUS_NAME_MAX)] {
            assert!(good.parse::<BusName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a:b", "a|b", "a/b", "bücher.de", &"x".repeat(BUS_NAME_MAX + 1)] {
            assert!(bad.parse::<BusName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn i_8_neither_debug_nor_an_error_shows_a_channel_name() {
        let name: ChannelName = "secret".parse().unwrap();
        assert!(!format!("{name:?}").contains("secret"));
        let error = "secret name".parse::<ChannelName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "a channel name consists of A-Z a-z 0-9 - _; byte 6 (counted from 0) is something else"
        );
    }
}
