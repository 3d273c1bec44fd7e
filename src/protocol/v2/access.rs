//! Who asks: the token of a request, and what it lets see (V2-ACC-1, V2-ACC-2).

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use backplane_actors::{BusName, Entry, Poster, Which};

use super::answer::INVALID_TOKEN;
use super::who::Who;
use crate::access::foreign::ForeignError;
use crate::access::ledger::TokenError;
use crate::access::regular::{Page, PageTokenError};
use crate::access::{Facts, Scope, TokenKind};
use crate::error::{ApiError, ErrorCode};
use crate::protocol::push::Reason;
use crate::protocol::shown::Object;
use crate::service::{Bus, Holder, Service};

/// The scheme in which tokens come (RFC 6750 section 2.1), in any case.
const BEARER: &[u8] = b"bearer ";

/// Who asks.
#[derive(Clone)]
pub(super) enum Access {
    /// A page, of one channel (regular access).
    Page { page: Arc<Page>, bus: Arc<Bus> },
    /// A client, of its buses (privileged access).
    Client { who: Who, buses: Arc<[Arc<Bus>]> },
}

impl Access {
    /// Whoever sent this request. `in_query`: the token in its query, if there is one.
    pub(super) async fn of(
        service: &Service,
        request: &HttpRequest,
        in_query: Option<&str>,
    ) -> Result<Self, ApiError> {
        service.admit_credentials(request)?;
        let token = match (bearer(request.headers())?, in_query) {
            (Some(_), Some(_)) => {
                let text = "the token comes in the header Authorization or in the parameter access_token, not in both";
                return Err(ApiError::new(ErrorCode::InvalidRequest, text));
            }
            (None, Some(token))
                if TokenKind::of(token) == Some(TokenKind::Access) || service.issuers().concerns(token) =>
            {
                let text =
                    "a client's token comes in the header Authorization: URLs are written down everywhere";
                return Err(ApiError::new(ErrorCode::InvalidRequest, text));
            }
            (None, None) => {
                let text = "this call needs a token: Authorization: Bearer <token>";
                return Err(ApiError::new(ErrorCode::TokenRequired, text));
            }
            (Some(token), None) | (None, Some(token)) => token,
        };
        match TokenKind::of(token) {
            Some(TokenKind::Access) => Self::client(service, token),
            None if service.issuers().concerns(token) => Self::foreign(service, token).await,
            _ => Self::page(service, token),
        }
    }

    fn page(service: &Service, token: &str) -> Result<Self, ApiError> {
        let page = service.pages().check(token, |bus| service.bus_now(bus));
        let page = page.map_err(of_page)?;
        // It was there a moment ago.
        let bus = service.bus(page.bus().as_str()).ok_or_else(|| of_page(PageTokenError::Revoked))?;
        let access = Self::Page { page: Arc::new(page), bus };
        access.check(service)?;
        Ok(access)
    }

    /// Whoever has this token of a client.
    pub(super) fn client(service: &Service, text: &str) -> Result<Self, ApiError> {
        let token = service.authority().check(text).map_err(of_client)?;
        let buses = token.reach.buses().iter().map(|(bus, _)| service.bus(bus.as_str()));
        let buses: Option<Vec<_>> = buses.collect();
        let buses = buses.ok_or_else(|| of_client(TokenError::Revoked))?.into();
        let access = Self::Client { who: Who::client(token, text), buses };
        access.check(service)?;
        Ok(access)
    }

    /// The operator names buses that may come and go, and so does the issuer: those that are there count.
    async fn foreign(service: &Service, text: &str) -> Result<Self, ApiError> {
        let token = service.issuers().check(text).await.map_err(of_foreign)?;
        let buses = token.permits().buses().into_iter().filter_map(|bus| service.bus(bus.as_str()));
        let buses: Arc<[_]> = buses.collect();
        if buses.is_empty() {
            return Err(of_foreign(ForeignError::NoBus));
        }
        Ok(Self::Client { who: Who::foreign(token, text), buses })
    }

    /// The buses that it reaches.
    pub(super) fn buses(&self) -> &[Arc<Bus>] {
        match self {
            Self::Page { bus, .. } => std::slice::from_ref(bus),
            Self::Client { buses, .. } => buses,
        }
    }

    /// Those of which it lets read anything.
    pub(super) fn readable(&self) -> impl Iterator<Item = &Arc<Bus>> {
        self.buses().iter().filter(|bus| match self {
            Self::Page { .. } => true,
            Self::Client { who, .. } => who.reads(bus.name()),
        })
    }

    /// Whether it lets read at all.
    pub(super) fn may_read(&self) -> Result<(), ApiError> {
        let is_for_reading = self.readable().next().is_some();
        let refusal = || ApiError::new(ErrorCode::InsufficientScope, "this token lets post, and not read");
        is_for_reading.then_some(()).ok_or_else(refusal)
    }

    /// Who holds what is under way for it.
    pub(super) fn holder(&self) -> Holder {
        match self {
            Self::Page { .. } => Holder::Anybody,
            Self::Client { who, .. } => who.holder(),
        }
    }

    /// Who this is for the broker and for quotas, if it is anybody.
    pub(super) fn poster(&self) -> Result<Option<Poster>, ApiError> {
        match self {
            Self::Page { .. } => Ok(None),
            Self::Client { who, .. } => who.poster().map(Some),
        }
    }

    /// The bus whose pages may read what it lets see.
    pub(super) fn page_bus(&self) -> Option<&Bus> {
        match self {
            Self::Page { bus, .. } => Some(bus),
            Self::Client { .. } => None,
        }
    }

    pub(super) const fn sees_payloads(&self) -> bool {
        matches!(self, Self::Client { .. })
    }

    /// How long the token is good yet; or why it is good no longer.
    pub(super) fn left(&self, service: &Service) -> Result<Duration, Reason> {
        match self {
            Self::Page { page, .. } => {
                service.pages().stands(page, service.bus_now(page.bus())).map_err(|error| match error {
                    PageTokenError::Expired => Reason::Expired,
                    _ => Reason::Revoked,
                })
            }
            Self::Client { who, buses } => {
                let left = service.pages().left(who.expires());
                match who.check(service, buses) {
                    Ok(()) => Ok(left),
                    // Those that are over are forgotten sooner or later.
                    Err(_) if left.is_zero() => Err(Reason::Expired),
                    Err(_) => Err(Reason::Revoked),
                }
            }
        }
    }

    /// Whether it is still good: for whoever has waited, and where a bus was looked up after its token. One that was removed and made again in
    /// between is another one's, and what was said of the first is over by then.
    pub(super) fn check(&self, service: &Service) -> Result<(), ApiError> {
        match self {
            Self::Page { page, .. } => {
                service.pages().stands(page, service.bus_now(page.bus())).map(drop).map_err(of_page)
            }
            Self::Client { who, buses } => who.check(service, buses),
        }
    }

    /// Whether it lets see all of what is read.
    pub(super) fn wants_all(&self) -> bool {
        match self {
            Self::Page { page, .. } => *page.filters() == Scope::default(),
            Self::Client { who, .. } => who.sees_all_of(self.readable().map(|bus| bus.name())),
        }
    }

    /// Which messages it asks the windows for: those of readers of sticky ones are told apart, gaps too.
    pub(super) fn which(&self) -> Which {
        let is_sticky_alone = match self {
            Self::Page { page, .. } => page.filters().sticky() == Some(true),
            Self::Client { who, .. } => who.sees_sticky_alone(),
        };
        if is_sticky_alone { Which::Sticky } else { Which::All }
    }

    /// Whether it lets a message through (V2-SCOPE-1).
    pub(super) fn lets_see(&self, bus: &BusName, entry: &Entry, object: &Object) -> bool {
        let message = entry.message();
        let (source, kind) = (message.source(), message.kind());
        let facts = Facts {
            bus,
            channel: entry.channel(),
            source: &source,
            kind: &kind,
            sticky: message.promise().sticky,
            message_url: &|| object.url(entry.id()),
        };
        match self {
            Self::Page { page, .. } => page.matches(&facts),
            Self::Client { who, .. } => who.lets_see(&facts),
        }
    }
}

/// The token in `Authorization`, if there is one.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(None) };
    let refuse = |text| Err(ApiError::new(ErrorCode::InvalidRequest, text));
    if values.next().is_some() {
        return refuse("the header Authorization may be given once, not twice");
    }
    let (scheme, token) = value.as_bytes().split_at_checked(BEARER.len()).unwrap_or_default();
    match std::str::from_utf8(token) {
        Ok(token) if scheme.eq_ignore_ascii_case(BEARER) => Ok(Some(token.trim())),
        _ => refuse("this call knows Authorization: Bearer <token>, and no other credentials"),
    }
}

/// Pages are told one thing, whatever is wrong (V2-ERR-1).
pub(super) fn of_page(error: PageTokenError) -> ApiError {
    let code = match error {
        PageTokenError::Revoked => ErrorCode::RevokedToken,
        PageTokenError::Unknown
        | PageTokenError::OtherKind(_)
        | PageTokenError::Forged
        | PageTokenError::Expired => ErrorCode::InvalidToken,
    };
    ApiError::new(code, INVALID_TOKEN)
}

pub(super) fn of_client(error: TokenError) -> ApiError {
    let code = match error {
        TokenError::Revoked => ErrorCode::RevokedToken,
        TokenError::Unknown | TokenError::OtherKind(_) | TokenError::Expired => ErrorCode::InvalidToken,
    };
    ApiError::new(code, error.to_string())
}

pub(super) fn of_foreign(error: ForeignError) -> ApiError {
    let code = match error {
        ForeignError::NoBus => ErrorCode::InsufficientScope,
        // Another token would not help.
        ForeignError::NoKeys => ErrorCode::Unavailable,
        _ => ErrorCode::InvalidToken,
    };
    ApiError::new(code, error.to_string())
}
