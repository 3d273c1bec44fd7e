//! Files that are part of the program and are served as they are.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, EntityTag, Header as _, HeaderValue, IF_NONE_MATCH, IfNoneMatch,
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
    body: &'static [u8],
    keep: Keep,
    tag: EntityTag,
}

impl Asset {
    /// `kind` is its media type.
    pub(crate) fn new(kind: &'static str, keep: Keep, body: &'static [u8]) -> Self {
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, body));
        Self { kind, body, keep, tag: EntityTag::new_strong(hash) }
    }

    /// The file, or that the client has it already.
    pub(crate) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let keep = match self.keep {
            Keep::Hour => "public, max-age=3600",
            Keep::AskAgain => "no-cache",
        };
        let known = request.headers().contains_key(IF_NONE_MATCH)
            && match IfNoneMatch::parse(request) {
                Ok(IfNoneMatch::Any) => true,
                Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&self.tag)),
                Err(_) => false,
            };
        let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response
            .insert_header((ETAG, self.tag.to_string()))
            .insert_header((CACHE_CONTROL, HeaderValue::from_static(keep)));
        if known {
            return response.finish();
        }
        response.insert_header((CONTENT_TYPE, HeaderValue::from_static(self.kind))).body(self.body)
    }
}
