//! A full disk: POSTs are refused until there is room, and reads go on.

use crate::own_disk::OwnDisk;
use crate::{post, read};
use testkit::{Client, Home, eventually};

fn disk() -> OwnDisk {
    OwnDisk::small(&Home::configured("[storage]\npath = \"disk/log\"\nsegment = \"1MiB\"\n"), "3m")
}

fn is_able(client: &Client) -> bool {
    let reply = client.get("/readyz");
    assert_eq!(reply.status, 200, "reads are answered in any case");
    assert!(reply.text().starts_with("able") || reply.text().starts_with("degraded: "), "{}", reply.text());
    reply.text() == "able\n"
}

/// Posts until there is no room, and keeps what was accepted.
fn post_until_full(client: &Client, padding: usize, accepted: &mut Vec<String>) {
    for n in 0..200 {
        let payload = format!("\"{n} {}\"", "x".repeat(padding));
        let reply = post(client, &payload);
        if reply.status != 200 {
            reply.is_error(507, "storage_full");
            assert!(reply.header("retry-after").is_some());
            return;
        }
        accepted.push(payload);
    }
    panic!("the disk is never full");
}

/// Uses up the disk, so that not even the smallest message finds room: first what the log has taken beforehand,
/// then what is left of it, and what refusals set free.
fn fill(disk: &OwnDisk, client: &Client, accepted: &mut Vec<String>) {
    for padding in [100_000, 5_000, 200, 0] {
        disk.fill();
        post_until_full(client, padding, accepted);
    }
}

#[test]
fn i_2_a_full_disk_refuses_posts_until_there_is_room() {
    let disk = disk();
    let mut program = disk.start();
    let client = program.client();
    let mut accepted = vec!["0".to_owned()];
    assert_eq!(post(&client, "0").status, 200);
    assert!(is_able(&client));

    fill(&disk, &client, &mut accepted);
    for _ in 0..3 {
        post(&client, "\"refused\"").is_error(507, "storage_full");
    }
    assert_eq!(read(&client).payloads(), accepted);
    eventually("it is degraded", || !is_able(&client));
    assert_eq!(client.get("/readyz").text(), "degraded: the log has no room\n");
    assert_eq!(client.get("/healthz").status, 200);

    disk.clear();
    for n in 0..3 {
        assert_eq!(post(&client, &n.to_string()).status, 200, "there is room");
        accepted.push(n.to_string());
    }
    eventually("it is able", || is_able(&client));
    assert_eq!(read(&client).payloads(), accepted);

    // Neither does a start bring back what was refused.
    program.signal("TERM");
    assert_eq!(program.end().code, Some(0));
    let mut program = disk.start();
    let client = program.client();
    assert_eq!(read(&client).payloads(), accepted);
    assert_eq!(read(&client).resume(), "complete");
    assert_eq!(post(&client, "1").status, 200);
}

#[test]
fn i_2_a_kill_on_a_full_disk_brings_nothing_refused_back() {
    let disk = disk();
    let mut program = disk.start();
    let client = program.client();
    let mut accepted = Vec::new();
    fill(&disk, &client, &mut accepted);
    post(&client, "\"refused\"").is_error(507, "storage_full");
    drop(program.kill());
    // It starts on the full disk, and serves what there is.
    let mut program = disk.start();
    let client = program.client();
    assert_eq!(read(&client).payloads(), accepted);
    fill(&disk, &client, &mut accepted);
    assert_eq!(read(&client).payloads(), accepted);
    disk.clear();
    assert_eq!(post(&client, "1").status, 200);
}
