//! The program: reads the command line and calls the library.
//!
//! | module | what lives there |
//! |---|---|
//! | `cli` | the command line |
//! | `failure` | what can go wrong, and its exit status |
//! | `check_log` | `backplane check-log` |
//! | `hash_password` | `backplane hash-password` |
//! | `provision` | `backplane bus`, `user` and `admin` |
//! | `announcement` | what the log says first |
//! | `greeting` | what a server without configuration says |
//! | `progress` | how far the reading of a log has come |

mod announcement;
mod check_log;
mod cli;
mod failure;
mod greeting;
mod hash_password;
mod progress;
mod provision;

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use backplane::Backplane;
use backplane::authority::KeyFile;
use backplane::config::{Config, Sources, Storage, example, load};
use backplane::door::raise_descriptors;
use backplane::server::{self, Reloader, UserSignals, telemetry};

use crate::check_log::check_log;
use crate::cli::Command;
use crate::failure::{Failure, say};
use crate::hash_password::hash_from_standard_input;

/// Gives memory back after a burst, which the C library's allocator does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Err(error) = server::hide_memory() {
        return Failure::CoreDumps(error).end();
    }
    match Command::of_process().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.end(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a certificate is good or not at this moment")]
fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(sources) => serve(sources),
        Command::CheckConfig { sources, reload } => {
            let (loaded, now) = (load(&sources)?, SystemTime::now());
            raise_descriptors();
            if reload {
                server::check_beside_a_server(&loaded, now)?;
            } else {
                drop(server::check(&loaded, now)?);
            }
            server::warnings(&loaded, now).iter().for_each(failure::warn);
            say(&summary(&loaded.config))
        }
        Command::PrintExample => say(example().trim_end()),
        Command::CheckLog { sources, path, repair } => {
            let path = log_folder(&sources, path)?;
            Ok(check_log(&path, repair.as_deref(), &mut std::io::stdout().lock())?)
        }
        Command::Provision(command) => provision::provision(command),
        Command::HashPassword => say(&hash_from_standard_input()?.to_phc()),
        Command::RotateTokenKey { sources } => {
            let file = KeyFile::of(&load(&sources)?.config).ok_or(Failure::NoKeyFile)?;
            file.rotate()?;
            say(&format!(
                "{}: a new key signs, the one before stays good; SIGHUP has a server that runs read them",
                file.path().display()
            ))
        }
        Command::Help(help) => help.print().map_err(Failure::Output),
    }
}

/// Runs the server until a signal ends it.
#[expect(clippy::disallowed_methods, reason = "a certificate is good or not at this moment")]
fn serve(sources: Sources) -> Result<(), Failure> {
    let loaded = load(&sources)?;
    let config = &loaded.config;
    server::settle_core_dumps(config.core_dumps).map_err(Failure::CoreDumps)?;
    raise_descriptors();
    let now = SystemTime::now();
    let sockets = server::check(&loaded, now)?;
    let warnings = server::warnings(&loaded, now);
    let level = telemetry::start(&config.log)?;
    announcement::of(&loaded);
    telemetry::warn_of(&warnings);
    actix_web::rt::System::new().block_on(async {
        let shutdown = server::termination().map_err(Failure::Signals)?;
        let user_signals = UserSignals::new().map_err(Failure::Signals)?;
        let reloader = Reloader::new(sources, level).map_err(Failure::Signals)?;
        let backplane = Backplane::start_with_progress(config, progress::reporter())?;
        // Only now: whoever connects is served, and does not wait for the log to be read.
        let listeners = sockets.listen()?;
        if config.demo
            && let Some(address) = listeners.plain().first()
        {
            greet(*address, listeners.admin().first());
        }
        for address in listeners.admin() {
            tracing::info!("for operators: http://{address}/metrics");
        }
        for address in listeners.plain() {
            tracing::info!("listening on http://{address}");
        }
        for address in listeners.tls() {
            tracing::info!("listening on https://{address}");
        }
        if !config.demo && config.admin.is_some() {
            invite(&backplane)?;
        }
        actix_web::rt::spawn(user_signals.run(backplane.clone()));
        actix_web::rt::spawn(reloader.run(backplane.clone()));
        server::run(config, listeners, &backplane, shutdown).await?;
        Ok(())
    })
}

/// Says how the first admin is made. The secret is for whoever sits at the terminal: what is no terminal is a log.
fn invite(backplane: &Backplane) -> Result<(), Failure> {
    let mut errors = std::io::stderr();
    let secret = if errors.is_terminal() { backplane.setup_secret()? } else { None };
    if let Some(secret) = secret {
        // Where that fails nobody knows the secret, and it is of no use to anybody.
        _ = writeln!(
            errors,
            "backplane: there is no admin yet. This makes the first one, once, as long as this server runs:\n\
             POST /admin/v1/admins {{\"name\": …, \"password\": …}}\nAuthorization: Bearer {}",
            *secret
        );
    } else if !backplane.has_admins() {
        tracing::info!("there is no admin yet; `backplane admin create NAME` makes one");
    }
    Ok(())
}

/// Says what runs. A server whose standard output is gone serves all the same.
fn greet(address: SocketAddr, admin: Option<&SocketAddr>) {
    match say(&greeting::demo(address, admin)) {
        Err(Failure::Output(error)) if error.kind() != ErrorKind::BrokenPipe => {
            tracing::warn!(%error, "the greeting cannot be written to standard output");
        }
        _ => {}
    }
}

/// The folder that the command line names, else the one of the configuration.
fn log_folder(sources: &Sources, path: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(path) = path {
        return Ok(path);
    }
    match load(sources)?.config.storage {
        Storage::Disk(settings) => Ok(settings.path),
        _ => Err(Failure::NoLog),
    }
}

fn summary(config: &Config) -> String {
    let count =
        |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    let mut parts =
        vec![count(config.buses.len(), "bus", "buses"), count(config.users.len(), "user", "users")];
    parts.extend(config.listen.iter().map(|address| format!("http://{address}")));
    parts.extend(config.tls.iter().flat_map(|tls| &tls.listen).map(|address| format!("https://{address}")));
    let admin = config.admin.iter().flat_map(|admin| &admin.listen);
    parts.extend(admin.map(|address| format!("http://{address}/metrics")));
    let note = if config.demo {
        " (the demonstration: no users and no buses are configured; `serve` refuses that)"
    } else {
        ""
    };
    format!("configuration is good: {}{note}", parts.join(", "))
}
