//! Message ids: one number, shown as text that sorts like the number.

use std::fmt;
use std::time::Duration;

use super::Timestamp;

/// Digits of the text form: 13 × 5 bits hold 64.
const TEXT_LENGTH: usize = 13;
/// Base 32 in ASCII order (RFC 4648 section 7, lower case), so that text order is numeric order.
const DIGITS: [u8; 32] = *b"0123456789abcdefghijklmnopqrstuv";
/// Bits below the milliseconds.
const COUNTER_BITS: u32 = 20;

/// The id of a message, and a position in a bus: milliseconds since 1970 shifted left by 20, plus a counter.
///
/// Clients treat the text as opaque; [`crate::log::Sequencer`] is the only source of new ones.
///
/// ```
/// use backplane_actors::MessageId;
/// let id = MessageId::from_u64(42);
/// assert_eq!(id.to_string(), "000000000001a");
/// assert_eq!("000000000001a".parse(), Ok(id));
/// assert!("000000000001A".parse::<MessageId>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(u64);

/// The text is not the text of any id: an id has 13 characters of `0-9 a-v`, the first at most `f`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message id has 13 characters of 0-9 a-v")]
pub struct NotAnId;

impl MessageId {
    /// Below every id that a message ever has: nothing was seen yet.
    pub const ZERO: Self = Self(0);
    /// Above every id that a message ever has.
    pub const MAX: Self = Self(u64::MAX);

    /// The id with this number.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The id's number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The first id of a millisecond.
    #[must_use]
    pub const fn first_at(at: Timestamp) -> Self {
        Self(at.as_millis() << COUNTER_BITS)
    }

    /// The id so much time later.
    #[must_use]
    pub(crate) fn later(self, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis.saturating_mul(1 << COUNTER_BITS)))
    }

    /// The text form, without allocating.
    #[must_use]
    pub fn text(self) -> IdText {
        let mut text = [b'0'; TEXT_LENGTH];
        let mut rest = self.0;
        for place in text.iter_mut().rev() {
            // The mask keeps the index below 32.
            *place = DIGITS.get(usize::try_from(rest & 31).unwrap_or(0)).copied().unwrap_or(b'0');
            rest >>= 5;
        }
        IdText(text)
    }
}

/// The 13 characters of a [`MessageId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdText([u8; TEXT_LENGTH]);

impl IdText {
    /// The characters as ASCII bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The characters as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl std::str::FromStr for MessageId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        if text.len() != TEXT_LENGTH {
            return Err(NotAnId);
        }
        let mut number: u64 = 0;
        for byte in text.bytes() {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'v' => byte - b'a' + 10,
                _ => return Err(NotAnId),
            };
            number = number.checked_mul(32).ok_or(NotAnId)? | u64::from(digit);
        }
        Ok(Self(number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_the_range_have_a_text() {
        assert_eq!(MessageId::ZERO.to_string(), "0000000000000");
        assert_eq!(MessageId::from_u64(u64::MAX).to_string(), "fvvvvvvvvvvvv");
        assert_eq!("g000000000000".parse::<MessageId>(), Err(NotAnId));
    }

    proptest! {
        #[test]
        fn text_and_number_are_one(number: u64) {
            let id = MessageId::from_u64(number);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn text_order_is_numeric_order(a: u64, b: u64) {
            let (a, b) = (MessageId::from_u64(a), MessageId::from_u64(b));
            prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
        }

        #[test]
        fn any_text_is_an_id_or_refused(text in ".{0,20}") {
            if let Ok(id) = text.parse::<MessageId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
