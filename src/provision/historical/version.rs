//! What the versions of the historical server differ in. Pure.

use super::super::kind::Kind;
use super::super::order::{Action, Done};
use super::words;

/// Which of the two provisioning interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// 1.0 to 1.2: rights of users on buses.
    One,
    /// 2.0: buses with owners, clients, grants.
    Two,
}

impl Version {
    /// Where each of them is.
    pub(super) const PREFIXES: [(&str, Self); 4] = [
        ("/v1/provision", Self::One),
        ("/v1.1/provision", Self::One),
        ("/v1.2/provision", Self::One),
        ("/v2/provision", Self::Two),
    ];

    /// What it lists, updates and deletes.
    pub(super) fn kinds(self) -> impl Iterator<Item = Kind> {
        let clients = self.has_grants().then_some(Kind::Clients);
        [Kind::Users, Kind::Buses].into_iter().chain(clients)
    }

    pub(super) fn has_grants(self) -> bool {
        self == Self::Two
    }

    /// What is told of a deletion: 1.x did not say that there was nothing.
    pub(super) fn deleted(self, done: &Done) -> String {
        let is_missed = self == Self::Two && done.action == Action::Nothing;
        if is_missed { words::NO_ENTRY } else { words::DELETED }.to_owned()
    }

    /// Its calls, for whoever asks for another one.
    pub(super) const fn calls(self) -> &'static str {
        match self {
            Self::One => "there are user/list, user/update, user/delete, bus/list, bus/update and bus/delete",
            Self::Two => {
                "there are list, update and delete below user, client and bus, and grant/add, grant/list and grant/revoke"
            }
        }
    }
}
