//! What the door counts. What is refused is counted and not written down line by line: whoever is refused could fill a disk.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::crowd::Refused;
use super::load::Kind;
use super::policy::Overdue;

/// Counters of a [`Door`](super::Door).
#[derive(Debug, Default)]
pub struct Stats {
    connections: AtomicUsize,
    handshakes: AtomicUsize,
    accepted: AtomicU64,
    malformed: AtomicU64,
    handshakes_failed: AtomicU64,
    shed: [AtomicU64; 2],
    refused: [AtomicU64; Refused::ALL.len()],
    overdue: [AtomicU64; Overdue::ALL.len()],
}

impl Stats {
    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// TLS handshakes under way.
    #[must_use]
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// Connections that were let in.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Connections that were closed because what came was no HTTP request.
    #[must_use]
    pub fn malformed_requests(&self) -> u64 {
        self.malformed.load(Ordering::Relaxed)
    }

    /// Requests that were refused because the thread was late: those that read, and those that write.
    #[must_use]
    pub fn shed_requests(&self) -> [(&'static str, u64); 2] {
        let [read, write] = &self.shed;
        [("read", read.load(Ordering::Relaxed)), ("write", write.load(Ordering::Relaxed))]
    }

    /// TLS handshakes that failed or took too long.
    #[must_use]
    pub fn failed_handshakes(&self) -> u64 {
        self.handshakes_failed.load(Ordering::Relaxed)
    }

    /// Connections that were refused, by reason.
    pub fn refused_by_reason(&self) -> impl Iterator<Item = (Refused, u64)> {
        Refused::ALL.into_iter().zip(self.refused.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// Connections that were closed because the peer was too slow, by what it was too slow at.
    pub fn overdue_by_duty(&self) -> impl Iterator<Item = (Overdue, u64)> {
        Overdue::ALL.into_iter().zip(self.overdue.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    pub(super) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn came(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn left(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, why: Refused) {
        add(&self.refused, Refused::ALL.iter().position(|one| *one == why));
    }

    pub(super) fn overdue(&self, what: Overdue) {
        add(&self.overdue, Overdue::ALL.iter().position(|one| *one == what));
    }

    pub(super) fn malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn shed(&self, kind: Kind) {
        let [read, write] = &self.shed;
        match kind {
            Kind::Read => read,
            Kind::Write => write,
        }
        .fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn began_handshake(&self) {
        self.handshakes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ended_handshake(&self) {
        self.handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}

fn add(counts: &[AtomicU64], at: Option<usize>) {
    if let Some(count) = at.and_then(|at| counts.get(at)) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_count() {
        let stats = Stats::default();
        stats.refused(Refused::Address);
        stats.overdue(Overdue::Stream);
        let refused: Vec<_> = stats.refused_by_reason().filter(|(_, count)| *count > 0).collect();
        let overdue: Vec<_> = stats.overdue_by_duty().filter(|(_, count)| *count > 0).collect();
        assert_eq!((refused, overdue), (vec![(Refused::Address, 1)], vec![(Overdue::Stream, 1)]));
    }
}
