//! What operators and their probes ask.

use crate::document::{Document, Place};
use crate::operation::{Operation, text};
use crate::refusals::Family;

const TAG: &str = "probes";

/// Adds the probes.
pub(crate) fn describe(document: &mut Document) {
    let alive = Operation::new(Family::Plain, "probes_alive", TAG, "Whether the process answers").answers(
        200,
        "It does.",
        &[text("text/plain", "`alive`")],
        &[],
    );
    document.read("/healthz", alive, Place::Both);
    let words = text("text/plain", "`able`, `degraded: …` or `unable: …`, and why.");
    let ready = Operation::new(Family::Plain, "probes_ready", TAG, "Whether the server can do its work")
        .about("Only who is unable is to be passed by.")
        .answers(200, "It can, perhaps not all of it.", std::slice::from_ref(&words), &[])
        .answers(
            503,
            "It cannot.",
            &[words, crate::operation::body("application/json", "Error")],
            &["Retry-After"],
        );
    document.read("/readyz", ready, Place::Both);
}

/// Adds the metrics.
pub(crate) fn describe_metrics(document: &mut Document) {
    let metrics = Operation::new(Family::Plain, "metrics", "metrics", "What the server counts").answers(
        200,
        "All metrics.",
        &[text("application/openmetrics-text", "The text format of OpenMetrics 1.0.")],
        &[],
    );
    document.read("/metrics", metrics, Place::Operators);
}
