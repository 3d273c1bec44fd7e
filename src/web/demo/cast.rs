//! Who there is in the demonstration beside its user: an admin, and three vendors that are clients of version 2.0. All of them have the
//! password of the user, which everybody knows; the demonstration answers this machine alone, and forgets what is made.

use std::collections::BTreeSet;

use backplane_actors::{BusName, Timestamp};

use crate::access::{ClientName, ClientUrl, GrantId};
use crate::auth::{PasswordHash, UserName};
use crate::store::{AdminName, Grant, Grantor, Made, MadeClient, MadePerson};

/// The vendor at whose widget people sign in.
pub(super) const LOGIN: &str = "login.example";

/// The vendors: the names of their clients, their sources, and the ids of their grants. Nothing is kept, so that ids may come again.
pub(super) const VENDORS: [(&str, &str, &str); 3] = [
    (LOGIN, "http://login.example/", "demonstration-of-login"),
    ("comments.example", "http://comments.example/", "demonstration-comments"),
    ("share.example", "http://share.example/", "demonstration-of-share"),
];

/// All of them. The vendors may use these buses.
pub(crate) fn cast<'u>(
    users: impl IntoIterator<Item = (&'u UserName, &'u PasswordHash)>,
    buses: &BTreeSet<BusName>,
) -> Made {
    let created = Timestamp::from_millis(0);
    let mut made = Made::default();
    for (name, password_hash) in users {
        let person = MadePerson { password_hash: password_hash.clone(), created };
        made.admins.insert(AdminName::from(name.clone()), person);
        for (client, source, id) in VENDORS {
            let names = (client.parse::<ClientName>(), source.parse::<ClientUrl>(), id.parse::<GrantId>());
            // A test parses all of them.
            let (Ok(client), Ok(source), Ok(id)) = names else { continue };
            let (buses, by) = (buses.clone(), Grantor::Program);
            made.grants.insert(id, Grant { client: client.clone(), buses, by, created });
            let secret_hash = password_hash.clone();
            made.clients.insert(client, MadeClient { secret_hash, source, redirects: Vec::new(), created });
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn all_vendors_are_there_with_a_grant_each() {
        let config = Config::demo().unwrap();
        let buses: BTreeSet<BusName> = config.buses.iter().map(|bus| bus.name.clone()).collect();
        let users = config.users.iter().map(|user| (&user.name, &user.password_hash));
        let made = cast(users, &buses);
        assert_eq!((made.admins.len(), made.clients.len(), made.grants.len()), (1, 3, 3));
        for grant in made.grants.values() {
            assert!(made.clients.contains_key(&grant.client) && grant.buses == buses);
        }
        assert!(made.users.is_empty() && made.buses.is_empty());
    }
}
