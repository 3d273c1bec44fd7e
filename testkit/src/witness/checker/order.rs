//! Answers and POSTs against each other, along real time: what ended before something else began.

use super::super::history::{History, Nanos, Outcome, Position, Resume, Retrieval, Stretch};
use super::catalogue::Catalogue;
use super::retrieval::told;
use super::{Findings, Kind};

/// A POST that begins after a position was given out has ids above it (I-1).
pub(super) fn rising(history: &History, catalogue: &Catalogue, buses: usize, findings: &mut Findings) {
    let mut given: Vec<Vec<(Nanos, u64)>> = vec![Vec::new(); buses];
    for attempt in &history.attempts {
        if let Outcome::Acked(ids) = attempt.outcome {
            let last = ids.as_slice().last().copied().unwrap_or(0);
            given[usize::from(attempt.channel.bus)].push((attempt.span.end, last));
        }
    }
    for Retrieval { view, span, answer, .. } in &history.retrievals {
        given[usize::from(view.bus())].push((span.end, answer.next.id));
    }
    for Stretch { retrieval, last, .. } in &history.stretches {
        given[usize::from(retrieval.view.bus())].push((*last, retrieval.answer.next.id));
    }
    let mut posts: Vec<_> = catalogue.posts().filter(|post| post.first.is_some()).collect();
    posts.sort_unstable_by_key(|post| post.start);
    for bus in &mut given {
        bus.sort_unstable();
    }
    let mut seen = vec![(0usize, 0u64); buses];
    for post in posts {
        let bus = usize::from(post.channel.bus);
        let (at, highest) = &mut seen[bus];
        while let Some((_, id)) = given[bus].get(*at).filter(|(end, _)| *end < post.start) {
            (*at, *highest) = (*at + 1, (*highest).max(*id));
        }
        if post.first <= Some(*highest) {
            findings.add(Kind::Late, || format!("{post:x?} has ids below {highest:x}, given out before"));
        }
    }
}

/// What a whole window did not have any more is in no later retrieval.
pub(super) fn gone(history: &History, findings: &mut Findings) {
    let mut by_start: Vec<&Retrieval> = history.retrievals.iter().collect();
    by_start.sort_unstable_by_key(|retrieval| (retrieval.view, retrieval.span.start));
    for view in by_start.chunk_by(|one, other| one.view == other.view) {
        let mut by_end: Vec<_> =
            view.iter().filter_map(|retrieval| Some((retrieval.span.end, oldest(retrieval)?))).collect();
        by_end.sort_unstable();
        let (mut at, mut floor) = (0, 0);
        for retrieval in view {
            while let Some((_, oldest)) = by_end.get(at).filter(|(end, _)| *end < retrieval.span.start) {
                (at, floor) = (at + 1, floor.max(*oldest));
            }
            if retrieval.answer.shown.first().is_some_and(|first| first.id < floor) {
                findings.add(Kind::Returned, || {
                    format!("all below {floor:x} was gone before {}", told(retrieval))
                });
            }
        }
    }
}

/// The lowest id that may still be there after an answer that showed the whole window.
fn oldest(Retrieval { since, answer, .. }: &Retrieval) -> Option<u64> {
    let whole = matches!(since, Position::Start | Position::Garbage) || answer.resume == Resume::Gap;
    whole.then(|| answer.shown.first().map_or(answer.next.id + 1, |first| first.id))
}
