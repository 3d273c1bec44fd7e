use proptest::prelude::*;

use super::*;

/// The same rule, read byte by byte, of text that begins in the middle of a line.
fn naive_head(bytes: &[u8]) -> usize {
    let ends = |end: &usize| bytes[..*end].ends_with(b"\n\n") || bytes[..*end].ends_with(b"\n\r\n");
    (1..=bytes.len()).find(ends).unwrap_or(bytes.len())
}

/// Text in which heads end often.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![b'\n', b'\n', b'\r', b'a', b'b']), 0..6_000)
}

/// Everything that comes goes on, in order, however it is cut; returns the pieces of each turn.
fn hand_on(intake: &mut Intake, mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut turns = Vec::new();
    while !bytes.is_empty() || !intake.held().is_empty() {
        intake.turn();
        let mut turn = Vec::new();
        while intake.most() > 0 && (!bytes.is_empty() || !intake.held().is_empty()) {
            let from_held = !intake.held().is_empty();
            let source = if from_held { intake.held().to_vec() } else { bytes.to_vec() };
            let offered = &source[..source.len().min(intake.most())];
            let (on, back) = offered.split_at(intake.cut(offered));
            assert!(!on.is_empty(), "a piece goes on");
            turn.extend_from_slice(on);
            intake.handed(on);
            if from_held {
                intake.release(on.len());
            } else {
                intake.hold(back);
                bytes = &bytes[offered.len()..];
            }
        }
        turns.push(turn);
    }
    turns
}

#[test]
fn heads_of_a_pipeline_come_one_at_a_time() {
    let one = b"GET / HTTP/1.1\r\n\r\n";
    let turns = hand_on(&mut Intake::default(), &one.repeat(100));
    assert_eq!(turns, vec![one.to_vec(); 100]);
}

#[test]
fn a_body_whose_length_is_known_comes_in_large_pieces_and_no_further() {
    let mut intake = Intake::default();
    let head = b"POST / HTTP/1.1\r\ncontent-length: 100000\r\n\r\n";
    assert_eq!(hand_on(&mut intake, head).len(), 1);
    intake.opened(Some(100_000));
    // Blank lines in a body mean nothing.
    let mut rest = b"\n".repeat(100_000);
    rest.extend_from_slice(&b"GET / HTTP/1.1\r\n\r\n".repeat(50));
    let turns = hand_on(&mut intake, &rest);
    let sizes: Vec<_> = turns.iter().map(Vec::len).take(5).collect();
    assert_eq!(sizes, [32_768, 32_768, 32_768, 1_696, 18]);
}

#[test]
fn a_body_of_unknown_length_is_not_dear() {
    let mut intake = Intake::default();
    intake.opened(None);
    let turns = hand_on(&mut intake, &b"\n".repeat(100_000));
    assert!(turns.len() <= 100_000usize.div_ceil(UNKNOWN), "{}", turns.len());
}

#[test]
fn what_lies_behind_a_request_is_known() {
    for (behind, body, begun) in
        [("", Some(0), false), ("G", Some(0), true), ("[]", Some(3), false), ("0\r\n\r\n", None, false)]
    {
        let mut intake = Intake::default();
        hand_on(&mut intake, b"GET / HTTP/1.1\r\n\r\n");
        intake.opened(body);
        intake.hold(behind.as_bytes());
        assert_eq!(intake.closed(), begun, "{behind:?}");
    }
}

#[test]
fn a_head_without_an_end_is_counted() {
    let mut intake = Intake::default();
    hand_on(&mut intake, &b"a".repeat(10_000));
    assert_eq!(intake.head(), 10_000);
    intake.opened(Some(0));
    assert_eq!(intake.head(), 0);
}

proptest! {
    /// However the bytes were portioned before.
    #[test]
    fn a_piece_ends_where_the_first_head_does(bytes in lines(), at in any::<prop::sample::Index>()) {
        let bytes = &bytes[..bytes.len().min(PIECE)];
        let end = naive_head(bytes);
        prop_assert_eq!(Intake { left: 1, ..Intake::default() }.cut(bytes), end);
        let (first, second) = bytes.split_at(at.index(bytes.len() + 1));
        if first.len() < end {
            let mut intake = Intake { left: 1, ..Intake::default() };
            intake.handed(first);
            intake.turn();
            prop_assert_eq!(intake.cut(second), end - first.len());
        }
    }

    /// Nothing is lost, doubled or reordered, no turn hands on more than its part, and no more is held than a piece.
    #[test]
    fn all_bytes_go_on_in_order(bytes in lines(), body in prop::option::of(0u64..50_000)) {
        let mut intake = Intake::default();
        intake.opened(body);
        let turns = hand_on(&mut intake, &bytes);
        prop_assert_eq!(turns.concat(), bytes);
        for turn in turns {
            prop_assert!(turn.len() <= 32 * 1024);
        }
        prop_assert_eq!(intake.held().len(), 0);
        prop_assert_eq!(intake.room(), PIECE);
    }
}
