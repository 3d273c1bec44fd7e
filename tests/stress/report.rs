//! The end of a run: its numbers, its floors, and what the checker found.

use std::time::Duration;

use backplane_actors::Stats;

use crate::checker::{Checks, Findings, Kind};
use crate::history::{Outcome, Tally};
use crate::plan::{Keeping, Plan, SLEEPY, TERMS};
use crate::workload::Yield;

/// The broker's own counts against those of the history.
pub(crate) fn reconcile(log: &Yield, findings: &mut Findings) {
    let sum = |of: fn(&Stats) -> u64| log.stats.iter().map(of).sum::<u64>();
    let (seen, stored) = (findings.checks.messages, sum(|stats| stats.messages));
    // What nobody saw may be there all the same.
    let unseen = findings.checks.vanished * crate::history::BATCH_MAX as u64;
    if !(seen..=seen + unseen).contains(&stored) {
        findings.add(Kind::Failed, || format!("the broker counts {stored} messages, readers know {seen}"));
    }
    let (crashed, revived) = (sum(|stats| stats.crashed), sum(|stats| stats.revived));
    if crashed + revived > 0 {
        findings.add(Kind::Failed, || format!("{crashed} actors panicked, {revived} were revived"));
    }
    let (begun, reaped, live) = (sum(|stats| stats.begun), sum(|stats| stats.reaped), log.live);
    // What ends between two brokers of one log neither of them counts, and reaping goes on while the numbers are read.
    let slack = if log.keeping == Keeping::Disk { begun } else { begun / 100 };
    if begun < reaped || begun - reaped > live + slack {
        findings.add(Kind::Failed, || format!("{begun} begun, {reaped} reaped, {live} live"));
    }
}

/// The numbers of a run, over all its logs.
#[derive(Default)]
pub(crate) struct Report {
    posts: u64,
    acked: u64,
    asleep: u64,
    posting: Duration,
    reads: u64,
    tally: Tally,
    reaped: u64,
    reprieved: u64,
    overtaken: u64,
    replays: u64,
    checks: Checks,
    findings: bool,
}

impl Report {
    pub(crate) fn add(&mut self, log: &Yield, findings: &Findings) {
        let Yield { history, posting, stats, .. } = log;
        let sum = |of: fn(&Stats) -> u64| stats.iter().map(of).sum::<u64>();
        let acked = history.attempts.iter().filter(|one| matches!(one.outcome, Outcome::Acked(_))).count();
        self.posts += history.attempts.len() as u64;
        self.acked += acked as u64;
        let asleep = history.attempts.iter().filter(|one| one.channel.bus == SLEEPY).count();
        self.asleep += asleep as u64;
        self.posting += *posting;
        self.reads += history.retrievals.len() as u64;
        self.tally.add(&history.tally);
        self.reaped += sum(|stats| stats.reaped);
        self.reprieved += sum(|stats| stats.reprieved);
        self.overtaken += sum(|stats| stats.overtaken);
        self.replays += sum(|stats| stats.replays);
        self.checks.add(&findings.checks);
        self.findings |= !findings.is_clean();
        findings.print();
    }

    /// Prints what happened. Returns whether the run proves something and found nothing.
    pub(crate) fn print(&self, plan: &Plan) -> bool {
        let Self { posts, acked, reads, tally, reaped, reprieved, overtaken, replays, checks, .. } = self;
        println!("stress, {} run of {} brokers, BACKPLANE_STRESS_SEED={}", plan.name, TERMS.len(), plan.seed);
        println!(
            "  posts      {posts} in {:.1} s: {}/s, {} % over HTTP, {} over WebSockets; {acked} acknowledged, {} hung up, {replays} replayed",
            self.posting.as_secs_f64(),
            self.rate(),
            self.http_percent(),
            tally.socket_posts,
            tally.abandoned
        );
        println!(
            "  retrievals {reads}, {} over HTTP, {} not read; {} readers restarted, {} came from another log",
            tally.http_reads, tally.unread, tally.restarts, checks.foreign
        );
        println!(
            "  second     {} posts of version 2.0, {} pages of several buses",
            tally.singles, tally.pages
        );
        println!(
            "  channels   {reaped} reaped, {} begun again; {reprieved} reprieved, {overtaken} overtaken",
            checks.ended
        );
        println!(
            "  checks     {} messages, shown {} times; had to be shown {} times by buses, {} by channels",
            checks.messages, checks.shown, checks.required_on_bus, checks.required_on_channels
        );
        println!(
            "             {} answers `complete` ({} with messages), {} `gap`; {} posts vanished with their poster",
            checks.complete, checks.complete_with_messages, checks.gaps, checks.vanished
        );
        println!(
            "  streams    {} begun, {} of them over WebSockets, {} left, {} told of the end, {} times not read; {} messages in {} \
             parts, {} with a gap; channels changed {} times under way",
            tally.streams,
            tally.sockets,
            tally.left,
            tally.drained,
            tally.slow,
            checks.linked,
            checks.streamed,
            checks.streamed_gaps,
            tally.changes
        );
        let below = self.below(plan);
        for floor in &below {
            println!("INVALID: {floor}");
        }
        !self.findings && below.is_empty()
    }

    fn rate(&self) -> u64 {
        (self.posts as f64 / self.posting.as_secs_f64()) as u64
    }

    fn http_percent(&self) -> u64 {
        self.tally.http_posts * 100 / self.posts.max(1)
    }

    fn below(&self, plan: &Plan) -> Vec<String> {
        let (floors, tally) = (&plan.floors, &self.tally);
        let all = [
            ("posts acknowledged", self.acked, plan.posts),
            ("posts per second", self.rate(), floors.posts_per_second),
            ("percent of posts over HTTP", self.http_percent(), floors.http_percent),
            ("posts over WebSockets", tally.socket_posts, floors.published),
            ("posts of version 2.0", tally.singles, floors.second),
            ("pages of several buses", tally.pages, floors.second),
            ("channels reaped", self.reaped, plan.reaps),
            ("channels begun again", self.checks.ended, floors.respawns),
            ("collisions", self.reprieved + self.overtaken, floors.collisions),
            ("messages required on channels", self.checks.required_on_channels, floors.required),
            ("messages required on buses", self.checks.required_on_bus, floors.followed),
            ("posts to the bus that sleeps", self.asleep, floors.asleep),
            ("answers that nobody read", self.tally.unread, floors.unread),
            ("messages in streams", self.checks.linked, floors.followed),
            ("streams that were left", self.tally.left, floors.left),
            ("streams that were told of the end", self.tally.drained, floors.drained),
            ("streams that were not read for a while", self.tally.slow, floors.left),
            ("parts of streams with a gap", self.checks.streamed_gaps, floors.left),
            ("streams over WebSockets", tally.sockets, floors.left),
            ("changes of channels under way", tally.changes, floors.left),
            ("positions of another log", self.checks.foreign, floors.foreign),
        ];
        let below = all.into_iter().filter(|(_, is, floor)| is < floor);
        below.map(|(what, is, floor)| format!("{what}: {is}, the floor is {floor}")).collect()
    }
}
