//! What an answer to a POST says of itself.

use testkit::{Program, Reply, Server, message, password_of, send};

/// How long the log took is said in milliseconds; what the answer says it survives.
fn said(reply: &Reply) -> &str {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let timing = reply.header("server-timing").unwrap().strip_prefix("log;dur=").unwrap();
    assert!(timing.parse::<f64>().unwrap() >= 0.0, "{timing}");
    reply.header("backplane-durability").unwrap()
}

#[test]
fn an_answer_says_what_it_survives() {
    let server = Server::start();
    assert_eq!(said(&server.client().post("c", format!("[{}]", message("1")))), "memory");
    // An error promises nothing.
    let refused = server.client().post("c", "{}");
    refused.is_error(400, "invalid_message");
    assert_eq!((refused.header("backplane-durability"), refused.header("server-timing")), (None, None));
    for (setting, expected) in [("", "disk"), ("storage.durability = \"interval\"", "interval")] {
        let mut program = Program::configured(setting);
        program.address();
        let post = program.client().request("POST", "/v1/bus/customer.com/channel/c");
        let post =
            post.basic_auth("alice", Some(password_of("alice"))).header("Content-Type", "application/json");
        let post = post.body(format!("[{}]", message("1")));
        assert_eq!(said(&send(post)), expected);
    }
}
