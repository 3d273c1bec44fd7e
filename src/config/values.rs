//! Single values with rules of their own: parsed once, carried as types afterwards.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use argon2::password_hash::phc;
use ipnet::IpNet;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use url::Url;

/// Longest user name, in characters (I-5).
pub const USER_NAME_MAX: usize = 128;
/// Highest cost of a password hash that is accepted: whoever writes the configuration may not, by a slip, make every
/// sign-in take all memory (in KiB) or minutes.
const ARGON2_MEMORY_MAX: u32 = 1 << 20;
const ARGON2_TIME_MAX: u32 = 64;
const ARGON2_LANES_MAX: u32 = 64;

/// The name of a user: 1 to 128 characters, none of them a colon (it ends the name in HTTP Basic authentication) or
/// a control character.
///
/// ```
/// use backplane::config::UserName;
/// let user: UserName = "alice".parse()?;
/// assert_eq!(user.as_str(), "alice");
/// assert!("a:b".parse::<UserName>().is_err());
/// # Ok::<(), backplane::config::NotAUserName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Arc<str>);

/// The text is not the name of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user name has 1 to {USER_NAME_MAX} characters, none of them a colon or a control character")]
pub struct NotAUserName;

impl UserName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = NotAUserName;

    fn from_str(text: &str) -> Result<Self, NotAUserName> {
        let length = text.chars().take(USER_NAME_MAX + 1).count();
        let forbidden = |character: char| character == ':' || character.is_control();
        if length == 0 || length > USER_NAME_MAX || text.contains(forbidden) {
            return Err(NotAUserName);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An argon2id hash in PHC form (`$argon2id$v=19$m=…`), known to be complete and affordable.
///
/// `Debug` does not show it, and there is no `Display` (I-8).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHashString(Arc<str>);

/// The text is not an argon2id hash. The error never repeats it: it may be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPasswordHash {
    /// Not in PHC form.
    #[error("this is not a password hash")]
    Form,
    /// Another algorithm, or another version of it.
    #[error("this hash was not made with argon2id, version 19")]
    Algorithm,
    /// No salt or no hash in it.
    #[error("this hash is incomplete")]
    Incomplete,
    /// Costs out of bounds.
    #[error("this hash is out of bounds: m ≤ 1048576, t ≤ 64, p ≤ 64")]
    Cost,
}

impl PasswordHashString {
    /// The hash as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PasswordHashString {
    type Err = NotAPasswordHash;

    fn from_str(text: &str) -> Result<Self, NotAPasswordHash> {
        let hash = phc::PasswordHash::new(text).map_err(|_| NotAPasswordHash::Form)?;
        let version = hash.version.unwrap_or_default();
        if hash.algorithm != argon2::ARGON2ID_IDENT || version != u32::from(argon2::Version::V0x13) {
            return Err(NotAPasswordHash::Algorithm);
        }
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err(NotAPasswordHash::Incomplete);
        }
        let costs = argon2::Params::try_from(&hash).map_err(|_| NotAPasswordHash::Cost)?;
        if costs.m_cost() > ARGON2_MEMORY_MAX
            || costs.t_cost() > ARGON2_TIME_MAX
            || costs.p_cost() > ARGON2_LANES_MAX
        {
            return Err(NotAPasswordHash::Cost);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for PasswordHashString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHashString(…)")
    }
}

/// A URL that channel IDs may start with.
#[derive(Debug)]
pub(super) struct PublicUrl(pub(super) Url);

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut url = Url::parse(text).map_err(|error| error.to_string())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("the scheme is {:?}", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it names a user".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it has a query or a fragment".to_owned());
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }
}

/// A web page's origin in serialized form, or `*`.
#[derive(Debug)]
pub(super) struct OriginPattern(pub(super) String);

impl FromStr for OriginPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self(text.to_owned()));
        }
        let url = Url::parse(text).map_err(|error| format!("{text:?}: {error}"))?;
        let origin = url.origin().ascii_serialization();
        // Whatever goes beyond scheme, host and port would be ignored in comparisons, hence is a misunderstanding.
        if !matches!(url.scheme(), "http" | "https") || url.as_str() != format!("{origin}/") {
            return Err(format!("{text:?} is not an origin (http or https, host, port)"));
        }
        Ok(Self(origin))
    }
}

/// One address or a network of them.
#[derive(Debug)]
pub(super) struct Network(pub(super) IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let alone = text.parse::<IpAddr>().map(IpNet::from);
        let network = alone.or_else(|_| text.parse::<IpNet>());
        network.map(Self).map_err(|_| format!("{text:?} is neither an address nor a network"))
    }
}

/// What an `EnvFilter` understands.
#[derive(Debug)]
pub(super) struct LogLevel(pub(super) String);

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A bare word that is no level would pass as the name of a target, and a typo would silence the server.
        let plain = !text.contains(['[', '{']);
        let is_level = |text: &str| !text.is_empty() && text.parse::<LevelFilter>().is_ok();
        let mut directives = text.split(',').map(str::trim).filter(|_| plain);
        let unknown = directives.find(|directive| !directive.contains('=') && !is_level(directive));
        if let Some(word) = unknown {
            return Err(format!("{word:?} is not a level"));
        }
        EnvFilter::try_new(text).map_err(|error| format!("{text:?}: {error}"))?;
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_fit_http_basic_authentication() {
        for good in ["a", "Alice Müller", "a@b.example", &"ü".repeat(USER_NAME_MAX)] {
            assert!(good.parse::<UserName>().is_ok(), "{good}");
        }
        for bad in ["", "a:b", "a\nb", "a\u{7f}", &"x".repeat(USER_NAME_MAX + 1)] {
            assert!(bad.parse::<UserName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn password_hashes_are_complete_and_affordable_argon2id() {
        let parsed = |text: &str| text.parse::<PasswordHashString>().map(drop);
        let tail = "c29tZXNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng";
        assert_eq!(parsed(&format!("$argon2id$v=19$m=8,t=1,p=1${tail}")), Ok(()));
        for (text, error) in [
            ("demo".to_owned(), NotAPasswordHash::Form),
            (String::new(), NotAPasswordHash::Form),
            (format!("$argon2i$v=19$m=8,t=1,p=1${tail}"), NotAPasswordHash::Algorithm),
            (format!("$argon2id$v=16$m=8,t=1,p=1${tail}"), NotAPasswordHash::Algorithm),
            ("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ".to_owned(), NotAPasswordHash::Incomplete),
            (format!("$argon2id$v=19$m=2097152,t=1,p=1${tail}"), NotAPasswordHash::Cost),
            (format!("$argon2id$v=19$m=8,t=65,p=1${tail}"), NotAPasswordHash::Cost),
            (format!("$argon2id$v=19$m=1,t=1,p=1${tail}"), NotAPasswordHash::Cost),
        ] {
            assert_eq!(parsed(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        for (written, origin) in [
            ("*", "*"),
            ("https://www.example.com", "https://www.example.com"),
            ("https://WWW.example.com:443/", "https://www.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
        ] {
            assert_eq!(written.parse::<OriginPattern>().unwrap().0, origin);
        }
        for bad in
            ["", "www.example.com", "https://a.example/x", "https://u@a.example", "null", "ftp://a.example"]
        {
            assert!(bad.parse::<OriginPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_word_that_is_no_level_is_a_typo() {
        for good in ["info", "off", "warn,backplane=debug", "[span{field=1}]=trace"] {
            assert!(good.parse::<LogLevel>().is_ok(), "{good}");
        }
        for bad in ["", "inof", "warn,backplane", "backplane=loud"] {
            assert!(bad.parse::<LogLevel>().is_err(), "{bad}");
        }
    }
}
