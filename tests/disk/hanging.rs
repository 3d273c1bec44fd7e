//! A disk that hangs: a file system in a file, which is frozen. POSTs are answered all the same, and so are probes; the
//! server ends within its grace (I-5).
//!
//! Only root can freeze a file system, and only a machine with loop devices can mount one from a file.

use crate::own_disk::OwnDisk;
use crate::{post, post_all, read};
use testkit::{Client, Home, eventually, send};

fn is_able(client: &Client) -> bool {
    let reply = client.get("/readyz");
    assert_eq!(reply.status, 200, "reads are answered in any case");
    assert!(reply.text().starts_with("able") || reply.text().starts_with("degraded: "), "{}", reply.text());
    reply.text() == "able\n"
}

#[test]
#[ignore = "needs root and a loop device"]
fn i_5_a_disk_that_hangs_holds_up_nobody_for_good() {
    let disk = OwnDisk::in_a_file(Home::configured(
        "shutdown_grace = \"1s\"\n[limits]\nlog_patience = \"100ms\"\n[storage]\npath = \"disk/log\"\nsegment = \"1MiB\"\n",
    ));
    let told = disk.ask(&["admin", "create", "root", "--generate"]);
    let password = told.trim_end().rsplit(' ').next().unwrap().to_owned();
    let mut program = disk.start().expect_errors();
    let client = program.client();
    let make = |bus: &str| {
        let request = client.admin().request("PUT", &format!("/admin/v1/buses/{bus}"));
        let request = request.basic_auth("root", Some(&password)).header("Content-Type", "application/json");
        send(request.body(r#"{"settings": {}}"#)).status
    };
    post_all(&client, &["1"]);
    assert_eq!(make("before"), 201);
    assert!(is_able(&client));

    let frozen = disk.freeze();
    // Nobody knows whether the first one is stored; nothing more is taken.
    post(&client, "2").is_error(503, "unavailable");
    post(&client, "\"refused\"").is_error(503, "unavailable");
    eventually("it is degraded", || !is_able(&client));
    // Nor does anybody know of a change; it holds up the next one no longer than it is waited for.
    assert_eq!((make("doubtful"), make("next")), (503, 503));
    assert_eq!(client.get("/healthz").status, 200);
    assert_eq!(read(&client).payloads(), ["1"]);
    drop(frozen);
    eventually("it is able", || is_able(&client));
    for bus in ["doubtful", "next"] {
        let path = format!("/v1/bus/{bus}/channel/c");
        eventually("what nobody knew of is made", || client.get(&path).status == 200);
    }
    post_all(&client, &["3"]);
    assert_eq!(read(&client).payloads(), ["1", "2", "3"], "what was refused left nothing");

    let frozen = disk.freeze();
    post(&client, "4").is_error(503, "unavailable");
    assert_eq!(make("last"), 503);
    program.signal("TERM");
    eventually("it serves nobody any more", || client.try_get("/healthz").is_err());
    eventually("its grace is over", || program.errors().contains("messages were still being made durable"));
    // The system does not let a process go whose thread waits for the disk.
    drop(frozen);
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);

    let mut program = disk.start();
    let client = program.client();
    let there = read(&client).payloads();
    assert_eq!(there[..3], ["1", "2", "3"]);
    assert!(there.len() == 3 || there[3..] == ["4"], "{there:?}");
}
