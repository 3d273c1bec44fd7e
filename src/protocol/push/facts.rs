//! What readers are told beside messages, as JSON. Pure.
//!
//! Positions and names of channels consist of characters that JSON leaves as they are.

use std::time::Duration;

use backplane_actors::{End, Resume};

/// Why the server ends what it streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The server is about to stop.
    Drain,
    /// The bus is gone.
    Closed,
    /// Credentials or rights are gone.
    Forbidden,
    /// The bus failed.
    Failed,
    /// There is no room for what the client says.
    Full,
    /// It is subscribed to nothing, and has said nothing for long.
    Idle,
    /// The time of the token is over: with a new one the client goes on where it is.
    Expired,
    /// The token was revoked, or what it was granted was taken back.
    Revoked,
}

impl From<End> for Reason {
    fn from(end: End) -> Self {
        match end {
            End::BusClosed => Self::Closed,
            End::BusFailed => Self::Failed,
            // The broker ends before its readers only where nobody has drained it.
            End::Closed => Self::Drain,
        }
    }
}

impl Reason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Closed => "closed",
            Self::Forbidden => "forbidden",
            Self::Failed => "failed",
            Self::Full => "full",
            Self::Idle => "idle",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// Whether something was missed, and where the reader stands; of these channels by name.
///
/// `heartbeat`: how long a stream is silent at most; said once, at its beginning. `prev`: the last frame before, if this is said in the
/// midst of a stream.
pub(super) fn resume<'c>(
    resume: Resume,
    cursor: &str,
    heartbeat: Option<Duration>,
    prev: Option<&str>,
    channels: impl IntoIterator<Item = (&'c str, Resume)>,
) -> String {
    let mut json = format!("{{\"resume\":\"{}\",\"cursor\":\"{cursor}\"", resume.as_str());
    if let Some(heartbeat) = heartbeat {
        json.push_str(",\"heartbeat\":");
        json.push_str(&heartbeat.as_millis().to_string());
    }
    if let Some(prev) = prev {
        json.extend([",\"prev\":\"", prev, "\""]);
    }
    let mut some = false;
    for (channel, resume) in channels {
        json.push_str(if some { "," } else { ",\"channels\":{" });
        some = true;
        json.extend(["\"", channel, "\":\"", resume.as_str(), "\""]);
    }
    json.push_str(if some { "}}" } else { "}" });
    json
}

/// The position, after silence, and the last frame of the stream, if there was one: a position proves nothing to whom that is
/// missing.
pub(super) fn cursor(cursor: &str, prev: Option<&str>) -> String {
    match prev {
        Some(prev) => format!("{{\"cursor\":\"{cursor}\",\"prev\":\"{prev}\"}}"),
        None => format!("{{\"cursor\":\"{cursor}\"}}"),
    }
}

/// The end, and when to come back if that is worth it.
pub(super) fn end(reason: Reason, retry: Option<Duration>) -> String {
    let reason = reason.as_str();
    match retry {
        Some(retry) => format!("{{\"end\":\"{reason}\",\"retry\":{}}}", retry.as_millis()),
        None => format!("{{\"end\":\"{reason}\"}}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_fact_1_facts_are_objects_with_their_name_first() {
        let none: [(&str, Resume); 0] = [];
        assert_eq!(resume(Resume::Complete, "p", None, None, none), r#"{"resume":"complete","cursor":"p"}"#);
        let fifteen = Some(Duration::from_secs(15));
        assert_eq!(
            resume(Resume::Complete, "p", fifteen, None, none),
            r#"{"resume":"complete","cursor":"p","heartbeat":15000}"#
        );
        let channels = [("a", Resume::Gap), ("c", Resume::Reset)];
        assert_eq!(
            resume(Resume::Gap, "p", None, Some("i"), channels),
            r#"{"resume":"gap","cursor":"p","prev":"i","channels":{"a":"gap","c":"reset"}}"#
        );
        assert_eq!(cursor("p", None), r#"{"cursor":"p"}"#);
        assert_eq!(cursor("p", Some("i")), r#"{"cursor":"p","prev":"i"}"#);
        assert_eq!(end(Reason::Drain, Some(Duration::from_secs(2))), r#"{"end":"drain","retry":2000}"#);
        assert_eq!(end(Reason::Closed, None), r#"{"end":"closed"}"#);
    }
}
