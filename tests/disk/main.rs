//! The program and its log on disk, as an operator meets them: a disk that is full, fails or hangs, a backup that
//! is put back, ends and starts of all kinds.
//!
//! What can happen inside the log is tested beside it, on a simulated disk; here the disk is a real one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

mod backup;
mod damage;
mod ends;
mod failing;
mod full;
mod hanging;
mod own_disk;
mod starved;

use std::path::PathBuf;

use testkit::{BUS, Client, Home, Reply, messages, password_of, send};

/// The folder of the log, where no configuration says otherwise.
const DATA: &str = "backplane-data";

/// The file that every log starts with.
fn first_segment(home: &Home) -> PathBuf {
    home.path().join(DATA).join("0000000000000001.log")
}

/// Posts a message with this payload, which is JSON, on a bus of [`Home::configured`].
fn post(client: &Client, payload: &str) -> Reply {
    let request = client.request("POST", &format!("/v1/bus/{BUS}/channel/c"));
    let request = request.header("Content-Type", "application/json");
    send(request.basic_auth("alice", Some(password_of("alice"))).body(messages(&[payload])))
}

/// Posts them, one after the other, and gives the ids.
fn post_all(client: &Client, payloads: &[&str]) -> Vec<String> {
    let id = |payload: &&str| {
        let reply = post(client, payload);
        assert_eq!(reply.status, 200, "{}", reply.text());
        serde_json::from_slice::<[String; 1]>(&reply.body).unwrap()[0].clone()
    };
    payloads.iter().map(id).collect()
}

fn read(client: &Client) -> Reply {
    client.get_as("alice", &format!("/v1/bus/{BUS}"))
}
