//! The parameters of a query, as bytes: what is no UTF-8 is kept as it is, because `state` returns unchanged.

use std::borrow::Cow;

/// The names and values of a text of the type `application/x-www-form-urlencoded`. What is made of a secret is one copy, which the caller gets.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

/// What stands for something else is replaced, and what only looks like it stays.
fn decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        decoded.push(match *byte {
            b'+' => b' ',
            b'%' => escaped(after).map_or(b'%', |(escaped, further)| {
                rest = further;
                escaped
            }),
            byte => byte,
        });
    }
    Cow::Owned(decoded)
}

/// The byte that two digits stand for, and what follows them.
fn escaped(after: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, further) = after.split_first_chunk::<2>()?;
    let [high, low] =
        digits.map(|byte| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    Some((high? << 4 | low?, further))
}
