//! The real program, killed with SIGKILL at random moments of changes to users, clients, buses and grants, under posters and
//! readers: each change is there whole or not at all, with the grants that end with it, what was answered is there, and a bus
//! that was removed and made again never shows a message of an earlier tenant, nor is it covered by a grant of one (I-2, I-10).
//!
//! `BACKPLANE_PROVISION_KILLS` says how often, `BACKPLANE_SEED` repeats the dice of a run. Only own children are killed.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use testkit::{Client, Home, messages, password_of};

/// The bus that comes and goes.
const FLAT: &str = "flat";
/// Buses that are only ever changed together: so many that a kill would often fall between two of them.
const TOGETHER: [&str; 16] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"];
const ADMIN: (&str, &str) = ("root", "a word of root's");

/// What is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Known {
    /// By kind and name: of a bus how long it keeps messages, of a user or client nothing.
    named: BTreeMap<String, String>,
    /// Of each grant its client and its buses, in order.
    grants: Vec<(String, BTreeSet<String>)>,
}

impl Known {
    /// Without grants of what is not there.
    fn settled(mut self) -> Self {
        let named = &self.named;
        self.grants.retain_mut(|(client, buses)| {
            buses.retain(|bus| named.contains_key(&format!("buses/{bus}")));
            !buses.is_empty() && named.contains_key(&format!("clients/{client}"))
        });
        self.grants.sort_unstable();
        self
    }
}

/// A change that may have been made or not.
struct Doubt {
    before: Known,
    after: Known,
}

/// What all threads see.
struct Shared {
    /// How to get to the server that runs.
    client: RwLock<Option<Client>>,
    over: AtomicBool,
    /// Nobody posts: a bus that is made again is empty when the server is killed, and nothing new hides what was before.
    quiet: AtomicBool,
    /// Tenancies of [`FLAT`] that have begun for sure.
    begun: AtomicU64,
    next: AtomicU64,
    /// By the number of a message: the latest tenancy that it can be of.
    latest: Mutex<HashMap<u64, u64>>,
    /// Numbers that were shown, each with the tenancy that had begun when it was asked for.
    seen: Mutex<Vec<(u64, u64)>>,
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Status and body; nothing once the server was killed.
fn ask(request: RequestBuilder) -> Option<(u16, Value)> {
    let response = request.timeout(Duration::from_secs(20)).send().ok()?;
    let status = response.status().as_u16();
    let body = response.bytes().ok()?;
    Some((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

fn admin(client: &Client, method: &str, path: &str) -> RequestBuilder {
    client.admin().request(method, &format!("/admin/v1/{path}")).basic_auth(ADMIN.0, Some(ADMIN.1))
}

/// What the server says is made.
fn made(client: &Client) -> Known {
    let mut known = Known::default();
    for kind in ["buses", "users", "clients"] {
        let (status, list) = ask(admin(client, "GET", &format!("{kind}?limit=1000"))).unwrap();
        assert_eq!(status, 200, "{list}");
        for it in list[kind].as_array().unwrap().iter().filter(|it| it["read_only"] == false) {
            let retention = it["settings"]["retention"].as_str().unwrap_or_default();
            known.named.insert(format!("{kind}/{}", it["name"].as_str().unwrap()), retention.to_owned());
        }
    }
    let (status, list) = ask(admin(client, "GET", "grants?limit=1000")).unwrap();
    assert_eq!(status, 200, "{list}");
    for it in list["grants"].as_array().unwrap() {
        let buses = it["buses"].as_array().unwrap().iter().map(|bus| bus.as_str().unwrap().to_owned());
        known.grants.push((it["client"].as_str().unwrap().to_owned(), buses.collect()));
    }
    known.grants.sort_unstable();
    known
}

/// Changes one thing after the other until the server is gone. What was answered is in `known`; the last one may be in doubt.
/// How many changes were answered, and how many grants were among them.
fn change(shared: &Shared, client: &Client, rng: &mut Rng, known: &mut Known) -> (Option<Doubt>, u64, u64) {
    let (mut answered, mut grants) = (0, 0);
    loop {
        let mut after = known.clone();
        let retention = format!("{}m", rng.u32(2..400));
        let flat = format!("buses/{FLAT}");
        let rights = |retention: &str| json!({"settings": {"post": "alice", "read": "alice", "retention": retention, "retention_max": "8h"}});
        let vendor = format!("c{}", rng.u32(..2));
        let has_vendor = known.named.contains_key(&format!("clients/{vendor}"));
        let historical = |what: &str, more: Value| {
            let mut body = json!({"admin": ADMIN.0, "secret": ADMIN.1});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            client.admin().request("POST", what).json(&body)
        };
        let has_buses = known.named.contains_key(&flat) && known.named.contains_key("buses/a");
        let request = match rng.u32(..12) {
            0 | 1 if known.named.contains_key(&flat) => {
                after.named.remove(&flat);
                admin(client, "DELETE", &flat)
            }
            0 | 1 => {
                after.named.insert(flat.clone(), retention.clone());
                admin(client, "PUT", &flat).json(&rights(&retention))
            }
            2 => {
                let user = format!("users/u{}", rng.u32(..4));
                if known.named.contains_key(&user) {
                    after.named.remove(&user);
                    admin(client, "DELETE", &user)
                } else {
                    after.named.insert(user.clone(), String::new());
                    admin(client, "PUT", &user).json(&json!({"password": "a word of somebody's"}))
                }
            }
            3 if has_vendor => {
                after.named.remove(&format!("clients/{vendor}"));
                admin(client, "DELETE", &format!("clients/{vendor}"))
            }
            4..=8 if has_vendor && has_buses && known.grants.len() < 8 => {
                let buses = [FLAT, "a"].map(str::to_owned);
                after.grants.push((vendor.clone(), buses.clone().into()));
                admin(client, "POST", "grants").json(&json!({"client": vendor, "buses": buses}))
            }
            9 if has_vendor && has_buses => {
                for (_, buses) in after.grants.iter_mut().filter(|(client, _)| *client == vendor) {
                    buses.remove(FLAT);
                }
                historical("/v2/provision/grant/revoke", json!({"grants": {vendor.as_str(): FLAT}}))
            }
            3..=5 if !has_vendor => {
                let path = format!("clients/{vendor}");
                after.named.insert(path.clone(), String::new());
                let body = json!({"secret": "a word of a vendor's", "source": "https://vendor.example/"});
                admin(client, "PUT", &path).json(&body)
            }
            _ => {
                let seconds = rng.u64(2..400) * 60;
                for name in TOGETHER {
                    after.named.insert(format!("buses/{name}"), format!("{seconds}s"));
                }
                let configs = TOGETHER.map(|name| {
                    json!({"BUS_NAME": name, "RETENTION_TIME_SECONDS": seconds.to_string(), "RETENTION_STICKY_TIME_SECONDS": "28800", "alice": "POST"})
                });
                historical("/v1.2/provision/bus/update", json!({"configs": configs}))
            }
        };
        let after = after.settled();
        let begins = after.named.contains_key(&flat) && !known.named.contains_key(&flat);
        let Some((status, body)) = ask(request) else {
            return (Some(Doubt { before: known.clone(), after }), answered, grants);
        };
        assert!([200, 201, 204].contains(&status), "{status} {body}");
        assert!(!body.to_string().contains("nothing was changed"), "{body}");
        grants += u64::from(after.grants.len() > known.grants.len());
        *known = after;
        answered += 1;
        if begins {
            shared.begun.fetch_add(1, Ordering::AcqRel);
        }
    }
}

fn post(shared: &Shared) {
    while !shared.over.load(Ordering::Acquire) {
        let client = shared.client.read().unwrap().clone();
        let Some(client) = client.filter(|_| !shared.quiet.load(Ordering::Acquire)) else {
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        let request = client.request("POST", &format!("/v1/bus/{FLAT}/channel/c"));
        let request = request.basic_auth("alice", Some(password_of("alice")));
        let request =
            request.header("Content-Type", "application/json").body(messages(&[&number.to_string()]));
        if let Some((200, _)) = ask(request) {
            // The next one may have begun, and its maker not yet said so.
            let latest = shared.begun.load(Ordering::Acquire) + 1;
            shared.latest.lock().unwrap().insert(number, latest);
        }
    }
}

fn read(shared: &Shared) {
    while !shared.over.load(Ordering::Acquire) {
        let Some(client) = shared.client.read().unwrap().clone() else {
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        look(shared, &client);
    }
}

fn look(shared: &Shared, client: &Client) {
    let begun = shared.begun.load(Ordering::Acquire);
    let bus =
        client.request("GET", &format!("/v1/bus/{FLAT}")).basic_auth("alice", Some(password_of("alice")));
    if let Some((200, Value::Array(frames))) = ask(bus) {
        let numbers = frames.iter().map(|frame| (frame["message"]["payload"].as_u64().unwrap(), begun));
        shared.seen.lock().unwrap().extend(numbers);
    }
}

#[test]
fn i_2_i_10_changes_are_whole_or_not_there_whenever_the_server_is_killed() {
    let (kills, seed) =
        (number("BACKPLANE_PROVISION_KILLS", 20), number("BACKPLANE_SEED", fastrand::u64(..)));
    println!("provisioned, BACKPLANE_PROVISION_KILLS={kills} BACKPLANE_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let home = Home::configured("");
    let created = home.ask(&["admin", "create", ADMIN.0], &format!("{}\n", ADMIN.1));
    assert!(created.status.success(), "{created:?}");
    let shared = Shared {
        client: RwLock::new(None),
        over: AtomicBool::new(false),
        quiet: AtomicBool::new(false),
        begun: AtomicU64::new(0),
        next: AtomicU64::new(0),
        latest: Mutex::default(),
        seen: Mutex::default(),
    };
    let mut known = Known::default();
    let (mut grants, mut doubts, mut kept, mut answered, mut starting) = (0, 0, 0, 0, 0);
    thread::scope(|scope| {
        let _ends = Ends(&shared);
        for _ in 0..2 {
            scope.spawn(|| post(&shared));
            scope.spawn(|| read(&shared));
        }
        let mut start = Duration::from_millis(50);
        for _ in 0..kills {
            if rng.u32(..4) == 0 {
                let program = home.start(&[]);
                thread::sleep(start.mul_f64(rng.f64()));
                program.kill();
                starting += 1;
            }
            let began = Instant::now();
            let mut program = home.start(&[]);
            let client = program.client();
            start = began.elapsed();
            assert_eq!(made(&client), known, "what was answered is there, and nothing else");
            look(&shared, &client);
            *shared.client.write().unwrap() = Some(client.clone());
            let moment = Duration::from_millis(rng.u64(30..400));
            let is_quiet = rng.bool();
            let changing = thread::scope(|scope| {
                let changing = scope.spawn(|| change(&shared, &client, &mut rng, &mut known));
                thread::sleep(moment / 2);
                shared.quiet.store(is_quiet, Ordering::Release);
                thread::sleep(moment / 2);
                *shared.client.write().unwrap() = None;
                program.kill();
                shared.quiet.store(false, Ordering::Release);
                changing.join().unwrap()
            });
            answered += changing.1;
            grants += changing.2;
            // A doubt is settled by the next server.
            if let Some(Doubt { before, after }) = changing.0 {
                let mut program = home.start(&[]);
                let now = made(&program.client());
                assert!(
                    now == before || now == after,
                    "it is there in part: {now:?}\nbefore {before:?}\nafter {after:?}"
                );
                doubts += 1;
                kept += u64::from(now == after && now != before);
                let flat = format!("buses/{FLAT}");
                if now.named.contains_key(&flat) && !before.named.contains_key(&flat) {
                    shared.begun.fetch_add(1, Ordering::AcqRel);
                }
                known = now;
                program.kill();
            }
        }
    });
    let (stored, shown) = (shared.latest.into_inner().unwrap(), shared.seen.into_inner().unwrap());
    let begun = shared.begun.into_inner();
    println!(
        "{kills} kills and {starting} while starting; {answered} changes answered, {doubts} in doubt, {kept} of them made; \
         {begun} tenancies, {grants} grants, {} messages stored, {} shown",
        stored.len(),
        shown.len()
    );
    for (number, begun) in &shown {
        // One whose POST got no answer may be of any tenancy.
        let latest = stored.get(number).unwrap_or(begun);
        assert!(latest >= begun, "tenancy {begun} was shown a message of tenancy {latest} at the latest");
    }
    assert!(
        answered >= kills
            && grants >= kills / 10
            && begun > kills / 4
            && !stored.is_empty()
            && !shown.is_empty(),
        "this proves nothing"
    );
}

/// Ends the other threads also when the test fails.
struct Ends<'s>(&'s Shared);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
    }
}
