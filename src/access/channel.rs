//! Names of channels that prove to which bus they were bound (V2-ANON-1, V2-POST-2): nothing is kept of them.

use backplane_actors::{BusName, ChannelName, NameError, Timestamp};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::client::Tenancy;
use super::keys::KeyRing;

/// Characters of a name.
pub const ALLOCATED_LENGTH: usize = 44;
/// Random bytes of a name.
pub const CHANNEL_NONCE: usize = 12;
/// Bytes of its signature: nobody guesses 128 bits.
const MAC: usize = 16;
const RAW: usize = 1 + 4 + CHANNEL_NONCE + MAC;
/// What the signature is for.
const WHAT: &str = "backplane channel 1";
const MINUTE: u64 = 60_000;

/// A new channel of this bus, from `nonce`, which a cryptographic generator drew. The name is 44 characters of base64url: which key, the
/// minute of birth, the nonce, and 128 bits of a signature over them, the bus and its tenancy. Whoever holds no key guesses neither
/// a name nor that a name is one.
///
/// # Errors
///
/// Never: the name has the form of one.
pub fn allocate(
    keys: &KeyRing,
    bus: &BusName,
    tenancy: Tenancy,
    now: Timestamp,
    nonce: [u8; CHANNEL_NONCE],
) -> Result<ChannelName, NameError> {
    let minute = u32::try_from(now.as_millis() / MINUTE).unwrap_or(u32::MAX).to_be_bytes();
    let mac = keys.sign(WHAT, &[&minute, &nonce, bus.as_str().as_bytes(), &of(tenancy)]);
    let mut raw = Vec::with_capacity(RAW);
    raw.push(keys.id());
    raw.extend(minute.into_iter().chain(nonce).chain(mac.as_ref().iter().copied().take(MAC)));
    BASE64_URL_SAFE_NO_PAD.encode(raw).parse()
}

/// When this channel was allocated for this bus, to the minute; nothing where it was not.
#[must_use]
pub fn bound_since(
    keys: &KeyRing,
    channel: &ChannelName,
    bus: &BusName,
    tenancy: Tenancy,
) -> Option<Timestamp> {
    let mut raw = [0; RAW];
    if channel.as_str().len() != ALLOCATED_LENGTH
        || BASE64_URL_SAFE_NO_PAD.decode_slice(channel.as_str(), &mut raw) != Ok(RAW)
    {
        return None;
    }
    let (&[id], rest) = raw.split_first_chunk::<1>()?;
    let (minute, rest) = rest.split_first_chunk::<4>()?;
    let (nonce, mac) = rest.split_first_chunk::<CHANNEL_NONCE>()?;
    keys.verify(id, WHAT, &[minute, nonce, bus.as_str().as_bytes(), &of(tenancy)], mac)
        .then(|| Timestamp::from_millis(u64::from(u32::from_be_bytes(*minute)) * MINUTE))
}

/// Whether this channel was allocated for this bus.
#[must_use]
pub fn is_bound(keys: &KeyRing, channel: &ChannelName, bus: &BusName, tenancy: Tenancy) -> bool {
    bound_since(keys, channel, bus, tenancy).is_some()
}

fn of(tenancy: Tenancy) -> [u8; 8] {
    tenancy.0.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::keys::RawKey;
    use super::*;

    const FIRST: Tenancy = Tenancy::CONFIGURED;

    fn keys() -> KeyRing {
        KeyRing::of(&RawKey::new([7; 32]))
    }

    fn allocated(bus: &str) -> ChannelName {
        let now = Timestamp::from_millis(1_700_000_000_123);
        allocate(&keys(), &bus.parse().unwrap(), FIRST, now, [9; CHANNEL_NONCE]).unwrap()
    }

    #[test]
    fn v2_anon_1_a_channel_is_bound_to_one_bus_and_one_tenancy() {
        let (a, b): (BusName, BusName) = ("a".parse().unwrap(), "b".parse().unwrap());
        let channel = allocated("a");
        assert_eq!(channel.as_str().len(), ALLOCATED_LENGTH);
        let since = bound_since(&keys(), &channel, &a, FIRST);
        assert_eq!(since, Some(Timestamp::from_millis(1_699_999_980_000)));
        assert!(!is_bound(&keys(), &channel, &b, FIRST));
        assert!(!is_bound(&keys(), &channel, &a, Tenancy(1)));
        assert!(!is_bound(&KeyRing::of(&RawKey::new([8; 32])), &channel, &a, FIRST));
        for other in
            ["c", "8ec92f459fa70b0da1a40e8fe70a0bc8", &"A".repeat(ALLOCATED_LENGTH), &"A".repeat(128)]
        {
            assert!(!is_bound(&keys(), &other.parse().unwrap(), &a, FIRST), "{other}");
        }
    }

    #[test]
    fn no_bit_of_a_name_may_change() {
        let bus = "a".parse().unwrap();
        let raw = BASE64_URL_SAFE_NO_PAD.decode(allocated("a").as_str()).unwrap();
        for bit in 0..raw.len() * 8 {
            let mut other = raw.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            let other = BASE64_URL_SAFE_NO_PAD.encode(other).parse().unwrap();
            assert!(!is_bound(&keys(), &other, &bus, FIRST), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn no_other_name_is_bound(name in "[A-Za-z0-9_-]{40,48}") {
            prop_assert!(!is_bound(&keys(), &name.parse().unwrap(), &"a".parse().unwrap(), FIRST));
        }
    }
}
