//! What is written is read, and what is not as it was written is noticed.

use super::*;

/// A segment of three groups of two frames; each group was durable before the next.
fn segment() -> (Vec<u8>, Vec<usize>) {
    let header = Header::new(3, MessageId::from_u64(9));
    let (mut bytes, mut ends) = (header.encode().to_vec(), Vec::new());
    for n in 0..3u8 {
        let mut group = Vec::new();
        for text in [[n; 30], [n + 10; 30]] {
            push_frame(&mut group, |into| {
                into.extend_from_slice(&text);
                Ok(())
            })
            .unwrap();
        }
        let at = u64::try_from(bytes.len()).unwrap();
        place(&mut group, 3, at, if n == 0 { 0 } else { at }).unwrap();
        bytes.extend_from_slice(&group);
        ends.push(bytes.len());
    }
    bytes.resize(bytes.len() + 600, 0);
    (bytes, ends)
}

fn read(bytes: &[u8]) -> (usize, End) {
    let (mut frames, mut at) = (0, HEADER);
    while let Some(frame) = frame_at(bytes, 3, at) {
        frames += 1;
        at = frame.end;
    }
    (frames, judge(bytes, 3, at))
}

#[test]
fn what_is_written_is_read() {
    let (bytes, ends) = segment();
    assert_eq!(Header::decode(&bytes), Ok(Header::new(3, MessageId::from_u64(9))));
    assert_eq!(read(&bytes), (6, End::Clean(ends[2])));
    assert!(frame_at(&bytes, 4, HEADER).is_none(), "a frame belongs to its segment");
    let mut moved = bytes.clone();
    moved.insert(HEADER, 0);
    assert!(frame_from(&moved, 3, HEADER).is_none(), "and to its place");
}

#[test]
fn every_flipped_bit_is_noticed() {
    let (bytes, ends) = segment();
    for bit in 0..ends[2] * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if bit / 8 < HEADER {
            assert!(Header::decode(&flipped).is_err(), "bit {bit}");
            continue;
        }
        let (frames, end) = read(&flipped);
        assert!(frames < 6, "bit {bit}");
        // Only the last group may have been torn by a crash.
        let expected_torn = bit / 8 >= ends[1];
        assert_eq!(matches!(end, End::Torn(_)), expected_torn, "bit {bit}: {end:?}");
        assert_eq!(matches!(end, End::Damaged(_)), !expected_torn, "bit {bit}: {end:?}");
    }
}

#[test]
fn a_cut_is_an_end_and_not_damage() {
    let (bytes, ends) = segment();
    for cut in HEADER..ends[2] {
        let (_, end) = read(&bytes[..cut]);
        assert!(!matches!(end, End::Damaged(_)), "cut at {cut}: {end:?}");
    }
}

#[test]
fn another_version_is_told_from_no_header() {
    let mut header = Header::new(1, MessageId::ZERO).encode();
    for other in [1, 4] {
        header[8] = other;
        assert_eq!(Header::decode(&header), Err(NoHeader::Version(u32::from(other))));
    }
    assert_eq!(Header::decode(&[0; HEADER]), Err(NoHeader::Missing));
}

#[test]
fn names_are_numbers() {
    assert_eq!(name(17), "0000000000000017.log");
    assert_eq!(number(&name(17)), Some(17));
    for other in ["lock", "17.log", "+000000000000017.log", "0000000000000017.log~"] {
        assert_eq!(number(other), None, "{other}");
    }
}

#[test]
fn what_is_no_group_is_not_placed() {
    let mut group = Vec::new();
    push_frame(&mut group, |into| {
        into.extend_from_slice(b"text");
        Ok(())
    })
    .unwrap();
    let whole = group.clone();
    assert_eq!(push_frame(&mut group, |_| Err(TooLong)), Err(TooLong));
    assert_eq!(group, whole, "what failed leaves nothing");
    for cut in 1..whole.len() {
        assert_eq!(place(&mut whole[..cut].to_vec(), 1, 64, 0), Err(Broken), "cut at {cut}");
    }
    let mut longer = [whole.clone(), vec![0]].concat();
    assert_eq!(place(&mut longer, 1, 64, 0), Err(Broken));
    assert_eq!(place(&mut whole.clone(), 1, u64::MAX, 0), Err(Broken), "no file is so long");
    assert_eq!(place(&mut group, 1, 64, 0), Ok(()));
    assert_eq!(place(&mut group, 1, 64, 0), Err(Broken), "it has a place");
}
