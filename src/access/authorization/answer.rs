//! The URL that the browser is sent back to.

use url::form_urlencoded::Serializer;
use url::{Host, Url};

use super::ask::State;
use crate::access::ClientUrl;

/// Why a client gets no code (RFC 6749 section 4.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthorizationError {
    /// The request is not what it has to be.
    InvalidRequest,
    /// Something other than a code was wanted.
    UnsupportedResponseType,
    /// The scope is none, or too much for a token.
    InvalidScope,
    /// The owner said no, or what is asked for is not the owner's.
    AccessDenied,
    /// Something failed here.
    ServerError,
    /// It may work another time.
    TemporarilyUnavailable,
}

impl AuthorizationError {
    /// As it is written in `error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

/// Where the browser goes with this outcome: the code, or why there is none and a sentence about it. `issuer` is who answers
/// (RFC 9207). What the redirect URI has in its query stays (RFC 6749 section 3.1.2).
#[must_use]
pub fn sent_back(
    redirect: &ClientUrl,
    outcome: Result<&str, (AuthorizationError, &str)>,
    state: &State,
    issuer: &str,
) -> String {
    let url = redirect.as_str();
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let mut to = [url, joint].concat();
    let begun = to.len();
    let mut pairs = vec![];
    match outcome {
        Ok(code) => pairs.push(("code", code.to_owned())),
        Err((error, description)) => {
            pairs.push(("error", error.as_str().to_owned()));
            pairs.push(("error_description", plain(description)));
        }
    }
    pairs.push(("iss", issuer.to_owned()));
    Serializer::for_suffix(&mut to, begun).extend_pairs(pairs);
    if let Some(state) = state.as_bytes() {
        to.push_str("&state=");
        to.extend(url::form_urlencoded::byte_serialize(state));
    }
    to
}

/// A description has visible characters of ASCII and spaces, without `"` and `\` (RFC 6749 section 4.1.2.1).
fn plain(text: &str) -> String {
    let is_allowed = |c: char| (c == ' ' || c.is_ascii_graphic()) && !matches!(c, '"' | '\\');
    text.chars().map(|c| if is_allowed(c) { c } else { '\'' }).collect()
}

/// What a policy for forms (`form-action`) calls the place that this URL is at. Browsers hold it against what a form's answer redirects
/// to as well. A host that such a policy cannot write, as an address of IPv6, is allowed by its scheme.
#[must_use]
pub fn origin_for_forms(url: &ClientUrl) -> String {
    let Ok(url) = Url::parse(url.as_str()) else { return "'none'".to_owned() };
    let is_plain = |host: &str| host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    match url.host() {
        Some(Host::Domain(host)) if is_plain(host) => url.origin().ascii_serialization(),
        Some(Host::Ipv4(_)) => url.origin().ascii_serialization(),
        _ => format!("{}:", url.scheme()),
    }
}
