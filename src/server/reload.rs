//! SIGHUP: the configuration is read again, and what is new in it is taken over while the server runs.

use std::io;
use std::time::SystemTime;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;

use super::preflight::check_beside_a_server;
use super::telemetry::{self, Level};
use super::warnings::{Warning, warnings};
use crate::backplane::Backplane;
use crate::config::{Config, ConfigErrors, Sources, load};
use crate::provision::TakenOver;

/// Takes new configurations over. From the moment it is made SIGHUP ends the process no more.
#[derive(Debug)]
pub struct Reloader {
    hangups: Signal,
    sources: Sources,
    level: Level,
}

impl Reloader {
    /// `sources` are read at each SIGHUP. One that comes before [`Reloader::run`] is not forgotten.
    ///
    /// Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The handler cannot be installed.
    pub fn new(sources: Sources, level: Level) -> io::Result<Self> {
        Ok(Self { hangups: signal(SignalKind::hangup())?, sources, level })
    }

    /// Waits for SIGHUP, again and again, until dropped.
    pub async fn run(mut self, backplane: Backplane) {
        while self.hangups.recv().await.is_some() {
            self.reload(&backplane).await;
        }
    }

    /// Reads the configuration and takes it over. One that is refused changes nothing.
    async fn reload(&self, backplane: &Backplane) {
        let (new, warnings) = match self.read().await {
            Ok(Some(read)) => read,
            Ok(None) => return,
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
        let TakenOver { plan, refused, notes } = match backplane.take_over(&new).await {
            Ok(taken) => taken,
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
        telemetry::warn_of(&warnings);
        for note in &notes {
            tracing::warn!("{note}");
        }
        let keys = backplane.clone();
        // It does not panic.
        if let Ok(Err(error)) = spawn_blocking(move || keys.reload_token_keys()).await {
            tracing::error!(%error, "the keys of tokens stay as they were");
        }
        // Last: whoever waits for it has been told all else.
        tracing::info!(taken = plan.taken.join(" "), "the configuration was read again and taken over");
    }

    /// On a thread that may wait: the file may be on a disk that hangs.
    #[expect(clippy::disallowed_methods, reason = "a certificate is good or not at this moment")]
    async fn read(&self) -> Result<Option<(Config, Vec<Warning>)>, ConfigErrors> {
        let sources = self.sources.clone();
        let reading = spawn_blocking(move || {
            let loaded = load(&sources)?;
            let now = SystemTime::now();
            check_beside_a_server(&loaded, now)?;
            let warnings = warnings(&loaded, now);
            Ok(Some((loaded.config, warnings)))
        });
        // It does not panic, and is given up only with the runtime, which ends this as well.
        reading.await.unwrap_or(Ok(None))
    }
}
