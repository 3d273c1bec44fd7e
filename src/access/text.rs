//! Tokens as texts: what kind one is, and what is kept of one.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// What a text says it is, by how it begins. Whether it is one is another question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Regular access: a page's (V2-ANON-1).
    Page,
    /// Gets a page's token for the same channel.
    PageRefresh,
    /// Privileged access: a client's (V2-TOK-1).
    Access,
    /// Gets a client's next access token (V2-TOK-4).
    Refresh,
    /// An authorization code (V2-TOK-3).
    Code,
}

impl TokenKind {
    const ALL: [Self; 5] = [Self::Page, Self::PageRefresh, Self::Access, Self::Refresh, Self::Code];

    /// The kind of this text; nothing where it begins as no token does.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| text.starts_with(kind.prefix()))
    }

    /// What the texts of this kind begin with: nothing that a URL or a cookie would need to encode.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Page => "bpp_",
            Self::PageRefresh => "bpf_",
            Self::Access => "bpa_",
            Self::Refresh => "bpr_",
            Self::Code => "bpc_",
        }
    }

    /// What follows the prefix, where the text is of this kind.
    pub(super) fn body(self, text: &str) -> Option<&str> {
        text.strip_prefix(self.prefix())
    }

    /// A text of this kind.
    pub(super) fn text(self, body: &[u8]) -> TokenText {
        let mut text =
            Zeroizing::new(String::with_capacity(self.prefix().len() + body.len().div_ceil(3) * 4));
        text.push_str(self.prefix());
        BASE64_URL_SAFE_NO_PAD.encode_string(body, &mut text);
        TokenText(text)
    }
}

/// A token for whoever asked for it. `Debug` does not show it (I-8), and it leaves nothing in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText(Zeroizing<String>);

impl TokenText {
    /// The token.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenText({:?})", TokenKind::of(&self.0))
    }
}

/// All that is kept of a secret of 128 random bits or more: its SHA-256. Whoever reads what is kept finds no token in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a secret.
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, secret).as_ref());
        Self(bytes)
    }

    /// One that was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// To keep it.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are the same, in a time that tells nothing of them.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_and_need_no_encoding() {
        for kind in TokenKind::ALL {
            let text = kind.text(&[0xff; 33]);
            assert_eq!(TokenKind::of(text.as_str()), Some(kind));
            assert!(
                text.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            );
            assert!(!format!("{text:?}").contains(&text.as_str()[4..]));
        }
        assert_eq!(TokenKind::of(""), None);
        assert_eq!(TokenKind::of("bp"), None);
    }
}
