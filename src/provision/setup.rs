//! The secret that makes the first admin: printed once, of use once, and gone with the process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::random;

/// Knows the secret again, and nothing more of it.
#[derive(Debug, Default)]
pub(super) struct Setup(Mutex<Option<[u8; 32]>>);

impl Setup {
    /// A secret, instead of one that was made before.
    pub(super) fn issue(&self) -> Result<Zeroizing<String>, Unspecified> {
        let text = random::secret()?;
        *self.known() = Some(hash(&text));
        Ok(text)
    }

    /// Whether this is the secret, in a time that tells nothing of it.
    pub(super) fn is(&self, text: &str) -> bool {
        self.known().is_some_and(|known| bool::from(known.ct_eq(&hash(text))))
    }

    /// It is of no use any more.
    pub(super) fn end(&self) {
        *self.known() = None;
    }

    fn known(&self) -> MutexGuard<'_, Option<[u8; 32]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(text: &str) -> [u8; 32] {
    let mut known = [0; 32];
    known.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_until_it_ends_or_another_is_made() {
        let setup = Setup::default();
        assert!(!setup.is("") && !setup.is("x"));
        let first = setup.issue().unwrap();
        assert_eq!(first.len(), 32);
        assert!(setup.is(&first) && !setup.is("") && !setup.is(&first[1..]));
        let second = setup.issue().unwrap();
        assert!(setup.is(&second) && !setup.is(&first));
        setup.end();
        assert!(!setup.is(&second));
        assert_eq!(format!("{setup:?}").matches(&*second).count(), 0);
    }
}
