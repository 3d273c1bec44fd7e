//! SIGHUP: the configuration is read again, and what is new in it is taken over while the server runs.

use std::io;
use std::time::SystemTime;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;

use super::preflight::check_beside_a_server;
use super::telemetry::{self, Level};
use super::warnings::{Warning, warnings};
use crate::backplane::Backplane;
use crate::config::{Config, ConfigErrors, Sources, load, plan};

/// Takes new configurations over. From the moment it is made SIGHUP ends the process no more.
#[derive(Debug)]
pub struct Reloader {
    hangups: Signal,
    sources: Sources,
    /// What is in force.
    current: Config,
    level: Level,
}

impl Reloader {
    /// `sources` are read at each SIGHUP; `current` is what was read from them at the start. A SIGHUP that comes before
    /// [`Reloader::run`] is not forgotten.
    ///
    /// Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The handler cannot be installed.
    pub fn new(sources: Sources, current: Config, level: Level) -> io::Result<Self> {
        Ok(Self { hangups: signal(SignalKind::hangup())?, sources, current, level })
    }

    /// Waits for SIGHUP, again and again, until dropped.
    pub async fn run(mut self, backplane: Backplane) {
        while self.hangups.recv().await.is_some() {
            self.reload(&backplane).await;
        }
    }

    /// Reads the configuration and takes it over. One that is refused changes nothing.
    async fn reload(&mut self, backplane: &Backplane) {
        let (new, warnings) = match self.read().await {
            Ok(read) => read,
            Err(problems) => {
                for problem in problems.iter() {
                    tracing::error!(%problem, "the configuration is refused");
                }
                tracing::error!(
                    "the configuration was read again and refused, the one before stays in force"
                );
                return;
            }
        };
        let plan = plan(&self.current, &new);
        let refused = match backplane.apply(&plan).await {
            Ok(refused) => refused,
            Err(error) => {
                tracing::error!(%error, "the configuration cannot be taken over, the one before stays in force");
                return;
            }
        };
        if let Some(level) = &plan.log_level
            && let Err(error) = self.level.replace(level)
        {
            tracing::error!(%error, "the level of the log stays as it was");
        }
        if !plan.restart.is_empty() {
            let keys = plan.restart.join(" ");
            tracing::warn!(keys, "these settings are new, and hold after a restart only");
        }
        for bus in &refused {
            tracing::warn!(bus = %bus.bus, reason = bus.reason, "this bus stays as it was; the next SIGHUP tries again");
        }
        tracing::info!(taken = plan.taken.join(" "), "the configuration was read again and taken over");
        telemetry::warn_of(&warnings);
        plan.without(refused.iter().map(|refused| &refused.bus)).apply_to(&mut self.current);
    }

    /// On a thread that may wait: the file may be on a disk that hangs.
    #[expect(clippy::disallowed_methods, reason = "a certificate is good or not at this moment")]
    async fn read(&self) -> Result<(Config, Vec<Warning>), ConfigErrors> {
        let sources = self.sources.clone();
        let reading = spawn_blocking(move || {
            let loaded = load(&sources)?;
            let now = SystemTime::now();
            check_beside_a_server(&loaded, now)?;
            let warnings = warnings(&loaded, now);
            Ok((loaded.config, warnings))
        });
        // It does not panic, and is given up only with the runtime, which ends this as well.
        reading.await.unwrap_or_else(|_| Ok((self.current.clone(), Vec::new())))
    }
}
