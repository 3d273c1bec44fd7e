//! A client's name for a POST.

/// Longest key, in bytes.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;

/// A client's name for one POST, so that a retry of it stores nothing twice.
///
/// ```
/// use backplane_actors::{Fingerprint, IdempotencyKey};
/// let key = IdempotencyKey::new("order-17", Fingerprint([0; 32]))?;
/// assert!(IdempotencyKey::new("", Fingerprint([0; 32])).is_err());
/// # Ok::<(), backplane_actors::KeyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    text: Box<str>,
    body: Fingerprint,
}

/// A collision-resistant hash of what was posted, such as SHA-256 of the body. The caller computes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// The text is not an idempotency key.
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
        if good { Ok(Self { text: text.into(), body }) } else { Err(KeyError) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded_visible_ascii() {
        for bad in ["", "a b", "ä", "a\n", &"k".repeat(IDEMPOTENCY_KEY_MAX + 1)] {
            assert_eq!(IdempotencyKey::new(bad, Fingerprint([0; 32])), Err(KeyError), "{bad:?}");
        }
        assert!(IdempotencyKey::new(&"k".repeat(IDEMPOTENCY_KEY_MAX), Fingerprint([0; 32])).is_ok());
    }
}
