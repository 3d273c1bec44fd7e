use proptest::prelude::*;

use super::*;

/// The same rule, read byte by byte.
fn naive_piece(bytes: &[u8]) -> usize {
    let text = &bytes[..bytes.len().min(PIECE)];
    let mut heads = 0;
    for end in 1..=text.len() {
        if text[..end].ends_with(b"\n\n") || text[..end].ends_with(b"\n\r\n") {
            heads += 1;
            if heads == HEADS {
                return end;
            }
        }
    }
    text.len()
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
fn a_request_with_its_body_is_one_piece() {
    let text = b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\n[1]";
    assert_eq!(piece(text), text.len());
}

#[test]
fn heads_of_a_pipeline_come_a_few_at_a_time() {
    let one = b"GET / HTTP/1.1\r\n\r\n";
    let many = one.repeat(100);
    assert_eq!(piece(&many), HEADS * one.len());
    let turns = hand_on(&mut Intake::default(), &many);
    assert_eq!(turns.len(), 100 / HEADS);
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
    let of_the_body = 100_000usize.div_ceil(32 * 1024);
    let sizes: Vec<_> = turns.iter().map(Vec::len).collect();
    assert!(sizes[..of_the_body - 1].iter().all(|size| *size == 32 * 1024), "{sizes:?}");
    assert!(turns[of_the_body - 1..].iter().all(|turn| turn.len() <= 2 * PIECE), "{sizes:?}");
}

#[test]
fn what_lies_behind_a_request_is_known() {
    for (text, body, beyond) in [
        ("GET / HTTP/1.1\r\n\r\n", Some(0), false),
        ("GET / HTTP/1.1\r\n\r\nG", Some(0), true),
        ("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", Some(0), false),
        ("POST / HTTP/1.1\r\n\r\n[]", Some(2), false),
        ("POST / HTTP/1.1\r\n\r\n[", Some(2), false),
        ("POST / HTTP/1.1\r\n\r\n[]\r", Some(2), true),
        ("POST / HTTP/1.1\r\n\r\n2\r\n[]\r\n", None, false),
    ] {
        let mut intake = Intake::default();
        hand_on(&mut intake, text.as_bytes());
        intake.opened(body);
        assert_eq!(intake.closed(), beyond, "{text:?}");
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
    #[test]
    fn a_piece_ends_where_the_rule_says(bytes in lines()) {
        prop_assert_eq!(piece(&bytes), naive_piece(&bytes));
    }

    /// Nothing is lost, doubled or reordered, no turn hands on more than its part, and no more is held than a piece.
    #[test]
    fn all_bytes_go_on_in_order(bytes in lines(), body in prop::option::of(0u64..5_000)) {
        let mut intake = Intake::default();
        intake.opened(body);
        let turns = hand_on(&mut intake, &bytes);
        prop_assert_eq!(turns.concat(), bytes);
        for turn in turns {
            prop_assert!(turn.len() <= PIECE + 5_000);
        }
        prop_assert_eq!(intake.held().len(), 0);
        prop_assert_eq!(intake.room(), PIECE);
    }
}
