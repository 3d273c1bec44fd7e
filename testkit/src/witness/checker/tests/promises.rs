//! Buses with promises.

use super::*;

/// POSTs 0, 3, 6, … of the poster 0 are sticky.
fn promising() -> Rules {
    Rules { promised: Some(1_000), ..rules() }
}

/// A sticky POST, and two that are not.
fn promised() -> Story {
    Story::default().post(C, 0, &[1]).post(C, 2, &[2]).post(C, 4, &[3])
}

#[test]
fn what_is_promised_outlives_what_is_beside_it() {
    let story = promised()
        .read(ON_C, Position::Start, 6, &[(0, 1, C), (1, 2, C), (2, 3, C)])
        // The channel lives on, and so may what is not promised, for as long as it is kept.
        .read_as(ON_C, Position::Start, 50, &[(0, 0, 1, C), (2, 0, 3, C)], 3, Resume::Complete)
        .read_as(ON_C, Position::Start, 500, &[(0, 0, 1, C)], 3, Resume::Complete)
        .read_as(ON_C, cursor(1), 501, &[], 3, Resume::Gap)
        .read_as(BUS, Position::Start, 500, &[(0, 0, 1, C)], 3, Resume::Complete)
        .read_as(ON_C, Position::Start, 2_000, &[], 3, Resume::Complete);
    let findings = story.check_by(promising());
    assert!(findings.is_clean(), "{:?}", findings.violations().collect::<Vec<_>>());
}

fn kinds(findings: &Findings) -> Vec<Kind> {
    findings.violations().map(|(kind, ..)| kind).collect()
}

#[test]
fn a_promise_that_is_broken_is_found() {
    for (view, kind) in [(ON_C, Kind::Missing), (BUS, Kind::Missing)] {
        let story = promised().read_as(view, Position::Start, 500, &[], 3, Resume::Complete);
        assert_eq!(kinds(&story.check_by(promising())), [kind]);
    }
    let kept = promised().read_as(ON_C, Position::Start, 2_000, &[(0, 0, 1, C)], 3, Resume::Complete);
    assert_eq!(kinds(&kept.check_by(promising())), [Kind::Returned]);
    let silent = promised().read_as(ON_C, cursor(1), 500, &[], 3, Resume::Complete);
    assert_eq!(kinds(&silent.check_by(promising())), [Kind::Silent], "two that are not promised are gone");
}
