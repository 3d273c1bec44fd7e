//! What is new each time: texts that nobody guesses, and occasions.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use backplane_actors::Timestamp;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::order::Occasion;
use crate::access::{GrantId, Tenancy};

/// Bytes of a secret.
const SECRET: usize = 24;
/// Bytes of a grant's id.
const ID: usize = 16;

/// A secret of 192 random bits, in base64url.
pub(super) fn secret() -> Result<Zeroizing<String>, Unspecified> {
    text::<SECRET>()
}

/// An id that no grant ever had.
pub(super) fn grant_id() -> Result<GrantId, Unspecified> {
    loop {
        let id = text::<ID>()?;
        // A command line would take it for an option.
        if !id.starts_with('-') {
            return id.parse().map_err(|_| Unspecified);
        }
    }
}

/// Now, with a tenancy that no bus ever had.
pub(super) fn occasion() -> Result<Occasion, Unspecified> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes)?;
    // None is taken for one of the configuration's.
    Ok(Occasion { now: now(), tenancy: Tenancy(u64::from_le_bytes(bytes).max(1)) })
}

/// The moment, for people alone.
#[expect(
    clippy::disallowed_methods,
    reason = "when something was made is told to people, and nothing depends on it"
)]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn text<const LENGTH: usize>() -> Result<Zeroizing<String>, Unspecified> {
    let mut bytes = Zeroizing::new([0; LENGTH]);
    rand::fill(&mut *bytes)?;
    Ok(Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_ids_have_their_lengths_and_do_not_repeat() {
        let (one, other) = (secret().unwrap(), secret().unwrap());
        assert!(one.len() == 32 && one != other);
        assert_ne!(grant_id().unwrap(), grant_id().unwrap());
        assert!(
            (0..1_000).all(|_| !grant_id().unwrap().as_str().starts_with('-')),
            "no command line's option"
        );
    }
}
