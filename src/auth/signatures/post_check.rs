//! The signatures of one POST under the keys of its bus: each tried where it may hold, all of them within a bound.

use std::cell::Cell;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use backplane_actors::{Envelope, EnvelopeCheck, EnvelopeRefusal, Signature};

use super::{EnvelopePolicy, MagicKey};

/// What all tries of one POST may cost together (I-5). A try under a key of 2048 bits costs 4, of 4096 bits 16, of 8192 bits
/// 64: it takes about 20 µs for each. Hence room for 5 000, 1 250 and 312 tries.
pub const CHECK_COST_MAX: u32 = 20_000;

/// Checks the messages of one POST, one after the other.
#[derive(Debug)]
pub struct PostCheck<'p> {
    policy: &'p EnvelopePolicy,
    pub(super) left: Cell<u32>,
    /// Key and form under which the last signature held. Whoever signs many messages signs all of them alike.
    last: Cell<(usize, usize)>,
}

impl<'p> PostCheck<'p> {
    pub(super) const fn new(policy: &'p EnvelopePolicy) -> Self {
        Self { policy, left: Cell::new(CHECK_COST_MAX), last: Cell::new((0, 0)) }
    }

    /// Whether the signature holds under one of its keys, for one of the forms of what was signed.
    fn holds(&self, signature: &Signature<'_>, digests: &[Digest]) -> Result<bool, EnvelopeRefusal> {
        let (last_key, last_form) = self.last.get();
        let forms = || last_first(last_form, digests);
        for (key_at, key) in self.candidates(signature, last_key).filter(|(_, key)| key.fits(signature)) {
            for (form_at, digest) in forms() {
                self.spend(cost_of(key))?;
                if key.verifies(digest, signature) {
                    self.last.set((key_at, form_at));
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The keys that a signature may be by, with their places. One that names a key is tried under that alone, any other
    /// under all of them, each once: the format of `key_id` is the signer's own affair (draft section 3.1), and a hint
    /// cannot make a signature hold.
    fn candidates(
        &self,
        signature: &Signature<'_>,
        last: usize,
    ) -> impl Iterator<Item = (usize, &'p MagicKey)> {
        let keys = self.policy.keys.as_slice();
        let named = signature.key_id().and_then(|id| keys.iter().position(|key| key.is_named(id)));
        last_first(last, keys).filter(move |(at, _)| named.is_none_or(|named| named == *at))
    }

    fn spend(&self, cost: u32) -> Result<(), EnvelopeRefusal> {
        let left = self.left.get().checked_sub(cost).ok_or(EnvelopeRefusal::TooCostly)?;
        self.left.set(left);
        Ok(())
    }
}

/// All with their places, that of last time first.
fn last_first<T>(last: usize, all: &[T]) -> impl Iterator<Item = (usize, &T)> {
    let others = all.iter().enumerate().filter(move |(at, _)| *at != last);
    all.get(last).map(|one| (last, one)).into_iter().chain(others)
}

/// Verifying takes time by the square of the modulus's length.
fn cost_of(key: &MagicKey) -> u32 {
    let kibibits = u32::try_from(key.bits().div_ceil(1024)).unwrap_or(u32::MAX);
    kibibits.saturating_mul(kibibits)
}

impl EnvelopeCheck for PostCheck<'_> {
    fn envelope(&self, envelope: &Envelope<'_>) -> Result<(), EnvelopeRefusal> {
        if self.policy.keys.is_empty() {
            return Ok(());
        }
        if envelope.alg() != "RSA-SHA256" {
            return Err(EnvelopeRefusal::Algorithm);
        }
        // Hashed once, however many keys and signatures there are.
        let digests: Vec<Digest> =
            envelope.signing_inputs().iter().map(|input| digest(&SHA256, input)).collect();
        for signature in envelope.signatures() {
            if self.holds(signature, &digests)? {
                return Ok(());
            }
        }
        Err(EnvelopeRefusal::Unverified)
    }

    fn bare(&self) -> Result<(), EnvelopeRefusal> {
        if self.policy.required { Err(EnvelopeRefusal::Bare) } else { Ok(()) }
    }
}
