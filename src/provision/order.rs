//! What somebody wants, and what was done. Pure.

use std::collections::BTreeSet;

use backplane_actors::{BusName, Timestamp};
use serde_json::{Map, Value};

use super::kind::Kind;
use crate::access::{ClientName, ClientUrl, GrantId, Tenancy};
use crate::auth::{PasswordHash, UserName};
use crate::store::{AdminName, Grantor, Made};

/// When orders are carried out, and what is new then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occasion {
    /// By the wall clock.
    pub(crate) now: Timestamp,
    /// Of buses that are made: no bus had it before.
    pub(crate) tenancy: Tenancy,
}

/// One thing that is wanted.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    Admin { name: AdminName, wish: PersonWish, only_if: OnlyIf },
    User { name: UserName, wish: PersonWish, only_if: OnlyIf },
    Client { name: ClientName, wish: ClientWish, only_if: OnlyIf },
    Bus { name: BusName, wish: BusWish, only_if: OnlyIf },
    Grant { id: GrantId, wish: GrantWish, only_if: OnlyIf },
}

/// What becomes of a user or an admin.
#[derive(Debug, Clone)]
pub(crate) enum PersonWish {
    /// Has this password, and is there if need be.
    Password(PasswordHash),
    Remove,
}

/// What becomes of a client.
#[derive(Debug, Clone)]
pub(crate) enum ClientWish {
    /// Is like this, and is there if need be.
    Put {
        secret: PasswordHash,
        source: ClientUrl,
        redirects: Vec<ClientUrl>,
    },
    /// Is like this where something is said; it has to be there.
    Patch {
        secret: Option<PasswordHash>,
        source: Option<ClientUrl>,
        redirects: Option<Vec<ClientUrl>>,
    },
    /// May not use these buses any more, by whatever grant.
    Revoke(BTreeSet<BusName>),
    Remove,
}

/// What becomes of a grant.
#[derive(Debug, Clone)]
pub(crate) enum GrantWish {
    /// Is given.
    Make {
        client: ClientName,
        buses: BTreeSet<BusName>,
        by: Grantor,
    },
    Remove,
}

/// What becomes of a bus.
#[derive(Debug, Clone)]
pub(crate) enum BusWish {
    /// Has these settings and no others, and is there if need be.
    Put(Map<String, Value>),
    /// Has what this merge patch makes of its settings, or of none.
    Patch(Map<String, Value>),
    Remove,
}

/// When it is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OnlyIf {
    Always,
    /// There is nothing of this name.
    Absent,
    /// There is; else it is told that there is not.
    There,
    /// There is, with one of these tags.
    Tagged(Vec<String>),
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) action: Action,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// What is otherwise than before, by name.
    pub(crate) fields: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Make,
    Change,
    Remove,
    /// It was as it was wanted.
    Nothing,
}

impl Action {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Make => "make",
            Self::Change => "change",
            Self::Remove => "remove",
            Self::Nothing => "nothing",
        }
    }
}

/// Why an order is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is in the configuration.
    ReadOnly,
    Unknown,
    /// [`OnlyIf::Absent`], and it is there.
    Exists,
    /// [`OnlyIf::Tagged`], and it is otherwise.
    Changed,
    /// It names one of these that is not there.
    Stranger(Kind, String),
    /// Its grantor does not own this bus (V2-AUTHZ-1).
    NotOwned(BusName),
    /// Some fields are wrong.
    Wrong(Vec<Wrong>),
    /// As many are made as may be, by this setting.
    TooMany {
        setting: &'static str,
        most: usize,
    },
}

/// A field with a wrong value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) field: String,
    pub(crate) reason: String,
    pub(crate) allowed: String,
}

impl Wrong {
    pub(crate) fn new(field: &str, reason: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { field: field.to_owned(), reason: reason.into(), allowed: allowed.into() }
    }
}

/// What was there, and what came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) made: Made,
    /// Of each order what was done.
    pub(crate) done: Vec<Done>,
    /// What came of it besides: grants that end, or cover less than before.
    pub(crate) followed: Vec<Done>,
}

impl Order {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Admin { .. } => Kind::Admins,
            Self::User { .. } => Kind::Users,
            Self::Client { .. } => Kind::Clients,
            Self::Bus { .. } => Kind::Buses,
            Self::Grant { .. } => Kind::Grants,
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Admin { name, .. } => name.as_str(),
            Self::User { name, .. } => name.as_str(),
            Self::Client { name, .. } => name.as_str(),
            Self::Bus { name, .. } => name.as_str(),
            Self::Grant { id, .. } => id.as_str(),
        }
    }

    pub(super) fn only_if(&self) -> &OnlyIf {
        let (Self::Admin { only_if, .. }
        | Self::User { only_if, .. }
        | Self::Client { only_if, .. }
        | Self::Bus { only_if, .. }
        | Self::Grant { only_if, .. }) = self;
        only_if
    }
}
