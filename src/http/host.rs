//! Whom a request names as its server. Pure.
//!
//! Browsers send what stands in the page's URL. So this tells whether a page has made a name of its own point to an
//! address that is not its own (DNS rebinding); programs may write what they like.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::dev::RequestHead;
use actix_web::http::header::HOST;

/// A host, without its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// An address, which no name server has a say in.
    Address(IpAddr),
    /// A name, in lower case.
    Name(String),
}

impl Host {
    /// The host that a request is for: one, by `Host` and, if it has one, by its whole URL.
    pub(crate) fn of(head: &RequestHead) -> Option<Self> {
        let mut values = head.headers().get_all(HOST);
        let host = Self::parse(values.next()?.as_bytes())?;
        let is_alone = values.next().is_none();
        let agrees = head
            .uri
            .authority()
            .is_none_or(|named| Self::parse(named.as_str().as_bytes()) == Some(host.clone()));
        (is_alone && agrees).then_some(host)
    }

    /// A host with or without a port: `localhost:8080`, `127.0.0.1`, `[::1]:8080`.
    fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (inside, after) = rest.split_once(']')?;
            (Self::Address(IpAddr::V6(inside.parse::<Ipv6Addr>().ok()?)), after)
        } else {
            let (name, after) = text.split_at(text.find(':').unwrap_or(text.len()));
            (Self::named(name)?, after)
        };
        let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(host)
    }

    fn named(name: &str) -> Option<Self> {
        if let Ok(address) = name.parse() {
            return Some(Self::Address(IpAddr::V4(address)));
        }
        let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let is_name = !name.is_empty() && name.bytes().all(is_of_a_name);
        is_name.then(|| Self::Name(name.to_ascii_lowercase()))
    }

    /// Whether this is a name or an address of the machine that the client runs on.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.to_canonical().is_loopback(),
            Self::Name(name) => name == "localhost",
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    fn host(values: &[&str], uri: &str) -> Option<Host> {
        let request = values
            .iter()
            .fold(TestRequest::with_uri(uri), |request, value| request.append_header((HOST, *value)));
        Host::of(request.to_http_request().head())
    }

    #[test]
    fn hosts_are_read_with_and_without_a_port() {
        for (value, expected) in [
            ("localhost", Host::Name("localhost".to_owned())),
            ("LocalHost:8080", Host::Name("localhost".to_owned())),
            ("rebind.example:", Host::Name("rebind.example".to_owned())),
            ("localhost.", Host::Name("localhost.".to_owned())),
            ("127.0.0.1:1", Host::Address([127, 0, 0, 1].into())),
            ("[::1]", Host::Address(Ipv6Addr::LOCALHOST.into())),
            ("[::1]:8080", Host::Address(Ipv6Addr::LOCALHOST.into())),
            // No address, whatever a resolver makes of it.
            ("127.1", Host::Name("127.1".to_owned())),
        ] {
            assert_eq!(host(&[value], "/"), Some(expected), "{value}");
        }
        for value in
            ["", ":80", "a b", "a@localhost", "[::1", "[localhost]", "[::1]80", "localhost:80a", "::1", "a/b"]
        {
            assert_eq!(host(&[value], "/"), None, "{value}");
        }
    }

    #[test]
    fn a_request_is_for_one_host() {
        assert_eq!(host(&[], "/"), None);
        assert_eq!(host(&["localhost", "localhost"], "/"), None);
        assert_eq!(host(&["localhost"], "http://rebind.example/"), None);
        assert_eq!(host(&["localhost"], "http://localhost:80/"), Some(Host::Name("localhost".to_owned())));
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (value, is_loopback) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("127.8.9.10:80", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("0.0.0.0", false),
            ("192.0.2.1", false),
            ("[::]", false),
            ("localhost.example", false),
            ("a.localhost", false),
            ("127.0.0.1.example", false),
        ] {
            assert_eq!(host(&[value], "/").unwrap().is_loopback(), is_loopback, "{value}");
        }
    }

    proptest! {
        /// What is taken for a name holds nothing that could hide another one in it.
        #[test]
        fn names_are_plain(value in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(Host::Name(name)) = Host::parse(&value) {
                let lower = String::from_utf8(value).unwrap().to_ascii_lowercase();
                let rest = lower.strip_prefix(&name);
                prop_assert!(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':')));
                prop_assert!(!name.contains([':', '@', '/', ' ', '[', ']']));
            }
        }
    }
}
