//! Which passwords people may choose where this program takes them: long enough, and not among the first that are
//! tried. Pure.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::LazyLock;

use zeroize::Zeroizing;

/// Shortest password, in characters.
pub const PASSWORD_MIN: usize = 8;
/// Longest password, in bytes: what a client can sensibly send in one header.
pub const PASSWORD_MAX: usize = 1024;

/// Words that passwords are commonly made of, one a line, in lower case.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common.txt").lines().collect());
/// Passwords that many have chosen and [`COMMON`] does not cover, one a line, in lower case: with it the 3000 most common ones of 8
/// characters or more, as lists of stolen passwords have them.
static TRIED: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("tried.txt").lines().collect());
/// What fingers run along: as it is, from anywhere to anywhere, and backwards.
const RUNS: [&str; 9] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1q2w3e4r5t6z7u8i9o0p",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// Why a password may not be chosen. It never repeats the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Fewer than [`PASSWORD_MIN`] characters.
    #[error("the password is too short; allowed: {PASSWORD_MIN} characters to {PASSWORD_MAX} bytes")]
    TooShort,
    /// More than [`PASSWORD_MAX`] bytes.
    #[error("the password is too long; allowed: {PASSWORD_MIN} characters to {PASSWORD_MAX} bytes")]
    TooLong,
    /// A character that HTTP Basic does not carry (RFC 7617).
    #[error("the password has a control character in it")]
    Control,
    /// One of the first that are tried.
    #[error(
        "the password is one of the first that are tried: a common word with an ending, a run of keys or a repetition"
    )]
    Common,
}

/// Whether a password may be chosen. Any composition is fine (letters, spaces, whatever), but for control characters.
///
/// ```
/// use backplane::auth::{Unfit, may_be_chosen};
/// assert_eq!(may_be_chosen("correct horse battery"), Ok(()));
/// assert_eq!(may_be_chosen("Password123!"), Err(Unfit::Common));
/// ```
///
/// # Errors
/// See [`Unfit`].
pub fn may_be_chosen(password: &str) -> Result<(), Unfit> {
    if password.chars().count() < PASSWORD_MIN {
        return Err(Unfit::TooShort);
    }
    if password.len() > PASSWORD_MAX {
        return Err(Unfit::TooLong);
    }
    if password.contains(char::is_control) {
        return Err(Unfit::Control);
    }
    if is_common(password) { Err(Unfit::Common) } else { Ok(()) }
}

fn is_common(password: &str) -> bool {
    let lower = Zeroizing::new(password.to_lowercase());
    TRIED.contains(lower.as_str()) || is_word(&lower) || is_run(&lower) || repeats(&lower)
}

/// A common word, once or twice, with whatever digits and signs around it.
fn is_word(text: &str) -> bool {
    let core = text.trim_matches(|c: char| !c.is_alphabetic());
    [text, core].into_iter().any(|text| {
        let plain = Zeroizing::new(text.chars().map(unspelt).collect::<String>());
        let half = plain.split_at_checked(plain.len() / 2).filter(|(first, second)| first == second);
        [text, &plain].into_iter().chain(half.map(|(first, _)| first)).any(|word| COMMON.contains(word))
    })
}

/// The letter that a digit or a sign is written for.
fn unspelt(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    }
}

/// One run, or two runs of at least three keys (`qwerty123`, `abcd1234`), with signs at the end.
fn is_run(text: &str) -> bool {
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    let cuts = text.char_indices().map(|(at, _)| at).skip(3);
    let runs = |part: &str| {
        let back = Zeroizing::new(part.chars().rev().collect::<String>());
        RUNS.iter().any(|run| run.contains(part) || run.contains(back.as_str())) || is_one(part)
    };
    let in_two = |at| {
        text.split_at_checked(at)
            .is_some_and(|(first, second)| second.chars().count() >= 3 && runs(first) && runs(second))
    };
    !text.is_empty() && (runs(text) || cuts.into_iter().any(in_two))
}

/// The same character over and over.
fn is_one(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    characters.all(|c| Some(c) == first)
}

/// A few characters, at most four, over and over (`abababab`, `12341234`).
fn repeats(text: &str) -> bool {
    (1..=4).any(|unit| text.chars().zip(text.chars().skip(unit)).all(|(a, b)| a == b))
}
