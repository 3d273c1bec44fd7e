//! Live equals recovered: whatever has happened, a broker that comes back from its log shows what it showed before.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::time::Duration;

use backplane_actors::log::{DiskLog, DiskSettings, Log};
use backplane_actors::{
    Broker, BusSettings, Clock as _, Expire, MessageId, Page, Position, PostError, Posted, Posting, Query,
    Resume, Since, Timestamp, Which,
};
use proptest::prelude::*;
use testkit::START;
use testkit::broker::promised;

use crate::log::Recorder;
use crate::{builder, bus, channel, clock, ids, keyed, posted_ids, posting, read};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
/// So many of them have promised messages. The bus has room for all that they may have: what it has to let go it may show again after
/// a restart, as long as their channel does.
const PROMISING: usize = 2;

#[derive(Debug, Clone)]
enum Step {
    Post {
        channel: usize,
        key: Option<u8>,
    },
    /// A promised message, which may be more than its channel can take.
    Promise {
        channel: usize,
        sticky: bool,
        dated: bool,
    },
    Read(usize),
    Advance(u64),
    SetWall(u64),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..NAMES.len(), prop::option::of(0u8..3)).prop_map(|(channel, key)| Step::Post { channel, key }),
        3 => (0..PROMISING, any::<bool>(), any::<bool>())
            .prop_map(|(channel, sticky, dated)| Step::Promise { channel, sticky, dated }),
        3 => (0..NAMES.len()).prop_map(Step::Read),
        5 => (1u64..60).prop_map(Step::Advance),
        1 => (0u64..100_000).prop_map(Step::SetWall),
        2 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..50)
}

/// All that was ever accepted.
#[derive(Default)]
struct Accepted {
    by_channel: HashMap<usize, Vec<MessageId>>,
    sticky: HashSet<MessageId>,
    keys: HashMap<(usize, u8), Posted>,
    positions: Vec<Position>,
}

impl Accepted {
    fn take(&mut self, channel: usize, posted: Posted) {
        self.by_channel.entry(channel).or_default().extend(posted_ids(posted));
    }

    fn check(&self, channel: Option<usize>, since: Since, which: Which, page: &Page) {
        let Since::After(position) = since else { return };
        let shown = ids(page);
        let of = |name: &&usize| channel.is_none_or(|channel| channel == **name);
        let mut all = self.by_channel.iter().filter(|(name, _)| of(name)).flat_map(|(_, ids)| ids);
        let is_wanted = |id: &MessageId| which == Which::All || self.sticky.contains(id);
        let missed = all.any(|id| *id > position.id && is_wanted(id) && !shown.contains(id));
        assert!(!missed || page.resume == Resume::Gap, "something was missed in silence");
    }
}

/// What a page holds, and where it goes on.
type Seen = (Vec<MessageId>, MessageId, Option<String>);

async fn pages(broker: &Broker, accepted: &mut Accepted) -> Vec<Seen> {
    let mut pages = Vec::new();
    let positions: Vec<_> = accepted.positions.iter().rev().take(12).copied().map(Since::After).collect();
    let starts = positions.into_iter().chain([Since::Start]);
    for (since, which) in starts.flat_map(|since| [(since, Which::All), (since, Which::Sticky)]) {
        let query = Query { since, which };
        let page = broker.read_bus(&bus(), query).await.unwrap();
        accepted.check(None, since, which, &page);
        pages.push(seen(&page));
        for (n, name) in NAMES.iter().enumerate() {
            let page = broker.read_channel(&bus(), &channel(name), query).await.unwrap();
            accepted.check(Some(n), since, which, &page);
            pages.push(seen(&page));
        }
    }
    pages
}

fn seen(page: &Page) -> Seen {
    let end = page.entries.last().and_then(|last| last.message().expire()).map(|end| end.to_string());
    (ids(page), page.next.id, end)
}

async fn live_equals_recovered<L: Log>(steps: Vec<Step>, log: impl Fn() -> L) {
    let clock = clock();
    let settings = BusSettings {
        channel_idle: Duration::from_millis(80),
        retention: Duration::from_millis(150),
        retention_max: Duration::from_millis(150),
        channel_window: NonZeroUsize::new(4).unwrap(),
        bus_window: NonZeroUsize::new(10).unwrap(),
        ..BusSettings::default()
    };
    let open = || builder(&clock).bus(bus(), settings.clone()).log(log()).start().unwrap();
    let (mut broker, mut accepted) = (open(), Accepted::default());
    for step in steps {
        match step {
            Step::Post { channel, key: None } => {
                let posted = broker.post(&bus(), posting(NAMES[channel], &["1", "2"])).await.unwrap();
                accepted.take(channel, posted);
            }
            Step::Post { channel, key: Some(key) } => {
                let posted =
                    broker.post(&bus(), keyed(NAMES[channel], "1", &format!("k{key}"))).await.unwrap();
                // Keys outlast each of these histories.
                match accepted.keys.insert((channel, key), posted) {
                    Some(before) => assert_eq!(posted, before, "a retry stores nothing twice"),
                    None => accepted.take(channel, posted),
                }
            }
            Step::Promise { channel, sticky, dated } => {
                let end = dated.then(|| Expire::at(clock.wall().after(Duration::from_millis(400))));
                let promised = promised("p", sticky, end);
                let posting = Posting { messages: vec![promised].into(), ..posting(NAMES[channel], &[]) };
                match broker.post(&bus(), posting).await {
                    Ok(posted) => {
                        accepted.take(channel, posted);
                        accepted.sticky.extend(posted_ids(posted).into_iter().filter(|_| sticky));
                    }
                    Err(PostError::TooManyPromises(4) | PostError::End { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Read(channel) => {
                let page = read(&broker, NAMES[channel], Since::Start).await;
                accepted.positions.push(page.next);
            }
            Step::Advance(millis) => clock.advance(Duration::from_millis(millis)),
            Step::SetWall(millis) => {
                clock.step_wall(Timestamp::from_millis(START.as_millis() - 50_000 + millis));
            }
            Step::Restart => {
                let before = pages(&broker, &mut accepted).await;
                broker.shutdown().await;
                broker = open();
                assert_eq!(pages(&broker, &mut accepted).await, before);
            }
        }
    }
    pages(&broker, &mut accepted).await;
    broker.shutdown().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn i_1_i_10_live_equals_recovered(steps in steps()) {
        let log = Recorder::default();
        actix_rt::System::new().block_on(live_equals_recovered(steps, || log.clone()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn i_1_i_10_live_equals_recovered_on_disk(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let log = || {
            let settings = DiskSettings { segment: 4096, ..DiskSettings::at(folder.path()) };
            DiskLog::open(settings).unwrap()
        };
        actix_rt::System::new().block_on(live_equals_recovered(steps, log));
    }
}
