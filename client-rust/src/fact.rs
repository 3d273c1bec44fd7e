//! What a server tells beside messages. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::names::ChannelName;
use crate::position::{MessageId, Position};

/// Whether something was missed since a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resume {
    /// Nothing.
    Complete,
    /// Something may have been.
    Gap,
    /// The position was none of this server's: the whole window comes, and nobody knows what was before.
    Reset,
    /// The server does not say: it is not ours.
    Unknown,
}

impl Resume {
    /// As headers and facts have it. A word that is not known may mean anything, so it is a gap (I-10).
    pub(crate) fn told(text: Option<&str>) -> Self {
        match text {
            Some("complete") => Self::Complete,
            Some("reset") => Self::Reset,
            None => Self::Unknown,
            Some(_) => Self::Gap,
        }
    }
}

/// Why a server ended a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The server is about to stop.
    Drain,
    /// The bus is gone.
    Closed,
    /// Credentials or rights are gone.
    Forbidden,
    /// The bus failed; the server needs its operator.
    Failed,
    /// The time of a token is over (2.0).
    Expired,
    /// A token, or what it was granted, was taken back (2.0).
    Revoked,
    /// The reader was too far behind for too long.
    Slow,
    /// A word that this client does not know.
    Other(String),
}

impl Reason {
    fn told(text: String) -> Self {
        match text.as_str() {
            "drain" => Self::Drain,
            "closed" => Self::Closed,
            "forbidden" => Self::Forbidden,
            "failed" => Self::Failed,
            "expired" => Self::Expired,
            "revoked" => Self::Revoked,
            "slow" => Self::Slow,
            _ => Self::Other(text),
        }
    }
}

/// A fact of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// What was missed, where the stream stands, and of which channels that is not `complete`.
    Resume { resume: Resume, cursor: Option<Position>, channels: BTreeMap<ChannelName, Resume> },
    /// The position has moved on, behind this last frame of the stream.
    Cursor { position: Position, prev: Option<MessageId> },
    /// The stream ends. Without a time to wait, for good.
    End { reason: Reason, retry: Option<Duration> },
    /// Something that this client does not know.
    Other,
}

#[derive(Deserialize)]
struct Text {
    resume: Option<String>,
    cursor: Option<String>,
    prev: Option<String>,
    #[serde(default)]
    channels: BTreeMap<String, String>,
    end: Option<String>,
    retry: Option<u64>,
}

impl Fact {
    /// Reads a fact. `None` if it is none.
    pub(crate) fn read(json: &str) -> Option<Self> {
        let text: Text = serde_json::from_str(json).ok()?;
        let cursor = text.cursor.map(|cursor| cursor.parse()).transpose().ok()?;
        if let Some(reason) = text.end {
            return Some(Self::End {
                reason: Reason::told(reason),
                retry: text.retry.map(Duration::from_millis),
            });
        }
        if let Some(resume) = text.resume {
            let channels = text.channels.iter();
            let channels =
                channels.map(|(name, resume)| (ChannelName::told(name), Resume::told(Some(resume))));
            return Some(Self::Resume {
                resume: Resume::told(Some(&resume)),
                cursor,
                channels: channels.collect(),
            });
        }
        let prev = text.prev.as_deref().map(MessageId::told);
        Some(cursor.map_or(Self::Other, |position| Self::Cursor { position, prev }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read() {
        let position: Position = "a.b".parse().unwrap();
        let resume = |resume, cursor, channels: &[(&str, Resume)]| Fact::Resume {
            resume,
            cursor,
            channels: channels.iter().map(|(name, resume)| (ChannelName::told(name), *resume)).collect(),
        };
        let end = |reason, retry: Option<u64>| Fact::End { reason, retry: retry.map(Duration::from_millis) };
        for (text, fact) in [
            (
                r#"{"resume":"complete","cursor":"a.b"}"#,
                resume(Resume::Complete, Some(position.clone()), &[]),
            ),
            (r#"{"resume":"reset"}"#, resume(Resume::Reset, None, &[])),
            (r#"{"resume":"gap","channels":{"c":"gap"}}"#, resume(Resume::Gap, None, &[("c", Resume::Gap)])),
            (r#"{"cursor":"a.b"}"#, Fact::Cursor { position: position.clone(), prev: None }),
            (r#"{"cursor":"a.b","prev":"a"}"#, Fact::Cursor { position, prev: Some(MessageId::told("a")) }),
            (r#"{"end":"drain","retry":2000}"#, end(Reason::Drain, Some(2000))),
            (r#"{"end":"closed"}"#, end(Reason::Closed, None)),
            (r#"{"end":"expired"}"#, end(Reason::Expired, None)),
            (r#"{"end":"revoked"}"#, end(Reason::Revoked, None)),
            (r#"{"end":"tired"}"#, end(Reason::Other("tired".into()), None)),
            (r#"{"weather":"fine"}"#, Fact::Other),
        ] {
            assert_eq!(Fact::read(text), Some(fact), "{text}");
        }
        for none in ["", "1", "{", r#"{"cursor":""}"#, r#"{"resume":7}"#] {
            assert_eq!(Fact::read(none), None, "{none}");
        }
    }

    #[test]
    fn i_10_a_word_that_is_not_known_is_a_gap() {
        assert_eq!(Resume::told(Some("mostly")), Resume::Gap);
        assert_eq!(Resume::told(None), Resume::Unknown);
    }
}
