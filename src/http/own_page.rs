//! Whether a page of another origin has made a browser ask. Pure.

use actix_web::http::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether no page of another origin asks. Programs, which say nothing of this, and old browsers are taken for nobody's page: whatever depends on
/// more asks for a secret as well. `public` is what the own URLs begin with outside, where a proxy may not pass on the name.
pub(crate) fn is_own_page(headers: &HeaderMap, public: Option<&str>) -> bool {
    let is_own_site =
        headers.get_all(SEC_FETCH_SITE).all(|site| matches!(site.as_bytes(), b"same-origin" | b"none"));
    let host = headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_own_origin = headers.get_all(ORIGIN).all(|origin| {
        let origin = origin.as_bytes();
        let of_scheme = |scheme: &[u8]| origin.strip_prefix(scheme).is_some_and(|rest| rest == host);
        of_scheme(b"http://") || of_scheme(b"https://") || public.is_some_and(|own| is_of(origin, own))
    });
    is_own_site && is_own_origin
}

/// Whether a URL is of this origin.
fn is_of(origin: &[u8], url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    origin == [scheme, "://", host].concat().as_bytes()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn is_let_in(headers: &[(&'static str, &str)], public: Option<&str>) -> bool {
        let request = TestRequest::get().insert_header(("host", "localhost:9090"));
        let request = headers.iter().fold(request, |request, header| request.append_header(*header));
        is_own_page(request.to_http_request().headers(), public)
    }

    #[test]
    fn only_pages_of_the_own_origin_are_let_in() {
        for headers in [
            &[][..],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin"), ("origin", "http://localhost:9090")],
            &[("origin", "https://localhost:9090")],
        ] {
            assert!(is_let_in(headers, None), "{headers:?}");
        }
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            &[("origin", "null")],
            &[("origin", "http://localhost:9091")],
            &[("origin", "http://localhost")],
            &[("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")],
            &[("origin", "")],
        ] {
            assert!(!is_let_in(headers, None), "{headers:?}");
        }
    }

    #[test]
    fn behind_a_proxy_the_public_origin_is_the_own_one() {
        let public = Some("https://bp.example/below");
        assert!(is_let_in(&[("origin", "https://bp.example")], public));
        for origin in ["https://bp.exampl", "https://bp.example.evil", "http://bp.example", "https:", ""] {
            assert!(!is_let_in(&[("origin", origin)], public), "{origin}");
        }
    }
}
