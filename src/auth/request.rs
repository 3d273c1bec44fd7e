//! What the pure parts need to know of an actix-web request.

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, FORWARDED, HeaderName, X_FORWARDED_FOR, X_FORWARDED_PROTO};

use super::{Listener, Said, Transport, TransportPolicy};

/// The values of all `Authorization` headers, for [`super::Authenticator::authenticate`].
pub fn authorization(request: &HttpRequest) -> impl Iterator<Item = &[u8]> {
    values(request, AUTHORIZATION)
}

/// Judges the transport of a request (V1-AUTH-1).
#[must_use]
pub fn transport(policy: &TransportPolicy, request: &HttpRequest) -> Transport {
    let config = request.app_config();
    let listener = Listener { address: config.local_addr(), tls: config.secure() };
    let peer = request.peer_addr().map(|peer| peer.ip());
    let said = Said {
        proto: values(request, X_FORWARDED_PROTO),
        forwarded: values(request, FORWARDED),
        addresses: values(request, X_FORWARDED_FOR),
    };
    policy.judge(listener, peer, said)
}

fn values(request: &HttpRequest, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    request.headers().get_all(name).map(actix_web::http::header::HeaderValue::as_bytes)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::auth::Scheme;

    #[test]
    fn headers_peer_and_listener_arrive() {
        let policy = TransportPolicy {
            insecure_auth: false,
            trusted_proxies: vec!["10.0.0.1".parse::<std::net::IpAddr>().unwrap().into()],
        };
        let request = TestRequest::default()
            .peer_addr("10.0.0.1:1234".parse().unwrap())
            .append_header(("authorization", "Basic a"))
            .append_header(("authorization", "Basic b"))
            .append_header(("x-forwarded-proto", "https"))
            .append_header(("x-forwarded-for", "192.0.2.9"))
            .append_header(("x-forwarded-for", "192.0.2.1"))
            .to_http_request();
        assert_eq!(authorization(&request).collect::<Vec<_>>(), [b"Basic a", b"Basic b"]);
        let judged = transport(&policy, &request);
        assert_eq!(judged.client, "192.0.2.1".parse::<std::net::IpAddr>().unwrap());
        assert_eq!((judged.credentials_allowed, judged.scheme), (true, Scheme::Https));

        let silent = TestRequest::default()
            .peer_addr("10.0.0.1:1234".parse().unwrap())
            .append_header(("forwarded", "for=192.0.2.9;proto=http"))
            .append_header(("forwarded", "for=192.0.2.1;proto=https"))
            .to_http_request();
        assert!(!transport(&policy, &silent).credentials_allowed);

        // A test request came in on a loopback listener without TLS.
        let direct = TestRequest::default().peer_addr("192.0.2.1:1".parse().unwrap()).to_http_request();
        let judged = transport(&policy, &direct);
        assert_eq!((judged.credentials_allowed, judged.scheme), (true, Scheme::Http));
    }
}
