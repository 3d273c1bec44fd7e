//! Answers to polls.

use super::*;

#[test]
fn a_good_history_passes() {
    three()
        .read(BUS, Position::Start, 6, &[(0, 10, C), (1, 11, D), (2, 12, C)])
        .read(BUS, cursor(10), 6, &[(1, 11, D), (2, 12, C)])
        .read(ON_C, Position::Start, 6, &[(0, 10, C), (2, 12, C)])
        .read(ON_C, cursor(10), 8, &[(2, 12, C)])
        .again(9, &[12])
        // The channel has expired, the bus has not.
        .read_as(ON_C, cursor(10), 20, &[], 12, Resume::Gap)
        .read(BUS, Position::Start, 20, &[(0, 10, C), (1, 11, D), (2, 12, C)])
        .good();
}

#[test]
fn ret_10_an_acknowledged_message_that_is_not_there_is_found() {
    three().read(ON_C, Position::Start, 6, &[(0, 10, C)]).bad(Kind::Missing);
    three().read(BUS, cursor(10), 6, &[(1, 11, D)]).bad(Kind::Missing);
    // Within the lifetime of its successor the first is still there.
    three().read(ON_C, Position::Start, 12, &[(2, 12, C)]).bad(Kind::Missing);
    // What a reader saw is there for later ones, acknowledged or not.
    let seen = Story::default().post_as(C, span(0, 1), 1, Outcome::Unknown).read(
        ON_C,
        Position::Start,
        2,
        &[(0, 10, C)],
    );
    seen.read(ON_C, Position::Start, 4, &[]).bad(Kind::Missing);
}

#[test]
fn what_may_have_expired_or_been_evicted_is_not_required() {
    // A post that ends as the channel may expire does not show whether it did.
    let two = || Story::default().post(C, 0, &[10]).post(C, 9, &[11]);
    two().read_as(ON_C, Position::Start, 12, &[(1, 0, 11, C)], 11, Resume::Complete).good();
    two().read(ON_C, Position::Start, 12, &[(0, 10, C), (1, 11, C)]).good();
    let mut four = Story::default();
    for id in 0..4 {
        four = four.post(C, id, &[10 + id]);
    }
    four.read(ON_C, Position::Start, 6, &[(1, 11, C), (2, 12, C), (3, 13, C)]).good();
    // Sent, not answered: either way.
    let story = || Story::default().post_as(C, span(0, 1), 1, Outcome::Unknown);
    story().read(ON_C, Position::Start, 2, &[]).good();
    story().read(ON_C, Position::Start, 2, &[(0, 10, C)]).good();
}

#[test]
fn a_window_that_is_not_full_has_to_show_all() {
    let unseen = |story: Story| story.post_as(C, span(2, 3), 1, Outcome::Unknown);
    let story = || unseen(Story::default().post(C, 0, &[10])).post(C, 4, &[12]);
    story().read(ON_C, Position::Start, 6, &[(2, 12, C)]).bad(Kind::Missing);
    // A third message, and a fourth that nobody saw, may have pushed the first out.
    let full = || story().post(C, 6, &[13]);
    full().read(ON_C, Position::Start, 8, &[(2, 12, C), (3, 13, C)]).good();
    full().read(ON_C, Position::Start, 8, &[(3, 13, C)]).bad(Kind::Missing);
}

#[test]
fn what_a_killed_server_may_have_stored_pushes_nothing_out_later() {
    let killed = |outcome| Story::default().post_as(C, span(0, 1), 3, outcome).post(C, 2, &[10]);
    let read = |outcome| {
        let story = killed(outcome).post(C, 4, &[11]).post(C, 6, &[12]);
        story.read(ON_C, Position::Start, 7, &[(2, 11, C), (3, 12, C)])
    };
    read(Outcome::Unknown).good();
    read(Outcome::Died).bad(Kind::Missing);
}

#[test]
fn what_may_be_over_sooner_or_later_is_neither_required_nor_forbidden() {
    let read = |at, lines: &[Line]| {
        Story::default().post(C, 0, &[10]).read_as(
            ON_C,
            Position::Start,
            at,
            &lines.iter().map(|(number, id, channel)| (*number, 0, *id, *channel)).collect::<Vec<_>>(),
            10,
            Resume::Complete,
        )
    };
    let loose = Rules { early: 3, late: 2, kept: 3, ..rules() };
    let (there, gone) = (&[(0, 10, C)][..], &[][..]);
    for (at, lines, strict, loosely) in [
        (5, gone, false, false),
        (7, gone, false, true),
        (IDLE + 4, there, false, true),
        (IDLE + 6, there, false, false),
        (IDLE + 6, gone, true, true),
    ] {
        let story = read(at, lines);
        assert_eq!(
            (story.check().is_clean(), story.check_by(loose.clone()).is_clean()),
            (strict, loosely),
            "{at}"
        );
    }
}

#[test]
fn i_2_a_message_that_is_there_twice_is_found() {
    three().read(ON_C, Position::Start, 6, &[(0, 10, C), (2, 12, C), (2, 13, C)]).bad(Kind::Twice);
    three().again(6, &[13]).bad(Kind::Twice);
    Story::default().post(C, 0, &[10]).post(D, 2, &[10]).bad(Kind::Twice);
}

#[test]
fn ret_3_disorder_and_repetition_are_found() {
    three().read(BUS, Position::Start, 6, &[(1, 11, D), (0, 10, C), (2, 12, C)]).bad(Kind::Order);
    three().read(ON_C, cursor(10), 6, &[(0, 10, C), (2, 12, C)]).bad(Kind::Order);
    // A position from another view may get the whole window (RET-4).
    three().read(ON_C, Position::Id(11), 6, &[(0, 10, C), (2, 12, C)]).good();
}

#[test]
fn ret_7_torn_batches_are_found() {
    let batch = || Story::default().post(C, 0, &[10, 11, 12, 13]);
    let line = |index: usize| (0, index, 10 + index as u64, C);
    let read = |lines: &[usize], since| {
        let lines: Vec<_> = lines.iter().map(|index| line(*index)).collect();
        batch().read_as(BUS, since, 0, &lines, lines.last().unwrap().2, Resume::Complete)
    };
    read(&[0, 1, 2, 3], Position::Start).good();
    read(&[2, 3], cursor(11)).good();
    read(&[0, 1], Position::Start).bad(Kind::Batch);
    read(&[1, 2, 3], Position::Start).bad(Kind::Batch);
    // Its ids have a hole.
    Story::default().post(C, 0, &[10, 12]).bad(Kind::Batch);
}

/// What came to the window after the moment of the answer is not in it, and may have pushed out the beginning of a batch.
#[test]
fn ret_7_of_several_a_window_may_be_full_beyond_the_moment() {
    let read = |story: Story, extent| {
        let mut story = story.read(ON_C, Position::Start, 4, &[(0, 11, C), (1, 12, C)]);
        let retrieval = story.history.retrievals.last_mut().unwrap();
        let shown = &mut retrieval.answer.shown[0];
        shown.stamp = Stamp::new(PostKey { poster: 0, number: 0 }, 1, 2);
        retrieval.answer.extent = extent;
        story
    };
    let story = || Story::default().post(C, 0, &[10, 11]).post(C, 2, &[12]);
    read(story().post(C, 4, &[13]), Extent::Moment).good();
    read(story().post(C, 4, &[13]), Extent::Window).bad(Kind::Batch);
    read(story(), Extent::Moment).bad(Kind::Batch);
    read(story().post(C, 5, &[13]), Extent::Moment).bad(Kind::Batch);
}

/// What follows on the next page need not be on this one; what lies below its position must.
#[test]
fn a_page_may_end_anywhere_and_skips_nothing() {
    let read = |lines: &[(u32, usize, u64, ChannelKey)], next, extent| {
        let story = Story::default().post(C, 0, &[10, 11]).post(D, 2, &[12]);
        let mut story = story.read_as(BUS, Position::Start, 6, lines, next, Resume::Complete);
        story.history.retrievals.last_mut().unwrap().answer.extent = extent;
        story
    };
    let first = [(0, 0, 10, C)];
    read(&first, 10, Extent::Page).good();
    read(&first, 10, Extent::Moment).bad(Kind::Batch);
    read(&first, 12, Extent::Page).bad(Kind::Late);
    read(&[(0, 0, 10, C), (0, 1, 11, C)], 11, Extent::Page).good();
    read(&[(0, 0, 10, C), (0, 1, 11, C)], 11, Extent::Moment).bad(Kind::Missing);
}

#[test]
fn i_1_late_messages_are_found() {
    // Below an id that was shown: 11 comes when 12 was there.
    three().read(BUS, Position::Start, 6, &[(0, 10, C), (2, 12, C)]).bad(Kind::Late);
    // Below a position that was given out, though not shown.
    three().read_as(ON_C, Position::Start, 5, &[(0, 0, 10, C)], 12, Resume::Complete).bad(Kind::Late);
    // Posted after the position was given out.
    three().read_as(View::Channel(D), Position::Start, 0, &[], 11, Resume::Complete).bad(Kind::Late);
    Story::default().post(C, 0, &[10]).post(D, 5, &[9]).bad(Kind::Late);
}

#[test]
fn ret_8_what_was_gone_and_returns_is_found() {
    three()
        .read_as(ON_C, Position::Start, 30, &[], 12, Resume::Complete)
        .read(ON_C, Position::Start, 32, &[(0, 10, C), (2, 12, C)])
        .bad(Kind::Returned);
    three().read(ON_C, Position::Start, 30, &[(0, 10, C), (2, 12, C)]).bad(Kind::Returned);
    // The channel expired between the two.
    Story::default()
        .post(C, 0, &[10])
        .post(C, IDLE + 1, &[11])
        .read(ON_C, Position::Start, IDLE + 3, &[(0, 10, C), (1, 11, C)])
        .bad(Kind::Returned);
    three()
        .read(BUS, Position::Start, RETENTION + 30, &[(0, 10, C), (1, 11, D), (2, 12, C)])
        .bad(Kind::Returned);
}

#[test]
fn an_answer_that_hides_a_loss_is_found() {
    three().read_as(ON_C, cursor(10), 30, &[], 12, Resume::Complete).bad(Kind::Silent);
    three().read_as(ON_C, cursor(10), 30, &[], 12, Resume::Gap).good();
}

#[test]
fn i_10_a_position_of_another_log_is_never_complete() {
    let from_there = |resume| {
        let position = Position::Cursor(Cursor { id: 5, epoch: 9 });
        let lines = [(0, 0, 10, C), (1, 0, 11, D), (2, 0, 12, C)];
        three().read_as(BUS, position, 6, &lines, 12, resume)
    };
    from_there(Resume::Gap).good();
    from_there(Resume::Complete).bad(Kind::Silent);
    from_there(Resume::Reset).bad(Kind::FalseAlarm);
}

#[test]
fn an_answer_that_invents_a_loss_is_found() {
    let lines = [(1, 0, 11, D), (2, 0, 12, C)];
    three().read_as(BUS, cursor(10), 6, &lines, 12, Resume::Gap).bad(Kind::FalseAlarm);
    three().read_as(BUS, cursor(10), 6, &lines, 12, Resume::Reset).bad(Kind::FalseAlarm);
    // The position is in the channel's window.
    three().read_as(ON_C, cursor(10), 6, &[(2, 0, 12, C)], 12, Resume::Gap).bad(Kind::FalseAlarm);
}

/// An answer for several channels says once for all of them whether something was missed.
#[test]
fn what_is_said_of_several_is_no_false_alarm_and_hides_no_loss() {
    let of_c = |at, lines: &[(u32, usize, u64, ChannelKey)], resume| {
        three().read_as(ON_C, cursor(10), at, lines, 12, resume)
    };
    of_c(6, &[(2, 0, 12, C)], Resume::Gap).bad(Kind::FalseAlarm);
    of_c(6, &[(2, 0, 12, C)], Resume::Unsure).good();
    of_c(6, &[], Resume::Unsure).bad(Kind::Missing);
    of_c(30, &[], Resume::Unsure).good();
    let story = three().read(BUS, Position::Start, 6, &[(0, 10, C), (1, 11, D), (2, 12, C)]);
    let mut answer = story.history.retrievals[0].answer.clone();
    let of = |answer: &Answer, channel, since| {
        let Answer { shown, next, resume, extent } = answer.of(channel, since);
        assert_eq!(extent, Extent::Moment);
        (shown.iter().map(|shown| shown.id).collect::<Vec<_>>(), next.id, resume)
    };
    assert_eq!(of(&answer, C, cursor(9)), (vec![10, 12], 12, Resume::Complete));
    answer.resume = Resume::Gap;
    assert_eq!(of(&answer, D, cursor(9)), (vec![11], 12, Resume::Unsure));
    assert_eq!(of(&answer, D, Position::Start), (vec![11], 12, Resume::Complete));
}

#[test]
fn messages_from_nowhere_are_found() {
    three().read(BUS, Position::Start, 0, &[(7, 9, C)]).bad(Kind::Phantom);
    // Elsewhere.
    three().read(View::Channel(D), Position::Start, 6, &[(0, 10, D)]).bad(Kind::Phantom);
    let refused = Story::default().post_as(C, span(0, 1), 1, Outcome::Refused);
    refused.read(ON_C, Position::Start, 2, &[(0, 10, C)]).bad(Kind::Phantom);
    // Before it was posted.
    Story::default().post(C, 5, &[10]).read(ON_C, Position::Start, 0, &[(0, 10, C)]).bad(Kind::Phantom);
}

#[test]
fn ret_7_a_channel_that_differs_from_its_bus_is_found() {
    let story = Story::default().post(C, 0, &[10]).post(C, 2, &[11]).post(C, 4, &[12]);
    story.read(ON_C, Position::Start, 6, &[(0, 10, C), (2, 12, C)]).bad(Kind::Views);
}

#[test]
fn failed_requests_are_told() {
    let mut story = three();
    story.history.failures.push("503".to_owned());
    story.bad(Kind::Failed);
}
