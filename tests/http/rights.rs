//! V1-AUTH-2: who may do what.

use testkit::{BUS, OTHER_BUS, Reply, Server, messages, send};

const CHALLENGE: Option<&str> = Some("Basic realm=\"backplane\", charset=\"UTF-8\"");

fn call(server: &Server, method: &str, path: &str, user: Option<(&str, &str)>) -> Reply {
    let mut request = server.client().request(method, path);
    if let Some((user, password)) = user {
        request = request.basic_auth(user, Some(password));
    }
    send(if method == "POST" {
        request.header("Content-Type", "application/json").body(messages(&["1"]))
    } else {
        request
    })
}

/// The two calls that need credentials.
fn guarded() -> [(&'static str, String); 2] {
    [("GET", format!("/v1/bus/{BUS}")), ("POST", format!("/v1/bus/{BUS}/channel/c"))]
}

#[test]
fn v1_auth_2_no_credentials_are_401() {
    let server = Server::start();
    for (method, path) in guarded() {
        let reply = call(&server, method, &path, None);
        reply.is_error(401, "credentials_required");
        assert_eq!(reply.header("www-authenticate"), CHALLENGE);
    }
    assert_eq!(server.stats().messages, 0);
}

#[test]
fn v1_auth_2_unusable_credentials_are_401() {
    let server = Server::start();
    for (method, path) in guarded() {
        for value in ["Bearer abc", "Basic", "Basic !!!", "Basic YWxpY2U=", "Digest x", ""] {
            let request = server.client().request(method, &path).header("Authorization", value);
            let reply = send(request);
            reply.is_error(401, "credentials_required");
            assert_eq!(reply.header("www-authenticate"), CHALLENGE);
        }
        let (first, second) = ("Basic YWxpY2U6ZWNpbGE=", "Basic YWxpY2U6ZWNpbGE=");
        let twice = server.client().request(method, &path);
        let twice = twice.header("Authorization", first).header("Authorization", second);
        send(twice).is_error(401, "credentials_required");
    }
}

#[test]
fn v1_auth_2_wrong_credentials_are_401_and_do_not_tell_whether_the_user_exists() {
    let server = Server::start();
    for (method, path) in guarded() {
        let wrong = call(&server, method, &path, Some(("alice", "guess")));
        wrong.is_error(401, "invalid_credentials");
        assert_eq!(wrong.header("www-authenticate"), CHALLENGE);
        for (user, password) in
            [("mallory", "guess"), ("", ""), ("alice", ""), ("ALICE", "ecila"), ("mallory", "ecila")]
        {
            let reply = call(&server, method, &path, Some((user, password)));
            assert_eq!((reply.status, reply.text()), (401, wrong.text()), "{user}");
            let names = |reply: &Reply| {
                reply.headers.keys().map(ToString::to_string).collect::<std::collections::BTreeSet<_>>()
            };
            assert_eq!(names(&reply), names(&wrong));
        }
    }
    assert_eq!(server.stats().messages, 0);
}

#[test]
fn v1_auth_2_right_credentials_without_the_right_are_403() {
    let server = Server::start();
    let [(get, bus), (post, channel)] = guarded();
    for (method, path, user, password) in [
        (get, &bus, "poster", "retsop"),
        (get, &bus, "nobody", "ydobon"),
        (post, &channel, "reader", "redaer"),
        (post, &channel, "nobody", "ydobon"),
        (get, &format!("/v1/bus/{OTHER_BUS}"), "reader", "redaer"),
        (post, &format!("/v1/bus/{OTHER_BUS}/channel/c"), "poster", "retsop"),
    ] {
        let reply = call(&server, method, path, Some((user, password)));
        reply.is_error(403, "forbidden");
        assert_eq!(reply.header("www-authenticate"), None);
    }
    assert_eq!(server.stats().messages, 0);
    assert_eq!(call(&server, get, &bus, Some(("reader", "redaer"))).status, 200);
    assert_eq!(call(&server, post, &channel, Some(("poster", "retsop"))).status, 200);
}

#[test]
fn a_channel_is_read_without_credentials_and_wrong_ones_do_not_matter() {
    let server = Server::start();
    let path = format!("/v1/bus/{BUS}/channel/c");
    assert_eq!(call(&server, "GET", &path, None).status, 200);
    assert_eq!(call(&server, "GET", &path, Some(("alice", "wrong"))).status, 200);
}

#[test]
fn who_may_not_post_is_told_before_the_body_is_sent() {
    let server = Server::start();
    let mut raw = server.raw();
    let head = "Content-Type: application/json\r\nContent-Length: 1000000\r\n";
    let reply = raw.request("POST", &format!("/v1/bus/{BUS}/channel/c"), head).reply();
    reply.is_error(401, "credentials_required");
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(raw.is_closed());
}
