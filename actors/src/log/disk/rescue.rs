//! Pure: what is whole in a kept file, whatever happened to it.

use super::bytes::TooLong;
use super::content::{Content, Note, Settled, Unreadable};
use super::kept::owner;
use super::segment::{NoHeader, push_frame};
use super::walk::{Found, walk};
use crate::model::MessageId;

/// What a kept file has that can be copied.
pub(crate) struct Rescued {
    /// Frames that have no place yet, ids rising.
    pub(crate) frames: Vec<u8>,
    pub(crate) records: u64,
    /// The highest id in them.
    pub(crate) newest: MessageId,
    /// Something is missing that was there.
    pub(crate) has_holes: bool,
    /// Sticky messages up to here are not to be had, if nothing is missing beside.
    pub(crate) lost_sticky: MessageId,
}

impl Rescued {
    /// There is no file.
    pub(crate) const fn nothing(has_holes: bool, lost_sticky: MessageId) -> Self {
        Self { frames: Vec::new(), records: 0, newest: MessageId::ZERO, has_holes, lost_sticky }
    }
}

/// The segment behind the file: its number, and the highest id before it, if its header is whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behind {
    pub(crate) number: u64,
    pub(crate) highest: Result<MessageId, NoHeader>,
}

/// Copies what is whole in a kept file of this generation.
pub(crate) fn rescue(bytes: &[u8], generation: u64, behind: Behind) -> Result<Rescued, TooLong> {
    let mut copy =
        Copy { rescued: Rescued::nothing(false, MessageId::ZERO), behind, group: Vec::new(), first: None };
    let mut copied = Ok(());
    walk(bytes, owner(generation), &mut |found| {
        if copied.is_ok() {
            copied = copy.found(&found);
        }
    });
    copied?;
    copy.settle(None)?;
    // Each segment that went has left a note here.
    copy.rescued.has_holes |= copy.first != Some(behind.number);
    Ok(copy.rescued)
}

/// The content of a frame, and its first and last id if it has any.
type Copied = (Vec<u8>, Option<(MessageId, MessageId)>);

struct Copy {
    rescued: Rescued,
    behind: Behind,
    /// The frames since the last note that settled some.
    group: Vec<Copied>,
    /// The first segment that what was copied does not stand for.
    first: Option<u64>,
}

impl Copy {
    fn found(&mut self, found: &Found<'_>) -> Result<(), TooLong> {
        match found {
            Found::Header(_) => {}
            Found::Hole(..) => self.rescued.has_holes = true,
            Found::Frame(frame) => match &frame.content {
                Ok(Content::Note(Note::Settled(settled))) => self.settle(Some(*settled))?,
                Ok(Content::Post(record)) => {
                    self.group.push((frame.bytes.to_vec(), Some((record.first(), record.last()))));
                }
                // What a newer program wrote means something to that.
                Ok(Content::Note(_)) | Err(Unreadable::Newer(_) | Unreadable::Malformed) => {
                    self.group.push((frame.bytes.to_vec(), None));
                }
            },
        }
        Ok(())
    }

    /// A group ends here, or where nothing more is whole.
    fn settle(&mut self, settled: Option<Settled>) -> Result<(), TooLong> {
        let counts = settled.filter(|settled| settled.first <= self.behind.number);
        let rescued = &mut self.rescued;
        for (bytes, ids) in self.group.drain(..) {
            if let Some((first, last)) = ids {
                // Where the note is not whole, or speaks for a segment that is there, ids tell.
                if counts.is_none() && self.behind.highest.map_or(true, |highest| last > highest) {
                    continue;
                }
                if first <= rescued.newest {
                    rescued.has_holes = true;
                    continue;
                }
                rescued.newest = last;
                rescued.records += 1;
            }
            push_frame(&mut rescued.frames, |into| {
                into.extend_from_slice(&bytes);
                Ok(())
            })?;
        }
        if let Some(settled) = counts {
            self.first = Some(settled.first);
            rescued.lost_sticky = rescued.lost_sticky.max(settled.lost_sticky);
        }
        Ok(())
    }
}
