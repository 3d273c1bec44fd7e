//! Version 2.0.

use serde_json::{Value, json};

use crate::document::{Document, Place, Preflight};
use crate::operation::{Operation, body, shown, text};
use crate::refusals::Family;
use crate::v1::script;

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const FORM: &str = "application/x-www-form-urlencoded";
const TAG: &str = "version 2.0";
const READERS: &[&str] = &["pageToken", "pageTokenInQuery", "clientToken"];
const PADDED: &str = "With `callback` the answer is a script and its status 200, errors as well.";

fn operation(name: &str, summary: &str) -> Operation {
    Operation::new(Family::V2, format!("v2_{name}"), TAG, summary)
}

/// Adds its calls.
pub(crate) fn describe(document: &mut Document) {
    tokens(document);
    manage(document);
    messages(document);
    one(document);
    post(document);
}

fn token_of(scope: &str, is_page: bool) -> Value {
    let access = if is_page { "bpp_Y2hhbm5lbHNvZnBhZ2Vz" } else { "bpa_Y2xpZW50LWFjY2Vzcw" };
    let refresh = if is_page { "bpf_Y2hhbm5lbHNvZnBhZ2Vz" } else { "bpr_Y2xpZW50LWFjY2Vzcw" };
    json!({"access_token": access, "token_type": "Bearer", "expires_in": 3600, "scope": scope, "refresh_token": refresh})
}

fn tokens(document: &mut Document) {
    let page = shown(JSON, "PageToken", token_of("bus:demo channel:o6TPnXo2M1V9iD1hyUb0Wq8XwzqSxNaC", true));
    let about = ["The channel is new, and no other page gets it. ", PADDED].concat();
    let give =
        operation("pageToken", "A token for a page, and its channel; or another one for the same channel")
            .about(&about)
            .takes(&["busAsked", "refreshToken", "filters", "callback"])
            .answers(200, "The token.", &[page, script()], &[])
            .refuses(&[401, 403, 429]);
    document.add("/v2/token", "get", give, Place::Public);
    let client = shown(JSON, "ClientToken", token_of("bus:customer.com", false));
    let give = operation("clientToken", "A token for a client")
        .about("`grant_type` and `scope` may also stand in the query; credentials come by HTTP Basic alone.")
        .security(&["client"])
        .takes(&["grantTypeInQuery", "scopeInQuery"])
        .body(&[shown(FORM, "TokenRequest", json!({"grant_type": "client_credentials"}))])
        .answers(200, "The token.", &[client], &[])
        .refuses(&[401, 403, 413, 415, 429]);
    document.add("/v2/token", "post", give, Place::Public);
    document.options("/v2/token", "v2_token", TAG, Preflight::Alike);
}

fn manage(document: &mut Document) {
    let form = || [shown(FORM, "TokenQuestion", json!({"token": "bpa_Y2xpZW50LWFjY2Vzcw"}))];
    let refused = &[401, 403, 413, 415, 429];
    let revoke = operation("revoke", "Ends a token of the client (RFC 7009)")
        .about("What is no token of its own is left as it is, and nobody is told.")
        .security(&["client"])
        .body(&form())
        .answers(200, "The token is no more.", &[], &[])
        .refuses(refused);
    document.add("/v2/revoke", "post", revoke, Place::Public);
    document.options("/v2/revoke", "v2_revoke", TAG, Preflight::Alike);
    let introspect = operation("introspect", "What a token of the client is (RFC 7662)")
        .security(&["client"])
        .body(&form())
        .answers(
            200,
            "Whether it is good, and for what.",
            &[shown(JSON, "Introspection", json!({"active": false}))],
            &[],
        )
        .refuses(refused);
    document.add("/v2/introspect", "post", introspect, Place::Public);
    document.options("/v2/introspect", "v2_introspect", TAG, Preflight::Alike);
}

fn messages(document: &mut Document) {
    let about = [
        "A client sees all of its buses in one order, a page the headers of its channel, without payloads. Follow `nextURL`, and nothing is \
         skipped. With `block` the answer is held back until there is something to say; with `Accept: text/event-stream` it is a stream of \
         events, with `Upgrade: websocket` and the subprotocol `backplane.v1` a WebSocket. ",
        PADDED,
    ]
    .concat();
    let example = json!({
        "nextURL": "https://backplane.example/v2/messages?since=1k7vsmm2r0001.00000000001a2",
        "messages": [example()],
        "moreMessages": false,
    });
    let read = operation("readMessages", "Messages that the token lets see")
        .about(&about)
        .security(READERS)
        .takes(&["since", "block", "callback", "Last-Event-ID"])
        .answers(
            200,
            "Messages, oldest first.",
            &[
                shown(JSON, "MessagesV2", example),
                text(EVENTS, "Events: `message` with an object and `prev`, `backplane` with a fact."),
                script(),
            ],
            &["Backplane-Resume"],
        )
        .answers(101, "The WebSocket is open.", &[], &[])
        .refuses(&[401, 403, 404, 429]);
    document.read("/v2/messages", read, Place::Public);
    document.options("/v2/messages", "v2_messages", TAG, Preflight::Alike);
}

fn one(document: &mut Document) {
    let read = operation("readMessage", "One message, or its header")
        .about(PADDED)
        .security(READERS)
        .takes(&["callback"])
        .answers(200, "The message.", &[shown(JSON, "MessageV2", example()), script()], &[])
        .refuses(&[401, 403, 404, 429]);
    document.read("/v2/message/{id}", read, Place::Public);
    document.options("/v2/message/{id}", "v2_messageById", TAG, Preflight::Alike);
}

fn post(document: &mut Document) {
    let example = json!({"message": {
        "type": "identity/login", "bus": "demo", "channel": "o6TPnXo2M1V9iD1hyUb0Wq8XwzqSxNaC", "payload": {"name": "Ann"}, "sticky": true,
    }});
    let post = operation("post", "A client posts a message")
        .about("The channel is one that a page was given on that bus. The source is the one that is registered for the client.")
        .security(&["clientToken"])
        .takes(&["Idempotency-Key"])
        .body(&[(JSON, body(JSON, "PostedMessageV2").1, Some(example))])
        .answers(201, "It is posted.", &[], &["Location", "Backplane-Durability"])
        .refuses(&[401, 403, 404, 413, 415, 422, 429, 507]);
    document.add("/v2/message", "post", post, Place::Public);
    document.options("/v2/message", "v2_message", TAG, Preflight::Alike);
}

/// A message as clients see it.
fn example() -> Value {
    json!({
        "messageURL": "https://backplane.example/v2/message/1k7vsmm2r0001",
        "source": "https://login.example",
        "type": "identity/login",
        "bus": "demo",
        "channel": "o6TPnXo2M1V9iD1hyUb0Wq8XwzqSxNaC",
        "sticky": true,
        "expire": "2030-01-31T23:59:59Z",
        "payload": {"name": "Ann"},
    })
}
