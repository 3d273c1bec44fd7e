//! A new configuration while the service runs, and what the broker and the accounts are told of one.

use backplane_actors::{Broker, BrokerBuilder, BrokerLimits, BusError, BusName, BusSettings, Poster};

use super::Service;
use crate::auth::{Accounts, AccountsError, Right, UserName};
use crate::config::{Bus, Config, Limits, Plan, User};

/// A bus that stays as it was although another configuration wants it otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedBus {
    /// The bus.
    pub bus: BusName,
    /// Why.
    pub reason: String,
}

impl Service {
    /// Takes over what is new in a configuration, without a restart: see [`plan`](crate::config::plan()). No connection
    /// is closed, and requests under way end as they began. The level of the log is left to the caller.
    ///
    /// Gives back the buses that stay as they were, with the reason; all else is taken over.
    ///
    /// # Errors
    ///
    /// [`AccountsError`]: users and rights contradict each other, which no configuration that was loaded does. Nothing
    /// has changed then.
    pub(crate) async fn apply(&self, plan: &Plan) -> Result<Vec<RefusedBus>, AccountsError> {
        let accounts = plan.accounts.as_ref();
        let accounts = accounts.map(|people| accounts_of(&people.users, &people.buses)).transpose()?;
        // Whoever loses a right loses it first.
        if let Some(accounts) = accounts {
            self.replace_accounts(accounts);
        }
        if let Some(issuers) = &plan.issuers {
            self.replace_issuers(issuers);
        }
        if let Some(requests) = &plan.requests {
            self.broker().change_limits(limits_of(&requests.limits));
            self.replace_settings(requests);
        }
        let refused = self.turn_buses(plan).await;
        let is_taken = |name: &BusName| !refused.iter().any(|refused| refused.bus == *name);
        let opened = plan.opened.iter().filter(|bus| is_taken(&bus.name)).cloned();
        // Who may read a bus from a page, and how envelopes are treated, is no matter of the broker.
        let changed = plan.changed.iter().map(|changed| changed.bus.clone());
        let here: Vec<_> = changed.chain(opened).collect();
        let gone: Vec<_> = plan.closed.iter().filter(|name| is_taken(name)).cloned().collect();
        if !here.is_empty() || !gone.is_empty() {
            self.replace_buses(&here, &gone);
        }
        Ok(refused)
    }

    /// The broker's part of a plan: buses that are opened, closed, or keep messages otherwise. Gives back those that stay as
    /// they were.
    async fn turn_buses(&self, plan: &Plan) -> Vec<RefusedBus> {
        let broker = self.broker();
        let mut refused = Vec::new();
        let mut note = |bus: &BusName, turned: Result<(), BusError>| {
            if let Err(error) = turned {
                refused.push(RefusedBus { bus: bus.clone(), reason: error.to_string() });
            }
        };
        for name in &plan.closed {
            note(name, broker.close_bus(name).await);
        }
        for bus in &plan.opened {
            note(&bus.name, broker.open_bus(bus.name.clone(), settings_of(bus)).await.map(drop));
        }
        for changed in plan.changed.iter().filter(|changed| changed.keeps_otherwise) {
            note(&changed.bus.name, broker.change_bus(&changed.bus.name, settings_of(&changed.bus)));
        }
        refused
    }
}

/// Who may come in, and what each may do.
pub(crate) fn accounts_of(users: &[User], buses: &[Bus]) -> Result<Accounts, AccountsError> {
    let mut accounts = Accounts::new();
    for user in users {
        accounts.add(user.name.clone(), user.password_hash.clone())?;
    }
    for bus in buses {
        for (users, right) in [(&bus.post, Right::Post), (&bus.read, Right::Read)] {
            for user in users {
                accounts.grant(user, bus.name.clone(), right)?;
            }
        }
    }
    Ok(accounts)
}

/// Whether all passwords of a configuration take the same time to be hashed.
pub(crate) fn cost_alike(config: &Config) -> bool {
    accounts_of(&config.users, &config.buses).is_ok_and(|accounts| accounts.cost_alike())
}

/// A broker with the configuration's buses and bounds, ready to be given a clock or a log, and started.
pub fn broker_of(config: &Config) -> BrokerBuilder {
    let builder = Broker::builder().limits(limits_of(&config.limits));
    config.buses.iter().fold(builder, |builder, bus| builder.bus(bus.name.clone(), settings_of(bus)))
}

/// The part of the limits that the broker keeps.
fn limits_of(limits: &Limits) -> BrokerLimits {
    BrokerLimits {
        channels_per_bus: limits.channels_per_bus,
        window_memory: limits.window_memory,
        idempotency_keys: limits.idempotency_keys,
        idempotency_window: limits.idempotency_window,
        pending_posts: limits.pending_posts,
        log_patience: limits.log_patience,
        subscribers: limits.streams,
        subscribers_per_bus: limits.streams_per_bus,
        subscribers_per_channel: limits.streams_per_channel,
    }
}

/// Who may post to a bus, each once, as the broker knows them.
fn posters_of(bus: &Bus) -> Vec<Poster> {
    let mut names: Vec<&UserName> = bus.post.iter().collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(UserName::poster).collect()
}

/// The part of a bus that the broker keeps.
fn settings_of(bus: &Bus) -> BusSettings {
    BusSettings {
        channel_idle: bus.channel_idle,
        retention: bus.retention,
        retention_max: bus.retention_max,
        channel_window: bus.window_channel,
        bus_window: bus.window_bus,
        posters: posters_of(bus),
        channels: bus.quota.channels,
        memory: bus.quota.memory,
        subscribers: bus.quota.streams,
    }
}
