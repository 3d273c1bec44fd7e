//! What a server says of a token of version 2.0, and what its refusals mean for one. Pure: time is an argument.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use crate::error::{Error, Refusal};
use crate::names::{BusName, ChannelName};

/// A token is renewed so long before its end, or a tenth of its life if that is less: a request that is under way then still comes through.
const EARLY: Duration = Duration::from_mins(1);
/// Longest token that is taken, in bytes (I-5).
const TOKEN_MAX: usize = 16 * 1024;

/// A secret that a server gave out. Nothing shows it but a request.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Box<str>);

impl Secret {
    fn told(text: Box<str>) -> Option<Self> {
        let good = (1..=TOKEN_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        good.then_some(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    /// Whoever has it is let in (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} characters)", self.0.len())
    }
}

/// With what a page goes on where it was, after its token is over (V2-ANON-1). It is a secret: `Debug` does not show it.
///
/// Its text (`as_str`, `FromStr`) can be kept, to go on with the same channel after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken(Secret);

impl RefreshToken {
    /// The token as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A text is no refresh token: visible ASCII, 1 to 16384 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a refresh token has 1 to {TOKEN_MAX} visible ASCII characters")]
pub struct NotAToken;

impl FromStr for RefreshToken {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        Secret::told(text.into()).map(Self).ok_or(NotAToken)
    }
}

/// A token as it was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) access: Secret,
    /// For how long it is good. Without it, until the server says otherwise.
    pub(crate) expires_in: Option<Duration>,
    pub(crate) scope: Option<Box<str>>,
    pub(crate) refresh: Option<RefreshToken>,
}

/// What a page is given beside its token.
pub(crate) struct PageGiven {
    pub(crate) bus: BusName,
    pub(crate) channel: ChannelName,
    pub(crate) refresh: RefreshToken,
}

impl Given {
    /// Reads the answer of a token endpoint.
    ///
    /// # Errors
    ///
    /// It is none (V2-TOK-1, V2-ANON-1).
    pub(crate) fn read(json: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Text {
            access_token: Box<str>,
            token_type: Box<str>,
            expires_in: Option<u64>,
            scope: Option<Box<str>>,
            refresh_token: Option<Box<str>>,
        }
        const WRONG: Error = Error::Malformed("it gives no bearer token");
        let text: Text = serde_json::from_slice(json).map_err(|_| WRONG)?;
        if !text.token_type.eq_ignore_ascii_case("bearer") {
            return Err(WRONG);
        }
        let refresh = text.refresh_token.map(|token| token.parse().map_err(|_| WRONG)).transpose()?;
        Ok(Self {
            access: Secret::told(text.access_token).ok_or(WRONG)?,
            expires_in: text.expires_in.map(Duration::from_secs),
            scope: text.scope,
            refresh,
        })
    }

    /// How long after it was given out it is to be renewed.
    pub(crate) fn renewed_after(&self) -> Option<Duration> {
        let life = self.expires_in?;
        Some(life.saturating_sub(EARLY.min(life / 10)))
    }

    /// What a page needs beside the token: the channel comes last in the scope (V2-ANON-1).
    ///
    /// # Errors
    ///
    /// Something is missing.
    pub(crate) fn of_page(&self) -> Result<PageGiven, Error> {
        const WRONG: Error = Error::Malformed("it gives no bus, no channel or no refresh token");
        let scope = self.scope.as_deref().ok_or(WRONG)?;
        let (rest, channel) = scope.rsplit_once("channel:").ok_or(WRONG)?;
        let bus = rest.split(' ').find_map(|word| word.strip_prefix("bus:")).ok_or(WRONG)?;
        Ok(PageGiven {
            bus: bus.parse().map_err(|_| WRONG)?,
            channel: channel.parse().map_err(|_| WRONG)?,
            refresh: self.refresh.clone().ok_or(WRONG)?,
        })
    }
}

/// What a refusal means for the token that a request came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It is over or unknown: with a new one the request may succeed.
    Over,
    /// It, or what it was granted, was taken back.
    TakenBack,
    /// It does not reach what was asked for.
    Narrow,
    /// Nothing.
    Nothing,
}

impl Meaning {
    /// Servers say it in these words (V2-ERR-1).
    pub(crate) fn of(refusal: &Refusal) -> Self {
        let says = |words: &str| refusal.description.contains(words);
        match refusal.status {
            401 if says("invalid token") || says("expired token") => Self::Over,
            403 if says("invalid token") => Self::TakenBack,
            403 if refusal.code.as_deref() == Some("insufficient_scope") => Self::Narrow,
            _ => Self::Nothing,
        }
    }

    /// Whether a token is refused because its scope is beyond what was granted (V2-TOK-2).
    pub(crate) fn is_beyond(refusal: &Refusal) -> bool {
        refusal.code.as_deref() == Some("invalid_scope")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn given(json: &str) -> Result<Given, Error> {
        Given::read(json.as_bytes())
    }

    #[test]
    fn v2_tok_1_answers_give_tokens() {
        let token =
            given(r#"{"access_token":"bpa_x","token_type":"Bearer","expires_in":3600,"scope":"bus:a"}"#);
        let token = token.unwrap();
        assert_eq!(token.access.as_str(), "bpa_x");
        assert_eq!((token.expires_in, token.refresh), (Some(Duration::from_hours(1)), None));
        assert!(given(r#"{"access_token":"x","token_type":"bearer"}"#).is_ok());
        for none in [
            "",
            "{}",
            r#"{"access_token":"x","token_type":"mac"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":"a b","token_type":"Bearer"}"#,
            r#"{"access_token":"a\nb","token_type":"Bearer"}"#,
            r#"{"access_token":"x","token_type":"Bearer","refresh_token":""}"#,
            r#"{"access_token":"x","token_type":"Bearer","expires_in":-1}"#,
        ] {
            assert!(matches!(given(none), Err(Error::Malformed(_))), "{none}");
        }
        let long = format!(r#"{{"access_token":"{}","token_type":"Bearer"}}"#, "x".repeat(TOKEN_MAX + 1));
        assert!(given(&long).is_err(), "I-5");
    }

    #[test]
    fn v2_anon_1_the_channel_of_a_page_comes_last() {
        let of = |scope: &str| {
            let refresh = Some("r".parse().unwrap());
            let token = Given { scope: Some(scope.into()), refresh, ..a_token(None) };
            token.of_page().ok().map(|told| format!("{} {}", told.bus, told.channel.as_str()))
        };
        assert_eq!(of("bus:a.b channel:c-1").as_deref(), Some("a.b c-1"));
        assert_eq!(of("bus:a.b type:x sticky:true channel:c-1").as_deref(), Some("a.b c-1"));
        assert_eq!(of("bus:a.b type:channel:x channel:c").as_deref(), Some("a.b c"));
        for none in ["", "bus:a.b", "channel:c", "bus:a.b channel:", "bus:a.b channel:c d"] {
            assert_eq!(of(none), None, "{none}");
        }
        let without = Given { scope: Some("bus:a channel:c".into()), ..a_token(None) };
        assert!(without.of_page().is_err(), "it could not be renewed");
    }

    #[test]
    fn v2_err_1_refusals_are_known_by_their_words() {
        let of = |status, code: &str, description: &str| {
            let (code, description) = (Some(code.to_owned()), description.to_owned());
            Meaning::of(&Refusal { status, code, description, retry_after: None })
        };
        assert_eq!(of(401, "invalid_token", "invalid token"), Meaning::Over);
        assert_eq!(of(401, "invalid_token", "expired token"), Meaning::Over);
        assert_eq!(of(403, "invalid_token", "invalid token: it was taken back"), Meaning::TakenBack);
        assert_eq!(of(403, "insufficient_scope", "not that bus"), Meaning::Narrow);
        assert_eq!(of(401, "invalid_client", "who?"), Meaning::Nothing);
        assert_eq!(of(400, "invalid_scope", "unauthorized scope"), Meaning::Nothing);
        assert_eq!(of(503, "busy", "invalid token"), Meaning::Nothing);
    }

    #[test]
    fn i_8_nothing_shows_a_token() {
        let refresh = Some("hidden-refresh".parse().unwrap());
        let token = Given { refresh, access: Secret("hidden-access".into()), ..a_token(None) };
        assert!(!format!("{token:?}").contains("hidden"), "{token:?}");
    }

    fn a_token(seconds: Option<u64>) -> Given {
        let expires_in = seconds.map(Duration::from_secs);
        Given { access: Secret("x".into()), expires_in, scope: None, refresh: None }
    }

    proptest! {
        #[test]
        fn tokens_are_renewed_before_their_end_and_not_much_sooner(seconds: u64) {
            let (after, life) = (a_token(Some(seconds)).renewed_after().unwrap(), Duration::from_secs(seconds));
            prop_assert!(after <= life && life <= after.saturating_add(EARLY));
            prop_assert!(after >= life / 10 * 9);
            prop_assert_eq!(a_token(None).renewed_after(), None);
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Given::read(&bytes);
        }
    }
}
