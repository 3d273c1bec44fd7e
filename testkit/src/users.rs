//! The buses and the users of all servers that tests start.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use backplane::auth::{PasswordHash, UserName};
use backplane::config::User;

/// The bus that most tests use.
pub const BUS: &str = "customer.com";
/// Another one, so that tests can tell them apart.
pub const OTHER_BUS: &str = "other.org";

/// Somebody who may use [`BUS`], or not.
struct Person {
    name: &'static str,
    posts: bool,
    reads: bool,
}

/// Each has the own name, reversed, as password. `alice` alone may use [`OTHER_BUS`].
const PEOPLE: [Person; 4] = [
    Person { name: "alice", posts: true, reads: true },
    Person { name: "poster", posts: true, reads: false },
    Person { name: "reader", posts: false, reads: true },
    Person { name: "nobody", posts: false, reads: false },
];

static HASHES: LazyLock<BTreeMap<&'static str, PasswordHash>> = LazyLock::new(|| {
    PEOPLE.iter().map(|person| (person.name, password_hash(&password_of(person.name)))).collect()
});

/// The password of one of the users.
pub fn password_of(user: &str) -> String {
    user.chars().rev().collect()
}

/// A hash as a configuration file has to have it. Made once per password and process: it takes its time.
pub fn strong_hash(password: &str) -> PasswordHash {
    static MADE: Mutex<BTreeMap<String, PasswordHash>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap();
    made.entry(password.to_owned()).or_insert_with(|| PasswordHash::of(password).unwrap()).clone()
}

/// A real hash at the lowest cost that argon2 has: tests sign in hundreds of times.
pub fn password_hash(password: &str) -> PasswordHash {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    argon2.hash_password(password.as_bytes()).unwrap().to_string().parse().unwrap()
}

/// All of them, for a configuration.
pub(crate) fn all() -> Vec<User> {
    PEOPLE
        .iter()
        .map(|person| User { name: name(person.name), password_hash: HASHES[person.name].clone() })
        .collect()
}

/// Who may post to [`BUS`].
pub(crate) fn posters() -> Vec<UserName> {
    PEOPLE.iter().filter(|person| person.posts).map(|person| name(person.name)).collect()
}

/// Who may read [`BUS`].
pub(crate) fn readers() -> Vec<UserName> {
    PEOPLE.iter().filter(|person| person.reads).map(|person| name(person.name)).collect()
}

/// A user's name.
pub(crate) fn name(text: &str) -> UserName {
    text.parse().unwrap()
}
