//! `backplane bus`, `user`, `client`, `grant` and `admin`: over the socket of the server that runs, or at its store where none does.
//!
//! | module | what lives there |
//! |---|---|
//! | `arguments` | their part of the command line |
//! | `ask` | the request that a command is |
//! | `shown` | its answer, as a table or as JSON |
//! | `way` | the way to the server or to its store |

mod arguments;
mod ask;
mod shown;
mod way;

use backplane::config::{Demonstration, Sources, load};
use backplane::server::telemetry;

pub(crate) use self::arguments::{AdminCommand, BusCommand, ClientCommand, GrantCommand, UserCommand};
use self::ask::Ask;
use self::way::Way;
use crate::failure::{Failure, say};

/// What is to be done about users, clients, buses, grants or admins.
#[derive(Debug)]
pub(crate) enum Command {
    /// `backplane bus`.
    Bus(BusCommand),
    /// `backplane user`.
    User(UserCommand),
    /// `backplane client`.
    Client(ClientCommand),
    /// `backplane grant`.
    Grant(GrantCommand),
    /// `backplane admin`.
    Admin(AdminCommand),
}

/// Does it, and tells what came of it.
///
/// # Errors
///
/// It was refused, or neither the server nor its store can be used.
pub(crate) fn provision(command: Command) -> Result<(), Failure> {
    let (reach, ask) = match command {
        Command::Bus(command) => command.ask()?,
        Command::User(command) => command.ask()?,
        Command::Client(command) => command.ask()?,
        Command::Grant(command) => command.ask(),
        Command::Admin(command) => command.ask()?,
    };
    let sources = Sources::of_process(reach.file.config, Vec::new(), Demonstration::WithoutConfiguration);
    let config = load(&sources)?.config;
    let folder = config.storage.folder().ok_or(Failure::NoStore)?;
    // The line about a change, where no server writes it.
    telemetry::start(&config.log)?;
    let way = Way::find(folder, &config)?;
    let Ask { request, secret, tells } = ask;
    let answer = if request.is_list() { way.all(&request)? } else { way.call(&request)? };
    let text = if reach.json {
        shown::json(&request, answer, secret.as_ref())
    } else {
        shown::table(&request, &answer, tells, secret.as_ref())
    };
    say(&text)
}
