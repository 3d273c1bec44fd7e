//! What is made: names, secrets, settings, grants.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use backplane_actors::{BusName, Timestamp};
use serde_json::{Map, Value};
use toml::Table;

use crate::access::{ClientName, ClientUrl, Tenancy};
use crate::auth::{PasswordHash, UserName, UserNameError};

/// The settings that name members, and the one that names an owner.
const RIGHTS: [&str; 2] = ["post", "read"];
const OWNER: &str = "owner";
/// How deep settings lie within each other: `window.channel` is the deepest.
const DEPTH_MAX: usize = 3;

/// The name of an admin, who makes users and buses. Admins and users have names apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AdminName(UserName);

impl AdminName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name as whoever checks passwords knows it.
    #[must_use]
    pub const fn account(&self) -> &UserName {
        &self.0
    }
}

impl From<UserName> for AdminName {
    fn from(name: UserName) -> Self {
        Self(name)
    }
}

impl FromStr for AdminName {
    type Err = UserNameError;

    fn from_str(text: &str) -> Result<Self, UserNameError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for AdminName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A user or an admin, but for the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadePerson {
    /// Of the password.
    pub password_hash: PasswordHash,
    /// By the wall clock, for people.
    pub created: Timestamp,
}

/// A client of version 2.0, but for its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeClient {
    /// Of the secret.
    pub secret_hash: PasswordHash,
    /// The source of its messages (V2-POST-3).
    pub source: ClientUrl,
    /// Where its users may come back to (V2-AUTHZ-1), each once: at most [`MadeClient::REDIRECTS_MAX`].
    pub redirects: Vec<ClientUrl>,
    /// By the wall clock, for people.
    pub created: Timestamp,
}

impl MadeClient {
    /// Most redirect URLs of a client (I-5).
    pub const REDIRECTS_MAX: usize = 16;
}

/// What a client may use, but for its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose it is.
    pub client: ClientName,
    /// The buses: 1 to [`Grant::BUSES_MAX`].
    pub buses: BTreeSet<BusName>,
    /// Who has given it.
    pub by: Grantor,
    /// By the wall clock, for people.
    pub created: Timestamp,
}

impl Grant {
    /// Most buses of a grant (I-5).
    pub const BUSES_MAX: usize = 255;
}

/// Who has given a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grantor {
    /// An admin. What admins grant outlives them.
    Admin(AdminName),
    /// The owner of the buses: it covers them as long as they are the owner's.
    Owner(UserName),
    /// A process of this user: the command line.
    Process(u32),
    /// The program around the service.
    Program,
}

/// A bus, but for its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeBus {
    /// What was said of it; all else is as `[defaults]` has it.
    pub settings: Settings,
    /// Which bus of its name.
    pub tenancy: Tenancy,
    /// By the wall clock, for people.
    pub created: Timestamp,
}

/// The settings of a bus by the keys of `[[bus]]`, as JSON. Whether they mean something [`crate::config::made_bus`] says.
///
/// `post` and `read` are lists of texts wherever they are there, and nothing is null. `owner` is a user's name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings(Map<String, Value>);

// Numbers of settings are whole: others are refused.
impl Eq for Settings {}

/// Why JSON is no settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A number that no setting has.
    #[error("{0} is a number that no setting has")]
    Number(String),
    /// Deeper than settings lie.
    #[error("{0} lies deeper than any setting")]
    Deep(String),
}

impl SettingsError {
    /// The setting.
    #[must_use]
    pub fn key(&self) -> &str {
        let (Self::Number(key) | Self::Deep(key)) = self;
        key
    }
}

impl Settings {
    /// Takes settings as somebody has sent them. What is null is not set.
    ///
    /// # Errors
    ///
    /// [`SettingsError`].
    pub fn new(given: Map<String, Value>) -> Result<Self, SettingsError> {
        let mut settings = Map::new();
        for (key, value) in given {
            check(&key, &value, 1)?;
            match (key.as_str(), without_nulls(value)) {
                (_, Value::Null) => {}
                // One text stands for a list of one, as in a file.
                ("post" | "read", one @ Value::String(_)) => {
                    settings.insert(key, Value::Array(vec![one]));
                }
                (_, value) => {
                    settings.insert(key, value);
                }
            }
        }
        Ok(Self(settings))
    }

    /// These with changes: what is null is not set any more, objects are changed within (RFC 7396).
    ///
    /// # Errors
    ///
    /// [`SettingsError`].
    pub fn patched(&self, patch: Map<String, Value>) -> Result<Self, SettingsError> {
        let mut settings = self.0.clone();
        patch_into(&mut settings, patch);
        Self::new(settings)
    }

    /// As JSON.
    #[must_use]
    pub const fn json(&self) -> &Map<String, Value> {
        &self.0
    }

    /// As a table of a configuration file.
    #[must_use]
    pub fn table(&self) -> Table {
        self.0.iter().filter_map(|(key, value)| Some((key.clone(), toml_of(value)?))).collect()
    }

    /// The members whom a right names: `post` or `read`.
    pub fn members(&self, right: &str) -> impl Iterator<Item = &str> {
        self.0.get(right).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// Whose bus it is.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.0.get(OWNER).and_then(Value::as_str)
    }

    /// Whether they say anything of this user.
    #[must_use]
    pub fn mention(&self, user: &str) -> bool {
        let is_member = |right| self.members(right).any(|member| member == user);
        RIGHTS.into_iter().any(is_member) || self.owner() == Some(user)
    }

    /// These with only those members that are liked, and with the owner if that one is: asked about with `post`, `read` or `owner`.
    #[must_use]
    pub fn with_people(&self, mut likes: impl FnMut(&str, &str) -> bool) -> Self {
        let mut settings = self.0.clone();
        for right in RIGHTS {
            if let Some(Value::Array(members)) = settings.get_mut(right) {
                members.retain(|member| member.as_str().is_none_or(|member| likes(right, member)));
            }
        }
        if self.owner().is_some_and(|owner| !likes(OWNER, owner)) {
            settings.remove(OWNER);
        }
        Self(settings)
    }
}

fn check(key: &str, value: &Value, depth: usize) -> Result<(), SettingsError> {
    match value {
        Value::Number(number) if number.as_i64().is_none() => Err(SettingsError::Number(key.to_owned())),
        Value::Array(_) | Value::Object(_) if depth > DEPTH_MAX => Err(SettingsError::Deep(key.to_owned())),
        Value::Array(values) => values.iter().try_for_each(|value| check(key, value, depth + 1)),
        Value::Object(values) => values.values().try_for_each(|value| check(key, value, depth + 1)),
        _ => Ok(()),
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(values) => {
            let values = values.into_iter().map(|(key, value)| (key, without_nulls(value)));
            Value::Object(values.filter(|(_, value)| !value.is_null()).collect())
        }
        value => value,
    }
}

fn patch_into(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (key, value) in patch {
        match (target.get_mut(&key), value) {
            (_, Value::Null) => drop(target.remove(&key)),
            (Some(Value::Object(within)), Value::Object(patch)) => patch_into(within, patch),
            (_, value) => drop(target.insert(key, value)),
        }
    }
}

/// Nothing only for what [`check`] refuses.
fn toml_of(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(on) => toml::Value::Boolean(*on),
        Value::Number(number) => toml::Value::Integer(number.as_i64()?),
        Value::String(text) => toml::Value::String(text.clone()),
        Value::Array(values) => toml::Value::Array(
            // A null in a list is no text: it is refused as such.
            values.iter().map(|value| toml_of(value).unwrap_or(toml::Value::Boolean(false))).collect(),
        ),
        Value::Object(values) => toml::Value::Table(
            values.iter().filter_map(|(key, value)| Some((key.clone(), toml_of(value)?))).collect(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn settings(value: &Value) -> Settings {
        Settings::new(map(value)).unwrap()
    }

    #[test]
    fn settings_are_those_of_a_file_as_json() {
        let made = settings(
            &json!({"post": "a", "read": ["a", "b"], "window": {"bus": 5, "channel": null}, "jsonp": null}),
        );
        assert_eq!(
            Value::Object(made.json().clone()),
            json!({"post": ["a"], "read": ["a", "b"], "window": {"bus": 5}})
        );
        assert_eq!(
            made.table(),
            "post = [\"a\"]\nread = [\"a\", \"b\"]\nwindow.bus = 5".parse::<Table>().unwrap()
        );
        assert_eq!(made.members("read").collect::<Vec<_>>(), ["a", "b"]);
        let less = made.with_people(|right, member| (right, member) != ("read", "a"));
        assert_eq!(
            Value::Object(less.json().clone()),
            json!({"post": ["a"], "read": ["b"], "window": {"bus": 5}})
        );
    }

    #[test]
    fn an_owner_is_a_person_like_members() {
        let made = settings(&json!({"post": ["a"], "owner": "b"}));
        assert_eq!(made.owner(), Some("b"));
        assert!(made.mention("a") && made.mention("b") && !made.mention("c"));
        assert_eq!(made.with_people(|_, user| user != "b"), settings(&json!({"post": ["a"]})));
        assert_eq!(made.with_people(|what, _| what == "owner"), settings(&json!({"post": [], "owner": "b"})));
    }

    #[test]
    fn a_patch_is_a_merge_patch() {
        let made = settings(&json!({"post": ["a"], "retention": "10m", "window": {"bus": 5, "channel": 6}}));
        let patch = map(&json!({"post": "b", "retention": null, "window": {"channel": 7}, "jsonp": true}));
        let expected = json!({"post": ["b"], "window": {"bus": 5, "channel": 7}, "jsonp": true});
        assert_eq!(Value::Object(made.patched(patch).unwrap().json().clone()), expected);
    }

    #[test]
    fn what_no_file_could_say_is_refused() {
        let refused = |value| Settings::new(map(&value)).unwrap_err();
        assert_eq!(refused(json!({"window": {"bus": 1.5}})), SettingsError::Number("window".to_owned()));
        assert_eq!(refused(json!({"jsonp": u64::MAX})), SettingsError::Number("jsonp".to_owned()));
        assert_eq!(refused(json!({"post": [[[["a"]]]]})), SettingsError::Deep("post".to_owned()));
    }
}
