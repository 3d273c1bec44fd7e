//! A bus: its own keys over the defaults, its members, origins and envelopes.

use super::{Judge, texts};
use crate::auth::UserName;
use crate::auth::signatures::{EnvelopePolicy, EnvelopePolicyError, KEYS_MAX};
use crate::config::raw::{RawBus, RawDefaults, Text};
use crate::config::resolved::{AllowedOrigins, Bus, User};
use crate::config::values::OriginPattern;

/// Users that a refusal lists at most.
const USERS_SHOWN: usize = 10;

impl Judge {
    /// The bus, or nothing and at least one problem.
    pub(super) fn bus(
        &mut self,
        i: usize,
        raw: RawBus,
        defaults: &RawDefaults,
        users: &[User],
    ) -> Option<Bus> {
        let at = |key: &str| format!("bus[{i}].{key}");
        // A refusal names the place where the operator wrote the value.
        let written = |own: bool, key: &str| if own { at(key) } else { format!("defaults.{key}") };
        let post = texts(raw.post);
        let read = texts(raw.read);
        self.members(&at("post"), &post, users);
        self.members(&at("read"), &read, users);
        if post.is_empty() {
            self.refuse(&at("post"), "nobody could post to this bus", "at least one user");
        }

        let own_keys = raw.envelope_keys.is_some();
        let keys = raw.envelope_keys.as_ref().unwrap_or(&defaults.envelope_keys);
        let required = raw.require_envelope.unwrap_or(defaults.require_envelope);
        let policy = EnvelopePolicy::new(keys.iter().map(|Text(key)| key.clone()).collect(), required);
        let envelopes = policy.map_err(|error| match error {
            EnvelopePolicyError::TooManyKeys => self.refuse(
                &written(own_keys, "envelope_keys"),
                format!("holds {} keys", keys.len()),
                format!("at most {KEYS_MAX} keys"),
            ),
            EnvelopePolicyError::NoKeys => self.refuse(
                &written(own_keys || raw.require_envelope.is_some(), "require_envelope"),
                "is true, and there are no envelope_keys",
                "false, or true with envelope_keys",
            ),
        });

        let origins = raw.allowed_origins.as_ref();
        let path = written(origins.is_some(), "allowed_origins");
        let allowed_origins = self.origins(&path, origins.unwrap_or(&defaults.allowed_origins));
        Some(Bus {
            name: raw.name.0,
            post,
            read,
            allowed_origins: allowed_origins?,
            channel_idle: raw.channel_idle.unwrap_or(defaults.channel_idle).0,
            retention: raw.retention.unwrap_or(defaults.retention).0,
            window_channel: raw.window.channel.unwrap_or(defaults.window.channel),
            window_bus: raw.window.bus.unwrap_or(defaults.window.bus),
            envelopes: envelopes.ok()?,
        })
    }

    fn members(&mut self, path: &str, members: &[UserName], users: &[User]) {
        let known = |name: &UserName| users.iter().any(|user| user.name == *name);
        let Some(stranger) = members.iter().find(|name| !known(name)) else { return };
        let mut names: Vec<_> = users.iter().take(USERS_SHOWN).map(|user| user.name.as_str()).collect();
        if users.len() > USERS_SHOWN {
            names.push("…");
        }
        let allowed = if names.is_empty() {
            "names of [[user]], of which there is none".to_owned()
        } else {
            names.join(", ")
        };
        self.refuse(path, format!("there is no user {:?}", stranger.as_str()), allowed);
    }

    fn origins(&mut self, path: &str, origins: &[Text<OriginPattern>]) -> Option<AllowedOrigins> {
        let mut list: Vec<String> = origins.iter().map(|Text(origin)| origin.0.clone()).collect();
        list.sort_unstable();
        list.dedup();
        let any = list.iter().any(|origin| origin == "*");
        match (any, list.len()) {
            (true, 1) => Some(AllowedOrigins::Any),
            (true, _) => {
                self.refuse(path, "\"*\" stands beside other origins", "\"*\" alone, or origins");
                None
            }
            (false, _) => Some(AllowedOrigins::List(list)),
        }
    }
}
