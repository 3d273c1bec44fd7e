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
        Resume::Gap | Resume::Reset => findings.checks.streamed_gaps += u64::from(after_position),
    }
    chained(stretch, findings);
}

/// A frame is above where its reader stood. What it says of the message before it neither hides a loss nor invents one: it is not
/// below that message, nor above where the reader stood.
fn chained(Stretch { retrieval, links, stands, .. }: &Stretch, findings: &mut Findings) {
    let mut before = None;
    for (shown, link) in retrieval.answer.shown.iter().zip(links) {
        findings.checks.linked += u64::from(link.prev.is_some());
        let stood = link.stood.max(*stands);
        if link.prev.is_some_and(|prev| prev > stood || before.is_some_and(|before| prev < before)) {
            findings.add(Kind::Chain, || {
                format!("{shown:x?} after {before:x?} and {stood:x} has {link:x?} in {}", told(retrieval))
            });
        }
        if shown.id <= stood {
            findings.add(Kind::Order, || format!("{shown:x?} at or below {stood:x} in {}", told(retrieval)));
        }
        before = Some(shown.id);
    }
}
