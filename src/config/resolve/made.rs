//! Buses that are made at run time, judged as if they stood in a file.

use backplane_actors::BusName;
use toml::{Table, Value};

use super::super::check;
use super::super::error::{ConfigError, ConfigErrors, Origin, Problems};
use super::super::layers::Layers;
use super::super::read::Reader;
use super::super::resolved::{Bus, User};
use super::Judge;
use super::bus::{Policy, WrittenBus};

/// Where the only bus of a request stands, as paths have it.
const HERE: &str = "bus[0].";

/// What holds for every bus that does not say otherwise: `[defaults]`, of use to [`made_bus`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults(Policy);

impl Defaults {
    pub(super) fn new(policy: Policy) -> Self {
        Self(policy)
    }
}

/// A bus of this name with these settings: the keys of `[[bus]]` in a file, but for its name, with the same bounds and the same
/// refusals. It may be without posters.
///
/// ```
/// use backplane::config::{Config, made_bus};
/// let config = Config::demo()?;
/// let made = made_bus(&"customer.com".parse()?, "retention = \"10m\"".parse()?, &config.defaults, &config.users)?;
/// assert_eq!(made.retention.as_secs(), 600);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// All that is wrong; keys are named without the bus.
pub fn made_bus(
    name: &BusName,
    settings: Table,
    defaults: &Defaults,
    users: &[User],
) -> Result<Bus, ConfigErrors> {
    judged(name, settings, &defaults.0, users).map_err(ConfigErrors::map_keys)
}

fn judged(
    name: &BusName,
    mut settings: Table,
    defaults: &Policy,
    users: &[User],
) -> Result<Bus, ConfigErrors> {
    let (mut layers, mut problems) = (Layers::default(), Problems::default());
    // A refusal that concerns two keys names the one that was given.
    for key in settings.keys() {
        layers.arriving(&format!("{HERE}{key}"), Origin::Request);
    }
    if settings.contains_key("name") {
        let allowed = "to leave it out: the bus has its name already".to_owned();
        problems.add(layers.wrong(&format!("{HERE}name"), "is no setting".to_owned(), allowed));
    }
    settings.insert("name".to_owned(), Value::from(name.as_str()));
    settings.entry("post").or_insert_with(|| Value::Array(Vec::new()));
    let file = Table::from_iter([("bus".to_owned(), Value::Array(vec![Value::Table(settings)]))]);
    layers.values = check::table(&layers, file, &mut problems);
    let mut reader = Reader::new(layers, problems);
    let written = WrittenBus::read(&mut reader, 0, defaults)?;
    let mut judge = Judge { may_be_without_posters: true, ..Judge::new(reader.finish()?) };
    let bus = judge.bus(0, written, users);
    judge.problems.check()?;
    bus.ok_or_else(|| {
        let reason = "could not be judged".to_owned();
        judge.layers.wrong("bus", reason, "what backplane.example.toml shows".to_owned()).into()
    })
}

impl ConfigErrors {
    /// The same about the settings of the one bus that was asked about: whoever sent them knows where they come from.
    fn map_keys(self) -> Self {
        self.map(|error| match error {
            ConfigError::Value { key, reason, allowed, .. } => {
                ConfigError::Value { key: bare(&key), origin: None, reason, allowed }
            }
            ConfigError::Unknown { key, hint, allowed, .. } => ConfigError::Value {
                key: bare(&key),
                origin: None,
                reason: format!("unknown key{hint}"),
                allowed,
            },
            other => other,
        })
    }
}

fn bare(key: &str) -> String {
    key.strip_prefix(HERE).unwrap_or(key).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn made(settings: &str) -> Result<Bus, String> {
        let config = Config::demo().unwrap();
        let name = "customer.com".parse().unwrap();
        made_bus(&name, settings.parse().unwrap(), &config.defaults, &config.users)
            .map_err(|errors| errors.to_string())
    }

    #[test]
    fn a_bus_that_says_nothing_is_as_the_defaults_have_it_and_nobody_posts() {
        let demo = Config::demo().unwrap().buses.remove(0);
        let expected = Bus { name: "customer.com".parse().unwrap(), post: vec![], read: vec![], ..demo };
        assert_eq!(made(""), Ok(expected));
    }

    #[test]
    fn what_a_file_refuses_is_refused_in_the_same_words_with_bare_keys() {
        for (settings, refusal) in [
            (
                "retention = \"1m\"",
                "retention: \"1m\" is too little; allowed: a duration from \"1m 1s\" to \"30days\"",
            ),
            (
                "retension = 1",
                "retension: unknown key, did you mean retention?; allowed: name, post, read, owner, channel_idle, retention, retention_max, window, allowed_origins, jsonp, payload, envelope_keys, require_envelope, quota",
            ),
            ("post = \"eve\"", "post: there is no user \"eve\"; allowed: demo"),
            (
                "retention_max = \"10m\"",
                "retention_max: is below retention, which is 30m; allowed: retention or more",
            ),
            ("name = \"b\"", "name: is no setting; allowed: to leave it out: the bus has its name already"),
            (
                "require_envelope = true",
                "require_envelope: is true, and there are no envelope_keys; allowed: false, or true with envelope_keys",
            ),
            (
                "window.channel = 0",
                "window.channel: 0 is too little; allowed: a whole number from 1 to 1000000",
            ),
        ] {
            assert_eq!(made(settings), Err(refusal.to_owned()), "{settings}");
        }
    }
}
