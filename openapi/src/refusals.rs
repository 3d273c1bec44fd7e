//! What may go wrong, by the shape in which each family of calls says so.

use serde_json::{Map, Value, json};

use crate::operation::reference;

/// Every error code, by its status. A test of the server holds this list to the server's own.
pub const CODES: &[(u16, &[&str])] = &[
    (
        400,
        &[
            "invalid_request",
            "invalid_bus_name",
            "invalid_channel_name",
            "invalid_message",
            "envelope_refused",
            "invalid_idempotency_key",
            "tls_required",
            "invalid_grant",
            "invalid_scope",
            "unsupported_grant_type",
        ],
    ),
    (
        401,
        &[
            "credentials_required",
            "invalid_credentials",
            "invalid_client",
            "invalid_request",
            "invalid_token",
        ],
    ),
    (
        403,
        &[
            "https_required",
            "forbidden",
            "cross_origin",
            "invalid_token",
            "insufficient_scope",
            "unbound_channel",
        ],
    ),
    (404, &["unknown_bus", "not_found", "unknown_entity"]),
    (405, &["method_not_allowed"]),
    (408, &["body_timeout", "head_timeout"]),
    (409, &["read_only", "too_many_entities"]),
    (412, &["precondition_failed"]),
    (413, &["body_too_large", "message_too_large", "too_many_messages"]),
    (415, &["unsupported_media_type"]),
    (421, &["misdirected"]),
    (422, &["idempotency_key_reused", "invalid_entity"]),
    (
        429,
        &[
            "too_many_attempts",
            "rate_limited",
            "share_used",
            "too_many_channels",
            "too_many_promises",
            "too_many_idempotency_keys",
            "too_many_streams",
            "too_many_tokens",
        ],
    ),
    (431, &["head_too_large"]),
    (500, &["internal_error"]),
    (
        503,
        &[
            "streams_full",
            "busy",
            "memory_full",
            "traffic_full",
            "unavailable",
            "too_many_connections",
            "overloaded",
        ],
    ),
    (507, &["storage_full"]),
];

/// What any call may be answered before anybody looks at what it is about: by the door, or by what stands around all routes.
const BEFORE_ROUTES: [u16; 6] = [400, 408, 421, 431, 500, 503];

/// Calls that tell errors in the same shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Versions 1.0 to 1.3.
    V1,
    /// Version 2.0.
    V2,
    /// Pages of owners.
    Pages,
    /// Historical provisioning.
    Historical,
    /// `/admin/v1`.
    Admin,
    /// What belongs to none of them.
    Plain,
    /// Answers to HEAD, whatever they are about.
    Head,
}

impl Family {
    /// Those that say something.
    const ALL: [Self; 6] = [Self::V1, Self::V2, Self::Pages, Self::Historical, Self::Admin, Self::Plain];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Pages => "pages",
            Self::Historical => "historical",
            Self::Admin => "admin",
            Self::Plain => "plain",
            Self::Head => "head",
        }
    }

    /// The reference to its answer with this status.
    pub(crate) fn reference(self, status: u16) -> Value {
        reference("responses", &format!("{}_{status}", self.name()))
    }

    /// What says an error of this family that has one of these codes.
    fn content(self, status: u16) -> Value {
        let codes = codes_of(status);
        let own_code = |schema: &str| json!({"allOf": [reference("schemas", schema), {"properties": {"error": {"enum": codes}}}]});
        let plain = || json!({"schema": own_code("Error")});
        let is_plain_too = BEFORE_ROUTES.contains(&status) || status == 405;
        match self {
            Self::V1 | Self::Historical if is_plain_too => {
                let own = if self == Self::V1 {
                    own_code("ErrorV1")
                } else {
                    reference("schemas", "ErrorHistorical")
                };
                json!({"application/json": {"schema": {"anyOf": [own, own_code("Error")]}}})
            }
            Self::V1 => json!({"application/json": {"schema": own_code("ErrorV1")}}),
            Self::V2 => json!({"application/json": {"schema": own_code("ErrorV2")}}),
            Self::Historical => {
                json!({"application/json": {"schema": reference("schemas", "ErrorHistorical")}})
            }
            Self::Pages => {
                let page =
                    json!({"schema": {"type": "string", "description": "A page that says what is wrong."}});
                let mut content = Map::new();
                // Errors of methods are told by no page: no link leads there.
                if status != 405 {
                    content.insert("text/html".to_owned(), page);
                }
                if is_plain_too {
                    content.insert("application/json".to_owned(), plain());
                }
                Value::Object(content)
            }
            Self::Admin => {
                let types: Vec<_> = codes.iter().map(|code| format!("urn:backplane:error:{code}")).collect();
                let problem = json!({"allOf": [
                    reference("schemas", "Problem"),
                    {"properties": {"type": {"enum": types}, "status": {"const": status}}},
                ]});
                let mut content = Map::new();
                content.insert("application/problem+json".to_owned(), json!({"schema": problem}));
                if is_plain_too {
                    content.insert("application/json".to_owned(), plain());
                }
                Value::Object(content)
            }
            Self::Plain => json!({"application/json": plain()}),
            Self::Head => json!({}),
        }
    }

    fn response(self, status: u16) -> Value {
        let mut response = json!({"description": description_of(status)});
        let Some(members) = response.as_object_mut() else { return response };
        let content = self.content(status);
        if content.as_object().is_some_and(|content| !content.is_empty()) {
            members.insert("content".to_owned(), content);
        }
        let headers: &[&str] = match status {
            401 if self != Self::Historical => &["WWW-Authenticate"],
            405 => &["Allow"],
            429 => &["Retry-After", "RateLimit-Policy", "RateLimit"],
            503 | 507 => &["Retry-After"],
            _ => &[],
        };
        if !headers.is_empty() {
            let headers: Map<_, _> =
                headers.iter().map(|name| ((*name).to_owned(), reference("headers", name))).collect();
            members.insert("headers".to_owned(), Value::Object(headers));
        }
        response
    }
}

fn codes_of(status: u16) -> &'static [&'static str] {
    CODES.iter().find(|(of, _)| *of == status).map_or(&[], |(_, codes)| codes)
}

/// All answers of all families, by the names under which they are referred to.
pub(crate) fn responses() -> Map<String, Value> {
    let families = Family::ALL.into_iter().chain([Family::Head]);
    let all = families.flat_map(|family| CODES.iter().map(move |(status, _)| (family, *status)));
    all.map(|(family, status)| (format!("{}_{status}", family.name()), family.response(status))).collect()
}

/// The headers that answers refer to.
pub(crate) fn headers() -> Value {
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "Retry-After": {
            "description": "Seconds after which the same request may succeed.",
            "schema": {"type": "integer", "minimum": 1},
        },
        "Allow": text("The methods that this resource has."),
        "WWW-Authenticate": text("Which credentials are asked for."),
        "RateLimit-Policy": text("Quotas that the request draws on (draft-ietf-httpapi-ratelimit-headers-11)."),
        "RateLimit": text("How it stands with the quota that is the nearest to being used up."),
        "Link": text("`<URL>; rel=\"next\"`: where to go on reading."),
        "Location": {
            "description": "Where it is, or where the browser goes on.",
            "schema": {"type": "string", "format": "uri-reference"},
        },
        "ETag": text("Another one whenever anything of it is otherwise."),
        "Backplane-Resume": {
            "description": "Whether something was missed since the position: `complete` nothing, `gap` something, or it may have been; \
                            `reset` the position was none of this server's.",
            "schema": {"type": "string", "enum": ["complete", "gap", "reset"]},
        },
        "Backplane-Durability": {
            "description": "What this survives: `memory` nothing, `interval` a kill, `disk` a power loss.",
            "schema": {"type": "string", "enum": ["memory", "interval", "disk"]},
        },
        "Backplane-Error": {
            "description": "Why the list in the script is empty.",
            "schema": {"type": "string", "enum": ["unknown_bus", "invalid_channel_name"]},
        },
    })
}

const fn description_of(status: u16) -> &'static str {
    match status {
        400 => {
            "The request, or what it brings, cannot be understood or breaks a rule; the description says which."
        }
        401 => "No credentials or token, or none that are good.",
        403 => "The credentials are good, but not for this; or they may not travel in the clear.",
        404 => "There is nothing of this name.",
        405 => "This resource does not have this method.",
        408 => "The request did not arrive in time.",
        409 => "What is there does not let it be changed so.",
        412 => "It is not, or no more, what the request takes it for.",
        413 => "The body, or what is in it, is over its bound.",
        415 => "The body is not said to be what this call takes.",
        421 => "The request is for another server than this one, by its `Host`.",
        422 => "The request is understood, and what it wants cannot be.",
        429 => "Too much was asked for by whoever asks; `Retry-After` says when to come back.",
        431 => "The head of the request is over its bound.",
        500 => "The server failed on this request, and waiting does not help.",
        503 => "The server cannot do this now; `Retry-After` says when to come back.",
        _ => "The log has no room; `Retry-After` says when to come back.",
    }
}
