//! Tokens of pages, and names of channels.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use backplane_actors::{BusName, ChannelName, Clock, Timestamp};

use super::Keys;
use crate::access::channel::{self, CHANNEL_NONCE};
use crate::access::regular::{self, BusNow, FiltersError, Page, PageTokenError};
use crate::access::{Scope, Tenancy, TokenKind, TokenText};
use crate::config::Config;

/// Why a page gets no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PagesError {
    /// What it asked for is no scope for a page.
    #[error(transparent)]
    Filters(#[from] FiltersError),
    /// The system has no randomness to give.
    #[error("the system's source of randomness failed")]
    Randomness,
}

/// What a page is given.
#[derive(Debug, Clone)]
pub struct PageTokens {
    /// The access token.
    pub access: TokenText,
    /// The refresh token.
    pub refresh: TokenText,
    /// How long the access token is good.
    pub expires_in: Duration,
    /// What the access token says.
    pub page: Page,
}

/// Seals and opens tokens of pages; nothing is kept of them. Cheap to clone.
#[derive(Clone)]
pub struct Pages {
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    access: Duration,
    refresh: Duration,
}

impl Pages {
    /// With these keys, this clock, and these lifetimes of access and refresh tokens.
    #[must_use]
    pub fn new(keys: Arc<Keys>, clock: Arc<dyn Clock>, access: Duration, refresh: Duration) -> Self {
        Self { keys, clock, access, refresh }
    }

    /// Of a server with this configuration.
    #[must_use]
    pub fn of(config: &Config, keys: Arc<Keys>, clock: Arc<dyn Clock>) -> Self {
        Self::new(keys, clock, config.tokens.page_lifetime, config.tokens.page_refresh_lifetime)
    }

    /// A new channel of this bus, and tokens for it (V2-ANON-1).
    ///
    /// # Errors
    ///
    /// [`PagesError`].
    pub fn allocate(
        &self,
        bus: &BusName,
        tenancy: Tenancy,
        filters: Scope,
    ) -> Result<PageTokens, PagesError> {
        let now = self.clock.wall();
        let mut nonce = [0; CHANNEL_NONCE];
        rand::fill(&mut nonce).map_err(|_| PagesError::Randomness)?;
        let channel = channel::allocate(&self.keys.ring(), bus, tenancy, now, nonce)
            .map_err(|_| PagesError::Randomness)?;
        let times = (now, now.after(self.access));
        Ok(self.tokens(Page::new(bus.clone(), tenancy, channel, filters, times)?, now))
    }

    /// New tokens for the same channel with the same filters (V2-ANON-1). `buses` tells of a bus, if there is one of that name.
    ///
    /// # Errors
    ///
    /// [`PageTokenError`]; a channel whose key was rotated away is forged: the page has to get another one, because nobody could post to it.
    pub fn refresh(
        &self,
        text: &str,
        buses: impl FnOnce(&BusName) -> Option<BusNow>,
    ) -> Result<PageTokens, PageTokenError> {
        let (now, ring) = (self.clock.wall(), self.keys.ring());
        let page = regular::open(&ring, TokenKind::PageRefresh, text, now, buses)?;
        if !channel::is_bound(&ring, page.channel(), page.bus(), page.tenancy()) {
            return Err(PageTokenError::Forged);
        }
        Ok(self.tokens(page, now))
    }

    /// What a page's token says, if it is good now. `buses` tells of a bus, if there is one of that name.
    ///
    /// # Errors
    ///
    /// [`PageTokenError`].
    pub fn check(
        &self,
        text: &str,
        buses: impl FnOnce(&BusName) -> Option<BusNow>,
    ) -> Result<Page, PageTokenError> {
        regular::open(&self.keys.ring(), TokenKind::Page, text, self.clock.wall(), buses)
    }

    /// Whether a token that was checked is good yet, and how long it will be. Keys are not asked again.
    ///
    /// # Errors
    ///
    /// [`PageTokenError::Expired`] and [`PageTokenError::Revoked`].
    pub fn stands(&self, page: &Page, bus: Option<BusNow>) -> Result<Duration, PageTokenError> {
        let now = self.clock.wall();
        page.stands(now, bus)?;
        Ok(page.expires().since(now))
    }

    /// How long it is until then.
    #[must_use]
    pub fn left(&self, end: Timestamp) -> Duration {
        end.since(self.clock.wall())
    }

    /// Whether this channel was allocated for this bus (V2-POST-2).
    #[must_use]
    pub fn is_bound(&self, channel: &ChannelName, bus: &BusName, tenancy: Tenancy) -> bool {
        channel::is_bound(&self.keys.ring(), channel, bus, tenancy)
    }

    fn tokens(&self, page: Page, now: Timestamp) -> PageTokens {
        let ring = self.keys.ring();
        let kept = page.from_until(now, now.after(self.refresh));
        let refresh = regular::seal(&ring, TokenKind::PageRefresh, &kept);
        let page = kept.from_until(now, now.after(self.access));
        let access = regular::seal(&ring, TokenKind::Page, &page);
        PageTokens { access, refresh, expires_in: self.access, page }
    }
}
