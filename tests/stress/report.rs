//! The end of a run: its numbers, its floors, and what the checker found.

use std::fmt::Write as _;

use backplane_actors::Stats;

use crate::checker::{Checks, Findings, Kind};
use crate::history::Outcome;
use crate::plan::Plan;
use crate::workload::Yield;

/// The broker's own counts against those of the history.
pub(crate) fn reconcile(outcome: &Yield, findings: &mut Findings) {
    let sum = |of: fn(&Stats) -> u64| outcome.stats.iter().map(of).sum::<u64>();
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
    let (begun, reaped) = (sum(|stats| stats.begun), sum(|stats| stats.reaped));
    let live = sum(|stats| stats.channels as u64);
    // Reaping goes on while the numbers are read.
    if begun < reaped || begun - reaped > live + begun / 100 {
        findings.add(Kind::Failed, || format!("{begun} begun, {reaped} reaped, {live} live"));
    }
}

/// Prints what happened. Returns whether the run proves something and found nothing.
pub(crate) fn report(plan: &Plan, outcome: &Yield, findings: &Findings) -> bool {
    let numbers = Numbers::of(outcome);
    println!("{}", numbers.in_words(plan, outcome, &findings.checks));
    findings.print();
    let below = numbers.below(plan, &findings.checks);
    for floor in &below {
        println!("INVALID: {floor}");
    }
    findings.is_clean() && below.is_empty()
}

struct Numbers {
    posts: u64,
    acked: u64,
    rate: u64,
    http_percent: u64,
    reads: u64,
    reaped: u64,
    rebegun: u64,
    reprieved: u64,
    overtaken: u64,
    replays: u64,
}

impl Numbers {
    fn of(Yield { history, posting, stats }: &Yield) -> Self {
        let sum = |of: fn(&Stats) -> u64| stats.iter().map(of).sum::<u64>();
        let posts = history.attempts.len() as u64;
        let acked = history.attempts.iter().filter(|one| matches!(one.outcome, Outcome::Acked(_))).count();
        let names: u64 = crate::plan::BUSES.iter().map(|(_, channels)| u64::from(*channels)).sum();
        Self {
            posts,
            acked: acked as u64,
            rate: (posts as f64 / posting.as_secs_f64()) as u64,
            http_percent: history.tally.http_posts * 100 / posts.max(1),
            reads: history.retrievals.len() as u64,
            reaped: sum(|stats| stats.reaped),
            rebegun: sum(|stats| stats.begun).saturating_sub(names),
            reprieved: sum(|stats| stats.reprieved),
            overtaken: sum(|stats| stats.overtaken),
            replays: sum(|stats| stats.replays),
        }
    }

    fn in_words(&self, plan: &Plan, Yield { history, posting, .. }: &Yield, checks: &Checks) -> String {
        let (mut text, tally) = (String::new(), history.tally);
        let mut line = |words: std::fmt::Arguments| _ = writeln!(text, "{words}");
        line(format_args!("stress, {} run, BACKPLANE_STRESS_SEED={}", plan.name, plan.seed));
        line(format_args!(
            "  posts      {} in {:.1} s: {}/s, {} % over HTTP; {} acknowledged, {} hung up, {} replayed",
            self.posts,
            posting.as_secs_f64(),
            self.rate,
            self.http_percent,
            self.acked,
            tally.abandoned,
            self.replays
        ));
        line(format_args!(
            "  retrievals {}, {} over HTTP, {} readers restarted",
            self.reads, tally.http_reads, tally.restarts
        ));
        line(format_args!(
            "  channels   {} reaped, {} begun again; {} reprieved, {} overtaken",
            self.reaped, self.rebegun, self.reprieved, self.overtaken
        ));
        line(format_args!(
            "  checks     {} messages, shown {} times; had to be shown {} times by buses, {} by channels",
            checks.messages, checks.shown, checks.required_on_bus, checks.required_on_channels
        ));
        line(format_args!(
            "             {} answers `complete` ({} with messages), {} `gap`; {} posts vanished with their poster",
            checks.complete, checks.complete_with_messages, checks.gaps, checks.vanished
        ));
        text
    }

    fn below(&self, plan: &Plan, checks: &Checks) -> Vec<String> {
        let floors = &plan.floors;
        let all = [
            ("posts acknowledged", self.acked, plan.posts),
            ("posts per second", self.rate, floors.posts_per_second),
            ("percent of posts over HTTP", self.http_percent, floors.http_percent),
            ("channels reaped", self.reaped, plan.reaps),
            ("channels begun again", self.rebegun, floors.respawns),
            ("collisions", self.reprieved + self.overtaken, floors.collisions),
            ("messages required on channels", checks.required_on_channels, floors.required),
            ("messages required on buses", checks.required_on_bus, floors.followed),
        ];
        let below = all.into_iter().filter(|(_, is, floor)| is < floor);
        below.map(|(what, is, floor)| format!("{what}: {is}, the floor is {floor}")).collect()
    }
}
