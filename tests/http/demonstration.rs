//! The demonstration's vendors in version 2.0: what their servers post and fetch, and what of that pages are told.

use serde_json::{Value, json};
use testkit::{Client, Home, Program, Reply, Setup, password_of, send};

/// What the payload of a sign-in has and no page is to see.
const ADDRESS: &str = "visitor@mail.example";
const BAD: &str = "one that is no page's";

struct Demonstration {
    /// Ends with this.
    _program: Program,
    client: Client,
    channel: String,
    token: String,
}

/// A page of the demonstration, with a token and a channel.
fn visit() -> Demonstration {
    let mut program = Program::start(None, &["--listen", "127.0.0.1:0"]);
    let client = program.client();
    let page = client.get("/v2/token?bus=demo").json();
    let channel = page["scope"].as_str().unwrap().split_once("channel:").unwrap().1.to_owned();
    let token = page["access_token"].as_str().unwrap().to_owned();
    Demonstration { _program: program, client, channel, token }
}

impl Demonstration {
    /// A call of a vendor's widget to its server.
    fn ask(&self, path: &str, body: &Value) -> Reply {
        send(self.client.request("POST", &format!("/demo/{path}")).json(body))
    }

    fn sign_in(&self, name: &str) -> Reply {
        self.ask("login.example/login", &json!({"channel": self.channel, "name": name}))
    }

    /// What the page sees.
    fn headers(&self) -> Vec<Value> {
        let request = self.client.request("GET", "/v2/messages").bearer_auth(&self.token);
        send(request).json()["messages"].as_array().unwrap().clone()
    }
}

fn token_for(client: &Client, name: &str, secret: &str) -> Reply {
    let request = client.request("POST", "/v2/token").basic_auth(name, Some(secret));
    let form = "application/x-www-form-urlencoded";
    send(request.header("Content-Type", form).body("grant_type=client_credentials"))
}

#[test]
fn v2_acc_2_of_a_sign_in_at_the_demonstration_pages_get_the_header_and_servers_the_payload() {
    let demonstration = visit();
    let posted = demonstration.sign_in(" Grace ");
    assert_eq!(posted.status, 200, "{}", posted.text());
    assert!(posted.header("server-timing").is_some_and(|took| took.starts_with("broker;dur=")));
    let headers = demonstration.headers();
    let [header] = &*headers else { panic!("{headers:?}") };
    assert_eq!(
        (&header["type"], &header["source"], &header["sticky"], header.get("payload")),
        (&json!("identity/login"), &json!("http://login.example/"), &json!(true), None)
    );
    let url = &header["messageURL"];
    let id = posted.json()["id"].as_str().unwrap().to_owned();
    assert!(url.as_str().unwrap().ends_with(&format!("/v2/message/{id}")), "{url}");
    // Each vendor's server finds out whom to greet, and tells its widget nothing else.
    for vendor in ["login.example", "comments.example", "share.example"] {
        let told = demonstration.ask(&format!("{vendor}/session"), &json!({ "messageURL": url }));
        assert_eq!((told.status, told.json()), (200, json!({"name": "Grace"})), "{vendor}");
        let seen = demonstration.ask(&format!("{vendor}/seen"), &json!({ "messageURL": url })).json();
        assert_eq!(seen["payload"]["identities"]["entry"]["emails"][0]["value"], ADDRESS, "{vendor}");
    }
    assert_eq!(
        demonstration.ask("login.example/logout", &json!({"channel": demonstration.channel})).status,
        200
    );
    let types: Vec<Value> = demonstration.headers().iter().map(|header| header["type"].clone()).collect();
    assert_eq!(types, ["identity/login", "identity/logout"], "both stay for whoever comes later");
}

#[test]
fn the_vendors_of_the_demonstration_are_clients_of_it_and_of_no_other_server() {
    let demonstration = visit();
    let other = Setup::new().start();
    let home = Home::configured("storage.kind = \"memory\"");
    let mut program = home.start(&["serve", "--listen", "127.0.0.1:0"]);
    for vendor in ["login.example", "comments.example", "share.example"] {
        let reply = token_for(&demonstration.client, vendor, "demo");
        assert_eq!((reply.status, &reply.json()["scope"]), (200, &json!("bus:demo")), "{vendor}");
        for client in [other.client(), program.client()] {
            // Neither with the secret that everybody knows, nor with the password of a user.
            for secret in ["demo", &password_of("alice")] {
                token_for(&client, vendor, secret).is_error(401, "invalid_client");
            }
        }
    }
    token_for(&demonstration.client, "login.example", "else").is_error(401, "invalid_client");
}

#[test]
fn a_vendor_of_the_demonstration_fetches_messages_of_this_server_alone() {
    let demonstration = visit();
    let id = demonstration.sign_in("Grace").json()["id"].as_str().unwrap().to_owned();
    let session = |url: &str| demonstration.ask("share.example/session", &json!({ "messageURL": url }));
    let own = demonstration.client.url(&format!("/v2/message/{id}"));
    assert_eq!(session(&own).status, 200);
    for foreign in [
        format!("http://elsewhere.example/v2/message/{id}"),
        format!("{}@elsewhere.example/v2/message/{id}", demonstration.client.url("")),
        format!("/v2/message/{id}"),
        format!("{own}/"),
        format!("{own}?since={id}"),
        String::new(),
    ] {
        let text = session(&foreign).is_error(400, "invalid_request");
        assert!(text.contains("/v2/message/<id>") && !text.contains("elsewhere"), "{text}");
    }
    session(&demonstration.client.url("/v2/message/0000000000001")).is_error(404, "not_found");
}

#[test]
fn the_demonstration_says_what_its_vendors_do_not_take() {
    let demonstration = visit();
    let channel = &demonstration.channel;
    let login = |body: &Value| demonstration.ask("login.example/login", body);
    login(&json!({"channel": "a-name-of-version-1", "name": "Ann"})).is_error(403, "unbound_channel");
    login(&json!({"channel": "no name", "name": "Ann"})).is_error(400, "invalid_channel_name");
    for name in ["", "  ", &"x".repeat(41)] {
        login(&json!({"channel": channel, "name": name})).is_error(400, "invalid_request");
    }
    for body in
        [json!({"channel": channel}), json!({"channel": channel, "name": "Ann", "more": BAD}), json!([])]
    {
        let text = login(&body).is_error(400, "invalid_request");
        assert!(text.contains("a login is the JSON object") && !text.contains(BAD), "{text}");
    }
    let large = json!({"channel": channel, "name": "x".repeat(1_024)});
    login(&large).is_error(413, "body_too_large");
    let untyped = demonstration.client.request("POST", "/demo/login.example/logout").body("{}");
    send(untyped).is_error(415, "unsupported_media_type");
    demonstration.ask("else.example/session", &json!({"messageURL": ""})).is_error(404, "not_found");
    demonstration.ask("share.example/login", &json!({})).is_error(404, "not_found");
    // Nobody signs in with a logout.
    let id = demonstration.ask("login.example/logout", &json!({"channel": channel})).json();
    let url = demonstration.client.url(&format!("/v2/message/{}", id["id"].as_str().unwrap()));
    let refused = demonstration.ask("share.example/session", &json!({"messageURL": url}));
    refused.is_error(400, "invalid_message");
}
