//! Paths and components, put together.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::Listener;
use crate::operation::{Operation, body, text};
use crate::refusals::{Family, headers, responses};
use crate::{parameters, schemas};

const TITLE: &str = "Backplane";
const ABOUT: &str = "A message broker for web pages: the Backplane Protocol in all its versions.\n\n\
    A slash behind a bus, a channel, or a call of provisioning changes nothing. What is at a path and does not have a method is answered 405, \
    with the header `Allow`; a path that is not here is answered 404. Both have the shape of the errors beside them: `components/responses` has \
    them by the name of the family, such as `v1_405`.\n\n\
    Any request may be refused before anybody has looked at what it is about: 408 when it does not arrive in time, 431 when its head is too \
    long, 503 with `Retry-After` when more is asked than can be answered. Such an error is `{\"error\", \"error_description\"}`, whatever \
    shape the call's own errors have.";

/// What is answered where there is no call. No call can name it, so these stand among the components by themselves.
pub(crate) const NOTHING: [u16; 2] = [404, 405];

/// A document that is being made.
#[derive(Debug)]
pub(crate) struct Document {
    listener: Listener,
    paths: Map<String, Value>,
    families: BTreeSet<&'static str>,
}

impl Document {
    /// A document without calls.
    pub(crate) fn of(listener: Listener) -> Self {
        Self { listener, paths: Map::new(), families: BTreeSet::new() }
    }

    /// Adds a call by GET, and the same by HEAD.
    pub(crate) fn read(&mut self, path: &str, operation: Operation, place: Place) {
        self.add(path, "head", operation.by_head(), place);
        self.add(path, "get", operation, place);
    }

    /// Adds a call by some method. Parameters of paths have the same names among the components.
    pub(crate) fn add(&mut self, path: &str, method: &str, operation: Operation, place: Place) {
        let of_path: Vec<_> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let operation = operation.takes(&of_path);
        let operation = match (self.listener, place) {
            // Whoever is let in there asks for the right host, or is told so before anything else.
            (Listener::Operators, Place::Operators | Place::Both) => operation.refuses(&[421]),
            (Listener::Operators, Place::Public) => operation.servers(public_servers()),
            _ => operation,
        };
        self.families.insert(operation.family().name());
        let item = self.paths.entry(path).or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut() {
            item.insert(method.to_owned(), operation.finish());
        }
    }

    /// Adds what a browser asks before a page may, and anybody who wants to know the methods.
    pub(crate) fn options(&mut self, path: &str, id: &str, tag: &str, asks: Preflight) {
        let operation = Operation::new(
            Family::Plain,
            format!("{id}_options"),
            tag,
            "Which methods there are",
        )
        .answers(204, "The header `Allow` lists them.", &[], &["Allow"]);
        let operation = match asks {
            Preflight::Alike => operation,
            Preflight::OfBus => {
                let wrong =
                    [text("text/plain", "What is wrong, in words."), body("application/json", "Error")];
                operation
                    .answers(200, "To browsers that ask before a page may: what pages may do.", &[], &[])
                    .answers(
                        400,
                        "What a browser asks cannot be understood, or no page may do it.",
                        &wrong,
                        &[],
                    )
            }
        };
        self.add(path, "options", operation, Place::Public);
    }

    /// The whole document.
    pub(crate) fn finish(self, release: &str) -> Value {
        let tags = tags_of(&self.paths);
        let mut document = json!({
            "openapi": "3.1.1",
            "info": {
                "title": TITLE,
                "version": release,
                "description": ABOUT,
                "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            },
            "servers": [{"url": ".", "description": "The server that this document is from"}],
            "tags": tags,
            "paths": self.paths,
        });
        let all = json!({
            "schemas": schemas::all(),
            "parameters": parameters::all(),
            "responses": responses(),
            "headers": headers(),
            "securitySchemes": security_schemes(),
        });
        let components = used(&document, &all, &self.families);
        if let Some(members) = document.as_object_mut() {
            members.insert("components".to_owned(), components);
        }
        document
    }
}

/// Where a call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the listeners that anybody reaches.
    Public,
    /// On the one for operators.
    Operators,
    /// On both.
    Both,
}

/// Who answers browsers that ask before a page may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preflight {
    /// The call itself, alike to all.
    Alike,
    /// A layer that asks which origins the bus allows.
    OfBus,
}

/// The operators' listener describes what it does not answer, too; where that is, only its operator knows.
fn public_servers() -> Value {
    json!([{
        "url": "{public}",
        "description": "A listener that anybody reaches (`listen`, `tls.listen`)",
        "variables": {"public": {"default": "http://127.0.0.1:8080"}},
    }])
}

const TAGS: [(&str, &str); 14] = [
    ("version 1.0", "Also without `/v1`."),
    ("version 1.1", "Messages are shown as they were posted, as in 1.0."),
    ("version 1.2", "Messages say whether they are sticky."),
    ("version 1.3", "Messages say when they end, too."),
    ("without a version", "For software of the time: version 1.0."),
    ("version 2.0", "OAuth 2.0 on the same buses."),
    ("pages of owners", "On which owners of buses let clients use them. They are for browsers."),
    ("discovery", "Where things are."),
    ("files", "The browser library, and this description."),
    ("probes", "Whether the server lives, and can do its work."),
    ("metrics", "For operators: only on their listener."),
    (
        "administration",
        "Users, clients, buses, grants and admins. Only on the operators' listener, with the credentials of an admin.",
    ),
    (
        "historical provisioning",
        "The calls of the historical server: on the operators' listener, and on the others where `provision.public` is set.",
    ),
    ("historical provisioning 2.0", "The same of version 2.0, with owners, clients and grants."),
];

fn tags_of(paths: &Map<String, Value>) -> Vec<Value> {
    let operations = paths.values().filter_map(Value::as_object).flat_map(Map::values);
    let used: BTreeSet<&str> =
        operations.filter_map(|operation| operation.pointer("/tags/0")?.as_str()).collect();
    let tags = TAGS.iter().filter(|(name, _)| used.contains(name));
    tags.map(|(name, description)| json!({"name": name, "description": description})).collect()
}

fn security_schemes() -> Value {
    let basic = |description: &str| json!({"type": "http", "scheme": "basic", "description": description});
    let bearer = |description: &str| json!({"type": "http", "scheme": "bearer", "description": description});
    json!({
        "user": basic("A user of the buses, over HTTPS."),
        "client": basic("A client of version 2.0 by its name and secret, over HTTPS."),
        "admin": basic("An admin, who is no user of any bus."),
        "setup": bearer("The secret that the server prints when it starts without an admin: makes the first one, once."),
        "pageToken": bearer("A page's token: for one channel, and never for a payload."),
        "pageTokenInQuery": {
            "type": "apiKey", "in": "query", "name": "access_token",
            "description": "A page's token; a client's is refused there, as URLs are written down everywhere.",
        },
        "clientToken": bearer("A client's token: for the buses that it was granted."),
        "session": {
            "type": "apiKey", "in": "cookie", "name": "__Host-backplane-session",
            "description": "An owner who has signed in on `/v2/authenticate`. Over plain HTTP the name is `backplane-session`.",
        },
    })
}

/// The components that the calls name, or that those name in turn; and the credentials that they take. Besides, what these families answer where
/// there is nothing, or not by this method.
fn used(document: &Value, all: &Value, families: &BTreeSet<&str>) -> Value {
    let nothing =
        families.iter().flat_map(|family| NOTHING.map(|status| format!("/responses/{family}_{status}")));
    let mut names: BTreeSet<_> = nothing.collect();
    gather(document, &mut names);
    loop {
        let before = names.len();
        for name in names.clone() {
            if let Some(component) = all.pointer(&name) {
                gather(component, &mut names);
            }
        }
        if names.len() == before {
            break;
        }
    }
    let mut components = Map::new();
    for (kind, of_kind) in all.as_object().into_iter().flatten() {
        let kept = of_kind
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| names.contains(&format!("/{kind}/{name}")));
        let kept: Map<_, _> = kept.map(|(name, component)| (name.clone(), component.clone())).collect();
        if !kept.is_empty() {
            components.insert(kind.clone(), Value::Object(kept));
        }
    }
    Value::Object(components)
}

/// What a part of a document refers to, as pointers into the components.
fn gather(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("$ref", Value::String(to)) => {
                        names.extend(to.strip_prefix("#/components").map(str::to_owned));
                    }
                    ("security", Value::Array(ways)) => {
                        let schemes = ways.iter().filter_map(Value::as_object).flat_map(Map::keys);
                        names.extend(schemes.map(|scheme| format!("/securitySchemes/{scheme}")));
                    }
                    _ => gather(member, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, names)),
        _ => {}
    }
}
