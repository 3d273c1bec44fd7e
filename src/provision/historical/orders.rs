//! The orders that historical calls are. Passwords and secrets are hashed here, which takes its time.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::super::kind::Kind;
use super::super::order::{BusWish, ClientWish, GrantWish, OnlyIf, Order, PersonWish};
use super::super::random;
use super::super::resources::hashed;
use super::calls::{Named, Wanted};
use super::version::Version;
use super::words;
use crate::auth::PasswordHash;
use crate::store::Grantor;

/// Each of these is from now on as it is said here.
pub(super) fn updates(version: Version, kind: Kind, configs: Vec<Named>) -> Vec<Wanted> {
    configs.into_iter().map(|(name, config)| (update(version, kind, &name, config), name)).collect()
}

fn update(version: Version, kind: Kind, name: &str, mut config: Map<String, Value>) -> Result<Order, String> {
    let only_if = OnlyIf::Always;
    match kind {
        Kind::Users => {
            let secret = secret(&mut config)?;
            words::nothing_left(&config, &[words::USER])?;
            Ok(Order::User { name: parsed(name)?, wish: PersonWish::Password(secret), only_if })
        }
        Kind::Clients => {
            let secret = secret(&mut config)?;
            let (source, redirects) = words::urls_of(&config)?;
            Ok(Order::Client {
                name: parsed(name)?,
                wish: ClientWish::Put { secret, source, redirects },
                only_if,
            })
        }
        Kind::Buses => {
            let wish = BusWish::Patch(words::patch_of(version, &config)?);
            Ok(Order::Bus { name: parsed(name)?, wish, only_if })
        }
        Kind::Admins | Kind::Grants => Err(version.calls().to_owned()),
    }
}

/// These are to be no more.
pub(super) fn deletions(kind: Kind, names: Vec<String>) -> Vec<Wanted> {
    names.into_iter().map(|name| (deletion(kind, &name), name)).collect()
}

fn deletion(kind: Kind, name: &str) -> Result<Order, String> {
    let only_if = OnlyIf::Always;
    Ok(match kind {
        Kind::Users => Order::User { name: parsed(name)?, wish: PersonWish::Remove, only_if },
        Kind::Clients => Order::Client { name: parsed(name)?, wish: ClientWish::Remove, only_if },
        Kind::Buses => Order::Bus { name: parsed(name)?, wish: BusWish::Remove, only_if },
        Kind::Admins => Order::Admin { name: parsed(name)?, wish: PersonWish::Remove, only_if },
        Kind::Grants => Order::Grant { id: parsed(name)?, wish: GrantWish::Remove, only_if },
    })
}

/// The client may use these buses.
pub(super) fn grant(client: String, buses: &str, by: &Grantor) -> Wanted {
    let order = |client: &str| {
        let client = words::client_of(client)?;
        let wish = GrantWish::Make { client, buses: words::buses_of(buses)?, by: by.clone() };
        let id = random::grant_id().map_err(|_| "the grant could not be given an id".to_owned())?;
        Ok(Order::Grant { id, wish, only_if: OnlyIf::Absent })
    };
    (order(&client), client)
}

/// The client may not use these buses any more, by whatever grant.
pub(super) fn revocation(client: String, buses: &str) -> Wanted {
    let order = |client: &str| {
        let name = words::client_of(client)?;
        Ok(Order::Client { name, wish: ClientWish::Revoke(words::buses_of(buses)?), only_if: OnlyIf::There })
    };
    (order(&client), client)
}

fn parsed<T: FromStr<Err: Display>>(name: &str) -> Result<T, String> {
    name.parse().map_err(|error: T::Err| error.to_string())
}

/// The hash of the password or secret that comes in the clear.
fn secret(config: &mut Map<String, Value>) -> Result<PasswordHash, String> {
    let Some(Value::String(secret)) = config.remove(words::PASSWORD) else {
        return Err(format!("{}: is missing", words::PASSWORD));
    };
    hashed(words::PASSWORD, &Zeroizing::new(secret)).map_err(|problem| problem.detail().to_owned())
}
