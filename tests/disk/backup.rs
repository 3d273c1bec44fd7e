//! A backup that is put back: what was told after it was taken is gone, and nobody is left to believe otherwise.

use std::fs;
use std::path::Path;

use crate::{DATA, post_all};
use testkit::{BUS, Client, Home, Reply};

/// Where to go on from, as the links of the bus and of the channel have it: queries.
type Place = [String; 2];

const VIEWS: [&str; 2] = ["", "/channel/c"];

fn get(client: &Client, view: &str, query: &str) -> Reply {
    client.get_as("alice", &format!("/v1/bus/{BUS}{view}{query}"))
}

fn place(client: &Client) -> Place {
    VIEWS.map(|view| get(client, view, "").next())
}

/// Asserts what a reader of either view gets who comes from there.
#[track_caller]
fn comes_from(client: &Client, place: &Place, payloads: &[&str], resume: &str) {
    for (view, link) in VIEWS.into_iter().zip(place) {
        let reply = get(client, view, link);
        assert_eq!(
            (reply.payloads(), reply.resume()),
            (payloads.iter().map(ToString::to_string).collect(), resume)
        );
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        // A socket that a killed server has left is nothing to copy.
        if !file.file_type().unwrap().is_file() {
            continue;
        }
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn i_10_after_a_restored_backup_only_positions_of_before_it_are_believed() {
    let home = Home::configured("");
    let (data, backup) = (home.path().join(DATA), home.path().join("backup"));
    let mut program = home.start(&[]);
    let client = program.client();
    post_all(&client, &["1", "2"]);
    let before = place(&client);
    // Nobody posts meanwhile, so that the copy is whole, as a snapshot is.
    copy(&data, &backup);
    post_all(&client, &["3", "4"]);
    let same_run = place(&client);
    comes_from(&client, &before, &["3", "4"], "complete");
    program.signal("TERM");
    assert_eq!(program.end().code, Some(0));
    let mut program = home.start(&[]);
    let client = program.client();
    let last = post_all(&client, &["5"]);
    let later_run = place(&client);
    comes_from(&client, &same_run, &["5"], "complete");
    program.signal("TERM");
    assert_eq!(program.end().code, Some(0));

    fs::remove_dir_all(&data).unwrap();
    fs::rename(&backup, &data).unwrap();
    let mut program = home.start(&[]);
    let client = program.client();
    comes_from(&client, &before, &[], "complete");
    comes_from(&client, &same_run, &["1", "2"], "gap");
    let gone_on = place(&client);
    let new = post_all(&client, &["6"]);
    assert!(new[0] > last[0], "no id is given out twice (I-1)");
    comes_from(&client, &before, &["6"], "complete");
    comes_from(&client, &gone_on, &["6"], "complete");
    for place in [&same_run, &later_run] {
        comes_from(&client, place, &["1", "2", "6"], "gap");
    }
}
