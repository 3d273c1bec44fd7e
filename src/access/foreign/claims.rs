//! What a token says of itself (RFC 9068 section 2.2), and whether that is for here and now.

use std::time::Duration;

use backplane_actors::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::error::ForeignError;
use super::trust::Trust;

/// How far the clocks of issuers may be ahead. A token's end is its end: that a clock differs makes it no longer.
const LEEWAY: Duration = Duration::from_mins(1);

/// What a token says of itself. Each member is there once: of two, readers differ about which counts.
#[derive(Deserialize)]
pub(super) struct Claims<'t> {
    iss: Option<Box<str>>,
    #[serde(borrow)]
    aud: Option<&'t RawValue>,
    sub: Option<Box<str>>,
    client_id: Option<Box<str>>,
    jti: Option<Box<str>>,
    #[serde(borrow)]
    exp: Option<&'t RawValue>,
    #[serde(borrow)]
    iat: Option<&'t RawValue>,
    #[serde(borrow)]
    nbf: Option<&'t RawValue>,
    scope: Option<Box<str>>,
    #[serde(borrow)]
    authorization_details: Option<&'t RawValue>,
    cnf: Option<IgnoredAny>,
}

/// Whom a token is of.
pub(super) struct Who<'c> {
    pub(super) client: &'c str,
    pub(super) subject: &'c str,
}

impl<'t> Claims<'t> {
    pub(super) fn parse(payload: &'t [u8]) -> Result<Self, ForeignError> {
        serde_json::from_slice(payload).map_err(|_| ForeignError::Form("the payload"))
    }

    /// Whether it is for this server and this moment, from whom is trusted: from when on and until when it is good.
    pub(super) fn check(
        &self,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<(Timestamp, Timestamp), ForeignError> {
        // Whoever looked for the issuer did so by this claim; that it is the one is not left to others.
        if self.iss.as_deref() != Some(trust.issuer.as_str()) {
            return Err(ForeignError::Issuer);
        }
        if !is_for(self.aud.ok_or(ForeignError::Claim("aud"))?, &trust.audience)? {
            return Err(ForeignError::Audience);
        }
        for (name, value) in [("sub", &self.sub), ("client_id", &self.client_id), ("jti", &self.jti)] {
            if value.as_deref().is_none_or(str::is_empty) {
                return Err(ForeignError::Claim(name));
            }
        }
        let expires = moment("exp", self.exp)?.ok_or(ForeignError::Claim("exp"))?;
        let issued = moment("iat", self.iat)?.ok_or(ForeignError::Claim("iat"))?;
        let begins = moment("nbf", self.nbf)?.map_or(issued, |nbf| nbf.max(issued));
        if self.cnf.is_some() {
            return Err(ForeignError::Bound);
        }
        if now >= expires {
            return Err(ForeignError::Expired);
        }
        if now.after(LEEWAY) < begins {
            return Err(ForeignError::NotYet);
        }
        Ok((Timestamp::from_millis(begins.as_millis().saturating_sub(millis(LEEWAY))), expires))
    }

    pub(super) fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    pub(super) fn details(&self) -> Option<&'t RawValue> {
        self.authorization_details
    }

    pub(super) fn who(&self) -> Who<'_> {
        Who {
            client: self.client_id.as_deref().unwrap_or_default(),
            subject: self.sub.as_deref().unwrap_or_default(),
        }
    }
}

/// Whether `aud`, a text or a list of texts, has exactly this one.
fn is_for(aud: &RawValue, audience: &str) -> Result<bool, ForeignError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Several(Vec<String>),
    }
    match serde_json::from_str(aud.get()) {
        Ok(Audience::One(one)) => Ok(one == audience),
        Ok(Audience::Several(several)) => Ok(several.iter().any(|one| one == audience)),
        Err(_) => Err(ForeignError::Claim("aud")),
    }
}

/// Seconds since 1970 (RFC 7519 section 2). A fraction is dropped: tokens end sooner by it, not later.
fn moment(name: &'static str, value: Option<&RawValue>) -> Result<Option<Timestamp>, ForeignError> {
    let Some(value) = value else { return Ok(None) };
    let refuse = || ForeignError::Claim(name);
    let (whole, fraction) = value.get().split_once('.').unwrap_or((value.get(), "0"));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refuse());
    }
    let seconds: u64 = whole.parse().map_err(|_| refuse())?;
    let millis = seconds.checked_mul(1_000).ok_or_else(refuse)?;
    Ok(Some(Timestamp::from_millis(millis)))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
