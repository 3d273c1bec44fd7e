//! What a retrieval asks for.

use crate::channel::Read;
use crate::context::BrokerContext;
use crate::model::{MessageId, Position, Since};
use crate::window::{Origin, Which};

/// What a retrieval asks for: messages after a position, all of them or sticky ones alone (RET-6).
///
/// ```
/// use backplane_actors::{Query, Since, Which};
/// assert_eq!(Query::from(Since::Start).which, Which::All);
/// assert_eq!(Query { since: Since::Start, which: Which::Sticky }, Query::from(Since::Start).sticky());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// Where it starts.
    pub since: Since,
    /// Which messages.
    pub which: Which,
}

impl Query {
    /// The same for sticky messages alone.
    #[must_use]
    pub const fn sticky(self) -> Self {
        Self { which: Which::Sticky, ..self }
    }
}

impl From<Since> for Query {
    fn from(since: Since) -> Self {
        Self { since, which: Which::All }
    }
}

impl From<MessageId> for Query {
    fn from(id: MessageId) -> Self {
        Since::from(id).into()
    }
}

impl From<Position> for Query {
    fn from(position: Position) -> Self {
        Since::from(position).into()
    }
}

impl Read {
    /// What a query asks a window for.
    pub(super) fn of(query: Query, broker: &BrokerContext) -> Self {
        Self { origin: broker.judge(query.since), which: query.which, most: usize::MAX }
    }

    /// Asks for the first message that is not before this one.
    pub(super) fn one(id: MessageId) -> Self {
        let before = MessageId::from_u64(id.as_u64().saturating_sub(1));
        Self { origin: Origin::Newer(before), which: Which::All, most: 1 }
    }
}
