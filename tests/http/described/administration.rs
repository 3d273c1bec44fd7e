//! What there is to be made, below `/admin/v1`.

use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use testkit::{BUS, password_of};

use super::Survey;

const KINDS: [&str; 5] = ["admins", "users", "clients", "buses", "grants"];

/// What makes one of a kind.
pub(super) fn wish(kind: &str) -> Value {
    match kind {
        "buses" => json!({"settings": {}}),
        "clients" => json!({"secret": "a good one, isn't it", "source": "https://some.example/"}),
        _ => json!({"password": "a good one, isn't it"}),
    }
}

pub(super) fn all(survey: &mut Survey) {
    let as_root = |ask: RequestBuilder| ask.basic_auth("root", Some(password_of("root")));
    for kind in KINDS {
        let all = format!("/admin/v1/{kind}");
        let some = format!("{all}/some");
        survey.read(&all, 200, as_root);
        survey.read(&format!("{all}?limit=0"), 422, as_root);
        survey.read(&format!("{all}/none"), 404, as_root);
        let none = if kind == "grants" { "AAAAAAAAAAAAAAAAAAAAAA" } else { "none" };
        survey.ask(("DELETE", &format!("{all}/{none}")), 404, as_root);
        survey.ask(("DELETE", &format!("{all}/a:b")), 422, as_root);
        let tagged = |ask| as_root(ask).header("If-Match", "\"none\"");
        survey.ask(("DELETE", &format!("{all}/{none}")), 412, tagged);
        if kind == "grants" {
            let made = json!({"client": "vendor", "buses": [BUS]});
            survey.ask(("POST", &all), 422, |ask| as_root(ask).json(&json!({})));
            let made = survey.ask(("POST", &all), 201, |ask| as_root(ask).json(&made)).json();
            let one = format!("{all}/{}", made["id"].as_str().unwrap());
            let tag = survey.ask(("GET", &one), 200, as_root).header("etag").unwrap().to_owned();
            survey.read(&one, 200, as_root);
            survey.read(&one, 304, |ask| as_root(ask).header("If-None-Match", &tag));
            survey.ask(("DELETE", &one), 204, as_root);
            continue;
        }
        let wish = wish(kind);
        for (method, status) in [("PUT", 201), ("PUT", 200), ("PATCH", 200)] {
            survey.ask((method, &some), status, |ask| as_root(ask).json(&wish));
        }
        for method in ["PUT", "PATCH"] {
            survey.ask((method, &some), 412, |ask| tagged(ask).json(&wish));
            survey.ask((method, &some), 422, |ask| as_root(ask).json(&json!({"what": 1})));
            let there = |ask| as_root(ask).header("If-Match", "*").json(&wish);
            survey.ask((method, &format!("{all}/none")), 404, there);
        }
        if kind != "clients" {
            let absent = |ask| as_root(ask).header("If-None-Match", "*").json(&wish);
            survey.ask(("PATCH", &format!("{all}/patched")), 201, absent);
        }
        let tag = survey.ask(("GET", &some), 200, as_root).header("etag").unwrap().to_owned();
        survey.read(&some, 200, as_root);
        survey.read(&some, 304, |ask| as_root(ask).header("If-None-Match", &tag));
        if kind == "buses" {
            survey.ask(("DELETE", &format!("{some}/pages")), 204, as_root);
            survey.ask(("DELETE", &format!("{all}/none/pages")), 404, as_root);
        }
        survey.ask(("DELETE", &some), 204, as_root);
        if matches!(kind, "admins" | "clients") {
            let mut named = wish.clone();
            named["name"] = json!("posted");
            for status in [201, 412] {
                survey.ask(("POST", &all), status, |ask| as_root(ask).json(&named));
            }
            survey.ask(("POST", &all), 422, |ask| as_root(ask).json(&json!({})));
        }
    }
    for path in [format!("/admin/v1/buses/{BUS}"), "/admin/v1/users/alice".to_owned()] {
        let wish = wish(path.split('/').nth(3).unwrap());
        survey.ask(("PATCH", &path), 409, |ask| as_root(ask).json(&wish));
        survey.ask(("PUT", &path), 409, |ask| as_root(ask).json(&wish));
        survey.ask(("DELETE", &path), 409, as_root);
    }
}
