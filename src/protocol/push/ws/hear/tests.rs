//! Of frames as clients send them, and as they must not.

use proptest::prelude::*;

use super::*;

const MOST: usize = 200;

/// A frame of a client.
fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mask = [7, 1, 255, 0];
    let mut frame = vec![first];
    match body.len() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            frame.push(0xfe);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(body.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// All that is heard when this comes in pieces of so many bytes.
fn heard(bytes: &[u8], piece: usize) -> (Vec<Heard>, Option<Violation>) {
    let mut hearing = Hearing::new(MOST);
    let mut said = Vec::new();
    for piece in bytes.chunks(piece) {
        hearing.more(Bytes::copy_from_slice(piece));
        loop {
            match hearing.next() {
                Ok(Some(heard)) => said.push(heard),
                Ok(None) => break,
                Err(violation) => return (said, Some(violation)),
            }
        }
        assert!(hearing.held() <= 2 * MOST + 20, "no more is kept than a text and a frame");
    }
    (said, None)
}

fn text(text: &str) -> Heard {
    Heard::Text(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn push_ws_1_a_text_may_come_in_parts_with_others_between() {
    let long = "é".repeat(MOST / 2);
    let bytes = [
        frame(0x81, b"a"),
        frame(0x01, b"b"),
        frame(0x89, b"ping"),
        frame(0x00, b""),
        frame(0x8a, b""),
        frame(0x80, b"c"),
        frame(0x81, long.as_bytes()),
        frame(0x88, b"\x03\xe8bye"),
    ]
    .concat();
    for piece in [1, 2, 3, 7, bytes.len()] {
        let (said, violation) = heard(&bytes, piece);
        let ping = Heard::Ping(Bytes::from_static(b"ping"));
        let expected = [text("a"), ping, Heard::Pong, text("bc"), text(&long), Heard::Close(Some(1000))];
        assert_eq!((said.as_slice(), violation), (&expected[..], None), "in pieces of {piece}");
    }
    assert_eq!(heard(&frame(0x88, b""), 1), (vec![Heard::Close(None)], None));
}

#[test]
fn push_ws_2_what_breaks_the_rules_is_told_apart() {
    let unmasked = b"\x81\x01a".to_vec();
    let large = |first: u8, length: &[u8]| [&[first][..], length, &[0; 4]].concat();
    let huge = [&[0xff][..], &u64::MAX.to_be_bytes()].concat();
    let cases = [
        (unmasked, Violation::Protocol),
        (frame(0xc1, b"a"), Violation::Protocol),
        (frame(0xa1, b"a"), Violation::Protocol),
        (frame(0x91, b"a"), Violation::Protocol),
        (frame(0x83, b""), Violation::Protocol),
        (frame(0x8b, b""), Violation::Protocol),
        (frame(0x80, b"a"), Violation::Protocol),
        (frame(0x00, b"a"), Violation::Protocol),
        ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), Violation::Protocol),
        ([frame(0x01, b"a"), frame(0x82, b"b")].concat(), Violation::Protocol),
        (frame(0x09, b"a"), Violation::Protocol),
        (frame(0x08, b""), Violation::Protocol),
        (frame(0x89, &[b'a'; 126]), Violation::Protocol),
        (large(0x89, &huge), Violation::Protocol),
        (frame(0x88, b"\x03"), Violation::Protocol),
        (frame(0x88, b"\x03\xec"), Violation::Protocol),
        (frame(0x88, b"\x00\x00"), Violation::Protocol),
        (frame(0x88, b"\xff\xff"), Violation::Protocol),
        (frame(0x88, b"\x03\xe8\xff"), Violation::Characters),
        (frame(0x82, b"a"), Violation::Binary),
        (frame(0x02, b"a"), Violation::Binary),
        (frame(0x81, b"\xc3\x28"), Violation::Characters),
        (frame(0x81, b"\xed\xa0\x80"), Violation::Characters),
        ([frame(0x01, b"\xc3"), frame(0x80, b"(")].concat(), Violation::Characters),
        (frame(0x81, &[b'a'; MOST + 1]), Violation::TooLarge),
        (large(0x81, &huge), Violation::TooLarge),
        ([frame(0x01, &[b'a'; MOST]), frame(0x80, b"b")].concat(), Violation::TooLarge),
    ];
    for (bytes, expected) in cases {
        for piece in [1, bytes.len()] {
            assert_eq!(heard(&bytes, piece), (vec![], Some(expected)), "{bytes:x?} in pieces of {piece}");
        }
    }
}

#[test]
fn push_ws_2_what_is_too_large_is_refused_before_it_comes() {
    let whole = frame(0x81, &[b'a'; MOST + 1]);
    let mut hearing = Hearing::new(MOST);
    hearing.more(Bytes::copy_from_slice(&whole[..8]));
    assert_eq!(hearing.next(), Err(Violation::TooLarge));
}

proptest! {
    /// Whatever comes, in whatever pieces, is heard in the same way, and nothing panics.
    #[test]
    fn push_ws_3_pieces_change_nothing(
        noise in prop::collection::vec(any::<u8>(), 0..300),
        texts in prop::collection::vec("\\PC{0,60}", 0..6),
        piece in 1_usize..40,
    ) {
        let frames: Vec<u8> = texts.iter().flat_map(|text| frame(0x81, text.as_bytes())).collect();
        let (said, violation) = heard(&frames, piece);
        prop_assert_eq!(said, texts.iter().map(|said| text(said)).collect::<Vec<_>>());
        prop_assert_eq!(violation, None);
        let noisy = [frames, noise].concat();
        prop_assert_eq!(heard(&noisy, piece), heard(&noisy, noisy.len().max(1)));
    }
}
