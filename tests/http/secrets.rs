//! I-8: channel names, credentials and payloads reach no log, no metric, no error body.

use testkit::{BUS, Program, send};

const SECRETS: [&str; 5] = ["secretchannel", "secretpassword", "secretpayload", "secretuser", "secretkey"];

#[track_caller]
fn holds_none(what: &str, text: &str) {
    let text = text.to_ascii_lowercase();
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what} has {secret}: {text}");
    }
}

fn exercise(program: &mut Program) {
    let client = program.client();
    let channel = format!("/v1/bus/{BUS}/channel/secretchannel");
    let good = r#"[{"source":"http://secretpayload.com","type":"secretpayload","payload":"secretpayload"}]"#;
    let post = |body: &str| {
        let request = client.request("POST", &channel).basic_auth("alice", Some("ecila"));
        let request = request.header("Content-Type", "application/json");
        send(request.header("Idempotency-Key", "secretkey").body(body.to_owned()))
    };
    assert_eq!(post(good).status, 200);
    assert_eq!(client.get(&channel).ids().len(), 1);
    // What is refused, for all kinds of reasons, next to the secrets.
    let mut refused = vec![
        post(&good.replace("http:", "")),
        post(&good.replace(']', "")),
        post("[{\"secretpayload\":secretpayload}]"),
        post("\"secretpayload\""),
        post(r#"[{"source":"http://a.b","type":"t","payload":1,"secretpayload":"\ud800""#),
        client.get(&format!("{channel}.")),
        client.get(&format!("{channel}/more")),
        client.get(&format!("{channel}?since=a&since=secretchannel")),
        client.get("/secretchannel"),
        send(client.request("PUT", &channel)),
        send(client.request("PUT", "/v1/bus/secretchannel%20/channel/secretchannel")),
        send(client.request("POST", &channel).basic_auth("secretuser", Some("secretpassword")).body("[]")),
        send(client.request("POST", &channel).header("Authorization", "secretpassword").body("[]")),
    ];
    let mut bad_key = client.request("POST", &channel).basic_auth("alice", Some("ecila")).body("[]");
    bad_key =
        bad_key.header("Content-Type", "application/json").header("Idempotency-Key", "secretkey secretkey");
    refused.push(send(bad_key));
    let typed = client.request("POST", &channel).basic_auth("alice", Some("ecila"));
    refused.push(send(typed.header("Content-Type", "secretpayload/secretpayload").body("[]")));
    for reply in refused {
        assert!(reply.status >= 400);
        holds_none("an error", &reply.text());
        holds_none("a header of an error", &format!("{:?}", reply.headers));
    }
    let mut raw = program.raw();
    raw.send("GET /secretchannel secretpayload\r\n\r\n");
    holds_none("an answer", &raw.reply().text());
    holds_none("the metrics", &client.admin().get("/metrics").text());
}

#[test]
fn i_8_nothing_secret_is_logged_or_counted_or_answered() {
    for format in ["human", "json"] {
        let levels = "info,backplane=trace,backplane_actors=trace";
        let mut program =
            Program::configured(&format!("[log]\nformat = \"{format}\"\nlevel = \"{levels}\"\n"));
        exercise(&mut program);
        program.signal("TERM");
        let ended = program.end();
        assert_eq!(ended.code, Some(0));
        assert!(
            ended.errors.contains("invalid_idempotency_key") && ended.errors.contains("answered"),
            "it was logged at all"
        );
        holds_none("the log", &ended.errors);
        holds_none("standard output", &ended.output);
    }
}
