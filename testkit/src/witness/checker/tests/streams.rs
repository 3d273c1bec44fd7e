//! Parts of streams.

use super::*;

/// Ids 10 on C, 11 on D, 12 on C, 13 on C, while a stream is open.
fn four() -> Story {
    three().post(C, 6, &[13])
}

#[test]
fn a_good_stream_passes() {
    four()
        .stream(BUS, 9, 0, &[(0, 10, C, 9), (1, 11, D, 10), (2, 12, C, 11), (3, 13, C, 12)])
        .stream(ON_C, 9, 0, &[(0, 10, C, 8), (2, 12, C, 10), (3, 13, C, 12)])
        // Left in the midst of it, and come again.
        .stream(ON_C, 9, 7, &[(0, 10, C, 9)])
        .stream(ON_C, 10, 7, &[(2, 12, C, 10)])
        .stream_as(ON_C, cursor(12), 7, &[(3, 13, C, 12)], 13, Resume::Complete)
        .post(C, 8, &[14])
        // The window has lost the first, and says so.
        .stream_as(ON_C, cursor(9), 10, &[(2, 12, C, 9), (3, 13, C, 12)], 13, Resume::Gap)
        // It began with what there was, and knew of nothing before.
        .stream_as(ON_C, Position::Start, 10, &[(2, 12, C, 0)], 12, Resume::Complete)
        .good();
}

#[test]
fn a_stream_goes_on_over_what_its_window_loses() {
    let mut story = Story::default();
    for id in 0..20 {
        story = story.post(C, id * (IDLE + 3), &[10 + id]);
    }
    let lines: Vec<_> = (0..20).map(|id| (id, u64::from(10 + id), C, u64::from(9 + id))).collect();
    story.stream(ON_C, 9, 0, &lines).good();
}

#[test]
fn i_10_what_a_stream_leaves_out_is_found() {
    // In the midst of it, at its beginning, and before a position that it told without a message.
    four().stream(BUS, 9, 0, &[(0, 10, C, 9), (2, 12, C, 10)]).bad(Kind::Silent);
    four().stream(ON_C, 10, 7, &[(3, 13, C, 10)]).bad(Kind::Silent);
    four().stream_as(ON_C, cursor(9), 0, &[(0, 10, C, 9)], 14, Resume::Complete).bad(Kind::Silent);
    four().stream_as(ON_C, cursor(9), 0, &[], 14, Resume::Complete).bad(Kind::Silent);
    // What it told of a gap at its beginning is no excuse for one later.
    four().stream_as(ON_C, cursor(9), 0, &[(0, 10, C, 9), (3, 13, C, 10)], 13, Resume::Gap).bad(Kind::Views);
}

#[test]
fn ret_10_what_a_new_stream_has_to_begin_with_is_found() {
    let missing = |resume| three().stream_as(ON_C, Position::Start, 6, &[(2, 12, C, 0)], 12, resume);
    missing(Resume::Complete).bad(Kind::Missing);
    let gap = three().stream_as(ON_C, cursor(9), 6, &[(2, 12, C, 9)], 12, Resume::Gap);
    gap.bad(Kind::Missing);
    // It was left before it came to that.
    three().stream_as(ON_C, Position::Start, 6, &[], 9, Resume::Complete).good();
}

#[test]
fn ret_3_disorder_and_repetition_in_streams_are_found() {
    four().stream(BUS, 9, 0, &[(1, 11, D, 9), (0, 10, C, 11)]).bad(Kind::Order);
    four().stream(BUS, 9, 0, &[(0, 10, C, 9), (0, 10, C, 10)]).bad(Kind::Order);
    four().stream(BUS, 10, 6, &[(0, 10, C, 9), (1, 11, D, 10)]).bad(Kind::Order);
    four().stream(ON_C, 9, 0, &[(0, 10, C, 9), (2, 13, C, 10)]).bad(Kind::Twice);
}

#[test]
fn i_10_gaps_that_streams_invent_or_hide_are_found() {
    let all = [(1, 11, D, 10), (2, 12, C, 11)];
    three().stream_as(BUS, cursor(10), 6, &all, 12, Resume::Gap).bad(Kind::FalseAlarm);
    three().stream_as(ON_C, cursor(10), 6, &[(2, 12, C, 10)], 12, Resume::Gap).bad(Kind::FalseAlarm);
    three().stream_as(BUS, Position::Start, 6, &[], 9, Resume::Reset).bad(Kind::FalseAlarm);
    let foreign = Position::Cursor(Cursor { id: 10, epoch: 9 });
    three().stream_as(BUS, foreign, 6, &all, 12, Resume::Complete).bad(Kind::Silent);
}

#[test]
fn frames_that_do_not_follow_one_another_are_found() {
    // As if something lay between; as if nothing could.
    four().stream(ON_C, 9, 0, &[(0, 10, C, 9), (2, 12, C, 11)]).bad(Kind::Chain);
    four().stream(ON_C, 9, 0, &[(0, 10, C, 9), (2, 12, C, 9)]).bad(Kind::Chain);
    four().stream(ON_C, 9, 0, &[(0, 10, C, 10)]).bad(Kind::Chain);
}

#[test]
fn i_1_a_message_below_a_position_that_a_stream_told_is_found() {
    Story::default()
        .stream_as(ON_C, Position::Start, 0, &[], 11, Resume::Complete)
        .post(C, 5, &[10])
        .bad(Kind::Late);
}

/// Its reader left before it came to what kept the channel.
#[test]
fn ret_8_a_stream_that_is_left_shows_the_beginning_of_a_life() {
    let begun = |posted: &[u64]| {
        let story = posted
            .iter()
            .zip(11..)
            .fold(Story::default().post(C, 0, &[10]), |story, (at, id)| story.post(C, *at, &[id]));
        story.stream_as(ON_C, Position::Start, IDLE + 3, &[(0, 10, C, 0)], 10, Resume::Complete)
    };
    begun(&[IDLE - 2]).good();
    begun(&[]).bad(Kind::Returned);
    // Another life.
    begun(&[IDLE + 2]).bad(Kind::Returned);
}

#[test]
fn ret_9_what_a_stream_shows_long_after_its_end_is_found() {
    let late = RETENTION + 30;
    three().stream_as(BUS, Position::Start, late, &[(0, 10, C, 0)], 10, Resume::Complete).bad(Kind::Returned);
}
