//! Why one ends, and that its client is told.

use std::time::Duration;

use backplane::config::Config;
use testkit::{BUS, Frame, Server, Setup, eventually};

use super::{channel, no_channels, open, open_as, waiting};

fn changed(server: &Server, change: impl FnOnce(&mut Config)) {
    let mut new = server.config().clone();
    change(&mut new);
    let taken = actix_rt::System::new().block_on(server.backplane.take_over(&new)).unwrap();
    assert_eq!(taken.refused, []);
}

#[test]
fn push_ws_50_the_end_of_the_server_is_told_and_all_end_in_time() {
    const MANY: usize = 30;
    let mut server = Server::start();
    let sockets: Vec<_> = (0..MANY)
        .map(|n| {
            let mut socket = open(&server, &channel(&format!("c-{n}"), ""));
            socket.resumed();
            socket
        })
        .collect();
    server.begin_shutdown();
    let mut retries: Vec<_> = sockets
        .into_iter()
        .map(|mut socket| {
            let (fact, code, reason) = socket.end();
            let fact = fact.unwrap();
            assert_eq!((&fact["end"], code, reason.as_str()), (&"drain".into(), Some(1001), "drain"));
            fact["retry"].as_u64().unwrap()
        })
        .collect();
    assert!(retries.iter().all(|retry| (500..5000).contains(retry)), "{retries:?}");
    retries.sort_unstable();
    retries.dedup();
    assert!(retries.len() > MANY / 2, "not all at once: {retries:?}");
    assert_eq!(server.end(), Ok(()));
    assert!(!server.log().contains("still"), "{}", server.log());
}

#[test]
fn push_ws_51_a_bus_that_is_gone_is_told_and_nobody_comes_back() {
    let server = Server::start();
    let mut socket = open(&server, &channel("c", ""));
    socket.resumed();
    changed(&server, |config| config.buses.retain(|bus| bus.name.as_str() != BUS));
    let (fact, code, reason) = socket.end();
    assert_eq!(fact.unwrap(), serde_json::json!({"end": "closed"}));
    assert_eq!((code, reason.as_str()), (Some(4000), "closed"));
}

#[test]
fn push_ws_52_who_has_lost_right_or_password_is_told_before_anything_else() {
    let takes_the_right = |config: &mut Config| config.buses[0].read.retain(|user| user.as_str() != "reader");
    let changes_the_password = |config: &mut Config| {
        let hash = testkit::password_hash("another");
        let readers = config.users.iter_mut().filter(|user| user.name.as_str() == "reader");
        readers.for_each(|user| user.password_hash = hash.clone());
    };
    let changes: [&dyn Fn(&mut Config); 2] = [&takes_the_right, &changes_the_password];
    for (change, ends_channels) in changes.into_iter().zip([false, true]) {
        let heartbeat = Duration::from_millis(50);
        let server = Setup::new().config(|config| config.limits.heartbeat = heartbeat).start();
        let client = server.client();
        let mut of_bus = open_as(&server, "reader", &format!("/v1/bus/{BUS}"));
        let mut of_channel = open_as(&server, "reader", &channel("c", ""));
        let mut of_nobody = open(&server, &channel("c", ""));
        for socket in [&mut of_bus, &mut of_channel, &mut of_nobody] {
            socket.resumed();
        }
        changed(&server, change);
        client.post_payloads("c", &["1"]);
        let (fact, code, _) = of_bus.end();
        assert_eq!((fact.unwrap(), code), (serde_json::json!({"end": "forbidden"}), Some(1008)));
        assert_eq!(of_nobody.payloads(1), ["1"], "who reads a channel needs no right");
        if ends_channels {
            assert_eq!(of_channel.end().1, Some(1008));
        } else {
            assert_eq!(of_channel.payloads(1), ["1"]);
        }
    }
}

#[test]
fn push_ws_53_who_lost_the_right_to_post_goes_on_reading() {
    let server = Server::start();
    let mut socket = open_as(&server, "poster", &channel("c", ""));
    socket.resumed();
    changed(&server, |config| config.buses[0].post.retain(|user| user.as_str() != "poster"));
    socket.say(r#"{"publish": "c", "messages": [], "ref": "1"}"#);
    assert_eq!(socket.said()["error"], "forbidden");
}

#[test]
fn push_ws_54_who_subscribes_to_nothing_and_says_nothing_is_sent_away() {
    // Pings are to be answered within two of them, on a busy machine too.
    let heartbeat = Duration::from_millis(250);
    let setup = Setup::new().config(|config| {
        config.limits.heartbeat = heartbeat;
        config.limits.keep_alive = heartbeat * 3;
    });
    let server = setup.start();
    let mut idles = open(&server, &no_channels());
    let (fact, code, reason) = idles.end();
    assert_eq!(fact.unwrap(), serde_json::json!({"end": "idle"}));
    assert_eq!((code, reason.as_str()), (Some(4001), "idle"));
    // Who reads may be silent.
    let mut reads = open(&server, &channel("c", ""));
    reads.resumed();
    for _ in 0..8 {
        while reads.frame() != Frame::Ping {}
        reads.send(&testkit::masked(0x8a, b""));
    }
}

#[test]
fn push_ws_55_the_client_ends_it() {
    let server = Server::start();
    let client = server.client();
    for (body, code) in [(&b""[..], None), (b"\x03\xe8bye", Some(1000)), (b"\x0f\xa0", Some(4000))] {
        let mut socket = open(&server, &channel("c", ""));
        socket.resumed();
        socket.close(body);
        assert_eq!(socket.heard(), Frame::Close(code, String::new()));
        assert_eq!(socket.heard(), Frame::End);
    }
    // Without a word, in the midst of a frame too.
    for rest in [&b""[..], b"\x81", b"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff\x01\x02\x03\x04"] {
        let mut socket = open(&server, &channel("c", ""));
        socket.send(rest);
        drop(socket);
    }
    eventually("all are gone", || waiting(&client, "websocket") == Some(0.0));
    eventually("nothing is under way", || server.backplane.active_requests() == 0);
}
