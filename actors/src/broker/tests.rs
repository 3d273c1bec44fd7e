//! A broker on the simulated disk: what readers are told after a power loss.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::Broker;
use crate::clock::{Clock, ManualClock};
use crate::log::sim::{Dice, Fate, SimFolder};
use crate::log::{DiskLog, DiskSettings, Durability};
use crate::model::{Batch, BusName, Message, MessageId, Position, Poster, Posting, Since, Timestamp};
use crate::settings::BusSettings;
use crate::window::{Page, Resume};

const START: Timestamp = Timestamp::from_millis(1_763_683_200_000);
const NAMES: [&str; 3] = ["a", "b", "c"];

fn bus() -> BusName {
    "b".parse().unwrap()
}

/// A broker on this disk, with small windows and short lives.
fn open(folder: &SimFolder, clock: &Arc<ManualClock>, durability: Durability) -> Broker {
    let settings = DiskSettings { durability, segment: 2048, ..DiskSettings::at("log") };
    let log = DiskLog::in_folder(Arc::new(folder.clone()), settings).unwrap();
    let settings = BusSettings {
        channel_idle: Duration::from_millis(80),
        retention: Duration::from_millis(150),
        retention_max: Duration::from_millis(150),
        channel_window: NonZeroUsize::new(4).unwrap(),
        bus_window: NonZeroUsize::new(10).unwrap(),
        ..BusSettings::default()
    };
    let clock: Arc<dyn Clock> = clock.clone();
    Broker::builder().bus(bus(), settings).clock(clock).log(log).start().unwrap()
}

async fn post(broker: &Broker, channel: &str) -> MessageId {
    let messages = Batch::from(vec![Message::trusted("{}"), Message::trusted("{}")]);
    let posting =
        Posting { poster: Poster::nobody(), channel: channel.parse().unwrap(), messages, key: None };
    broker.post(&bus(), posting).await.unwrap().last().unwrap()
}

async fn read(broker: &Broker, channel: Option<&str>, since: Since) -> Page {
    match channel {
        None => broker.read_bus(&bus(), since).await.unwrap(),
        Some(name) => broker.read_channel(&bus(), &name.parse().unwrap(), since).await.unwrap(),
    }
}

/// The disk as a power loss leaves it: of what was not synced, so many sixteenths.
fn power_loss(folder: &SimFolder, kept: u64, dice: &mut Dice, clock: &ManualClock) -> SimFolder {
    clock.reboot();
    SimFolder::of(&folder.crash(folder.ops(), Fate { kept, torn: kept > 0 }, dice))
}

#[test]
fn i_10_whoever_saw_what_a_power_loss_took_is_told_and_nobody_else() {
    actix_rt::System::new().block_on(async {
        let (folder, clock) = (SimFolder::default(), Arc::new(ManualClock::at(START)));
        // Nothing is synced but what an orderly end syncs.
        let interval = Durability::Interval(Duration::from_hours(1));
        let broker = open(&folder, &clock, interval);
        post(&broker, "a").await;
        let of_first_run = read(&broker, Some("a"), Since::Start).await.next;
        broker.shutdown().await;
        let broker = open(&folder, &clock, interval);
        let before = read(&broker, Some("a"), Since::Start).await.next;
        let lost = post(&broker, "a").await;
        let after = read(&broker, Some("a"), Since::Start).await.next;
        assert_eq!(after.id, lost);

        let folder = power_loss(&folder, 0, &mut Dice(1), &clock);
        let broker = open(&folder, &clock, interval);
        for channel in [None, Some("a")] {
            for (position, resume) in [
                (of_first_run, Resume::Complete),
                (before, Resume::Complete),
                (after, Resume::Gap),
                // As a client says it that knows nothing of epochs.
                (lost.into(), Resume::Gap),
            ] {
                let page = read(&broker, channel, position.into()).await;
                assert_eq!(page.resume, resume, "{channel:?} {position:?}");
            }
        }
        // What comes now is above all that was told, and goes on from there.
        let page = read(&broker, Some("a"), after.into()).await;
        assert!(post(&broker, "a").await > lost);
        assert_eq!(read(&broker, Some("a"), page.next.into()).await.resume, Resume::Complete);
    });
}

#[derive(Debug, Clone)]
enum Step {
    Post(usize),
    Read(usize),
    Advance(u64),
    PowerLoss(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..NAMES.len()).prop_map(Step::Post),
        3 => (0..NAMES.len()).prop_map(Step::Read),
        4 => (1u64..60).prop_map(Step::Advance),
        2 => (0u64..=16).prop_map(Step::PowerLoss),
    ];
    prop::collection::vec(step, 1..40)
}

/// The ids of the bus and of all channels, from the start and from each of these positions.
async fn pages(broker: &Broker, positions: &[Position]) -> Vec<(Vec<MessageId>, MessageId)> {
    let mut pages = Vec::new();
    for since in positions.iter().rev().take(6).copied().map(Since::After).chain([Since::Start]) {
        for channel in [None].into_iter().chain(NAMES.map(Some)) {
            let page = read(broker, channel, since).await;
            pages.push((page.entries.iter().map(|entry| entry.id()).collect(), page.next.id));
        }
    }
    pages
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// With every POST synced a power loss takes nothing: each page after it is what it was before.
    #[test]
    fn i_1_i_2_live_equals_recovered_over_power_losses(steps in steps(), seed: u64) {
        actix_rt::System::new().block_on(async {
            let (clock, mut dice) = (Arc::new(ManualClock::at(START)), Dice(seed));
            let (mut folder, mut positions) = (SimFolder::default(), Vec::new());
            let mut broker = open(&folder, &clock, Durability::Sync);
            for step in steps {
                match step {
                    Step::Post(channel) => _ = post(&broker, NAMES[channel]).await,
                    Step::Read(channel) => {
                        positions.push(read(&broker, Some(NAMES[channel]), Since::Start).await.next);
                    }
                    Step::Advance(millis) => clock.advance(Duration::from_millis(millis)),
                    Step::PowerLoss(kept) => {
                        let before = pages(&broker, &positions).await;
                        let image = power_loss(&folder, kept, &mut dice, &clock);
                        broker.shutdown().await;
                        folder = image;
                        broker = open(&folder, &clock, Durability::Sync);
                        assert_eq!(pages(&broker, &positions).await, before);
                    }
                }
            }
            broker.shutdown().await;
        });
    }
}
