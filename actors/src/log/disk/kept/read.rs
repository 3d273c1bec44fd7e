//! Reading a kept file back. Nothing is changed here.

use super::{KeptFile, generation, name, owner};
use crate::log::disk::bytes::length;
use crate::log::disk::content::{Content, Note, Settled, Unreadable, settled};
use crate::log::disk::file::Folder;
use crate::log::disk::keep::Keep;
use crate::log::disk::segment::{self, End, HEADER, Header, NoHeader, VERSION, frame_at, judge};
use crate::log::disk::walk::Frames;
use crate::log::{Kept, RecoveryError};
use crate::model::MessageId;

/// What was read of the kept files.
pub(crate) struct Recalled {
    pub(crate) file: KeptFile,
    /// Bytes behind what counts, without the zeros at their end.
    pub(crate) cut: u64,
    /// Later generations, and the first one where it was never whole: nothing in them counts.
    pub(crate) unused: Vec<u64>,
    pub(crate) records: u64,
}

/// The generations of the kept files in a folder, rising.
pub(crate) fn generations(folder: &dyn Folder) -> std::io::Result<Vec<u64>> {
    let mut found: Vec<u64> = folder.list()?.iter().filter_map(|name| generation(name)).collect();
    found.sort_unstable();
    Ok(found)
}

/// Reads what was kept of the segments before the first one that is there.
pub(crate) fn recall(
    folder: &dyn Folder,
    first: Header,
    visit: &mut dyn FnMut(Kept),
) -> Result<Recalled, RecoveryError> {
    let io = |name: &str| {
        let path = folder.path(name);
        move |error| RecoveryError::Io { path, error }
    };
    let mut later = generations(folder).map_err(io(""))?.into_iter();
    let may_be_none = first.number == 1 || first.is_old();
    let none = |unused| {
        let file = KeptFile::none(first.number, first.highest);
        Ok(Recalled { file, cut: 0, unused, records: 0 })
    };
    let Some(generation) = later.next() else {
        if may_be_none {
            return none(Vec::new());
        }
        let file = folder.path(&segment::name(first.number));
        let problem = "the file with what was promised before this segment is missing";
        return Err(RecoveryError::Damaged { file, offset: 0, problem });
    };
    let name = name(generation);
    let bytes = folder.read(&name).map_err(io(&name))?;
    let reading = Reading { path: folder.path(&name), generation, bytes: &bytes, first };
    let unused: Vec<u64> = later.collect();
    match reading.settled()? {
        Some((end, settled)) => reading.records(end, settled, unused, visit),
        // It was begun, and a crash tore it before any segment went.
        None if generation == 1 && unused.is_empty() && may_be_none => none(vec![generation]),
        None => Err(reading.damaged(0, "it does not say of itself that it is whole")),
    }
}

struct Reading<'a> {
    path: std::path::PathBuf,
    generation: u64,
    bytes: &'a [u8],
    first: Header,
}

impl Reading<'_> {
    fn damaged(&self, offset: usize, problem: &'static str) -> RecoveryError {
        RecoveryError::Damaged { file: self.path.clone(), offset: length(offset), problem }
    }

    /// Where the groups end that count, and what the last of them says. `None` without any.
    fn settled(&self) -> Result<Option<(usize, Settled)>, RecoveryError> {
        let owner = owner(self.generation);
        let begin = match Header::decode(self.bytes) {
            Ok(header) if header.number == owner => HEADER,
            Ok(_) => return Err(self.damaged(0, "the header belongs to another file")),
            Err(NoHeader::Version(found)) => {
                return Err(RecoveryError::Version { file: self.path.clone(), found, known: VERSION });
            }
            Err(NoHeader::Missing) => 0,
        };
        let (mut at, mut last, mut goes_on) = (begin, None, begin > 0);
        while goes_on && let Some(frame) = frame_at(self.bytes, owner, at) {
            at = frame.end;
            match settled(frame.content) {
                // The segment that it speaks for is there.
                Some(settled) if settled.first > self.first.number => goes_on = false,
                Some(settled) => last = Some((at, settled)),
                None => {}
            }
        }
        if goes_on || begin == 0 {
            // What crashes leave is behind all that counts.
            if let End::Damaged(_) = judge(self.bytes, owner, at) {
                return Err(self.damaged(at, "the record is not as it was written"));
            }
        }
        if let Some((end, settled)) = last
            && settled.first < self.first.number
        {
            return Err(self.damaged(end, "what was promised in segments that are gone is missing"));
        }
        Ok(last)
    }

    /// Tells the records of the groups that count.
    fn records(
        &self,
        end: usize,
        settled: Settled,
        unused: Vec<u64>,
        visit: &mut dyn FnMut(Kept),
    ) -> Result<Recalled, RecoveryError> {
        let mut file = KeptFile::none(self.first.number, MessageId::ZERO);
        (file.generation, file.length, file.settled) = (self.generation, length(end), settled);
        let (mut records, mut highest) = (0, MessageId::ZERO);
        file.keep = Keep::NOTHING;
        for frame in Frames::of(self.bytes.get(..end).unwrap_or_default(), owner(self.generation), HEADER) {
            match frame.content {
                Ok(Content::Post(record)) => {
                    if record.first() <= highest || record.last() > self.first.highest {
                        return Err(self.damaged(frame.at, "the ids fall"));
                    }
                    highest = record.last();
                    records += 1;
                    file.keep.add(&record);
                    if !file.buses.contains(&record.bus) {
                        file.buses.insert(record.bus.clone());
                    }
                    visit(Kept::Record(record));
                }
                Ok(Content::Note(Note::Retired { bus, next })) => {
                    file.keep.retires = true;
                    visit(Kept::Retired { bus, next });
                }
                Ok(Content::Note(Note::Settled(_))) => {}
                Ok(Content::Note(_)) => return Err(self.damaged(frame.at, "the note belongs to a segment")),
                Err(Unreadable::Newer(problem)) => {
                    let (file, offset) = (self.path.clone(), length(frame.at));
                    return Err(RecoveryError::Newer { file, offset, problem });
                }
                Err(Unreadable::Malformed) => {
                    return Err(self.damaged(frame.at, "the record has another form"));
                }
            }
        }
        let rest = self.bytes.get(end..).unwrap_or_default();
        let cut = length(rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        Ok(Recalled { file, cut, unused, records })
    }
}
