//! MSG-1 to MSG-4 and V1-POST-1: what is a message, and that it comes back byte for byte.

use serde_json::json;

use testkit::{Server, message, messages};

/// Asserts that the message is refused as a whole and for a reason that names this field.
#[track_caller]
fn refused(server: &Server, message: &str, field: &str) {
    let client = server.client();
    let good = testkit::message("1");
    let description = client.post("c", format!("[{good},{message},{good}]")).is_error(400, "invalid_message");
    assert!(description.starts_with("message 1 (counted from 0): "), "{description}");
    assert!(description.contains(&format!("`{field}`")), "{description}");
    assert_eq!(
        (client.read("c", "").text(), server.stats().messages),
        ("[]".to_owned(), 0),
        "all or nothing"
    );
}

#[test]
fn msg_1_source_is_an_absolute_url() {
    let server = Server::start();
    for source in
        ["\"client.com\"", "\"/path\"", "\"//client.com/\"", "\"\"", "\"http://\"", "17", "null", "{}"]
    {
        refused(&server, &format!(r#"{{"source":{source},"type":"t","payload":1}}"#), "source");
    }
    refused(&server, r#"{"type":"t","payload":1}"#, "source");
    for source in ["http://client.com", "https://client.com:8443/a/b?c=d#e", "HTTP://CLIENT.COM/"] {
        let body = format!(r#"[{{"source":"{source}","type":"t","payload":1}}]"#);
        assert_eq!(server.client().post("good", body).status, 200, "{source}");
    }
}

#[test]
fn msg_2_type_is_any_string() {
    let server = Server::start();
    for kind in ["1", "null", "[\"t\"]", "{}", "true"] {
        refused(&server, &format!(r#"{{"source":"http://client.com","type":{kind},"payload":1}}"#), "type");
    }
    refused(&server, r#"{"source":"http://client.com","payload":1}"#, "type");
    for kind in ["", "identity/login", "any thing", "ünï", r"\u00fc\n"] {
        let body = format!(r#"[{{"source":"http://client.com","type":"{kind}","payload":1}}]"#);
        assert_eq!(server.client().post("good", body).status, 200, "{kind}");
    }
}

#[test]
fn msg_3_payload_is_any_json_value_but_there() {
    let server = Server::start();
    refused(&server, r#"{"source":"http://client.com","type":"t"}"#, "payload");
    let all = ["null", "true", "0", "\"\"", "[]", "{}"];
    server.client().post_payloads("good", &all);
    assert_eq!(server.client().read("good", "").payloads(), all);
}

#[test]
fn msg_3_messages_come_back_byte_for_byte() {
    let server = Server::start();
    let client = server.client();
    let odd = [
        // Numbers keep every digit, also those that no machine number holds.
        r#"{"source":"http://client.com","type":"t","payload":1.50}"#,
        r#"{"source":"http://client.com","type":"t","payload":[1e308,-0,-0.0,1E+2,0.1e-7,123456789012345678901234567890]}"#,
        // Members keep their order, and a payload may even repeat one.
        r#"{"type":"t","payload":{"z":1,"a":2,"z":3,"":4},"source":"http://client.com"}"#,
        // Escapes stay escapes, letters stay letters.
        r#"{"source":"http:\/\/client.com","type":"\u0074","payload":"\u00fc\ud83d\ude00 ü😀 \/ \u2028"}"#,
        // White space inside belongs to the message.
        "{ \"source\" :\t\"http://client.com\",\r\n \"type\":\"t\" ,\"payload\" : [ 1 ,\n2 ] }",
        // Unknown fields, also an object's own words.
        r#"{"source":"http://client.com","type":"t","payload":{"message":{"id":"x"}},"id":"y","channel_name":"z"}"#,
    ];
    let body = format!(" [\n{} ] ", odd.join(" ,\t"));
    let posted = client.post("c", body);
    let ids: Vec<String> = serde_json::from_slice(&posted.body).unwrap();
    let frames: Vec<_> = odd
        .iter()
        .zip(&ids)
        .map(|(message, id)| format!(r#"{{"message":{message},"channel_name":"c","id":"{id}"}}"#))
        .collect();
    let expected = format!("[{}]", frames.join(","));
    assert_eq!(client.read("c", "").text(), expected);
    assert_eq!(client.read_bus("").text(), expected);
}

#[test]
fn msg_4_fields_beside_the_predefined_ones_are_kept() {
    let server = Server::start();
    let message =
        r#"{"source":"http://client.com","type":"t","payload":1,"sticky":"true","expire":7,"mine":[{}]}"#;
    assert_eq!(server.client().post("c", format!("[{message}]")).status, 200);
    let expected: serde_json::Value = serde_json::from_str(message).unwrap();
    assert_eq!(server.client().read("c", "").json()[0]["message"], expected);
}

#[test]
fn a_predefined_field_is_not_there_twice_however_it_is_spelled() {
    let server = Server::start();
    for twice in [
        r#""type":"u""#,
        r#""\u0074ype":"u""#,
        r#""payload":1"#,
        r#""p\u0061yload":1"#,
        r#""source":"http://client.com""#,
        r#""sticky":true,"stick\u0079":false"#,
        r#""expire":1,"expire":2"#,
    ] {
        let named = ["type", "payload", "source", "sticky", "expire"];
        let plain = twice.replace(r"\u0074", "t").replace(r"\u0061", "a").replace(r"\u0079", "y");
        let field = named.into_iter().find(|name| plain.starts_with(&format!("\"{name}"))).unwrap();
        refused(
            &server,
            &format!(r#"{{"source":"http://client.com","type":"t","payload":1,{twice}}}"#),
            field,
        );
    }
}

#[test]
fn v1_post_1_an_empty_array_is_accepted_and_does_nothing() {
    let server = Server::start();
    let client = server.client();
    for body in ["[]", " [ \n] "] {
        let reply = client.post("c", body);
        assert_eq!((reply.status, reply.text()), (200, "[]".to_owned()));
    }
    assert_eq!((server.stats().channels, server.stats().messages), (0, 0));
}

#[test]
fn v1_post_1_success_is_200_with_the_ids_in_order() {
    let server = Server::start();
    let reply = server.client().post("c", messages(&["1", "2", "3"]));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert_eq!(reply.json(), json!(server.client().read("c", "").ids()));
}

#[test]
fn a_body_is_one_json_array_and_nothing_else() {
    let server = Server::start();
    let client = server.client();
    let good = message("1");
    for body in [
        "",
        "{}",
        "null",
        "\"[]\"",
        "[",
        "[]]",
        "[] []",
        "[1]",
        "[null]",
        "[[]]",
        "not json",
        "\u{feff}[]",
        "[01]",
        "['a']",
        "// comment\n[]",
        &good,
        &format!("[{good},]"),
        &format!("[{good}"),
        &format!("[{good} {good}]"),
        &format!("[{good}]x"),
        &format!("[{}]", good.replace("\"payload\":1", "\"payload\":\"a\nb\"")),
    ] {
        client.post("c", body.to_owned()).is_error(400, "invalid_message");
    }
    client.post("c", &b"[\"\xff\"]"[..]).is_error(400, "invalid_message");
    assert_eq!((server.stats().channels, server.stats().messages), (0, 0));
}

#[test]
fn one_bad_message_in_a_thousand_and_nothing_is_stored() {
    let server = Server::start();
    let client = server.client();
    let mut all = vec![message("1"); 1000];
    all[997] = r#"{"source":"http://client.com","type":null,"payload":1}"#.to_owned();
    let description = client.post("c", format!("[{}]", all.join(","))).is_error(400, "invalid_message");
    assert_eq!(description, "message 997 (counted from 0): `type` must be a string of Unicode characters");
    assert_eq!(client.read("c", "").text(), "[]");
    assert_eq!(client.read_bus("").text(), "[]");
    assert_eq!(server.stats().channels, 0);
}
