//! A bus that comes back against a model that looks at its whole history at once.

use std::num::NonZeroUsize;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::idempotency::Known;
use crate::{Fingerprint, IdempotencyKey, Message, Resume, Sequencer, Since};

const IDLE: u64 = 30;
const RETENTION: u64 = 50;
const KEYS: u64 = 40;
/// Ids up to here were in a part of the log that is gone.
const LOST: u64 = 9;

#[derive(Debug, Clone)]
struct Post {
    channel: u8,
    count: u32,
    keyed: bool,
    /// Milliseconds since the post before.
    later: u64,
}

fn posts() -> impl Strategy<Value = Vec<Post>> {
    let post = (0u8..4, 1u32..4, any::<bool>(), prop_oneof![3 => 0u64..10, 1 => 0u64..60])
        .prop_map(|(channel, count, keyed, later)| Post { channel, count, keyed, later });
    prop::collection::vec(post, 0..40)
}

fn name(channel: u8) -> ChannelName {
    format!("c{channel}").parse().unwrap()
}

fn key(n: usize) -> IdempotencyKey {
    IdempotencyKey::new(&format!("k{n}"), Fingerprint([7; 32])).unwrap()
}

struct Logged {
    post: Post,
    at: u64,
    ids: Vec<MessageId>,
}

/// The last `most` of these messages, without those at the front that have expired; and the last one gone.
fn windowed<'a>(
    logged: impl Iterator<Item = &'a Logged>,
    most: usize,
    now: u64,
) -> (Vec<MessageId>, Option<MessageId>) {
    let all: Vec<(MessageId, u64)> =
        logged.flat_map(|logged| logged.ids.iter().map(|id| (*id, logged.at + RETENTION))).collect();
    let gone = all.len().saturating_sub(most).max(all.partition_point(|(_, until)| *until <= now));
    let last_gone = gone.checked_sub(1).map(|at| all[at].0);
    (all[gone..].iter().map(|(id, _)| *id).collect(), last_gone)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn ret_7_ret_8_ret_9_a_bus_comes_back_as_its_history_says(
        posts in posts(),
        rest in 0u64..80,
        sizes in (1usize..6, 1usize..12),
        // Mostly behind the last post: no hole but what is gone before the first.
        hole in 0usize..120,
    ) {
        let gauge = MemoryGauge::new(usize::MAX);
        let settings = BusSettings {
            channel_idle: Duration::from_millis(IDLE),
            retention: Duration::from_millis(RETENTION),
            channel_window: NonZeroUsize::new(sizes.0).unwrap(),
            bus_window: NonZeroUsize::new(sizes.1).unwrap(),
        };
        let limits =
            BrokerLimits { idempotency_window: Duration::from_millis(KEYS), ..BrokerLimits::default() };
        let mut sequencer = Sequencer::after(MessageId::from_u64(LOST));
        let mut at = 0;
        let logged: Vec<Logged> = posts
            .into_iter()
            .map(|post| {
                at += post.later;
                let first = sequencer.take(post.count, Timestamp::from_millis(at)).unwrap().as_u64();
                let ids = (first..first + u64::from(post.count)).map(MessageId::from_u64).collect();
                Logged { post, at, ids }
            })
            .collect();
        let now = at + rest;
        let mut recovery = Recovery::new(settings, &limits, &gauge, Timestamp::from_millis(now));
        for (n, Logged { post, at, ids }) in logged.iter().enumerate() {
            recovery.take(Recovered {
                bus: "b".parse().unwrap(),
                channel: name(post.channel),
                first: ids[0],
                messages: vec![Message::trusted("{}"); ids.len()],
                accepted: Timestamp::from_millis(*at),
                until: Timestamp::from_millis(at + RETENTION),
                key: post.keyed.then(|| key(n)),
                kept_until: Timestamp::from_millis(at + RETENTION),
            });
        }
        let ids = |window: &Window| window.iter().map(|entry| entry.id()).collect::<Vec<_>>();
        let floor = logged.get(hole).map_or(MessageId::from_u64(LOST), |logged| logged.ids[0]);
        let restored = recovery.finish(floor);

        let (expected, gone) = windowed(logged.iter(), sizes.1, now);
        prop_assert_eq!(ids(&restored.window), expected);
        prop_assert_eq!(restored.window.lost(), gone.unwrap_or(floor).max(floor));
        let newest = logged.last().and_then(|logged| logged.ids.last()).copied();
        prop_assert_eq!(restored.settled, newest.unwrap_or(floor));

        let mut held = 0;
        for channel in 0..4 {
            let own: Vec<&Logged> = logged.iter().filter(|logged| logged.post.channel == channel).collect();
            let starts = (1..own.len()).rev().find(|n| own[n - 1].at + IDLE <= own[*n].at).unwrap_or(0);
            let lives = own.last().is_some_and(|last| now < last.at + IDLE);
            let found = restored.channels.get(&name(channel));
            prop_assert_eq!(found.is_some(), lives);
            let Some(found) = found else {
                let newest = own.last().and_then(|last| last.ids.last()).copied();
                prop_assert!(newest.is_none_or(|newest| restored.forgotten >= newest));
                continue;
            };
            let (expected, gone) = windowed(own[starts..].iter().copied(), sizes.0, now);
            held += expected.len();
            prop_assert_eq!(ids(&found.window), expected);
            let newest = own.last().and_then(|last| last.ids.last()).copied();
            // Only who knows the end of the hole is up to date.
            prop_assert_eq!(Some(found.newest), newest.max(Some(floor)));
            prop_assert_eq!(found.newest, found.window.newest());
            // A reader who saw a message of this channel that is gone, with others after it, is told.
            let missed = own.iter().flat_map(|logged| &logged.ids).find(|id| Some(**id) < gone);
            if let Some(id) = missed {
                prop_assert_eq!(found.window.since(Since::After(*id)).resume, Resume::Gap);
            }
        }
        for (n, Logged { post, at, ids }) in logged.iter().enumerate() {
            let known = restored.answers.look_up(&name(post.channel), &key(n));
            let expected = (post.keyed && now < at + KEYS).then(|| Posted::new(ids[0], post.count));
            prop_assert_eq!(known, expected.map_or(Known::No, Known::Answered));
        }
        prop_assert!(held <= logged.iter().map(|logged| logged.ids.len()).sum::<usize>());
    }
}
