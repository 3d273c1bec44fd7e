//! What `/admin/v1` shows, and takes.

use serde_json::{Map, Value, json};

use super::{exactly, schema, some_of};

pub(super) fn all() -> Value {
    let mut all = Map::new();
    for part in [shown(), wishes()] {
        let Value::Object(part) = part else { continue };
        all.extend(part);
    }
    Value::Object(all)
}

fn names() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn shown() -> Value {
    let text = json!({"type": "string"});
    let maybe = json!({"type": ["string", "null"]});
    let moment = json!({"type": "string", "format": "date-time"});
    let span = json!({"type": "string", "description": "A span of time, such as `30m`."});
    let read_only =
        json!({"type": "boolean", "description": "It is in the configuration, and changed there alone."});
    let created = json!({"type": ["string", "null"], "format": "date-time"});
    let list = |many: &str, one: &str| {
        let mut properties = json!({"next": {"type": ["string", "null"], "format": "uri-reference"}});
        if let Some(members) = properties.as_object_mut() {
            members.insert(many.to_owned(), json!({"type": "array", "maxItems": 1000, "items": schema(one)}));
        }
        exactly(&properties)
    };
    let count = json!({"type": "integer", "minimum": 0});
    let in_force = exactly(&json!({
        "post": names(), "read": names(), "owner": maybe, "channel_idle": span, "retention": span, "retention_max": span,
        "window": exactly(&json!({"channel": count, "bus": count})),
        "allowed_origins": names(), "jsonp": {"type": "boolean"}, "payload": {"enum": ["i-json", "any"]},
        "checks_envelopes": {"type": "boolean"},
        "quota": some_of(&[], &json!({
            "posts": text, "reads": text, "new_streams": text, "channels": count, "memory": count, "streams": count,
        })),
    }));
    let secret = json!({"type": "string", "description": "Made by the server, and told this once."});
    json!({
        "Bus": exactly(&json!({
            "name": schema("BusName"), "read_only": read_only, "created": created,
            "settings": {"type": ["object", "null"], "description": "What was asked for, by the keys of `[[bus]]`."},
            "in_force": in_force,
        })),
        "User": exactly(&json!({
            "name": text, "read_only": read_only, "created": created,
            "rights": {"type": "object", "additionalProperties": {
                "type": "array", "items": {"enum": ["post", "read"]}, "description": "Of a bus.",
            }},
        })),
        "Client": some_of(&["name", "read_only", "created", "source", "redirects", "grants"], &json!({
            "name": text, "read_only": {"const": false}, "created": moment, "source": {"type": "string", "format": "uri"},
            "redirects": {"type": "array", "maxItems": 16, "items": {"type": "string", "format": "uri"}},
            "grants": {"type": "object", "additionalProperties": names(), "description": "Buses, by the ids of grants."},
            "secret": secret,
        })),
        "Grant": exactly(&json!({
            "id": text, "client": text, "buses": names(), "created": moment,
            "by": {"type": "object", "minProperties": 1, "maxProperties": 1, "properties": {
                "admin": text, "owner": text, "process": {"type": "integer"}, "program": {"const": true},
            }, "additionalProperties": false},
        })),
        "Admin": exactly(&json!({"name": text, "created": moment})),
        "Buses": list("buses", "Bus"),
        "Users": list("users", "User"),
        "Clients": list("clients", "Client"),
        "Grants": list("grants", "Grant"),
        "Admins": list("admins", "Admin"),
    })
}

fn wishes() -> Value {
    let name = json!({"type": "string", "minLength": 1, "maxLength": 128});
    let password = json!({"type": "string", "minLength": 8, "maxLength": 1024});
    let hash =
        json!({"type": "string", "maxLength": 512, "description": "What `backplane hash-password` prints."});
    let url = json!({"type": "string", "format": "uri", "maxLength": 2048});
    let redirects = json!({"type": ["array", "null"], "maxItems": 16, "items": url});
    let settings =
        json!({"type": "object", "description": "Keys of `[[bus]]`; of a patch, null takes one away."});
    let person = || json!({"password": password, "password_hash": hash});
    let client = || {
        json!({
            "secret": password, "secret_hash": hash, "generate_secret": {"type": "boolean"}, "source": url, "redirects": redirects,
        })
    };
    let named = |mut properties: Value| {
        if let Some(members) = properties.as_object_mut() {
            members.insert("name".to_owned(), name.clone());
        }
        properties
    };
    // What the server says of an entity may come back, and is passed over; so the members are not closed.
    let open = |required: &[&str], properties: &Value| json!({"type": "object", "required": required, "properties": properties});
    json!({
        "BusWish": open(&["settings"], &json!({"settings": settings})),
        "PersonWish": open(&[], &person()),
        "NewPerson": open(&["name"], &named(person())),
        "ClientWish": open(&["source"], &client()),
        "ClientPatch": open(&[], &client()),
        "NewClient": open(&["name", "source"], &named(client())),
        "NewGrant": open(&["client", "buses"], &json!({
            "client": name, "buses": {"type": "array", "minItems": 1, "maxItems": 255, "items": schema("BusName")},
        })),
    })
}
