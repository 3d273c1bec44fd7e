//! What holds of each document by itself.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

/// Everything that is referred to, wherever in a document.
fn references<'d>(value: &'d Value, found: &mut Vec<&'d str>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get("$ref") {
                found.push(to);
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    });
    all.collect()
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_referred_to() {
    for listener in Listener::ALL {
        let document = document(listener, "1.2.3");
        let mut found = Vec::new();
        references(&document, &mut found);
        for to in &found {
            assert!(document.pointer(to.strip_prefix('#').unwrap()).is_some(), "{listener:?}: {to}");
        }
        let found: BTreeSet<_> = found.into_iter().collect();
        for (kind, components) in document["components"].as_object().unwrap() {
            let is_for_no_call = |name: &str| {
                crate::document::NOTHING.iter().any(|status| name.ends_with(&format!("_{status}")))
            };
            let names = components.as_object().unwrap().keys();
            for name in names.filter(|name| kind != "securitySchemes" && !is_for_no_call(name)) {
                assert!(
                    found.contains(&*format!("#/components/{kind}/{name}")),
                    "{listener:?}: {kind}/{name}"
                );
            }
        }
    }
}

#[test]
fn every_call_has_an_id_of_its_own_a_summary_a_tag_and_answers() {
    for listener in Listener::ALL {
        let document = document(listener, "1.2.3");
        let tags: BTreeSet<_> = document["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| &tag["name"])
            .map(Value::to_string)
            .collect();
        let mut ids = BTreeSet::new();
        for (path, method, operation) in operations(&document) {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{id} is there twice");
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{id}");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
            let of_call = operation["tags"].as_array().unwrap();
            assert!(
                of_call.len() == 1 && tags.contains(&of_call[0].to_string()),
                "{method} {path}: {of_call:?}"
            );
            let statuses = operation["responses"].as_object().unwrap();
            assert!(statuses.keys().any(|status| status.starts_with(['2', '3'])), "{method} {path}");
            for (status, answer) in statuses {
                let is_described = answer.get("$ref").is_some() || answer["description"].is_string();
                assert!(
                    is_described && (100..600).contains(&status.parse::<u16>().unwrap()),
                    "{method} {path} {status}"
                );
            }
        }
    }
}

/// A parameter that a path names stands among the call's, and nowhere else.
#[test]
fn parameters_of_paths_are_those_that_paths_have() {
    let document = document(Listener::Operators, "1.2.3");
    for (path, method, operation) in operations(&document) {
        let named: BTreeSet<_> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters = parameters.map(|parameter| {
            let to = parameter["$ref"].as_str().unwrap();
            document.pointer(to.strip_prefix('#').unwrap()).unwrap()
        });
        let of_path = parameters.filter(|parameter| parameter["in"] == "path");
        let of_path: BTreeSet<_> = of_path.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(of_path, named, "{method} {path}");
    }
}

/// What only operators reach is told to nobody else, and calls of other listeners say so where operators read of them.
#[test]
fn each_listener_describes_its_own_calls() {
    let [public, provisioning, operators] = Listener::ALL.map(|listener| document(listener, "1.2.3"));
    for (path, _, _) in operations(&public) {
        assert!(!path.starts_with("/admin") && !path.contains("/provision") && path != "/metrics", "{path}");
    }
    assert!(operations(&provisioning).iter().any(|(path, ..)| *path == "/v1.2/provision/user/list"));
    assert!(!public.to_string().contains("admin"), "nothing of it is hinted at");
    let elsewhere: Vec<_> = operations(&operators)
        .into_iter()
        .filter(|(_, _, operation)| operation.get("servers").is_some())
        .collect();
    assert!(elsewhere.iter().any(|(path, ..)| *path == "/v2/token"));
    assert!(elsewhere.iter().all(|(path, ..)| !path.starts_with("/admin") && *path != "/healthz"));
}

#[test]
fn the_page_tells_of_each_call_and_loads_nothing_of_others() {
    let document = document(Listener::Operators, "1.2.3<");
    let page = page(&document);
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let is_there = page.contains(&format!("<details id=\"{id}\">"));
        assert_eq!(is_there, !matches!(method, "head" | "options"), "{method} {path}");
    }
    assert!(page.contains("Version 1.2.3&lt;."), "text is no markup");
    for loaded in ["<script", "src=", "style=", "http-equiv", "@import", "url("] {
        assert!(!page.contains(loaded), "{loaded}");
    }
    let links: Vec<_> = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let own = ["openapi.css", "openapi.json"];
    assert!(links.iter().all(|link| link.starts_with('#') || own.contains(link)), "{links:?}");
    for link in links.iter().filter_map(|link| link.strip_prefix('#')) {
        assert!(page.contains(&format!("id=\"{link}\"")), "{link}");
    }
}
