//! The real program, killed with SIGKILL at random moments under load, while it starts and while it ends: what was
//! answered or shown before a kill is there after it, once and in order; positions stay valid; a retry with its
//! `Idempotency-Key` stores nothing twice (I-1, I-2, RET-3, RET-7, RET-10). What ends meanwhile ends as if nobody had
//! been killed (RET-8, I-11), is told as a gap (I-10), what is promised outlives it (RET-9), and nobody who does not read
//! costs another anything (I-6).
//!
//! | module | what lives there |
//! |---|---|
//! | `plan` | how often, with which configuration, and the floors below which a run proves nothing |
//! | `life` | one log from its first start to its end, with many kills |
//! | `task` | what posters and readers have in common: they outlive the servers |
//! | `posters`, `readers` | who does what |
//! | `report` | the numbers of a run, and its verdict |
//! | [`testkit::witness`] | what happened, and what was wrong with it: the stress test's checker |
//!
//! `BACKPLANE_KILLS` says how often, `BACKPLANE_SEED` repeats a run's dice, not the moments that the machine makes of
//! them. Only own children are killed.
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

mod life;
mod plan;
mod posters;
mod readers;
mod report;
mod task;

use testkit::witness::{self, checker, history, http};

#[test]
fn i_1_i_2_kills_lose_nothing_double_nothing_and_reorder_nothing() {
    let plan = plan::Plan::from_environment();
    // Now, as the run may end by a panic.
    println!("kill, BACKPLANE_KILLS={} BACKPLANE_SEED={}", plan.kills, plan.seed);
    let _watched = witness::watch(plan.within());
    let mut rng = fastrand::Rng::with_seed(plan.seed);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut report = report::Report::default();
    let (mut left, mut number) = (plan.kills, 0);
    while left > 0 {
        let manner = plan.manner(number, left);
        let lived = life::live(&runtime, &mut rng, manner);
        report.add(&lived);
        // The first finding ends the run: what comes after it may be a consequence.
        if report.has_findings() {
            break;
        }
        (left, number) = (left - manner.kills, number + 1);
    }
    assert!(report.print(&plan), "see above");
}
