//! What an issuer is trusted with: said by the operator, before any token comes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use backplane_actors::BusName;
use url::Url;

use super::algorithm::Algorithm;
use crate::access::client::{ClientUrl, ClientUrlError};

/// Longest name of an issuer, in characters.
const NAME_MAX: usize = 64;
/// Stands for each client of an issuer that is not named.
const EVERY_CLIENT: &str = "*";

/// What an issuer is trusted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// What the operator calls it: in logs and metrics, and before the names of its clients.
    pub name: IssuerName,
    /// What its tokens have as `iss`, exactly.
    pub issuer: IssuerUrl,
    /// What its tokens must have in `aud`, exactly.
    pub audience: String,
    /// The buses that it may speak for. Names: whichever bus has one at the time.
    pub buses: BTreeSet<BusName>,
    /// How its tokens may be signed.
    pub algorithms: BTreeSet<Algorithm>,
    /// Its clients that may post, each with the source of its messages (V2-POST-3); `*` stands for all others.
    pub sources: BTreeMap<Box<str>, ClientUrl>,
}

impl Trust {
    /// The source of what this client posts; nothing: it may not.
    #[must_use]
    pub fn source_of(&self, client: &str) -> Option<&ClientUrl> {
        // A client that calls itself so is no other than those that are not named.
        self.sources.get(client).or_else(|| self.sources.get(EVERY_CLIENT))
    }
}

/// What the operator calls an issuer: 1 to 64 of `A-Z a-z 0-9 . - _`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerName(Arc<str>);

/// A text is no name of an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an issuer's name has 1 to {NAME_MAX} of A-Z a-z 0-9 . - _")]
pub struct NotAnIssuerName;

impl IssuerName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IssuerName {
    type Err = NotAnIssuerName;

    fn from_str(text: &str) -> Result<Self, NotAnIssuerName> {
        let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let is_name = (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(is_of_a_name);
        if is_name { Ok(Self(text.into())) } else { Err(NotAnIssuerName) }
    }
}

impl fmt::Display for IssuerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an issuer calls itself (RFC 8414 section 2): an https URL without query and fragment. It is compared as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerUrl(Box<str>);

/// A text is no issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no https URL without user, query and fragment")]
pub struct IssuerUrlError;

impl IssuerUrl {
    /// The URL, as tokens have it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IssuerUrl {
    type Err = IssuerUrlError;

    fn from_str(text: &str) -> Result<Self, IssuerUrlError> {
        let url: ClientUrl = text.parse().map_err(|_: ClientUrlError| IssuerUrlError)?;
        let is_good =
            Url::parse(url.as_str()).is_ok_and(|url| url.scheme() == "https" && url.query().is_none());
        if is_good { Ok(Self(text.into())) } else { Err(IssuerUrlError) }
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A client of an issuer, with the source of its messages, as the configuration has it: `client_id URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOf {
    /// The client, or `*`.
    pub client: Box<str>,
    /// The source.
    pub source: ClientUrl,
}

/// A text is no client with a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceOfError {
    /// Something is missing.
    #[error("it is no client_id (or *) with a URL after it, separated by a space")]
    Form,
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] ClientUrlError),
}

impl FromStr for SourceOf {
    type Err = SourceOfError;

    fn from_str(text: &str) -> Result<Self, SourceOfError> {
        // A client_id may hold spaces (RFC 6749 appendix A.1), a URL none.
        let (client, url) = text.trim().rsplit_once(' ').ok_or(SourceOfError::Form)?;
        let client = client.trim();
        if client.is_empty() {
            return Err(SourceOfError::Form);
        }
        Ok(Self { client: client.into(), source: url.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_issuers_are_short_and_plain() {
        for good in ["a", "id.example-1_x", &"x".repeat(NAME_MAX)] {
            assert_eq!(good.parse::<IssuerName>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a:b", "ä", &"x".repeat(NAME_MAX + 1)] {
            assert_eq!(bad.parse::<IssuerName>(), Err(NotAnIssuerName), "{bad}");
        }
    }

    #[test]
    fn issuers_are_https_urls_compared_as_text() {
        for good in ["https://id.example", "https://id.example/", "https://id.example/realms/a:8"] {
            assert_eq!(good.parse::<IssuerUrl>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "id.example",
            "http://id.example",
            "https://id.example?a",
            "https://id.example/#a",
            "https://u@id.example",
        ] {
            assert_eq!(bad.parse::<IssuerUrl>(), Err(IssuerUrlError), "{bad}");
        }
    }

    #[test]
    fn a_source_stands_after_its_client() {
        let parsed: SourceOf = "shop backend https://shop.example/".parse().unwrap();
        assert_eq!((&*parsed.client, parsed.source.as_str()), ("shop backend", "https://shop.example/"));
        for bad in ["", "shop", "https://shop.example/", " https://shop.example/", "shop shop.example"] {
            assert!(bad.parse::<SourceOf>().is_err(), "{bad}");
        }
    }
}
