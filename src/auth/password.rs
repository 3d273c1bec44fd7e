//! Password hashes: argon2id in PHC string form, with bounded cost.

use std::fmt;

use argon2::password_hash::phc;
use argon2::{ARGON2ID_IDENT, Argon2, Params, PasswordHasher as _, PasswordVerifier as _};

/// Longest text of a hash, in bytes (I-5).
const TEXT_MAX: usize = 512;
/// Most memory of one hash, in KiB: 1 GiB.
const MEMORY_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 16;
/// Shortest output that is a password check and not a coincidence, in bytes.
const OUTPUT_MIN: usize = 16;
/// OWASP's minimum for argon2id, as it is published: KiB and passes that are worth the same. Lanes are free.
const MINIMUM: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];
/// Version 1.3, the only one in use since 2016. A hash without a version means 1.0.
const VERSION: u32 = 19;

/// Why a text is not an acceptable password hash. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordHashError {
    /// Not a PHC string.
    #[error("a password hash looks like $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>")]
    Form,
    /// argon2i, scrypt, bcrypt, ….
    #[error("a password hash uses argon2id, this one uses something else")]
    Algorithm,
    /// Not version 1.3.
    #[error("a password hash has version 19 (v=19)")]
    Version,
    /// A parameter is missing, unknown or out of bounds.
    #[error(
        "a password hash has the parameters m (KiB, at least 8 per lane, at most {MEMORY_MAX}), \
         t (1 to {PASSES_MAX}) and p (1 to {LANES_MAX}), and no others"
    )]
    Parameters,
    /// Salt or output are missing or too short.
    #[error("a password hash has a salt of at least 8 bytes and an output of at least {OUTPUT_MIN} bytes")]
    TooShort,
    /// The system gave no randomness for a salt, or no memory.
    #[error("the password could not be hashed: {0}")]
    Hashing(argon2::password_hash::Error),
}

/// A checked argon2id hash: at most 1 GiB, 16 passes and 16 lanes, so that one line of configuration cannot stop
/// the service. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    // Boxed: 180 bytes of fixed-size strings inside.
    phc: Box<phc::PasswordHash>,
}

impl PasswordHash {
    /// A hash of this password with a fresh salt: 19 MiB, 2 passes, 1 lane, some 25 ms of one core.
    ///
    /// # Errors
    /// [`PasswordHashError::Hashing`].
    pub fn of(password: &str) -> Result<Self, PasswordHashError> {
        Self::with_params(password, Params::DEFAULT)
    }

    pub(super) fn with_params(password: &str, params: Params) -> Result<Self, PasswordHashError> {
        let phc =
            Argon2::from(params).hash_password(password.as_bytes()).map_err(PasswordHashError::Hashing)?;
        Ok(Self { phc: Box::new(phc) })
    }

    /// Whether this is the hash of that password. Costs what the hash's parameters say: call it where blocking
    /// for tens of milliseconds is fine.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        Argon2::default().verify_password(password, &*self.phc).is_ok()
    }

    /// Whether the hash costs whoever guesses at least what OWASP advises: m=19456 with t=2, or m=47104 with t=1, m=12288
    /// with t=3, m=9216 with t=4, m=7168 with t=5.
    #[must_use]
    pub fn is_strong(&self) -> bool {
        let Cost { memory, passes, .. } = self.cost();
        MINIMUM.iter().any(|(least_memory, least_passes)| memory >= *least_memory && passes >= *least_passes)
    }

    /// What it takes to verify a password.
    pub(super) fn cost(&self) -> Cost {
        let decimal = |name| self.phc.params.get_decimal(name).unwrap_or_default();
        let output = self.phc.hash.as_ref().map_or(0, phc::Output::len);
        Cost { memory: decimal("m"), passes: decimal("t"), lanes: decimal("p"), output }
    }

    /// The PHC string, for the configuration file.
    #[must_use]
    pub fn to_phc(&self) -> String {
        self.phc.to_string()
    }
}

/// What a verification takes. Equal costs take equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Cost {
    memory: u32,
    passes: u32,
    lanes: u32,
    output: usize,
}

impl std::str::FromStr for PasswordHash {
    type Err = PasswordHashError;

    fn from_str(text: &str) -> Result<Self, PasswordHashError> {
        if text.len() > TEXT_MAX {
            return Err(PasswordHashError::Form);
        }
        let phc = phc::PasswordHash::new(text).map_err(|_| PasswordHashError::Form)?;
        if phc.algorithm != ARGON2ID_IDENT {
            return Err(PasswordHashError::Algorithm);
        }
        if phc.version != Some(VERSION) {
            return Err(PasswordHashError::Version);
        }
        let bounded = |name: &str, max: u32| {
            phc.params.get_decimal(name).filter(|value| *value <= max).ok_or(PasswordHashError::Parameters)
        };
        let (memory, passes, lanes) =
            (bounded("m", MEMORY_MAX)?, bounded("t", PASSES_MAX)?, bounded("p", LANES_MAX)?);
        let others = phc.params.iter().any(|(name, _)| !matches!(name.as_str(), "m" | "t" | "p"));
        if others || Params::new(memory, passes, lanes, None).is_err() {
            return Err(PasswordHashError::Parameters);
        }
        // phc refuses salts below 8 bytes by itself.
        if phc.salt.is_none() || phc.hash.as_ref().is_none_or(|output| output.len() < OUTPUT_MIN) {
            return Err(PasswordHashError::TooShort);
        }
        Ok(Self { phc: Box::new(phc) })
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT_AND_HASH: &str = "c29tZXNhbHQ$UOPXRTYk7bEq7r9jVVdRnGzkqV0mCmfWwRn7+TLH4/8";

    fn parse(text: &str) -> Result<PasswordHash, PasswordHashError> {
        text.parse()
    }

    #[test]
    fn a_hash_survives_its_text_and_knows_its_password() {
        let hash = PasswordHash::with_params("secret", Params::new(8, 1, 1, None).unwrap()).unwrap();
        let again = parse(&hash.to_phc()).unwrap();
        assert_eq!(again, hash);
        assert!(again.verify(b"secret"));
        assert!(!again.verify(b"Secret"));
        assert!(!again.verify(b""));
    }

    #[test]
    fn a_hash_of_the_reference_implementation_verifies() {
        // From the test vectors of the reference implementation (phc-winner-argon2, src/test.c).
        let hash =
            parse("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
                .unwrap();
        assert!(hash.verify(b"password"));
        assert!(!hash.verify(b"passwords"));
    }

    #[test]
    fn i_5_cost_is_bounded_and_the_rest_is_exact() {
        use PasswordHashError::{Algorithm, Form, Parameters, TooShort, Version};
        let with = |head: &str| parse(&format!("{head}${SALT_AND_HASH}")).map(|_| ());
        for good in ["$argon2id$v=19$m=1048576,t=16,p=16", "$argon2id$v=19$m=8,t=1,p=1"] {
            assert_eq!(with(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("$argon2id$v=19$m=1048577,t=1,p=1", Parameters),
            ("$argon2id$v=19$m=19456,t=17,p=1", Parameters),
            ("$argon2id$v=19$m=19456,t=1,p=17", Parameters),
            ("$argon2id$v=19$m=19456,t=0,p=1", Parameters),
            ("$argon2id$v=19$m=15,t=1,p=2", Parameters),
            ("$argon2id$v=19$m=1,t=1,p=1", Parameters),
            ("$argon2id$v=19$m=19456,t=1", Parameters),
            ("$argon2id$v=19$m=19456,t=1,p=1,data=AAAA", Parameters),
            ("$argon2id$v=19", Parameters),
            ("$argon2id$m=19456,t=1,p=1", Version),
            ("$argon2id$v=16$m=19456,t=1,p=1", Version),
            ("$argon2i$v=19$m=19456,t=1,p=1", Algorithm),
            ("", Form),
            ("argon2id", Form),
            ("demo", Form),
        ] {
            assert_eq!(with(bad), Err(why), "{bad}");
        }
        assert_eq!(parse("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ"), Err(TooShort));
        assert_eq!(parse("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$UOPXRTYk7bEq7r9j"), Err(TooShort));
        assert_eq!(parse("$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"), Err(Form));
        assert_eq!(parse(&"$".repeat(TEXT_MAX + 1)), Err(Form));
    }

    #[test]
    fn strong_is_what_owasp_advises_at_least() {
        let with = |cost: &str| parse(&format!("$argon2id$v=19${cost}${SALT_AND_HASH}")).unwrap().is_strong();
        for strong in [
            "m=19456,t=2,p=1",
            "m=47104,t=1,p=1",
            "m=12288,t=3,p=1",
            "m=9216,t=4,p=1",
            "m=7168,t=5,p=1",
            "m=19456,t=2,p=4",
            "m=1048576,t=1,p=1",
            "m=7168,t=16,p=1",
            "m=65536,t=3,p=4",
        ] {
            assert!(with(strong), "{strong}");
        }
        for weak in [
            "m=19455,t=2,p=1",
            "m=19456,t=1,p=1",
            "m=47103,t=1,p=1",
            "m=12287,t=3,p=1",
            "m=9215,t=4,p=1",
            "m=7167,t=16,p=1",
            "m=8,t=1,p=1",
        ] {
            assert!(!with(weak), "{weak}");
        }
    }

    #[test]
    fn i_8_debug_shows_nothing() {
        let hash = parse(&format!("$argon2id$v=19$m=8,t=1,p=1${SALT_AND_HASH}")).unwrap();
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
    }
}
