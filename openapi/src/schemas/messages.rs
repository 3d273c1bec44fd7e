//! Messages, frames and names.

use serde_json::{Map, Value, json};

use super::{exactly, schema, some_of};
use crate::parameters::{BUS, CHANNEL};

/// An end as it is shown: UTC, to the second.
const END: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$";

pub(super) fn all() -> Value {
    let mut all = Map::new();
    for part in [version_1(), version_2()] {
        let Value::Object(part) = part else { continue };
        all.extend(part);
    }
    Value::Object(all)
}

/// What posters may promise their readers.
fn promises() -> Value {
    let sticky =
        json!({"enum": [true, false, "true", "false"], "description": "Kept for the bus's `retention_max`."});
    let until = "Kept until then: `YYYY-MM-DDTHH:MM:SSZ`, within the bus's `retention_max`.";
    let expire = json!({"type": "string", "pattern": END, "description": until});
    json!({"sticky": sticky, "expire": expire})
}

/// A message that says this of itself in any case.
fn always(expire: bool) -> Value {
    let mut properties = json!({"sticky": {"type": "boolean"}});
    if let (true, Some(members)) = (expire, properties.as_object_mut()) {
        members.insert("expire".to_owned(), json!({"type": "string", "pattern": END}));
    }
    let required: Vec<_> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    let said = json!({"type": "object", "required": required, "properties": properties});
    // An envelope says it inside.
    json!({"anyOf": [{"allOf": [schema("PlainMessage"), said]}, schema("Envelope")]})
}

fn version_1() -> Value {
    let id = json!({
        "type": "string", "pattern": "^[0-9a-f][0-9a-v]{12}$",
        "description": "The id of a message. Ids of a bus rise, as texts too.",
    });
    let frame = |message: &str| {
        exactly(&json!({
            "message": schema(message), "channel_name": schema("ChannelName"), "id": schema("Id"),
        }))
    };
    let frames = |frame: &str| json!({"type": "array", "items": schema(frame)});
    let promises = promises();
    json!({
        "Id": id,
        "BusName": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": BUS},
        "ChannelName": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": CHANNEL},
        "Ids": {"type": "array", "items": schema("Id")},
        "Script": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9_$.]{1,64}\([\s\S]*\);$",
            "description": "A call of the function that `callback` names, with the JSON of the answer.",
        },
        "Message": {
            "description": "As it was posted.",
            "anyOf": [schema("PlainMessage"), schema("Envelope")],
        },
        "PlainMessage": {
            "description": "Other members are kept.",
            "type": "object",
            "required": ["source", "type", "payload"],
            "properties": {
                "source": {"type": "string", "description": "An absolute URL."},
                "type": {"type": "string"},
                "payload": {},
            },
        },
        "Envelope": {
            "description": "A Magic Envelope around a message.",
            "type": "object",
            "required": ["data", "data_type", "encoding", "alg", "sigs"],
            "properties": {
                "data": {"type": "string"},
                "data_type": {"type": "string"},
                "encoding": {"const": "base64url"},
                "alg": {"type": "string"},
                "sigs": {"type": "array"},
            },
        },
        "MessageV1_2": always(false),
        "MessageV1_3": always(true),
        "Frame": frame("Message"),
        "FrameV1_2": frame("MessageV1_2"),
        "FrameV1_3": frame("MessageV1_3"),
        "Frames": frames("Frame"),
        "FramesV1_2": frames("FrameV1_2"),
        "FramesV1_3": frames("FrameV1_3"),
        "PostedMessages": {
            "type": "array",
            "description": "At most `limits.messages_per_post` of them.",
            "items": {"allOf": [schema("Message"), {"type": "object", "properties": promises}]},
        },
    })
}

fn version_2() -> Value {
    let mut posted = json!({
        "type": {"type": "string", "pattern": "^[^ ]*$"},
        "bus": schema("BusName"),
        "channel": schema("ChannelName"),
        "payload": {},
    });
    if let (Some(posted), Value::Object(promises)) = (posted.as_object_mut(), promises()) {
        posted.extend(promises);
    }
    json!({
        "MessageV2": some_of(
            &["messageURL", "source", "type", "bus", "channel", "sticky", "expire"],
            &json!({
                "messageURL": {"type": "string", "format": "uri"},
                "source": {"type": "string"},
                "type": {"type": "string"},
                "bus": schema("BusName"),
                "channel": schema("ChannelName"),
                "sticky": {"type": "boolean"},
                "expire": {"type": "string", "pattern": END},
                "payload": {"description": "For clients alone."},
            }),
        ),
        "MessagesV2": exactly(&json!({
            "nextURL": {"type": "string", "format": "uri", "description": "Where to go on reading."},
            "messages": {"type": "array", "maxItems": 250, "items": schema("MessageV2")},
            "moreMessages": {"type": "boolean", "description": "Whether there are more, now."},
        })),
        "PostedMessageV2": exactly(&json!({"message": some_of(&["type", "bus", "channel", "payload"], &posted)})),
    })
}
