//! Files that are part of the program: the browser library, styles of pages, and this description.

use serde_json::json;

use crate::document::{Document, Place};
use crate::operation::{Content, Operation, text};
use crate::refusals::Family;

const TAG: &str = "files";
const SCRIPT: &str = "text/javascript";

/// Adds them.
pub(crate) fn describe(document: &mut Document) {
    for (path, id) in [
        ("/v1/backplane.js", "v1"),
        ("/v1.1/backplane.js", "v1_1"),
        ("/v1.2/backplane.js", "v1_2"),
        ("/v1.3/backplane.js", "v1_3"),
        ("/backplane.js", "bare"),
    ] {
        file(
            document,
            path,
            &format!("script_{id}"),
            "The browser library of 1.x, as a script",
            text(SCRIPT, "A script."),
            Place::Public,
        );
    }
    for (path, id) in [("/v2/backplane2.js", "v2"), ("/backplane2.js", "bare")] {
        file(
            document,
            path,
            &format!("script2_{id}"),
            "The browser library of 2.0, as a script",
            text(SCRIPT, "A script."),
            Place::Public,
        );
    }
    let module = text(SCRIPT, "A module.");
    file(document, "/backplane.mjs", "module", "The browser library as a module", module, Place::Public);
    let types = text("application/typescript", "Declarations.");
    file(document, "/backplane.d.mts", "types", "The types of the module", types, Place::Public);
    let style = || text("text/css", "A stylesheet.");
    file(document, "/v2/consent.css", "consentStyle", "How pages of owners look", style(), Place::Public);
    let own = ("application/json", json!({"type": "object"}), None);
    file(document, "/openapi.json", "description", "This description: OpenAPI 3.1", own, Place::Both);
    let page = text("text/html", "A page.");
    file(document, "/openapi", "descriptionPage", "This description as a page", page, Place::Both);
    file(document, "/openapi.css", "descriptionStyle", "How that page looks", style(), Place::Both);
}

fn file(document: &mut Document, path: &str, id: &str, summary: &str, form: Content, place: Place) {
    let read = Operation::new(Family::Plain, format!("files_{id}"), TAG, summary)
        .answers(200, "The file, packed if the client takes that.", &[form], &["ETag"])
        .answers(304, "The client has it already (`If-None-Match`).", &[], &["ETag"])
        .takes(&["If-None-Match-tags"]);
    document.read(path, read, place);
}
