//! Names of users: checked once when the configuration is read.

use std::borrow::Borrow;
use std::fmt;

use backplane_actors::Poster;

/// Longest user name, in characters (I-5).
pub const USER_NAME_MAX: usize = 128;

/// Why a text is not a user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserNameError {
    /// The name has no characters.
    #[error("a user name has at least 1 character")]
    Empty,
    /// The name is over its bound.
    #[error("a user name has at most {USER_NAME_MAX} characters, this one has {0}")]
    TooLong(usize),
    /// `:` or a control character.
    #[error("a user name has no `:` and no control characters; character {0} (counted from 0) is one")]
    Character(usize),
}

/// The name of a user: 1 to 128 characters, without `:` (it ends the name in Basic credentials, RFC 7617) and
/// without control characters.
///
/// ```
/// use backplane::auth::UserName;
/// let user: UserName = "alice".parse()?;
/// assert_eq!(user.as_str(), "alice");
/// assert!("alice:bob".parse::<UserName>().is_err());
/// # Ok::<(), backplane::auth::UserNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Poster);

impl UserName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Who this is for the broker.
    #[must_use]
    pub fn poster(&self) -> Poster {
        self.0.clone()
    }
}

impl std::str::FromStr for UserName {
    type Err = UserNameError;

    fn from_str(text: &str) -> Result<Self, UserNameError> {
        let length = text.chars().count();
        if length == 0 {
            return Err(UserNameError::Empty);
        }
        if length > USER_NAME_MAX {
            return Err(UserNameError::TooLong(length));
        }
        match text.chars().position(|character| character == ':' || character.is_control()) {
            Some(at) => Err(UserNameError::Character(at)),
            None => Poster::new(text).map(Self).map_err(|_| UserNameError::TooLong(length)),
        }
    }
}

// Tables keyed by name are searched with the text of a request, without making a name of it first.
impl Borrow<str> for UserName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserName({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_an_alphabet_and_a_bound_in_characters() {
        for good in ["a", "alice", "Zoë Müller", "a@b.example", &"ü".repeat(USER_NAME_MAX)] {
            assert!(good.parse::<UserName>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", UserNameError::Empty),
            ("a:b", UserNameError::Character(1)),
            ("üü\n", UserNameError::Character(2)),
            ("\u{85}", UserNameError::Character(0)),
            ("a\u{7f}", UserNameError::Character(1)),
            (&"ü".repeat(USER_NAME_MAX + 1), UserNameError::TooLong(USER_NAME_MAX + 1)),
        ] {
            assert_eq!(bad.parse::<UserName>(), Err(why));
        }
    }
}
