//! The members of a body. Pure, but for the time that hashing takes.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::super::kind::Kind;
use super::super::problem::Problem;
use super::ask::hashed;
use crate::auth::PasswordHash;
use crate::error::ErrorCode;

/// What the server says of an entity, and nobody sets.
const SAID: [&str; 4] = ["created", "read_only", "rights", "in_force"];
const HASH: &str = "what `backplane hash-password` prints";

/// The members of a body, but for those that the server says.
pub(super) fn members(kind: Kind, name: &str, body: Option<Value>) -> Result<Map<String, Value>, Problem> {
    let Some(Value::Object(mut members)) = body else {
        return Err(Problem::new(ErrorCode::InvalidRequest, "the body must be a JSON object"));
    };
    if kind != Kind::Grants && members.remove("name").is_some_and(|given| given != name) {
        return Err(Problem::wrong("name", "is not the one in the path", "the same, or to leave it out"));
    }
    let is_said = |member: &str| SAID.contains(&member) || kind == Kind::Clients && member == "grants";
    members.retain(|member, _| !is_said(member));
    Ok(members)
}

/// Refuses what nobody has asked for.
pub(super) fn nothing_left(members: &Map<String, Value>, allowed: &str) -> Result<(), Problem> {
    match members.keys().next() {
        Some(member) => Err(Problem::wrong(member, "unknown member", allowed)),
        None => Ok(()),
    }
}

/// A text, if there is one.
pub(super) fn text_in(members: &mut Map<String, Value>, member: &str) -> Result<Option<String>, Problem> {
    match members.remove(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Problem::wrong(member, "is no text", "a text")),
    }
}

/// A list of texts, if there is one.
pub(super) fn texts_in(
    members: &mut Map<String, Value>,
    member: &str,
) -> Result<Option<Vec<String>>, Problem> {
    let Some(value) = members.remove(member) else { return Ok(None) };
    let texts = match value {
        Value::Array(values) => values
            .into_iter()
            .map(|value| if let Value::String(text) = value { Some(text) } else { None })
            .collect::<Option<Vec<_>>>(),
        _ => None,
    };
    texts.map(Some).ok_or_else(|| Problem::wrong(member, "is no list of texts", "a list of texts"))
}

/// The hash of what stands here as a text, or the hash that stands in the member of that name with `_hash`.
pub(super) fn hash_in(members: &mut Map<String, Value>, word: &str) -> Result<Option<PasswordHash>, Problem> {
    let of_hash = format!("{word}_hash");
    match (members.remove(word), members.remove(&of_hash)) {
        (None, None) => Ok(None),
        (Some(Value::String(text)), None) => hashed(word, &Zeroizing::new(text)).map(Some),
        (None, Some(Value::String(hash))) => {
            let parsed = hash.parse::<PasswordHash>();
            let parsed = parsed.map_err(|error| Problem::wrong(&of_hash, error.to_string(), HASH))?;
            if parsed.is_strong() {
                return Ok(Some(parsed));
            }
            Err(Problem::wrong(&of_hash, "the hash is weaker than OWASP's minimum for argon2id", HASH))
        }
        (Some(_), Some(_)) => Err(Problem::wrong(word, format!("stands beside {of_hash}"), "one of the two")),
        _ => Err(Problem::wrong(word, "is no text", "a text")),
    }
}
