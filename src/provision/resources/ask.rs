//! What a request wants, whatever way it came: over HTTP, or from the command line where no server runs.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::super::books::{Books, Part, Shown};
use super::super::kind::Kind;
use super::super::order::{BusWish, ClientWish, GrantWish, OnlyIf, Order, PersonWish};
use super::super::problem::Problem;
use super::super::random;
use super::parts::{hash_in, members, nothing_left, text_in, texts_in};
use crate::access::{ClientUrl, ClientUrlError};
use crate::auth::{PasswordHash, may_be_chosen};
use crate::error::{ApiError, ErrorCode};
use crate::store::Grantor;

/// Most entities of one answer, and as many as one has that asks for no number.
const LIMIT_MAX: usize = 1000;
const LIMIT: usize = 100;
/// What a client's URL is.
const URL: &str = "an http or https URL, such as https://www.example.com/";

/// How something is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Put,
    Patch,
    Delete,
}

/// What a request wants. Not to be shown: it may have a secret (I-8).
pub(crate) struct Asked {
    pub(crate) order: Order,
    /// A secret that the server has made: told in the answer, this once.
    pub(crate) secret: Option<Zeroizing<String>>,
}

impl From<Order> for Asked {
    fn from(order: Order) -> Self {
        Self { order, secret: None }
    }
}

/// What one of the kind can be asked to.
pub(crate) fn methods_of_one(kind: Option<Kind>) -> &'static str {
    match kind {
        // What was granted is revoked, and not turned into something else.
        Some(Kind::Grants) => "GET, HEAD, DELETE",
        _ => "GET, HEAD, PUT, PATCH, DELETE",
    }
}

/// The order that a change of one entity is. A password is hashed here, which takes its time.
pub(crate) fn order(
    kind: Kind,
    name: &str,
    verb: Verb,
    body: Option<Value>,
    only_if: OnlyIf,
) -> Result<Asked, Problem> {
    let only_if = match (verb, only_if) {
        // What is to be changed or taken away has to be there.
        (Verb::Patch | Verb::Delete, OnlyIf::Always) => OnlyIf::There,
        (_, only_if) => only_if,
    };
    let order = match kind {
        Kind::Buses => {
            let wish = match verb {
                Verb::Delete => BusWish::Remove,
                Verb::Put => BusWish::Put(settings(name, body)?),
                Verb::Patch => BusWish::Patch(settings(name, body)?),
            };
            Order::Bus { name: parsed("name", name)?, wish, only_if }
        }
        Kind::Users => Order::User { name: parsed("name", name)?, wish: person(name, verb, body)?, only_if },
        Kind::Admins => {
            Order::Admin { name: parsed("name", name)?, wish: person(name, verb, body)?, only_if }
        }
        Kind::Clients => {
            // A name that is none costs no hash.
            let parsed = parsed("name", name)?;
            let (wish, secret) = client(name, verb, body)?;
            return Ok(Asked { order: Order::Client { name: parsed, wish, only_if }, secret });
        }
        Kind::Grants if verb == Verb::Delete => {
            Order::Grant { id: parsed("id", name)?, wish: GrantWish::Remove, only_if }
        }
        Kind::Grants => return Err(ApiError::method_not_allowed(methods_of_one(Some(kind))).into()),
    };
    Ok(order.into())
}

/// The order of a request that brings no name in its path: it makes something new.
pub(crate) fn make(kind: Kind, body: Value, by: Grantor) -> Result<Asked, Problem> {
    match kind {
        Kind::Grants => grant(body, by).map(Asked::from),
        Kind::Admins | Kind::Clients => {
            let Some(name) = body.get("name").and_then(Value::as_str).map(str::to_owned) else {
                return Err(Problem::wrong("name", "is missing", format!("the name of the {}", kind.one())));
            };
            order(kind, &name, Verb::Put, Some(body), OnlyIf::Absent)
        }
        Kind::Users | Kind::Buses => Err(ApiError::method_not_allowed(methods_of_all(Some(kind))).into()),
    }
}

/// What all of the kind can be asked to.
pub(crate) fn methods_of_all(kind: Option<Kind>) -> &'static str {
    match kind {
        Some(Kind::Admins | Kind::Clients | Kind::Grants) => "GET, HEAD, POST",
        _ => "GET, HEAD",
    }
}

fn parsed<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| Problem::wrong(field, error.to_string(), format!("another {field}")))
}

fn grant(body: Value, by: Grantor) -> Result<Order, Problem> {
    let mut members = members(Kind::Grants, "", Some(body))?;
    let (client, buses) = (text_in(&mut members, "client")?, texts_in(&mut members, "buses")?);
    nothing_left(&members, "client, buses")?;
    let client = client.ok_or_else(|| Problem::wrong("client", "is missing", "the name of a client"))?;
    let buses = buses.ok_or_else(|| Problem::wrong("buses", "is missing", "a list of names of buses"))?;
    let client = parsed("client", &client)?;
    let buses = buses.iter().map(|bus| parsed("buses", bus)).collect::<Result<_, _>>()?;
    let id = random::grant_id();
    let id = id.map_err(|_| Problem::new(ErrorCode::Unavailable, "the grant could not be given an id"))?;
    Ok(Order::Grant { id, wish: GrantWish::Make { client, buses, by }, only_if: OnlyIf::Absent })
}

fn client(
    name: &str,
    verb: Verb,
    body: Option<Value>,
) -> Result<(ClientWish, Option<Zeroizing<String>>), Problem> {
    if verb == Verb::Delete {
        return Ok((ClientWish::Remove, None));
    }
    let mut members = members(Kind::Clients, name, body)?;
    let is_there = |members: &Map<String, Value>, member| members.get(member).is_some();
    // A merge patch takes away what is null; of these only the redirects can be.
    if members.get("redirects").is_some_and(Value::is_null) {
        members.insert("redirects".to_owned(), json!([]));
    }
    let is_made = match members.remove("generate_secret") {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Bool(true)) if is_there(&members, "secret") || is_there(&members, "secret_hash") => {
            return Err(Problem::wrong("generate_secret", "stands beside another secret", "one of the two"));
        }
        Some(Value::Bool(true)) => true,
        Some(_) => return Err(Problem::wrong("generate_secret", "is no switch", "true or false")),
    };
    let given = hash_in(&mut members, "secret")?;
    let (source, redirects) = (text_in(&mut members, "source")?, texts_in(&mut members, "redirects")?);
    nothing_left(&members, "secret, secret_hash, generate_secret, source, redirects")?;
    let source = source.map(|url| parsed_url("source", &url)).transpose()?;
    let redirects = redirects
        .map(|urls| urls.iter().map(|url| parsed_url("redirects", url)).collect::<Result<Vec<_>, _>>())
        .transpose()?;
    let (secret, shown) = if is_made {
        let text =
            random::secret().map_err(|_| Problem::new(ErrorCode::Unavailable, "no secret could be made"))?;
        (Some(hashed("secret", &text)?), Some(text))
    } else {
        (given, None)
    };
    if verb == Verb::Patch {
        return Ok((ClientWish::Patch { secret, source, redirects }, shown));
    }
    let secret = secret
        .ok_or_else(|| Problem::wrong("secret", "is missing", "a secret, secret_hash, or generate_secret"))?;
    let source = source.ok_or_else(|| Problem::wrong("source", "is missing", URL))?;
    Ok((ClientWish::Put { secret, source, redirects: redirects.unwrap_or_default() }, shown))
}

fn parsed_url(field: &str, text: &str) -> Result<ClientUrl, Problem> {
    text.parse().map_err(|error: ClientUrlError| Problem::wrong(field, error.to_string(), URL))
}

fn person(name: &str, verb: Verb, body: Option<Value>) -> Result<PersonWish, Problem> {
    if verb == Verb::Delete {
        return Ok(PersonWish::Remove);
    }
    let mut members = members(Kind::Users, name, body)?;
    let hash = hash_in(&mut members, "password")?;
    nothing_left(&members, "password, password_hash")?;
    let missing = || Problem::wrong("password", "is missing", "a password, or password_hash");
    hash.map(PersonWish::Password).ok_or_else(missing)
}

/// The hash of a password that may be chosen.
pub(crate) fn hashed(field: &str, password: &Zeroizing<String>) -> Result<PasswordHash, Problem> {
    may_be_chosen(password).map_err(|unfit| {
        Problem::wrong(
            field,
            unfit.to_string(),
            "8 characters to 1024 bytes, none of the first that are tried",
        )
    })?;
    PasswordHash::of(password)
        .map_err(|_| Problem::new(ErrorCode::Unavailable, "the password could not be hashed"))
}

fn settings(name: &str, body: Option<Value>) -> Result<Map<String, Value>, Problem> {
    let mut members = members(Kind::Buses, name, body)?;
    let settings = members.remove("settings");
    nothing_left(&members, "settings")?;
    match settings {
        Some(Value::Object(settings)) => Ok(settings),
        Some(_) => Err(Problem::wrong("settings", "is no object", "an object with keys of [[bus]]")),
        None => Err(Problem::wrong("settings", "is missing", "an object with keys of [[bus]], or {}")),
    }
}

/// One entity.
pub(crate) fn one(books: &Books<'_>, kind: Kind, name: &str) -> Result<Shown, Problem> {
    books.find(kind, name).ok_or_else(|| Problem::unknown(kind))
}

/// A part of all of them, with where the next one is, if there is one.
pub(crate) fn list(books: &Books<'_>, kind: Kind, query: &str) -> Result<Value, Problem> {
    let (mut limit, mut after) = (LIMIT, None);
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "limit" => {
                let number = value.parse().ok().filter(|number| (1..=LIMIT_MAX).contains(number));
                limit = number.ok_or_else(|| {
                    let allowed = format!("a whole number from 1 to {LIMIT_MAX}");
                    Problem::wrong("limit", "is none", allowed)
                })?;
            }
            "after" => after = Some(value.into_owned()),
            _ => return Err(Problem::wrong("query", "has an unknown parameter", "limit, after")),
        }
    }
    let (entities, rest) = books.list(kind, Part { after: after.as_deref(), limit });
    let next = rest.map(|after| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("after", &after)
            .append_pair("limit", &limit.to_string())
            .finish();
        format!("/admin/v1/{}?{query}", kind.many())
    });
    Ok(json!({kind.many(): entities, "next": next}))
}
