//! Tokens of pages (regular access, V2-ANON-1). They prove themselves: nothing is kept of them, however many there are.

mod form;
#[cfg(test)]
mod tests;

use backplane_actors::{BusName, ChannelName, Timestamp};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::client::Tenancy;
use super::keys::{KeyRing, MAC_LENGTH};
use super::scope::{Facts, Scope};
use super::text::{TokenKind, TokenText};

/// Longest filters of a page's token, in bytes as they are written (I-5): with the longest name of a bus the cookie
/// `backplane2-channel=<token>:<channel>:<refresh>` stays below the 4 096 bytes that browsers keep (V2-JS-1).
pub const FILTERS_MAX: usize = 900;
/// Longest token, in characters.
const TEXT_MAX: usize = 4 + (form::LENGTH_MAX + MAC_LENGTH).div_ceil(3) * 4;

/// Why a text is no good token of a page. Pages are told `invalid token` in each case (V2-ERR-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageTokenError {
    /// It has not the form of one.
    #[error("invalid token")]
    Unknown,
    /// It says that it is of another kind: a refresh token where an access token is wanted, a client's token, or a code.
    #[error("invalid token")]
    OtherKind(TokenKind),
    /// No key of ours signed it as it is: it was made or changed by somebody else, or the key was rotated away.
    #[error("invalid token")]
    Forged,
    /// Its time is over.
    #[error("invalid token")]
    Expired,
    /// Its bus is no more, or is another one of the same name, or no longer takes tokens that were issued so early.
    #[error("invalid token")]
    Revoked,
}

/// Why no token is issued for these filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FiltersError {
    /// V2-ANON-2.
    #[error("the scope of a page's token names no bus and no channel; the server adds them")]
    Reach,
    /// Over its bound.
    #[error("the scope of a page's token has at most {FILTERS_MAX} bytes, this one has {0}")]
    TooLong(usize),
}

/// What may be said of a bus while a token is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusNow {
    /// Which bus of its name it is.
    pub tenancy: Tenancy,
    /// Tokens that were issued earlier are good no longer.
    pub not_before: Option<Timestamp>,
}

/// What a page's token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    bus: BusName,
    tenancy: Tenancy,
    channel: ChannelName,
    filters: Scope,
    issued: Timestamp,
    expires: Timestamp,
}

impl Page {
    /// A token for one channel of one bus, from now until `expires`.
    ///
    /// # Errors
    ///
    /// [`FiltersError`].
    pub fn new(
        bus: BusName,
        tenancy: Tenancy,
        channel: ChannelName,
        filters: Scope,
        (issued, expires): (Timestamp, Timestamp),
    ) -> Result<Self, FiltersError> {
        // A page never reaches another channel.
        if filters.has_bus() || filters.has_channel() {
            return Err(FiltersError::Reach);
        }
        let length = filters.to_string().len();
        if length > FILTERS_MAX {
            return Err(FiltersError::TooLong(length));
        }
        Ok(Self { bus, tenancy, channel, filters, issued, expires })
    }

    /// The same with other times: a refresh keeps channel and filters (V2-ANON-1).
    #[must_use]
    pub fn from_until(self, issued: Timestamp, expires: Timestamp) -> Self {
        Self { issued, expires, ..self }
    }

    /// Its bus.
    #[must_use]
    pub const fn bus(&self) -> &BusName {
        &self.bus
    }

    /// Which bus of that name.
    #[must_use]
    pub const fn tenancy(&self) -> Tenancy {
        self.tenancy
    }

    /// Its channel.
    #[must_use]
    pub const fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// What else a message must be.
    #[must_use]
    pub const fn filters(&self) -> &Scope {
        &self.filters
    }

    /// When it was issued.
    #[must_use]
    pub const fn issued(&self) -> Timestamp {
        self.issued
    }

    /// When it is over.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Whether it is good at this moment, with what is to be said of its bus then, if there is one.
    ///
    /// # Errors
    ///
    /// [`PageTokenError::Expired`] and [`PageTokenError::Revoked`].
    pub fn stands(&self, now: Timestamp, bus: Option<BusNow>) -> Result<(), PageTokenError> {
        if now >= self.expires {
            return Err(PageTokenError::Expired);
        }
        let is_its_own = |bus: &BusNow| {
            bus.tenancy == self.tenancy && bus.not_before.is_none_or(|from| self.issued >= from)
        };
        if bus.as_ref().is_some_and(is_its_own) { Ok(()) } else { Err(PageTokenError::Revoked) }
    }

    /// The whole scope, as it is told to the page.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.filters.clone().of_page(self.bus.clone(), self.channel.clone())
    }

    /// Whether it lets this message through.
    #[must_use]
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        *facts.bus == self.bus && *facts.channel == self.channel && self.filters.matches(facts)
    }
}

/// The token as a text: at least 20 characters that no URL needs to encode. `kind` is [`TokenKind::Page`] or
/// [`TokenKind::PageRefresh`].
#[must_use]
pub fn seal(keys: &KeyRing, kind: TokenKind, page: &Page) -> TokenText {
    let mut body = form::encode(keys.id(), page);
    let mac = keys.sign(purpose(kind), &[&body]);
    body.extend_from_slice(mac.as_ref());
    kind.text(&body)
}

/// What a token of this kind says, if it is good now. `buses` tells of a bus, if there is one of that name.
///
/// # Errors
///
/// [`PageTokenError`].
pub fn open(
    keys: &KeyRing,
    kind: TokenKind,
    text: &str,
    now: Timestamp,
    buses: impl FnOnce(&BusName) -> Option<BusNow>,
) -> Result<Page, PageTokenError> {
    if text.len() > TEXT_MAX {
        return Err(PageTokenError::Unknown);
    }
    let Some(body) = kind.body(text) else {
        return Err(TokenKind::of(text).map_or(PageTokenError::Unknown, PageTokenError::OtherKind));
    };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(body).map_err(|_| PageTokenError::Unknown)?;
    let (body, mac) = bytes.split_last_chunk::<MAC_LENGTH>().ok_or(PageTokenError::Unknown)?;
    let id = body.first().ok_or(PageTokenError::Unknown)?;
    if !keys.verify(*id, purpose(kind), &[body], mac) {
        return Err(PageTokenError::Forged);
    }
    let page = form::decode(body).ok_or(PageTokenError::Unknown)?;
    let bus = buses(&page.bus);
    page.stands(now, bus)?;
    Ok(page)
}

/// The kind is part of what is signed: whoever writes another one before a token has no token.
const fn purpose(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::PageRefresh => "backplane page refresh 1",
        _ => "backplane page access 1",
    }
}
