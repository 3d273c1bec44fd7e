//! Clients of version 2.0: servers of vendors, which owners of buses let in.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use backplane_actors::{Poster, PosterTooLong};
use url::Url;

use crate::auth::{UserName, UserNameError};

/// Longest URL of a client, in bytes (I-5).
const URL_MAX: usize = 2048;
/// Characters of a grant's id.
const GRANT_ID: usize = 22;

/// Why a text is no client's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientNameError {
    /// It would not be a user's name either.
    #[error("a client has a name like a user's: {0}")]
    Name(#[from] UserNameError),
    /// Not a visible character of ASCII (RFC 6749 appendix A.1 allows those and the space; MSG-9 knows no spaces).
    #[error(
        "a client's name has visible characters of ASCII only; character {0} (counted from 0) is another one"
    )]
    Character(usize),
}

/// What a client is for the broker begins so: no user's name has a colon, so no client is ever taken for a user.
const POSTER: &str = "client:";

/// The name of a client, its `client_id`: 1 to 128 visible characters of ASCII without `:`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientName(UserName);

impl ClientName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name as whoever checks passwords knows it.
    #[must_use]
    pub const fn account(&self) -> &UserName {
        &self.0
    }

    /// Who this is for the broker: another one than the user of the same name.
    ///
    /// # Errors
    ///
    /// Never: names of clients are shorter than those of posters may be.
    pub fn poster(&self) -> Result<Poster, PosterTooLong> {
        Poster::new(&[POSTER, self.as_str()].concat())
    }
}

impl FromStr for ClientName {
    type Err = ClientNameError;

    fn from_str(text: &str) -> Result<Self, ClientNameError> {
        let name: UserName = text.parse()?;
        match text.chars().position(|character| !character.is_ascii_graphic()) {
            Some(at) => Err(ClientNameError::Character(at)),
            None => Ok(Self(name)),
        }
    }
}

impl Borrow<str> for ClientName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is no URL of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientUrlError {
    /// Over its bound.
    #[error("a client's URL has at most {URL_MAX} bytes, this one has {0}")]
    TooLong(usize),
    /// No absolute `http` or `https` URL with a host, or not written as it is meant.
    #[error(
        "a client's URL is an absolute http or https URL with a host, in ASCII, without spaces, user, password or fragment"
    )]
    Form,
}

/// A URL of a client, as it was registered: the source of its messages (V2-POST-3), or where its users come back to (V2-AUTHZ-1). It
/// is compared as text, never as what it might mean (RFC 9700 section 2.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientUrl(Box<str>);

impl ClientUrl {
    /// The URL, as it was registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientUrl {
    type Err = ClientUrlError;

    fn from_str(text: &str) -> Result<Self, ClientUrlError> {
        if text.len() > URL_MAX {
            return Err(ClientUrlError::TooLong(text.len()));
        }
        let is_plain =
            text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\'));
        let has_slashes = text.starts_with("https://") || text.starts_with("http://");
        let url = Url::parse(text).ok().filter(|_| is_plain && has_slashes);
        let is_good = |url: &Url| {
            url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
        };
        if url.as_ref().is_some_and(is_good) { Ok(Self(text.into())) } else { Err(ClientUrlError::Form) }
    }
}

impl fmt::Display for ClientUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which bus of its name one is: a random number, drawn each time that a bus is made, and kept as long as it is there. So nothing that was
/// issued for a bus is good for another one that has its name later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenancy(pub u64);

impl Tenancy {
    /// That of buses of the configuration, which are their operator's, however often he writes them down.
    pub const CONFIGURED: Self = Self(0);
}

/// The id of a grant: 22 characters of base64url, from 128 random bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantId(Box<str>);

/// A text is no id of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a grant's id has {GRANT_ID} characters of A-Z a-z 0-9 - _")]
pub struct NotAGrantId;

impl GrantId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GrantId {
    type Err = NotAGrantId;

    fn from_str(text: &str) -> Result<Self, NotAGrantId> {
        let is_id = text.len() == GRANT_ID
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if is_id { Ok(Self(text.into())) } else { Err(NotAGrantId) }
    }
}

impl Borrow<str> for GrantId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::USER_NAME_MAX;

    #[test]
    fn names_of_clients_are_visible_ascii() {
        for good in ["a", "vendor-1", "https//x"] {
            assert!(good.parse::<ClientName>().is_ok(), "{good}");
        }
        let longest: ClientName = "x".repeat(USER_NAME_MAX).parse().unwrap();
        let user: UserName = longest.as_str().parse().unwrap();
        assert_ne!(longest.poster().unwrap(), user.poster());
        assert_eq!("a b".parse::<ClientName>(), Err(ClientNameError::Character(1)));
        assert_eq!("Zoë".parse::<ClientName>(), Err(ClientNameError::Character(2)));
        assert_eq!("a:b".parse::<ClientName>(), Err(UserNameError::Character(1).into()));
    }

    #[test]
    fn urls_of_clients_are_absolute_and_written_plainly() {
        for good in ["https://a.example", "http://localhost:8080/back?x=1", "https://a.example/%20"] {
            assert_eq!(good.parse::<ClientUrl>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a.example",
            "javascript:alert(1)",
            "ftp://a.example/",
            "https:a.example",
            "https://",
            "https://a.example/ b",
            "https://a.example/#b",
            "https://u@a.example/",
            "https://:p@a.example/",
            "https://a.example/\\b",
            "https://ä.example/",
            "HTTPS://a.example/",
        ] {
            assert_eq!(bad.parse::<ClientUrl>(), Err(ClientUrlError::Form), "{bad}");
        }
        let long = format!("https://a.example/{}", "x".repeat(URL_MAX));
        assert_eq!(long.parse::<ClientUrl>(), Err(ClientUrlError::TooLong(long.len())));
    }

    #[test]
    fn ids_of_grants_have_a_form() {
        assert!("abcdefghijklmnopqrstu-".parse::<GrantId>().is_ok());
        for bad in ["", "abcdefghijklmnopqrstu", "abcdefghijklmnopqrstu/"] {
            assert_eq!(bad.parse::<GrantId>(), Err(NotAGrantId));
        }
    }
}
