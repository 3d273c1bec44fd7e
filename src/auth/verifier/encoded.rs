//! Credentials that some senders encode before they become Basic ones: the `client_id` and the secret of OAuth clients (RFC 6749 section 2.3.1).
//!
//! The RFC wants each of the two encoded as in a form; many deployed clients send them as they are. For most secrets that is the same. Where it is
//! not, both readings are tried: what was right before first, then the text as it came, then what it means as a form's.

use std::net::IpAddr;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{
    Attempt, AuthError, Authenticator, BasicError, Credentials, Recalled, Recognised, Scratch, basic,
};
use crate::auth::UserName;

impl Authenticator {
    /// Like [`Authenticator::authenticate`], of credentials that may have been encoded as in a form. A sender who encodes what needs it is wrong
    /// once, and right from then on, for the limits on failures.
    ///
    /// Must run inside a tokio runtime. May be dropped at any time: a hash that was begun is counted all the same.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub(crate) async fn authenticate_encoded<'a>(
        &self,
        values: impl IntoIterator<Item = &'a [u8]>,
        client: IpAddr,
    ) -> Result<UserName, AuthError> {
        let attempts = match self.readings(values, client)? {
            Reading::User(user) => return Ok(user),
            Reading::Attempts(attempts) => attempts,
        };
        let mut refused = AuthError::Wrong;
        for attempt in attempts {
            match self.0.check(Arc::new(attempt)).await {
                Ok(user) => return Ok(user),
                // It may be right, and is to be tried again: more than that the other reading is wrong.
                Err(later @ (AuthError::Throttled { .. } | AuthError::Busy { .. })) => refused = later,
                Err(_) => {}
            }
        }
        Err(refused)
    }

    fn readings<'a>(
        &self,
        values: impl IntoIterator<Item = &'a [u8]>,
        client: IpAddr,
    ) -> Result<Reading, AuthError> {
        let mut values = values.into_iter();
        let value = values.next().ok_or(AuthError::Missing)?;
        if values.next().is_some() {
            return Err(BasicError::Malformed.into());
        }
        let mut scratch = Scratch::new();
        let raw = basic::parse(value, &mut scratch)?;
        let mut attempts = Vec::new();
        let mut is_known = |credentials| match self.0.recognise_pair(credentials, client) {
            Recognised::User(user) => Some(user),
            Recognised::Not(attempt) => {
                attempts.push(attempt);
                None
            }
        };
        if let Some(user) = is_known(raw) {
            return Ok(Reading::User(user));
        }
        let form = decoded(raw.user).zip(decoded(raw.password));
        let form = form.as_ref().map(|(user, password)| Credentials { user, password });
        if let Some(form) = form.filter(|form| *form != raw)
            && let Some(user) = is_known(form)
        {
            return Ok(Reading::User(user));
        }
        let was_right = |it: &Attempt| matches!(self.0.recall(&it.user, &it.tag, client), Recalled::Stale);
        attempts.sort_by_key(|attempt| !was_right(attempt));
        Ok(Reading::Attempts(attempts))
    }
}

/// What a header's credentials are.
enum Reading {
    User(UserName),
    /// What they may mean, in the order in which it is tried; at most two.
    Attempts(Vec<Attempt>),
}

/// The text that this is as a form's value; nothing if it is none, or cannot be a part of credentials.
fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut left = text.bytes();
    while let Some(byte) = left.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (hex(left.next()?)?, hex(left.next()?)?);
                (high << 4) | low
            }
            // As they are they separate values from each other.
            b'&' | b'=' => return None,
            byte => byte,
        });
    }
    let text = Zeroizing::new(std::str::from_utf8(&bytes).ok()?.to_owned());
    (!text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Option<String> {
        decoded(text).map(|text| text.to_string())
    }

    #[test]
    fn what_a_form_means_is_read_and_what_is_none_is_not() {
        assert_eq!(shown("a+b%2B%25c%C3%A9").as_deref(), Some("a b+%cé"));
        assert_eq!(shown("").as_deref(), Some(""));
        for none in ["%", "%2", "%zz", "a%", "a=b", "a&b", "%ff", "%00", "%0a"] {
            assert_eq!(shown(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(text in "\\P{Cc}{0,40}") {
            let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            prop_assert_eq!(shown(&encoded), Some(text));
        }

        #[test]
        fn any_text_is_read_or_not(text in ".{0,40}") {
            let _ = decoded(&text);
        }
    }
}
