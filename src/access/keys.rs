//! The keys that pages' tokens and names of channels prove themselves by.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Bytes of a key.
pub const KEY_LENGTH: usize = 32;
/// Keys at the same time: the one that signs, and the one before.
const KEYS_MAX: usize = 2;
/// Bytes of a whole signature.
pub(super) const MAC_LENGTH: usize = 32;

/// A key, raw.
pub type RawKey = Zeroizing<[u8; KEY_LENGTH]>;

/// Why a text holds no keys. It never repeats one (I-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// No line.
    #[error("there is no key; allowed: one or two lines, each with 32 bytes as base64url (43 characters)")]
    None,
    /// Too many lines.
    #[error("there are more than {KEYS_MAX} lines; allowed: the key that signs, and below it the one before")]
    TooMany,
    /// A line that is no key.
    #[error("line {0} is no key; allowed: 32 bytes as base64url (43 characters, without spaces and =)")]
    Line(usize),
    /// The same key again.
    #[error("both lines hold the same key; allowed: the key that signs, and below it the one before")]
    Twice,
}

/// One key, with what tells its signatures from those of others.
struct Key {
    id: u8,
    key: hmac::Key,
}

impl Key {
    fn new(raw: &RawKey) -> Self {
        let id = digest(&SHA256, &[&b"backplane token key id:"[..], &**raw].concat());
        let id = id.as_ref().first().copied().unwrap_or_default();
        Self { id, key: hmac::Key::new(hmac::HMAC_SHA256, &**raw) }
    }

    /// Over what for, and parts. Each is preceded by its length, so that no two lists of parts are signed alike.
    fn sign(&self, what: &str, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in std::iter::once(what.as_bytes()).chain(parts.iter().copied()) {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        context.sign()
    }
}

/// The keys: the first signs, all of them verify. Without end: who has one makes any token of a page.
pub struct KeyRing {
    first: Key,
    before: Option<Key>,
}

impl KeyRing {
    /// Of this key alone.
    #[must_use]
    pub fn of(raw: &RawKey) -> Self {
        Self { first: Key::new(raw), before: None }
    }

    /// What a file holds: one key in a line, as base64url; the first signs.
    ///
    /// # Errors
    ///
    /// [`KeysError`].
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let [first, before] = parse(text)?;
        Ok(Self { first: Key::new(&first.ok_or(KeysError::None)?), before: before.as_ref().map(Key::new) })
    }

    /// The content of a file where `new` signs, and what signed in `before` is the one before.
    ///
    /// # Errors
    ///
    /// [`KeysError`]: in what was there.
    pub fn rotated(new: &RawKey, before: Option<&str>) -> Result<Zeroizing<String>, KeysError> {
        let before = match before {
            Some(text) => Some(parse(text)?[0].take().ok_or(KeysError::None)?),
            None => None,
        };
        let mut text = Zeroizing::new(String::with_capacity(2 * (KEY_LENGTH * 2)));
        for key in [Some(new), before.as_ref()].into_iter().flatten() {
            BASE64_URL_SAFE_NO_PAD.encode_string(**key, &mut text);
            text.push('\n');
        }
        Ok(text)
    }

    /// What tells the signatures of the key that signs.
    pub(super) const fn id(&self) -> u8 {
        self.first.id
    }

    /// A signature by the key that signs.
    pub(super) fn sign(&self, what: &str, parts: &[&[u8]]) -> hmac::Tag {
        self.first.sign(what, parts)
    }

    /// Whether this is the beginning of the signature of a key with this id, in a time that tells nothing of it.
    pub(super) fn verify(&self, id: u8, what: &str, parts: &[&[u8]], mac: &[u8]) -> bool {
        let keys = std::iter::once(&self.first).chain(&self.before).filter(|key| key.id == id);
        keys.fold(false, |is_good, key| {
            let own = key.sign(what, parts);
            let own = own.as_ref().get(..mac.len()).unwrap_or_default();
            is_good | (!mac.is_empty() & bool::from(own.ct_eq(mac)))
        })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} keys)", 1 + usize::from(self.before.is_some()))
    }
}

fn parse(text: &str) -> Result<[Option<RawKey>; KEYS_MAX], KeysError> {
    let mut keys = [None, None];
    let mut lines = text.lines();
    for (number, (key, line)) in (1..).zip(keys.iter_mut().zip(&mut lines)) {
        let mut raw = RawKey::default();
        let length = BASE64_URL_SAFE_NO_PAD.decode_slice(line, &mut *raw);
        if length != Ok(KEY_LENGTH) {
            return Err(KeysError::Line(number));
        }
        *key = Some(raw);
    }
    if lines.next().is_some() {
        return Err(KeysError::TooMany);
    }
    if let [Some(first), Some(second)] = &keys
        && bool::from(first.ct_eq(&**second))
    {
        return Err(KeysError::Twice);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(byte: u8) -> RawKey {
        RawKey::new([byte; KEY_LENGTH])
    }

    fn verify(ring: &KeyRing, by: &KeyRing) -> bool {
        ring.verify(by.id(), "x", &[b"a", b"b"], by.sign("x", &[b"a", b"b"]).as_ref())
    }

    #[test]
    fn what_the_key_before_signed_is_good_until_the_next_rotation() {
        let old = KeyRing::of(&raw(1));
        let content = KeyRing::rotated(&raw(1), None).unwrap();
        assert!(verify(&KeyRing::parse(&content).unwrap(), &old));
        let content = KeyRing::rotated(&raw(2), Some(&content)).unwrap();
        let ring = KeyRing::parse(&content).unwrap();
        assert!(verify(&ring, &old) && verify(&ring, &KeyRing::of(&raw(2))));
        assert!(!verify(&old, &ring), "the new one signs");
        let content = KeyRing::rotated(&raw(3), Some(&content)).unwrap();
        assert!(!verify(&KeyRing::parse(&content).unwrap(), &old));
        assert_eq!(content.lines().count(), KEYS_MAX);
    }

    #[test]
    fn signatures_are_for_one_purpose_and_for_parts_as_they_are() {
        let ring = KeyRing::of(&raw(1));
        let mac = ring.sign("x", &[b"a", b"b"]);
        let verify = |what, parts: &[&[u8]], mac: &[u8]| ring.verify(ring.id(), what, parts, mac);
        assert!(verify("x", &[b"a", b"b"], mac.as_ref()));
        assert!(verify("x", &[b"a", b"b"], &mac.as_ref()[..16]));
        assert!(!verify("y", &[b"a", b"b"], mac.as_ref()));
        assert!(!verify("x", &[b"ab", b""], mac.as_ref()));
        assert!(!verify("x", &[b"a", b"b"], b"") && !verify("x", &[b"a", b"b"], &[0; 33]));
        assert!(!ring.verify(ring.id() ^ 1, "x", &[b"a", b"b"], mac.as_ref()));
    }

    #[test]
    fn contents_that_are_none_are_named_by_line_and_not_repeated() {
        let one = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
        let two = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";
        let parsed = |lines: &[&str]| KeyRing::parse(&lines.join("\n")).map(|ring| format!("{ring:?}"));
        assert_eq!(parsed(&[one]), Ok("KeyRing(1 keys)".to_owned()));
        assert_eq!(parsed(&[one, two, ""]), Ok("KeyRing(2 keys)".to_owned()));
        assert_eq!(parsed(&[]), Err(KeysError::None));
        assert_eq!(parsed(&[one, one]), Err(KeysError::Twice));
        assert_eq!(parsed(&[one, two, one]), Err(KeysError::TooMany));
        assert_eq!(parsed(&[one, two, "", one]), Err(KeysError::TooMany));
        for bad in ["", "secret", &one[1..], &format!("{one}="), &format!("{one}A"), &format!(" {one}")] {
            assert_eq!(parsed(&[bad, two]), Err(KeysError::Line(1)), "{bad}");
            assert_eq!(parsed(&[one, bad, ""]), Err(KeysError::Line(2)), "{bad}");
        }
    }
}
