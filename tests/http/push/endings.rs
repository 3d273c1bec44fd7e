//! Why a stream ends, and that its reader is told.

use std::thread;
use std::time::Duration;

use backplane::config::{AllowedOrigins, Config};
use testkit::{BUS, Events, Said, Server, Setup, Socket, eventually};

use super::{channel, of_bus, waiting};

/// The last that it says, and that it ends then.
fn end_of(mut events: Events) -> (String, Option<u64>) {
    loop {
        match events.next().expect("the end is told") {
            Said::Fact { id: None, retry, fact } if fact.get("end").is_some() => {
                assert_eq!(fact.get("retry").and_then(serde_json::Value::as_u64), retry);
                assert_eq!(events.next(), None);
                return (fact["end"].as_str().unwrap().to_owned(), retry);
            }
            Said::Heartbeat | Said::Fact { .. } => {}
            Said::Frame { .. } => panic!("messages came before"),
        }
    }
}

#[test]
fn push_end_1_the_end_of_the_server_is_told_and_all_end_in_time() {
    const READERS: usize = 50;
    let mut server = Server::start();
    let client = server.client();
    let events: Vec<_> = (0..READERS)
        .map(|n| {
            let mut events = Events::open(&client, &channel(&format!("c-{n}"), ""));
            events.resumed();
            events
        })
        .collect();
    let waits = client.clone();
    let poll = thread::spawn(move || waits.read("c", "?block=60"));
    eventually("the poll waits", || waiting(&client, "long_poll") == Some(1.0));
    server.begin_shutdown();
    let mut retries: Vec<_> = events
        .into_iter()
        .map(|events| {
            let (reason, retry) = end_of(events);
            assert_eq!(reason, "drain");
            retry.unwrap()
        })
        .collect();
    assert!(retries.iter().all(|retry| (500..5000).contains(retry)), "{retries:?}");
    retries.sort_unstable();
    retries.dedup();
    assert!(retries.len() > READERS / 2, "not all at once: {retries:?}");
    let reply = poll.join().unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, "[]"));
    assert_eq!(server.end(), Ok(()));
    assert!(!server.log().contains("still"), "{}", server.log());
}

#[test]
fn push_end_2_messages_come_until_the_turn_to_go() {
    let server = Server::start();
    let client = server.client();
    let mut events = Events::open(&client, &channel("c", ""));
    events.resumed();
    client.post_payloads("c", &["1"]);
    server.backplane.drain();
    assert_eq!(events.payloads(1), ["1"]);
    assert_eq!(end_of(events).0, "drain");
}

/// The configuration of a running server with something new.
fn changed(server: &Server, change: impl FnOnce(&mut Config)) {
    let mut new = server.config().clone();
    change(&mut new);
    let taken = actix_rt::System::new().block_on(server.backplane.take_over(&new)).unwrap();
    assert_eq!(taken.refused, []);
}

#[test]
fn push_end_3_a_bus_that_is_gone_is_told_and_nobody_comes_back() {
    let server = Server::start();
    let client = server.client();
    let mut events = Events::open(&client, &channel("c", ""));
    events.resumed();
    let waits = client.clone();
    let poll = thread::spawn(move || waits.read("c", "?block=60"));
    eventually("the poll waits", || waiting(&client, "long_poll") == Some(1.0));
    changed(&server, |config| config.buses.retain(|bus| bus.name.as_str() != BUS));
    assert_eq!(end_of(events), ("closed".to_owned(), None));
    poll.join().unwrap().is_error(404, "unknown_bus");
}

#[test]
fn push_end_4_who_may_no_longer_read_a_bus_is_told_before_anything_else() {
    let takes_the_right = |config: &mut Config| config.buses[0].read.retain(|user| user.as_str() != "reader");
    let changes_the_password = |config: &mut Config| {
        let hash = testkit::password_hash("another");
        config
            .users
            .iter_mut()
            .filter(|user| user.name.as_str() == "reader")
            .for_each(|user| user.password_hash = hash.clone());
    };
    let changes: [&dyn Fn(&mut Config); 2] = [&takes_the_right, &changes_the_password];
    for change in changes {
        let server =
            Setup::new().config(|config| config.limits.heartbeat = Duration::from_millis(50)).start();
        let client = server.client();
        let (mut events, mut other) = (of_bus(&client), Events::open(&client, &channel("c", "")));
        events.resumed();
        other.resumed();
        changed(&server, change);
        client.post_payloads("c", &["1"]);
        assert_eq!(end_of(events), ("forbidden".to_owned(), None));
        assert_eq!(other.payloads(1), ["1"], "who reads a channel needs no right");
    }
    // Others lose nothing by it.
    let server = Server::start();
    let client = server.client();
    let mut events = of_bus(&client);
    events.resumed();
    changed(&server, |config| config.users.retain(|user| user.name.as_str() != "nobody"));
    client.post_payloads("c", &["1"]);
    assert_eq!(events.payloads(1), ["1"]);
}

#[test]
fn push_end_5_pages_that_may_no_longer_read_a_bus_are_told() {
    const PAGE: &str = "https://a.example";
    let named = || AllowedOrigins::List(vec![PAGE.to_owned(), "https://b.example".to_owned()]);
    let changes = [
        (named(), AllowedOrigins::List(vec!["https://b.example".to_owned()])),
        (AllowedOrigins::Any, AllowedOrigins::List(Vec::new())),
    ];
    for (before, after) in changes {
        let server = Setup::new().bus(move |bus| bus.allowed_origins = before).start();
        let client = server.client();
        let of = |path: &str| Events::of(client.request("GET", path).header("Origin", PAGE));
        let (mut page, mut pages) = (of(&channel("c", "")), of(&format!("/v1/bus/{BUS}/channels?channel=c")));
        let mut socket = Socket::open(server.address(), &channel("c", ""), &format!("Origin: {PAGE}\r\n"));
        let mut other = Events::open(&client, &channel("c", ""));
        page.resumed();
        pages.resumed();
        socket.resumed();
        other.resumed();
        // What does not concern them ends nothing.
        changed(&server, |config| config.buses[0].jsonp = !config.buses[0].jsonp);
        client.post_payloads("c", &["1"]);
        assert_eq!((page.payloads(1), pages.payloads(1)), (vec!["1".to_owned()], vec!["1".to_owned()]));
        assert_eq!(socket.payloads(1), ["1"]);
        changed(&server, |config| config.buses[0].allowed_origins = after.clone());
        client.post_payloads("c", &["2"]);
        assert_eq!(end_of(page), ("forbidden".to_owned(), None));
        assert_eq!(end_of(pages), ("forbidden".to_owned(), None));
        let (fact, code, reason) = socket.end();
        assert_eq!((code, reason.as_str()), (Some(1008), "forbidden"), "{fact:?}");
        assert_eq!(other.payloads(2), ["1", "2"], "who is no page goes on");
    }
}
