//! Random bytes, and the texts that are made of them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::access::text::{Digest, TokenKind, TokenText};

/// Bytes of what makes one token what it is.
const SECRET: usize = 32;
/// Bytes of what the code and the refresh tokens of a family share.
const HANDLE: usize = 32;
/// Characters of a code or refresh token.
const HANDLED_TEXT: usize = 4 + (HANDLE + SECRET) * 4 / 3 + 1;
/// Characters of an access token.
const ACCESS_TEXT: usize = 4 + SECRET * 4 / 3 + 1;

/// Bytes that an operation may need.
pub const FRESH_LENGTH: usize = HANDLE + 2 * SECRET;

/// Bytes that a cryptographic generator drew for one operation: each is of use once.
pub struct Fresh(Zeroizing<[u8; FRESH_LENGTH]>);

impl Fresh {
    /// Of these bytes.
    #[must_use]
    pub const fn new(bytes: Zeroizing<[u8; FRESH_LENGTH]>) -> Self {
        Self(bytes)
    }

    fn part(&self, from: usize, length: usize) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.iter().skip(from).take(length).copied().collect())
    }

    /// An access token.
    pub(super) fn access(&self) -> TokenText {
        TokenKind::Access.text(&self.part(0, SECRET))
    }

    /// The handle of a new family.
    pub(super) fn handle(&self) -> Handle {
        Handle(self.part(2 * SECRET, HANDLE))
    }

    /// A code or refresh token of a family.
    pub(super) fn handled(&self, kind: TokenKind, handle: &Handle) -> TokenText {
        let mut bytes = Zeroizing::new(Vec::with_capacity(HANDLE + SECRET));
        bytes.extend_from_slice(&handle.0);
        bytes.extend_from_slice(&self.part(SECRET, SECRET));
        kind.text(&bytes)
    }
}

/// What the code and all refresh tokens of a family share, and nobody else knows: 256 random bits.
pub(super) struct Handle(Zeroizing<Vec<u8>>);

impl Handle {
    /// The handle in a text of this kind; nothing where it has not the form of one.
    pub(super) fn of(kind: TokenKind, text: &str) -> Option<Self> {
        let body = kind.body(text).filter(|_| text.len() <= HANDLED_TEXT)?;
        let mut bytes = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(body).ok()?);
        if bytes.len() != HANDLE + SECRET {
            return None;
        }
        bytes.truncate(HANDLE);
        Some(Self(bytes))
    }

    /// What its family is known by.
    pub(super) fn family(&self) -> Digest {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, &[b"family:", &**self.0].concat()).as_ref());
        Digest::from_bytes(bytes)
    }
}

/// The digest of an access token; nothing where the text has not the form of one.
pub(super) fn digest_of_access(text: &str) -> Option<Digest> {
    (text.len() <= ACCESS_TEXT && TokenKind::of(text) == Some(TokenKind::Access))
        .then(|| Digest::of(text.as_bytes()))
}
