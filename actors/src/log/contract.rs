//! What every log must keep, as a suite that each runs.

mod bus;

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::{
    Incarnation, Item, Items, Kept, Keyed, Life, Log, LogError, LogState, Promise, Proposal, Runs, Ticket,
};
use crate::clock::{Clock, ManualClock};
use crate::model::{
    BusName, Epoch, Fingerprint, IdempotencyKey, Message, MessageId, Moment, Position, Poster, Since,
    Timestamp,
};
use crate::window::{Origin, Resume};

pub(crate) use self::bus::Bus;

/// Far more than any log needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const NOW: Timestamp = Timestamp::from_millis(500);

/// A POST of these texts, of which nothing ends.
pub(crate) fn proposal(bus: &str, texts: &[&str]) -> Proposal {
    let item = |text: &&str| Item {
        message: Message::recovered(text),
        until: Moment::from_millis(1 << 50),
        promise: Promise::default(),
    };
    Proposal {
        bus: bus.parse().unwrap(),
        incarnation: Incarnation::FIRST,
        poster: Poster::nobody(),
        channel: "c".parse().unwrap(),
        life: Life(1),
        idle_until: Moment::from_millis(1 << 50),
        items: Items::new(texts.iter().map(item).collect()).unwrap(),
        at: Moment::ZERO,
        accepted: NOW,
        keyed: None,
    }
}

/// Proposals that differ in all that a record says.
fn varied(n: u64) -> Proposal {
    let texts = ["{}", "[1]", "\"ä\"", "", "null"];
    let mut proposal =
        proposal(["a", "b"][usize::from(n.is_multiple_of(3))], &texts[..=usize::try_from(n % 5).unwrap()]);
    let items = proposal.items.iter().zip(0u64..).map(|(item, place)| Item {
        message: item.message.clone(),
        until: Moment::from_millis(1_000 + n * place),
        promise: Promise { sticky: (n + place).is_multiple_of(2), dated: (n + place).is_multiple_of(3) },
    });
    proposal.items = Items::new(items.collect()).unwrap();
    proposal.incarnation = Incarnation(MessageId::from_u64(n / 50));
    proposal.poster = Poster::recovered(["", "u", "another user"][usize::try_from(n % 3).unwrap()]);
    proposal.life = Life(n / 7);
    proposal.idle_until = Moment::from_millis(2_000 + n);
    proposal.at = Moment::from_millis(n);
    proposal.accepted = Timestamp::from_millis(500 + n);
    proposal.keyed = n.is_multiple_of(4).then(|| Keyed {
        key: IdempotencyKey::new(&format!("k{n}"), Fingerprint([7; 32])).unwrap(),
        until: Moment::from_millis(3_000 + n),
    });
    proposal
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOW))
}

/// The log, recovered on this clock as run `epoch`, and what it had kept.
pub(crate) fn start<L: Log>(
    mut log: L,
    clock: &Arc<ManualClock>,
    epoch: u64,
) -> (L, super::Extent, Vec<Kept>) {
    let mut found = Vec::new();
    let clock: Arc<dyn Clock> = clock.clone();
    let extent = log.recover(&clock, Epoch::from_u64(epoch), &mut |kept| found.push(kept)).unwrap();
    (log, extent, found)
}

/// Runs the suite on logs that `open` makes, each of them fresh.
pub(crate) fn check<L: Log>(open: impl Fn() -> L) {
    a_fresh_log_is_empty(open());
    everything_is_committed_once_whole_and_in_order(&start(open(), &clock(), 1).0);
    what_is_flushed_is_committed_by_itself(&start(open(), &clock(), 1).0);
    buses_of_one_name_are_both_told(&start(open(), &clock(), 1).0);
    i_9_what_is_proposed_gets_ids_above_what_was_issued(&start(open(), &clock(), 1).0);
    ids_are_above_all_that_the_clock_stands_for(open());
    who_is_retired_is_below_whoever_follows(&start(open(), &clock(), 1).0);
    a_closed_log_takes_nothing(&start(open(), &clock(), 1).0);
}

fn a_fresh_log_is_empty(log: impl Log) {
    let (log, extent, found) = start(log, &clock(), 7);
    let born = MessageId::first_at(NOW);
    assert_eq!((extent.highest, extent.lost, log.issued()), (born, born, born));
    assert_eq!(extent.runs, Runs::new(Vec::new(), Epoch::from_u64(7), born));
    assert_eq!(extent.timeline.now(), Moment::ZERO);
    assert!(found.is_empty());
    assert_eq!(log.health().state, LogState::Open);
    log.close();
}

fn everything_is_committed_once_whole_and_in_order(log: &impl Log) {
    let mut buses = [Bus::new(), Bus::new()];
    for n in 0..200 {
        buses[usize::from(n % 3 == 0)].propose(log, varied(n)).unwrap();
        if n % 17 == 0 {
            log.flush();
        }
    }
    log.close();
    buses.iter_mut().for_each(Bus::end);
    let [many, few] = &buses;
    assert_eq!((many.committed.len(), few.committed.len()), (133, 67));
    let mut all: Vec<_> =
        many.committed.iter().chain(&few.committed).map(|record| (record.first(), record.last())).collect();
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].0), "no id is given out twice, whatever the bus");
    assert_eq!(log.issued(), all.last().unwrap().1);
    // In the order in which they were proposed, over all buses.
    let accepted: Vec<_> = {
        let mut records: Vec<_> = many.committed.iter().chain(&few.committed).collect();
        records.sort_by_key(|record| record.first());
        records.iter().map(|record| record.at).collect()
    };
    assert!(accepted.is_sorted());
}

fn what_is_flushed_is_committed_by_itself(log: &impl Log) {
    let mut bus = Bus::new();
    for round in 0..20 {
        for _ in 0..=round % 3 {
            bus.propose(log, proposal("a", &["{}"])).unwrap();
        }
        log.flush();
        bus.settle();
    }
    log.flush();
    log.close();
    assert!(bus.is_silent(), "nothing is told twice");
}

fn buses_of_one_name_are_both_told(log: &impl Log) {
    let (mut one, mut other) = (Bus::new(), Bus::new());
    for n in 0..20 {
        let bus = if n % 2 == 0 { &mut one } else { &mut other };
        bus.propose(log, proposal("a", &["{}"])).unwrap();
    }
    log.close();
    for bus in [&mut one, &mut other] {
        bus.end();
        assert_eq!(bus.committed.len(), 10);
    }
}

fn i_9_what_is_proposed_gets_ids_above_what_was_issued(log: &impl Log) {
    let mut buses = [Bus::new(), Bus::new()];
    for n in 0..20 {
        let bus = &mut buses[n % 2];
        let before = log.issued();
        let last = bus.post(log, proposal("a", &["{}", "{}"]));
        assert!(bus.committed.last().unwrap().first() > before && log.issued() >= last);
    }
    log.close();
}

fn ids_are_above_all_that_the_clock_stands_for(log: impl Log) {
    let clock = clock();
    let (log, extent, _) = start(log, &clock, 1);
    let mut bus = Bus::new();
    let first = bus.post(&log, proposal("a", &["{}"]));
    assert!(first > extent.highest);
    clock.advance(Duration::from_secs(1));
    let later = bus.post(&log, proposal("a", &["{}"]));
    assert!(later >= MessageId::first_at(clock.wall()));
    clock.step_wall(Timestamp::EPOCH);
    assert!(bus.post(&log, proposal("a", &["{}"])) > later, "also when the clock was set back");
    log.close();
}

fn who_is_retired_is_below_whoever_follows(log: &impl Log) {
    let name: BusName = "a".parse().unwrap();
    let mut bus = Bus::new();
    let last = bus.post(log, proposal("a", &["{}", "{}"]));
    let (sender, done) = channel();
    let next = log.retire(&name, Box::new(move |outcome| sender.send(outcome).unwrap())).unwrap();
    assert_eq!(done.recv_timeout(PATIENCE), Ok(Ok(())));
    assert!(next.0 >= last && next.0 <= log.issued());
    assert!(bus.post(log, proposal("a", &["{}"])) > next.0);
    log.close();
}

fn a_closed_log_takes_nothing(log: &impl Log) {
    log.close();
    let bus = Bus::new();
    let refused = log.propose(proposal("a", &["{}"]), Ticket(1), &bus.feed);
    assert_eq!(refused.map(drop), Err(LogError::Closed));
    let retired = log.retire(&"a".parse().unwrap(), Box::new(|_| panic!("it was not taken")));
    assert_eq!(retired, Err(LogError::Closed));
    assert_eq!(log.health().state, LogState::Closed);
    assert!(bus.is_silent());
    log.flush();
    log.close();
}

/// Runs what durable logs keep beyond the process: `open` opens the same log again and again.
pub(crate) fn check_durable<L: Log>(open: impl Fn() -> L) {
    let clock = clock();
    let mut kept: Vec<Kept> = Vec::new();
    let mut ends: Vec<Position> = Vec::new();
    for run in 1..=5 {
        let (log, extent, found) = start(open(), &clock, run);
        assert_eq!(found, kept, "exactly what was committed, whole and in order");
        assert_eq!(extent.lost, MessageId::first_at(NOW), "nothing was lost since the log is there");
        assert!(ends.iter().all(|end| end.id <= extent.highest) && log.issued() == extent.highest);
        assert_eq!(extent.timeline.now(), Moment::from_millis((run - 1) * 1_000), "time goes on");
        for end in &ends {
            let (since, beyond) = (Since::from(*end), MessageId::from_u64(end.id.as_u64() + 1));
            assert_eq!(
                extent.runs.judge(since, log.issued()),
                Origin::Newer(end.id),
                "an end in order is believed"
            );
            let beyond = Since::from(Position { id: beyond, ..*end });
            assert_eq!(extent.runs.judge(beyond, log.issued()), Origin::Whole(Resume::Gap));
        }
        let mut bus = Bus::new();
        for n in 0..200 {
            bus.propose(&log, varied(n)).unwrap();
            if n == 100 {
                log.flush();
                bus.settle();
                kept.extend(bus.committed.drain(..).map(|record| Kept::Record((*record).clone())));
                let name: BusName = "b".parse().unwrap();
                let (sender, done) = channel();
                let next = log.retire(&name, Box::new(move |outcome| sender.send(outcome).unwrap())).unwrap();
                assert_eq!(done.recv_timeout(PATIENCE), Ok(Ok(())));
                kept.push(Kept::Retired { bus: name, next });
            }
        }
        log.close();
        bus.end();
        kept.extend(bus.committed.drain(..).map(|record| Kept::Record((*record).clone())));
        ends.push(Position { id: log.issued(), epoch: Some(Epoch::from_u64(run)) });
        clock.advance(Duration::from_secs(1));
    }
}
