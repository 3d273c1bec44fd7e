//! Several buses in one order that never skips (I-9).

mod crowd;
mod log;
mod model;
mod order;

use std::num::NonZeroUsize;

use backplane_actors::{
    Across, AcrossPage, AcrossSubscription, Broker, BrokerBuilder, BusName, BusSettings, Delivered, Event,
    MessageId, Part, Resumed, Since,
};
use futures::{FutureExt as _, StreamExt as _};

/// Far more than there is.
const ALL: NonZeroUsize = NonZeroUsize::MAX;

fn name(name: &str) -> BusName {
    name.parse().unwrap()
}

/// A broker with these buses.
fn with_buses(builder: BrokerBuilder, names: &[&str]) -> BrokerBuilder {
    names.iter().fold(builder, |builder, bus| builder.bus(name(bus), BusSettings::default()))
}

/// All of these buses.
fn across(broker: &Broker, names: &[&str]) -> Across {
    broker.across(names.iter().map(|name| (broker.bus(name).unwrap(), Part::All)).collect())
}

async fn read(across: &Across, since: impl Into<Since>) -> AcrossPage {
    across.read(since.into(), &|_, _| true, ALL).await.unwrap()
}

fn ids(page: &AcrossPage) -> Vec<MessageId> {
    page.entries.iter().map(|(_, entry)| entry.id()).collect()
}

async fn resumed(events: &mut AcrossSubscription) -> Resumed {
    match events.next().await {
        Some(Event::Resumed(resumed)) => resumed,
        other => panic!("{other:?} instead of where it stands"),
    }
}

async fn message(events: &mut AcrossSubscription) -> Delivered {
    match events.next().await {
        Some(Event::Message(message)) => message,
        other => panic!("{other:?} instead of a message"),
    }
}

/// What comes without waiting for anybody but the actors of this thread.
async fn at_hand(events: &mut AcrossSubscription) -> Option<Event> {
    for _ in 0..20 {
        if let Some(event) = events.next().now_or_never() {
            return event;
        }
        tokio::task::yield_now().await;
    }
    None
}
