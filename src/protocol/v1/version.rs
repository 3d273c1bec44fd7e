//! Which version a request came to.

use backplane_actors::PromiseRule;

use crate::protocol::shown::Shows;

/// A version of the protocol that this door serves. Its prefix chooses what there is, not which buses and channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// 1.0.
    V1_0,
    /// 1.1.
    V1_1,
    /// 1.2.
    V1_2,
    /// 1.3.
    V1_3,
}

impl Version {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3];

    /// What paths of the version start with. Links keep to it: a reader who follows them stays with its version.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::V1_0 => "/v1",
            Self::V1_1 => "/v1.1",
            Self::V1_2 => "/v1.2",
            Self::V1_3 => "/v1.3",
        }
    }

    /// What its readers are shown of each message.
    pub(super) const fn shows(self) -> Shows {
        match self {
            Self::V1_0 | Self::V1_1 => Shows::AsPosted,
            Self::V1_2 => Shows::Sticky,
            Self::V1_3 => Shows::StickyAndExpire,
        }
    }

    /// Which fields its posters must write as they are meant.
    pub(super) const fn promises(self) -> PromiseRule {
        match self {
            Self::V1_0 | Self::V1_1 => PromiseRule::Free,
            Self::V1_2 => PromiseRule::Sticky,
            Self::V1_3 => PromiseRule::Dated,
        }
    }

    /// Whether it knows the parameter `sticky` (RET-6): a value that it does not know is refused then.
    pub(super) const fn knows_sticky(self) -> bool {
        !matches!(self.promises(), PromiseRule::Free)
    }

    /// What there is, for those who ask for something else.
    pub(super) fn resources(self) -> String {
        let (prefix, name) = (self.prefix(), self.prefix().trim_start_matches("/v"));
        let name = if self == Self::V1_0 { "1.0" } else { name };
        let also = if self == Self::V1_0 { ", also without /v1" } else { "" };
        format!(
            "version {name} has {prefix}/bus/<bus>, {prefix}/bus/<bus>/channel/<channel>, \
             {prefix}/bus/<bus>/channels?channel=<channel> and {prefix}/bus/<bus>/channel/new{also}"
        )
    }
}
