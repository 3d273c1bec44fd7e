//! The form in which entities are kept: JSON, within a file that tells its version.

use std::str::FromStr;

use backplane_actors::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Grant, Grantor, MadeBus, MadeClient, MadePerson, Settings};
use crate::access::Tenancy;
use crate::auth::PasswordHash;

/// The version of all that this file knows: 2 has clients and grants, which a program of version 1 would overlook.
pub(super) const VERSION: u64 = 2;
/// The oldest that is read.
pub(super) const OLDEST: u64 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPerson {
    password_hash: String,
    /// Milliseconds since 1970.
    created: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredBus {
    settings: Map<String, Value>,
    /// Version 1 has none: when a bus was made tells it as well from those before it.
    tenancy: Option<u64>,
    /// Milliseconds since 1970.
    created: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredClient {
    secret_hash: String,
    source: String,
    redirects: Vec<String>,
    /// Milliseconds since 1970.
    created: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredGrant {
    client: String,
    buses: Vec<String>,
    by: StoredGrantor,
    /// Milliseconds since 1970.
    created: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredGrantor {
    Admin(String),
    Owner(String),
    Process(u32),
    Program,
}

pub(super) fn person_to(person: &MadePerson) -> Result<Vec<u8>, String> {
    let stored =
        StoredPerson { password_hash: person.password_hash.to_phc(), created: person.created.as_millis() };
    serde_json::to_vec(&stored).map_err(|error| error.to_string())
}

/// The error tells where something is wrong, and not what is there.
pub(super) fn person_of(bytes: &[u8]) -> Result<MadePerson, String> {
    let stored: StoredPerson = serde_json::from_slice(bytes).map_err(|error| place(&error))?;
    let password_hash = parsed(&stored.password_hash, "a password hash")?;
    Ok(MadePerson { password_hash, created: Timestamp::from_millis(stored.created) })
}

pub(super) fn bus_to(bus: &MadeBus) -> Result<Vec<u8>, String> {
    let (settings, created) = (bus.settings.json().clone(), bus.created.as_millis());
    let stored = StoredBus { settings, tenancy: Some(bus.tenancy.0), created };
    serde_json::to_vec(&stored).map_err(|error| error.to_string())
}

pub(super) fn bus_of(bytes: &[u8]) -> Result<MadeBus, String> {
    let stored: StoredBus = serde_json::from_slice(bytes).map_err(|error| place(&error))?;
    let settings = Settings::new(stored.settings).map_err(|error| error.to_string())?;
    let tenancy = Tenancy(stored.tenancy.unwrap_or(stored.created));
    Ok(MadeBus { settings, tenancy, created: Timestamp::from_millis(stored.created) })
}

pub(super) fn client_to(client: &MadeClient) -> Result<Vec<u8>, String> {
    let stored = StoredClient {
        secret_hash: client.secret_hash.to_phc(),
        source: client.source.to_string(),
        redirects: client.redirects.iter().map(ToString::to_string).collect(),
        created: client.created.as_millis(),
    };
    serde_json::to_vec(&stored).map_err(|error| error.to_string())
}

pub(super) fn client_of(bytes: &[u8]) -> Result<MadeClient, String> {
    let stored: StoredClient = serde_json::from_slice(bytes).map_err(|error| place(&error))?;
    let secret_hash: PasswordHash = parsed(&stored.secret_hash, "a secret's hash")?;
    let redirects = stored.redirects.iter().map(|url| parsed(url, "a redirect URL"));
    Ok(MadeClient {
        secret_hash,
        source: parsed(&stored.source, "a source URL")?,
        redirects: redirects.collect::<Result<_, _>>()?,
        created: Timestamp::from_millis(stored.created),
    })
}

pub(super) fn grant_to(grant: &Grant) -> Result<Vec<u8>, String> {
    let by = match &grant.by {
        Grantor::Admin(name) => StoredGrantor::Admin(name.to_string()),
        Grantor::Owner(name) => StoredGrantor::Owner(name.to_string()),
        Grantor::Process(uid) => StoredGrantor::Process(*uid),
        Grantor::Program => StoredGrantor::Program,
    };
    let stored = StoredGrant {
        client: grant.client.to_string(),
        buses: grant.buses.iter().map(ToString::to_string).collect(),
        by,
        created: grant.created.as_millis(),
    };
    serde_json::to_vec(&stored).map_err(|error| error.to_string())
}

pub(super) fn grant_of(bytes: &[u8]) -> Result<Grant, String> {
    let stored: StoredGrant = serde_json::from_slice(bytes).map_err(|error| place(&error))?;
    let buses = stored.buses.iter().map(|name| parsed(name, "a bus of a grant"));
    let by = match stored.by {
        StoredGrantor::Admin(name) => Grantor::Admin(parsed(&name, "a grantor")?),
        StoredGrantor::Owner(name) => Grantor::Owner(parsed(&name, "a grantor")?),
        StoredGrantor::Process(uid) => Grantor::Process(uid),
        StoredGrantor::Program => Grantor::Program,
    };
    Ok(Grant {
        client: parsed(&stored.client, "a client of a grant")?,
        buses: buses.collect::<Result<_, _>>()?,
        by,
        created: Timestamp::from_millis(stored.created),
    })
}

/// What a text stands for; the error does not repeat it.
fn parsed<T: FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{what} is none"))
}

fn place(error: &serde_json::Error) -> String {
    format!("an entity cannot be read, at byte {}", error.column())
}
