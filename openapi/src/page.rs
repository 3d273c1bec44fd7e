//! The document for people: one page that loads a stylesheet and nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Methods in the order in which they are shown. HEAD and OPTIONS are told beside the others.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Calls of a tag: path, method, operation.
type Calls<'d> = BTreeMap<&'d str, Vec<(&'d str, &'d str, &'d Value)>>;

/// The page of a document that [`document`](fn@crate::document) made.
#[must_use]
pub fn page(document: &Value) -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Backplane: the API</title>\n<link rel=\"stylesheet\" href=\"openapi.css\">\n</head>\n<body>\n<header>\n<h1>Backplane: the API</h1>\n",
    );
    html.push_str("<p>Version ");
    html.push_str(&escaped(text_at(document, "/info/version")));
    html.push_str(". For programs: <a href=\"openapi.json\">openapi.json</a>, in OpenAPI 3.1.</p>\n");
    html.push_str(&paragraphs(text_at(document, "/info/description")));
    let calls = calls_of(document);
    html.push_str("</header>\n<nav aria-label=\"Families of calls\">\n<ul>\n");
    for tag in list_at(document, "/tags") {
        let name = text_at(tag, "/name");
        _ = writeln!(html, "<li><a href=\"#{}\">{}</a></li>", slug(name), escaped(name));
    }
    html.push_str("<li><a href=\"#schemas\">shapes</a></li>\n</ul>\n</nav>\n<main>\n");
    for tag in list_at(document, "/tags") {
        let name = text_at(tag, "/name");
        _ = writeln!(html, "<section id=\"{}\">\n<h2>{}</h2>", slug(name), escaped(name));
        html.push_str(&paragraphs(text_at(tag, "/description")));
        for (path, method, operation) in calls.get(name).into_iter().flatten() {
            call(&mut html, document, (path, method), operation);
        }
        html.push_str("</section>\n");
    }
    html.push_str("<section id=\"schemas\">\n<h2>shapes</h2>\n<p>In JSON Schema.</p>\n");
    for (name, schema) in members_at(document, "/components/schemas") {
        _ = write!(html, "<details id=\"shape-{name}\">\n<summary><code>{name}</code></summary>\n<pre>");
        html.push_str(&escaped(&serde_json::to_string_pretty(schema).unwrap_or_default()));
        html.push_str("</pre>\n</details>\n");
    }
    html.push_str("</section>\n</main>\n</body>\n</html>\n");
    html
}

fn calls_of(document: &Value) -> Calls<'_> {
    let mut calls = Calls::new();
    for (path, item) in members_at(document, "/paths") {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                calls.entry(text_at(operation, "/tags/0")).or_default().push((path, method, operation));
            }
        }
    }
    calls
}

fn call(html: &mut String, document: &Value, (path, method): (&str, &str), operation: &Value) {
    let id = text_at(operation, "/operationId");
    _ = write!(
        html,
        "<details id=\"{}\">\n<summary><b class=\"{method}\">{}</b> <code>{}</code> <span>{}</span></summary>\n",
        escaped(id),
        method.to_uppercase(),
        escaped(path),
        escaped(text_at(operation, "/summary")),
    );
    html.push_str(&paragraphs(text_at(operation, "/description")));
    credentials(html, operation);
    let parameters = list_at(operation, "/parameters").map(|parameter| resolved(document, parameter));
    let parameters: Vec<_> = parameters.collect();
    if !parameters.is_empty() {
        html.push_str("<h3>Parameters</h3>\n<dl>\n");
        for parameter in parameters {
            let is_required = parameter.get("required").and_then(Value::as_bool).unwrap_or_default();
            let mut bounds = parameter.get("schema").cloned().unwrap_or_default();
            if let Some(members) = bounds.as_object_mut() {
                members.remove("description");
            }
            _ = writeln!(
                html,
                "<dt><code>{}</code> <small>{}{}</small></dt>\n<dd>{}<br><code class=\"bounds\">{}</code></dd>",
                escaped(text_at(parameter, "/name")),
                escaped(text_at(parameter, "/in")),
                if is_required { ", required" } else { "" },
                marked(text_at(parameter, "/description")),
                escaped(&bounds.to_string()),
            );
        }
        html.push_str("</dl>\n");
    }
    if let Some(body) = operation.get("requestBody") {
        html.push_str("<h3>Body</h3>\n");
        forms(html, body);
    }
    html.push_str("<h3>Answers</h3>\n<dl class=\"answers\">\n");
    for (status, answer) in members_at(operation, "/responses") {
        let answer = resolved(document, answer);
        _ = write!(html, "<dt>{status}</dt>\n<dd>{}", marked(text_at(answer, "/description")));
        let headers: Vec<_> = members_at(answer, "/headers").map(|(name, _)| name.as_str()).collect();
        if !headers.is_empty() {
            _ = write!(html, " <small>Headers: {}.</small>", escaped(&headers.join(", ")));
        }
        if status.starts_with('2') {
            forms(html, answer);
        } else if let Some(codes) = codes_of(answer) {
            _ = write!(html, " <small>{}</small>", escaped(&codes));
        }
        html.push_str("</dd>\n");
    }
    html.push_str("</dl>\n</details>\n");
}

fn credentials(html: &mut String, operation: &Value) {
    let ways = list_at(operation, "/security").map(|way| {
        let schemes: Vec<_> = way.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
        if schemes.is_empty() { "none".to_owned() } else { schemes.join(" and ") }
    });
    let ways: Vec<_> = ways.collect();
    let ways = if ways.is_empty() { "none".to_owned() } else { ways.join(", or ") };
    _ = writeln!(html, "<p><small>Credentials: {}.</small></p>", escaped(&ways));
}

/// The error codes that an answer may have.
fn codes_of(answer: &Value) -> Option<String> {
    let text = answer.get("content")?.to_string();
    let (_, after) = text.split_once("\"enum\":[")?;
    let (codes, _) = after.split_once(']')?;
    Some(codes.replace('"', "").replace("urn:backplane:error:", "").replace(',', ", "))
}

/// The forms that a body has.
fn forms(html: &mut String, body: &Value) {
    html.push_str("<ul>\n");
    for (kind, form) in members_at(body, "/content") {
        _ = write!(html, "<li><code>{}</code>", escaped(kind));
        let schema = text_at(form, "/schema/$ref");
        if let Some(name) = schema.strip_prefix("#/components/schemas/") {
            _ = write!(html, ": <a href=\"#shape-{name}\">{name}</a>");
        } else {
            _ = write!(html, ": {}", marked(text_at(form, "/schema/description")));
        }
        if let Some(example) = form.get("example") {
            let example = serde_json::to_string_pretty(example).unwrap_or_default();
            _ = write!(html, "<pre>{}</pre>", escaped(&example));
        }
        html.push_str("</li>\n");
    }
    html.push_str("</ul>\n");
}

/// What a reference stands for.
fn resolved<'d>(document: &'d Value, part: &'d Value) -> &'d Value {
    let target = part.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'));
    target.and_then(|to| document.pointer(to)).unwrap_or(part)
}

fn text_at<'d>(value: &'d Value, pointer: &str) -> &'d str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list_at<'d>(value: &'d Value, pointer: &str) -> impl Iterator<Item = &'d Value> + use<'d> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn members_at<'d>(
    value: &'d Value,
    pointer: &str,
) -> impl Iterator<Item = (&'d String, &'d Value)> + use<'d> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

/// A name as the target of a link.
fn slug(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// A text that has code between backticks.
fn marked(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(place, part)| match place % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    });
    parts.collect()
}

fn paragraphs(text: &str) -> String {
    let all = text.split("\n\n").filter(|text| !text.is_empty());
    all.flat_map(|text| ["<p>".to_owned(), marked(text), "</p>\n".to_owned()]).collect()
}

/// Text, as content or as the value of an attribute in quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
