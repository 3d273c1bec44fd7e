//! Files that are part of the program, served as they are or packed as they were built (`build.rs`).

use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, Encoding,
    EntityTag, Header as _, HeaderValue, IF_NONE_MATCH, IfNoneMatch, VARY,
};
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How long a file is used without asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// An hour, by anybody: what the next release replaces.
    Hour,
    /// Not at all: the browser asks each time, and is told that nothing changed.
    AskAgain,
}

/// A file.
pub(crate) struct Asset {
    kind: &'static str,
    keep: Keep,
    plain: Form,
    packed: Form,
}

/// The bytes of a file in one encoding. Each has a tag of its own, for caches must not take one for the other.
struct Form {
    body: &'static [u8],
    tag: EntityTag,
}

impl Form {
    fn of(body: &'static [u8]) -> Self {
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, body));
        Self { body, tag: EntityTag::new_strong(hash) }
    }
}

/// The bytes of a file beside the source that names it, and the same packed: what [`Asset::new`] takes.
macro_rules! file {
    ($folder:literal, $name:literal) => {
        [
            include_bytes!(concat!($folder, $name)).as_slice(),
            include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")).as_slice(),
        ]
    };
}
pub(crate) use file;

/// The bytes of a file that the build has made, and the same packed.
macro_rules! made {
    ($name:literal) => {
        [
            include_bytes!(concat!(env!("OUT_DIR"), "/", $name)).as_slice(),
            include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")).as_slice(),
        ]
    };
}
pub(crate) use made;

impl Asset {
    /// `kind` is its media type.
    pub(crate) fn new(kind: &'static str, keep: Keep, [plain, packed]: [&'static [u8]; 2]) -> Self {
        Self { kind, keep, plain: Form::of(plain), packed: Form::of(packed) }
    }

    /// The file, or that the client has it already.
    pub(crate) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let keep = match self.keep {
            Keep::Hour => "public, max-age=3600",
            Keep::AskAgain => "no-cache",
        };
        let packs = takes_packed(request);
        let form = if packs { &self.packed } else { &self.plain };
        let known = request.headers().contains_key(IF_NONE_MATCH)
            && match IfNoneMatch::parse(request) {
                Ok(IfNoneMatch::Any) => true,
                Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&form.tag)),
                Err(_) => false,
            };
        let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response
            .insert_header((ETAG, form.tag.to_string()))
            .insert_header((VARY, HeaderValue::from_name(ACCEPT_ENCODING)))
            .insert_header((CACHE_CONTROL, HeaderValue::from_static(keep)));
        if known {
            return response.finish();
        }
        if packs {
            response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
        }
        response.insert_header((CONTENT_TYPE, HeaderValue::from_static(self.kind))).body(form.body)
    }
}

/// Whether the client wants gzip at least as much as no coding (RFC 9110 section 12.5.3). Who says nothing, or what cannot be
/// understood, gets the file as it is.
fn takes_packed(request: &HttpRequest) -> bool {
    let supported = [Encoding::gzip(), Encoding::identity()];
    AcceptEncoding::parse(request)
        .is_ok_and(|accepted| accepted.negotiate(supported.iter()) == Some(Encoding::gzip()))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use actix_web::http::StatusCode;
    use actix_web::http::header::HeaderName;
    use actix_web::test::TestRequest;
    use flate2::read::GzDecoder;

    use super::*;

    fn asset() -> Asset {
        Asset::new("text/css; charset=utf-8", Keep::AskAgain, made!("style.css"))
    }

    fn ask(headers: &[(HeaderName, &str)]) -> HttpResponse {
        let request = headers
            .iter()
            .fold(TestRequest::get(), |request, (name, value)| request.append_header((name.clone(), *value)));
        asset().answer(&request.to_http_request())
    }

    fn header(response: &HttpResponse, name: HeaderName) -> Option<&str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn what_is_packed_is_the_file() {
        let asset = asset();
        let mut text = Vec::new();
        GzDecoder::new(asset.packed.body).read_to_end(&mut text).unwrap();
        assert_eq!(text, asset.plain.body);
        assert!(asset.packed.body.len() < asset.plain.body.len());
        assert!(!asset.packed.tag.strong_eq(&asset.plain.tag));
    }

    #[test]
    fn clients_get_what_they_ask_for() {
        for (accepts, packed) in [
            (&[][..], false),
            (&[""], false),
            (&["gzip"], true),
            (&["GZIP"], true),
            (&["br, gzip;q=0.5, deflate"], true),
            (&["br", "gzip"], true),
            (&["gzip;q=0"], false),
            (&["gzip; q=0.000, *;q=1"], false),
            (&["identity, gzip;q=0.5"], false),
            (&["gzip;q=0.2, identity;q=0.1"], true),
            (&["br"], false),
            (&["*;q=0, gzip"], true),
            (&["nonsense;q=x"], false),
        ] {
            let headers: Vec<_> = accepts.iter().map(|accepts| (ACCEPT_ENCODING, *accepts)).collect();
            let response = ask(&headers);
            let coding = packed.then_some("gzip");
            assert_eq!(header(&response, CONTENT_ENCODING), coding, "{accepts:?}");
            assert_eq!(header(&response, VARY), Some("accept-encoding"), "{accepts:?}");
        }
    }

    #[test]
    fn each_form_is_known_by_its_own_tag() {
        let tag = |accepts| header(&ask(&[(ACCEPT_ENCODING, accepts)]), ETAG).unwrap().to_owned();
        let tags = [tag("identity"), tag("gzip")];
        for (accepts, own, other) in [("identity", &tags[0], &tags[1]), ("gzip", &tags[1], &tags[0])] {
            let again = |tag: &str| ask(&[(ACCEPT_ENCODING, accepts), (IF_NONE_MATCH, tag)]);
            let known = again(own);
            assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
            assert_eq!((header(&known, ETAG), header(&known, VARY)), (Some(&**own), Some("accept-encoding")));
            assert_eq!(again(other).status(), StatusCode::OK, "{accepts}");
            assert_eq!(again("*").status(), StatusCode::NOT_MODIFIED);
        }
    }
}
