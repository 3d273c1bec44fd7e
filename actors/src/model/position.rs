//! Positions: where a reader is in a history, and in which history.

use std::fmt;
use std::str::FromStr;

use super::id::{IdText, MessageId, NotAnId};

/// Which run of a log gave a position out: random, new at every start.
///
/// An id alone cannot tell two histories apart when a backup is restored, a power loss takes what was told, or a clock
/// is set back between two runs: the same numbers come again. An epoch can (I-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch with this number.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The epoch's number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl Epoch {
    /// The text form, without allocating.
    #[must_use]
    pub fn text(self) -> IdText {
        // The text form of ids is the text form of 64 bits.
        MessageId::from_u64(self.0).text()
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl FromStr for Epoch {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.parse::<MessageId>().map(|id| Self(id.as_u64()))
    }
}

/// Where a reader is: everything up to `id` is behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The last id that the reader knows of.
    pub id: MessageId,
    /// The run that gave the position out. `None` for a bare id, such as an old client sends.
    pub epoch: Option<Epoch>,
}

impl From<MessageId> for Position {
    /// A bare id.
    fn from(id: MessageId) -> Self {
        Self { id, epoch: None }
    }
}

/// Where a retrieval starts (RET-2 to RET-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// No position: the whole window.
    Start,
    /// What a reader of version 1.x has seen: what is newer, or the whole window where that is not known (RET-4).
    After(Position),
    /// What a reader of version 2.0 has seen: what is newer, and never anything else (RET-5). Of a position that nobody can vouch for
    /// the reader is told.
    Newer(Position),
    /// A position that no server of ours ever gave out: the whole window, and the reader is told.
    Unknown,
}

impl Since {
    /// Reads the texts of a `since` parameter and of the `epoch` beside it. A text that is none of ours is
    /// [`Since::Unknown`]: by RET-4 it is not an error.
    ///
    /// ```
    /// use backplane_actors::{MessageId, Since};
    /// let id = MessageId::from_u64(7);
    /// assert_eq!(Since::from_text(&id.to_string(), None), Since::After(id.into()));
    /// assert_eq!(Since::from_text("yesterday", None), Since::Unknown);
    /// ```
    #[must_use]
    pub fn from_text(since: &str, epoch: Option<&str>) -> Self {
        match (since.parse(), epoch.map(str::parse).transpose()) {
            (Ok(id), Ok(epoch)) => Self::After(Position { id, epoch }),
            _ => Self::Unknown,
        }
    }

    /// The same for a reader of version 2.0 (RET-5). A position that no server of ours ever gave out is one beyond all of
    /// them: nothing is newer, and the reader is told.
    ///
    /// ```
    /// use backplane_actors::{MessageId, Position, Since};
    /// let position = Position::from(MessageId::from_u64(7));
    /// assert_eq!(Since::from(position).strictly(), Since::Newer(position));
    /// assert_eq!(Since::Start.strictly(), Since::Start);
    /// assert_eq!(Since::Unknown.strictly(), Since::Newer(MessageId::MAX.into()));
    /// ```
    #[must_use]
    pub fn strictly(self) -> Self {
        match self {
            Self::Start => Self::Start,
            Self::After(position) | Self::Newer(position) => Self::Newer(position),
            Self::Unknown => Self::Newer(MessageId::MAX.into()),
        }
    }
}

impl From<MessageId> for Since {
    fn from(id: MessageId) -> Self {
        Self::After(id.into())
    }
}

impl From<Position> for Since {
    fn from(position: Position) -> Self {
        Self::After(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ret_4_a_text_that_is_no_position_is_unknown() {
        let (id, epoch) = (MessageId::from_u64(42), Epoch::from_u64(7));
        let (id_text, epoch_text) = (id.to_string(), epoch.to_string());
        let after = |epoch| Since::After(Position { id, epoch });
        assert_eq!(Since::from_text(&id_text, None), after(None));
        assert_eq!(Since::from_text(&id_text, Some(&epoch_text)), after(Some(epoch)));
        assert_eq!(Since::from_text(&id_text, Some("")), Since::Unknown);
        assert_eq!(Since::from_text("", Some(&epoch_text)), Since::Unknown);
    }
}
