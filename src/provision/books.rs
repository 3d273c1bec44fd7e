//! What is shown of users, clients, buses, grants and admins. Pure.

use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use backplane_actors::{BusName, PayloadRule, Timestamp};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::kind::Kind;
use crate::access::{ClientName, ClientUrl, GrantId};
use crate::config::{AllowedOrigins, Bus, Config, Quota, Rate};
use crate::store::{Grant, Grantor, Made};

/// Bytes of a tag: enough to tell apart what one name ever was.
const TAG: usize = 15;

/// What is configured, what is made, and what is in force of both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Books<'a> {
    pub(crate) base: &'a Config,
    pub(crate) made: &'a Made,
    pub(crate) in_force: &'a Config,
}

/// One entity as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    pub(crate) json: Value,
    /// Another one whenever anything of it is otherwise, a password too.
    pub(crate) tag: String,
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// Only what is behind this name.
    pub(crate) after: Option<&'a str>,
    pub(crate) limit: usize,
}

impl Books<'_> {
    /// Whether the configuration has it: then it is changed there alone.
    pub(crate) fn is_configured(&self, kind: Kind, name: &str) -> bool {
        match kind {
            Kind::Admins | Kind::Clients | Kind::Grants => false,
            Kind::Users => self.base.users.iter().any(|user| user.name.as_str() == name),
            Kind::Buses => self.base.buses.iter().any(|bus| bus.name.as_str() == name),
        }
    }

    /// Whether there is one, in force or not.
    pub(crate) fn is_there(&self, kind: Kind, name: &str) -> bool {
        let made = match kind {
            Kind::Admins => self.made.admins.keys().any(|known| known.as_str() == name),
            Kind::Users => self.made.users.contains_key(name),
            Kind::Clients => self.made.clients.contains_key(name),
            Kind::Buses => self.made.buses.contains_key(name),
            Kind::Grants => self.made.grants.contains_key(name),
        };
        made || self.is_configured(kind, name)
    }

    /// One of them.
    pub(crate) fn find(&self, kind: Kind, name: &str) -> Option<Shown> {
        match kind {
            Kind::Admins => {
                let (name, person) = self.made.admins.iter().find(|(known, _)| known.as_str() == name)?;
                let json = json!({"name": name.as_str(), "created": shown(person.created)});
                Some(Shown::of(json, &person.password_hash.to_phc()))
            }
            Kind::Users => self.user(name),
            Kind::Clients => self.client(name),
            Kind::Buses => self.bus(name),
            Kind::Grants => self.grant(name),
        }
    }

    /// A part of all of them, in the order of their names; and the name behind which the rest is, if there is a rest.
    pub(crate) fn list(&self, kind: Kind, part: Part<'_>) -> (Vec<Value>, Option<String>) {
        let mut names: Vec<&str> = match kind {
            Kind::Admins => self.made.admins.keys().map(crate::store::AdminName::as_str).collect(),
            Kind::Users => self.in_force.users.iter().map(|user| user.name.as_str()).collect(),
            Kind::Clients => self.made.clients.keys().map(ClientName::as_str).collect(),
            Kind::Buses => self.in_force.buses.iter().map(|bus| bus.name.as_str()).collect(),
            Kind::Grants => self.made.grants.keys().map(GrantId::as_str).collect(),
        };
        names.sort_unstable();
        let mut names = names.into_iter().filter(|name| part.after.is_none_or(|after| *name > after));
        let here: Vec<&str> = names.by_ref().take(part.limit).collect();
        let rest = names.next().and_then(|_| here.last().map(|last| (*last).to_owned()));
        (here.into_iter().filter_map(|name| Some(self.find(kind, name)?.json)).collect(), rest)
    }

    fn user(&self, name: &str) -> Option<Shown> {
        let user = self.in_force.users.iter().find(|user| user.name.as_str() == name)?;
        let is_configured = self.is_configured(Kind::Users, name);
        let made = self.made.users.get(name).filter(|_| !is_configured);
        let mut rights = Map::new();
        for bus in &self.in_force.buses {
            let has =
                |members: &[crate::auth::UserName]| members.iter().any(|member| member.as_str() == name);
            let of_bus = [("post", has(&bus.post)), ("read", has(&bus.read))];
            let of_bus: Vec<_> = of_bus.into_iter().filter(|(_, has)| *has).map(|(right, _)| right).collect();
            if !of_bus.is_empty() {
                rights.insert(bus.name.as_str().to_owned(), json!(of_bus));
            }
        }
        let json = json!({
            "name": name,
            "read_only": is_configured,
            "created": made.map(|person| shown(person.created)),
            "rights": rights,
        });
        Some(Shown::of(json, &user.password_hash.to_phc()))
    }

    fn client(&self, name: &str) -> Option<Shown> {
        let client = self.made.clients.get(name)?;
        let grants = self.made.grants.iter().filter(|(_, grant)| grant.client.as_str() == name);
        let grants: Map<_, _> = grants.map(|(id, grant)| (id.to_string(), json!(buses_of(grant)))).collect();
        let json = json!({
            "name": name,
            "read_only": false,
            "created": shown(client.created),
            "source": client.source.as_str(),
            "redirects": client.redirects.iter().map(ClientUrl::as_str).collect::<Vec<_>>(),
            "grants": grants,
        });
        Some(Shown::of(json, &client.secret_hash.to_phc()))
    }

    fn grant(&self, id: &str) -> Option<Shown> {
        let grant = self.made.grants.get(id)?;
        let by = match &grant.by {
            Grantor::Admin(name) => json!({"admin": name.as_str()}),
            Grantor::Owner(name) => json!({"owner": name.as_str()}),
            Grantor::Process(uid) => json!({"process": uid}),
            Grantor::Program => json!({"program": true}),
        };
        let json = json!({
            "id": id,
            "client": grant.client.as_str(),
            "buses": buses_of(grant),
            "by": by,
            "created": shown(grant.created),
        });
        Some(Shown::of(json, ""))
    }

    fn bus(&self, name: &str) -> Option<Shown> {
        let bus = self.in_force.buses.iter().find(|bus| bus.name.as_str() == name)?;
        let is_configured = self.is_configured(Kind::Buses, name);
        let made = self.made.buses.get(name).filter(|_| !is_configured);
        let json = json!({
            "name": name,
            "read_only": is_configured,
            "created": made.map(|bus| shown(bus.created)),
            "settings": made.map(|bus| bus.settings.json().clone()),
            "in_force": in_force(bus),
        });
        Some(Shown::of(json, ""))
    }
}

impl Shown {
    fn of(json: Value, secret: &str) -> Self {
        // Names and secrets have no line's end in them.
        let hash = digest(&SHA256, format!("{json}\n{secret}").as_bytes());
        let tag = hash.as_ref().get(..TAG).unwrap_or_default();
        Self { tag: format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(tag)), json }
    }
}

/// The buses of a grant, in the order of their names.
pub(super) fn buses_of(grant: &Grant) -> Vec<&str> {
    grant.buses.iter().map(BusName::as_str).collect()
}

/// All settings of a bus by their keys, but for the keys of envelopes, of which it is told how many there are.
fn in_force(bus: &Bus) -> Value {
    let names = |members: &[crate::auth::UserName]| -> Vec<String> {
        members.iter().map(|member| member.as_str().to_owned()).collect()
    };
    let span = |span: Duration| humantime::format_duration(span).to_string();
    json!({
        "post": names(&bus.post),
        "read": names(&bus.read),
        "owner": bus.owner.as_ref().map(crate::auth::UserName::as_str),
        "channel_idle": span(bus.channel_idle),
        "retention": span(bus.retention),
        "retention_max": span(bus.retention_max),
        "window": {"channel": bus.window_channel.get(), "bus": bus.window_bus.get()},
        "allowed_origins": match &bus.allowed_origins {
            AllowedOrigins::Any => vec!["*".to_owned()],
            AllowedOrigins::List(origins) => origins.clone(),
        },
        "jsonp": bus.jsonp,
        "payload": match bus.payload {
            PayloadRule::IJson => "i-json",
            PayloadRule::Any => "any",
        },
        "checks_envelopes": bus.envelopes.verifies(),
        "quota": quota(&bus.quota),
    })
}

/// What is bounded of a bus for itself; what is not there is bounded for all buses alike, or not at all.
fn quota(quota: &Quota) -> Value {
    let rate = |rate: &Option<Rate>| rate.as_ref().map(|rate| Value::from(rate.to_string()));
    let count = |count: Option<usize>| count.map(Value::from);
    let all = [
        ("posts", rate(&quota.posts)),
        ("reads", rate(&quota.reads)),
        ("new_streams", rate(&quota.new_streams)),
        ("channels", count(quota.channels)),
        ("memory", count(quota.memory)),
        ("streams", count(quota.streams)),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect::<Map<_, _>>().into()
}

/// A moment for people (RFC 3339).
fn shown(at: Timestamp) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(at.as_millis())).to_string()
}
