//! All that is made, and the difference between two states of it. Pure.

use std::collections::BTreeMap;

use backplane_actors::BusName;

use super::{AdminName, Grant, MadeBus, MadeClient, MadePerson};
use crate::access::{ClientName, GrantId};
use crate::auth::UserName;

/// All that is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Made {
    /// Who makes the others.
    pub admins: BTreeMap<AdminName, MadePerson>,
    /// Who may come in, beside those of the configuration.
    pub users: BTreeMap<UserName, MadePerson>,
    /// The clients of version 2.0.
    pub clients: BTreeMap<ClientName, MadeClient>,
    /// The buses beside those of the configuration.
    pub buses: BTreeMap<BusName, MadeBus>,
    /// What clients may use.
    pub grants: BTreeMap<GrantId, Grant>,
}

/// One entity is from now on as it is here, or is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An admin.
    Admin(AdminName, Option<MadePerson>),
    /// A user.
    User(UserName, Option<MadePerson>),
    /// A client.
    Client(ClientName, Option<MadeClient>),
    /// A bus.
    Bus(BusName, Option<MadeBus>),
    /// A grant.
    Grant(GrantId, Option<Grant>),
}

impl Made {
    /// Makes a change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Admin(name, entity) => put(&mut self.admins, name, entity),
            Change::User(name, entity) => put(&mut self.users, name, entity),
            Change::Client(name, entity) => put(&mut self.clients, name, entity),
            Change::Bus(name, entity) => put(&mut self.buses, name, entity),
            Change::Grant(id, entity) => put(&mut self.grants, id, entity),
        }
    }

    /// What makes this of what was before: nothing for what is as it was.
    #[must_use]
    pub fn since(&self, before: &Self) -> Vec<Change> {
        let admins =
            differing(&before.admins, &self.admins).map(|(name, entity)| Change::Admin(name, entity));
        let users = differing(&before.users, &self.users).map(|(name, entity)| Change::User(name, entity));
        let clients =
            differing(&before.clients, &self.clients).map(|(name, entity)| Change::Client(name, entity));
        let buses = differing(&before.buses, &self.buses).map(|(name, entity)| Change::Bus(name, entity));
        let grants = differing(&before.grants, &self.grants).map(|(id, entity)| Change::Grant(id, entity));
        admins.chain(users).chain(clients).chain(buses).chain(grants).collect()
    }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

fn differing<'a, K: Ord + Clone, V: PartialEq + Clone>(
    before: &'a BTreeMap<K, V>,
    after: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (K, Option<V>)> + 'a {
    let gone = before.keys().filter(|key| !after.contains_key(key)).map(|key| (key.clone(), None));
    let here = after.iter().filter(|(key, value)| before.get(key) != Some(value));
    gone.chain(here.map(|(key, value)| (key.clone(), Some(value.clone()))))
}
