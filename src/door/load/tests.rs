use proptest::prelude::*;

use super::*;

const MOST_LATE: Duration = Duration::from_millis(50);
/// Also for a thread that refuses something.
const IN_TIME: Duration = Duration::from_millis(24);

/// After so many looks that found the thread late, or not.
fn after(looks: impl IntoIterator<Item = bool>) -> Load {
    let mut load = Load::default();
    for (look, late) in (0u64..).zip(looks) {
        let late = if late { MOST_LATE } else { IN_TIME };
        load.observe(late, MOST_LATE, TICK * u32::try_from(look).unwrap());
    }
    load
}

#[test]
fn who_is_very_late_refuses_all_that_writes_at_once_and_what_reads_step_by_step() {
    let mut load = after([true; 6]);
    load.observe(Duration::from_millis(300), MOST_LATE, Duration::from_secs(1));
    assert_eq!(refused_of(&mut load, Kind::Write, 1_000), 1_000);
    assert_eq!(refused_of(&mut load, Kind::Read, 1_000), 0);
    load.observe(Duration::from_millis(300), MOST_LATE, Duration::from_secs(2));
    assert_eq!(refused_of(&mut load, Kind::Read, 1_000), 100);
}

fn refused_of(load: &mut Load, kind: Kind, requests: usize) -> usize {
    (0..requests).filter(|_| !load.admits(kind)).count()
}

#[test]
fn a_moment_is_no_overload() {
    let mut load = after([true; 5]);
    assert_eq!(refused_of(&mut load, Kind::Write, 1_000), 0);
    let mut load = after((0..1_000).map(|look| look % 5 > 0));
    assert_eq!(refused_of(&mut load, Kind::Write, 1_000), 0, "it caught up each time");
}

#[test]
fn what_writes_is_refused_first_and_then_what_reads() {
    let mut load = after([true; 6]);
    assert_eq!(refused_of(&mut load, Kind::Write, 1_000), 200, "two looks late");
    assert_eq!(refused_of(&mut load, Kind::Read, 1_000), 0);
    let mut load = after([true; 10]);
    assert_eq!(refused_of(&mut load, Kind::Write, 1_000), 1_000);
    assert_eq!(refused_of(&mut load, Kind::Read, 1_000), 0);
    let mut load = after([true; 1_000]);
    assert_eq!(refused_of(&mut load, Kind::Write, 1_000), 1_000);
    assert_eq!(refused_of(&mut load, Kind::Read, 1_000), 900, "some show how it goes");
}

#[test]
fn who_refuses_is_behind_sooner_and_who_is_in_time_is_not() {
    let mut load = after([true; 6]);
    for (late, refused) in [(25, 300), (24, 295)] {
        load.observe(Duration::from_millis(late), MOST_LATE, Duration::from_secs(1));
        assert_eq!(refused_of(&mut load, Kind::Write, 1_000), refused, "{late} ms late");
    }
    // Timers may be late by a millisecond or two: that is no end of patience.
    let most = Duration::from_millis(4);
    for _ in 0..1_000 {
        load.observe(Duration::from_millis(2), most, Duration::from_secs(2));
    }
    assert_eq!(refused_of(&mut load, Kind::Write, 1_000), 0);
}

#[test]
fn it_recovers_within_seconds() {
    let looks_in_six_seconds = 300;
    let mut load = after([true; 1_000].into_iter().chain([false; 300]));
    assert_eq!(TICK * looks_in_six_seconds, Duration::from_secs(6));
    assert_eq!(refused_of(&mut load, Kind::Write, 1_000), 0);
    assert_eq!(refused_of(&mut load, Kind::Read, 1_000), 0);
}

#[test]
fn a_thread_that_may_be_late_refuses_nothing() {
    let mut load = Load::default();
    for look in 0..1_000 {
        load.observe(Duration::from_secs(9), Duration::ZERO, TICK * look);
    }
    assert_eq!(refused_of(&mut load, Kind::Write, 1_000), 0);
}

proptest! {
    /// Whatever the looks found: reads are never refused while a write is answered, a part of the reads always is, and refusals are
    /// spread, not in a row.
    #[test]
    fn the_parts_are_in_order(looks in prop::collection::vec(any::<bool>(), 0..300)) {
        let mut load = after(looks);
        let (writes, reads) =
            (refused_of(&mut load, Kind::Write, 1_000), refused_of(&mut load, Kind::Read, 1_000));
        prop_assert!(reads == 0 || writes == 1_000, "{writes}, {reads}");
        prop_assert!(reads <= 900, "{reads}");
        let ten = refused_of(&mut load, Kind::Write, 10);
        prop_assert!(ten.abs_diff(writes / 100) <= 1, "{ten} of ten, {writes} of a thousand");
    }
}
