//! What is JSON, and yet stops readers (RFC 7493): halves of surrogate pairs, and numbers that no double holds.
//!
//! Some parsers fail over them, and with them over the whole page of messages: such a reader could not pass one until it
//! expires. The functions here look at one escape or one number within a walk over the text ([`super::json`]); like the walk
//! they are only right about texts that are JSON.

/// Most digits of a number, those of its exponent included (I-5). No double needs more; parsers refuse them, or take long.
const DIGITS_MAX: usize = 1000;
/// As many digits of a whole number are below the greatest double, whatever they are.
const DIGITS_SAFE: usize = 308;
/// Bytes of an escaped character such as `\u00e9`.
const ESCAPE: usize = 6;

/// Which JSON a bus takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum PayloadRule {
    /// What every reader's parser takes: in names and strings no half of a surrogate pair, no number beyond the range of a double
    /// and none of more than 1000 digits. Precision is the reader's affair, and so is a number that is so small that a double
    /// holds it as zero.
    #[default]
    IJson,
    /// All JSON.
    Any,
}

/// What a reader's parser may stop at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum NotIJson {
    /// An escape such as `\ud800` without its other half.
    #[error("is half of a surrogate pair; names and strings consist of whole Unicode characters")]
    HalfCharacter,
    /// A number beyond the range of a double.
    #[error("is a number beyond the range of a double, which ends at 1.8e308 on both sides")]
    Range,
    /// A number of too many digits.
    #[error("is a number of too many digits; {DIGITS_MAX} are allowed")]
    Digits,
}

/// For the backslash at `at`: one past what it escapes, and whether that is half a character.
pub(super) fn escape(bytes: &[u8], at: usize) -> (usize, bool) {
    match unit(bytes, at) {
        Some(0xd800..=0xdbff) => match unit(bytes, at + ESCAPE) {
            Some(0xdc00..=0xdfff) => (at + 2 * ESCAPE, false),
            _ => (at + ESCAPE, true),
        },
        Some(0xdc00..=0xdfff) => (at + ESCAPE, true),
        // One that is no surrogate, `\n` and its like: its letters end nothing.
        _ => (at + 2, false),
    }
}

/// The UTF-16 unit of the escape `\uXXXX` at `at`, if there is one.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = bytes.get(at..at.checked_add(ESCAPE)?)? else { return None };
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

/// For the number that begins at `at`: one past its end, and what is wrong with it.
pub(super) fn number(bytes: &[u8], at: usize) -> (usize, Option<NotIJson>) {
    let rest = bytes.get(at..).unwrap_or_default();
    let (mut digits, mut whole, mut length) = (0, None, 0);
    let mut exponent = false;
    for byte in rest {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'.' => whole = whole.or(Some(digits)),
            b'e' | b'E' => exponent = true,
            b'+' | b'-' => {}
            _ => break,
        }
        length += 1;
    }
    let end = at + length;
    if digits > DIGITS_MAX {
        return (end, Some(NotIJson::Digits));
    }
    if !exponent && whole.unwrap_or(digits) <= DIGITS_SAFE {
        return (end, None);
    }
    let text = rest.get(..length).and_then(|text| std::str::from_utf8(text).ok());
    let is_beyond = text.and_then(|text| text.parse::<f64>().ok()).is_some_and(f64::is_infinite);
    (end, is_beyond.then_some(NotIJson::Range))
}

#[cfg(test)]
mod tests;
