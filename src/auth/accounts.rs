//! Users, their password hashes and what they may do on which bus. Built once, then only read.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use backplane_actors::BusName;
use foldhash::fast::RandomState;

use super::{PasswordHash, UserName};

/// What a user can be allowed on a bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Retrieve messages of the bus and of its channels.
    Read,
    /// Post messages.
    Post,
}

impl Right {
    /// `read` or `post`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Post => "post",
        }
    }
}

/// Why an account or a right could not be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountsError {
    /// Two accounts with one name.
    #[error("there are two users named {0}")]
    Duplicate(UserName),
    /// A right for somebody without an account.
    #[error("there is no user named {0}")]
    Unknown(UserName),
}

/// All users. Rights are per bus; what was not granted is refused.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    by_name: HashMap<UserName, Account, RandomState>,
    // The same names in a fixed order, to pick one by number.
    names: Vec<UserName>,
}

#[derive(Debug, Clone)]
struct Account {
    hash: PasswordHash,
    rights: HashMap<BusName, Rights, RandomState>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Rights {
    read: bool,
    post: bool,
}

impl Accounts {
    /// No users.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a user without any right.
    ///
    /// # Errors
    /// [`AccountsError::Duplicate`].
    pub fn add(&mut self, user: UserName, hash: PasswordHash) -> Result<(), AccountsError> {
        match self.by_name.entry(user) {
            Entry::Occupied(taken) => Err(AccountsError::Duplicate(taken.key().clone())),
            Entry::Vacant(free) => {
                self.names.push(free.key().clone());
                free.insert(Account { hash, rights: HashMap::default() });
                Ok(())
            }
        }
    }

    /// Grants a right. Granting it again changes nothing.
    ///
    /// # Errors
    /// [`AccountsError::Unknown`].
    pub fn grant(&mut self, user: &UserName, bus: BusName, right: Right) -> Result<(), AccountsError> {
        let account = self.by_name.get_mut(user).ok_or_else(|| AccountsError::Unknown(user.clone()))?;
        let rights = account.rights.entry(bus).or_default();
        match right {
            Right::Read => rights.read = true,
            Right::Post => rights.post = true,
        }
        Ok(())
    }

    /// Whether the user has this right on this bus. False for users and buses that are not known.
    #[must_use]
    pub fn may(&self, user: &UserName, bus: &BusName, right: Right) -> bool {
        let rights = self.by_name.get(user).and_then(|account| account.rights.get(bus));
        rights.is_some_and(|rights| match right {
            Right::Read => rights.read,
            Right::Post => rights.post,
        })
    }

    /// The names of all users.
    pub fn users(&self) -> impl Iterator<Item = &UserName> {
        self.names.iter()
    }

    /// Every right of every user.
    pub fn rights(&self) -> impl Iterator<Item = (&UserName, &BusName, Right)> {
        self.by_name.iter().flat_map(|(user, account)| {
            account.rights.iter().flat_map(move |(bus, rights)| {
                let read = rights.read.then_some(Right::Read);
                let post = rights.post.then_some(Right::Post);
                read.into_iter().chain(post).map(move |right| (user, bus, right))
            })
        })
    }

    /// Whether all passwords take equally long to check. Where they do not, time tells who has one of the rarer costs.
    #[must_use]
    pub fn cost_alike(&self) -> bool {
        let mut costs = self.by_name.values().map(|account| account.hash.cost());
        let first = costs.next();
        costs.all(|cost| Some(cost) == first)
    }

    /// The password hash of a user.
    #[must_use]
    pub fn password_hash(&self, user: &str) -> Option<&PasswordHash> {
        self.by_name.get(user).map(|account| &account.hash)
    }

    /// The hash of whichever user this number falls on: whoever is nobody is measured against it, so that it
    /// takes as long as for a user who exists. None without users.
    pub(super) fn any_password_hash(&self, number: u64) -> Option<&PasswordHash> {
        let count = u64::try_from(self.names.len()).ok()?;
        let index = usize::try_from(number.checked_rem(count)?).ok()?;
        self.password_hash(self.names.get(index)?.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(output: char) -> PasswordHash {
        let output = output.to_string().repeat(43);
        format!("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ${output}").parse().unwrap()
    }

    fn user(name: &str) -> UserName {
        name.parse().unwrap()
    }

    fn bus(name: &str) -> BusName {
        name.parse().unwrap()
    }

    #[test]
    fn v1_auth_2_only_what_was_granted_is_allowed() {
        let (alice, bob) = (user("alice"), user("bob"));
        let mut accounts = Accounts::new();
        accounts.add(alice.clone(), hash('A')).unwrap();
        accounts.add(bob.clone(), hash('E')).unwrap();
        accounts.grant(&alice, bus("a.com"), Right::Post).unwrap();
        accounts.grant(&alice, bus("b.com"), Right::Read).unwrap();
        accounts.grant(&bob, bus("a.com"), Right::Read).unwrap();
        accounts.grant(&bob, bus("a.com"), Right::Read).unwrap();
        for (who, where_, right, expected) in [
            (&alice, "a.com", Right::Post, true),
            (&alice, "a.com", Right::Read, false),
            (&alice, "b.com", Right::Read, true),
            (&alice, "b.com", Right::Post, false),
            (&alice, "c.com", Right::Read, false),
            (&bob, "a.com", Right::Read, true),
            (&bob, "a.com", Right::Post, false),
            (&user("carol"), "a.com", Right::Read, false),
        ] {
            assert_eq!(accounts.may(who, &bus(where_), right), expected, "{who} {where_} {right:?}");
        }
    }

    #[test]
    fn one_name_one_account() {
        let mut accounts = Accounts::new();
        accounts.add(user("alice"), hash('A')).unwrap();
        assert_eq!(accounts.add(user("alice"), hash('E')), Err(AccountsError::Duplicate(user("alice"))));
        assert_eq!(accounts.password_hash("alice"), Some(&hash('A')));
        assert_eq!(
            accounts.grant(&user("bob"), bus("a.com"), Right::Read),
            Err(AccountsError::Unknown(user("bob")))
        );
    }

    #[test]
    fn hashes_of_different_cost_are_noticed() {
        let costly: PasswordHash =
            "$argon2id$v=19$m=16,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let mut accounts = Accounts::new();
        assert!(accounts.cost_alike());
        accounts.add(user("alice"), hash('A')).unwrap();
        accounts.add(user("bob"), hash('E')).unwrap();
        assert!(accounts.cost_alike());
        accounts.add(user("carol"), costly).unwrap();
        assert!(!accounts.cost_alike());
    }

    #[test]
    fn any_number_falls_on_some_user() {
        let mut accounts = Accounts::new();
        assert_eq!(accounts.any_password_hash(7), None);
        accounts.add(user("alice"), hash('A')).unwrap();
        accounts.add(user("bob"), hash('E')).unwrap();
        assert_eq!(accounts.any_password_hash(0), Some(&hash('A')));
        assert_eq!(accounts.any_password_hash(u64::MAX), Some(&hash('E')));
    }
}
