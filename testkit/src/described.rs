//! Whether an answer is one that the description of the API has, with a body as its schema says.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use backplane_openapi::{Listener, document};
use jsonschema::{Draft, Validator};
use reqwest::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::Reply;

/// Everything that there is.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| document(Listener::Operators, "0"));
/// Schemas by where they stand in the document: each is read once.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Reads the description, which takes its time: before something begins that waits for nobody.
pub(crate) fn prepare() {
    LazyLock::force(&DOCUMENT);
}

/// A call with a status, as the document names it.
pub type Described = (String, String, u16);

/// The page of the demonstration, and what belongs to it, is the server's own affair.
fn is_elsewhere(path: &str) -> bool {
    path == "/" || path.starts_with("/demo/")
}

/// Panics, with what is wrong, unless an answer of the server is described. What the description calls it.
#[track_caller]
pub fn check(method: &str, path: &str, reply: &Reply) -> Option<Described> {
    if is_elsewhere(path) {
        return None;
    }
    let Some(template) = template_of(path) else {
        assert_eq!(
            reply.status,
            404,
            "{method} {path} is not in the description, and was answered: {}",
            told(reply)
        );
        of_all(reply);
        return None;
    };
    let item = &DOCUMENT["paths"][template.as_str()];
    // Methods are told apart by case.
    let is_known = method.bytes().all(|byte| byte.is_ascii_uppercase());
    let operation = if is_known { &item[method.to_lowercase()] } else { &Value::Null };
    if operation.is_null() {
        // What is before all routes may come in the place of it.
        assert!(
            matches!(reply.status, 405 | 408 | 413 | 421 | 431 | 503),
            "{method} {template} is not in the description, and was answered: {}",
            told(reply)
        );
        if reply.status == 405 {
            let allowed: BTreeSet<_> = reply.header(ALLOW.as_str()).unwrap_or_default().split(", ").collect();
            let methods: Vec<_> =
                item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
            assert_eq!(allowed, methods.iter().map(String::as_str).collect(), "{method} {template}: Allow");
        }
        of_all(reply);
        return None;
    }
    // Each listener has calls that another one describes, and says there that there is nothing.
    if reply.status == 404 && serde_json::from_slice(&reply.body).is_ok_and(|body: Value| is_nothing(&body)) {
        of_all(reply);
        return None;
    }
    let pointer =
        format!("/paths/{}/{}/responses/{}", escaped(&template), method.to_lowercase(), reply.status);
    assert!(
        DOCUMENT.pointer(&pointer).is_some(),
        "{method} {template} has no status {} in the description: {}",
        reply.status,
        told(reply)
    );
    if let Err(wrong) = body(&resolved(&pointer), method, reply) {
        panic!("{method} {template}: {wrong}: {}", told(reply));
    }
    Some((method.to_owned(), template, reply.status))
}

/// Whether an error says that there is nothing at this path of this listener.
fn is_nothing(body: &Value) -> bool {
    let text = body["error_description"].as_str().or(body["ERR_MSG"].as_str()).unwrap_or_default();
    ["there is nothing at this path", "version 1.", "version 2.0 has ", "there are "]
        .iter()
        .any(|begin| text.starts_with(begin))
}

/// All calls that are described, each with each of its statuses.
pub fn all() -> BTreeSet<Described> {
    let mut all = BTreeSet::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for status in operation["responses"].as_object().unwrap().keys() {
                all.insert((method.to_uppercase(), path.clone(), status.parse().unwrap()));
            }
        }
    }
    all
}

/// What is told of no call in particular has the shape of some family's errors.
#[track_caller]
fn of_all(reply: &Reply) {
    let responses = DOCUMENT["components"]["responses"].as_object().unwrap();
    let suffix = format!("_{}", reply.status);
    let of_status = responses.keys().filter(|name| name.ends_with(&suffix) && !name.starts_with("head_"));
    let mut some = of_status.map(|name| body(&format!("/components/responses/{name}"), "GET", reply));
    // HEAD, of which it is not known here that it was one.
    let is_silent = reply.body.is_empty() && reply.headers.contains_key(CONTENT_TYPE);
    assert!(is_silent || some.any(|checked| checked.is_ok()), "no error is described so: {}", told(reply));
}

/// Where a response stands, or the one that it refers to.
fn resolved(pointer: &str) -> String {
    let to = DOCUMENT.pointer(pointer).and_then(|response| response.get("$ref")?.as_str()?.strip_prefix('#'));
    to.unwrap_or(pointer).to_owned()
}

/// The body of an answer, by the response that stands there.
fn body(pointer: &str, method: &str, reply: &Reply) -> Result<(), String> {
    let response = DOCUMENT.pointer(pointer).expect(pointer);
    if method == "HEAD" || reply.headers.contains_key(CONTENT_ENCODING) {
        return Ok(());
    }
    let Some(content) = response.get("content").and_then(Value::as_object) else {
        return if reply.body.is_empty() { Ok(()) } else { Err("it is said to have no body".to_owned()) };
    };
    let kind = reply.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !content.contains_key(essence) {
        return Err(format!("{kind:?} is none of {:?}", content.keys().collect::<Vec<_>>()));
    }
    let value = if essence.ends_with("json") {
        match serde_json::from_slice(&reply.body) {
            Ok(value) => value,
            // Buses that take any payload hand on what not every parser reads.
            Err(error) if is_beyond(&error) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        }
    } else {
        Value::from(String::from_utf8_lossy(&reply.body))
    };
    let schema = format!("{pointer}/content/{}/schema", escaped(essence));
    let validator = validator(&schema);
    let wrong: Vec<_> = validator
        .iter_errors(&value)
        .map(|error| format!("{error} at {:?}", error.instance_path().as_str()))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

fn is_beyond(error: &serde_json::Error) -> bool {
    let text = error.to_string();
    ["number out of range", "surrogate", "hex escape", "recursion limit"]
        .iter()
        .any(|known| text.contains(known))
}

/// What checks values by the schema that stands there.
fn validator(pointer: &str) -> Arc<Validator> {
    let mut all = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = all.entry(pointer.to_owned()).or_insert_with(|| {
        let schema = DOCUMENT.pointer(pointer).expect(pointer);
        // References are into the document.
        let schema = json!({"components": DOCUMENT["components"], "allOf": [schema]});
        Arc::new(jsonschema::options().with_draft(Draft::Draft202012).build(&schema).expect(pointer))
    });
    Arc::clone(validator)
}

/// The path as the document has it; that of names before that of parameters.
fn template_of(path: &str) -> Option<String> {
    let path = decoded(path);
    let bare = path.strip_suffix('/').filter(|bare| !bare.is_empty()).unwrap_or(&path);
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let fits = |template: &str| {
        let (mut wanted, mut given) = (template.split('/'), bare.split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some(wanted), Some(given)) if wanted == given => {}
                (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {}
                _ => return false,
            }
        }
    };
    let fitting = paths.keys().filter(|template| fits(template));
    fitting.min_by_key(|template| template.matches('{').count()).cloned()
}

/// Letters and digits need not be written as they are, and are the same.
fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(u8::is_ascii_alphanumeric) {
            Some(byte) => decoded.extend([&*char::from(byte).to_string(), &part[2..]]),
            None => decoded.extend(["%", part]),
        }
    }
    decoded
}

/// As a part of a JSON pointer (RFC 6901).
fn escaped(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

fn told(reply: &Reply) -> String {
    format!(
        "{} {:?} {:.600}",
        reply.status,
        reply.headers.get(CONTENT_TYPE),
        String::from_utf8_lossy(&reply.body)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, kind: &'static str, body: &str) -> Reply {
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        Reply { status, headers, body: body.into() }
    }

    fn is_refused(method: &str, path: &str, reply: &Reply) -> bool {
        let checking = std::panic::AssertUnwindSafe(|| check(method, path, reply));
        std::panic::catch_unwind(checking).is_err()
    }

    #[test]
    fn answers_that_are_not_described_are_found() {
        let ids = |body| reply(200, "application/json", body);
        let path = "/v1/bus/b/channel/c";
        let found = check("POST", path, &ids(r#"["1k7vsmm2r0001"]"#)).unwrap();
        assert_eq!(found, ("POST".to_owned(), "/v1/bus/{bus}/channel/{channel}".to_owned(), 200));
        check("GET", "/v1/bus/b/channel/new/", &ids(r#""name""#)).unwrap();
        for (method, path, wrong) in [
            ("POST", path, ids("[1]")),
            ("POST", path, ids("no JSON")),
            ("POST", path, reply(200, "text/plain", "[]")),
            ("POST", path, reply(299, "application/json", "[]")),
            (
                "POST",
                path,
                reply(
                    404,
                    "application/json",
                    r#"{"error":"forbidden","error_description":"","ERR_MSG":""}"#,
                ),
            ),
            (
                "POST",
                path,
                reply(404, "application/json", r#"{"error":"unknown_bus","error_description":""}"#),
            ),
            ("PUT", path, ids("[]")),
            ("GET", "/nothing", ids("[]")),
            ("GET", "/nothing", reply(404, "text/plain", "what?")),
            (
                "GET",
                "/v1.2/bus/b",
                ids(
                    r#"[{"message":{"source":"s","type":"t","payload":1},"channel_name":"c","id":"1k7vsmm2r0001"}]"#,
                ),
            ),
        ] {
            assert!(is_refused(method, path, &wrong), "{method} {path} {wrong:?}");
        }
    }

    /// Every place of the document that shows an example beside a schema.
    fn examples(value: &Value, pointer: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if members.contains_key("example") && members.contains_key("schema") {
                    found.push(pointer.to_owned());
                }
                for (name, member) in members {
                    examples(member, &format!("{pointer}/{}", escaped(name)), found);
                }
            }
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    examples(item, &format!("{pointer}/{place}"), found);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn examples_are_what_their_schemas_say() {
        let mut found = Vec::new();
        examples(&DOCUMENT, "", &mut found);
        for pointer in &found {
            let example = DOCUMENT.pointer(&format!("{pointer}/example")).unwrap();
            let validator = validator(&format!("{pointer}/schema"));
            let wrong: Vec<_> = validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{pointer}: {wrong:?}");
        }
        assert!(found.len() > 50, "{found:?}");
    }
}
