//! Who asks, and the lines of the log about changes.

use std::fmt;

use super::order::{Action, Done};
use crate::auth::UserName;
use crate::store::{AdminName, Grantor};

/// What operators can filter by.
const TARGET: &str = "audit";

/// Who makes a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    /// Somebody who has signed in.
    Admin(AdminName),
    /// A process of this user, over the socket in the data folder.
    Peer(u32),
    /// The command line where no server runs, for this user.
    CommandLine(u32),
    /// Whoever knows the secret that was printed at the start.
    Setup,
    /// The program around the service.
    Program,
    /// The owner of a bus, who lets a client use it (V2-AUTHZ-1).
    Owner(UserName),
    /// A configuration that was read: grants end with what it has no more.
    Configuration,
}

impl Who {
    /// As whom they give grants.
    pub(crate) fn grantor(&self) -> Grantor {
        match self {
            Self::Admin(name) => Grantor::Admin(name.clone()),
            Self::Peer(uid) | Self::CommandLine(uid) => Grantor::Process(*uid),
            Self::Owner(name) => Grantor::Owner(name.clone()),
            // The secret makes admins alone, and a configuration gives no grants.
            Self::Setup | Self::Program | Self::Configuration => Grantor::Program,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin(name) => write!(f, "admin {name}"),
            Self::Peer(uid) => write!(f, "uid {uid} over the socket"),
            Self::CommandLine(uid) => write!(f, "uid {uid} without a server"),
            Self::Setup => f.write_str("the secret for the first admin"),
            Self::Program => f.write_str("the program"),
            Self::Owner(name) => write!(f, "owner {name}"),
            Self::Configuration => f.write_str("the configuration"),
        }
    }
}

/// A line for each change: who, what, which fields. Never what is in them.
pub(super) fn audit(who: &Who, done: &[Done]) {
    for Done { action, kind, name, fields } in done.iter().filter(|done| done.action != Action::Nothing) {
        let fields = fields.join(" ");
        tracing::info!(target: TARGET, %who, action = action.as_str(), kind = kind.one(), name, fields, "changed");
    }
}
