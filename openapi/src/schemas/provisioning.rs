//! What the historical calls show, and take.

use serde_json::{Value, json};

/// Entities of one call.
const MOST: usize = 100;

pub(super) fn all() -> Value {
    let text = json!({"type": "string"});
    let call = |member: &str, schema: &Value, is_required: bool| {
        let mut properties = json!({"admin": text, "secret": text});
        if let Some(members) = properties.as_object_mut() {
            members.insert(member.to_owned(), schema.clone());
        }
        let required =
            if is_required { json!(["admin", "secret", member]) } else { json!(["admin", "secret"]) };
        json!({"type": "object", "required": required, "properties": properties})
    };
    json!({
        "ProvisionNames": call("entities", &json!({
            "type": ["array", "null"], "maxItems": MOST, "items": text, "description": "Names; of none in a list, all are meant.",
        }), false),
        "ProvisionConfigs": call("configs", &json!({
            "type": "array", "maxItems": MOST, "items": {"type": "object"},
            "description": "Users and clients have `USER`, buses `BUS_NAME`, and what they are to be.",
        }), true),
        "ProvisionGrants": call("grants", &json!({
            "type": "object", "maxProperties": MOST, "additionalProperties": text, "description": "By client, names of buses with spaces between them.",
        }), true),
        "ProvisionList": {
            "type": "object",
            "additionalProperties": {
                "type": "object", "additionalProperties": text,
                "description": "What it is; or `ERR_MSG`, if there is none.",
            },
        },
        "ProvisionOutcome": {
            "type": "object",
            "additionalProperties": {"type": "string", "description": "A word of success, or what is wrong."},
        },
    })
}
