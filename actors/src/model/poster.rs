//! Who posts.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Longest name of a poster, in bytes.
pub const POSTER_MAX: usize = 512;

/// Who posts, by whatever name the embedder knows him: what he posts counts against his share of a bus (I-5), and
/// idempotency keys are his own (I-2). Cheap to clone.
///
/// ```
/// use backplane_actors::{POSTER_MAX, Poster};
/// let vendor = Poster::new("login-vendor")?;
/// assert_ne!(vendor, Poster::nobody());
/// assert!(Poster::new(&"x".repeat(POSTER_MAX + 1)).is_err());
/// # Ok::<(), backplane_actors::PosterTooLong>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Poster(Option<Arc<str>>);

/// The name of a poster is longer than [`POSTER_MAX`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a poster has a name of at most {POSTER_MAX} bytes")]
pub struct PosterTooLong;

impl Poster {
    /// Somebody with this name; the empty one is [`Poster::nobody`]'s.
    ///
    /// # Errors
    ///
    /// The name is too long.
    pub fn new(name: &str) -> Result<Self, PosterTooLong> {
        if name.len() > POSTER_MAX { Err(PosterTooLong) } else { Ok(Self::recovered(name)) }
    }

    /// Who posts without credentials: all of them are one.
    #[must_use]
    pub const fn nobody() -> Self {
        Self(None)
    }

    /// One that was checked when he came and comes back from a log.
    pub(crate) fn recovered(name: &str) -> Self {
        Self(if name.is_empty() { None } else { Some(name.into()) })
    }

    /// His name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Hash for Poster {
    /// As the name: tables of names that are made of posters are searched by text.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Poster {
    /// Names of users are for whoever keeps the accounts (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poster({} bytes)", self.as_str().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_the_empty_name() {
        assert_eq!(Poster::new(""), Ok(Poster::nobody()));
        assert_eq!(Poster::new(&"x".repeat(POSTER_MAX + 1)), Err(PosterTooLong));
        let one = Poster::new("vendor").unwrap();
        assert_eq!((one.as_str(), format!("{one:?}").contains("vendor")), ("vendor", false));
    }
}
