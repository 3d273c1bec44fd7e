//! Readers that are cut, come back, change what they read and poll, while others post: each ends up with every message once
//! and in order, and what it is told of the message before holds all the time.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{BUS, Client, Events, PATIENCE, Said, Server, Setup, basic, send};

use super::{again, channel, channels};

const CHANNELS: [&str; 5] = ["a", "b", "c", "d", "e"];
/// Messages of each: all of them fit into a window.
const EACH: usize = 25;
/// Characters of an id.
const LENGTH: usize = 13;

/// What a reader has of each channel, and where it stands there.
#[derive(Default)]
struct Has {
    ids: BTreeMap<String, Vec<String>>,
    stands: BTreeMap<String, String>,
}

impl Has {
    /// Takes a frame as docs/PUSH.md says.
    fn take(&mut self, frame: &Value) {
        let text = |name: &str| frame[name].as_str().unwrap().to_owned();
        let (channel, id, prev) = (text("channel_name"), text("id"), text("prev"));
        let stands = &self.stands[&channel];
        if id > *stands {
            assert!(prev <= *stands, "something is missing between {stands} and {prev}, before {id}");
            self.ids.entry(channel).or_default().push(id);
        }
    }

    /// All of these have been read up to a position.
    fn go_on(&mut self, names: &[&str], position: &str) {
        for name in names {
            let stands = self.stands.entry((*name).to_owned()).or_default();
            if position[..LENGTH] > **stands {
                position[..LENGTH].clone_into(stands);
            }
        }
    }

    fn count(&self) -> usize {
        self.ids.values().map(Vec::len).sum()
    }
}

/// Posts to all channels in a random order; what was posted where.
fn post(client: &Client) -> Has {
    let mut posted = Has::default();
    let mut left: Vec<_> = CHANNELS.iter().flat_map(|name| [*name; EACH]).collect();
    fastrand::shuffle(&mut left);
    while let Some(name) = left.pop() {
        let ids = client.post_payloads(name, &["1"]);
        posted.ids.entry(name.to_owned()).or_default().extend(ids);
    }
    posted
}

/// Reads sets of channels, each for a while.
fn read_sets(client: &Client) -> Has {
    let (mut has, mut cursor, mut last) = (Has::default(), String::new(), String::new());
    let deadline = Instant::now() + PATIENCE;
    while has.count() < CHANNELS.len() * EACH {
        assert!(Instant::now() < deadline, "it has {:?}", has.ids);
        let names = fastrand::choose_multiple(CHANNELS, fastrand::usize(1..=CHANNELS.len()));
        let since = if cursor.is_empty() { String::new() } else { format!("&since={cursor}") };
        let path = channels(&names, &since);
        // A browser comes back with the URL that it had, some times.
        for _ in 0..fastrand::usize(1..3) {
            let events = again(client, &path, &last);
            for said in events.take(fastrand::usize(1..50)) {
                last = match said {
                    Said::Frame { id, frame } => {
                        has.take(&frame);
                        id
                    }
                    Said::Fact { id, fact, .. } => {
                        fact["cursor"].as_str().unwrap().clone_into(&mut cursor);
                        assert!(
                            fact.get("resume").is_none_or(|resume| resume == "complete"),
                            "{fact} at {path}"
                        );
                        id.unwrap()
                    }
                    Said::Heartbeat => break,
                };
                has.go_on(&names, &last);
            }
        }
    }
    has
}

/// Reads the bus, cut after each few messages.
fn read_bus(client: &Client) -> Vec<String> {
    let (mut ids, mut last) = (Vec::<String>::new(), String::new());
    while ids.len() < CHANNELS.len() * EACH {
        let request = client.request("GET", &format!("/v1/bus/{BUS}")).header("Last-Event-ID", &last);
        let mut events = Events::of(request.basic_auth("reader", Some("redaer")));
        let (resume, stands) = events.resumed();
        assert_eq!(resume, "complete");
        for said in events.take(fastrand::usize(1..20)) {
            let Said::Frame { id, frame } = said else { break };
            let prev = frame["prev"].as_str().unwrap();
            assert_eq!(prev, ids.last().map_or(&stands[..LENGTH], String::as_str));
            ids.push(frame["id"].as_str().unwrap().to_owned());
            last = id;
        }
    }
    ids
}

/// Follows the links of long polls from here until there is as much as there will be.
fn poll(client: &Client, path: &str, most: usize, headers: &str) -> Vec<String> {
    let (mut ids, mut query) = (Vec::new(), String::new());
    let (resource, own) = path.split_once('?').unwrap_or((path, ""));
    while ids.len() < most {
        let query_now = if query.is_empty() { format!("?{own}") } else { query };
        let mut request = client.request("GET", &format!("{resource}{query_now}&block=5"));
        if let Some((name, value)) = headers.trim_end().split_once(": ") {
            request = request.header(name, value);
        }
        let reply = send(request);
        assert_eq!((reply.status, reply.resume()), (200, "complete"), "{}", reply.text());
        ids.extend(reply.ids());
        query = reply.next();
    }
    ids
}

#[test]
fn i_10_all_ways_of_reading_see_the_same_whatever_cuts_them() {
    let setup = Setup::new().config(|config| config.limits.heartbeat = Duration::from_millis(20));
    let server: Server = setup.start();
    let client = server.client();
    let all = CHANNELS.len() * EACH;
    thread::scope(|scope| {
        let posting = scope.spawn(|| post(&client));
        let sets: Vec<_> = (0..3).map(|_| scope.spawn(|| read_sets(&client))).collect();
        let bus = scope.spawn(|| read_bus(&client));
        let polled_bus = scope.spawn(|| poll(&client, &format!("/v1/bus/{BUS}"), all, &basic("reader")));
        let polled_set = scope.spawn(|| poll(&client, &channels(&CHANNELS, ""), all, ""));
        let polled = scope.spawn(|| poll(&client, &channel("c", ""), EACH, ""));
        let posted = posting.join().unwrap();
        let mut ids: Vec<_> = posted.ids.values().flatten().cloned().collect();
        ids.sort();
        for set in sets {
            assert_eq!(set.join().unwrap().ids, posted.ids);
        }
        for of_all in [bus, polled_bus, polled_set] {
            assert_eq!(of_all.join().unwrap(), ids);
        }
        assert_eq!(polled.join().unwrap(), posted.ids["c"]);
    });
}
