//! A body is JSON, and says so: what a page could send unasked is not taken.

use testkit::{BUS, Reply, Server, messages, send};

/// Posts with these headers and a body that says nothing of itself.
fn post(server: &Server, headers: &[(&str, &str)]) -> Reply {
    let request = server.client().request("POST", &format!("/v1/bus/{BUS}/channel/c"));
    let request = request.basic_auth("poster", Some("retsop")).body(messages(&["1"]));
    send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
}

const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

#[test]
fn the_body_must_be_json_by_its_own_account() {
    let server = Server::start();
    for kind in
        ["text/plain", "multipart/form-data; boundary=x", "application/jsonx", "application/json+x", "x", ""]
    {
        post(&server, &[("Content-Type", kind)]).is_error(415, "unsupported_media_type");
    }
    for coding in ["gzip", "identity, gzip", "br"] {
        post(&server, &[JSON, ("Content-Encoding", coding)]).is_error(415, "unsupported_media_type");
    }
    assert_eq!(server.stats().messages, 0);
    for kind in ["application/json", "Application/JSON; charset=utf-8", "application/json ;x=y"] {
        assert_eq!(post(&server, &[("Content-Type", kind)]).status, 200, "{kind}");
    }
    assert_eq!(post(&server, &[JSON, ("Content-Encoding", " Identity ")]).status, 200);
}

#[test]
fn a_body_without_a_type_is_refused_and_told_what_to_send() {
    let server = Server::start();
    let text = post(&server, &[]).is_error(415, "unsupported_media_type");
    assert_eq!(text, "the request has no Content-Type: send Content-Type: application/json");
    assert_eq!(server.stats().messages, 0);
}

#[test]
fn v1_ct_1_servers_may_call_their_array_a_form_and_browsers_may_not() {
    let server = Server::start();
    for extra in [
        ("Origin", "http://customer.com"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Site", "none"),
    ] {
        post(&server, &[FORM, extra]).is_error(415, "unsupported_media_type");
        // JSON asks first, in a browser, and is refused there.
        assert_eq!(post(&server, &[JSON, extra]).status, 200, "{extra:?}");
    }
    let stored = server.stats().messages;
    assert_eq!(post(&server, &[FORM]).status, 200);
    assert_eq!(
        post(&server, &[("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")]).status,
        200
    );
    assert_eq!(server.stats().messages, stored + 2);
    // As everywhere it takes credentials.
    let open = server.client().request("POST", &format!("/v1/bus/{BUS}/channel/c")).header(FORM.0, FORM.1);
    send(open.body("[]")).is_error(401, "credentials_required");
}

#[test]
fn a_second_type_or_coding_is_refused() {
    let server = Server::start();
    for headers in [
        [JSON, JSON],
        [JSON, ("Content-Type", "text/plain")],
        [FORM, JSON],
        [("Content-Encoding", "identity"), ("Content-Encoding", "gzip")],
        [("Content-Encoding", "identity"), ("Content-Encoding", "identity")],
    ] {
        let headers: Vec<_> =
            if headers[0].0 == JSON.0 { headers.to_vec() } else { [&headers[..], &[JSON]].concat() };
        let text = post(&server, &headers).is_error(400, "invalid_request");
        assert!(text.ends_with("may be given once, not twice"), "{text}");
    }
    assert_eq!(server.stats().messages, 0);
}
