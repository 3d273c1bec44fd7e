//! The end of a run: its numbers, its floors, and what the checker found.

use std::collections::HashSet;

use crate::checker::Checks;
use crate::history::{Outcome, Tally};
use crate::life::Lived;
use crate::plan::{Plan, SLEEPY};

#[derive(Default)]
pub(crate) struct Report {
    lives: u64,
    kills: u64,
    starting: u64,
    ending: u64,
    torn: u64,
    rolled: u64,
    acked: u64,
    unknown: u64,
    refused: u64,
    retried: u64,
    asleep: u64,
    outlived: u64,
    tally: Tally,
    retrievals: u64,
    checks: Checks,
    findings: bool,
}

impl Report {
    pub(crate) fn add(&mut self, Lived { history, findings, counts }: &Lived) {
        self.lives += 1;
        self.kills += counts.kills;
        self.starting += counts.starting;
        self.ending += counts.ending;
        self.torn += counts.torn;
        self.rolled += counts.rolled;
        self.outlived += counts.outlived;
        let mut posts = HashSet::new();
        for attempt in &history.attempts {
            match attempt.outcome {
                Outcome::Acked(_) => self.acked += 1,
                Outcome::Unknown | Outcome::Died => self.unknown += 1,
                Outcome::Refused => self.refused += 1,
            }
            self.asleep += u64::from(attempt.channel.bus == SLEEPY);
            self.retried += u64::from(!posts.insert(attempt.post));
        }
        self.retrievals += history.retrievals.len() as u64;
        self.tally.add(&history.tally);
        self.checks.add(&findings.checks);
        self.findings |= !findings.is_clean();
        findings.print();
    }

    pub(crate) fn has_findings(&self) -> bool {
        self.findings
    }

    /// Prints what happened. Returns whether the run proves something and found nothing.
    pub(crate) fn print(&self, plan: &Plan) -> bool {
        let Self {
            lives,
            kills,
            starting,
            ending,
            torn,
            rolled,
            acked,
            unknown,
            refused,
            retried,
            asleep,
            outlived,
            ..
        } = self;
        let Checks { messages, shown, required_on_bus, required_on_channels, gaps, ended, .. } = self.checks;
        let Tally { overdue, unread, .. } = self.tally;
        println!(
            "  kills      {kills} of {lives} logs: {starting} before the server listened, {ending} while it ended; \
             {torn} torn ends cut off, {rolled} segments rolled over"
        );
        println!(
            "  posts      {acked} acknowledged, {unknown} unknown, {refused} refused while ending; {retried} sent again, \
             {overdue} of them late; {asleep} to the bus that sleeps; {messages} messages, {} posts vanished with their server",
            self.checks.vanished
        );
        println!(
            "  checks     {} retrievals, shown {shown} times; had to be shown {required_on_bus} times by the bus, \
             {required_on_channels} by channels; {} answers `complete` ({} with messages), {gaps} `gap`; {unread} not \
             read; channels were over {ended} times, and showed {outlived} messages that promises alone kept",
            self.retrievals, self.checks.complete, self.checks.complete_with_messages
        );
        println!(
            "  streams    {} begun, {} of them over WebSockets, {} told of the end; {} messages in {} parts, {} with a gap",
            self.tally.streams,
            self.tally.sockets,
            self.tally.drained,
            self.checks.linked,
            self.checks.streamed,
            self.checks.streamed_gaps
        );
        let floors = plan.floors();
        let all = [
            ("kills before the server listened", *starting, floors.starting),
            ("kills while it ended", *ending, floors.ending),
            ("posts acknowledged", *acked, floors.acked),
            ("posts of unknown outcome", *unknown, floors.unknown),
            ("posts sent again", *retried, floors.retried),
            ("posts sent again to a later server than the next", overdue, floors.overdue),
            ("posts to the bus that sleeps", *asleep, floors.asleep),
            ("messages that promises alone kept", *outlived, floors.outlived),
            ("segments rolled over", *rolled, floors.rolled),
            ("answers that nobody read", unread, floors.unread),
            ("streams that were begun", self.tally.streams, floors.acked / 20),
            ("streams over WebSockets", self.tally.sockets, floors.acked / 40),
            ("messages in streams", self.checks.linked, floors.acked),
            ("answers that told of a gap", gaps, floors.gaps),
            ("channels that were over between two posts", ended, floors.ended),
            ("messages required on the bus", required_on_bus, floors.required),
            ("messages required on channels", required_on_channels, floors.required),
        ];
        let below: Vec<_> = all.into_iter().filter(|(_, is, floor)| is < floor).collect();
        for (what, is, floor) in below.iter().filter(|_| !self.findings) {
            println!("INVALID: {what}: {is}, the floor is {floor}");
        }
        !self.findings && below.is_empty()
    }
}
