//! The program: reads the command line and calls the library.

use std::process::ExitCode;

use anyhow::Context as _;
use backplane::cli::{Command, EXIT_CONFIG, EXIT_FAILURE, EXIT_PASSWORD};
use backplane::config::{Config, ConfigError, Sources, Tls, example, load};
use backplane::password::hash_from_standard_input;

fn main() -> ExitCode {
    let (failure, done) = match Command::of_process() {
        Command::Serve(sources) => match load(&sources) {
            Ok(config) => (EXIT_FAILURE, serve(config)),
            Err(error) => (EXIT_CONFIG, Err(error.into())),
        },
        Command::CheckConfig(sources) => {
            (EXIT_CONFIG, check(&sources).map_err(Into::into).and_then(|config| say(&summary(&config))))
        }
        Command::PrintExample => (EXIT_FAILURE, say(example().trim_end())),
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

/// The call of `backplane::server::run_until_signalled(config)` comes here.
fn serve(config: Config) -> anyhow::Result<()> {
    drop(config);
    anyhow::bail!("this build cannot serve")
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
