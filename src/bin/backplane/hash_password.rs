//! `backplane hash-password`: asks for a password, hashes it.

use std::io::{self, BufRead, IsTerminal as _};

use backplane::auth::{PasswordHash, PasswordHashError};

/// Longest password, in bytes: what a client can sensibly send in one header.
pub(crate) const PASSWORD_MAX: usize = 1024;

/// Why there is no hash. The text never shows the password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
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
    #[error(transparent)]
    Hash(#[from] PasswordHashError),
}

/// Takes the password from the terminal (twice, without echo) or, where there is none, one line of standard input.
///
/// # Errors
/// What [`PasswordError`] lists.
pub(crate) fn hash_from_standard_input() -> Result<PasswordHash, PasswordError> {
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
pub(crate) fn hash(password: &str) -> Result<PasswordHash, PasswordError> {
    check(password)?;
    Ok(PasswordHash::of(password)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8]) -> Result<String, PasswordError> {
        one_line(bytes)
    }

    #[test]
    fn a_hash_is_argon2id_at_the_stated_cost_and_verifies() {
        let hash = hash("correct horse").unwrap();
        // 19 MiB, 2 passes and 1 lane, as OWASP advises for argon2id.
        assert!(hash.to_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let written: PasswordHash = hash.to_phc().parse().unwrap();
        assert!(written.verify(b"correct horse"));
        assert!(!written.verify(b"wrong"));
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
