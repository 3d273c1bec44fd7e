//! Whether credentials may travel on this connection (V1-AUTH-1), and whose address is at its far end. Pure.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use super::forwarded;

/// What the operator said about transports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransportPolicy {
    /// Accept credentials over plain HTTP.
    pub insecure_auth: bool,
    /// Peers whose `X-Forwarded-Proto` (or `Forwarded` with `proto`) and `X-Forwarded-For` are believed. They must write
    /// them themselves: what they pass on unread is the client's word. Whatever else connects from such an address is
    /// taken for the proxy.
    pub trusted_proxies: Vec<IpNet>,
}

/// The socket that a connection came in on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// What it is bound to.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
}

/// How the client's own request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// What proxies on the way have written into a request: the values of all headers of each name, in order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said<X, F, A> {
    /// `X-Forwarded-Proto`.
    pub proto: X,
    /// `Forwarded`.
    pub forwarded: F,
    /// `X-Forwarded-For`.
    pub addresses: A,
}

/// What is known of a request's way here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transport {
    /// Whether credentials are accepted on it (V1-AUTH-1). When false, they must be refused unread.
    pub credentials_allowed: bool,
    /// Whether the peer is a trusted proxy, which alone could have said that the client used HTTPS.
    pub proxied: bool,
    /// The client's address: the peer, or what trusted proxies say; never an IPv4-mapped one. Unspecified
    /// (`0.0.0.0`) when the peer has none.
    pub client: IpAddr,
    /// The scheme of the URL that the client used.
    pub scheme: Scheme,
}

impl Scheme {
    /// `http` or `https`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl TransportPolicy {
    /// Judges one request. What was said is not looked at unless the peer is a trusted proxy.
    pub fn judge<'a, X, F, A>(
        &self,
        listener: Listener,
        peer: Option<IpAddr>,
        said: Said<X, F, A>,
    ) -> Transport
    where
        X: IntoIterator<Item = &'a [u8]>,
        F: IntoIterator<Item = &'a [u8]>,
        A: IntoIterator<Item = &'a [u8]>,
    {
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.to_canonical());
        let own = if listener.tls { Scheme::Https } else { Scheme::Http };
        let proxied = self.trusts(peer);
        let (outer, client) = if proxied {
            (outer_scheme(said.proto, said.forwarded), self.client(peer, said.addresses))
        } else {
            (None, peer)
        };
        // The last hop tells nothing of the first: a proxy has to say that its client used HTTPS, also where no proxy
        // would be needed.
        let secure = match outer {
            Some(scheme) => scheme == Scheme::Https,
            None => !proxied && (listener.tls || listener.address.ip().to_canonical().is_loopback()),
        };
        Transport {
            credentials_allowed: secure || self.insecure_auth,
            proxied,
            client,
            scheme: outer.unwrap_or(own),
        }
    }

    /// Whether this is the address of a trusted proxy.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| {
            network.contains(&address)
                || matches!(address, IpAddr::V4(v4) if network.contains(&IpAddr::V6(v4.to_ipv6_mapped())))
        })
    }

    /// The rightmost address that is not a trusted proxy's: each proxy adds its peer at the right, so everything
    /// left of the first stranger is that stranger's word. What is malformed before that ends the search: the peer.
    fn client<'a>(&self, peer: IpAddr, forwarded_for: impl IntoIterator<Item = &'a [u8]>) -> IpAddr {
        // Walks from the left and keeps what a walk from the right, ending here, would have found.
        let mut found = None;
        for element in elements(forwarded_for) {
            found = match address(element) {
                None => Some(peer),
                Some(address) if self.trusts(address) => found.or(Some(address)),
                stranger => stranger,
            };
        }
        found.unwrap_or(peer)
    }
}

/// What the proxies say of the outer request: HTTPS only if all of them do, because which of several values the
/// nearest wrote itself depends on its configuration. None: they say nothing.
fn outer_scheme<'a>(
    proto: impl IntoIterator<Item = &'a [u8]>,
    forwarded: impl IntoIterator<Item = &'a [u8]>,
) -> Option<Scheme> {
    elements(proto)
        .map(|element| element.eq_ignore_ascii_case(b"https"))
        .chain(forwarded::says_https(forwarded))
        .reduce(|all, https| all && https)
        .map(|all| if all { Scheme::Https } else { Scheme::Http })
}

fn elements<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    values.into_iter().flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

/// An address, also with a port (`192.0.2.1:1234`, `[2001:db8::1]:1234`) or in brackets.
fn address(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(element).ok()?;
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let address = text.parse().ok().or_else(with_port).or_else(bracketed)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROXY: &str = "10.0.0.1";
    const STRANGER: &str = "198.51.100.7";

    fn policy() -> TransportPolicy {
        TransportPolicy {
            insecure_auth: false,
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        }
    }

    fn listener(address: &str, tls: bool) -> Listener {
        Listener { address: address.parse().unwrap(), tls }
    }

    type Values<'a> = Vec<&'a [u8]>;

    fn said<'a>(
        proto: &[&'a str],
        forwarded: &[&'a str],
        addresses: &[&'a str],
    ) -> Said<Values<'a>, Values<'a>, Values<'a>> {
        let [proto, forwarded, addresses] =
            [proto, forwarded, addresses].map(|values| values.iter().map(|value| value.as_bytes()).collect());
        Said { proto, forwarded, addresses }
    }

    fn judge(listener: Listener, peer: &str, proto: &[&str], addresses: &[&str]) -> Transport {
        policy().judge(listener, Some(peer.parse().unwrap()), said(proto, &[], addresses))
    }

    #[test]
    fn v1_auth_1_who_may_send_credentials() {
        let (outside, loopback) = ("0.0.0.0:80", "127.0.0.1:80");
        for (address, tls, peer, proto, allowed) in [
            (outside, false, STRANGER, &[][..], false),
            (outside, false, "127.0.0.1", &[], false),
            (outside, true, STRANGER, &[], true),
            (loopback, false, "127.0.0.1", &[], true),
            ("[::1]:80", false, "127.0.0.1", &[], true),
            ("[::1]:80", false, "::1", &[], false),
            ("[::ffff:127.0.0.1]:80", false, "127.0.0.1", &[], true),
            // A trusted proxy says.
            (outside, false, PROXY, &[], false),
            (outside, false, PROXY, &["https"], true),
            (outside, false, PROXY, &["HTTPS"], true),
            (outside, false, "::ffff:10.0.0.1", &["https"], true),
            (outside, false, PROXY, &["http"], false),
            (loopback, false, PROXY, &["http"], false),
            // It says nothing: nobody knows how its client came.
            (loopback, false, PROXY, &[], false),
            (outside, true, PROXY, &[], false),
            (outside, true, PROXY, &["https"], true),
            (outside, true, PROXY, &["http"], false),
            // Several values: all of them, or not.
            (outside, false, PROXY, &["https, https"], true),
            (outside, false, PROXY, &["https", " https "], true),
            (outside, false, PROXY, &["https, http"], false),
            (outside, false, PROXY, &["http, https"], false),
            (outside, false, PROXY, &["https", "http"], false),
            (outside, false, PROXY, &[""], false),
            (outside, false, PROXY, &["https,"], false),
            (loopback, false, PROXY, &["wss"], false),
            // Anybody can say it.
            (outside, false, STRANGER, &["https"], false),
            (loopback, false, "127.0.0.1", &["http"], true),
            (outside, true, STRANGER, &["http"], true),
        ] {
            let transport = judge(listener(address, tls), peer, proto, &[]);
            assert_eq!(transport.credentials_allowed, allowed, "{address} {tls} {peer} {proto:?}");
            let open = TransportPolicy { insecure_auth: true, ..policy() };
            let judged =
                open.judge(listener(address, tls), Some(peer.parse().unwrap()), said(proto, &[], &[]));
            assert!(judged.credentials_allowed, "insecure_auth switches the check off");
            assert_eq!(judged.scheme, transport.scheme, "and nothing else");
        }
    }

    #[test]
    fn v1_auth_1_forwarded_counts_like_x_forwarded_proto() {
        for (peer, proto, forwarded, allowed) in [
            (PROXY, &[][..], &["for=192.0.2.1;proto=https"][..], true),
            (PROXY, &["https"], &["proto=https"], true),
            (PROXY, &["https"], &["for=192.0.2.1"], true),
            (PROXY, &[], &["for=192.0.2.1"], false),
            (PROXY, &[], &["proto=http"], false),
            (PROXY, &["https"], &["proto=http"], false),
            (PROXY, &["http"], &["proto=https"], false),
            (PROXY, &["https"], &["junk"], false),
            ("127.0.0.1", &[], &["proto=http"], true),
        ] {
            let judged = policy().judge(
                listener("127.0.0.1:80", false),
                Some(peer.parse().unwrap()),
                said(proto, forwarded, &[]),
            );
            assert_eq!(judged.credentials_allowed, allowed, "{peer} {proto:?} {forwarded:?}");
            assert_eq!(judged.proxied, peer == PROXY);
        }
    }

    #[test]
    fn the_scheme_is_the_clients() {
        for (tls, peer, proto, scheme) in [
            (false, STRANGER, &[][..], Scheme::Http),
            (true, STRANGER, &[], Scheme::Https),
            (false, PROXY, &["https"], Scheme::Https),
            (true, PROXY, &["http"], Scheme::Http),
            (false, STRANGER, &["https"], Scheme::Http),
            (false, PROXY, &[], Scheme::Http),
        ] {
            assert_eq!(judge(listener("0.0.0.0:1", tls), peer, proto, &[]).scheme, scheme);
        }
    }

    #[test]
    fn the_client_is_the_first_stranger_from_the_right() {
        for (peer, forwarded, client) in [
            (STRANGER, &["192.0.2.1"][..], STRANGER),
            (PROXY, &[], PROXY),
            (PROXY, &["192.0.2.1"], "192.0.2.1"),
            (PROXY, &["192.0.2.9, 192.0.2.1"], "192.0.2.1"),
            (PROXY, &["192.0.2.9, 192.0.2.1, 10.1.1.1,10.2.2.2"], "192.0.2.1"),
            (PROXY, &["192.0.2.9", "192.0.2.1", "10.1.1.1"], "192.0.2.1"),
            (PROXY, &["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            (PROXY, &["junk, 192.0.2.1"], "192.0.2.1"),
            (PROXY, &["192.0.2.1, junk"], PROXY),
            (PROXY, &["192.0.2.1, junk, 10.1.1.1"], PROXY),
            (PROXY, &["unknown"], PROXY),
            (PROXY, &[""], PROXY),
            (PROXY, &["192.0.2.1:4711"], "192.0.2.1"),
            (PROXY, &["[2001:db8::1]:4711"], "2001:db8::1"),
            (PROXY, &["[2001:db8::1]"], "2001:db8::1"),
            (PROXY, &["::ffff:192.0.2.1"], "192.0.2.1"),
            (PROXY, &["192.0.2.1, ::ffff:10.1.1.1, ::1"], "192.0.2.1"),
            ("::ffff:198.51.100.7", &["192.0.2.1"], STRANGER),
        ] {
            let transport = judge(listener("0.0.0.0:1", false), peer, &[], forwarded);
            assert_eq!(transport.client, client.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn proxies_can_be_named_in_mapped_form() {
        let policy = TransportPolicy {
            trusted_proxies: vec!["::ffff:10.0.0.1/128".parse().unwrap()],
            ..TransportPolicy::default()
        };
        assert!(policy.trusts("10.0.0.1".parse().unwrap()));
        assert!(!policy.trusts("10.0.0.2".parse().unwrap()));
    }

    #[test]
    fn without_a_peer_nobody_is_trusted() {
        let everybody = TransportPolicy { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..policy() };
        let judged =
            everybody.judge(listener("0.0.0.0:1", false), None, said(&["https"], &[], &["192.0.2.1"]));
        assert!(!judged.credentials_allowed);
        assert!(judged.client.is_unspecified());
    }

    proptest! {
        /// The walk from the right as the rule says it, against the one from the left that needs no list.
        #[test]
        fn both_walks_find_the_same(
            list in prop::collection::vec(prop::sample::select(vec!["10.1.1.1", "10.2.2.2", "192.0.2.1", "192.0.2.2", "junk"]), 0..8),
        ) {
            let peer: IpAddr = PROXY.parse().unwrap();
            let mut expected = peer;
            for element in list.iter().rev() {
                let Ok(address) = element.parse::<IpAddr>() else { expected = peer; break };
                expected = address;
                if !policy().trusts(address) {
                    break;
                }
            }
            let header = list.join(", ");
            let values = if list.is_empty() { vec![] } else { vec![header.as_bytes()] };
            prop_assert_eq!(policy().client(peer, values), expected);
        }

        #[test]
        fn any_header_is_survived(value in prop::collection::vec(any::<u8>(), 0..64)) {
            let peer: IpAddr = PROXY.parse().unwrap();
            let said = Said { proto: [&value[..]], forwarded: [&value[..]], addresses: [&value[..]] };
            let judged = policy().judge(listener("0.0.0.0:1", false), Some(peer), said);
            prop_assert!(!judged.credentials_allowed);
        }
    }
}
