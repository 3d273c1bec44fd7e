//! A part of a stream: an answer that took long, whose frames follow one another.
//!
//! Whether something was missed was said when it began. So what must have been in a window, and what cannot have been, is judged by that
//! moment; and from there to the last position that it told, all that there is must be in it, whatever the window has lost since.

use std::collections::HashSet;

use super::super::history::{Position, Resume, Stretch};
use super::retrieval::{Placed, told};
use super::timeline::Timelines;
use super::{Findings, Kind, Rules};

pub(super) fn check(
    stretch: &Stretch,
    timelines: &Timelines,
    rules: &[Rules],
    epochs: &HashSet<u64>,
    findings: &mut Findings,
) {
    let retrieval = &stretch.retrieval;
    if let Some(placed) = Placed::on(timelines, retrieval, rules, epochs, findings) {
        placed.open().rules(findings);
    }
    let after_position = matches!(retrieval.since, Position::Cursor(_) | Position::Id(_));
    match retrieval.answer.resume {
        Resume::Complete => findings.checks.streamed += u64::from(!stretch.links.is_empty()),
        Resume::Gap | Resume::Reset | Resume::Unsure => {
            findings.checks.streamed_gaps += u64::from(after_position);
        }
    }
}

/// A frame is above where its reader stood, and names the frame before it on the stream. The first one names none that lies beyond where
/// the stream stands: its reader would take that for a loss.
pub(super) fn chained(Stretch { retrieval, links, .. }: &Stretch, findings: &mut Findings) {
    for (shown, link) in retrieval.answer.shown.iter().zip(links) {
        if shown.id <= link.stood {
            findings.add(Kind::Order, || {
                format!("{shown:x?} at or below {:x} in {}", link.stood, told(retrieval))
            });
        }
        let Some(prev) = link.prev else { continue };
        findings.checks.linked += 1;
        if link.before.map_or(prev > link.stands, |before| prev != before) {
            findings.add(Kind::Chain, || format!("{shown:x?} has {link:x?} in {}", told(retrieval)));
        }
    }
}
