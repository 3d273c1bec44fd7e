//! Readers of all kinds of slowness on several threads.

use std::num::NonZeroUsize;
use std::time::Duration;

use backplane_actors::{Broker, BusSettings, Event, MessageId, Resume, Since};
use futures::StreamExt as _;

use super::{subscribe, text};
use crate::{bus, posted_ids, posting};

/// On several threads, with readers of all kinds of slowness, while channels expire, windows evict and readers come and go: what
/// each got is what was posted, in order, each once, from its position on; what is missing was told.
#[test]
fn stress_nothing_is_missed_in_silence() {
    const POSTS: usize = 4_000;
    const CHANNELS: usize = 4;
    let settings = BusSettings { channel_window: NonZeroUsize::new(50).unwrap(), ..BusSettings::default() };
    let broker = Broker::builder().bus(bus(), settings).start().unwrap();
    let arbiters: Vec<_> = (0..2)
        .map(|_| {
            let (started, ready) = std::sync::mpsc::channel();
            let broker = broker.clone();
            let thread = std::thread::spawn(move || {
                actix::System::new().block_on(async move {
                    let arbiter = actix_rt::Arbiter::new();
                    let joining = broker.clone();
                    arbiter.spawn_fn(move || joining.join_arbiter());
                    started.send(arbiter.handle()).unwrap();
                    // Until everybody is done.
                    futures::future::pending::<()>().await;
                });
            });
            (ready.recv().unwrap(), thread)
        })
        .collect();
    let (report, reports) = std::sync::mpsc::channel();
    for n in 0..24usize {
        let (broker, report) = (broker.clone(), report.clone());
        arbiters[n % 2].0.spawn_fn(move || {
            actix_rt::spawn(async move {
                let names: Vec<String> =
                    (0..CHANNELS).filter(|c| (n + c) % 3 != 0).map(|c| format!("c{c}")).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let mut since = Since::Start;
                let mut seen: Vec<(MessageId, String)> = Vec::new();
                let mut gaps = 0usize;
                'lives: loop {
                    let mut reader = subscribe(&broker, &names, since);
                    let mut taken = 0;
                    while let Some(event) = reader.next().await {
                        match event {
                            Event::Resumed(resumed) => {
                                gaps += usize::from(resumed.resume != Resume::Complete);
                            }
                            Event::Message(message) => {
                                let text = text(&message);
                                let is_last = text == "last";
                                seen.push((message.id(), text));
                                if is_last {
                                    break 'lives;
                                }
                            }
                            Event::End(end) => panic!("{end:?}"),
                        }
                        taken += 1;
                        if n % 4 == 1 && taken % 10 == 0 {
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                        if n % 5 == 2 && taken % 97 == 0 {
                            // Comes again with its position.
                            since = reader.position().into();
                            break;
                        }
                    }
                }
                report
                    .send((n, names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), seen, gaps))
                    .unwrap();
            });
        });
    }
    drop(report);
    let mut posted: Vec<(MessageId, String, String)> = Vec::new();
    actix::System::new().block_on(async {
        for n in 0..POSTS {
            let name = format!("c{}", n % CHANNELS);
            let ids = posted_ids(broker.post(&bus(), posting(&name, &[&n.to_string()])).await.unwrap());
            posted.push((ids[0], name, n.to_string()));
        }
        for c in 0..CHANNELS {
            let name = format!("c{c}");
            let ids = posted_ids(broker.post(&bus(), posting(&name, &["last"])).await.unwrap());
            posted.push((ids[0], name, "last".to_owned()));
        }
    });
    let mut told = 0;
    for (n, names, seen, gaps) in reports {
        assert!(seen.is_sorted_by(|a, b| a.0 < b.0), "reader {n} has something twice, or out of order");
        let end = seen.last().unwrap().0;
        let expected: Vec<_> =
            posted.iter().filter(|(id, name, _)| names.contains(name) && *id <= end).collect();
        let missing = expected.len() - seen.len();
        assert!(missing == 0 || gaps > 0, "reader {n} misses {missing} in silence");
        for (id, text) in &seen {
            assert!(expected.iter().any(|(posted, _, of)| posted == id && of == text));
        }
        told += gaps;
    }
    // Somebody was slow, or nothing of it was tried.
    eprintln!("{told} gaps were told");
    for (arbiter, thread) in arbiters {
        arbiter.stop();
        drop(thread);
    }
}
