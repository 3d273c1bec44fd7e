//! Ends and starts: what a log is after SIGTERM and SIGKILL, and that it has one server.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{DATA, post_all, read};
use testkit::{Client, Home, eventually};

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let home = Home::configured("");
    let mut first = home.start(&[]);
    let client = first.client();
    post_all(&client, &["1"]);
    let second = home.start(&[]).end();
    assert_eq!((second.code, second.output.as_str()), (Some(78), ""));
    let words = format!("{DATA} is in use by another process");
    assert!(second.errors.contains(&words), "{}", second.errors);
    post_all(&client, &["2"]);
    assert_eq!(read(&client).payloads(), ["1", "2"]);
}

/// Posts until the server is gone; the payloads that were answered, with their ids.
fn post_on(client: &Client, poster: usize, answered: &AtomicUsize) -> Vec<(String, String)> {
    let mut mine = Vec::new();
    loop {
        let payload = (poster * 1_000_000 + mine.len()).to_string();
        let request =
            client.request("POST", "/v1/bus/customer.com/channel/c").basic_auth("alice", Some("ecila"));
        let request = request.header("Content-Type", "application/json");
        let Ok(reply) = request.body(testkit::messages(&[&payload])).send() else { return mine };
        if reply.status() != 200 {
            return mine;
        }
        let Ok(ids) = reply.json::<[String; 1]>() else { return mine };
        let [id] = ids;
        mine.push((id, payload));
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts a server, posts from all sides, and ends it with this signal meanwhile. What was answered, in id order.
fn end_under_load(home: &Home, signal: &str) -> Vec<(String, String)> {
    let mut program = home.start(&[]);
    let client = program.client();
    // The first password costs a hash.
    post_all(&client, &["\"first\""]);
    let (answered, mut all) = (AtomicUsize::new(0), Vec::new());
    std::thread::scope(|scope| {
        let (client, answered) = (&client, &answered);
        let posters: Vec<_> = (0..8).map(|n| scope.spawn(move || post_on(client, n, answered))).collect();
        eventually("they post", || answered.load(Ordering::Relaxed) > 200);
        program.signal(signal);
        all = posters.into_iter().flat_map(|poster| poster.join().unwrap()).collect();
    });
    let ended = program.end();
    if signal == "TERM" {
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
    }
    all.sort();
    all
}

/// Asserts that exactly these were kept, and whatever was not answered any more.
fn has_all(client: &Client, answered: &[(String, String)]) {
    let reply = read(client);
    assert_eq!(reply.resume(), "complete");
    let found: Vec<_> = reply.ids().into_iter().zip(reply.payloads()).collect();
    assert!(found.is_sorted_by(|one, other| one.0 < other.0), "ids rise");
    for one in answered {
        assert!(found.binary_search(one).is_ok(), "{one:?} is lost");
    }
    // The first message, and one of each poster that had no answer.
    assert!(found.len() <= answered.len() + 9, "{} answered, {} there", answered.len(), found.len());
}

#[test]
fn i_2_sigterm_under_load_leaves_a_log_that_needs_no_repair() {
    let home = Home::configured("");
    let answered = end_under_load(&home, "TERM");
    let looked = home.start(&["check-log"]).end();
    assert_eq!((looked.code, looked.errors.as_str()), (Some(0), ""));
    assert!(
        looked.output.contains("1 segment, ") || looked.output.contains("2 segments, "),
        "{}",
        looked.output
    );
    assert!(!looked.output.contains("unfinished") && !looked.output.contains("damaged"), "{}", looked.output);
    let mut program = home.start(&[]);
    has_all(&program.client(), &answered);
    assert!(!program.errors().contains("cut off"), "{}", program.errors());
}

#[test]
fn i_2_with_durability_interval_a_kill_loses_nothing_answered() {
    // So long that nothing is synced before the kill.
    let home = Home::configured("[storage]\ndurability = \"interval\"\ninterval = \"1m\"\n");
    for _ in 0..3 {
        let answered = end_under_load(&home, "KILL");
        let mut program = home.start(&[]);
        let client = program.client();
        has_all(&client, &answered);
        drop(program.kill());
        // The next round starts from nothing.
        std::fs::remove_dir_all(home.path().join(DATA)).unwrap();
    }
}

#[test]
fn a_start_says_what_durability_interval_means() {
    let said = |durability: &str| {
        let mut program = Home::configured(&format!("[storage]\ndurability = \"{durability}\"\n")).start(&[]);
        program.address();
        program.errors()
    };
    let words = "a power loss or a crash of the system may take what was posted during the last 100ms";
    let (interval, sync) = (said("interval"), said("sync"));
    assert!(interval.contains(words), "{interval}");
    assert!(!sync.contains("power loss"), "{sync}");
}
