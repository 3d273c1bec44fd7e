//! The stress test: many posters and readers, over HTTP and directly on actors, by polls, long polls, event streams, WebSocket, of one channel and
//! of several, by subscriptions and the Rust client at once, on channels that live for
//! milliseconds, so that spawning and reaping collide with posts and reads all the time (I-1, I-2, I-3). The broker is
//! ended in order and started again: without a disk, where nobody may believe that nothing was missed, and on one log,
//! where everything that has not ended is there again (I-10, I-11).
//!
//! | module | what lives there |
//! |---|---|
//! | `plan` | how much is done, and the floors below which a run proves nothing |
//! | `service` | the service, in this process |
//! | `door` | the ways in: requests, the broker's handle, messages to its actors |
//! | `publishers` | posters over a WebSocket |
//! | `second` | version 2.0: posters, readers of several buses in one order, a bus that comes and goes |
//! | `streams` | readers of event streams, over a WebSocket and by the Rust client |
//! | `subscriptions` | subscriptions in the broker |
//! | `task`, `posters`, `readers`, `workload` | who does what |
//! | [`testkit::witness`] | what happened, and what was wrong with it |
//! | `report` | the numbers of a run, and its verdict |
//!
//! `BACKPLANE_STRESS=short` makes a hundred thousand POSTs, `full` a million; `BACKPLANE_STRESS_SEED` repeats a run's dice, not its threads.
//! `tests/mutants/run` shows that the checker finds seeded bugs.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]

mod door;
mod plan;
mod posters;
mod publishers;
mod readers;
mod report;
mod second;
mod service;
mod streams;
mod subscriptions;
mod task;
mod workload;

use testkit::witness::{self, checker, history, http};

#[test]
fn i_1_to_i_3_hold_under_posts_reads_and_reaping() {
    let plan = plan::Plan::from_environment();
    let _watched = witness::watch(plan.within * 3);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let logs = runtime.block_on(workload::run(&plan));
    let mut report = report::Report::default();
    for log in &logs {
        let mut findings = checker::check(&log.history, &log.keeping.rules());
        report::reconcile(log, &mut findings);
        report.add(log, &findings);
    }
    assert!(report.print(&plan), "see above; the seed was {}", plan.seed);
}
