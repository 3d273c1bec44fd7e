//! Single values with rules of their own: parsed once, carried as types afterwards.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use url::{Host, Url};

use super::resolved::KeysAt;
use crate::access::foreign::{Algorithm, NotAnAlgorithm};
use crate::auth::{PasswordHash, PasswordHashError};
use crate::rates::{Rate, RateError};

/// Longest audience of tokens, in bytes.
const AUDIENCE_MAX: usize = 255;

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

/// What tokens are for.
#[derive(Debug)]
pub(super) struct Audience(pub(super) String);

impl FromStr for Audience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > AUDIENCE_MAX {
            return Err(format!("it has {} bytes", text.len()));
        }
        Ok(Self(text.to_owned()))
    }
}

/// How tokens may be signed.
#[derive(Debug)]
pub(super) struct WrittenAlgorithm(pub(super) Algorithm);

impl FromStr for WrittenAlgorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|NotAnAlgorithm| format!("{text:?} is not taken"))
    }
}

/// Whoever stands between could put his own keys in the place of others where they come over plain HTTP.
impl FromStr for KeysAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains("://") {
            return if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(Self::File(text.into())) };
        }
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err("it names a user or has a fragment".to_owned());
        }
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => Ok(Self::Url(url)),
            "http" if is_here => Ok(Self::Url(url)),
            "http" => Err("keys that come over plain HTTP could be anybody's".to_owned()),
            other => Err(format!("the scheme is {other:?}")),
        }
    }
}

/// A web page's origin in serialized form, or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// A password hash that costs whoever guesses enough. Programs that make a configuration themselves may use weaker ones.
#[derive(Debug)]
pub(super) struct StrongHash(pub(super) PasswordHash);

impl FromStr for StrongHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hash: PasswordHash = text.parse().map_err(|error: PasswordHashError| error.to_string())?;
        if !hash.is_strong() {
            return Err(
                "the hash is weaker than OWASP's minimum for argon2id; hash the password anew".to_owned()
            );
        }
        Ok(Self(hash))
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

/// The name of a host, in lower case and without a port. It need not be one that can be found.
#[derive(Debug)]
pub(super) struct HostName(pub(super) String);

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if text.is_empty() || !text.bytes().all(is_of_a_name) {
            return Err(format!("{text:?} is not the name of a host"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// A rate, or the word for none.
#[derive(Debug, Clone, Copy)]
pub(super) struct WrittenRate(pub(super) Option<Rate>);

impl FromStr for WrittenRate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|rate| Self(Some(rate))) }
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
