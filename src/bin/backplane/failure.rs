//! How the program ends when it does not end well: the work's result is what the exit status is made from.

use std::error::Error;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use backplane::StartError;
use backplane::authority::KeyFileError;
use backplane::config::ConfigErrors;
use backplane::provision::DirectError;
use backplane::server::telemetry::LevelError;
use backplane::server::{ServerError, Warning};
use backplane::store::{MergeError, StoreError};
use backplane_actors::log::RecoveryError;

use crate::check_log::CheckLogError;
use crate::hash_password::PasswordError;

/// What `--help` says of [`Failure::status`].
pub(crate) const STATUSES: &str = "\
Exit status: 0 all is well; 1 the server failed; 2 the command line is wrong; 65 the log is damaged, or of another \
version, or so is the store of users and buses; 66 the log cannot be read or copied, or the store or the keys of tokens cannot be used; 67 the \
password was refused or cannot be read; 69 the server could not do it, or cannot be reached; 73 it was refused: wrong, \
unknown, there already, or in the configuration; 74 standard output cannot be written; 78 the configuration was refused. Standard output that nobody reads any more (a closed pipe) is no failure.";

/// Why the program did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line is wrong; clap has the words.
    #[error(transparent)]
    Usage(clap::Error),
    /// The configuration was refused.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The configuration has no log that could be checked.
    #[error("this configuration keeps messages in memory; --path names the folder of a log")]
    NoLog,
    /// The configuration has no store of users and buses.
    #[error(
        "this configuration keeps nothing on disk, and what is made at run time ends with the server; \
         /admin/v1 at its listener for operators makes users and buses"
    )]
    NoStore,
    /// The configuration has no file of keys.
    #[error("this configuration keeps the key of tokens in memory; tokens.key_file names a file")]
    NoKeyFile,
    /// The keys of tokens cannot be used.
    #[error(transparent)]
    TokenKeys(#[from] KeyFileError),
    /// A setting without a value.
    #[error("{0:?} is no setting; allowed: KEY=VALUE, such as retention=10m")]
    NoSetting(String),
    /// The store of users and buses cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was made at run time does not go with the configuration.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// What was asked for was refused.
    #[error("{0}")]
    Refused(String),
    /// What was asked for could not be done.
    #[error("{0}")]
    Unable(String),
    /// The server does not answer.
    #[error("cannot ask the server that runs")]
    Control(#[source] io::Error),
    /// The log is not good, or cannot be read.
    #[error(transparent)]
    Log(RecoveryError),
    /// A server does not start from the log that was checked.
    #[error("a server does not start from this log; check-log --repair copies what is whole")]
    NotServed(#[source] RecoveryError),
    /// There is no hash.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Standard output cannot be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// The log's level is none.
    #[error(transparent)]
    Level(#[from] LevelError),
    /// The process would leave core dumps.
    #[error("core dumps cannot be switched off or on")]
    CoreDumps(#[source] io::Error),
    /// The process cannot wait for signals.
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
    /// The server does not start, or ended.
    #[error(transparent)]
    Server(ServerError),
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Start(error) => error.into(),
            error => Self::Server(error),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Log(error) => Self::Log(error),
            StartError::Store(error) => Self::Store(error),
            StartError::Merge(error) => Self::Merge(error),
            StartError::TokenKeys(error) => Self::TokenKeys(error),
            error => Self::Server(error.into()),
        }
    }
}

impl From<DirectError> for Failure {
    fn from(error: DirectError) -> Self {
        match error {
            DirectError::Store(error) => Self::Store(error),
            DirectError::Merge(error) => Self::Merge(error),
            error @ DirectError::Randomness => Self::Unable(error.to_string()),
        }
    }
}

impl From<CheckLogError> for Failure {
    fn from(error: CheckLogError) -> Self {
        match error {
            CheckLogError::Log(error) => Self::Log(error),
            CheckLogError::NotServed(error) => Self::NotServed(error),
            CheckLogError::Output(error) => Self::Output(error),
        }
    }
}

impl Failure {
    /// The exit status. Where `sysexits.h` has a number for the case, it is that one.
    fn status(&self) -> u8 {
        match self {
            Self::Level(_) | Self::CoreDumps(_) | Self::Signals(_) | Self::Server(_) => 1,
            Self::Usage(_) | Self::NoSetting(_) => 2,
            Self::Store(StoreError::Damaged { .. } | StoreError::Newer { .. }) => 65,
            Self::Store(_) | Self::TokenKeys(_) => 66,
            Self::Unable(_) | Self::Control(_) => 69,
            Self::Refused(_) => 73,
            Self::Log(error) if is_unreadable(error) => 66,
            Self::Log(_) | Self::NotServed(_) => 65,
            Self::Password(_) => 67,
            Self::Output(error) if error.kind() == ErrorKind::BrokenPipe => 0,
            Self::Output(_) => 74,
            Self::Config(_) | Self::Merge(_) | Self::NoLog | Self::NoStore | Self::NoKeyFile => 78,
        }
    }

    /// Says what happened on standard error, and gives the exit status.
    pub(crate) fn end(&self) -> ExitCode {
        // Where standard error cannot be written either, the status has to do.
        _ = match self {
            Self::Usage(error) => error.print(),
            // Whoever closed the pipe has read what they wanted.
            Self::Output(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            _ => chain(self).lines().try_for_each(|line| writeln!(io::stderr().lock(), "backplane: {line}")),
        };
        ExitCode::from(self.status())
    }
}

/// Whether the system refused to read or write the log, as opposed to what is in it being wrong.
fn is_unreadable(error: &RecoveryError) -> bool {
    matches!(error, RecoveryError::Io { .. } | RecoveryError::InUse { .. } | RecoveryError::NotPrivate { .. })
}

/// An error with those that it comes from.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        text.extend([": ", &deeper.to_string()]);
        source = deeper.source();
    }
    text
}

/// Says on standard error what works and should not be left as it is.
pub(crate) fn warn(warning: &Warning) {
    // Where that cannot be written, the answer on standard output holds all the same.
    _ = writeln!(io::stderr().lock(), "backplane: warning: {warning}");
}

/// Writes a text and a line's end to standard output.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::Output)
}
