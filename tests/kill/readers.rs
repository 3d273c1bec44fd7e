//! Readers: they follow the bus and its channels from position to position, across all kills.

use std::time::Duration;

use fastrand::Rng;

use crate::history::{ChannelKey, History, Position, View};
use crate::plan::CHANNELS;
use crate::task::Task;

fn channel(number: u32) -> View {
    View::Channel(ChannelKey { bus: 0, number })
}

async fn pause(rng: &mut Rng) {
    let millis = rng.u64(1..8);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Follows the bus.
pub(crate) async fn follow_bus(mut task: Task) -> History {
    let mut since = Position::Start;
    loop {
        let done = task.readers_done();
        since = task.read(View::Bus(0), since).await.map_or(since, Position::Cursor);
        if done {
            return task.history;
        }
        pause(&mut task.rng).await;
    }
}

/// Follows all channels; sometimes with a position of the bus or with none.
pub(crate) async fn follow_channels(mut task: Task) -> History {
    let mut positions = [Position::Start; CHANNELS as usize];
    let mut of_bus = None;
    while !task.readers_done() {
        let number = task.rng.u32(..CHANNELS);
        let since = &mut positions[number as usize];
        *since = task.read(channel(number), *since).await.map_or(*since, Position::Cursor);
        match task.rng.u32(..64) {
            0 => _ = task.read(channel(number), Position::Garbage).await,
            1 => {
                of_bus = match of_bus {
                    None => task.read(View::Bus(0), Position::Start).await,
                    Some(id) => task.read(View::Bus(0), Position::Cursor(id)).await.or(of_bus),
                }
            }
            2..8 => {
                if let Some(id) = of_bus {
                    task.read(channel(number), Position::Id(id.id)).await;
                }
            }
            _ => {}
        }
        pause(&mut task.rng).await;
    }
    task.history
}

/// Reads the whole bus, and these channels.
pub(crate) async fn audit(task: &mut Task, channels: impl IntoIterator<Item = u32>) {
    task.read(View::Bus(0), Position::Start).await;
    for number in channels {
        task.read(channel(number), Position::Start).await;
    }
}
