//! Buses that are made, changed, removed and made again while posters and readers hammer them: no message of an earlier tenant
//! ever shows.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::json;
use testkit::{password_of, send};

use super::{delete, put, start};

const LIVES: u64 = 60;
const BUS: &str = "flat";

/// What a message is known to be of: no later tenancy than the one after that which had begun when its POST was answered. And
/// what is asked for once a tenancy has begun is of that one, or of a later one.
#[test]
fn i_10_no_message_of_an_earlier_tenant_shows() {
    let server = start();
    let client = server.client();
    let (begun, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let next = AtomicU64::new(0);
    let answered = Mutex::new(HashMap::new());
    let seen = Mutex::new(Vec::new());
    let path = format!("/v1/bus/{BUS}/channel/c");
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Acquire) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let request =
                        client.request("POST", &path).basic_auth("alice", Some(password_of("alice")));
                    let request = request.header("Content-Type", "application/json");
                    let status = send(request.body(testkit::messages(&[&number.to_string()]))).status;
                    assert!([200, 403, 404].contains(&status), "{status}");
                    if status == 200 {
                        answered.lock().unwrap().insert(number, begun.load(Ordering::Acquire) + 1);
                    }
                }
            });
        }
        for whole in [false, true] {
            let (client, path, begun, over, seen) = (&client, &path, &begun, &over, &seen);
            scope.spawn(move || {
                while !over.load(Ordering::Acquire) {
                    let life = begun.load(Ordering::Acquire);
                    let reply = if whole {
                        client.get_as("alice", &format!("/v1/bus/{BUS}"))
                    } else {
                        client.get(path)
                    };
                    if reply.status == 200 {
                        let numbers =
                            reply.payloads().into_iter().map(|payload| payload.parse::<u64>().unwrap());
                        seen.lock().unwrap().extend(numbers.map(|number| (number, life)));
                    }
                }
            });
        }
        for life in 1..=LIVES {
            let made = put(
                &client,
                &format!("buses/{BUS}"),
                &json!({"settings": {"post": "alice", "read": "alice"}}),
            );
            assert_eq!(made.status, 201);
            begun.store(life, Ordering::Release);
            let window =
                json!({"settings": {"post": "alice", "read": "alice", "window": {"channel": 1 + life % 5}}});
            assert_eq!(put(&client, &format!("buses/{BUS}"), &window).status, 200);
            let before = answered.lock().unwrap().len();
            testkit::eventually("somebody posts", || answered.lock().unwrap().len() > before + 2);
            assert_eq!(delete(&client, &format!("buses/{BUS}")).status, 204);
            assert_eq!(client.get(&path).status, 404);
        }
        over.store(true, Ordering::Release);
    });
    let (answered, seen) = (answered.into_inner().unwrap(), seen.into_inner().unwrap());
    assert!(u64::try_from(seen.len()).unwrap() > LIVES, "hardly anybody saw anything");
    for (number, life) in seen {
        // One whose POST nobody got an answer to may be of any.
        let latest = answered.get(&number).copied().unwrap_or(life);
        assert!(latest >= life, "tenancy {life} was shown a message of tenancy {latest} at the latest");
    }
}

#[test]
fn those_who_change_at_the_same_time_lose_nothing() {
    let server = start();
    let client = server.client();
    thread::scope(|scope| {
        for n in 0..8 {
            let client = client.clone();
            scope.spawn(move || {
                for round in 0..4 {
                    let name = format!("buses/b{n}-{round}");
                    assert_eq!(put(&client, &name, &json!({"settings": {}})).status, 201);
                    if round % 2 == 1 {
                        assert_eq!(delete(&client, &name).status, 204);
                    }
                }
            });
        }
    });
    let all = super::json(&super::get(&client, "buses"));
    assert_eq!(all["buses"].as_array().unwrap().len(), 2 + 8 * 2);
}
