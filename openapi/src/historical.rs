//! The provisioning calls of the historical server.

use serde_json::json;

use crate::document::{Document, Place};
use crate::operation::{Operation, shown};
use crate::refusals::Family;

const JSON: &str = "application/json";
const OF_1: &str = "historical provisioning";
const OF_2: &str = "historical provisioning 2.0";
const ABOUT: &str = "An admin's name and password come in the body. The answer tells of each entity by its name, also what is wrong with it, with status 200; \
    if anything is wrong nothing is changed.";

/// Adds them.
pub(crate) fn describe(document: &mut Document) {
    let of_1: &[&str] = &["user", "bus"];
    for (prefix, id, kinds, tag) in [
        ("/v1/provision", "provision1", of_1, OF_1),
        ("/v1.1/provision", "provision1_1", of_1, OF_1),
        ("/v1.2/provision", "provision1_2", of_1, OF_1),
        ("/v2/provision", "provision2", &["user", "bus", "client"], OF_2),
    ] {
        for kind in kinds {
            entities(document, (prefix, id, tag), kind);
        }
    }
    grants(document);
}

fn add(document: &mut Document, path: &str, operation: Operation) {
    let operation = operation.about(ABOUT).refuses(&[401, 403, 413, 429]);
    document.add(path, "post", operation, Place::Both);
}

fn entities(document: &mut Document, (prefix, id, tag): (&str, &str, &str), kind: &str) {
    let operation = |word: &str, summary: &str| {
        Operation::new(Family::Historical, format!("{id}_{kind}_{word}"), tag, summary)
    };
    let names = json!({"admin": "root", "secret": "…", "entities": ["one"]});
    let configs = match (kind, tag) {
        ("user", _) => json!([{"USER": "one", "PWDHASH": "a password"}]),
        ("client", _) => {
            json!([{"USER": "one", "PWDHASH": "a password", "SOURCE_URL": "https://one.example/", "REDIRECT_URI": ""}])
        }
        (_, OF_2) => json!([{"BUS_NAME": "one", "OWNER": "owner", "RETENTION_TIME_SECONDS": "600"}]),
        _ => json!([{"BUS_NAME": "one", "RETENTION_TIME_SECONDS": "600", "user": "GETALL,POST"}]),
    };
    let list = operation("list", &format!("Tells of each {kind}"))
        .body(&[shown(JSON, "ProvisionNames", names.clone())])
        .answers(
            200,
            "Each by its name.",
            &[shown(JSON, "ProvisionList", json!({"one": {"USER": "one"}}))],
            &[],
        );
    add(document, &format!("{prefix}/{kind}/list"), list);
    let update = operation("update", &format!("Makes each {kind}, or has it so from now on"))
        .body(&[shown(JSON, "ProvisionConfigs", json!({"admin": "root", "secret": "…", "configs": configs}))])
        .answers(
            200,
            "What became of each, by its name.",
            &[shown(JSON, "ProvisionOutcome", json!({"one": "BACKPLANE_UPDATE_SUCCESS"}))],
            &[],
        );
    add(document, &format!("{prefix}/{kind}/update"), update);
    let delete = operation("delete", &format!("Takes each {kind} away"))
        .body(&[shown(JSON, "ProvisionNames", names)])
        .answers(
            200,
            "What became of each, by its name.",
            &[shown(JSON, "ProvisionOutcome", json!({"one": "BACKPLANE_DELETE_SUCCESS"}))],
            &[],
        );
    add(document, &format!("{prefix}/{kind}/delete"), delete);
}

fn grants(document: &mut Document) {
    let operation = |word: &str, summary: &str| {
        Operation::new(Family::Historical, format!("provision2_grant_{word}"), OF_2, summary)
    };
    let wanted = || {
        shown(
            JSON,
            "ProvisionGrants",
            json!({"admin": "root", "secret": "…", "grants": {"one": "bus1 bus2"}}),
        )
    };
    let outcome = || shown(JSON, "ProvisionOutcome", json!({"one": "GRANT_UPDATE_SUCCESS"}));
    for (word, summary) in [("add", "Lets clients use buses"), ("revoke", "Takes that back")] {
        let change = operation(word, summary).body(&[wanted()]).answers(
            200,
            "What became of it, by client.",
            &[outcome()],
            &[],
        );
        add(document, &format!("/v2/provision/grant/{word}"), change);
    }
    let list = operation("list", "Which clients may use which buses")
        .body(&[shown(JSON, "ProvisionNames", json!({"admin": "root", "secret": "…", "entities": []}))])
        .answers(
            200,
            "By client, the scope of each grant by its id.",
            &[shown(JSON, "ProvisionList", json!({"one": {"x7Yg0aBcDeFgHiJkLmNoPq": "bus:bus1 bus:bus2"}}))],
            &[],
        );
    add(document, "/v2/provision/grant/list", list);
}
