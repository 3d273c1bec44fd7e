//! What `serde_json` does not say about a text: where an object ends, how deep it nests, and what in it is not I-JSON.
//!
//! Nothing here decides whether a text is JSON. The walk below is only right about texts that are;
//! its answers count once `serde_json` has accepted the same text.

use std::borrow::Cow;

use super::i_json::{self, NotIJson};

/// An object nests deeper than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooDeep;

/// Walks over the objects of a list, in step with a parser that checks the grammar.
pub(super) struct Objects<'a> {
    text: &'a str,
    at: usize,
    fault: Option<Fault>,
}

/// The first thing in an object that a reader may stop at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where it begins: a byte of the object's text.
    pub(super) at: usize,
    pub(super) what: NotIJson,
}

impl<'a> Objects<'a> {
    /// For a text that is one object.
    pub(super) fn alone(text: &'a str) -> Self {
        Self { text, at: 0, fault: None }
    }

    /// For a text that is a list of objects.
    pub(super) fn listed(text: &'a str) -> Self {
        let at = text.bytes().position(|byte| byte == b'[').map_or(text.len(), |at| at + 1);
        Self { text, at, fault: None }
    }

    /// The text of the next object from brace to brace; nothing if the next value is not an object or has no end.
    pub(super) fn next(&mut self, max_depth: usize) -> Result<Option<&'a str>, TooDeep> {
        let bytes = self.text.as_bytes();
        self.fault = None;
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n' | b',')) {
            self.at += 1;
        }
        let start = self.at;
        if bytes.get(start) != Some(&b'{') {
            return Ok(None);
        }
        let mut note = |at: usize, what| {
            self.fault.get_or_insert(Fault { at: at.saturating_sub(start), what });
        };
        let Some(end) = object_end(bytes, start, max_depth, &mut note)? else { return Ok(None) };
        self.at = end;
        Ok(self.text.get(start..end))
    }

    /// What the object that came last has in it.
    pub(super) const fn fault(&self) -> Option<Fault> {
        self.fault
    }
}

/// One past the bracket that closes the one at `start`. Notes on its way what is not I-JSON, and where.
fn object_end(
    bytes: &[u8],
    start: usize,
    max_depth: usize,
    note: &mut impl FnMut(usize, NotIJson),
) -> Result<Option<usize>, TooDeep> {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => match string_end(bytes, at, note) {
                Some(end) => at = end,
                None => return Ok(None),
            },
            b'-' | b'0'..=b'9' => {
                let begin = at - 1;
                let (end, wrong) = i_json::number(bytes, begin);
                if let Some(wrong) = wrong {
                    note(begin, wrong);
                }
                at = end;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > max_depth {
                    return Err(TooDeep);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Ok(Some(at));
                }
            }
            _ => {}
        }
    }
    Ok(None)
}

/// One past the quote that ends the string whose first character is at `at`.
fn string_end(bytes: &[u8], mut at: usize, note: &mut impl FnMut(usize, NotIJson)) -> Option<usize> {
    loop {
        // Most of a message is text: eight bytes at a time while there are eight.
        if let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let Some(ahead) = first_special(u64::from_le_bytes(*eight)) else {
                at += 8;
                continue;
            };
            at += ahead;
        } else {
            at += bytes.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        }
        if bytes.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        // A backslash: what it escapes ends nothing.
        let (end, is_half) = i_json::escape(bytes, at);
        if is_half {
            note(at, NotIJson::HalfCharacter);
        }
        at = end;
    }
}

/// The place of the first quote or backslash among eight bytes, the first byte being the lowest.
fn first_special(eight: u64) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let quote = eight ^ (ONES * 0x22);
    let backslash = eight ^ (ONES * 0x5c);
    // A zero byte sets its high bit; borrows can set one above a zero byte wrongly, never below the first.
    let found = ((quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash)) & HIGH;
    if found == 0 {
        return None;
    }
    usize::try_from(found.trailing_zeros() / 8).ok()
}

/// The string that a raw JSON value stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Text<'a> {
    /// It is one.
    Is(Cow<'a, str>),
    /// It is another kind of value.
    NotAString,
    /// It is one, but with half of a surrogate pair, which no Unicode text has.
    NotUnicode,
}

impl<'a> Text<'a> {
    /// Reads a raw value that `serde_json` has accepted, without spaces around it.
    pub(super) fn of(raw: &'a str) -> Self {
        let Some(inner) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return Self::NotAString;
        };
        if !inner.as_bytes().contains(&b'\\') {
            return Self::Is(Cow::Borrowed(inner));
        }
        serde_json::from_str::<String>(raw).map_or(Self::NotUnicode, |text| Self::Is(Cow::Owned(text)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str, depth: usize) -> Vec<&str> {
        let mut objects = Objects::listed(text);
        std::iter::from_fn(|| objects.next(depth).unwrap()).collect()
    }

    #[test]
    fn objects_end_where_they_end() {
        assert_eq!(
            all(r#" [ {"a":"]}\"}"} , {} ,{"b":[{}]}]"#, 9),
            [r#"{"a":"]}\"}"}"#, "{}", r#"{"b":[{}]}"#]
        );
        assert_eq!(all(r"[1,{}]", 9), Vec::<&str>::new());
        assert_eq!(all(r#"[{"no end\"#, 9), Vec::<&str>::new());
        assert_eq!(all("", 9), Vec::<&str>::new());
    }

    #[test]
    fn i_5_depth_counts_the_object_itself() {
        let text = r#"[{"a":[{"[[[[[[":1}]}]"#;
        assert_eq!(all(text, 3).len(), 1);
        assert_eq!(Objects::listed(text).next(2), Err(TooDeep));
    }

    #[test]
    fn escaped_strings_are_decoded_and_half_characters_noticed() {
        assert_eq!(Text::of(r#""a\u0062""#), Text::Is("ab".into()));
        assert_eq!(Text::of(r#""\ud83d\ude00""#), Text::Is("\u{1f600}".into()));
        assert_eq!(Text::of(r#""\ud83d""#), Text::NotUnicode);
        assert_eq!(Text::of("12"), Text::NotAString);
    }

    proptest! {
        #[test]
        fn strings_end_like_serde_json_says(text: String, after in "[ -~]{0,20}") {
            let json = serde_json::to_string(&text).unwrap();
            let both = format!("{json}{after}");
            prop_assert_eq!(string_end(both.as_bytes(), 1, &mut |_, _| ()), Some(json.len()));
        }
    }
}
