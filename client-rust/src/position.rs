//! Up to where a reader has seen everything. Pure.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use reqwest::Url;

/// Longest text of a position, in bytes: one of 255 channels fits (I-5).
pub const POSITION_MAX: usize = 64 * 1024;
/// Characters of an id, and of an epoch.
const ID_LENGTH: usize = 13;

/// The id of a message. Ids of a bus rise, and are compared as texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Arc<str>);

impl MessageId {
    /// An id that a server tells. It is opaque, so nothing is checked.
    pub(crate) fn told(text: &str) -> Self {
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Up to where a reader has seen everything: opaque, given out by the server, good for the same channels of the same bus.
///
/// Whoever keeps its text (`Display`, `FromStr`) goes on from there after a restart, or is told of a gap.
///
/// ```
/// use backplane_client::Position;
/// let kept = "0w7z000000000.0t3k000000000".parse::<Position>()?;
/// assert_eq!(kept.to_string(), "0w7z000000000.0t3k000000000");
/// assert!("".parse::<Position>().is_err());
/// # Ok::<(), backplane_client::NotAPosition>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Position {
    /// What goes as `since`.
    cursor: Arc<str>,
    /// What goes as `Last-Event-ID`, where that says more: of several channels events have only short positions, which apply to
    /// the channels of the cursor.
    event: Option<Arc<str>>,
}

/// A text is not a position: one or two words of visible ASCII, at most [`POSITION_MAX`] bytes in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a position is one or two words of visible ASCII, at most {POSITION_MAX} bytes")]
pub struct NotAPosition;

impl Position {
    /// The position that a link of a poll carries. `None` if it carries none.
    pub(crate) fn of_link(header: &str) -> Option<Self> {
        let (target, parameters) = header.split_once('<')?.1.split_once('>')?;
        // Only its query counts, so any base will do for a relative one.
        let url = Url::parse("http://localhost/").ok()?.join(target).ok()?;
        let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        let since = value("since").filter(|_| parameters.contains("next"))?;
        match value("epoch") {
            Some(epoch) => format!("{since}.{epoch}").parse().ok(),
            None => since.parse().ok(),
        }
    }

    /// The position that the URL of the next poll carries (V2-GET-1). `None` if it carries none.
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        url.query_pairs().find(|(key, _)| key == "since")?.1.parse().ok()
    }

    /// What goes as `since`, whole.
    pub(crate) fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The position behind an event of a stream that was at `self` before. `several`: of several channels.
    pub(crate) fn behind(before: Option<&Self>, event: &str, several: bool) -> Option<Self> {
        let event: Self = event.parse().ok()?;
        match before {
            Some(before) if several => {
                Some(Self { cursor: Arc::clone(&before.cursor), event: Some(event.cursor) })
            }
            // Without a cursor that names them, a short position applies to nothing.
            None if several => None,
            _ => Some(event),
        }
    }

    /// The parameters of a request that goes on from here. A server without push knows positions as two of them.
    pub(crate) fn query(&self) -> Vec<(&'static str, &str)> {
        match self.cursor.split_once('.') {
            Some((id, epoch)) if id.len() == ID_LENGTH && epoch.len() == ID_LENGTH => {
                vec![("since", id), ("epoch", epoch)]
            }
            _ => vec![("since", &self.cursor)],
        }
    }

    /// The header `Last-Event-ID` of such a request.
    pub(crate) fn last_event_id(&self) -> Option<&str> {
        self.event.as_deref()
    }

    /// The id in it, if it is of a server that has ids in its positions.
    pub(crate) fn id(&self) -> Option<MessageId> {
        let text = self.event.as_deref().unwrap_or(&self.cursor);
        let id = text.split('.').next()?;
        let is_id = id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_id.then(|| MessageId::told(id))
    }
}

impl From<&MessageId> for Position {
    /// A bare id, as servers of old have it: good as long as their window shows that message (RET-3, RET-4).
    fn from(id: &MessageId) -> Self {
        Self { cursor: Arc::clone(&id.0), event: None }
    }
}

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
        let (cursor, event) = match text.split_once(' ') {
            Some((cursor, event)) => (cursor, Some(event)),
            None => (text, None),
        };
        if text.len() > POSITION_MAX || !is_word(cursor) || !event.is_none_or(is_word) {
            return Err(NotAPosition);
        }
        Ok(Self { cursor: cursor.into(), event: event.map(Into::into) })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cursor)?;
        match &self.event {
            Some(event) => write!(f, " {event}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Position {
    /// Of several channels it may name them (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({} characters)", self.cursor.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn position(text: &str) -> Position {
        text.parse().unwrap()
    }

    #[test]
    fn links_carry_positions() {
        let of = |header| Position::of_link(header).map(|position| position.to_string());
        assert_eq!(of("<?since=a&epoch=b>; rel=\"next\"").as_deref(), Some("a.b"));
        assert_eq!(of("<https://x.y/v1/bus/b?x=y&since=a%2Bb>; rel=\"next\"").as_deref(), Some("a+b"));
        for none in [
            "",
            "<?epoch=b>; rel=\"next\"",
            "<?since=a>; rel=\"prev\"",
            "?since=a",
            "<?since=>; rel=\"next\"",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn servers_without_push_get_two_parameters() {
        let plain = position("0w7z000000000.0t3k000000000");
        assert_eq!(plain.query(), [("since", "0w7z000000000"), ("epoch", "0t3k000000000")]);
        assert_eq!(position("0w7z000000000").query(), [("since", "0w7z000000000")]);
        let long = "0w7z000000000.0t3k000000000.more";
        assert_eq!(position(long).query(), [("since", long)]);
    }

    #[test]
    fn of_several_channels_the_cursor_stays_and_the_event_moves() {
        let cursor = position("0w7z000000000.0t3k000000000.set");
        let behind = Position::behind(Some(&cursor), "0w80000000000.0t3k000000000", true).unwrap();
        assert_eq!(behind.query(), cursor.query());
        assert_eq!(behind.last_event_id(), Some("0w80000000000.0t3k000000000"));
        assert_eq!(behind.id().unwrap().as_str(), "0w80000000000");
        assert_eq!(position(&behind.to_string()), behind, "it can be kept");
        assert_eq!(Position::behind(None, "0w80000000000.0t3k000000000", true), None);
        let single = Position::behind(Some(&cursor), "0w80000000000.0t3k000000000", false).unwrap();
        assert_eq!(
            (single.to_string().as_str(), single.last_event_id()),
            ("0w80000000000.0t3k000000000", None)
        );
    }

    #[test]
    fn v2_get_1_urls_carry_positions() {
        let of = |url| Position::of_url(url).map(|position| position.to_string());
        assert_eq!(of("https://x.y/v2/messages?since=a.b").as_deref(), Some("a.b"));
        assert_eq!(of("https://x.y/v2/messages?since=a%2Eb&block=5").as_deref(), Some("a.b"));
        for none in [
            "",
            "/v2/messages?since=a.b",
            "https://x.y/",
            "https://x.y/?since=",
            "https://x.y/?since=a%20%20b",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn i_5_positions_are_bounded() {
        assert_eq!("p".repeat(POSITION_MAX + 1).parse::<Position>(), Err(NotAPosition));
        for bad in ["", " ", "a ", " a", "a b c", "a\nb", "ü"] {
            assert_eq!(bad.parse::<Position>(), Err(NotAPosition), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_a_position_comes_back(text in "\\PC{0,40}") {
            if let Ok(position) = text.parse::<Position>() {
                prop_assert_eq!(position.to_string(), text);
            }
        }
    }
}
