//! The broker with a log that takes its time, fails, or comes back with messages.

use std::sync::{Arc, Mutex};

use backplane_actors::log::{
    Appended, DiskLog, DiskSettings, Extent, Log, LogError, Notify, Outcome, Record, Recovered, RecoveryError,
};
use backplane_actors::{
    Batch, Broker, Fingerprint, IdempotencyKey, MessageId, PostError, Posting, Resume, Since, Timestamp,
};
use futures::future::{join, join_all};

use backplane_actors::Clock as _;
use testkit::START;
use testkit::broker::{builder, bus, channel, clock, eventually, ids, message, posting, texts};

/// Makes nothing durable until the test says so.
#[derive(Default, Clone)]
struct SlowLog(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    kept: Vec<Recovered>,
    waiting: Vec<(MessageId, Notify)>,
    refuse: Option<LogError>,
}

impl SlowLog {
    fn waiting(&self) -> usize {
        self.0.lock().unwrap().waiting.len()
    }

    fn tell_all(&self, outcome: impl Fn(MessageId) -> Outcome) {
        for (last, notify) in std::mem::take(&mut self.0.lock().unwrap().waiting) {
            notify.tell(outcome(last));
        }
    }
}

impl Log for SlowLog {
    fn recover(
        &mut self,
        _now: Timestamp,
        visit: &mut dyn FnMut(Recovered),
    ) -> Result<Extent, RecoveryError> {
        let kept = std::mem::take(&mut self.0.lock().unwrap().kept);
        let highest = kept.last().map_or(MessageId::ZERO, Recovered::last);
        kept.into_iter().for_each(visit);
        Ok(Extent { highest, lost: MessageId::ZERO })
    }

    fn append(&mut self, record: &Arc<Record>, notify: &Notify) -> Result<Appended, LogError> {
        let mut queue = self.0.lock().unwrap();
        if let Some(error) = queue.refuse {
            return Err(error);
        }
        queue.waiting.push((record.last(), notify.clone()));
        Ok(Appended::Pending)
    }

    fn close(&mut self) {
        self.tell_all(Outcome::Durable);
    }
}

fn keyed(text: &str, body: u8) -> Posting {
    let key = IdempotencyKey::new("key", Fingerprint([body; 32])).unwrap();
    Posting { channel: channel("a"), messages: Batch::single(message(text)), key: Some(key) }
}

async fn visible(broker: &Broker) -> (usize, usize) {
    let on_channel = broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    let on_bus = broker.read_bus(&bus(), Since::Start).await.unwrap();
    (on_channel.entries.len(), on_bus.entries.len())
}

#[actix::test]
async fn i_2_nothing_is_answered_or_visible_before_it_is_durable() {
    let log = SlowLog::default();
    let broker = builder(&clock()).log(log.clone()).start().unwrap();
    let posts = join_all((0..5).map(|n| {
        let broker = broker.clone();
        actix::spawn(async move { broker.post(&bus(), posting("a", &[&n.to_string()])).await })
    }));
    eventually("five appended", || log.waiting() == 5).await;
    assert_eq!(visible(&broker).await, (0, 0));
    log.tell_all(Outcome::Durable);
    let mut answered: Vec<_> =
        posts.await.into_iter().map(|post| post.unwrap().unwrap().last().unwrap()).collect();
    answered.sort();
    let page = broker.read_channel(&bus(), &channel("a"), Since::Start).await.unwrap();
    assert_eq!(ids(&page), answered);
}

#[actix::test]
async fn i_2_a_refused_post_leaves_nothing() {
    let log = SlowLog::default();
    let broker = builder(&clock()).log(log.clone()).start().unwrap();
    log.0.lock().unwrap().refuse = Some(LogError::Full);
    assert_eq!(broker.post(&bus(), keyed("1", 1)).await, Err(PostError::Log(LogError::Full)));
    log.0.lock().unwrap().refuse = None;
    let failing = async {
        eventually("appended", || log.waiting() == 1).await;
        log.tell_all(|last| Outcome::Refused { up_to: last, error: LogError::Failed });
    };
    let (refused, ()) = join(broker.post(&bus(), keyed("2", 2)), failing).await;
    assert_eq!(refused, Err(PostError::Log(LogError::Failed)));
    assert_eq!(visible(&broker).await, (0, 0));
    // The key of a refused POST is free again.
    let settling = async {
        eventually("appended", || log.waiting() == 1).await;
        log.tell_all(Outcome::Durable);
    };
    let (accepted, ()) = join(broker.post(&bus(), keyed("3", 3)), settling).await;
    assert!(accepted.is_ok());
    assert_eq!(visible(&broker).await, (1, 1));
}

#[actix::test]
async fn i_2_a_refusal_does_not_reach_what_was_appended_after_it() {
    let log = SlowLog::default();
    let broker = builder(&clock()).log(log.clone()).start().unwrap();
    let bus = bus();
    let telling = async {
        eventually("both appended", || log.waiting() == 2).await;
        let (first, notify) = log.0.lock().unwrap().waiting[0].clone();
        notify.tell(Outcome::Refused { up_to: first, error: LogError::Full });
        log.tell_all(Outcome::Durable);
    };
    let both = join(broker.post(&bus, posting("a", &["1"])), broker.post(&bus, posting("a", &["2"])));
    let ((first, second), ()) = join(both, telling).await;
    assert_eq!(first, Err(PostError::Log(LogError::Full)));
    let page = broker.read_channel(&bus, &channel("a"), Since::Start).await.unwrap();
    assert_eq!((texts(&page), second.is_ok()), (vec!["2".into()], true));
}

#[actix::test]
async fn i_2_a_retry_while_the_first_is_pending_waits_for_the_same_answer() {
    let log = SlowLog::default();
    let broker = builder(&clock()).log(log.clone()).start().unwrap();
    let settling = async {
        // Both are with the bus once the third has come through its mailbox after them.
        eventually("appended", || log.waiting() == 1).await;
        assert_eq!(broker.post(&testkit::broker::bus(), keyed("1", 2)).await, Err(PostError::KeyReused));
        assert_eq!(log.waiting(), 1);
        log.tell_all(Outcome::Durable);
    };
    let bus = bus();
    let twice = join(broker.post(&bus, keyed("1", 1)), broker.post(&bus, keyed("1", 1)));
    let ((first, second), ()) = join(twice, settling).await;
    let first = first.unwrap();
    assert_eq!(first, second.unwrap());
    assert_eq!(visible(&broker).await, (1, 1));
    assert_eq!(broker.post(&bus, keyed("1", 1)).await, Ok(first));
    assert_eq!(broker.bus_stats(&bus).unwrap().replays, 2);
}

#[actix::test]
async fn shutdown_waits_for_what_was_accepted() {
    let log = SlowLog::default();
    let broker = builder(&clock()).log(log.clone()).start().unwrap();
    let post = actix::spawn({
        let broker = broker.clone();
        async move { broker.post(&bus(), posting("a", &["1"])).await }
    });
    eventually("appended", || log.waiting() == 1).await;
    let settling = async { log.tell_all(Outcome::Durable) };
    join(broker.shutdown(), settling).await;
    assert!(post.await.unwrap().is_ok());
}

#[actix::test]
async fn i_1_a_restart_brings_windows_back_and_ids_go_on_rising() {
    let first = MessageId::first_at(START.after(std::time::Duration::from_mins(1)));
    let log = SlowLog::default();
    log.0.lock().unwrap().kept = vec![Recovered {
        bus: bus(),
        channel: channel("a"),
        first,
        messages: vec![message("1"), message("2")],
        accepted: START,
        until: START.after(std::time::Duration::from_secs(100)),
        kept_until: START.after(std::time::Duration::from_mins(10)),
        key: Some(IdempotencyKey::new("key", Fingerprint([1; 32])).unwrap()),
    }];
    let broker = builder(&clock()).log(log.clone()).start().unwrap();
    let page = broker.read_channel(&bus(), &channel("a"), Since::After(first)).await.unwrap();
    assert_eq!((texts(&page), page.resume), (vec!["2".into()], Resume::Complete));
    assert_eq!(visible(&broker).await, (2, 2));
    let again = broker.post(&bus(), keyed("1", 1)).await.unwrap();
    assert_eq!(again.ids().next(), Some(first), "its idempotency key is remembered");
    // The clock of this run is a minute behind that of the last.
    let settling = async {
        eventually("appended", || log.waiting() == 1).await;
        log.tell_all(Outcome::Durable);
    };
    let (posted, ()) = join(broker.post(&bus(), posting("a", &["3"])), settling).await;
    assert_eq!(posted.unwrap().last(), Some(MessageId::from_u64(first.as_u64() + 2)));
}

#[actix::test]
async fn i_1_i_2_a_broker_on_disk_comes_back_as_it_was() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let open = || {
        let settings = DiskSettings { segment: 2048, ..DiskSettings::at(folder.path()) };
        let log =
            DiskLog::open(settings).unwrap().clock(Arc::clone(&clock) as Arc<dyn backplane_actors::Clock>);
        builder(&clock).log(log).start().unwrap()
    };
    let (mut seen, mut keys) = (Vec::new(), Vec::new());
    for run in 0..4 {
        let broker = open();
        let pages = async |broker: &Broker| {
            let mut pages = vec![broker.read_bus(&bus(), Since::Start).await.unwrap()];
            for name in ["a", "b", "never"] {
                pages.push(broker.read_channel(&bus(), &channel(name), Since::Start).await.unwrap());
            }
            pages.iter().map(|page| (ids(page), texts(page), page.resume, page.next)).collect::<Vec<_>>()
        };
        if run > 0 {
            let found = pages(&broker).await;
            assert_eq!(found, seen, "run {run}");
            // Nothing is missing behind any position that was ever shown.
            for since in &seen[0].0 {
                let page = broker.read_bus(&bus(), Since::After(*since)).await.unwrap();
                assert_eq!(page.resume, Resume::Complete);
            }
            assert_eq!(broker.post(&bus(), keyed("again", 1)).await.unwrap(), keys[0]);
        }
        broker.canary().await.unwrap();
        if run == 0 {
            keys.push(broker.post(&bus(), keyed("first", 1)).await.unwrap());
        }
        for n in 0..20 {
            let text = format!("{run} {n}");
            let posted = broker.post(&bus(), posting(["a", "b"][n % 2], &[&text, "more"])).await.unwrap();
            let newest = seen.first().and_then(|(ids, ..)| ids.last().copied());
            assert!(posted.ids().next() > newest, "ids rise over restarts");
        }
        seen = pages(&broker).await;
        broker.shutdown().await;
        // The clock of the next run is behind that of this one.
        clock.set(backplane_actors::Timestamp::from_millis(clock.now().as_millis() - 1_000));
    }
}
