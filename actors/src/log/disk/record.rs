//! Pure: one POST as bytes, and back.

use super::bytes::{Malformed, Reader, TooLong, length, push_length, push_short, push_text, push_u64};
use super::content::Unreadable;
use crate::log::{Incarnation, Item, Items, Keyed, Life, Proposal, Record};
use crate::model::{
    BusName, ChannelName, Fingerprint, IdempotencyKey, Message, MessageId, Moment, Poster, Timestamp, Traits,
};

/// Whether a key follows.
const UNKEYED: u8 = 0;
const KEYED: u8 = 1;
/// Bytes that a message takes at least: its end, its promises, its length.
const MESSAGE_MIN: usize = 8 + 1 + 4;
/// Bytes of all that comes before the messages, but for names and a key: the kind, six numbers, the lengths of three
/// names, whether there is a key, how many messages there are.
const HEAD: usize = 1 + 6 * 8 + (1 + 1 + 4) + 1 + 4;

/// Appends a POST to `into`; what it appended before it failed is to be cut off again.
pub(super) fn encode(record: &Record, into: &mut Vec<u8>) -> Result<(), TooLong> {
    for number in [
        record.first().as_u64(),
        record.at.as_millis(),
        record.accepted.as_millis(),
        record.idle_until.as_millis(),
        record.life.0,
        record.incarnation.0.as_u64(),
    ] {
        push_u64(number, into);
    }
    push_short(record.bus.as_str(), into)?;
    push_short(record.channel.as_str(), into)?;
    push_text(record.poster.as_str().as_bytes(), into)?;
    match &record.keyed {
        None => into.push(UNKEYED),
        Some(Keyed { key, until }) => {
            into.push(KEYED);
            push_short(key.as_str(), into)?;
            into.extend_from_slice(&key.body().0);
            push_u64(until.as_millis(), into);
        }
    }
    push_length(record.items.len(), into)?;
    for item in &record.items {
        push_u64(item.until.as_millis(), into);
        let known = item.message.traits();
        into.push(Traits::new(item.promise, known.sticky(), known.expire()).bits());
        push_text(item.message.as_bytes(), into)?;
    }
    Ok(())
}

/// Bytes that one message takes in a record without a key, in which it is the first one or not.
pub(super) fn part_length(record: &Record, item: &Item, is_first: bool) -> u64 {
    let names = [record.bus.as_str(), record.channel.as_str(), record.poster.as_str()];
    let head = names.iter().map(|name| name.len()).sum::<usize>() + HEAD;
    let message = MESSAGE_MIN + item.message.as_bytes().len();
    length(if is_first { head + message } else { message })
}

/// What a record says of its poster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Who he is.
    Poster,
    /// Only whose its key is, if it has one: so it was before posters had shares.
    KeyOwner,
}

/// Reads what [`encode`] wrote, or the programs before this one.
pub(super) fn decode(bytes: &mut Reader<'_>, names: Names) -> Result<Record, Unreadable> {
    let first = MessageId::from_u64(bytes.u64()?);
    let at = moment(bytes)?;
    let accepted = Timestamp::from_millis(bytes.u64()?);
    let idle_until = moment(bytes)?;
    let life = Life(bytes.u64()?);
    let incarnation = Incarnation(MessageId::from_u64(bytes.u64()?));
    // Names were checked when they came; what is allowed may have changed since.
    let bus = BusName::recovered(bytes.short()?);
    let channel = ChannelName::recovered(bytes.short()?);
    let mut poster = match names {
        Names::Poster => Poster::recovered(bytes.text()?),
        Names::KeyOwner => Poster::nobody(),
    };
    let keyed = match bytes.u8()? {
        UNKEYED => None,
        KEYED => {
            if names == Names::KeyOwner {
                poster = Poster::recovered(bytes.short()?);
            }
            let key = IdempotencyKey::recovered(bytes.short()?, Fingerprint(bytes.array()?));
            Some(Keyed { key, until: moment(bytes)? })
        }
        _ => return Err(Unreadable::Newer("an unknown kind of idempotency key")),
    };
    let items = items(bytes)?;
    let proposal =
        Proposal { bus, incarnation, poster, channel, life, idle_until, items, at, accepted, keyed };
    Record::new(first, proposal).map_err(|_| Unreadable::Malformed)
}

fn items(bytes: &mut Reader<'_>) -> Result<Items, Unreadable> {
    let count = bytes.length()?;
    // The count is only believed as far as there are bytes.
    let mut items = Vec::with_capacity(count.min(bytes.0.len() / MESSAGE_MIN));
    for _ in 0..count {
        let until = moment(bytes)?;
        let traits = Traits::from_bits(bytes.u8()?);
        let traits = traits.ok_or(Unreadable::Newer("an unknown promise about a message"))?;
        let (message, promise) = (Message::recovered(bytes.text()?).with_traits(traits), traits.promise());
        items.push(Item { message, until, promise });
    }
    Items::new(items).ok_or(Unreadable::Malformed)
}

fn moment(bytes: &mut Reader<'_>) -> Result<Moment, Malformed> {
    bytes.u64().map(Moment::from_millis)
}

#[cfg(test)]
pub(crate) mod tests;
