//! What is made, as a start and the service take it.

use super::outcome::followed;
use super::who::{Who, audit};
use crate::auth::Accounts;
use crate::config::Config;
use crate::service::{self, Client, Clients};
use crate::store::{Made, Store, StoreError};

/// What a store keeps, without the grants that end with this configuration: a start is a new configuration as well.
pub(crate) fn settled(store: &dyn Store, kept: &Made, config: &Config) -> Result<Made, StoreError> {
    let mut made = kept.clone();
    made.settle(config);
    let ended = made.since(kept);
    if !ended.is_empty() {
        store.commit(&ended)?;
        audit(&Who::Configuration, &followed(kept, &made, &[]));
    }
    Ok(made)
}

/// The clients as requests meet them.
pub(super) fn clients_of(made: &Made) -> Clients {
    let clients = made.clients.iter().map(|(name, client)| {
        let secret = client.secret_hash.clone();
        (Client::new(name.clone(), client.source.clone(), client.redirects.clone()), secret)
    });
    let grants = made.grants.iter().map(|(id, grant)| {
        (grant.client.as_str(), service::Grant { id: id.clone(), buses: grant.buses.clone() })
    });
    let tenancies = made.buses.iter().map(|(name, bus)| (name.clone(), bus.tenancy)).collect();
    Clients::new(clients, grants, tenancies)
}

/// The admins, as whoever checks passwords knows them.
pub(super) fn admins_of(made: &Made) -> Accounts {
    let mut accounts = Accounts::new();
    for (name, person) in &made.admins {
        // Names of a map are there once.
        _ = accounts.add(name.account().clone(), person.password_hash.clone());
    }
    accounts
}
