//! A bus at work against a model that keeps every record for ever and works out what must be seen.
//!
//! The log is as slow as it likes, refuses what it likes and loses what is pending at a restart; windows lose their
//! homes; nobody sweeps in time. `BACKPLANE_FOLD_STEPS` says how many steps there are in all.

mod model;
mod world;

use std::time::Duration;

use proptest::prelude::*;

use self::world::World;
use crate::window::Which;

const STEPS_PER_CASE: usize = 120;

/// What a message asks for: to be sticky, and to end after so many seconds.
#[derive(Debug, Clone, Copy)]
struct Wish {
    sticky: bool,
    seconds: Option<u64>,
}

/// What happens to a bus.
#[derive(Debug, Clone)]
enum Step {
    /// A POST by the n-th poster to the n-th channel of messages with these wishes, with a key and a body.
    Post {
        poster: usize,
        channel: usize,
        wishes: Vec<Wish>,
        key: Option<(u8, u8)>,
    },
    /// The log commits its oldest proposals.
    Commit(usize),
    /// The log refuses one of them.
    Refuse(prop::sample::Index),
    /// Tenths of a second pass.
    Advance(u64),
    /// The reaper comes, with time for so many channels.
    Sweep(usize),
    /// The bus drops what is over.
    Expire,
    /// A channel is read, all of it or sticky messages alone, from behind the n-th message of the bus, counted from the newest.
    Read {
        channel: usize,
        back: usize,
        which: Which,
    },
    ReadBus {
        back: usize,
        which: Which,
    },
    /// Whoever holds the window of a channel is gone.
    Die(usize),
    /// The process ends and starts again; of what is pending so many are kept.
    Restart(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let channel = 0..world::CHANNELS;
    let key = prop::option::weighted(0.4, (0u8..3, 0u8..2));
    let which = prop_oneof![Just(Which::All), Just(Which::Sticky)];
    let wish = (prop::bool::weighted(0.25), prop::option::weighted(0.15, 0u64..18))
        .prop_map(|(sticky, seconds)| Wish { sticky, seconds });
    let step = prop_oneof![
        8 => (0..world::POSTERS, channel.clone(), prop::collection::vec(wish, 1..4), key)
            .prop_map(|(poster, channel, wishes, key)| Step::Post { poster, channel, wishes, key }),
        6 => (1usize..4).prop_map(Step::Commit),
        1 => any::<prop::sample::Index>().prop_map(Step::Refuse),
        6 => (1u64..30).prop_map(Step::Advance),
        2 => (1usize..4).prop_map(Step::Sweep),
        1 => Just(Step::Expire),
        4 => (channel.clone(), 0usize..20, which.clone())
            .prop_map(|(channel, back, which)| Step::Read { channel, back, which }),
        2 => (0usize..20, which).prop_map(|(back, which)| Step::ReadBus { back, which }),
        1 => channel.prop_map(Step::Die),
        1 => (0usize..3).prop_map(Step::Restart),
    ];
    prop::collection::vec(step, 1..STEPS_PER_CASE)
}

fn cases() -> u32 {
    let steps = std::env::var("BACKPLANE_FOLD_STEPS").ok().map_or(300_000, |steps| steps.parse().unwrap());
    u32::try_from(2 * steps / STEPS_PER_CASE + 1).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    /// I-1, I-2, I-5, I-10, RET-6, RET-9: what a bus and its channels show, whom they answer how, and that a restart changes nothing.
    #[test]
    fn a_bus_is_what_its_records_say(steps in steps()) {
        let mut world = World::new(world::IDLE);
        for step in steps {
            world.take(&step)?;
        }
        world.end()?;
    }
}

/// The list tells of this channel 43 ms after it is over.
#[test]
fn ret_8_a_channel_that_is_over_does_not_come_back() {
    let mut world = World::new(Duration::from_millis(3_950));
    let wishes = vec![Wish { sticky: false, seconds: None }];
    let post = Step::Post { poster: 0, channel: 0, wishes, key: None };
    for step in [post, Step::Commit(1), Step::Advance(40), Step::Restart(0)] {
        world.take(&step).unwrap();
    }
}
