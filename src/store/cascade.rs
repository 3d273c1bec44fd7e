//! What grants may cover. Pure.
//!
//! A grant names a client and buses that are there, and an owner's grant only buses that the owner owns. What is not so any more ends with the change
//! that ends it, in the same transaction: a name that is made again is covered by no grant of before. This holds for buses and users of the
//! configuration as well: what it no longer has when it is read is gone.

use std::collections::{HashMap, HashSet};

use backplane_actors::BusName;

use super::{Grant, Grantor, Made};
use crate::access::ClientName;
use crate::auth::UserName;
use crate::config::Config;

/// Which buses there are, and whose each of them is.
#[derive(Debug)]
pub(crate) struct Estate<'a>(HashMap<&'a str, Option<&'a str>>);

impl<'a> Estate<'a> {
    /// Of what is made beside this configuration. Where both have a bus, the configuration's counts.
    pub(crate) fn of(config: &'a Config, made: &'a Made) -> Self {
        let configured: HashSet<&str> = config.users.iter().map(|user| user.name.as_str()).collect();
        let is_user = |name: &str| made.users.contains_key(name) || configured.contains(name);
        let made = made
            .buses
            .iter()
            .map(|(name, bus)| (name.as_str(), bus.settings.owner().filter(|owner| is_user(owner))));
        let configured =
            config.buses.iter().map(|bus| (bus.name.as_str(), bus.owner.as_ref().map(UserName::as_str)));
        Self(made.chain(configured).collect())
    }

    /// Whether there is such a bus.
    pub(crate) fn has(&self, bus: &BusName) -> bool {
        self.0.contains_key(bus.as_str())
    }

    /// Whether a grant of this grantor may cover the bus.
    pub(crate) fn lets(&self, by: &Grantor, bus: &BusName) -> bool {
        match (self.0.get(bus.as_str()), by) {
            (None, _) => false,
            (Some(owner), Grantor::Owner(name)) => *owner == Some(name.as_str()),
            (Some(_), Grantor::Admin(_) | Grantor::Process(_) | Grantor::Program) => true,
        }
    }
}

impl Made {
    /// Takes out of grants what they may not cover with this configuration, and grants that cover nothing or are nobody's.
    pub fn settle(&mut self, config: &Config) {
        let mut grants = std::mem::take(&mut self.grants);
        let estate = Estate::of(config, self);
        grants.retain(|_, Grant { client, buses, by, .. }| {
            buses.retain(|bus| estate.lets(by, bus));
            !buses.is_empty() && self.clients.contains_key(client)
        });
        self.grants = grants;
    }

    /// Takes a client away, with all that it was granted.
    pub fn remove_client(&mut self, client: &ClientName) {
        self.clients.remove(client);
        self.grants.retain(|_, grant| grant.client != *client);
    }

    /// Takes a bus away, out of all grants too.
    pub fn remove_bus(&mut self, bus: &BusName) {
        self.buses.remove(bus);
        self.grants.retain(|_, grant| {
            grant.buses.remove(bus);
            !grant.buses.is_empty()
        });
    }

    /// Takes a user away, with all rights: buses lose their owner, and what that owner granted ends.
    pub fn remove_user(&mut self, user: &UserName) {
        self.users.remove(user);
        for bus in self.buses.values_mut().filter(|bus| bus.settings.mention(user.as_str())) {
            bus.settings = bus.settings.with_people(|_, member| member != user.as_str());
        }
        self.grants.retain(|_, grant| !matches!(&grant.by, Grantor::Owner(owner) if owner == user));
    }

    /// Has this bus be as it was before, with what was granted of it.
    pub(crate) fn restore_bus(&mut self, bus: &BusName, before: &Self) {
        match before.buses.get(bus) {
            Some(made) => drop(self.buses.insert(bus.clone(), made.clone())),
            None => drop(self.buses.remove(bus)),
        }
        for (id, grant) in before.grants.iter().filter(|(_, grant)| grant.buses.contains(bus)) {
            let restored =
                self.grants.entry(id.clone()).or_insert_with(|| Grant { buses: [].into(), ..grant.clone() });
            restored.buses.insert(bus.clone());
        }
    }
}
