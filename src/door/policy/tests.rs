use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;

const RATE: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// Times that can be told apart.
fn patience() -> Patience {
    let pace = |seconds| Pace { patience: at(seconds), rate: RATE };
    Patience { head: at(5), idle: at(70), body: pace(31), answer: pace(29), stream: pace(17) }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn policy() -> Policy {
    Policy::new(patience())
}

fn due(policy: &Policy) -> Option<(u64, Overdue)> {
    policy.deadline().map(|(until, what)| (until.as_secs(), what))
}

#[test]
fn who_connects_has_something_to_say() {
    let mut policy = policy();
    assert_eq!(due(&policy), Some((5, Overdue::Silent)));
    policy.received(1, at(4));
    assert_eq!(due(&policy), Some((9, Overdue::Head)));
    for second in 5..9 {
        policy.received(1, at(second));
    }
    assert_eq!(due(&policy), Some((9, Overdue::Head)), "a byte now and then buys nothing");
    assert_eq!((policy.overdue(at(8)), policy.overdue(at(9))), (None, Some(Overdue::Head)));
}

#[test]
fn each_later_head_has_its_time_too() {
    let mut policy = policy();
    policy.received(20, at(1));
    policy.opened();
    assert_eq!(due(&policy), None, "it is the service's turn");
    policy.closed(false, at(2));
    assert_eq!(due(&policy), Some((72, Overdue::Silent)));
    policy.received(1, at(60));
    assert_eq!(due(&policy), Some((65, Overdue::Head)));
    policy.opened();
    policy.closed(true, at(62));
    assert_eq!(due(&policy), Some((67, Overdue::Head)), "the next had begun to come behind this one");
}

#[test]
fn a_body_is_waited_for_while_somebody_wants_it() {
    let mut policy = policy();
    policy.received(20, at(0));
    policy.opened();
    policy.body_wanted(at(1));
    assert_eq!(due(&policy), Some((32, Overdue::Body)));
    policy.body_wanted(at(9));
    assert_eq!(due(&policy), Some((32, Overdue::Body)), "asking again gives no time");
    policy.received(500, at(10));
    assert_eq!(due(&policy), Some((37, Overdue::Body)), "five seconds for 500 bytes");
    policy.received(1_000_000, at(11));
    assert_eq!(due(&policy), Some((42, Overdue::Body)), "never more than the whole patience");
    policy.body_done();
    assert_eq!(due(&policy), None);
}

#[test]
fn an_answer_that_is_not_taken_comes_before_all() {
    let mut policy = policy();
    policy.received(20, at(0));
    policy.opened();
    policy.body_wanted(at(0));
    policy.blocked(at(3));
    assert_eq!(due(&policy), Some((32, Overdue::Answer)));
    policy.blocked(at(20));
    assert_eq!(due(&policy), Some((32, Overdue::Answer)), "still the same");
    policy.closed(false, at(21));
    assert_eq!(due(&policy), Some((32, Overdue::Answer)), "its tail has yet to be taken");
    policy.sent(200, at(22));
    assert_eq!(due(&policy), Some((34, Overdue::Answer)));
    policy.drained(at(30));
    assert_eq!(due(&policy), Some((100, Overdue::Silent)), "idle from now on");
}

#[test]
fn a_stream_has_its_own_time() {
    let mut policy = policy();
    policy.opened();
    policy.streams();
    assert_eq!(due(&policy), None, "it may be silent as long as it likes");
    policy.blocked(at(100));
    assert_eq!(due(&policy), Some((117, Overdue::Stream)));
    policy.drained(at(101));
    assert_eq!(due(&policy), None);
}

#[derive(Debug, Clone)]
enum Step {
    Send(usize),
    Take(usize),
    Wait(u64),
    Open,
    WantBody,
    BodyDone,
    Close(bool),
    Block,
    Drain,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1usize..400).prop_map(Step::Send),
        (1usize..400).prop_map(Step::Take),
        (1u64..4_000).prop_map(Step::Wait),
        Just(Step::Open),
        Just(Step::WantBody),
        Just(Step::BodyDone),
        any::<bool>().prop_map(Step::Close),
        Just(Step::Block),
        Just(Step::Drain),
    ]
}

proptest! {
    /// Whatever peer and service do: there is a deadline whenever it is the peer's turn and none else; it is never further away than the
    /// longest patience; nobody who goes on at the rate is overdue, and whoever does nothing is overdue in the end.
    #[test]
    fn i_5_no_turn_of_the_peer_is_without_an_end(steps in prop::collection::vec(step(), 0..80)) {
        let (mut policy, mut now) = (policy(), Duration::ZERO);
        for step in steps {
            match step {
                Step::Send(bytes) if !policy.is_blocked() => policy.received(bytes, now),
                Step::Take(bytes) => policy.sent(bytes, now),
                Step::Wait(millis) => now += Duration::from_millis(millis),
                Step::Open if !policy.is_open() => policy.opened(),
                Step::WantBody if policy.is_open() => policy.body_wanted(now),
                Step::BodyDone => policy.body_done(),
                Step::Close(begun) if policy.is_open() => policy.closed(begun, now),
                Step::Block => policy.blocked(now),
                Step::Drain => policy.drained(now),
                _ => {}
            }
            let is_peers_turn = policy.is_blocked() || !policy.is_open() || policy.wants_body();
            prop_assert_eq!(policy.deadline().is_some(), is_peers_turn);
            if let Some((until, what)) = policy.deadline() {
                let longest = match what {
                    Overdue::Silent => at(70),
                    Overdue::Head => at(5),
                    Overdue::Body => at(31),
                    Overdue::Answer => at(29),
                    Overdue::Stream => at(17),
                };
                prop_assert!(until <= now + longest);
                prop_assert_eq!(policy.overdue(now + longest), Some(what));
            }
        }
    }

    /// However long a peer of an upgraded connection is silent, it owes nothing but to take what there is.
    #[test]
    fn who_talks_is_listened_to_by_others(silences in prop::collection::vec(0_u64..100_000, 1..20)) {
        let (mut policy, mut now) = (policy(), Duration::ZERO);
        policy.opened();
        policy.upgrades();
        for silence in silences {
            policy.body_wanted(now);
            prop_assert!(policy.wants_body());
            prop_assert_eq!(policy.deadline(), None);
            now += Duration::from_millis(silence);
        }
        prop_assert!(!policy.take_waited());
        policy.blocked(now);
        prop_assert_eq!(policy.deadline(), Some((now + at(17), Overdue::Stream)));
        policy.drained(now);
        prop_assert!(policy.take_waited() && !policy.take_waited());
    }

    /// A peer that keeps to the rate is never overdue, however it portions what it takes.
    #[test]
    fn who_keeps_to_the_rate_is_never_overdue(portions in prop::collection::vec(1usize..2_000, 1..60)) {
        let (mut policy, mut now) = (policy(), Duration::ZERO);
        policy.opened();
        policy.blocked(now);
        for bytes in portions {
            // 100 bytes a second, and one portion takes less than the patience.
            now += Duration::from_millis(u64::try_from(bytes).unwrap() * 10);
            prop_assert_eq!(policy.overdue(now), None);
            policy.sent(bytes, now);
        }
    }

    /// A peer that is slower than the rate is overdue, sooner or later.
    #[test]
    fn who_is_slower_than_the_rate_is_overdue(pause in 1u64..17_000) {
        let (mut policy, mut now) = (policy(), Duration::ZERO);
        policy.opened();
        policy.blocked(now);
        // A byte every so often: at most half of the rate.
        let pause = Duration::from_millis(pause.max(20));
        let mut turns = 0;
        while policy.overdue(now).is_none() {
            now += pause;
            policy.sent(1, now);
            turns += 1;
            prop_assert!(turns < 10_000, "it goes on for ever");
        }
    }
}
