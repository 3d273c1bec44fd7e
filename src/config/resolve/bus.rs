//! A bus: its own keys over the defaults, its members, origins and envelopes.

use std::num::NonZeroUsize;
use std::time::Duration;

use backplane_actors::{BusName, PayloadRule};

use super::{Judge, rate};
use crate::auth::UserName;
use crate::auth::signatures::{EnvelopePolicy, EnvelopePolicyError, KEYS_MAX, MagicKey};
use crate::config::read::{Reader, Reading};
use crate::config::resolved::{AllowedOrigins, Bus, Quota, User};
use crate::config::values::OriginPattern;

/// The longest time that a message is kept where nothing is said of it (RET-9).
const RETENTION_MAX: Duration = Duration::from_hours(8);

/// Users that a refusal lists at most.
const USERS_SHOWN: usize = 10;

/// What holds for a bus unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct Policy {
    channel_idle: Duration,
    retention: Duration,
    retention_max: Option<Duration>,
    window_channel: NonZeroUsize,
    window_bus: NonZeroUsize,
    allowed_origins: Vec<OriginPattern>,
    jsonp: Option<bool>,
    payload: PayloadRule,
    envelope_keys: Vec<MagicKey>,
    require_envelope: bool,
    quota: Quota,
}

impl Policy {
    /// What is written at this path, over the defaults where there are any.
    pub(super) fn read(reader: &mut Reader, at: &str, defaults: Option<&Self>) -> Reading<Self> {
        /// Where there are defaults a key may be missing.
        fn over<T: Clone>(
            reader: &mut Reader,
            path: &str,
            default: Option<&T>,
            read: impl FnOnce(&mut Reader, &str) -> Reading<T>,
        ) -> Reading<T> {
            match default {
                Some(default) if !reader.has(path) => Ok(default.clone()),
                _ => read(reader, path),
            }
        }
        let path = |key: &str| format!("{at}.{key}");
        let of = defaults;
        let count = Reader::count::<usize, NonZeroUsize>;
        Ok(Self {
            channel_idle: over(reader, &path("channel_idle"), of.map(|of| &of.channel_idle), Reader::span)?,
            retention: over(reader, &path("retention"), of.map(|of| &of.retention), Reader::span)?,
            retention_max: reader
                .maybe(&path("retention_max"), Reader::span)?
                .or(of.and_then(|of| of.retention_max)),
            window_channel: over(reader, &path("window.channel"), of.map(|of| &of.window_channel), count)?,
            window_bus: over(reader, &path("window.bus"), of.map(|of| &of.window_bus), count)?,
            allowed_origins: over(
                reader,
                &path("allowed_origins"),
                of.map(|of| &of.allowed_origins),
                Reader::texts,
            )?,
            jsonp: reader.maybe(&path("jsonp"), Reader::switch)?.or(of.and_then(|of| of.jsonp)),
            payload: over(reader, &path("payload"), of.map(|of| &of.payload), payload)?,
            envelope_keys: over(
                reader,
                &path("envelope_keys"),
                of.map(|of| &of.envelope_keys),
                Reader::texts,
            )?,
            require_envelope: over(
                reader,
                &path("require_envelope"),
                of.map(|of| &of.require_envelope),
                Reader::switch,
            )?,
            quota: Quota {
                posts: over(reader, &path("quota.posts"), of.map(|of| &of.quota.posts), rate)?,
                reads: over(reader, &path("quota.reads"), of.map(|of| &of.quota.reads), rate)?,
                new_streams: over(
                    reader,
                    &path("quota.new_streams"),
                    of.map(|of| &of.quota.new_streams),
                    rate,
                )?,
                channels: number(reader, &path("quota.channels"))?.or(of.and_then(|of| of.quota.channels)),
                memory: number(reader, &path("quota.memory"))?.or(of.and_then(|of| of.quota.memory)),
                streams: number(reader, &path("quota.streams"))?.or(of.and_then(|of| of.quota.streams)),
            },
        })
    }
}

fn number(reader: &mut Reader, path: &str) -> Reading<Option<usize>> {
    reader.maybe(path, Reader::number)
}

fn payload(reader: &mut Reader, path: &str) -> Reading<PayloadRule> {
    reader.choice(path, &[("i-json", PayloadRule::IJson), ("any", PayloadRule::Any)])
}

/// A bus as it is written, not yet judged.
#[derive(Debug)]
pub(super) struct WrittenBus {
    pub(super) name: BusName,
    post: Vec<UserName>,
    read: Vec<UserName>,
    owner: Option<UserName>,
    policy: Policy,
}

impl WrittenBus {
    pub(super) fn read(reader: &mut Reader, i: usize, defaults: &Policy) -> Reading<Self> {
        let at = format!("bus[{i}]");
        Ok(Self {
            name: reader.text(&format!("{at}.name"))?,
            post: reader.texts(&format!("{at}.post"))?,
            read: reader.maybe(&format!("{at}.read"), Reader::texts)?.unwrap_or_default(),
            owner: reader.maybe(&format!("{at}.owner"), Reader::text)?,
            policy: Policy::read(reader, &at, Some(defaults))?,
        })
    }
}

impl Judge {
    /// The bus, or nothing and at least one problem.
    pub(super) fn bus(&mut self, i: usize, written: WrittenBus, users: &[User]) -> Option<Bus> {
        let at = |key: &str| format!("bus[{i}].{key}");
        let WrittenBus { name, post, read, owner, policy } = written;
        self.members(&at("post"), &post, users);
        self.members(&at("read"), &read, users);
        self.members(&at("owner"), owner.as_slice(), users);
        if post.is_empty() && !self.may_be_without_posters {
            self.refuse(&at("post"), "nobody could post to this bus", "at least one user");
        }

        // A refusal names the place where the operator wrote the value.
        let keys_at = self.written(i, &["envelope_keys"]);
        let required_at = self.written(i, &["require_envelope", "envelope_keys"]);
        let count = policy.envelope_keys.len();
        let envelopes = EnvelopePolicy::new(policy.envelope_keys, policy.require_envelope);
        let envelopes = envelopes.map_err(|error| match error {
            EnvelopePolicyError::TooManyKeys => {
                let allowed = format!("at most {KEYS_MAX} keys");
                self.refuse(&keys_at, format!("holds {count} keys"), allowed);
            }
            EnvelopePolicyError::NoKeys => self.refuse(
                &required_at,
                "is true, and there are no envelope_keys",
                "false, or true with envelope_keys",
            ),
        });
        let retention_max = policy.retention_max.unwrap_or(policy.retention.max(RETENTION_MAX));
        if retention_max < policy.retention {
            let (longest_at, longest) =
                (self.written(i, &["retention_max"]), humantime::format_duration(policy.retention));
            self.refuse(&longest_at, format!("is below retention, which is {longest}"), "retention or more");
        }
        let origins_at = self.written(i, &["allowed_origins"]);
        let allowed_origins = self.origins(&origins_at, policy.allowed_origins);
        let allowed_origins = allowed_origins?;
        Some(Bus {
            name,
            post,
            read,
            owner,
            // Where only some origins may read, nobody can be kept from loading a script.
            jsonp: policy.jsonp.unwrap_or(allowed_origins == AllowedOrigins::Any),
            allowed_origins,
            payload: policy.payload,
            channel_idle: policy.channel_idle,
            retention: policy.retention,
            retention_max,
            window_channel: policy.window_channel,
            window_bus: policy.window_bus,
            envelopes: envelopes.ok()?,
            quota: policy.quota,
        })
    }

    /// The path of the first of these keys: in the bus if it says something of any of them, else in the defaults.
    fn written(&self, i: usize, keys: &[&str]) -> String {
        let own = keys.iter().any(|key| self.layers.is_written(&format!("bus[{i}].{key}")));
        let key = keys.first().copied().unwrap_or_default();
        if own { format!("bus[{i}].{key}") } else { format!("defaults.{key}") }
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

    fn origins(&mut self, path: &str, origins: Vec<OriginPattern>) -> Option<AllowedOrigins> {
        let mut list: Vec<String> = origins.into_iter().map(|origin| origin.0).collect();
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
