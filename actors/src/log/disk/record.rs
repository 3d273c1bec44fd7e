//! Pure: one POST as bytes, and back.

use crate::log::{Record, Recovered};
use crate::{Fingerprint, IdempotencyKey, Message, MessageId, Timestamp};

/// What a frame holds.
#[derive(Debug)]
pub(crate) enum Content {
    /// A POST.
    Post(Recovered),
    /// Ids up to this one may have been given out, and all before this place is durable.
    Mark(MessageId),
    /// Messages up to this one may be missing among the records: the log was salvaged from a damaged one.
    Lost(MessageId),
    /// Ids up to this one may have been given out before their records were durable.
    Reserved(MessageId),
}

/// The bytes are none that [`encode`] or its like wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A part is longer than the format can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

const POST: u8 = 1;
const MARK: u8 = 2;
const LOST: u8 = 3;
const RESERVED: u8 = 4;

/// Appends a POST to `into`; what it appended before it failed is to be cut off again.
pub(crate) fn encode(record: &Record, into: &mut Vec<u8>) -> Result<(), TooLong> {
    let first = record.entries.first().map_or(MessageId::ZERO, |entry| entry.id());
    let until = record.entries.last().map_or(Timestamp::EPOCH, |entry| entry.until());
    into.push(POST);
    for number in
        [first.as_u64(), record.accepted.as_millis(), until.as_millis(), record.kept_until.as_millis()]
    {
        into.extend_from_slice(&number.to_le_bytes());
    }
    short(record.bus.as_str(), into)?;
    short(record.channel.as_str(), into)?;
    match &record.key {
        None => into.push(0),
        Some(key) => {
            short(key.as_str(), into)?;
            into.extend_from_slice(&key.body().0);
        }
    }
    into.extend_from_slice(&length(record.entries.len())?);
    for entry in &record.entries {
        let text = entry.message().as_bytes();
        into.extend_from_slice(&length(text.len())?);
        into.extend_from_slice(text);
    }
    Ok(())
}

/// A [`Content::Mark`] as bytes.
pub(crate) fn mark(highest: MessageId) -> Vec<u8> {
    id(MARK, highest)
}

/// A [`Content::Lost`] as bytes.
pub(crate) fn lost(up_to: MessageId) -> Vec<u8> {
    id(LOST, up_to)
}

/// A [`Content::Reserved`] as bytes.
pub(crate) fn reserved(up_to: MessageId) -> Vec<u8> {
    id(RESERVED, up_to)
}

fn id(kind: u8, id: MessageId) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&id.as_u64().to_le_bytes());
    bytes
}

fn short(text: &str, into: &mut Vec<u8>) -> Result<(), TooLong> {
    into.push(u8::try_from(text.len()).map_err(|_| TooLong)?);
    into.extend_from_slice(text.as_bytes());
    Ok(())
}

fn length(length: usize) -> Result<[u8; 4], TooLong> {
    Ok(u32::try_from(length).map_err(|_| TooLong)?.to_le_bytes())
}

/// Reads what a frame holds; all its bytes are to be used up.
pub(crate) fn decode(bytes: &[u8]) -> Result<Content, Malformed> {
    let mut rest = Reader(bytes);
    let content = match rest.u8()? {
        POST => Content::Post(rest.post()?),
        MARK => Content::Mark(MessageId::from_u64(rest.u64()?)),
        LOST => Content::Lost(MessageId::from_u64(rest.u64()?)),
        RESERVED => Content::Reserved(MessageId::from_u64(rest.u64()?)),
        _ => return Err(Malformed),
    };
    if rest.0.is_empty() { Ok(content) } else { Err(Malformed) }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn post(&mut self) -> Result<Recovered, Malformed> {
        let first = MessageId::from_u64(self.u64()?);
        let [accepted, until, kept_until] = [self.time()?, self.time()?, self.time()?];
        let bus = self.short()?.parse().map_err(|_| Malformed)?;
        let channel = self.short()?.parse().map_err(|_| Malformed)?;
        let key = match self.short()? {
            "" => None,
            text => {
                let body = Fingerprint(self.array()?);
                Some(IdempotencyKey::new(text, body).map_err(|_| Malformed)?)
            }
        };
        let count = self.u32()?;
        // The count is only believed as far as there are bytes: each message takes 4 at least.
        let most = self.0.len() / 4;
        let mut messages = Vec::with_capacity(usize::try_from(count).unwrap_or(most).min(most));
        for _ in 0..count {
            let length = self.length()?;
            messages.push(Message::recovered(self.text(length)?));
        }
        if messages.is_empty() || first.as_u64().checked_add(u64::from(count)).is_none() {
            return Err(Malformed);
        }
        Ok(Recovered { bus, channel, first, messages, accepted, until, key, kept_until })
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Result<Timestamp, Malformed> {
        self.u64().map(Timestamp::from_millis)
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.u32()?).map_err(|_| Malformed)
    }

    fn text(&mut self, length: usize) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.take(length)?).map_err(|_| Malformed)
    }

    fn short(&mut self) -> Result<&'a str, Malformed> {
        let length = usize::from(self.u8()?);
        self.text(length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sim::again;
    use super::*;
    fn recovered() -> impl Strategy<Value = Recovered> {
        let texts = prop::collection::vec("\\PC{0,40}", 1..5);
        let key = prop::option::of(("[!-~]{1,255}", any::<[u8; 32]>()));
        let times = [0..1u64 << 44, 0..1u64 << 44, 0..1u64 << 44];
        ("[a-z]{1,255}", "[A-Za-z0-9_-]{4,128}", 0..u64::MAX / 2, texts, times, key).prop_map(
            |(bus, channel, first, texts, times, key)| {
                let [accepted, until, kept_until] = times.map(Timestamp::from_millis);
                Recovered {
                    bus: bus.parse().unwrap(),
                    channel: channel.parse().unwrap(),
                    first: MessageId::from_u64(first),
                    messages: texts.iter().map(|text| Message::recovered(text)).collect(),
                    accepted,
                    until,
                    key: key.map(|(text, body)| IdempotencyKey::new(&text, Fingerprint(body)).unwrap()),
                    kept_until,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_was(recovered in recovered()) {
            let shown = format!("{recovered:?} {:?}", recovered.messages);
            let mut bytes = Vec::new();
            encode(&again(recovered), &mut bytes).unwrap();
            let Ok(Content::Post(back)) = decode(&bytes) else { panic!("not a POST") };
            prop_assert_eq!(format!("{back:?} {:?}", back.messages), shown);
            let mut once_more = Vec::new();
            encode(&again(back), &mut once_more).unwrap();
            prop_assert_eq!(once_more, bytes);
        }

        #[test]
        fn other_bytes_are_refused_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..40, recovered in recovered()) {
            _ = decode(&bytes);
            let mut bytes = Vec::new();
            encode(&again(recovered), &mut bytes).unwrap();
            bytes.truncate(bytes.len().saturating_sub(cut + 1));
            prop_assert!(decode(&bytes).is_err());
        }
    }
}
