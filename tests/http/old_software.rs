//! What servers and libraries of the time expect beside the rules: other spellings of paths, and scripts that cannot fail.

use testkit::{BUS, Events, Server, Setup, Socket, messages, password_of, send};

/// What stands before a bus.
const STARTS: [&str; 5] = ["/v1", "/v1.1", "/v1.2", "/v1.3", ""];

/// One channel, in every spelling that names it.
fn spellings() -> Vec<String> {
    let starts = STARTS.iter();
    let paths = starts.map(|start| format!("{start}/bus/{BUS}/channel/c"));
    paths.flat_map(|path| [path.clone(), path + "/"]).collect()
}

#[test]
fn v1_alias_1_a_path_may_go_without_a_version_and_end_with_a_slash() {
    let server = Server::start();
    let client = server.client();
    let mut ids = Vec::new();
    for path in spellings() {
        let request = client.request("POST", &path).basic_auth("poster", Some(password_of("poster")));
        let reply = send(request.header("Content-Type", "application/json").body(messages(&["1"])));
        ids.extend(serde_json::from_slice::<Vec<String>>(&reply.body).unwrap());
    }
    assert_eq!(ids.len(), 10);
    for path in spellings() {
        assert_eq!(client.get(&path).ids(), ids, "{path}");
        let mut events = Events::open(&client, &path);
        events.resumed();
        assert_eq!(events.payloads(10).len(), 10, "{path}");
        let mut socket = Socket::open(server.address(), &path, "");
        socket.resumed();
        assert_eq!(socket.payloads(10).len(), 10, "{path}");
    }
    for start in STARTS {
        for end in ["", "/"] {
            let bus = format!("{start}/bus/{BUS}");
            assert_eq!(client.get_as("reader", &format!("{bus}{end}")).ids(), ids, "{start} {end}");
            assert_eq!(client.get(&format!("{bus}/channels{end}?channel=c")).ids(), ids, "{start} {end}");
            // Followed, a link goes on where the answer ended.
            let next = client.get_as("reader", &format!("{bus}{end}")).next();
            assert_eq!(client.get_as("reader", &format!("{bus}{end}{next}")).ids(), Vec::<String>::new());
        }
    }
    for path in ["/bus", "/bus/", "/bus/customer.com/nothing", "/bus/customer.com/channel", "/bus//channel/c"]
    {
        client.get(path).is_error(404, "not_found");
    }
}

#[test]
fn v1_alias_1_the_library_has_a_path_without_a_version() {
    let server = Server::start();
    let client = server.client();
    let old = client.get("/v1/backplane.js");
    for start in STARTS {
        let alias = client.get(&format!("{start}/backplane.js"));
        assert_eq!((alias.status, alias.headers.get("etag")), (200, old.headers.get("etag")), "{start}");
        assert_eq!(alias.text(), old.text());
    }
}

#[test]
fn v1_new_1_each_version_gives_names() {
    let server = Server::start();
    let client = server.client();
    let mut seen = std::collections::HashSet::new();
    for start in STARTS {
        for end in ["", "/"] {
            let reply = client.get(&format!("{start}/bus/{BUS}/channel/new{end}"));
            let name = reply.json().as_str().unwrap().to_owned();
            assert!(name.len() >= 32 && seen.insert(name), "{start} {}", reply.text());
        }
    }
    assert_eq!(server.stats().channels, 0, "RET-8: the first POST makes a channel");
}

#[test]
fn v1_pad_1_a_script_ends_with_its_call() {
    let server = Server::start();
    let client = server.client();
    let path = format!("/v1/bus/{BUS}/channel/c");
    assert_eq!(client.get(&format!("{path}?callback=f")).text(), "f([]);");
    client.post_payloads("c", &["1"]);
    for path in [path, format!("/v1/bus/{BUS}/channel/new"), format!("/v1/bus/{BUS}/channels?channel=c")] {
        let question = if path.contains('?') { '&' } else { '?' };
        let text = client.get(&format!("{path}{question}callback=Backplane.response")).text();
        // As published clients that are no browsers find the JSON in it.
        let json = text.strip_prefix("Backplane.response(").unwrap();
        let json: serde_json::Value = serde_json::from_str(&json[..json.len() - 2]).unwrap();
        assert!(json.is_array() || json.is_string(), "{text}");
        assert!(text.ends_with(");"), "{text}");
    }
}

#[test]
fn v1_pad_2_a_script_for_a_channel_that_cannot_be_is_an_empty_list() {
    let server = Setup::new().bus(|bus| bus.jsonp = true).start();
    let client = server.client();
    for (path, status, code) in [
        ("/v1/bus/nobody.org/channel/c", 404, "unknown_bus"),
        ("/bus/nobody.org/channel/c", 404, "unknown_bus"),
        ("/v1.1/bus/customer.com/channel/a.b", 400, "invalid_channel_name"),
    ] {
        let reply = client.get(&format!("{path}?callback=Backplane.response&since=x"));
        assert_eq!((reply.status, reply.text().as_str()), (200, "Backplane.response([]);"), "{path}");
        assert_eq!(reply.header("backplane-error"), Some(code), "{path}");
        assert_eq!(reply.header("content-type"), Some("text/javascript; charset=utf-8"));
        // Who can see a status gets it.
        client.get(path).is_error(status, code);
        client.get(&format!("{path}?callback=1")).is_error(400, "invalid_request");
    }
    // A page would keep whatever it is given as the name of its channel.
    client.get("/v1/bus/nobody.org/channel/new?callback=f").is_error(404, "unknown_bus");
}
