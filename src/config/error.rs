//! What an operator reads when a setting is refused: which one, where it was written, why, and what is allowed.

use std::fmt;
use std::path::PathBuf;

/// Why the configuration was refused. The text never shows a password or a hash (I-8).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file named by `--config` or `BACKPLANE_CONFIG` cannot be read.
    #[error("{key}: cannot read {}: {reason}", path.display())]
    Unreadable {
        /// What named the file: `--config` or `BACKPLANE_CONFIG`.
        key: String,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// The file is not TOML.
    #[error("{}, line {line}: this is not TOML: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line of the first mistake, counted from 1.
        line: usize,
        /// What the parser said.
        reason: String,
    },
    /// A key that is known to nobody.
    #[error("{key} ({origin}): unknown key{hint}; allowed: {allowed}")]
    Unknown {
        /// The full path of the key, such as `limits.boddy`.
        key: String,
        /// Where it was written.
        origin: Origin,
        /// `, did you mean …?`, or nothing.
        hint: String,
        /// The keys that are known in that place.
        allowed: String,
    },
    /// A key with a wrong value, or none.
    #[error("{key}{}: {reason}; allowed: {allowed}", Bracketed(origin.as_ref()))]
    Value {
        /// The full path of the key, such as `bus[1].post`.
        key: String,
        /// Where it was written; nothing when it is missing everywhere.
        origin: Option<Origin>,
        /// What is wrong.
        reason: String,
        /// What would be right.
        allowed: String,
    },
}

impl ConfigError {
    /// The key, or what stands for it: one key is refused once.
    fn subject(&self) -> &str {
        match self {
            Self::Unreadable { key, .. } | Self::Unknown { key, .. } | Self::Value { key, .. } => key,
            Self::Syntax { .. } => "",
        }
    }
}

/// All that is wrong with a configuration: at least one thing. `Display` has a line for each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The same number of them, each made of one of these.
    pub(super) fn map(self, change: impl FnMut(ConfigError) -> ConfigError) -> Self {
        Self(self.0.into_iter().map(change).collect())
    }

    /// Each of them, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

/// Gathers what is wrong, so that an operator reads all of it at once.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<ConfigError>);

impl Problems {
    /// Adds one, unless the key was refused before: whoever repairs that one looks at the key anyway.
    pub(crate) fn add(&mut self, error: ConfigError) {
        if !self.know(error.subject()) {
            self.0.push(error);
        }
    }

    /// Whether this key was refused.
    pub(crate) fn know(&self, key: &str) -> bool {
        self.0.iter().any(|known| known.subject() == key)
    }

    /// What is good, or nothing and one problem more.
    pub(crate) fn note<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// Goes on only if nothing was found until here.
    pub(crate) fn check(&mut self) -> Result<(), ConfigErrors> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigErrors(std::mem::take(&mut self.0))) }
    }
}

/// Where a setting was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the configuration file.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// In this environment variable.
    Environment(String),
    /// On the command line, with this flag.
    Flag(&'static str),
    /// In a request to a running server, or on the command line in its place.
    Request,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
            Self::Request => f.write_str("this request"),
        }
    }
}

struct Bracketed<'a>(Option<&'a Origin>);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |origin| write!(f, " ({origin})"))
    }
}
