//! What a retrieval gives, and how the versions of the protocol tell it. Pure.

use crate::error::Error;
use crate::fact::Resume;
use crate::message::{Frame, Message};
use crate::position::Position;

/// What a retrieval gives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<M = Message> {
    /// The messages, in the order of the bus; of several buses, in one order over all.
    pub frames: Vec<Frame<M>>,
    /// Where to go on from. Servers of ours always say it, also of an empty page.
    pub next: Option<Position>,
    /// Whether something was missed since the position.
    pub resume: Resume,
    /// Whether there is more already. Pages of version 1.x have all that there is.
    pub more: bool,
}

/// What a version of the protocol makes of a message.
pub(crate) trait Shape: Sized + Send + 'static {
    /// Reads a frame of a stream. `None` if it is none.
    fn frame(json: &str) -> Option<Frame<Self>>;

    /// Reads the answer to a poll: its body, its header `Link`, and whether something was missed.
    ///
    /// # Errors
    ///
    /// It is not what the version says.
    fn page(body: &[u8], link: Option<&str>, resume: Resume) -> Result<Page<Self>, Error>;
}

impl Shape for Message {
    fn frame(json: &str) -> Option<Frame> {
        serde_json::from_str(json).ok()
    }

    fn page(body: &[u8], link: Option<&str>, resume: Resume) -> Result<Page, Error> {
        let frames: Vec<Frame> =
            serde_json::from_slice(body).map_err(|_| Error::Malformed("it is not a list of frames"))?;
        // Servers of old have no link, and go on from the last message (RET-3).
        let next = link.and_then(Position::of_link);
        let next = next.or_else(|| frames.last().map(|frame| Position::from(&frame.id)));
        Ok(Page { frames, next, resume, more: false })
    }
}
