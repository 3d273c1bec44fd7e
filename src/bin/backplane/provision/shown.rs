//! An answer, as a table for people or as JSON for programs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::ask::{Request, Secret};

/// What programs read. A secret that was made is in it, this once.
pub(super) fn json(request: &Request, mut answer: Value, secret: Option<&Secret>) -> String {
    if request.method == "DELETE" {
        return json!({"name": request.name, request.gone: true}).to_string();
    }
    if let (Some(secret), Some(answer)) = (secret, answer.as_object_mut()) {
        answer.insert(secret.word.to_owned(), json!(*secret.text));
    }
    format!("{answer:#}")
}

/// What people read.
pub(super) fn table(
    request: &Request,
    answer: &Value,
    tells: Option<&str>,
    secret: Option<&Secret>,
) -> String {
    if let Some(tells) = tells {
        // What has no name has an id.
        let id = answer.get("id").and_then(Value::as_str).unwrap_or(&request.name);
        let told = format!("{tells}: {id}");
        return match secret {
            Some(Secret { word, text }) => format!("{told}\n{word}: {}", text.as_str()),
            None => told,
        };
    }
    if request.is_list() {
        let list = answer.get(request.kind).and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<_> = list.map(|it| row(request.kind, it)).collect();
        return lines(&[heads(request.kind)], &rows);
    }
    let mut rows = Vec::new();
    flat("", answer, &mut rows);
    lines(&[], &rows)
}

fn heads(kind: &str) -> Vec<String> {
    let heads: &[&str] = match kind {
        "buses" => &["NAME", "FROM", "POST", "READ", "RETENTION"],
        "users" => &["NAME", "FROM", "RIGHTS"],
        "clients" => &["NAME", "SOURCE", "BUSES"],
        "grants" => &["ID", "CLIENT", "BUSES", "BY"],
        _ => &["NAME", "CREATED"],
    };
    heads.iter().map(|head| (*head).to_owned()).collect()
}

fn row(kind: &str, it: &Value) -> Vec<String> {
    let at = |pointer: &str| cell(it.pointer(pointer).unwrap_or(&Value::Null));
    let is_configured = it.get("read_only") == Some(&Value::Bool(true));
    let from = if is_configured { "configuration" } else { "made" }.to_owned();
    match kind {
        "buses" => {
            vec![at("/name"), from, at("/in_force/post"), at("/in_force/read"), at("/in_force/retention")]
        }
        "users" => {
            let rights = it.get("rights").and_then(Value::as_object).into_iter().flatten();
            let rights = rights.map(|(bus, rights)| format!("{bus}:{}", cell(rights).replace(' ', "+")));
            vec![at("/name"), from, rights.collect::<Vec<_>>().join(" ")]
        }
        "clients" => vec![at("/name"), at("/source"), buses_in(it)],
        "grants" => {
            let by = it.get("by").and_then(Value::as_object).and_then(|by| by.iter().next());
            let by = by.map(|(kind, who)| format!("{kind}:{}", cell(who))).unwrap_or_default();
            vec![at("/id"), at("/client"), at("/buses"), by]
        }
        _ => vec![at("/name"), at("/created")],
    }
}

/// The buses of all grants of a client, each once.
fn buses_in(client: &Value) -> String {
    let grants = client.get("grants").and_then(Value::as_object).into_iter().flatten();
    let buses =
        grants.flat_map(|(_, buses)| buses.as_array().into_iter().flatten().filter_map(Value::as_str));
    let buses: BTreeSet<&str> = buses.collect();
    cell(&json!(buses))
}

/// One line for each value, by its key.
fn flat(key: &str, value: &Value, rows: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(values) => {
            for (name, value) in values {
                flat(&if key.is_empty() { name.clone() } else { format!("{key}.{name}") }, value, rows);
            }
        }
        Value::Null => {}
        value => rows.push(vec![key.to_owned(), cell(value)]),
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "-".to_owned(),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(" "),
        value => value.to_string(),
    }
}

/// Columns as wide as they need to be, two spaces apart.
fn lines(heads: &[Vec<String>], rows: &[Vec<String>]) -> String {
    let all: Vec<_> = heads.iter().chain(rows).collect();
    let columns = all.iter().map(|row| row.len()).max().unwrap_or_default();
    let width = |column: usize| {
        all.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &&Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_tables_and_one_is_told_key_by_key() {
        let request = |name: &str, kind| Request {
            method: "GET",
            path: String::new(),
            kind,
            name: name.to_owned(),
            body: None,
            absent: false,
            gone: "removed",
        };
        let buses = json!({"buses": [
            {"name": "a", "read_only": true, "in_force": {"post": ["x", "y"], "read": [], "retention": "30m"}},
            {"name": "longer.example", "read_only": false, "in_force": {"post": [], "read": ["x"], "retention": "1h"}},
        ]});
        assert_eq!(
            table(&request("", "buses"), &buses, None, None),
            "NAME            FROM           POST  READ  RETENTION\n\
             a               configuration  x y   -     30m\n\
             longer.example  made           -     x     1h"
        );
        let users = json!({"users": [{"name": "x", "read_only": false, "rights": {"a": ["post", "read"]}}]});
        assert_eq!(
            table(&request("", "users"), &users, None, None),
            "NAME  FROM  RIGHTS\nx     made  a:post+read"
        );
        let clients = json!({"clients": [
            {"name": "c", "source": "https://c.example/", "grants": {"1": ["b", "a"], "2": ["a"]}},
            {"name": "d", "source": "https://d.example/", "grants": {}},
        ]});
        assert_eq!(
            table(&request("", "clients"), &clients, None, None),
            "NAME  SOURCE              BUSES\nc     https://c.example/  a b\nd     https://d.example/  -"
        );
        let grants =
            json!({"grants": [{"id": "1", "client": "c", "buses": ["a", "b"], "by": {"admin": "root"}}]});
        assert_eq!(
            table(&request("", "grants"), &grants, None, None),
            "ID  CLIENT  BUSES  BY\n1   c       a b    admin:root"
        );
        let one = json!({"name": "x", "window": {"bus": 5}, "created": null});
        assert_eq!(table(&request("x", "buses"), &one, None, None), "name        x\nwindow.bus  5");
    }
}
