//! The program: reads the command line and calls the library.
//!
//! | module | what lives there |
//! |---|---|
//! | `cli` | the command line |
//! | `check_log` | `backplane check-log` |
//! | `hash_password` | `backplane hash-password` |
//! | `greeting` | what a server without configuration says |
//! | `progress` | how far the reading of a log has come |

mod check_log;
mod cli;
mod greeting;
mod hash_password;
mod progress;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use backplane::Backplane;
use backplane::config::{Config, ConfigError, Sources, Storage, Tls, example, load};
use backplane::server::{self, Listeners, telemetry};

use crate::check_log::check_log;
use crate::cli::{Command, EXIT_CONFIG, EXIT_FAILURE, EXIT_LOG, EXIT_PASSWORD};
use crate::hash_password::hash_from_standard_input;

/// Gives memory back after a burst, which the C library's allocator does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (failure, done) = match Command::of_process() {
        Command::Serve(sources) => match load(&sources) {
            Ok(config) => (EXIT_FAILURE, serve(&config)),
            Err(error) => (EXIT_CONFIG, Err(error.into())),
        },
        Command::CheckConfig(sources) => {
            (EXIT_CONFIG, check(&sources).map_err(Into::into).and_then(|config| say(&summary(&config))))
        }
        Command::PrintExample => (EXIT_FAILURE, say(example().trim_end())),
        Command::CheckLog { sources, path, repair } => match log_folder(&sources, path) {
            Ok(path) => (
                EXIT_LOG,
                check_log(&path, repair.as_deref(), &mut std::io::stdout().lock()).map_err(Into::into),
            ),
            Err(error) => (EXIT_CONFIG, Err(error)),
        },
        Command::HashPassword => (
            EXIT_PASSWORD,
            hash_from_standard_input().map_err(Into::into).and_then(|hash| say(&hash.to_phc())),
        ),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("backplane: {error:#}");
            ExitCode::from(failure)
        }
    }
}

/// Runs the server until a signal ends it.
fn serve(config: &Config) -> anyhow::Result<()> {
    telemetry::start(&config.log)?;
    actix_web::rt::System::new().block_on(async {
        let shutdown = server::termination().context("cannot wait for signals")?;
        let listeners = Listeners::open(config)?;
        let backplane = Backplane::start_with_progress(config, progress::reporter())?;
        if config.demo
            && let Some(address) = listeners.plain().first()
        {
            say(&greeting::demo(*address))?;
        }
        for address in listeners.plain() {
            tracing::info!("listening on http://{address}");
        }
        for address in listeners.tls() {
            tracing::info!("listening on https://{address}");
        }
        if let Some(address) = listeners.metrics() {
            tracing::info!("metrics on http://{address}/metrics");
        }
        server::run(config, listeners, &backplane, shutdown).await?;
        Ok(())
    })
}

/// The folder that the command line names, else the one of the configuration.
fn log_folder(sources: &Sources, path: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(path) = path {
        return Ok(path);
    }
    match load(sources)?.storage {
        Storage::Disk(settings) => Ok(settings.path),
        _ => anyhow::bail!("this configuration keeps messages in memory; --path names the folder of a log"),
    }
}

fn check(sources: &Sources) -> Result<Config, ConfigError> {
    let config = load(sources)?;
    config.tls.as_ref().map(Tls::load).transpose()?;
    Ok(config)
}

fn summary(config: &Config) -> String {
    let count =
        |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    let mut parts =
        vec![count(config.buses.len(), "bus", "buses"), count(config.users.len(), "user", "users")];
    parts.extend(config.listen.iter().map(|address| format!("http://{address}")));
    parts.extend(config.tls.iter().flat_map(|tls| &tls.listen).map(|address| format!("https://{address}")));
    parts.extend(config.metrics_listen.map(|address| format!("http://{address}/metrics")));
    let note = if config.demo { " (the demonstration: no users and no buses are configured)" } else { "" };
    format!("configuration is good: {}{note}", parts.join(", "))
}

/// Standard output may be a closed pipe, which is no reason to panic.
fn say(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout().lock(), "{text}").context("cannot write to standard output")
}
