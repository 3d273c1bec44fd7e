//! Pure: one order of what the windows gave.

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::broker::subscription::Filter;
use crate::model::{BusName, MessageId};
use crate::window::{Entry, Resume, Slice};

/// What the windows gave, in one order.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) entries: Vec<(BusName, Arc<Entry>)>,
    /// Everything up to here is among them, or not wanted.
    pub(super) up_to: MessageId,
    pub(super) resume: Resume,
    /// There is more up to the horizon.
    pub(super) more: bool,
}

/// Puts slices in order, each with its bus, up to the horizon and to where each of them ends; at most so many entries. `told` is what the
/// reader is told at least.
pub(super) fn merge(
    slices: Vec<(BusName, Slice)>,
    told: Resume,
    horizon: MessageId,
    wanted: &Filter<'_>,
    most: NonZeroUsize,
) -> Merged {
    let resume = slices.iter().map(|(_, slice)| slice.resume).fold(told, Resume::max);
    // Of what comes in parts nothing is given that lies behind the end of a part: the others would overtake it.
    let ends = slices.iter().filter(|(_, slice)| slice.more).map(|(_, slice)| slice.next);
    let end = ends.fold(horizon, MessageId::min);
    let mut found: Vec<_> = slices
        .into_iter()
        .flat_map(|(bus, slice)| slice.entries.into_iter().map(move |entry| (bus.clone(), entry)))
        .filter(|(_, entry)| entry.id() <= end)
        .collect();
    found.sort_by_key(|(_, entry)| entry.id());
    // A bus may be read as a whole and by channels.
    found.dedup_by_key(|(_, entry)| entry.id());
    found.retain(|(bus, entry)| wanted(bus, entry));
    let is_cut = found.len() > most.get();
    found.truncate(most.get());
    let up_to = found.last().filter(|_| is_cut).map_or(end, |(_, last)| last.id());
    Merged { entries: found, up_to, resume, more: up_to < horizon }
}

#[cfg(test)]
mod tests;
