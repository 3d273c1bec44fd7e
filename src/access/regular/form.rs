//! A page's token as bytes, without its signature.

use backplane_actors::{BUS_NAME_MAX, CHANNEL_NAME_MAX, Timestamp};

use super::{FILTERS_MAX, Page};
use crate::access::Tenancy;
use crate::access::scope::Scope;

/// Most bytes: key, tenancy, two times, the bus and the channel with a byte for their lengths, filters.
pub(super) const LENGTH_MAX: usize = 1 + 3 * 8 + (1 + BUS_NAME_MAX) + (1 + CHANNEL_NAME_MAX) + FILTERS_MAX;

pub(super) fn encode(key: u8, page: &Page) -> Vec<u8> {
    let filters = page.filters.to_string();
    let (bus, channel) = (page.bus.as_str(), page.channel.as_str());
    let length = 1 + 3 * 8 + 2 + bus.len() + channel.len() + filters.len();
    let mut bytes = Vec::with_capacity(length + super::MAC_LENGTH);
    bytes.push(key);
    for number in [page.tenancy.0, page.issued.as_millis(), page.expires.as_millis()] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    for name in [bus, channel] {
        // Names have at most 255 bytes.
        bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(name.as_bytes());
    }
    bytes.extend_from_slice(filters.as_bytes());
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Option<Page> {
    let (_, rest) = bytes.split_first()?;
    let (tenancy, rest) = number(rest)?;
    let (issued, rest) = number(rest)?;
    let (expires, rest) = number(rest)?;
    let (bus, rest) = name(rest)?;
    let (channel, rest) = name(rest)?;
    Some(Page {
        bus: bus.parse().ok()?,
        tenancy: Tenancy(tenancy),
        channel: channel.parse().ok()?,
        filters: Scope::parse(std::str::from_utf8(rest).ok()?).ok()?,
        issued: Timestamp::from_millis(issued),
        expires: Timestamp::from_millis(expires),
    })
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), rest))
}

fn name(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(name).ok()?, rest))
}
