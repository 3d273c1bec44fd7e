//! Shapes of bodies, in JSON Schema 2020-12.
//!
//! | module | what lives there |
//! |---|---|
//! | `admin` | what `/admin/v1` shows, and takes |
//! | `messages` | messages, frames and names |
//! | `provisioning` | what the historical calls show, and take |
//! | `tokens` | tokens, and forms |

mod admin;
mod messages;
mod provisioning;
mod tokens;

use serde_json::{Map, Value, json};

/// All of them, by the names under which they are referred to.
pub(crate) fn all() -> Value {
    let mut all = Map::new();
    for part in [messages::all(), tokens::all(), admin::all(), provisioning::all(), errors()] {
        let Value::Object(part) = part else { continue };
        all.extend(part);
    }
    Value::Object(all)
}

/// A reference to another one.
fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// An object that has these members and no others.
fn exactly(properties: &Value) -> Value {
    let required: Vec<_> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

/// An object that may have these members and no others; those that it must have.
fn some_of(required: &[&str], properties: &Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

fn errors() -> Value {
    let described = json!({"type": "string", "description": "What is wrong, where, and what is allowed."});
    let code = json!({"type": "string", "description": "The code. It keeps its meaning for ever."});
    let wrong = exactly(&json!({
        "field": {"type": "string"}, "reason": {"type": "string"}, "allowed": {"type": "string"},
    }));
    json!({
        "Error": exactly(&json!({"error": code, "error_description": described})),
        "ErrorV1": exactly(&json!({
            "error": code,
            "error_description": described,
            "ERR_MSG": {"type": "string", "description": "The description again, for old clients."},
        })),
        "ErrorV2": exactly(&json!({"error": code, "error_description": described})),
        "ErrorHistorical": exactly(&json!({"ERR_MSG": described})),
        "Problem": {
            "description": "Problem details (RFC 9457).",
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string", "pattern": "^urn:backplane:error:[a-z_]+$"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "errors": {"type": "array", "items": wrong, "description": "Each field that is wrong."},
            },
            "additionalProperties": false,
        },
    })
}
