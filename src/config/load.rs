//! The sources of the configuration and their order: flag, environment, file, default.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::check::{self, Known};
use super::error::{ConfigError, ConfigErrors, Origin, Problems};
use super::layers::Layers;
use super::resolve::{makes_buses, resolve};
use super::resolved::{Config, DEMO_NAME, DEMO_PASSWORD_HASH};

/// What the names of our environment variables start with.
const PREFIX: &str = "BACKPLANE_";
/// Names the file, like `--config`.
const FILE_VARIABLE: &str = "BACKPLANE_CONFIG";
/// The file that is read when none is named.
const USUAL_FILE: &str = "backplane.toml";

/// Why a start that is not to be the demonstration is refused, and what it wants.
const NOTHING: &str = "there is no [[user]] and no [[bus]], hence nothing to serve";
const WANTED: &str = "a file with [[user]] and [[bus]], or [provision] for those made at run time, which --config or BACKPLANE_CONFIG names or which is \
                      backplane.toml in this folder (backplane.example.toml explains every setting), or --demo for the \
                      demonstration";

/// Where settings may come from. The default is none at all.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file that `--config` names; it has to be there.
    pub file: Option<PathBuf>,
    /// The folder whose `backplane.toml` is read, if it is there, when no file is named.
    pub folder: Option<PathBuf>,
    /// Environment variables; those that do not start with `BACKPLANE_` are left alone.
    pub environment: Vec<(OsString, OsString)>,
    /// Settings from the command line.
    pub flags: Vec<FlagValue>,
    /// When it is the demonstration.
    pub demo: Demonstration,
}

/// Whether nothing configured is the demonstration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Demonstration {
    /// Without users and buses it is.
    #[default]
    WithoutConfiguration,
    /// It is, and no file is read.
    AskedFor,
    /// Without users and buses it is a mistake.
    Refused,
}

/// A setting from the command line.
#[derive(Debug, Clone)]
pub struct FlagValue {
    /// The flag, such as `--listen`.
    pub flag: &'static str,
    /// The key that it sets, such as `listen`.
    pub key: &'static str,
    /// Its value; lists are separated by commas.
    pub value: String,
}

impl Sources {
    /// This process's environment and working folder, and what the command line says.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>, flags: Vec<FlagValue>, demo: Demonstration) -> Self {
        // The rest of the environment may hold other programs' secrets.
        let ours = |name: &OsString| name.to_string_lossy().starts_with(PREFIX);
        let environment = std::env::vars_os().filter(|(name, _)| ours(name)).collect();
        Self { file, folder: Some(PathBuf::from(".")), environment, flags, demo }
    }
}

/// A configuration, and where its settings were written.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    file: Option<PathBuf>,
    layers: Layers,
}

impl Loaded {
    /// The file that was read, if any was.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Whether somebody wrote this setting, as opposed to what holds without.
    pub(crate) fn is_written(&self, key: &str) -> bool {
        self.layers.is_written(key)
    }

    /// The refusal of a value that is well-formed and of no use on this machine.
    pub(crate) fn wrong(&self, key: &str, reason: String, allowed: &str) -> ConfigError {
        self.layers.wrong(key, reason, allowed.to_owned())
    }
}

/// Reads, checks and resolves the configuration.
///
/// ```
/// use backplane::config::{Sources, load};
/// let loaded = load(&Sources::default())?;
/// assert!(loaded.config.demo);
/// # Ok::<(), backplane::config::ConfigErrors>(())
/// ```
///
/// # Errors
/// All that is wrong, each with its key, its origin, the reason and what is allowed. What takes more than one key to
/// be judged is judged once each key is good by itself.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
    let mut layers = Layers::default();
    let mut problems = Problems::default();
    let mut file = None;
    if sources.demo != Demonstration::AskedFor
        && let Some((path, text)) = file_text(sources)?
    {
        let table = layers.read(&path, &text)?;
        layers.values = check::table(&layers, table, &mut problems);
        file = Some(path);
    }
    for (name, value) in &sources.environment {
        if let Some(name) = our_variable(name) {
            let set = set_from_environment(&mut layers, &name, value);
            problems.note(set);
        }
    }
    for flag in &sources.flags {
        let set = set_from_text(&mut layers, flag.key, &flag.value, Origin::Flag(flag.flag));
        problems.note(set);
    }
    let demo =
        !["user", "bus"].into_iter().any(|section| layers.is_written(section)) && !makes_buses(&layers);
    if demo {
        if sources.demo == Demonstration::Refused {
            problems.add(layers.wrong("user", NOTHING.to_owned(), WANTED.to_owned()));
        }
        add_demo(&mut layers.values);
    }
    check::complete(&mut layers, &mut problems);
    let (config, layers) = resolve(layers, demo, problems)?;
    Ok(Loaded { config, file, layers })
}

impl Config {
    /// The demonstration, with every setting at its default: bus, user and password `demo` on `127.0.0.1:8080`.
    ///
    /// A start for programs that put their settings together themselves, and for tests.
    ///
    /// ```
    /// use backplane::config::Config;
    /// let mut config = Config::demo()?;
    /// config.listen = vec!["127.0.0.1:0".parse()?];
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// None in practice: it reads the defaults as if an operator had written them, and tests read the same.
    pub fn demo() -> Result<Self, ConfigErrors> {
        load(&Sources::default()).map(|loaded| loaded.config)
    }
}

fn file_text(sources: &Sources) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let variable = || {
        let found = sources.environment.iter().find(|(name, _)| name.to_str() == Some(FILE_VARIABLE));
        found.map(|(_, value)| PathBuf::from(value))
    };
    let named = match &sources.file {
        Some(path) => Some((path.clone(), "--config")),
        None => variable().map(|path| (path, FILE_VARIABLE)),
    };
    let usual = || sources.folder.as_ref().map(|folder| folder.join(USUAL_FILE));
    let (path, key, must_exist) = match (named, usual()) {
        (Some((path, key)), _) => (path, key, true),
        (None, Some(path)) => (path, USUAL_FILE, false),
        (None, None) => return Ok(None),
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((tidy(&path), text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => Ok(None),
        Err(error) => {
            Err(ConfigError::Unreadable { key: key.to_owned(), path: tidy(&path), reason: error.to_string() })
        }
    }
}

/// `./backplane.toml` is `backplane.toml` to whoever reads a message.
fn tidy(path: &Path) -> PathBuf {
    path.strip_prefix(".").unwrap_or(path).to_owned()
}

/// The name if the variable is for us.
///
/// Kubernetes gives every container the addresses of a service called `backplane` in variables that begin like
/// ours (`BACKPLANE_SERVICE_HOST`, `BACKPLANE_PORT_8080_TCP_ADDR`); they are not settings.
fn our_variable(name: &OsString) -> Option<String> {
    let name = name.to_string_lossy();
    let rest = name.strip_prefix(PREFIX)?;
    let injected = rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_");
    (name != FILE_VARIABLE && !injected).then(|| name.clone().into_owned())
}

fn set_from_environment(layers: &mut Layers, name: &str, value: &OsString) -> Result<(), ConfigError> {
    let path = name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_lowercase().replace("__", ".");
    let origin = Origin::Environment(name.to_owned());
    let Some(text) = value.to_str() else {
        layers.arriving(&path, origin);
        return Err(layers.wrong(&path, "is not UTF-8".to_owned(), "text in UTF-8".to_owned()));
    };
    set_from_text(layers, &path, text, origin)
}

fn set_from_text(layers: &mut Layers, path: &str, text: &str, origin: Origin) -> Result<(), ConfigError> {
    layers.arriving(path, origin);
    let section = path.split('.').next().unwrap_or(path);
    match (check::find(section), check::find(path)) {
        (Some(Known::Tables), _) => {
            let allowed = format!("[[{section}]] in the file");
            Err(layers.wrong(path, "this section can be in the file only".to_owned(), allowed))
        }
        (_, Some(Known::Key(key))) => {
            let checked = key.checked(key.value_of_text(text));
            layers.set(path, checked.map_err(|reason| layers.wrong(path, reason, key.allowed()))?);
            Ok(())
        }
        (_, Some(_)) => {
            let allowed = format!("a key of {path}");
            Err(layers.wrong(path, "is a section".to_owned(), allowed))
        }
        (_, None) => Err(check::unknown(layers, path, path)),
    }
}

fn add_demo(values: &mut Table) {
    let name = || Value::from(DEMO_NAME);
    let rights = || Value::Array(vec![name()]);
    let user = [("name", name()), ("password_hash", Value::from(DEMO_PASSWORD_HASH))];
    let bus = [("name", name()), ("post", rights()), ("read", rights())];
    for (section, keys) in [("user", user.to_vec()), ("bus", bus.to_vec())] {
        let entry = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        values.insert(section.to_owned(), Value::Array(vec![Value::Table(entry)]));
    }
}
