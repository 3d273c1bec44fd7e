//! `backplane hash-password`: asks for a password, hashes it.

use std::io::{self, BufRead, IsTerminal as _};

use backplane::auth::{PASSWORD_MAX, PasswordHash, PasswordHashError, Unfit, may_be_chosen};
use zeroize::Zeroizing;

/// A password on its way: no copy of it stays behind in memory.
type Password = Zeroizing<String>;

/// Why there is no hash. The text never shows the password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// Too short, too long or too common.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A byte sequence that clients cannot send as text.
    #[error("the password is not UTF-8")]
    NotText,
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

fn ask_twice(mut ask: impl FnMut(&'static str) -> io::Result<String>) -> Result<Password, PasswordError> {
    let first = Password::new(ask("Password: ")?);
    // A password that is refused anyway is not worth a second question.
    may_be_chosen(&first)?;
    let second = Password::new(ask("The same again: ")?);
    if second == first { Ok(first) } else { Err(PasswordError::Differ) }
}

fn one_line(input: impl BufRead) -> Result<Password, PasswordError> {
    // Room for the line's end and for one byte that tells a long password from a longest one. All of it at once: a
    // buffer that grows leaves copies behind.
    let room = PASSWORD_MAX + 3;
    let mut line = Zeroizing::new(Vec::with_capacity(room));
    input.take(u64::try_from(room).unwrap_or(u64::MAX)).read_until(b'\n', &mut line)?;
    let text = line.strip_suffix(b"\n").unwrap_or(&line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let text = std::str::from_utf8(text).map_err(|_| match text.len() {
        // Cut within a character.
        length if length > PASSWORD_MAX => PasswordError::Unfit(Unfit::TooLong),
        _ => PasswordError::NotText,
    })?;
    Ok(Password::new(text.to_owned()))
}

/// The argon2id hash of a password, with a fresh salt.
///
/// # Errors
/// A password that may not be chosen; a hash function without memory or randomness.
pub(crate) fn hash(password: &str) -> Result<PasswordHash, PasswordError> {
    may_be_chosen(password)?;
    Ok(PasswordHash::of(password)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8]) -> Result<String, PasswordError> {
        one_line(bytes).map(|password| password.to_string())
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
        let longer = line(format!("{longest}x").as_bytes()).unwrap();
        assert!(matches!(hash(&longer), Err(PasswordError::Unfit(Unfit::TooLong))));
        let cut = line("ü".repeat(PASSWORD_MAX).as_bytes());
        assert!(matches!(cut, Err(PasswordError::Unfit(Unfit::TooLong))));
        assert!(matches!(line(b"\xff\n"), Err(PasswordError::NotText)));
    }

    #[test]
    fn unfit_passwords_are_refused() {
        for (password, why) in [
            ("", Unfit::TooShort),
            ("seven77", Unfit::TooShort),
            ("with\ta tab", Unfit::Control),
            ("Password123", Unfit::Common),
        ] {
            let refused = hash(password).unwrap_err();
            assert!(matches!(refused, PasswordError::Unfit(unfit) if unfit == why), "{password}: {refused}");
        }
    }

    #[test]
    fn a_terminal_is_asked_twice() {
        let mut answers = vec!["correct battery", "correct horse"];
        let different = ask_twice(|_| Ok(answers.pop().unwrap().to_owned()));
        assert!(matches!(different, Err(PasswordError::Differ)));
        assert_eq!(*ask_twice(|_| Ok("correct horse".to_owned())).unwrap(), "correct horse");
        let mut questions = 0;
        let short = ask_twice(|_| {
            questions += 1;
            Ok("short".to_owned())
        });
        assert!(matches!(short, Err(PasswordError::Unfit(Unfit::TooShort))));
        assert_eq!(questions, 1);
    }
}
