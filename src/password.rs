//! `backplane hash-password`: asks for a password, hashes it.

use std::io::{self, BufRead, IsTerminal as _};

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};

use crate::config::PasswordHashString;

/// Longest password, in bytes: what a client can sensibly send in one header.
pub const PASSWORD_MAX: usize = 1024;
/// KiB of memory, rounds and lanes of one hash: 19 MiB, 2, 1, as OWASP advises for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;

/// Why there is no hash. The text never shows the password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Nothing was entered.
    #[error("the password is empty; allowed: 1 to {PASSWORD_MAX} bytes")]
    Empty,
    /// Too much was entered.
    #[error("the password is too long; allowed: 1 to {PASSWORD_MAX} bytes")]
    TooLong,
    /// A byte sequence that clients cannot send as text.
    #[error("the password is not UTF-8")]
    NotText,
    /// A character that clients cannot send in HTTP Basic authentication (RFC 7617).
    #[error("the password has a control character in it")]
    Control,
    /// The second answer was not the first one.
    #[error("the two passwords differ")]
    Differ,
    /// The terminal or the standard input failed.
    #[error("cannot read the password: {0}")]
    Read(#[from] io::Error),
    /// The hash function failed, for want of memory or randomness.
    #[error("cannot hash the password: {0}")]
    Hash(String),
}

/// Takes the password from the terminal (twice, without echo) or, where there is none, one line of standard input.
///
/// # Errors
/// What [`PasswordError`] lists.
pub fn hash_from_standard_input() -> Result<PasswordHashString, PasswordError> {
    let stdin = io::stdin();
    let password =
        if stdin.is_terminal() { ask_twice(rpassword::prompt_password)? } else { one_line(stdin.lock())? };
    hash(&password)
}

fn ask_twice(mut ask: impl FnMut(&'static str) -> io::Result<String>) -> Result<String, PasswordError> {
    let first = ask("Password: ")?;
    // An impossible password is not worth a second question.
    check(&first)?;
    if ask("The same again: ")? == first { Ok(first) } else { Err(PasswordError::Differ) }
}

fn one_line(input: impl BufRead) -> Result<String, PasswordError> {
    let mut line = Vec::new();
    // Room for the line's end and for one byte that tells a long password from a longest one.
    let most = u64::try_from(PASSWORD_MAX).unwrap_or(u64::MAX).saturating_add(3);
    input.take(most).read_until(b'\n', &mut line)?;
    let text = line.strip_suffix(b"\n").unwrap_or(&line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    if text.len() > PASSWORD_MAX {
        return Err(PasswordError::TooLong);
    }
    String::from_utf8(text.to_vec()).map_err(|_| PasswordError::NotText)
}

fn check(password: &str) -> Result<(), PasswordError> {
    match password {
        "" => Err(PasswordError::Empty),
        long if long.len() > PASSWORD_MAX => Err(PasswordError::TooLong),
        text if text.contains(char::is_control) => Err(PasswordError::Control),
        _ => Ok(()),
    }
}

/// The argon2id hash of a password, with a fresh salt.
///
/// # Errors
/// A password that is empty, too long or has control characters; a hash function without memory or randomness.
pub fn hash(password: &str) -> Result<PasswordHashString, PasswordError> {
    check(password)?;
    let failed = |error: &dyn std::fmt::Display| PasswordError::Hash(error.to_string());
    let params = Params::new(MEMORY_KIB, ROUNDS, LANES, None).map_err(|error| failed(&error))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes()).map_err(|error| failed(&error))?;
    hash.to_string().parse().map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier as _;
    use argon2::password_hash::phc::PasswordHash;

    use super::*;

    fn line(bytes: &[u8]) -> Result<String, PasswordError> {
        one_line(bytes)
    }

    #[test]
    fn a_hash_is_argon2id_at_the_stated_cost_and_verifies() {
        let hash = hash("correct horse").unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let parsed = PasswordHash::new(hash.as_str()).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"wrong", &parsed).is_err());
    }

    #[test]
    fn one_line_is_taken_without_its_end() {
        assert_eq!(line(b"demo\nmore\n").unwrap(), "demo");
        assert_eq!(line(b"demo\r\n").unwrap(), "demo");
        assert_eq!(line(b" demo ").unwrap(), " demo ");
        let longest = "x".repeat(PASSWORD_MAX);
        assert_eq!(line(format!("{longest}\r\n").as_bytes()).unwrap(), longest);
        assert!(matches!(line(format!("{longest}x").as_bytes()), Err(PasswordError::TooLong)));
        assert!(matches!(line(b"\xff\n"), Err(PasswordError::NotText)));
    }

    #[test]
    fn impossible_passwords_are_refused() {
        assert!(matches!(hash(""), Err(PasswordError::Empty)));
        assert!(matches!(hash(&"x".repeat(PASSWORD_MAX + 1)), Err(PasswordError::TooLong)));
        assert!(matches!(hash("a\tb"), Err(PasswordError::Control)));
    }

    #[test]
    fn a_terminal_is_asked_twice() {
        let mut answers = vec!["b", "a"];
        let different = ask_twice(|_| Ok(answers.pop().unwrap().to_owned()));
        assert!(matches!(different, Err(PasswordError::Differ)));
        assert_eq!(ask_twice(|_| Ok("a".to_owned())).unwrap(), "a");
        let mut questions = 0;
        let empty = ask_twice(|_| {
            questions += 1;
            Ok(String::new())
        });
        assert!(matches!(empty, Err(PasswordError::Empty)));
        assert_eq!(questions, 1);
    }
}
