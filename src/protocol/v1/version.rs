//! Which version a request came to.

/// A version of the protocol that this door serves. Its prefix chooses what there is, not which buses and channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// 1.0.
    V1_0,
    /// 1.1.
    V1_1,
}

impl Version {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::V1_0, Self::V1_1];

    /// What paths of the version start with. Links keep to it: a reader who follows them stays with its version.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::V1_0 => "/v1",
            Self::V1_1 => "/v1.1",
        }
    }

    /// What there is, for those who ask for something else.
    pub(super) const fn resources(self) -> &'static str {
        match self {
            Self::V1_0 => {
                "version 1.0 has /v1/bus/<bus>, /v1/bus/<bus>/channel/<channel>, \
                 /v1/bus/<bus>/channels?channel=<channel> and /v1/bus/<bus>/channel/new, also without /v1"
            }
            Self::V1_1 => {
                "version 1.1 has /v1.1/bus/<bus>, /v1.1/bus/<bus>/channel/<channel>, \
                 /v1.1/bus/<bus>/channels?channel=<channel> and /v1.1/bus/<bus>/channel/new"
            }
        }
    }
}
