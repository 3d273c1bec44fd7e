//! A client's name for a POST.

use std::fmt;

/// Longest key, in bytes.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;
/// Longest name of a key's owner, in bytes.
pub const KEY_OWNER_MAX: usize = 255;

/// A client's name for one POST, so that a retry of it stores nothing twice.
///
/// It belongs to whoever sent it: the same text of another owner is another key (I-2).
///
/// ```
/// use backplane_actors::{Fingerprint, IdempotencyKey};
/// let key = IdempotencyKey::new("vendor-a", "order-17", Fingerprint([0; 32]))?;
/// assert!(IdempotencyKey::new("vendor-a", "", Fingerprint([0; 32])).is_err());
/// # Ok::<(), backplane_actors::KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    owner: Box<str>,
    text: Box<str>,
    body: Fingerprint,
}

/// A collision-resistant hash of what was posted, such as SHA-256 of the body. The caller computes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// Why a text is not an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is not a key.
    #[error("an idempotency key has 1 to {IDEMPOTENCY_KEY_MAX} visible ASCII characters")]
    Text,
    /// The owner's name is too long.
    #[error("the owner of an idempotency key has a name of at most {KEY_OWNER_MAX} bytes")]
    Owner,
}

impl IdempotencyKey {
    /// A key of this owner for a POST with this body. Who posts without credentials has the empty name.
    ///
    /// # Errors
    ///
    /// The text is empty, longer than [`IDEMPOTENCY_KEY_MAX`] or has other than visible ASCII characters; or the
    /// owner's name is longer than [`KEY_OWNER_MAX`].
    pub fn new(owner: &str, text: &str, body: Fingerprint) -> Result<Self, KeyError> {
        let good = (1..=IDEMPOTENCY_KEY_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !good {
            return Err(KeyError::Text);
        }
        if owner.len() > KEY_OWNER_MAX {
            return Err(KeyError::Owner);
        }
        Ok(Self::recovered(owner, text, body))
    }

    /// A key that was checked when it came and comes back from a log.
    pub(crate) fn recovered(owner: &str, text: &str, body: Fingerprint) -> Self {
        Self { owner: owner.into(), text: text.into(), body }
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
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
        let key = |owner: &str, text: &str| IdempotencyKey::new(owner, text, Fingerprint([0; 32]));
        for bad in ["", "a b", "ä", "a\n", &"k".repeat(IDEMPOTENCY_KEY_MAX + 1)] {
            assert_eq!(key("u", bad), Err(KeyError::Text), "{bad:?}");
        }
        assert!(key("", &"k".repeat(IDEMPOTENCY_KEY_MAX)).is_ok());
        assert!(key(&"u".repeat(KEY_OWNER_MAX), "k").is_ok());
        assert_eq!(key(&"u".repeat(KEY_OWNER_MAX + 1), "k"), Err(KeyError::Owner));
    }
}
