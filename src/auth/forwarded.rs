//! What `Forwarded` headers (RFC 7239) say of the scheme that a client used. Pure.

/// Whether each `proto` of these values says HTTPS; None: there is none. A value that is not RFC 7239 says anything but
/// HTTPS, because nobody knows what its writer meant.
pub(super) fn says_https<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<bool> {
    values.into_iter().filter_map(of_value).reduce(|all, https| all && https)
}

fn of_value(value: &[u8]) -> Option<bool> {
    let (mut said, mut rest) = (None, Some(value));
    while let Some(text) = rest {
        let Ok((pair, after)) = pair(text) else { return Some(false) };
        if let Some((name, value)) = pair
            && name.eq_ignore_ascii_case(b"proto")
        {
            said = Some(said.unwrap_or(true) && value.eq_ignore_ascii_case(b"https"));
        }
        rest = after;
    }
    said
}

/// A pair's name, and its value without quotes.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// Not RFC 7239.
struct Malformed;

/// One pair, which may be missing, and what follows its `;` or `,`, if there is one.
fn pair(text: &[u8]) -> Result<(Option<Pair<'_>>, Option<&[u8]>), Malformed> {
    let (name, rest) = token(text.trim_ascii_start());
    if name.is_empty() {
        return Ok((None, after_end(rest)?));
    }
    let rest = rest.strip_prefix(b"=").ok_or(Malformed)?;
    let (value, rest) = match rest.strip_prefix(b"\"") {
        Some(quoted) => until_quote(quoted).ok_or(Malformed)?,
        None => token(rest),
    };
    Ok((Some((name, value)), after_end(rest)?))
}

fn token(text: &[u8]) -> (&[u8], &[u8]) {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    text.split_at(text.iter().take_while(|byte| is_token(byte)).count())
}

/// A quoted string up to its end. What is escaped in it stays as it is written: no scheme has such characters.
fn until_quote(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// What follows a `;` or `,`; nothing at the text's end.
fn after_end(text: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    match text.trim_ascii_start().split_first() {
        None => Ok(None),
        Some((b';' | b',', after)) => Ok(Some(after)),
        Some(_) => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[&str]) -> Option<bool> {
        says_https(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn every_proto_has_to_say_https() {
        for (values, expected) in [
            (&[][..], None),
            (&[""], None),
            (&["for=192.0.2.60;by=203.0.113.43"], None),
            (&["for=\"a,proto=https;\""], None),
            (&["proto=https"], Some(true)),
            (&["for=192.0.2.60; Proto=HTTPS ;by=203.0.113.43"], Some(true)),
            (&["for=\"[2001:db8:cafe::17]:4711\";proto=\"https\", for=192.0.2.1"], Some(true)),
            (&["proto=https, proto=https", "proto=https"], Some(true)),
            (&["proto=https, proto=http"], Some(false)),
            (&["proto=https;proto=http"], Some(false)),
            (&["proto=https", "proto=http"], Some(false)),
            (&["for=\"x\\\";proto=https\";proto=http"], Some(false)),
            (&["proto="], Some(false)),
            (&["proto=wss"], Some(false)),
            // Not RFC 7239.
            (&["https"], Some(false)),
            (&["proto=https x"], Some(false)),
            (&["proto=https;for=\"open"], Some(false)),
            (&["for=[::1];proto=https"], Some(false)),
            (&["proto =https"], Some(false)),
        ] {
            assert_eq!(of(values), expected, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(value in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = says_https([&value[..]]);
        }

        /// Whatever a quoted value holds, it ends where it was quoted to the end.
        #[test]
        fn quotes_hide_what_they_hold(text in "[ -~]{0,30}", https: bool) {
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            let proto = if https { "https" } else { "http" };
            prop_assert_eq!(of(&[&format!("for=\"{quoted}\";proto={proto}")]), Some(https));
        }
    }
}
