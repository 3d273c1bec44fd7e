//! Servers that answer only to certain names, and one that answers only to its own machine.
//!
//! A page can make its own name point to any address, this machine's too, and is then asked no more questions by the
//! browser: same origin. What it cannot do is send another `Host` than its name.

use std::sync::Arc;

use actix_web::dev::RequestHead;
use actix_web::guard::fn_guard;
use actix_web::http::Version;
use actix_web::http::header::HeaderName;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::{Service, scope};
use crate::error::{ApiError, ErrorCode};
use crate::http::Host;

/// Headers that proxies add, besides those that begin like [`BEGINNINGS`].
const BY_PROXIES: [&str; 14] = [
    "cdn-loop",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "true-client-ip",
    "via",
    "x-appengine-user-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-host",
    "x-nginx-proxy",
    "x-proxyuser-ip",
    "x-real-ip",
    "x-scheme",
];
const BEGINNINGS: [&str; 7] =
    ["cf-", "x-amz", "x-arr-", "x-azure-", "x-envoy-", "x-forwarded", "x-original-"];

const OTHER_MACHINE: &str = "the demonstration answers to localhost and to loopback addresses alone; a server with \
                             [[user]] and [[bus]] answers to any name";
const PROXIED: &str = "the demonstration answers nobody through a proxy, nor HTTP/1.0, which proxies speak; a server \
                       with [[user]] and [[bus]] does";
const OTHER_NAME: &str = "this listener answers to addresses, to localhost and to the names in admin.hosts";

/// Who is let in.
#[derive(Debug, Clone)]
pub(crate) enum Callers {
    /// Clients on this machine, and nobody through a proxy: the demonstration.
    ThisMachine,
    /// Whoever asks for an address, for `localhost` or for one of these names: the listener for operators.
    Operators(Arc<[String]>),
}

impl Callers {
    /// `hosts` in lower case.
    pub(crate) fn operators(hosts: &[String]) -> Self {
        Self::Operators(hosts.into())
    }

    /// Why a request is not let in.
    fn refusal(&self, head: &RequestHead) -> Option<&'static str> {
        let host = Host::of(head);
        match self {
            Self::ThisMachine if !host.as_ref().is_some_and(Host::is_loopback) => Some(OTHER_MACHINE),
            // Some proxies pass on the name that they know us by, and give themselves away by this alone.
            Self::ThisMachine if head.version < Version::HTTP_11 => Some(PROXIED),
            Self::ThisMachine => head.headers().keys().any(is_by_a_proxy).then_some(PROXIED),
            Self::Operators(names) => {
                let is_known = match host {
                    // Nobody can make an address of theirs point here.
                    Some(Host::Address(_)) => true,
                    Some(Host::Name(name)) => name == "localhost" || names.contains(&name),
                    None => false,
                };
                (!is_known).then_some(OTHER_NAME)
            }
        }
    }

    /// Adds the answer to requests that are not let in. What is added before it answers everybody.
    pub(crate) fn mount(self, service: &Arc<Service>, config: &mut ServiceConfig) {
        let stands_before = self.clone();
        let refused = move |request: HttpRequest| {
            let text = self.refusal(request.head()).unwrap_or_default();
            std::future::ready(Err::<HttpResponse, _>(ApiError::new(ErrorCode::Misdirected, text).closing()))
        };
        config.service(
            scope("", service)
                .guard(fn_guard(move |request| stands_before.refusal(request.head()).is_some()))
                .default_service(web::to(refused)),
        );
    }
}

fn is_by_a_proxy(name: &HeaderName) -> bool {
    let name = name.as_str();
    BY_PROXIES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn refusal(
        callers: &Callers,
        headers: &[(&'static str, &str)],
        version: Version,
    ) -> Option<&'static str> {
        let request = TestRequest::get().version(version);
        let request = headers.iter().fold(request, |request, header| request.append_header(*header));
        callers.refusal(request.to_http_request().head())
    }

    #[test]
    fn the_demonstration_lets_in_this_machine_alone() {
        let ask = |headers: &[_]| refusal(&Callers::ThisMachine, headers, Version::HTTP_11);
        for host in ["localhost:8080", "127.0.0.1", "[::1]:8080"] {
            assert_eq!(ask(&[("host", host)]), None, "{host}");
            let old = refusal(&Callers::ThisMachine, &[("host", host)], Version::HTTP_10);
            assert_eq!(old, Some(PROXIED), "{host}");
        }
        for host in ["rebind.example:8080", "192.0.2.1", "localhost.rebind.example", "0.0.0.0", ""] {
            assert_eq!(ask(&[("host", host)]), Some(OTHER_MACHINE), "{host}");
        }
        assert_eq!(ask(&[]), Some(OTHER_MACHINE));
    }

    #[test]
    fn the_demonstration_lets_nobody_in_through_a_proxy() {
        let ask =
            |name| refusal(&Callers::ThisMachine, &[("host", "127.0.0.1"), (name, "x")], Version::HTTP_11);
        for name in [
            "Forwarded",
            "Via",
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "X-Forwarded-Host",
            "X-Forwarded-Port",
            "X-Real-IP",
            "X-Client-IP",
            "True-Client-IP",
            "CF-Connecting-IP",
            "CF-Ray",
            "X-Envoy-External-Address",
            "X-Original-Forwarded-For",
            "X-Amzn-Trace-Id",
        ] {
            assert_eq!(ask(name), Some(PROXIED), "{name}");
        }
        for name in
            ["Accept", "Origin", "Referer", "Cookie", "Sec-Fetch-Site", "Idempotency-Key", "X-Requested-With"]
        {
            assert_eq!(ask(name), None, "{name}");
        }
    }

    #[test]
    fn operators_ask_by_address_or_by_a_name_that_is_known() {
        let callers = Callers::operators(&["metrics.internal".to_owned()]);
        let ask = |host| refusal(&callers, &[("host", host)], Version::HTTP_11);
        for host in
            ["localhost:9090", "127.0.0.1:9090", "192.0.2.1", "[2001:db8::1]:9090", "Metrics.Internal:1"]
        {
            assert_eq!(ask(host), None, "{host}");
        }
        for host in ["rebind.example:9090", "internal", "a.metrics.internal", "metrics.internal.", ""] {
            assert_eq!(ask(host), Some(OTHER_NAME), "{host}");
        }
        assert_eq!(refusal(&callers, &[], Version::HTTP_11), Some(OTHER_NAME));
        // Prometheus may ask through a proxy, and probes may speak HTTP/1.0.
        assert_eq!(refusal(&callers, &[("host", "127.0.0.1"), ("via", "x")], Version::HTTP_10), None);
    }
}
