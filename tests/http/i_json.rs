//! What stops readers is not taken (RFC 7493), unless the bus says that it takes all JSON.

use backplane_actors::PayloadRule;
use testkit::{Server, Setup, message, messages};

/// Payloads that parsers differ about, and where in the payload it begins.
const POISON: [(&str, usize, &str); 7] = [
    (r#""\ud800""#, 1, "half of a surrogate pair"),
    (r#"["a", {"b": "\ud83d\ud83d\ude00"}]"#, 13, "half of a surrogate pair"),
    (r#"{"\udc00": 1}"#, 2, "half of a surrogate pair"),
    ("1e400", 0, "beyond the range of a double"),
    ("[0, -1E309]", 4, "beyond the range of a double"),
    (r#"{"a": 0.1e310}"#, 6, "beyond the range of a double"),
    ("1.7976931348623159e308", 0, "beyond the range of a double"),
];

#[test]
fn msg_3_what_stops_readers_is_refused_and_nothing_is_stored() {
    let server = Server::start();
    let client = server.client();
    let before = message("").len() - 1;
    let many = format!("0.{}", "1".repeat(1000));
    let poison = POISON.iter().copied().chain([(&*many, 0, "too many digits; 1000 are allowed")]);
    for (payload, at, what) in poison {
        let text = client.post("c", messages(&["1", payload])).is_error(400, "invalid_message");
        let place = format!(
            "message 1 (counted from 0): what begins at its byte {} (counted from 0) is ",
            before + at
        );
        assert!(text.starts_with(&place) && text.contains(what), "{payload}: {text}");
    }
    assert_eq!((client.read("c", "").text().as_str(), server.stats().channels), ("[]", 0));
}

#[test]
fn msg_3_what_every_parser_reads_is_taken_to_the_byte() {
    let server = Server::start();
    let client = server.client();
    let digits = "1".repeat(300);
    let payloads = [
        r#""\ud83d\ude00""#,
        r#""\\ud800""#,
        "1E-400",
        "-0",
        "-1.7976931348623157e308",
        &digits,
        r#"{"":"\uffff"}"#,
    ];
    client.post_payloads("c", &payloads);
    let text = client.read("c", "").text();
    for payload in payloads {
        assert!(text.contains(&format!("\"payload\":{payload}}}")), "{payload} in {text}");
    }
    // A strict parser reads all of it.
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
}

#[test]
fn a_bus_can_take_all_json() {
    let server = Setup::new().bus(|bus| bus.payload = PayloadRule::Any).start();
    let client = server.client();
    for (payload, ..) in POISON {
        assert_eq!(client.post("c", messages(&[payload])).status, 200, "{payload}");
        assert!(client.read("c", "").text().contains(payload), "{payload}");
    }
    // The other bus keeps its rule.
    let other = client.request("POST", &format!("/v1/bus/{}/channel/c", testkit::OTHER_BUS));
    let other = other.basic_auth("alice", Some("ecila")).header("Content-Type", "application/json");
    testkit::send(other.body(messages(&["1e400"]))).is_error(400, "invalid_message");
}
