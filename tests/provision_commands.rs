//! `backplane bus`, `user`, `client`, `grant` and `admin` as a shell meets them, with a server and without: what they print, what they do, and
//! their exit status.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by panicking")]
#![allow(clippy::indexing_slicing, reason = "tests say what they expect by panicking")]

use std::process::Output;

use serde_json::{Value, json};
use testkit::{BUS, Home, send};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Standard output of a command that has to do well.
fn done(home: &Home, arguments: &[&str]) -> String {
    with_input(home, arguments, "")
}

fn with_input(home: &Home, arguments: &[&str], input: &str) -> String {
    let output = home.ask(arguments, input);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// Status and words of one that has not.
fn refused(home: &Home, arguments: &[&str]) -> (Option<i32>, String) {
    let output: Output = home.ask(arguments, "a long enough word\n");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    let errors = text(&output.stderr);
    let own = errors.lines().filter(|line| line.starts_with("backplane: "));
    (output.status.code(), own.collect::<Vec<_>>().join("\n"))
}

fn json_of(home: &Home, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(home, arguments)).unwrap()
}

/// All that there is to do, in a way that is the same with and without a server.
fn all_commands_work(home: &Home) {
    assert_eq!(with_input(home, &["user", "add", "bob"], "a word of bob's\n"), "made: bob\n");
    assert_eq!(
        done(home, &["bus", "add", "flat", "--post", "alice,bob", "--set", "retention=10m"]),
        "made: flat\n"
    );
    assert_eq!(
        done(home, &["bus", "list"]),
        format!(
            "NAME          FROM           POST       READ   RETENTION\n\
             {BUS}  configuration  alice      alice  30m\n\
             flat          made           alice bob  -      10m\n"
        )
    );
    assert_eq!(
        done(home, &["user", "list"]),
        format!(
            "NAME   FROM           RIGHTS\nalice  configuration  {BUS}:post+read flat:post\nbob    made           flat:post\n"
        )
    );
    let set = [
        "bus",
        "set",
        "flat",
        "--read",
        "bob",
        "--post=",
        "--set",
        "window.channel=7",
        "--unset",
        "retention",
    ];
    assert_eq!(done(home, &set), "changed: flat\n");
    let flat = json_of(home, &["bus", "show", "flat", "--json"]);
    assert_eq!(flat["settings"], json!({"post": [], "read": ["bob"], "window": {"channel": 7}}));
    let shown = done(home, &["bus", "show", "flat"]);
    assert!(shown.contains("\nin_force.window.channel    7\n"), "{shown}");
    let list = json_of(home, &["bus", "list", "--json"]);
    assert_eq!(list["buses"].as_array().unwrap().len(), 2);

    let made = done(home, &["user", "set", "bob", "--generate"]);
    let password = made.strip_prefix("changed: bob\npassword: ").unwrap().trim_end();
    assert_eq!(password.len(), 24);
    let made = json_of(home, &["user", "add", "odd name/ü", "--generate", "--json"]);
    assert_eq!(made["name"], "odd name/ü");
    assert_eq!(made["password"].as_str().unwrap().len(), 24);
    assert_eq!(
        json_of(home, &["user", "remove", "odd name/ü", "--json"]),
        json!({"name": "odd name/ü", "removed": true})
    );

    for (arguments, words) in [
        (&["bus", "add", "flat"][..], "there is a bus of this name already"),
        (&["bus", "set", "none"], "there is no bus of this name"),
        (&["bus", "remove", "none"], "there is no bus of this name"),
        (&["bus", "show", "none"], "there is no bus of this name"),
        (&["user", "add", "bob"], "there is a user of this name already"),
        (
            &["bus", "remove", BUS],
            "this bus is in the configuration of the server, and is changed there alone",
        ),
        (
            &["user", "set", "alice"],
            "this user is in the configuration of the server, and is changed there alone",
        ),
        (
            &["bus", "set", "flat", "--set", "retention=1s"],
            "retention: \"1s\" is too little; allowed: a duration from \"1m 1s\" to \"30days\"",
        ),
        (&["bus", "set", "flat", "--post", "eve"], "post: there is no user \"eve\"; allowed: alice, bob"),
    ] {
        assert_eq!(refused(home, arguments), (Some(73), format!("backplane: {words}")), "{arguments:?}");
    }
    let (status, words) = refused(home, &["bus", "set", "flat", "--set", "retention"]);
    assert_eq!(
        (status, &*words),
        (Some(2), "backplane: \"retention\" is no setting; allowed: KEY=VALUE, such as retention=10m")
    );
    assert_eq!(home.ask(&["user", "set", "bob"], "short\n").status.code(), Some(67));

    clients_are_granted(home);
    with_input(home, &["admin", "create", "root"], "a word of root's\n");
    assert!(done(home, &["admin", "list"]).contains("\nroot  20"));
    with_input(home, &["admin", "set", "root"], "another one of root's\n");
    assert_eq!(done(home, &["admin", "remove", "root"]), "removed: root\n");
    assert_eq!(done(home, &["user", "remove", "bob"]), "removed: bob\n");
    assert_eq!(json_of(home, &["bus", "show", "flat", "--json"])["settings"]["read"], json!([]));
    assert_eq!(done(home, &["bus", "remove", "flat"]), "removed: flat\n");
}

/// What there is to do with clients, grants and owners; `flat` and `bob` are there.
fn clients_are_granted(home: &Home) {
    let add = ["client", "add", "vendor", "--source", "https://vendor.example/", "--generate"];
    let made = done(home, &add);
    assert_eq!(made.strip_prefix("made: vendor\nsecret: ").unwrap().trim_end().len(), 24);
    let (status, words) = refused(home, &["client", "add", "vendor", "--source", "https://vendor.example/"]);
    assert_eq!((status, &*words), (Some(73), "backplane: there is a client of this name already"));
    let (status, words) = refused(home, &["client", "add", "second"]);
    assert!(status == Some(73) && words.contains("source: is missing"), "{words}");
    let set = [
        "client",
        "set",
        "vendor",
        "--redirect",
        "https://vendor.example/back",
        "--redirect",
        "https://vendor.example/too",
    ];
    assert_eq!(done(home, &set), "changed: vendor\n");
    assert_eq!(
        with_input(home, &["client", "set", "vendor", "--secret"], "a word of the vendor's\n"),
        "changed: vendor\n"
    );
    let shown = json_of(home, &["client", "show", "vendor", "--json"]);
    assert_eq!(shown["redirects"], json!(["https://vendor.example/back", "https://vendor.example/too"]));
    assert_eq!((shown.get("secret"), shown.get("secret_hash")), (None, None));
    done(home, &["client", "set", "vendor", "--redirect="]);
    assert_eq!(json_of(home, &["client", "show", "vendor", "--json"])["redirects"], json!([]));

    let granted = done(home, &["grant", "add", "vendor", "--bus", &format!("flat,{BUS}")]);
    let id = granted.strip_prefix("granted: ").unwrap().trim_end().to_owned();
    let own = rustix::process::geteuid().as_raw();
    assert_eq!(
        done(home, &["grant", "list"]),
        format!(
            "{:22}  CLIENT  BUSES{}BY\n{id}  vendor  {BUS} flat  process:{own}\n",
            "ID",
            " ".repeat(BUS.len() + 2)
        )
    );
    assert_eq!(
        done(home, &["client", "list"]),
        format!("NAME    SOURCE                   BUSES\nvendor  https://vendor.example/  {BUS} flat\n")
    );
    let second = json_of(home, &["grant", "add", "vendor", "--bus", "flat", "--json"]);
    assert_eq!((&second["client"], &second["buses"]), (&json!("vendor"), &json!(["flat"])));
    assert_eq!(done(home, &["grant", "revoke", &id]), format!("revoked: {id}\n"));
    for (arguments, words) in [
        (&["grant", "revoke", &id][..], "there is no grant of this id"),
        (&["grant", "add", "nobody", "--bus", "flat"], "client: there is no client \"nobody\""),
        (&["grant", "add", "vendor", "--bus", "none"], "buses: there is no bus \"none\""),
        (&["bus", "set", "flat", "--owner", "eve"], "owner: there is no user \"eve\""),
    ] {
        let (status, told) = refused(home, arguments);
        assert!(status == Some(73) && told.contains(words), "{told}");
    }
    assert_eq!(done(home, &["bus", "set", "flat", "--owner", "bob"]), "changed: flat\n");
    assert_eq!(json_of(home, &["bus", "show", "flat", "--json"])["in_force"]["owner"], "bob");
    assert_eq!(done(home, &["bus", "set", "flat", "--unset", "owner"]), "changed: flat\n");
    assert_eq!(done(home, &["client", "remove", "vendor"]), "removed: vendor\n");
    assert_eq!(json_of(home, &["grant", "list", "--json"]), json!({"grants": []}));
}

#[test]
fn commands_work_without_a_server() {
    let home = Home::configured("");
    // Whoever looks makes nothing.
    assert_eq!(done(&home, &["admin", "list"]), "NAME  CREATED\n");
    assert!(!home.path().join("backplane-data").exists());
    all_commands_work(&home);
    // Each change has its line where there is no server's log to have it.
    let output = home.ask(&["bus", "add", "told"], "");
    assert!(text(&output.stderr).contains("without a server action=\"make\" kind=\"bus\" name=\"told\""));
}

#[test]
fn commands_work_over_the_socket_of_a_server() {
    let home = Home::configured("");
    let mut program = home.start(&[]);
    let client = program.client();
    assert!(
        home.path().join("backplane-data/control.sock").exists(),
        "whoever is told that it listens can ask"
    );
    all_commands_work(&home);
    done(&home, &["bus", "add", "flat"]);
    assert_eq!(client.get("/v1/bus/flat/channel/c").status, 200, "at once");
    let many: Vec<_> = (0..3).map(|n| format!("b{n}")).collect();
    for name in &many {
        done(&home, &["bus", "add", name]);
    }
    done(&home, &["bus", "remove", "flat"]);
    assert_eq!(client.get("/v1/bus/flat/channel/c").status, 404, "at once");
    program.signal("TERM");
    let ended = program.end();
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.errors.contains("over the socket action=\"make\" kind=\"bus\" name=\"flat\""),
        "{}",
        ended.errors
    );
    // And are there without it.
    assert!(many.iter().all(|name| done(&home, &["bus", "list"]).contains(name.as_str())));
}

#[test]
fn what_was_made_without_a_server_is_served_by_the_next_one() {
    let home = Home::configured("");
    with_input(&home, &["user", "add", "bob"], "a word of bob's\n");
    done(&home, &["bus", "add", "flat", "--read", "bob"]);
    let mut program = home.start(&[]);
    let client = program.client();
    let read = client.request("GET", "/v1/bus/flat").basic_auth("bob", Some("a word of bob's"));
    assert_eq!(send(read).status, 200);
}

#[test]
fn a_bus_that_keeps_the_server_from_starting_is_mended_by_command() {
    let home = Home::configured("");
    done(&home, &["bus", "add", "flat", "--set", "retention_max=1h"]);
    let file = home.path().join("backplane.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("defaults.retention = \"2h\"\n{config}")).unwrap();
    let ended = home.start(&[]).expect_errors().end();
    assert_eq!(ended.code, Some(78));
    assert!(
        ended.errors.contains(
            "the bus flat, made at run time, does not go with this configuration: retention_max: is below"
        ),
        "{}",
        ended.errors
    );
    assert_eq!(refused(&home, &["bus", "list"]).0, Some(78));
    done(&home, &["bus", "set", "flat", "--set", "retention_max=3h"]);
    let mut program = home.start(&[]);
    assert_eq!(program.client().get("/v1/bus/flat/channel/c").status, 200);
}

#[test]
fn what_cannot_be_used_is_told_with_its_own_status() {
    let memory = Home::configured("storage.kind = \"memory\"");
    for home in [&memory, &Home::new(None)] {
        let (status, words) = refused(home, &["bus", "list"]);
        assert!(status == Some(78) && words.contains("keeps nothing on disk"), "{words}");
    }
    let home = Home::configured("");
    done(&home, &["bus", "add", "flat"]);
    let store = home.path().join("backplane-data/store.redb");
    let whole = std::fs::read(&store).unwrap();
    std::fs::write(&store, "something else").unwrap();
    let (status, words) = refused(&home, &["bus", "list"]);
    assert!(matches!(status, Some(65 | 66)) && words.contains("store.redb"), "{status:?} {words}");
    let mut altered = whole.clone();
    let end = altered.len() - 4096;
    altered[4096..end].iter_mut().for_each(|byte| *byte ^= 0xff);
    std::fs::write(&store, altered).unwrap();
    let (status, words) = refused(&home, &["bus", "list"]);
    assert!(status == Some(65) && words.contains("is damaged"), "{status:?} {words}");
    let ended = home.start(&[]).expect_errors().end();
    assert_eq!(ended.code, Some(65), "{}", ended.errors);
    std::fs::write(&store, whole).unwrap();
    assert!(done(&home, &["bus", "list"]).contains("flat"));
    // A server that has the folder and does not answer.
    let lock = std::fs::File::options().write(true).open(home.path().join("backplane-data/lock")).unwrap();
    lock.lock().unwrap();
    let (status, words) = refused(&home, &["bus", "add", "more"]);
    assert!(status == Some(66) && words.contains("in use by another process"), "{words}");
}

#[test]
fn a_pipe_that_nobody_reads_and_a_disk_that_is_full_are_told_as_ever() {
    let home = Home::configured("");
    let run = |to: std::process::Stdio| {
        let mut command = std::process::Command::new(testkit::backplane());
        let command = command.args(["bus", "list"]).env_clear().current_dir(home.path()).stdout(to);
        command.output().unwrap().status.code()
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(run(writer.into()), Some(0));
    assert_eq!(run(std::fs::File::options().write(true).open("/dev/full").unwrap().into()), Some(74));
}
