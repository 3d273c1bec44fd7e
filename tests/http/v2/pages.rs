//! All tokens of a bus's pages, ended at once by its operator.

use testkit::{Home, Program};

use super::*;
use crate::v2::streams::listen;

fn end_pages(client: &Client, bus: &str) -> Reply {
    send(admin(client, "DELETE", &format!("buses/{bus}/pages")))
}

#[test]
fn v2_err_1_an_operator_ends_all_tokens_of_a_buss_pages() {
    let server = start();
    let client = server.client();
    let (ended, other) = (page(&client, BUS), page(&client, OTHER_BUS));
    let mut events = listen(&client, &ended.token, "");
    let mut others = listen(&client, &other.token, "");
    events.resumed();
    others.resumed();
    assert_eq!(end_pages(&client, BUS).status, 204);
    assert_eq!(events.fact()["end"], "revoked");
    refused(&get(&client, &ended.token, "/v2/messages"), 403, "invalid_token");
    refused(&client.get(&format!("/v2/token?refresh_token={}", ended.refresh)), 403, "invalid_token");
    // Whoever comes later gets a new one, in the same moment too; and another bus is another bus.
    server.advance(std::time::Duration::from_millis(1));
    let new = page(&client, BUS);
    assert_ne!(new.channel, ended.channel);
    read(&client, &new.token, "");
    post(&client, &token_of(&client, CLIENT, ""), OTHER_BUS, &other.channel, 1);
    assert_eq!(others.frame().1["message"]["type"], "test");
}

#[test]
fn only_admins_end_the_tokens_of_pages_and_of_buses_that_there_are() {
    let server = start();
    let client = server.client();
    let page = page(&client, BUS);
    let bare = client.admin().request("DELETE", &format!("/admin/v1/buses/{BUS}/pages"));
    assert_eq!(send(bare).status, 401);
    let reply = end_pages(&client, "nobodys.example");
    assert_eq!(
        (reply.status, reply.json()["type"].as_str()),
        (404, Some("urn:backplane:error:unknown_entity"))
    );
    let reply = send(admin(&client, "GET", &format!("buses/{BUS}/pages")));
    assert_eq!((reply.status, reply.header("allow")), (405, Some("DELETE")));
    assert_eq!(send(admin(&client, "DELETE", &format!("users/{BUS}/pages"))).status, 404);
    read(&client, &page.token, "");
}

/// As the command line does it, with a server that runs and without one.
#[test]
fn i_2_tokens_of_pages_that_were_ended_stay_so() {
    let home = Home::configured("");
    let page_of = |program: &mut Program| {
        let client = program.client();
        (page(&client, BUS), client)
    };
    let revoke = || {
        let output = home.ask(&["bus", "revoke-pages", BUS], "");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("page tokens revoked: {BUS}\n"),
            "{output:?}"
        );
    };
    let is_ended = |client: &Client, page: &Page| {
        refused(&get(client, &page.token, "/v2/messages"), 403, "invalid_token");
    };
    let mut program = home.start(&[]);
    let (first, client) = page_of(&mut program);
    revoke();
    is_ended(&client, &first);
    let line = format!("kind=\"bus\" name=\"{BUS}\" fields=\"page tokens\"");
    testkit::eventually("the log tells it", || program.errors().contains(&line));
    program.kill();

    let mut program = home.start(&[]);
    let client = program.client();
    is_ended(&client, &first);
    let (second, client) = {
        let there = page(&client, BUS);
        read(&client, &there.token, "");
        (there, client)
    };
    program.signal("TERM");
    assert_eq!(program.end().code, Some(0));
    drop(client);
    revoke();
    let output = home.ask(&["bus", "revoke-pages", BUS, "--json"], "");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json, json!({"name": BUS, "page_tokens_revoked": true}));
    let output = home.ask(&["bus", "revoke-pages", "nobodys.example"], "");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no bus of this name"), "{output:?}");

    let mut program = home.start(&[]);
    is_ended(&program.client(), &second);
    program.kill();
}
