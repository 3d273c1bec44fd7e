//! What a token lets see: filters, joined (V2-SCOPE-1).

mod error;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use backplane_actors::{BusName, ChannelName};

pub use self::error::ScopeError;

/// Longest scope, in bytes as it is written (I-5).
pub const SCOPE_MAX: usize = 16 * 1024;
/// Most parts of a scope (I-5).
pub const SCOPE_PARTS_MAX: usize = 256;

/// The fields, as a scope writes them.
const FIELDS: [&str; 6] = ["source", "type", "bus", "channel", "sticky", "messageURL"];

/// A scope: for each field values, one of which a message must have; a field without values holds nobody up. The default lets see all.
///
/// ```
/// use backplane::access::Scope;
/// let scope = Scope::parse("type:identity/login channel:c bus:customer.com type:a:b")?;
/// assert_eq!(scope.to_string(), "bus:customer.com type:a:b type:identity/login channel:c");
/// # Ok::<(), backplane::access::ScopeError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Scope {
    buses: BTreeSet<BusName>,
    sources: BTreeSet<Box<str>>,
    kinds: BTreeSet<Box<str>>,
    /// Nothing where both are let through.
    sticky: Option<bool>,
    message_urls: BTreeSet<Box<str>>,
    channels: BTreeSet<ChannelName>,
}

/// What a scope asks of a message.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The bus.
    pub bus: &'a BusName,
    /// The channel.
    pub channel: &'a ChannelName,
    /// The source (MSG-1).
    pub source: &'a str,
    /// The type (MSG-2).
    pub kind: &'a str,
    /// Whether it is sticky.
    pub sticky: bool,
    /// Writes its `messageURL` (V2-GET-2). It is called only where the scope wants certain ones.
    pub message_url: &'a dyn Fn() -> String,
}

impl Scope {
    /// The scope that this text is: parts `field:value`, separated by spaces. What follows the first `:` is the value, more of
    /// them included. Nothing is a scope, too.
    ///
    /// # Errors
    ///
    /// [`ScopeError`], with the number of the part; it never repeats a value.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.len() > SCOPE_MAX {
            return Err(ScopeError::TooLong(text.len()));
        }
        let mut scope = Self::default();
        let mut sticky = BTreeSet::new();
        for (number, part) in (1..).zip(text.split(' ').filter(|part| !part.is_empty())) {
            if number > SCOPE_PARTS_MAX {
                return Err(ScopeError::TooMany);
            }
            // RFC 6749 appendix A.4.
            if !part.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\')) {
                return Err(ScopeError::Character(number));
            }
            let (field, value) = part.split_once(':').ok_or(ScopeError::NoValue(number))?;
            match field {
                "bus" => _ = scope.buses.insert(parsed(number, value)?),
                "channel" => _ = scope.channels.insert(parsed(number, value)?),
                "sticky" => match value {
                    "true" => _ = sticky.insert(true),
                    "false" => _ = sticky.insert(false),
                    _ => return Err(ScopeError::Sticky(number)),
                },
                "source" => _ = scope.sources.insert(some(number, value)?),
                "type" => _ = scope.kinds.insert(some(number, value)?),
                "messageURL" => _ = scope.message_urls.insert(some(number, value)?),
                _ => return Err(ScopeError::Field(number)),
            }
        }
        scope.sticky = if sticky.len() == 1 { sticky.pop_first() } else { None };
        Ok(scope)
    }

    /// Whether this is a part of a scope, if maybe one that is refused: it begins with a field.
    #[must_use]
    pub fn is_part(word: &str) -> bool {
        word.split_once(':').is_some_and(|(field, _)| FIELDS.contains(&field))
    }

    /// The buses that it names; none: it does not choose.
    #[must_use]
    pub const fn buses(&self) -> &BTreeSet<BusName> {
        &self.buses
    }

    /// The channels that it names; none: it does not choose.
    #[must_use]
    pub const fn channels(&self) -> &BTreeSet<ChannelName> {
        &self.channels
    }

    /// Whether it names buses.
    #[must_use]
    pub fn has_bus(&self) -> bool {
        !self.buses.is_empty()
    }

    /// Whether it names channels.
    #[must_use]
    pub fn has_channel(&self) -> bool {
        !self.channels.is_empty()
    }

    /// Whether it wants only sticky messages, or only others; nothing: it does not choose.
    #[must_use]
    pub const fn sticky(&self) -> Option<bool> {
        self.sticky
    }

    /// Whether it lets a message through that these are the facts of.
    #[must_use]
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        let one_of = |values: &BTreeSet<Box<str>>, value: &str| values.is_empty() || values.contains(value);
        (self.buses.is_empty() || self.buses.contains(facts.bus))
            && (self.channels.is_empty() || self.channels.contains(facts.channel))
            && self.sticky.is_none_or(|sticky| sticky == facts.sticky)
            && one_of(&self.sources, facts.source)
            && one_of(&self.kinds, facts.kind)
            && (self.message_urls.is_empty() || self.message_urls.contains((facts.message_url)().as_str()))
    }

    /// Whether it is the same as what was granted, or narrower: whatever it lets through, `granted` does (V2-TOK-4).
    #[must_use]
    pub fn is_within(&self, granted: &Self) -> bool {
        within(&self.buses, &granted.buses)
            && within(&self.sources, &granted.sources)
            && within(&self.kinds, &granted.kinds)
            && (granted.sticky.is_none() || self.sticky == granted.sticky)
            && within(&self.message_urls, &granted.message_urls)
            && within(&self.channels, &granted.channels)
    }

    /// The same for these buses.
    ///
    /// # Errors
    ///
    /// [`ScopeError::TooLong`] and [`ScopeError::TooMany`]: it could not be asked for again.
    pub fn with_buses(self, buses: impl IntoIterator<Item = BusName>) -> Result<Self, ScopeError> {
        Self { buses: buses.into_iter().collect(), ..self }.bounded()
    }

    /// The same for this bus and channel: what a page's token reaches (V2-ANON-1).
    #[must_use]
    pub fn of_page(self, bus: BusName, channel: ChannelName) -> Self {
        Self { buses: [bus].into(), channels: [channel].into(), ..self }
    }

    /// What is left of it without buses.
    #[must_use]
    pub fn without_buses(&self) -> Self {
        Self { buses: BTreeSet::new(), ..self.clone() }
    }

    fn bounded(self) -> Result<Self, ScopeError> {
        let texts = self.sources.len() + self.kinds.len() + self.message_urls.len();
        let sticky = usize::from(self.sticky.is_some());
        if self.buses.len() + self.channels.len() + texts + sticky > SCOPE_PARTS_MAX {
            return Err(ScopeError::TooMany);
        }
        let length = self.to_string().len();
        if length > SCOPE_MAX { Err(ScopeError::TooLong(length)) } else { Ok(self) }
    }
}

fn parsed<T: std::str::FromStr<Err = backplane_actors::NameError>>(
    number: usize,
    value: &str,
) -> Result<T, ScopeError> {
    value.parse().map_err(|error| ScopeError::Name(number, error))
}

fn some(number: usize, value: &str) -> Result<Box<str>, ScopeError> {
    if value.is_empty() { Err(ScopeError::NoValue(number)) } else { Ok(value.into()) }
}

fn within<T: Ord>(asked: &BTreeSet<T>, granted: &BTreeSet<T>) -> bool {
    granted.is_empty() || (!asked.is_empty() && asked.is_subset(granted))
}

/// The normal form: `bus:` first and `channel:` last, because clients take all that follows it for the channel (V2-ANON-1).
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sticky = self.sticky.map(|sticky| if sticky { "true" } else { "false" });
        let parts = (self.buses.iter().map(|bus| ("bus", bus.as_str())))
            .chain(self.sources.iter().map(|source| ("source", &**source)))
            .chain(self.kinds.iter().map(|kind| ("type", &**kind)))
            .chain(sticky.map(|sticky| ("sticky", sticky)))
            .chain(self.message_urls.iter().map(|url| ("messageURL", &**url)))
            .chain(self.channels.iter().map(|channel| ("channel", channel.as_str())));
        for (place, (field, value)) in parts.enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{field}:{value}")?;
        }
        Ok(())
    }
}

/// Without values, which may be names of channels (I-8).
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.sources.len() + self.kinds.len() + self.message_urls.len();
        let (buses, channels) = (&self.buses, self.channels.len());
        write!(f, "Scope({buses:?}, {channels} channels, {texts} other values, sticky: {:?})", self.sticky)
    }
}
