//! What orders make of all that is made: all of them together, or none. Pure: the moment is an argument.

use std::collections::BTreeSet;

use backplane_actors::BusName;

use super::books::Books;
use super::kind::Kind;
use super::order::{
    Action, BusWish, ClientWish, Done, GrantWish, Occasion, OnlyIf, Order, Outcome, PersonWish, Refusal,
    Wrong,
};
use super::put;
use crate::config::{Config, ConfigError, Provision, User, made_bus};
use crate::store::{Estate, Grant, Made, MadeBus, Settings};

/// Carries out all of these orders.
///
/// # Errors
///
/// For each order why not, or nothing where others are in its way: nothing is done then.
pub(crate) fn carry_out(
    books: &Books<'_>,
    orders: &[Order],
    occasion: Occasion,
) -> Result<Outcome, Vec<Option<Refusal>>> {
    let mut made = books.made.clone();
    // The configuration may have lost something while nobody looked: whatever is made now, no grant of before covers it.
    made.settle(books.base);
    let mut results: Vec<_> =
        orders.iter().map(|order| order.carry_out(books, &mut made, occasion)).collect();
    // What is judged is what comes of all of them together.
    let users = known_users(books.base, &made);
    let estate = Estate::of(books.base, &made);
    for (order, result) in orders.iter().zip(&mut results) {
        if result.is_ok()
            && let Err(refusal) = order.judge(books.base, &made, &users, &estate)
        {
            *result = Err(refusal);
        }
    }
    for kind in Kind::ALL {
        bound(orders, &mut results, kind, (books.made, &made), &books.base.provision);
    }
    if results.iter().all(Result::is_ok) {
        let done: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
        made.settle(books.base);
        let followed = followed(books.made, &made, &done);
        return Ok(Outcome { made, done, followed });
    }
    Err(results.into_iter().map(Result::err).collect())
}

/// The grants that ended, or cover other buses, beside those that somebody ordered something of.
pub(crate) fn followed(before: &Made, after: &Made, ordered: &[Done]) -> Vec<Done> {
    let is_ordered = |id: &str| ordered.iter().any(|done| done.kind == Kind::Grants && done.name == id);
    let grants = before.grants.iter().filter(|(id, _)| !is_ordered(id.as_str()));
    let others = grants.filter_map(|(id, grant)| match after.grants.get(id) {
        Some(now) if now.buses == grant.buses => None,
        Some(_) => Some((Action::Change, id)),
        None => Some((Action::Remove, id)),
    });
    let done = others.map(|(action, id)| {
        let fields = if action == Action::Change { vec!["buses".to_owned()] } else { Vec::new() };
        Done { action, kind: Kind::Grants, name: id.to_string(), fields }
    });
    done.collect()
}

/// Refuses whoever would be one too many.
fn bound(
    orders: &[Order],
    results: &mut [Result<Done, Refusal>],
    kind: Kind,
    (before, after): (&Made, &Made),
    most: &Provision,
) {
    let of = |made: &Made| match kind {
        // Whoever may make them may do everything.
        Kind::Admins => (0, "", usize::MAX),
        Kind::Users => (made.users.len(), "provision.users", most.users),
        Kind::Clients => (made.clients.len(), "provision.clients", most.clients),
        Kind::Buses => (made.buses.len(), "provision.buses", most.buses),
        Kind::Grants => (made.grants.len(), "provision.grants", most.grants),
    };
    let ((before, ..), (after, setting, most)) = (of(before), of(after));
    if after <= most || after <= before {
        return;
    }
    for (order, result) in orders.iter().zip(results) {
        if order.kind() == kind && result.as_ref().is_ok_and(|done| done.action == Action::Make) {
            *result = Err(Refusal::TooMany { setting, most });
        }
    }
}

fn known_users(base: &Config, made: &Made) -> Vec<User> {
    let names: BTreeSet<_> = base.users.iter().map(|user| user.name.as_str()).collect();
    let made = made.users.iter().filter(|(name, _)| !names.contains(name.as_str()));
    let made =
        made.map(|(name, person)| User { name: name.clone(), password_hash: person.password_hash.clone() });
    base.users.iter().cloned().chain(made).collect()
}

fn judge_bus(base: &Config, name: &BusName, bus: &MadeBus, users: &[User]) -> Result<(), Refusal> {
    made_bus(name, bus.settings.table(), &base.defaults, users).map(drop).map_err(|errors| {
        let wrongs = errors.iter().map(|error| match error {
            ConfigError::Value { key, reason, allowed, .. } => {
                Wrong { field: key.clone(), reason: reason.clone(), allowed: allowed.clone() }
            }
            other => Wrong { field: String::new(), reason: other.to_string(), allowed: String::new() },
        });
        Refusal::Wrong(wrongs.collect())
    })
}

fn judge_grant(grant: &Grant, made: &Made, estate: &Estate<'_>) -> Result<(), Refusal> {
    if !made.clients.contains_key(&grant.client) {
        return Err(Refusal::Stranger(Kind::Clients, grant.client.to_string()));
    }
    known_buses(&grant.buses, estate)?;
    match grant.buses.iter().find(|bus| !estate.lets(&grant.by, bus)) {
        Some(bus) => Err(Refusal::NotOwned(bus.clone())),
        None => Ok(()),
    }
}

fn known_buses(buses: &BTreeSet<BusName>, estate: &Estate<'_>) -> Result<(), Refusal> {
    match buses.iter().find(|bus| !estate.has(bus)) {
        Some(bus) => Err(Refusal::Stranger(Kind::Buses, bus.to_string())),
        None => Ok(()),
    }
}

impl Order {
    fn carry_out(&self, books: &Books<'_>, made: &mut Made, occasion: Occasion) -> Result<Done, Refusal> {
        self.check(books)?;
        let now = occasion.now;
        let (action, fields) = match self {
            Self::Admin { name, wish, .. } => match wish {
                PersonWish::Password(hash) => put::person(&mut made.admins, name, hash, now),
                PersonWish::Remove => removed(made.admins.remove(name).is_some()),
            },
            Self::User { name, wish, .. } => match wish {
                PersonWish::Password(hash) => put::person(&mut made.users, name, hash, now),
                PersonWish::Remove => {
                    let is_there = made.users.contains_key(name);
                    made.remove_user(name);
                    removed(is_there)
                }
            },
            Self::Client { name, wish, .. } => match wish {
                ClientWish::Remove => {
                    let is_there = made.clients.contains_key(name);
                    made.remove_client(name);
                    removed(is_there)
                }
                ClientWish::Revoke(buses) => put::revoke(made, name, buses),
                wish => put::client(made, name, wish, now)?,
            },
            Self::Bus { name, wish, .. } => match wish {
                BusWish::Put(settings) => put::bus(made, name, Settings::new(settings.clone()), occasion)?,
                BusWish::Patch(patch) => {
                    let before = made.buses.get(name).map(|bus| bus.settings.clone()).unwrap_or_default();
                    put::bus(made, name, before.patched(patch.clone()), occasion)?
                }
                BusWish::Remove => {
                    let is_there = made.buses.contains_key(name);
                    made.remove_bus(name);
                    removed(is_there)
                }
            },
            Self::Grant { id, wish, .. } => match wish {
                GrantWish::Make { client, buses, by } => {
                    let grant =
                        Grant { client: client.clone(), buses: buses.clone(), by: by.clone(), created: now };
                    put::grant(made, id, grant)?
                }
                GrantWish::Remove => removed(made.grants.remove(id).is_some()),
            },
        };
        Ok(Done { action, kind: self.kind(), name: self.name().to_owned(), fields })
    }

    /// Whether what came of the order, and of those beside it, is good.
    fn judge(&self, base: &Config, made: &Made, users: &[User], estate: &Estate<'_>) -> Result<(), Refusal> {
        match self {
            Self::Bus { name, .. } => match made.buses.get(name) {
                Some(bus) => judge_bus(base, name, bus, users),
                None => Ok(()),
            },
            Self::Grant { id, .. } => match made.grants.get(id) {
                Some(grant) => judge_grant(grant, made, estate),
                None => Ok(()),
            },
            Self::Client { wish: ClientWish::Revoke(buses), .. } => known_buses(buses, estate),
            Self::Admin { .. } | Self::User { .. } | Self::Client { .. } => Ok(()),
        }
    }

    /// Whether the order may be carried out, as far as that is told before.
    fn check(&self, books: &Books<'_>) -> Result<(), Refusal> {
        let is_there = books.is_there(self.kind(), self.name());
        let has_tag = |tags: &[String]| {
            books.find(self.kind(), self.name()).is_some_and(|shown| tags.contains(&shown.tag))
        };
        match self.only_if() {
            OnlyIf::Absent if is_there => return Err(Refusal::Exists),
            OnlyIf::There if !is_there => return Err(Refusal::Unknown),
            OnlyIf::Tagged(tags) if !has_tag(tags) => return Err(Refusal::Changed),
            _ => {}
        }
        if books.is_configured(self.kind(), self.name()) { Err(Refusal::ReadOnly) } else { Ok(()) }
    }
}

fn removed(was_there: bool) -> (Action, Vec<String>) {
    (if was_there { Action::Remove } else { Action::Nothing }, Vec::new())
}
