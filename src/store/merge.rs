//! What is made beside what is configured: together they are what is in force. Pure.

use std::collections::HashSet;
use std::fmt;

use backplane_actors::BusName;

use super::{Made, MadeBus};
use crate::auth::UserName;
use crate::config::{Bus, Config, ConfigErrors, User, made_bus};

/// What is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The configuration, with the users and buses that were made behind its own.
    pub config: Config,
    /// What was made and is not in force.
    pub notes: Vec<Note>,
}

/// Something that was made and is not in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The configuration has a user of this name, and it wins.
    User(UserName),
    /// The configuration has a bus of this name, and it wins.
    Bus(BusName),
    /// A bus gives a right to somebody who was configured and is no more.
    Member(BusName, String),
    /// A bus belongs to somebody who was configured and is no more.
    Owner(BusName, String),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(
                f,
                "the user {:?} is in the configuration and was made at run time as well: the configuration's is in force",
                name.as_str()
            ),
            Self::Bus(name) => write!(
                f,
                "the bus {name} is in the configuration and was made at run time as well: the configuration's is in force"
            ),
            Self::Member(bus, user) => write!(
                f,
                "the bus {bus}, made at run time, gives a right to {user:?}, and there is no such user: nobody has that right"
            ),
            Self::Owner(bus, user) => write!(
                f,
                "the bus {bus}, made at run time, belongs to {user:?}, and there is no such user: nobody owns it"
            ),
        }
    }
}

/// Why what was made and what is configured do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the bus {bus}, made at run time, does not go with this configuration: {errors}")]
pub struct MergeError {
    /// The bus.
    pub bus: BusName,
    /// What is wrong with it.
    pub errors: ConfigErrors,
}

/// Puts what was made beside what is configured. Where both have a name, the configuration wins.
///
/// # Errors
///
/// [`MergeError`]: a bus that was good when it was made is not, with the defaults of this configuration.
pub fn merge(config: &Config, made: &Made) -> Result<Merged, MergeError> {
    let mut config = config.clone();
    let mut notes = Vec::new();
    let configured: HashSet<_> = config.users.iter().map(|user| user.name.clone()).collect();
    for (name, person) in &made.users {
        if configured.contains(name) {
            notes.push(Note::User(name.clone()));
        } else {
            config.users.push(User { name: name.clone(), password_hash: person.password_hash.clone() });
        }
    }
    let configured: HashSet<_> = config.buses.iter().map(|bus| bus.name.clone()).collect();
    for (name, bus) in &made.buses {
        if configured.contains(name) {
            notes.push(Note::Bus(name.clone()));
        } else {
            let bus = in_force(&config, name, bus, &mut notes)?;
            config.buses.push(bus);
        }
    }
    Ok(Merged { config, notes })
}

fn in_force(
    config: &Config,
    name: &BusName,
    bus: &MadeBus,
    notes: &mut Vec<Note>,
) -> Result<Bus, MergeError> {
    let known: HashSet<_> = config.users.iter().map(|user| user.name.as_str()).collect();
    let settings = bus.settings.with_people(|what, member| {
        let is_known = known.contains(member);
        let note = if what == "owner" { Note::Owner } else { Note::Member };
        let note = note(name.clone(), member.to_owned());
        if !is_known && !notes.contains(&note) {
            notes.push(note);
        }
        is_known
    });
    made_bus(name, settings.table(), &config.defaults, &config.users)
        .map_err(|errors| MergeError { bus: name.clone(), errors })
}
