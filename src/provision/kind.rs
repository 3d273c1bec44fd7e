//! What there is to be made. Pure.

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Admins,
    Users,
    Clients,
    Buses,
    Grants,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Admins, Self::Users, Self::Clients, Self::Buses, Self::Grants];
    /// What there is, for whoever asks for something else.
    pub(crate) const THERE_ARE: &str = "there are buses, users, clients, grants and admins";

    /// As a path names it.
    pub(crate) fn of(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.many() == segment)
    }

    pub(crate) const fn one(self) -> &'static str {
        match self {
            Self::Admins => "admin",
            Self::Users => "user",
            Self::Clients => "client",
            Self::Buses => "bus",
            Self::Grants => "grant",
        }
    }

    /// What one of them is known by.
    pub(crate) const fn known_by(self) -> &'static str {
        match self {
            Self::Grants => "id",
            Self::Admins | Self::Users | Self::Clients | Self::Buses => "name",
        }
    }

    pub(crate) const fn many(self) -> &'static str {
        match self {
            Self::Admins => "admins",
            Self::Users => "users",
            Self::Clients => "clients",
            Self::Buses => "buses",
            Self::Grants => "grants",
        }
    }
}
