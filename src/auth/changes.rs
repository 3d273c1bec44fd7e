//! What changes for whom between two sets of accounts. Pure.

use std::collections::BTreeSet;

use backplane_actors::BusName;

use super::{Accounts, Right, UserName};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change<'a> {
    /// A user who was not there.
    Added(&'a UserName),
    /// A user who is gone, and all rights with the user.
    Removed(&'a UserName),
    /// Another password hash.
    Password(&'a UserName),
    /// A right that the user did not have.
    Gained(&'a UserName, &'a BusName, Right),
    /// A right that the user has no more.
    Lost(&'a UserName, &'a BusName, Right),
}

impl<'a> Change<'a> {
    /// All of them, users first, each kind in the order of names.
    pub(super) fn between(before: &'a Accounts, after: &'a Accounts) -> Vec<Self> {
        let (old, new) = (users(before), users(after));
        let mut changes: Vec<_> = new.difference(&old).map(|user| Self::Added(user)).collect();
        changes.extend(old.difference(&new).map(|user| Self::Removed(user)));
        let rehashed =
            |user: &UserName| before.password_hash(user.as_str()) != after.password_hash(user.as_str());
        changes.extend(old.intersection(&new).filter(|user| rehashed(user)).map(|user| Self::Password(user)));
        let (old, new) = (rights(before), rights(after));
        changes.extend(new.difference(&old).map(|(user, bus, right)| Self::Gained(user, bus, *right)));
        changes.extend(old.difference(&new).map(|(user, bus, right)| Self::Lost(user, bus, *right)));
        changes
    }
}

fn users(accounts: &Accounts) -> BTreeSet<&UserName> {
    accounts.users().collect()
}

fn rights(accounts: &Accounts) -> BTreeSet<(&UserName, &BusName, Right)> {
    accounts.rights().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng";

    /// A name, its password hash, its rights.
    type Person<'a> = (&'a str, &'a str, &'a [(&'a str, Right)]);

    fn accounts(users: &[Person<'_>]) -> Accounts {
        let mut accounts = Accounts::new();
        for (user, hash, rights) in users {
            let user: UserName = user.parse().unwrap();
            accounts.add(user.clone(), hash.parse().unwrap()).unwrap();
            for (bus, right) in *rights {
                accounts.grant(&user, bus.parse().unwrap(), *right).unwrap();
            }
        }
        accounts
    }

    #[test]
    fn each_change_is_told_once() {
        let other = HASH.replace("t=2", "t=3");
        let before = accounts(&[
            ("alice", HASH, &[("a.com", Right::Read), ("a.com", Right::Post)]),
            ("bob", HASH, &[("a.com", Right::Read)]),
            ("carol", HASH, &[]),
        ]);
        let after = accounts(&[
            ("dora", HASH, &[("b.com", Right::Post)]),
            ("carol", &other, &[]),
            ("alice", HASH, &[("a.com", Right::Read), ("b.com", Right::Read)]),
        ]);
        let [alice, bob, carol, dora] = ["alice", "bob", "carol", "dora"].map(|name| name.parse().unwrap());
        let [a, b] = ["a.com", "b.com"].map(|name| name.parse().unwrap());
        assert_eq!(
            Change::between(&before, &after),
            [
                Change::Added(&dora),
                Change::Removed(&bob),
                Change::Password(&carol),
                Change::Gained(&alice, &b, Right::Read),
                Change::Gained(&dora, &b, Right::Post),
                Change::Lost(&alice, &a, Right::Post),
                Change::Lost(&bob, &a, Right::Read),
            ]
        );
        assert_eq!(Change::between(&after, &after), []);
    }
}
