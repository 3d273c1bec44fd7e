//! What one order makes of what is made, and which fields are otherwise then. Pure.

use std::collections::{BTreeMap, BTreeSet};

use backplane_actors::{BusName, Timestamp};
use serde_json::Map;

use super::order::{Action, ClientWish, Occasion, Refusal, Wrong};
use crate::access::{ClientName, ClientUrl, GrantId};
use crate::auth::PasswordHash;
use crate::store::{Grant, Made, MadeBus, MadeClient, MadePerson, Settings, SettingsError};

pub(super) fn person<K: Ord + Clone>(
    people: &mut BTreeMap<K, MadePerson>,
    name: &K,
    hash: &PasswordHash,
    now: Timestamp,
) -> (Action, Vec<String>) {
    let before = people.get(name).map(|person| person.created);
    let created = before.unwrap_or(now);
    people.insert(name.clone(), MadePerson { password_hash: hash.clone(), created });
    (if before.is_some() { Action::Change } else { Action::Make }, vec!["password".to_owned()])
}

pub(super) fn bus(
    made: &mut Made,
    name: &BusName,
    settings: Result<Settings, SettingsError>,
    Occasion { now, tenancy }: Occasion,
) -> Result<(Action, Vec<String>), Refusal> {
    let settings = settings.map_err(|error| {
        let wrong = Wrong::new(error.key(), error.to_string(), "what backplane.example.toml shows");
        Refusal::Wrong(vec![wrong])
    })?;
    let before = made.buses.get(name).cloned();
    let empty = Map::new();
    let was = before.as_ref().map_or(&empty, |bus| bus.settings.json());
    let keys: BTreeSet<&String> = was.keys().chain(settings.json().keys()).collect();
    let fields: Vec<String> =
        keys.into_iter().filter(|key| was.get(*key) != settings.json().get(*key)).cloned().collect();
    let action = match &before {
        None => Action::Make,
        Some(_) if fields.is_empty() => Action::Nothing,
        Some(_) => Action::Change,
    };
    let (tenancy, created) = before.map_or((tenancy, now), |bus| (bus.tenancy, bus.created));
    made.buses.insert(name.clone(), MadeBus { settings, tenancy, created });
    Ok((action, fields))
}

/// Puts or patches a client.
pub(super) fn client(
    made: &mut Made,
    name: &ClientName,
    wish: &ClientWish,
    now: Timestamp,
) -> Result<(Action, Vec<String>), Refusal> {
    let before = made.clients.get(name);
    let after = match (wish, before) {
        (ClientWish::Put { secret, source, redirects }, _) => MadeClient {
            secret_hash: secret.clone(),
            source: source.clone(),
            redirects: each_once(redirects),
            created: before.map_or(now, |client| client.created),
        },
        (ClientWish::Patch { secret, source, redirects }, Some(before)) => MadeClient {
            secret_hash: secret.as_ref().unwrap_or(&before.secret_hash).clone(),
            source: source.as_ref().unwrap_or(&before.source).clone(),
            redirects: redirects.as_deref().map_or_else(|| before.redirects.clone(), each_once),
            created: before.created,
        },
        (ClientWish::Patch { .. } | ClientWish::Revoke(_) | ClientWish::Remove, _) => {
            return Err(Refusal::Unknown);
        }
    };
    if after.redirects.len() > MadeClient::REDIRECTS_MAX {
        let allowed = format!("at most {} URLs", MadeClient::REDIRECTS_MAX);
        let reason = format!("holds {} URLs", after.redirects.len());
        return Err(Refusal::Wrong(vec![Wrong::new("redirects", reason, allowed)]));
    }
    let differs = |of: fn(&MadeClient, &MadeClient) -> bool| before.is_none_or(|before| of(before, &after));
    let fields = [
        ("secret", differs(|one, other| one.secret_hash != other.secret_hash)),
        ("source", differs(|one, other| one.source != other.source)),
        ("redirects", differs(|one, other| one.redirects != other.redirects)),
    ];
    let fields: Vec<_> =
        fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()).collect();
    let action = match before {
        None => Action::Make,
        Some(_) if fields.is_empty() => Action::Nothing,
        Some(_) => Action::Change,
    };
    made.clients.insert(name.clone(), after);
    Ok((action, fields))
}

fn each_once(urls: &[ClientUrl]) -> Vec<ClientUrl> {
    let mut seen = BTreeSet::new();
    urls.iter().filter(|url| seen.insert(*url)).cloned().collect()
}

/// Takes these buses out of all grants of a client.
pub(super) fn revoke(
    made: &mut Made,
    client: &ClientName,
    buses: &BTreeSet<BusName>,
) -> (Action, Vec<String>) {
    let mut is_other = false;
    made.grants.retain(|_, grant| {
        if grant.client == *client {
            let count = grant.buses.len();
            grant.buses.retain(|bus| !buses.contains(bus));
            is_other |= grant.buses.len() < count;
        }
        !grant.buses.is_empty()
    });
    if is_other { (Action::Change, vec!["grants".to_owned()]) } else { (Action::Nothing, Vec::new()) }
}

/// Gives a grant.
pub(super) fn grant(made: &mut Made, id: &GrantId, grant: Grant) -> Result<(Action, Vec<String>), Refusal> {
    if !(1..=Grant::BUSES_MAX).contains(&grant.buses.len()) {
        let allowed = format!("1 to {} names of buses", Grant::BUSES_MAX);
        let reason = format!("holds {} names", grant.buses.len());
        return Err(Refusal::Wrong(vec![Wrong::new("buses", reason, allowed)]));
    }
    made.grants.insert(id.clone(), grant);
    Ok((Action::Make, vec!["client".to_owned(), "buses".to_owned()]))
}
