//! One message (V2-ONE-1).

use serde_json::json;
use testkit::{BUS, OTHER_BUS};

use super::*;

fn path_of(message: &Value) -> String {
    let url = message["messageURL"].as_str().unwrap();
    url[url.find("/v2/message/").unwrap()..].to_owned()
}

#[test]
fn v2_one_1_the_url_of_a_message_shows_it() {
    let server = start();
    let client = server.client();
    let (token, page) = (token_of(&client, CLIENT, ""), page(&client, BUS));
    post(&client, &token, BUS, &page.channel, 1);
    let list = read(&client, &token, "");
    let path = path_of(&list["messages"][0]);
    assert_eq!(get(&client, &token, &path).json(), list["messages"][0]);
    let header = read(&client, &page.token, "")["messages"][0].clone();
    assert_eq!(get(&client, &page.token, &path).json(), header, "V2-ACC-2");
    let head = send(with(client.request("HEAD", &path), &token));
    assert_eq!((head.status, head.body.len()), (200, 0));
    let script = client.get(&format!("{path}?access_token={}&callback=f", page.token)).text();
    let json = script.strip_prefix("f(").unwrap().strip_suffix(");").unwrap();
    assert_eq!(serde_json::from_str::<Value>(json).unwrap(), header);
}

#[test]
fn v2_one_1_what_is_gone_is_404_and_what_is_outside_is_403() {
    let server = start();
    let client = server.client();
    let all = token_of(&client, CLIENT, "");
    let (own, other, elsewhere) = (page(&client, BUS), page(&client, BUS), page(&client, OTHER_BUS));
    post(&client, &all, BUS, &other.channel, 1);
    post(&client, &all, OTHER_BUS, &elsewhere.channel, 2);
    let list = read(&client, &all, "");
    let [first, second] = [0, 1].map(|n| path_of(&list["messages"][n]));
    let narrow = token_of(&client, CLIENT, &format!("bus:{BUS}"));
    assert_eq!(get(&client, &narrow, &first).status, 200);
    refused(&get(&client, &narrow, &second), 403, "insufficient_scope");
    refused(&get(&client, &own.token, &first), 403, "insufficient_scope");
    // Of other buses a page is told nothing.
    refused(&get(&client, &own.token, &second), 404, "not_found");
    let filtered = token_of(&client, CLIENT, "type:other");
    refused(&get(&client, &filtered, &first), 403, "insufficient_scope");
    for id in ["0000000000001", "fvvvvvvvvvvvv", "x", "%2e%2e"] {
        refused(&get(&client, &all, &format!("/v2/message/{id}")), 404, "not_found");
        refused(&get(&client, &own.token, &format!("/v2/message/{id}")), 404, "not_found");
    }
    refused(&client.get(&first), 401, "invalid_request");
    assert_eq!(json!(1), get(&client, &all, &first).json()["payload"]);
}
