//! What may stand in `source` (MSG-1): an absolute URL that names a host.

use url::Url;

/// Schemes whose URLs are programs or documents of their own, not places: a page that shows `source` as a link
/// must not run them.
const REFUSED_SCHEMES: [&str; 3] = ["javascript", "vbscript", "data"];

/// Whether the text is an absolute URL that names a host: `scheme://host…`, any scheme but those that carry code.
///
/// Stricter than a browser's address bar, because the text is delivered as posted and every reader has
/// to see the same URL in it: no spaces or control characters anywhere, both slashes present.
pub(super) fn is_source_url(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.iter().any(|&byte| byte <= b' ' || byte == 0x7f || byte == b'\\') {
        return false;
    }
    plainly_a_url(bytes) || parses(text)
}

/// The common case without the full parser: http(s), a host of plain lower-case labels that each start with a letter.
///
/// Says yes only where the parser does. Left to the parser: numbers (they may be meant as IPv4), `--` (Punycode),
/// ports of five digits, user information, everything outside ASCII.
fn plainly_a_url(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"https://").or_else(|| bytes.strip_prefix(b"http://")) else {
        return false;
    };
    let host_end = rest.iter().position(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
    let (host, after) = rest.split_at(host_end.unwrap_or(rest.len()));
    let labels_are_plain = host.split(|&byte| byte == b'.').all(|label| {
        label.first().is_some_and(u8::is_ascii_lowercase) && !label.windows(2).any(|pair| pair == b"--")
    });
    labels_are_plain && plain_after_host(after)
}

fn plain_after_host(after: &[u8]) -> bool {
    let rest = match after.strip_prefix(b":") {
        Some(port) => {
            let digits = port.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits > 4 {
                return false;
            }
            port.get(digits..).unwrap_or_default()
        }
        None => after,
    };
    matches!(rest.first(), None | Some(b'/' | b'?' | b'#')) && rest.is_ascii()
}

fn parses(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else { return false };
    if REFUSED_SCHEMES.iter().any(|refused| scheme.eq_ignore_ascii_case(refused)) {
        return false;
    }
    // The scheme the parser finds is the one before `://`: otherwise that was further down in the text.
    Url::parse(text).is_ok_and(|url| url.scheme().eq_ignore_ascii_case(scheme) && url.has_host())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn msg_1_absolute_urls_with_a_host() {
        for good in [
            "http://client.com",
            "https://client.com/",
            "https://localhost:8080/a?b#c",
            "HTTPS://Client.COM",
            "http://127.0.0.1:80/",
            "http://[::1]/",
            "http://user@host.example/",
            "https://bücher.example/ü",
            "https://xn--bcher-kva.example",
            "chrome-extension://abcdef/page",
            "http://a..b/",
            "http://host:",
        ] {
            assert!(is_source_url(good), "{good}");
        }
        for bad in [
            "",
            "client.com",
            "/path",
            "//client.com",
            "http:",
            "http://",
            "http:client.com",
            "http:/client.com",
            "http:\\\\client.com",
            "http:///",
            " http://client.com",
            "http://client.com ",
            "http://client.com/a b",
            "http://client.com/a\nb",
            "http://client.com:99999",
            "http://1.2.3.999",
            "mailto:a@b.example",
            "urn:isbn:1://x",
            "javascript:alert(1)//://x",
            "javascript://host/%0aalert(1)",
            "JavaScript://host/",
            "data:text/html,x://y",
            "file:///etc/passwd",
        ] {
            assert!(!is_source_url(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_short_cut_never_says_more_than_the_parser(
            text in "https?://[a-z0-9.:-]{0,12}(xn--)?[a-z0-9.:@-]{0,8}[/?#]?[!-~]{0,8}"
        ) {
            if plainly_a_url(text.as_bytes()) {
                prop_assert!(parses(&text), "{}", text);
            }
        }

        #[test]
        fn any_text_is_judged(text: String) {
            let _ = is_source_url(&text);
        }
    }
}
