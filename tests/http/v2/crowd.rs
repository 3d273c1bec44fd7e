//! Posters and readers of both versions at once, on several buses: one order that skips nothing (I-9), and nobody sees what his scope
//! keeps from him. What there is of it below HTTP, with logs that hold things back, `broker/across` tries.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;
use testkit::{BUS, Client, Events, OTHER_BUS, messages, password_of, send};

use super::*;

/// POSTs of each poster.
const POSTS: u32 = 150;

/// What one reader has seen, in its order: the id in the message's URL, and the payload.
type Seen = Vec<(String, u64)>;

fn seen_in(message: &Value) -> (String, u64) {
    let url = message["messageURL"].as_str().unwrap();
    (url.rsplit('/').next().unwrap().to_owned(), message["payload"].as_u64().unwrap())
}

/// Posts by version 1.x; the payloads that were acknowledged.
fn old_poster(client: &Client, bus: &str, base: u32) -> Vec<u64> {
    let post = |n: u32| {
        let (first, second) = (base + 2 * n, base + 2 * n + 1);
        let request = client.request("POST", &format!("/v1/bus/{bus}/channel/c{}", n % 7));
        let request = request.basic_auth("alice", Some(password_of("alice")));
        let body = messages(&[&first.to_string(), &second.to_string()]);
        let reply = send(request.header("Content-Type", "application/json").body(body));
        assert_eq!(reply.status, 200, "{}", reply.text());
        [first.into(), second.into()]
    };
    (0..POSTS).flat_map(post).collect()
}

/// The same by version 2.0.
fn new_poster(client: &Client, token: &str, bus: &str, base: u32) -> Vec<u64> {
    let channel = page(client, bus).channel;
    let post = |n: u32| {
        let kind = if n.is_multiple_of(3) { "wanted" } else { "other" };
        let reply = post_with(client, token, bus, &channel, &json!(base + n), &json!({"type": kind}));
        assert_eq!(reply.status, 201, "{}", reply.text());
        (base + n).into()
    };
    (0..POSTS).map(post).collect()
}

/// Follows `nextURL` until nothing is left behind `over`.
fn follow(client: &Client, token: &str, over: &AtomicBool) -> Seen {
    let (mut seen, mut list) = (Seen::new(), read(client, token, ""));
    loop {
        let last_round = over.load(Ordering::Acquire);
        seen.extend(list["messages"].as_array().unwrap().iter().map(seen_in));
        if last_round && list["messages"] == json!([]) && list["moreMessages"] == false {
            return seen;
        }
        let block = u8::from(!last_round);
        let reply = get(client, token, &format!("{}&block={block}", next(client, &list)));
        assert_eq!(reply.header("backplane-resume"), Some("complete"));
        list = reply.json();
    }
}

/// The first so many messages of a stream, each linked to the one before it.
fn stream(client: &Client, token: &str, count: usize) -> Seen {
    let request = with(client.request("GET", "/v2/messages"), token).header("Accept", "text/event-stream");
    let (mut events, mut seen, mut last) = (Events::of(request), Seen::new(), None);
    events.resumed();
    while seen.len() < count {
        let (_, data) = events.frame();
        assert!(last.is_none_or(|last| data["prev"] == last), "I-10: {data}");
        last = Some(data["id"].clone());
        seen.push(seen_in(&data["message"]));
    }
    seen
}

#[test]
fn i_9_v2_get_1_over_several_buses_nothing_is_skipped_doubled_or_out_of_order() {
    let server = start();
    let client = server.client();
    let put = |name: &str| {
        let reply = send(admin(&client, "PUT", &format!("buses/{name}")).json(&json!({"settings": {}})));
        assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
    };
    put("idle.com");
    grant(&client, CLIENT, &["idle.com"]);
    let token = token_of(&client, CLIENT, "");
    let wanted = token_of(&client, CLIENT, "type:wanted");
    let (over, acknowledged) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()));
    let all = usize::try_from(6 * POSTS).unwrap();
    let (polled, streamed, filtered) = thread::scope(|scope| {
        let polls = scope.spawn(|| follow(&client, &token, &over));
        let filter = scope.spawn(|| follow(&client, &wanted, &over));
        let streams = scope.spawn(|| stream(&client, &token, all));
        let posters = [
            scope.spawn(|| old_poster(&client, BUS, 1_000)),
            scope.spawn(|| old_poster(&client, OTHER_BUS, 2_000)),
            scope.spawn(|| new_poster(&client, &token, BUS, 3_000)),
            scope.spawn(|| new_poster(&client, &token, OTHER_BUS, 4_000)),
        ];
        // Somebody else's bus comes and goes meanwhile.
        for _ in 0..10 {
            put("again.com");
            assert_eq!(send(admin(&client, "DELETE", "buses/again.com")).status, 204);
        }
        for poster in posters {
            acknowledged.lock().unwrap().extend(poster.join().unwrap());
        }
        over.store(true, Ordering::Release);
        (polls.join().unwrap(), streams.join().unwrap(), filter.join().unwrap())
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    assert_eq!(acknowledged.len(), all);
    for seen in [&polled, &streamed] {
        assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0), "one order, and nothing twice");
        assert_eq!(seen.iter().map(|(_, payload)| *payload).collect::<BTreeSet<_>>(), acknowledged);
    }
    assert_eq!(polled, streamed);
    let expected: Seen = polled
        .iter()
        .filter(|(_, payload)| *payload >= 3_000 && (payload % 1_000).is_multiple_of(3))
        .cloned()
        .collect();
    assert_eq!(filtered, expected, "what the scope lets through, all of it and nothing else");
}
