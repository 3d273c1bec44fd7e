//! A client's name for a POST, and chance.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// Longest key, in bytes.
const KEY_MAX: usize = 255;

/// A name for one POST, so that a retry of it stores nothing twice (I-2). Servers remember it for ten minutes.
///
/// [`Channel::post`](crate::Channel::post) makes its own. Who retries after a restart of its own keeps one beside what is to be posted,
/// and calls [`Channel::post_with`](crate::Channel::post_with).
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(Box<str>);

impl IdempotencyKey {
    /// A key that nobody else has: 128 random bits.
    ///
    /// # Errors
    ///
    /// [`Error::NoRandomNumbers`].
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| Error::NoRandomNumbers)?;
        Ok(Self(format!("{:032x}", u128::from_ne_bytes(bytes)).into()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let good = (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if good { Ok(Self(text.into())) } else { Err(Error::Key) }
    }
}

impl fmt::Debug for IdempotencyKey {
    /// Keys may say what a message is about (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({} characters)", self.0.len())
    }
}

/// 0 to 1, for waits. Without random numbers they are all the same, which is worse than spread and better than none.
pub(crate) fn chance() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded_visible_ascii_and_differ() {
        for bad in ["", "a b", "ü", "a\n", &"k".repeat(KEY_MAX + 1)] {
            assert!(matches!(bad.parse::<IdempotencyKey>(), Err(Error::Key)), "{bad:?}");
        }
        assert!("k".repeat(KEY_MAX).parse::<IdempotencyKey>().is_ok());
        let (one, other) = (IdempotencyKey::random().unwrap(), IdempotencyKey::random().unwrap());
        assert!(one != other && one.as_str().len() == 32, "{one:?}");
    }
}
