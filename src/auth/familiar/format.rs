//! The file's content: version, key, entries, checksum. Pure: times are milliseconds since 1970, and arguments.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

use super::{Entry, FamiliarAddresses, KEY_LENGTH, Mark, Marks, RawKey};

/// What the file begins with; the last byte is the version.
const HEAD: &[u8; 19] = b"backplane familiar\x01";
/// Bytes of an entry: two marks and when it ends.
const ENTRY: usize = 16 + 16 + 8;
/// Most entries that are kept (I-5).
const ENTRIES_MAX: usize = 65_536;
/// Longest file, in bytes.
pub(super) const FILE_MAX: usize = HEAD.len() + KEY_LENGTH + ENTRIES_MAX * ENTRY + SHA256_OUTPUT_LEN;

/// Why a file of familiar addresses is of no use.
#[derive(Debug, thiserror::Error)]
pub enum FamiliarError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is no such file, or of another version.
    #[error("it is no such file, or of another version")]
    Version,
    /// Its checksum is not that of its content, or it is cut.
    #[error("it is damaged")]
    Damaged,
}

pub(super) fn encode(familiar: &FamiliarAddresses, now: u64) -> Vec<u8> {
    let mut entries: Vec<&Entry> = familiar.entries.iter().collect();
    // Of too many the latest are kept.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.left));
    entries.truncate(ENTRIES_MAX);
    let mut bytes = Vec::with_capacity(HEAD.len() + KEY_LENGTH + entries.len() * ENTRY + SHA256_OUTPUT_LEN);
    bytes.extend_from_slice(HEAD);
    bytes.extend_from_slice(&**familiar.marks.raw);
    for Entry { account, pair, left } in entries {
        let end = now.saturating_add(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        bytes.extend_from_slice(account);
        bytes.extend_from_slice(pair);
        bytes.extend_from_slice(&end.to_be_bytes());
    }
    let sum = digest(&SHA256, &bytes);
    bytes.extend_from_slice(sum.as_ref());
    bytes
}

pub(super) fn decode(bytes: &[u8], now: u64) -> Result<FamiliarAddresses, FamiliarError> {
    let rest = bytes.strip_prefix(HEAD).ok_or(FamiliarError::Version)?;
    let (content, sum) = bytes.split_last_chunk::<SHA256_OUTPUT_LEN>().ok_or(FamiliarError::Damaged)?;
    if digest(&SHA256, content).as_ref() != sum {
        return Err(FamiliarError::Damaged);
    }
    let (key, rest) = rest.split_first_chunk::<KEY_LENGTH>().ok_or(FamiliarError::Damaged)?;
    let (entries, _) = rest.split_last_chunk::<SHA256_OUTPUT_LEN>().ok_or(FamiliarError::Damaged)?;
    let entries = entries.chunks(ENTRY).map(|entry| decode_entry(entry, now).ok_or(FamiliarError::Damaged));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    let entries = entries.into_iter().filter(|entry| !entry.left.is_zero()).collect();
    Ok(FamiliarAddresses { marks: Marks::of(RawKey::new(*key)), entries })
}

fn decode_entry(bytes: &[u8], now: u64) -> Option<Entry> {
    let (account, rest) = bytes.split_first_chunk::<{ size_of::<Mark>() }>()?;
    let (pair, rest) = rest.split_first_chunk::<{ size_of::<Mark>() }>()?;
    let end = u64::from_be_bytes(rest.try_into().ok()?);
    Some(Entry { account: *account, pair: *pair, left: Duration::from_millis(end.saturating_sub(now)) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(entries: Vec<Entry>) -> FamiliarAddresses {
        FamiliarAddresses { marks: Marks::of(RawKey::new([7; KEY_LENGTH])), entries }
    }

    fn entry(number: u8, seconds: u64) -> Entry {
        Entry { account: [number; 16], pair: [number + 1; 16], left: Duration::from_secs(seconds) }
    }

    #[test]
    fn what_is_kept_comes_back_with_the_time_that_is_left() {
        let written = encode(&with(vec![entry(1, 100), entry(3, 50)]), 1_000_000);
        let read = decode(&written, 1_060_000).unwrap();
        assert_eq!(read.entries, [entry(1, 40)], "the other is over");
        let user = "alice".parse().unwrap();
        assert_eq!(read.marks.account(&user), with(Vec::new()).marks.account(&user));
        // The wall clock was set back: nothing is lost, and the reader bounds what is left.
        assert_eq!(decode(&written, 0).unwrap().entries.len(), 2);
    }

    #[test]
    fn i_5_too_many_are_not_kept() {
        let written = encode(&with(vec![entry(1, 1); ENTRIES_MAX + 5]), 0);
        assert_eq!(written.len(), FILE_MAX);
    }

    #[test]
    fn other_versions_are_told_from_damage() {
        let mut newer = encode(&with(Vec::new()), 0);
        newer[HEAD.len() - 1] = 2;
        assert!(matches!(decode(&newer, 0), Err(FamiliarError::Version)));
        assert!(matches!(decode(b"", 0), Err(FamiliarError::Version)));
        assert!(matches!(decode(HEAD, 0), Err(FamiliarError::Damaged)));
    }

    proptest! {
        #[test]
        fn any_change_is_noticed(at in 0usize..200, bit in 0u8..8, count in 0u8..3) {
            let mut written = encode(&with((0..count).map(|number| entry(number, 9)).collect()), 0);
            let at = at % written.len();
            written[at] ^= 1 << bit;
            prop_assert!(decode(&written, 0).is_err());
        }

        #[test]
        fn any_cut_is_noticed(length in 0usize..163) {
            let written = encode(&with(vec![entry(1, 9), entry(2, 9)]), 0);
            prop_assert!(decode(&written[..length.min(written.len() - 1)], 0).is_err());
        }
    }
}
