//! `/admin/v1`: users, clients, buses, grants and admins as resources.

use serde_json::{Value, json};

use crate::document::{Document, Place};
use crate::operation::{Operation, shown};
use crate::refusals::Family;

const TAG: &str = "administration";
const JSON: &str = "application/json";
const PATCH: &str = "application/merge-patch+json";

/// A kind of resource.
struct Kind {
    one: &'static str,
    many: &'static str,
    schema: &'static str,
    list: &'static str,
    /// What PUT and PATCH bring.
    wish: Option<(&'static str, &'static str)>,
    /// What POST to all of them brings.
    made_by_post: Option<&'static str>,
}

const KINDS: [Kind; 5] = [
    Kind {
        one: "bus",
        many: "buses",
        schema: "Bus",
        list: "Buses",
        wish: Some(("BusWish", "BusWish")),
        made_by_post: None,
    },
    Kind {
        one: "user",
        many: "users",
        schema: "User",
        list: "Users",
        wish: Some(("PersonWish", "PersonWish")),
        made_by_post: None,
    },
    Kind {
        one: "client",
        many: "clients",
        schema: "Client",
        list: "Clients",
        wish: Some(("ClientWish", "ClientPatch")),
        made_by_post: Some("NewClient"),
    },
    Kind {
        one: "grant",
        many: "grants",
        schema: "Grant",
        list: "Grants",
        wish: None,
        made_by_post: Some("NewGrant"),
    },
    Kind {
        one: "admin",
        many: "admins",
        schema: "Admin",
        list: "Admins",
        wish: Some(("PersonWish", "PersonWish")),
        made_by_post: Some("NewPerson"),
    },
];

/// What anything here may be refused with: credentials that are missing, wrong or too often wrong, pages of other origins.
const OF_ALL: &[u16] = &[401, 403, 429];
const OF_BODIES: &[u16] = &[413, 415, 422];

/// Adds the resources.
pub(crate) fn describe(document: &mut Document) {
    for kind in &KINDS {
        kind.all(document);
        kind.one(document);
    }
}

impl Kind {
    fn operation(&self, name: &str, summary: &str) -> Operation {
        let id = format!("admin_{}_{name}", self.many);
        Operation::new(Family::Admin, id, TAG, summary).security(&["admin"]).refuses(OF_ALL)
    }

    /// Those of the configuration are changed there alone.
    fn read_only(&self) -> &'static [u16] {
        if matches!(self.one, "bus" | "user") { &[409] } else { &[] }
    }

    /// As many are made as may be; whoever may make admins may do everything.
    fn too_many(&self) -> &'static [u16] {
        if self.one == "admin" { &[] } else { &[409] }
    }

    /// What is made by POST has to be new, and ids of grants always are.
    fn exists(&self) -> &'static [u16] {
        if self.one == "grant" { &[] } else { &[412] }
    }

    fn all(&self, document: &mut Document) {
        let path = format!("/admin/v1/{}", self.many);
        let list = self
            .operation("list", &format!("All {}, a part at a time", self.many))
            .takes(&["limit", "after"])
            .answers(
                200,
                "In the order of their names; `next` is where the rest is, if there is one.",
                &[shown(JSON, self.list, json!({self.many: [self.example()], "next": null}))],
                &[],
            )
            .refuses(&[422]);
        document.read(&path, list, Place::Operators);
        let Some(wish) = self.made_by_post else { return };
        let make = self
            .operation("make", &format!("Makes a {}", self.one))
            .body(&[shown(JSON, wish, self.wish(true))])
            .answers(
                201,
                "It is made.",
                &[shown(JSON, self.schema, self.example())],
                &["Location", "ETag", "Backplane-Durability"],
            )
            .refuses(OF_BODIES)
            .refuses(self.too_many())
            .refuses(self.exists());
        let make = if self.one == "admin" {
            make.about("The first one is made with the secret that the server prints when it starts.")
                .security(&["admin", "setup"])
        } else {
            make
        };
        document.add(&path, "post", make, Place::Operators);
    }

    fn one(&self, document: &mut Document) {
        let path = format!("/admin/v1/{}/{{name}}", self.many);
        let form = || [shown(JSON, self.schema, self.example())];
        let headers = &["ETag", "Backplane-Durability"];
        let show = self
            .operation("show", &format!("One {}", self.one))
            .takes(&["If-None-Match-tags"])
            .answers(200, "It.", &form(), &["ETag"])
            .answers(304, "It is what the client knows.", &[], &["ETag"])
            .refuses(&[404]);
        document.read(&path, show, Place::Operators);
        if let Some((put, patch)) = self.wish {
            let make = self
                .operation("put", &format!("Makes the {}, or has it so from now on", self.one))
                .takes(&["If-Match", "If-None-Match"])
                .body(&[shown(JSON, put, self.wish(false))])
                .answers(200, "It is so from now on.", &form(), headers)
                .answers(201, "It is made.", &form(), &["Location", "ETag", "Backplane-Durability"])
                .refuses(OF_BODIES)
                .refuses(self.too_many())
                .refuses(&[404, 412]);
            document.add(&path, "put", make, Place::Operators);
            let change = self
                .operation("patch", &format!("Changes some of the {} (RFC 7396)", self.one))
                .takes(&["If-Match"])
                .body(&[shown(PATCH, patch, self.wish(false)), shown(JSON, patch, self.wish(false))])
                .answers(200, "It is so from now on.", &form(), headers)
                .refuses(OF_BODIES)
                .refuses(self.read_only())
                .refuses(&[404, 412]);
            let change = if self.one == "client" {
                change
            } else {
                let headers = &["Location", "ETag", "Backplane-Durability"];
                change.takes(&["If-None-Match"]).answers(
                    201,
                    "It is made, with `If-None-Match: *`.",
                    &form(),
                    headers,
                )
            };
            document.add(&path, "patch", change, Place::Operators);
        }
        let remove = self
            .operation("delete", &format!("Takes the {} away", self.one))
            .takes(&["If-Match"])
            .answers(204, "It is no more.", &[], &["Backplane-Durability"])
            .refuses(self.read_only())
            .refuses(&[404, 412, 422]);
        document.add(&path, "delete", remove, Place::Operators);
        if self.one == "bus" {
            let end = self
                .operation("endPages", "Ends all tokens of pages of the bus that were issued until now")
                .about("Open streams of these pages end. They ask for new tokens, and get other channels. Of a bus of the configuration too.")
                .answers(204, "They are ended.", &[], &["Backplane-Durability"])
                .refuses(&[404]);
            document.add(&format!("{path}/pages"), "delete", end, Place::Operators);
        }
    }

    /// One of them as it is shown.
    fn example(&self) -> Value {
        let created = "2026-11-30T15:10:00.000Z";
        match self.one {
            "bus" => {
                json!({"name": "customer.com", "read_only": true, "created": null, "settings": null, "in_force": {
                    "post": ["poster"], "read": ["reader"], "owner": null, "channel_idle": "30m", "retention": "30m", "retention_max": "8h",
                    "window": {"channel": 100, "bus": 1000}, "allowed_origins": ["*"], "jsonp": true, "payload": "i-json",
                    "checks_envelopes": false, "quota": {},
                }})
            }
            "user" => {
                json!({"name": "poster", "read_only": false, "created": created, "rights": {"customer.com": ["post"]}})
            }
            "client" => json!({
                "name": "vendor", "read_only": false, "created": created, "source": "https://vendor.example/",
                "redirects": ["https://vendor.example/back"], "grants": {"x7Yg0aBcDeFgHiJkLmNoPq": ["customer.com"]},
            }),
            "grant" => json!({
                "id": "x7Yg0aBcDeFgHiJkLmNoPq", "client": "vendor", "buses": ["customer.com"], "by": {"admin": "root"}, "created": created,
            }),
            _ => json!({"name": "root", "created": created}),
        }
    }

    /// What makes it.
    fn wish(&self, is_named: bool) -> Value {
        let mut wish = match self.one {
            "bus" => return json!({"settings": {"post": ["poster"], "read": ["reader"], "retention": "10m"}}),
            "grant" => return json!({"client": "vendor", "buses": ["customer.com"]}),
            "client" => json!({
                "generate_secret": true, "source": "https://vendor.example/", "redirects": ["https://vendor.example/back"],
            }),
            _ => json!({"password": "a good one, isn't it"}),
        };
        if let (true, Some(members)) = (is_named, wish.as_object_mut()) {
            let name = if self.one == "client" { "vendor" } else { "root" };
            members.insert("name".to_owned(), Value::from(name));
        }
        wish
    }
}
