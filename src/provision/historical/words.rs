//! What the members of the historical calls mean, and how entities are told in them. Pure.
//!
//! All values are texts, numbers and rights too; numbers and lists are understood as well. Of the rights, `GETALL` is to read and
//! `POST` to post. `IDENTITY`, once the right to post messages of identities beside others, and `GETPAYLOAD` give no right
//! of their own: who had them had `POST` and `GETALL` for it. 2.0 has an owner in the place of rights.

use std::collections::{BTreeMap, BTreeSet};

use backplane_actors::BusName;
use serde_json::{Map, Value, json};

use super::super::books::{Books, buses_of as buses_in};
use super::super::kind::Kind;
use super::super::order::{Action, BusWish, ClientWish, Done, Order, Refusal};
use super::super::problem::Problem;
use super::version::Version;
use crate::access::{ClientName, ClientUrl};
use crate::config::Bus;
use crate::store::{Made, MadeClient};

const BUS_NAME: &str = "BUS_NAME";
pub(super) const USER: &str = "USER";
pub(super) const PASSWORD: &str = "PWDHASH";
const OWNER: &str = "OWNER";
const SOURCE: &str = "SOURCE_URL";
const REDIRECT: &str = "REDIRECT_URI";
const RETENTION: &str = "RETENTION_TIME_SECONDS";
const RETENTION_STICKY: &str = "RETENTION_STICKY_TIME_SECONDS";
const GET_ALL: &str = "GETALL";
const POST: &str = "POST";

pub(super) const UPDATED: &str = "BACKPLANE_UPDATE_SUCCESS";
pub(super) const DELETED: &str = "BACKPLANE_DELETE_SUCCESS";
pub(super) const GRANTED: &str = "GRANT_UPDATE_SUCCESS";
pub(super) const NOT_FOUND: &str = "CONFIG_NOT_FOUND";
pub(super) const NO_ENTRY: &str = "BACKPLANE_ENTRY_NOT_FOUND";
/// What is told of a client that is none.
const NO_CLIENT: &str = "invalid client_id";
/// What is told of those that nothing is wrong with.
pub(super) const OTHERS: &str = "nothing was changed: another entity of this request is refused";

/// The member with the name of an entity.
pub(super) const fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Buses => BUS_NAME,
        Kind::Users | Kind::Clients | Kind::Admins | Kind::Grants => USER,
    }
}

/// Refuses what is there beside these members.
pub(super) fn nothing_left(config: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match config.keys().find(|member| !known.contains(&member.as_str())) {
        Some(member) => Err(format!("{member}: unknown member")),
        None => Ok(()),
    }
}

/// What makes a bus what a historical configuration says of it. Settings that it cannot say stay as they are.
pub(super) fn patch_of(version: Version, config: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut patch = Map::new();
    for (field, key) in [(RETENTION, "retention"), (RETENTION_STICKY, "retention_max")] {
        let span = config.get(field).map(|value| seconds(field, value)).transpose()?;
        patch.insert(key.to_owned(), span.map_or(Value::Null, Value::from));
    }
    match version {
        Version::One => patch.extend(rights_of(config)?),
        Version::Two => {
            nothing_left(config, &[BUS_NAME, RETENTION, RETENTION_STICKY, OWNER])?;
            let owner = config.get(OWNER).and_then(Value::as_str);
            let owner = owner.ok_or_else(|| format!("{OWNER}: is missing; allowed: the name of a user"))?;
            patch.insert("owner".to_owned(), json!(owner));
        }
    }
    Ok(patch)
}

/// Who may do what: one member per user.
fn rights_of(config: &Map<String, Value>) -> Result<[(String, Value); 2], String> {
    let (mut post, mut read) = (Vec::new(), Vec::new());
    for (user, rights) in config {
        if [BUS_NAME, RETENTION, RETENTION_STICKY].contains(&user.as_str()) {
            continue;
        }
        for right in words(rights).ok_or_else(|| format!("{user}: is no list of rights"))? {
            match right {
                GET_ALL => read.push(user.as_str()),
                POST => post.push(user.as_str()),
                "IDENTITY" | "GETPAYLOAD" => {}
                _ => {
                    return Err(format!(
                        "{user}: has a right that is none; allowed: {GET_ALL}, {POST}, IDENTITY, GETPAYLOAD"
                    ));
                }
            }
        }
    }
    Ok([("post".to_owned(), json!(post)), ("read".to_owned(), json!(read))])
}

/// A client's URLs.
pub(super) fn urls_of(config: &Map<String, Value>) -> Result<(ClientUrl, Vec<ClientUrl>), String> {
    nothing_left(config, &[USER, SOURCE, REDIRECT])?;
    let text = |field: &str| match config.get(field) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(format!("{field}: is no text")),
    };
    let url = |field: &str, url: &str| url.parse().map_err(|error| format!("{field}: {error}"));
    let redirects = text(REDIRECT)?.split_whitespace().map(|it| url(REDIRECT, it));
    Ok((url(SOURCE, text(SOURCE)?)?, redirects.collect::<Result<_, _>>()?))
}

/// The client that a text names.
pub(super) fn client_of(name: &str) -> Result<ClientName, String> {
    name.parse().map_err(|_| NO_CLIENT.to_owned())
}

/// The buses that a text names, between spaces.
pub(super) fn buses_of(names: &str) -> Result<BTreeSet<BusName>, String> {
    names.split_whitespace().map(|name| name.parse().map_err(|_| no_bus(name))).collect()
}

fn no_bus(name: &str) -> String {
    format!("Invalid bus: {name}")
}

/// Why an order is not carried out.
pub(super) fn refused(order: &Order, refusal: Refusal) -> String {
    let is_owner = |wrong: &super::super::order::Wrong| wrong.field == "owner";
    match (refusal, order) {
        (Refusal::Stranger(Kind::Buses, name), _) => no_bus(&name),
        (Refusal::Stranger(Kind::Clients, _), _)
        | (Refusal::Unknown, Order::Client { wish: ClientWish::Revoke(_), .. }) => NO_CLIENT.to_owned(),
        (Refusal::Wrong(wrongs), Order::Bus { wish: BusWish::Patch(patch), .. })
            if wrongs.iter().any(is_owner) =>
        {
            format!("Invalid bus owner: {}", patch.get("owner").and_then(Value::as_str).unwrap_or_default())
        }
        (refusal, order) => Problem::of_refusal(order.kind(), refusal).detail().to_owned(),
    }
}

/// What is told of a revocation.
pub(super) fn revoked(done: &Done) -> String {
    if done.action == Action::Nothing {
        return "No grants found to revoke for these buses".to_owned();
    }
    GRANTED.to_owned()
}

fn seconds(field: &str, value: &Value) -> Result<String, String> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.map(|number: u64| format!("{number}s")).ok_or_else(|| format!("{field}: is no number of seconds"))
}

/// Rights, in a text with commas or in a list.
fn words(rights: &Value) -> Option<Vec<&str>> {
    let of_text = |text: &'_ str| -> bool { !text.trim().is_empty() };
    match rights {
        Value::String(text) => Some(text.split(',').filter(|word| of_text(word)).map(str::trim).collect()),
        Value::Array(words) => words.iter().map(|word| word.as_str().map(str::trim)).collect(),
        _ => None,
    }
}

/// All of a kind, by name, as the historical server told of them.
pub(super) fn all<'a>(
    version: Version,
    kind: Kind,
    books: &Books<'a>,
) -> Box<dyn Iterator<Item = (String, Value)> + 'a> {
    let named = |name: &str, value| (name.to_owned(), value);
    match kind {
        Kind::Users => Box::new(books.in_force.users.iter().map(move |user| {
            let name = user.name.as_str();
            named(name, json!({USER: name}))
        })),
        Kind::Clients => Box::new(
            books.made.clients.iter().map(move |(name, it)| named(name.as_str(), told_client(name, it))),
        ),
        Kind::Buses => Box::new(
            books.in_force.buses.iter().map(move |bus| named(bus.name.as_str(), told_bus(version, bus))),
        ),
        Kind::Admins | Kind::Grants => Box::new(std::iter::empty()),
    }
}

/// What all clients may use, by their names: the scope of each grant by its id.
pub(super) fn all_grants(made: &Made) -> impl Iterator<Item = (String, Value)> + use<> {
    let mut all: BTreeMap<String, Map<String, Value>> =
        made.clients.keys().map(|client| (client.to_string(), Map::new())).collect();
    for (id, grant) in &made.grants {
        let scope: Vec<_> = buses_in(grant).into_iter().map(|bus| format!("bus:{bus}")).collect();
        let of_client = all.entry(grant.client.to_string()).or_default();
        of_client.insert(id.to_string(), json!(scope.join(" ")));
    }
    all.into_iter().map(|(client, grants)| (client, Value::Object(grants)))
}

fn told_client(name: &ClientName, client: &MadeClient) -> Value {
    let redirects: Vec<_> = client.redirects.iter().map(ClientUrl::as_str).collect();
    json!({USER: name.as_str(), SOURCE: client.source.as_str(), REDIRECT: redirects.join(" ")})
}

/// A bus as the historical server told of it.
fn told_bus(version: Version, bus: &Bus) -> Value {
    let mut told = Map::new();
    told.insert(BUS_NAME.to_owned(), json!(bus.name.as_str()));
    told.insert(RETENTION.to_owned(), json!(bus.retention.as_secs().to_string()));
    told.insert(RETENTION_STICKY.to_owned(), json!(bus.retention_max.as_secs().to_string()));
    if version == Version::Two {
        if let Some(owner) = &bus.owner {
            told.insert(OWNER.to_owned(), json!(owner.as_str()));
        }
        return Value::Object(told);
    }
    for user in bus.read.iter().chain(&bus.post) {
        let (reads, posts) = (bus.read.contains(user), bus.post.contains(user));
        let rights: Vec<_> = [(reads, GET_ALL), (posts, POST)]
            .into_iter()
            .filter(|(has, _)| *has)
            .map(|(_, word)| word)
            .collect();
        told.insert(user.as_str().to_owned(), json!(rights.join(",")));
    }
    Value::Object(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn patch(config: &Value) -> Result<Value, String> {
        patch_of(Version::One, config.as_object().unwrap()).map(Value::Object)
    }

    #[test]
    fn old_words_are_understood() {
        let expected =
            json!({"retention": "600s", "retention_max": "28800s", "post": ["u", "v"], "read": ["u"]});
        for config in [
            json!({"BUS_NAME": "b", "RETENTION_TIME_SECONDS": "600", "RETENTION_STICKY_TIME_SECONDS": "28800",
                   "u": "IDENTITY,GETALL,POST", "v": "POST", "w": ""}),
            json!({"BUS_NAME": "b", "RETENTION_TIME_SECONDS": 600, "RETENTION_STICKY_TIME_SECONDS": " 28800 ",
                   "u": ["GETALL", "POST"], "v": ["POST", "IDENTITY", "GETPAYLOAD"]}),
        ] {
            assert_eq!(patch(&config), Ok(expected.clone()), "{config}");
        }
        let bare = json!({"retention": null, "retention_max": null, "post": [], "read": []});
        assert_eq!(patch(&json!({"BUS_NAME": "b"})), Ok(bare));
        for (bad, told) in [
            (json!({"RETENTION_TIME_SECONDS": "soon"}), "RETENTION_TIME_SECONDS: is no number of seconds"),
            (json!({"RETENTION_TIME_SECONDS": -1}), "RETENTION_TIME_SECONDS: is no number of seconds"),
            (json!({"u": 1}), "u: is no list of rights"),
            (json!({"u": "ALL"}), "u: has a right that is none; allowed: GETALL, POST, IDENTITY, GETPAYLOAD"),
        ] {
            assert_eq!(patch(&bad), Err(told.to_owned()));
        }
    }

    #[test]
    fn what_is_told_is_understood_again() {
        let bus = Config::demo().unwrap().buses.remove(0);
        let told = told_bus(Version::One, &bus);
        let expected = json!({"BUS_NAME": "demo", "RETENTION_TIME_SECONDS": "1800",
                              "RETENTION_STICKY_TIME_SECONDS": "28800", "demo": "GETALL,POST"});
        assert_eq!(told, expected);
        let expected =
            json!({"retention": "1800s", "retention_max": "28800s", "post": ["demo"], "read": ["demo"]});
        assert_eq!(patch(&told), Ok(expected));
    }

    #[test]
    fn buses_of_2_0_have_an_owner_and_keep_their_rights() {
        let patch = |config: Value| patch_of(Version::Two, config.as_object().unwrap()).map(Value::Object);
        let config = json!({"BUS_NAME": "b", "OWNER": "o", "RETENTION_TIME_SECONDS": "600"});
        assert_eq!(patch(config), Ok(json!({"retention": "600s", "retention_max": null, "owner": "o"})));
        let missing = "OWNER: is missing; allowed: the name of a user";
        assert_eq!(patch(json!({"BUS_NAME": "b"})), Err(missing.to_owned()));
        assert_eq!(patch(json!({"OWNER": "o", "u": "POST"})), Err("u: unknown member".to_owned()));
        let mut bus = Config::demo().unwrap().buses.remove(0);
        bus.owner = Some("o".parse().unwrap());
        assert_eq!(told_bus(Version::Two, &bus)["OWNER"], "o");
        assert!(told_bus(Version::One, &bus).get("OWNER").is_none());
    }

    #[test]
    fn urls_of_clients_come_between_spaces() {
        let urls = |config: Value| urls_of(config.as_object().unwrap());
        let (source, redirects) = urls(json!({
            "USER": "c", "SOURCE_URL": "https://s.example/", "REDIRECT_URI": "https://a.example/ https://b.example/"
        }))
        .unwrap();
        assert_eq!((source.as_str(), redirects.len()), ("https://s.example/", 2));
        assert!(urls(json!({"SOURCE_URL": "https://s.example/"})).unwrap().1.is_empty());
        for bad in [
            json!({}),
            json!({"SOURCE_URL": "s"}),
            json!({"SOURCE_URL": 7}),
            json!({"SOURCE_URL": "https://s.example/", "REDIRECT_URI": "x"}),
            json!({"SOURCE_URL": "https://s.example/", "OTHER": "x"}),
        ] {
            assert!(urls(bad.clone()).is_err(), "{bad}");
        }
        assert_eq!(buses_of(" a  b ").unwrap().len(), 2);
        assert_eq!(buses_of("a b:c"), Err("Invalid bus: b:c".to_owned()));
    }
}
