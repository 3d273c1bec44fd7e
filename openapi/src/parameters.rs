//! Parameters that several calls have.

use serde_json::{Map, Value, json};

/// What names of buses consist of, and of channels.
pub(crate) const BUS: &str = "^[A-Za-z0-9._-]+$";
pub(crate) const CHANNEL: &str = "^[A-Za-z0-9_-]+$";
/// The name of a function of a page.
const CALLBACK: &str = r"^[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)*$";

/// A parameter of this place.
fn parameter(name: &str, place: &str, description: &str, schema: &Value, example: &Value) -> Value {
    let mut parameter = json!({"name": name, "in": place, "description": description, "schema": schema});
    if let Some(members) = parameter.as_object_mut() {
        if place == "path" {
            members.insert("required".to_owned(), Value::from(true));
        }
        if !example.is_null() {
            members.insert("example".to_owned(), example.clone());
        }
    }
    parameter
}

fn required(mut parameter: Value) -> Value {
    if let Some(members) = parameter.as_object_mut() {
        members.insert("required".to_owned(), Value::from(true));
    }
    parameter
}

/// All of them, by the names under which they are referred to.
pub(crate) fn all() -> Value {
    let mut all = Map::new();
    for part in [paths(), reading(), version_2(), owners(), admin()] {
        let Value::Object(part) = part else { continue };
        all.extend(part);
    }
    Value::Object(all)
}

fn paths() -> Value {
    let bus = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": BUS});
    let channel = json!({"type": "string", "minLength": 1, "maxLength": 128, "pattern": CHANNEL, "not": {"const": "new"}});
    let id = json!({"type": "string", "pattern": "^[0-9a-v]{13}$"});
    let name = json!({"type": "string", "minLength": 1, "maxLength": 255});
    json!({
        "bus": parameter("bus", "path", "The name of a bus.", &bus, &json!("demo")),
        "channel": parameter(
            "channel", "path", "The name of a channel: whoever knows it may read it.", &channel,
            &json!("8ec92f459fa70b0da1a40e8fe70a0bc8"),
        ),
        "id": parameter("id", "path", "The id of a message.", &id, &json!("1k7vsmm2r0001")),
        "name": parameter("name", "path", "The name of the one that is meant; of a grant, its id.", &name, &json!("customer.com")),
    })
}

fn reading() -> Value {
    let text = json!({"type": "string"});
    let position = json!({"type": "string", "maxLength": 4096});
    let channels = json!({
        "type": "array", "minItems": 1, "maxItems": 255, "uniqueItems": true,
        "items": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": CHANNEL, "not": {"const": "new"}},
    });
    let key = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"});
    json!({
        "since": parameter(
            "since", "query",
            "Only what is newer than this position or id. Whatever is no position of this server's is none, and the whole window comes.",
            &position, &json!("1k7vsmm2r0001"),
        ),
        "epoch": parameter("epoch", "query", "In which history the id in `since` stands, as links have it.", &text, &Value::Null),
        "block": parameter(
            "block", "query",
            "Seconds to hold the answer back until there is something to say; at most `limits.block`, by default 60.",
            &json!({"type": "integer", "minimum": 0, "maximum": 60}), &json!(30),
        ),
        "callback": parameter(
            "callback", "query",
            "A function of the page: the answer is a script that calls it, for pages that cannot use CORS. A bus with `allowed_origins` refuses it unless it says `jsonp = true`.",
            &json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": CALLBACK}), &json!("Backplane.response"),
        ),
        "sticky": parameter(
            "sticky", "query", "Only sticky messages.", &json!({"type": "string", "enum": ["true"]}), &Value::Null,
        ),
        "channelsAsked": required(parameter(
            "channel", "query", "A channel each, no more than `limits.channels_per_stream`, by default 255.", &channels, &json!(["a", "b"]),
        )),
        "Last-Event-ID": parameter(
            "Last-Event-ID", "header", "A position, as an `EventSource` sends it; the later of it and `since` counts.", &position, &Value::Null,
        ),
        "Idempotency-Key": parameter(
            "Idempotency-Key", "header",
            "Makes a retry safe: the same key with the same body is answered as the first time, and stores nothing, for ten minutes.",
            &key, &json!("order-17"),
        ),
    })
}

fn version_2() -> Value {
    let text = json!({"type": "string"});
    json!({
        "busAsked": parameter(
            "bus", "query", "The bus of the page; or else there is a `refresh_token`.",
            &json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": BUS}), &json!("demo"),
        ),
        "refreshToken": parameter("refresh_token", "query", "Another token for the same channel and filters.", &text, &Value::Null),
        "filters": parameter(
            "scope", "query",
            "Filters, parts `field:value` of `source`, `type`, `sticky`, `messageURL`, with spaces between them.",
            &json!({"type": "string", "maxLength": 900}), &json!("type:identity/login"),
        ),
        "grantTypeInQuery": parameter("grant_type", "query", "May stand here in the place of the body.", &text, &Value::Null),
        "scopeInQuery": parameter(
            "scope", "query", "May stand here in the place of the body.", &json!({"type": "string", "maxLength": 16384}), &Value::Null,
        ),
    })
}

fn owners() -> Value {
    let text = json!({"type": "string"});
    json!({
        "clientId": required(parameter("client_id", "query", "The client that asks.", &text, &json!("vendor"))),
        "redirectUri": required(parameter(
            "redirect_uri", "query", "Where the browser goes on: one that is registered for the client, character by character.",
            &json!({"type": "string", "format": "uri", "maxLength": 2048}), &json!("https://vendor.example/back"),
        )),
        "responseType": parameter("response_type", "query", "A code is what there is.", &json!({"type": "string", "enum": ["code"]}), &Value::Null),
        "scopeAsked": parameter(
            "scope", "query", "What the tokens are to let see: parts `field:value`; without `bus:` all buses of the owner.",
            &json!({"type": "string", "maxLength": 16384}), &json!("bus:customer.com"),
        ),
        "state": parameter("state", "query", "Comes back unchanged.", &json!({"type": "string", "maxLength": 2048}), &Value::Null),
        "codeChallenge": parameter(
            "code_challenge", "query", "What the client will have to prove (RFC 7636).",
            &json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}), &Value::Null,
        ),
        "codeChallengeMethod": parameter(
            "code_challenge_method", "query", "How.", &json!({"type": "string", "enum": ["S256"]}), &Value::Null,
        ),
    })
}

fn admin() -> Value {
    let tags = json!({"type": "string"});
    json!({
        "limit": parameter(
            "limit", "query", "Most entities of the answer.",
            &json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}), &Value::Null,
        ),
        "after": parameter("after", "query", "Only those behind this name.", &json!({"type": "string"}), &Value::Null),
        "If-Match": parameter(
            "If-Match", "header", "Only if it is what has this `ETag`; `*`: only if there is one.", &tags, &Value::Null,
        ),
        "If-None-Match": parameter(
            "If-None-Match", "header", "`*`: only if there is none.", &json!({"type": "string", "enum": ["*"]}), &Value::Null,
        ),
        "If-None-Match-tags": parameter(
            "If-None-Match", "header", "Tags of what is known already.", &tags, &Value::Null,
        ),
    })
}
