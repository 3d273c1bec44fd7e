//! The command line.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};

use crate::failure::{Failure, STATUSES};
use crate::provision::{self, AdminCommand, BusCommand, ClientCommand, GrantCommand, UserCommand};

use backplane::config::{Demonstration, FlagValue, Sources};

const SETTINGS: &str = "\
Settings are looked for on the command line, in the environment, in the file, and have defaults otherwise. An \
environment variable is called like its key: BACKPLANE_LISTEN, nested as in BACKPLANE_LIMITS__BODY; lists are separated \
by commas. BACKPLANE_CONFIG names the file like --config. The users and buses are in the file only. \
backplane.example.toml explains every key. Without users and buses `backplane` alone is the demonstration: the bus \
\"demo\" on 127.0.0.1:8080, user \"demo\", password \"demo\". `backplane serve`, for units and images, refuses to start \
then, unless it is told --demo.";

/// What every command's help ends with.
fn more() -> String {
    format!("{SETTINGS}\n\n{STATUSES}")
}

/// A Backplane Protocol message broker
#[derive(Debug, Parser)]
#[command(name = "backplane", version, after_help = more(), args_conflicts_with_subcommands = true)]
struct Line {
    #[command(subcommand)]
    command: Option<CommandLine>,
    #[command(flatten)]
    serve: ServeFlags,
}

#[derive(Debug, Subcommand)]
enum CommandLine {
    /// Serve what is configured; without users and buses refuse to start
    ///
    /// Without a command the same happens, but without users and buses it is the demonstration.
    #[command(after_help = more())]
    Serve(ServeFlags),
    /// Check the configuration, and what a start with it needs of this machine
    ///
    /// All problems are told at once: in the settings; then certificates, the folder of the log, and addresses. Nothing
    /// is changed, and nothing is served.
    #[command(after_help = more())]
    CheckConfig(CheckFlags),
    /// Check the message log on disk, and tell what it holds
    ///
    /// Nothing is changed. A log that is damaged is not served; what is whole in it can be salvaged.
    #[command(after_help = more())]
    CheckLog(LogFlags),
    /// Print the argon2id hash of a password
    ///
    /// The password is asked for twice on a terminal; otherwise it is one line of standard input. No setting has
    /// a part in it.
    #[command(after_help = STATUSES)]
    HashPassword,
    /// Make a new key for the tokens of pages; those that the key before signed stay good until the next time
    ///
    /// The file is the one that `tokens.key_file` names, else `token-keys` in the folder of `storage.path`; it is made if need be. SIGHUP
    /// has a server that runs read it. Let more time pass between two than `tokens.page_refresh_lifetime`: pages lose
    /// their channels with the second.
    #[command(after_help = STATUSES)]
    RotateTokenKey(FileFlag),
    /// List, make, change and remove buses, whether the server runs or not
    ///
    /// Those of the configuration stay as they are written there.
    #[command(subcommand, after_help = STATUSES)]
    Bus(BusCommand),
    /// List, make, change and remove users, whether the server runs or not
    ///
    /// Those of the configuration stay as they are written there. Rights are in the settings of buses.
    #[command(subcommand, after_help = STATUSES)]
    User(UserCommand),
    /// List, make, change and remove clients of version 2.0, whether the server runs or not
    #[command(subcommand, after_help = STATUSES)]
    Client(ClientCommand),
    /// List, give and revoke what clients may use, whether the server runs or not
    #[command(subcommand, after_help = STATUSES)]
    Grant(GrantCommand),
    /// List, make and remove admins, who make users and buses over HTTP
    #[command(subcommand, after_help = STATUSES)]
    Admin(AdminCommand),
}

/// Which file is read.
#[derive(Debug, Args)]
pub(crate) struct FileFlag {
    /// The configuration file [default: backplane.toml if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ServeFlags {
    #[command(flatten)]
    file: FileFlag,
    /// Serve the demonstration, whatever is configured: no file is read
    #[arg(long, conflicts_with = "config")]
    demo: bool,
    /// Listen on this address for plain HTTP; may be given several times
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Vec<String>,
    /// What the URLs that are handed out start with
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Accept credentials over plain HTTP
    #[arg(
        long, value_name = "true|false", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new()
    )]
    insecure_auth: Option<bool>,
    /// What is worth a line in the log: error, warn, info, debug, trace, off or target=level,…
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// The form of the log: human or json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

#[derive(Debug, Args)]
struct CheckFlags {
    #[command(flatten)]
    serve: ServeFlags,
    /// Check for a server that runs and is to take the configuration over (SIGHUP): addresses and storage may be in
    /// use, by that server
    #[arg(long)]
    reload: bool,
    /// Print a file that explains every key, with its bounds and default, and check nothing
    #[arg(long)]
    print_example: bool,
}

#[derive(Debug, Args)]
struct LogFlags {
    #[command(flatten)]
    file: FileFlag,
    /// The folder of the log [default: storage.path of the configuration]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Copy every whole record into a new log in this folder
    #[arg(long, value_name = "NEW_DIR")]
    repair: Option<PathBuf>,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Command {
    /// Serve, with the configuration from these sources.
    Serve(Sources),
    /// Check a configuration.
    CheckConfig {
        /// Where it comes from.
        sources: Sources,
        /// Whether a server runs already that is to take it over.
        reload: bool,
    },
    /// Print the text of `backplane.example.toml`.
    PrintExample,
    /// Check the log.
    CheckLog {
        /// The configuration that says where it is.
        sources: Sources,
        /// The folder, instead of what the configuration says.
        path: Option<PathBuf>,
        /// Where to salvage it to.
        repair: Option<PathBuf>,
    },
    /// Hash a password.
    HashPassword,
    /// Make a new key for the tokens of pages.
    RotateTokenKey {
        /// The configuration that says where the file is.
        sources: Sources,
    },
    /// See to users, buses or admins.
    Provision(provision::Command),
    /// Print the help or the version that was asked for.
    Help(clap::Error),
}

impl Command {
    /// Reads the process's command line.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`].
    pub(crate) fn of_process() -> Result<Self, Failure> {
        match Line::try_parse() {
            Ok(line) => Ok(line.into()),
            Err(mistake) if mistake.use_stderr() => Err(Failure::Usage(mistake)),
            Err(help) => Ok(Self::Help(help)),
        }
    }
}

impl From<Line> for Command {
    fn from(line: Line) -> Self {
        match line.command {
            None => Self::Serve(line.serve.sources(Demonstration::WithoutConfiguration)),
            Some(CommandLine::Serve(flags)) => Self::Serve(flags.sources(Demonstration::Refused)),
            Some(CommandLine::CheckConfig(flags)) if flags.print_example => Self::PrintExample,
            Some(CommandLine::CheckConfig(flags)) => {
                let sources = flags.serve.sources(Demonstration::WithoutConfiguration);
                Self::CheckConfig { reload: flags.reload, sources }
            }
            Some(CommandLine::CheckLog(LogFlags { file, path, repair })) => {
                let sources =
                    Sources::of_process(file.config, Vec::new(), Demonstration::WithoutConfiguration);
                Self::CheckLog { sources, path, repair }
            }
            Some(CommandLine::HashPassword) => Self::HashPassword,
            Some(CommandLine::RotateTokenKey(FileFlag { config })) => {
                let sources = Sources::of_process(config, Vec::new(), Demonstration::WithoutConfiguration);
                Self::RotateTokenKey { sources }
            }
            Some(CommandLine::Bus(command)) => Self::Provision(provision::Command::Bus(command)),
            Some(CommandLine::User(command)) => Self::Provision(provision::Command::User(command)),
            Some(CommandLine::Client(command)) => Self::Provision(provision::Command::Client(command)),
            Some(CommandLine::Grant(command)) => Self::Provision(provision::Command::Grant(command)),
            Some(CommandLine::Admin(command)) => Self::Provision(provision::Command::Admin(command)),
        }
    }
}

impl ServeFlags {
    /// `unasked`: what holds where `--demo` is not given.
    fn sources(self, unasked: Demonstration) -> Sources {
        let demo = if self.demo { Demonstration::AskedFor } else { unasked };
        let listen = (!self.listen.is_empty()).then(|| self.listen.join(","));
        let insecure_auth = self.insecure_auth.map(|on| on.to_string());
        let flags = [
            ("--listen", "listen", listen),
            ("--public-url", "public_url", self.public_url),
            ("--insecure-auth", "insecure_auth", insecure_auth),
            ("--log-level", "log.level", self.log_level),
            ("--log-format", "log.format", self.log_format),
        ];
        let set =
            flags.into_iter().filter_map(|(flag, key, value)| Some(FlagValue { flag, key, value: value? }));
        Sources::of_process(self.file.config, set.collect(), demo)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn flags(arguments: &[&str]) -> Vec<(&'static str, String)> {
        let line = Line::try_parse_from([&["backplane"], arguments].concat()).unwrap();
        let (Command::Serve(sources) | Command::CheckConfig { sources, .. }) = line.into() else {
            panic!("no sources")
        };
        sources.flags.into_iter().map(|flag| (flag.key, flag.value)).collect()
    }

    #[test]
    fn the_declaration_is_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn flags_become_settings_with_and_without_a_command() {
        let arguments =
            ["--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2", "--insecure-auth", "--log-level", "debug"];
        let expected = vec![
            ("listen", "127.0.0.1:1,127.0.0.1:2".to_owned()),
            ("insecure_auth", "true".to_owned()),
            ("log.level", "debug".to_owned()),
        ];
        assert_eq!(flags(&arguments), expected);
        assert_eq!(flags(&[&["serve"], &arguments[..]].concat()), expected);
        assert_eq!(flags(&[&["check-config"], &arguments[..]].concat()), expected);
        assert_eq!(flags(&["--insecure-auth=false"]), vec![("insecure_auth", "false".to_owned())]);
    }

    #[test]
    fn every_command_with_settings_takes_a_file() {
        for command in [
            &[][..],
            &["serve"],
            &["check-config"],
            &["check-log"],
            &["rotate-token-key"],
            &["bus", "list"],
            &["bus", "set", "b", "--post", "a,b", "--set", "retention=10m", "--unset", "jsonp"],
            &["user", "add", "u", "--generate"],
            &["admin", "create", "a", "--json"],
        ] {
            let line = [&["backplane"], command, &["--config", "x.toml"]].concat();
            assert!(Line::try_parse_from(&line).is_ok(), "{line:?}");
        }
        assert!(Line::try_parse_from(["backplane", "hash-password", "--config", "x.toml"]).is_err());
    }

    #[test]
    fn the_demonstration_is_what_happens_without_a_command_or_when_it_is_asked_for() {
        let demo = |arguments: &[&str]| {
            let line = Line::try_parse_from([&["backplane"], arguments].concat()).unwrap();
            let Command::Serve(sources) = line.into() else { panic!("it does not serve") };
            sources.demo
        };
        assert_eq!(demo(&[]), Demonstration::WithoutConfiguration);
        assert_eq!(demo(&["serve"]), Demonstration::Refused);
        assert_eq!(demo(&["--demo"]), Demonstration::AskedFor);
        assert_eq!(demo(&["serve", "--demo"]), Demonstration::AskedFor);
        assert!(Line::try_parse_from(["backplane", "serve", "--demo", "--config", "x.toml"]).is_err());
    }

    #[test]
    fn unknown_flags_are_refused() {
        assert!(Line::try_parse_from(["backplane", "--listn", "127.0.0.1:1"]).is_err());
    }
}
