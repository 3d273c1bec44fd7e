//! The program: what is made survives a kill, goes with a configuration that is read again, and is told in the log without a
//! secret.

use serde_json::json;
use testkit::{BUS, Client, Home, Program, eventually, messages, password_of, send};

use super::{bare, get, json, post, problem, put};
use crate::provisioning::delete;

const TAKEN: &str = "the configuration was read again and taken over";

/// A home in whose store is the admin `root`.
fn home(more: &str) -> Home {
    let home = Home::configured(more);
    let made = home.ask(&["admin", "create", "root"], &format!("{}-and-long\n", password_of("root")));
    assert!(made.status.success(), "{made:?}");
    home
}

/// The password is longer than those of tests: it was taken from people.
fn root(client: &Client, method: &str, path: &str) -> reqwest::blocking::RequestBuilder {
    bare(client, method, path).basic_auth("root", Some("toor-and-long"))
}

fn made(client: &Client, path: &str, body: &serde_json::Value) -> u16 {
    send(root(client, "PUT", path).json(body)).status
}

#[test]
fn i_2_what_was_answered_survives_a_kill_and_a_name_made_again_shows_nothing_of_before() {
    let home = home("");
    let mut program = home.start(&[]);
    let client = program.client();
    let bus = json!({"settings": {"post": "alice", "read": "alice", "retention": "1h"}});
    let reply = send(root(&client, "PUT", "buses/flat").json(&bus));
    assert_eq!((reply.status, reply.header("backplane-durability")), (201, Some("disk")));
    assert_eq!(post(&client, "flat", "alice", "1"), 200);
    program.kill();

    let mut program = home.start(&[]);
    let client = program.client();
    let theirs = client.get("/v1/bus/flat/channel/c");
    assert_eq!(theirs.payloads(), ["1"]);
    let position = theirs.next().split_once('?').unwrap().1.to_owned();
    let shown = json(&send(root(&client, "GET", "buses/flat")));
    assert_eq!(shown["in_force"]["retention"], "1h");
    assert_eq!(send(root(&client, "DELETE", "buses/flat")).status, 204);
    program.kill();

    let mut program = home.start(&[]);
    let client = program.client();
    assert_eq!(client.get("/v1/bus/flat/channel/c").status, 404);
    assert_eq!(made(&client, "buses/flat", &bus), 201);
    let begun_anew = |client: &Client| {
        let answer = client.get(&format!("/v1/bus/flat/channel/c?{position}"));
        assert_eq!((answer.resume(), answer.payloads().len()), ("gap", 0));
    };
    begun_anew(&client);
    program.kill();
    let mut program = home.start(&[]);
    begun_anew(&program.client());
}

#[test]
fn a_configuration_that_is_read_again_goes_with_what_was_made() {
    let home = home("");
    let mut program = home.start(&[]).expect_errors();
    let client = program.client();
    let file = home.path().join("backplane.toml");
    let first = std::fs::read_to_string(&file).unwrap();
    let reload = |text: &str, words: &str| {
        std::fs::write(&file, text).unwrap();
        let before = program.errors().len();
        program.signal("HUP");
        let mut said = String::new();
        eventually("the log says what became of it", || {
            said = program.errors().split_off(before);
            said.contains(words)
        });
        said
    };
    assert_eq!(made(&client, "users/bob", &json!({"password": "a word of bob's"})), 201);
    let settings = json!({"settings": {"post": ["alice", "bob"], "retention_max": "1h"}});
    assert_eq!(made(&client, "buses/flat", &settings), 201);
    reload(&first, TAKEN);
    assert_eq!(post(&client, "flat", "alice", "1"), 200);
    assert_eq!(json(&send(root(&client, "GET", "users/bob")))["rights"], json!({"flat": ["post"]}));

    // Defaults hold for what says nothing of it.
    reload(&format!("defaults.retention = \"45m\"\n{first}"), TAKEN);
    assert_eq!(json(&send(root(&client, "GET", "buses/flat")))["in_force"]["retention"], "45m");
    // With these the bus would be none: refused, and all stays.
    let said = reload(&format!("defaults.retention = \"2h\"\n{first}"), "the one before stays in force");
    assert!(said.contains("the bus flat, made at run time") && said.contains("retention_max"), "{said}");
    assert_eq!(json(&send(root(&client, "GET", "buses/flat")))["in_force"]["retention"], "45m");

    // A name in both: the configuration wins, and says so.
    let hash = testkit::strong_hash("bob of the file").to_phc();
    let both = format!(
        "{first}[[user]]\nname = \"bob\"\npassword_hash = \"{hash}\"\n[[bus]]\nname = \"flat\"\npost = \"bob\"\n"
    );
    let said = reload(&both, TAKEN);
    assert!(said.contains("the bus flat is in the configuration and was made at run time"), "{said}");
    let flat = json(&send(root(&client, "GET", "buses/flat")));
    assert_eq!((&flat["read_only"], &flat["in_force"]["post"]), (&json!(true), &json!(["bob"])));
    assert_eq!(problem(&send(root(&client, "DELETE", "users/bob"))), (409, "read_only".to_owned()));
    reload(&first, TAKEN);
    assert_eq!(json(&send(root(&client, "GET", "buses/flat")))["read_only"], json!(false));

    // Somebody of the configuration goes: nobody has that right, and a warning says so.
    let without = first.replace("name = \"alice\"", "name = \"carol\"").replace("[\"alice\"]", "[\"carol\"]");
    let said = reload(&without, TAKEN);
    assert!(said.contains("gives a right to \"alice\", and there is no such user"), "{said}");
    assert_eq!(post(&client, "flat", "alice", "1"), 401);
    program.signal("TERM");
    assert_eq!(program.end().code, Some(0));
}

#[test]
fn i_8_lines_about_changes_tell_who_and_what_and_no_secret() {
    let home = home("log.level = \"info,backplane=trace\"");
    let mut program = home.start(&[]);
    let client = program.client();
    let secret = json!({"password": "secretpassword number 1"});
    assert_eq!(made(&client, "users/bob", &secret), 201);
    assert_eq!(made(&client, "users/bob", &json!({"password": "secretpassword", "secretkey": 1})), 422);
    let bus = json!({"settings": {"post": "bob", "retention": "10m"}});
    assert_eq!(made(&client, "buses/flat", &bus), 201);
    let patch = root(&client, "PATCH", "buses/flat").json(&json!({"settings": {"retention": "11m"}}));
    assert_eq!(send(patch).status, 200);
    let old = json!({"admin": "root", "secret": "toor-and-long", "configs": [{"USER": "carl", "PWDHASH": "secretpassword number 2"}]});
    assert_eq!(send(client.admin().request("POST", "/v1.2/provision/user/update").json(&old)).status, 200);
    let wrong = json!({"admin": "secretadmin", "secret": "secretpassword"});
    assert_eq!(send(client.admin().request("POST", "/v1.2/provision/user/list").json(&wrong)).status, 401);
    assert!(home.ask(&["user", "remove", "bob"], "").status.success());
    program.signal("TERM");
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let lines: Vec<_> = ended.errors.lines().filter(|line| line.contains(" audit: ")).collect();
    let expected = [
        "who=admin root action=\"make\" kind=\"user\" name=\"bob\" fields=\"password\"",
        "who=admin root action=\"make\" kind=\"bus\" name=\"flat\" fields=\"post retention\"",
        "who=admin root action=\"change\" kind=\"bus\" name=\"flat\" fields=\"retention\"",
        "who=admin root action=\"make\" kind=\"user\" name=\"carl\" fields=\"password\"",
        "over the socket action=\"remove\" kind=\"user\" name=\"bob\" fields=\"\"",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(expected), "{line}");
    }
    for secret in ["secretpassword", "secretkey", "secretadmin", "toor", "argon2"] {
        assert!(!ended.errors.contains(secret), "{secret}");
    }
}

/// Whether the server saw it go or found it gone.
#[test]
fn v2_prov_7_what_the_configuration_has_no_more_is_in_no_grant() {
    let home = home("log.level = \"info\"");
    let file = home.path().join("backplane.toml");
    let first = std::fs::read_to_string(&file).unwrap();
    let more = format!("{first}[[bus]]\nname = \"gone\"\npost = \"alice\"\nowner = \"alice\"\n");
    std::fs::write(&file, &more).unwrap();
    let mut program = home.start(&[]);
    let client = program.client();
    let reload = |program: &Program, text: &str| {
        std::fs::write(&file, text).unwrap();
        let before = program.errors().len();
        program.signal("HUP");
        eventually("it is taken over", || program.errors().split_off(before).contains(TAKEN));
    };
    let vendor = json!({"secret": "secretword of the vendor's", "source": "https://vendor.example/"});
    assert_eq!(made(&client, "clients/vendor", &vendor), 201);
    let grant = |client: &Client| {
        let body = json!({"client": "vendor", "buses": ["gone", BUS]});
        let reply = send(root(client, "POST", "grants").json(&body));
        assert_eq!((reply.status, reply.header("backplane-durability")), (201, Some("disk")));
    };
    let covered = |client: &Client| {
        let shown = json(&send(root(client, "GET", "clients/vendor")));
        let grants = shown["grants"].as_object().unwrap();
        grants.values().map(ToString::to_string).collect::<Vec<_>>()
    };
    grant(&client);
    reload(&program, &first);
    let left = [json!([BUS]).to_string()];
    assert_eq!(covered(&client), left);
    reload(&program, &more);
    assert_eq!(covered(&client), left);
    grant(&client);
    assert_eq!(covered(&client).len(), 2);
    let ended = program.kill();
    let line = "who=the configuration action=\"change\" kind=\"grant\"";
    assert!(ended.errors.contains(line) && !ended.errors.contains("secretword"), "{}", ended.errors);

    for text in [&first, &more] {
        std::fs::write(&file, text).unwrap();
        let mut program = home.start(&[]);
        assert_eq!(covered(&program.client()), [left[0].clone(), left[0].clone()]);
        program.kill();
    }
}

#[test]
fn a_server_without_users_and_buses_is_provisioned_whole() {
    let home = Home::new(Some("listen = \"127.0.0.1:0\"\nadmin.listen = \"127.0.0.1:0\"\n[provision]\n"));
    let mut program = home.start(&["serve"]);
    let client = program.client();
    // What is no terminal is told no secret.
    assert!(program.errors().contains("`backplane admin create NAME` makes one"), "{}", program.errors());
    assert!(!program.errors().contains("Bearer"));
    assert_eq!(get(&client, "buses").status, 401);
    let done = home.ask(&["user", "add", "alice"], "alice has a password\n");
    assert!(done.status.success(), "{done:?}");
    assert!(home.ask(&["bus", "add", BUS, "--post", "alice"], "").status.success());
    let request = client.request("POST", &format!("/v1/bus/{BUS}/channel/c"));
    let request = request.basic_auth("alice", Some("alice has a password"));
    let request = request.header("Content-Type", "application/json").body(messages(&["1"]));
    assert_eq!(send(request).status, 200);
    assert_eq!(put(&client, "buses/x", &json!({})).status, 401);
    assert_eq!(delete(&client, "buses/x").status, 401);
}

#[test]
fn the_socket_goes_with_the_server_and_a_dead_one_is_replaced() {
    let home = home("");
    let socket = home.path().join("backplane-data/control.sock");
    let mut program = home.start(&[]);
    program.client();
    program.kill();
    assert!(socket.exists(), "nobody was there to take it away");
    let mut program: Program = home.start(&[]);
    program.client();
    assert!(home.ask(&["bus", "add", "over-the-socket"], "").status.success());
    assert_eq!(program.client().get("/v1/bus/over-the-socket/channel/c").status, 200);
    program.signal("TERM");
    assert_eq!(program.end().code, Some(0));
    assert!(!socket.exists());
}
