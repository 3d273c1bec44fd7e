//! A client's name for a POST.

use std::fmt;

/// Longest key, in bytes.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;

/// A client's name for one POST, so that a retry of it stores nothing twice.
///
/// It belongs to whoever posts with it: the same text of another [`Poster`](crate::Poster) is another key (I-2).
///
/// ```
/// use backplane_actors::{Fingerprint, IdempotencyKey};
/// let key = IdempotencyKey::new("order-17", Fingerprint([0; 32]))?;
/// assert!(IdempotencyKey::new("", Fingerprint([0; 32])).is_err());
/// # Ok::<(), backplane_actors::KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    text: Box<str>,
    body: Fingerprint,
}

/// A collision-resistant hash of what was posted, such as SHA-256 of the body. The caller computes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// A text is not an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to {IDEMPOTENCY_KEY_MAX} visible ASCII characters")]
pub struct KeyError;

impl IdempotencyKey {
    /// A key for a POST with this body.
    ///
    /// # Errors
    ///
    /// The text is empty, longer than [`IDEMPOTENCY_KEY_MAX`] or has other than visible ASCII characters.
    pub fn new(text: &str, body: Fingerprint) -> Result<Self, KeyError> {
        let good = (1..=IDEMPOTENCY_KEY_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if good { Ok(Self::recovered(text, body)) } else { Err(KeyError) }
    }

    /// A key that was checked when it came and comes back from a log.
    pub(crate) fn recovered(text: &str, body: Fingerprint) -> Self {
        Self { text: text.into(), body }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The fingerprint of what was posted.
    #[must_use]
    pub const fn body(&self) -> Fingerprint {
        self.body
    }
}

impl fmt::Debug for IdempotencyKey {
    /// Keys may say what a message is about (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({} characters)", self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded_visible_ascii() {
        let key = |text: &str| IdempotencyKey::new(text, Fingerprint([0; 32]));
        for bad in ["", "a b", "ä", "a\n", &"k".repeat(IDEMPOTENCY_KEY_MAX + 1)] {
            assert_eq!(key(bad), Err(KeyError), "{bad:?}");
        }
        assert!(key(&"k".repeat(IDEMPOTENCY_KEY_MAX)).is_ok());
    }
}
