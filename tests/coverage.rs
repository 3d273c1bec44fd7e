//! PROTOCOL-COVERAGE.md says which rules are kept. A rule that no test names is not known to be.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every source file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of all functions that hold a rule.
fn tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in ["src", "tests", "actors/src", "actors/tests"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    let text: Vec<String> = files.into_iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let names = text.iter().flat_map(|text| text.split("fn ").skip(1));
    names
        .map(|after| after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
        .collect()
}

#[test]
fn every_rule_that_is_kept_has_a_test() {
    let coverage = include_str!("../PROTOCOL-COVERAGE.md");
    let tests = tests();
    let mut kept = 0;
    for row in coverage.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, rule, .., verdict, _] = cells.as_slice() else { panic!("{row}") };
        if *verdict != "yes" {
            continue;
        }
        kept += 1;
        let name = format!("{}_", rule.to_lowercase().replace('-', "_"));
        assert!(
            tests.iter().any(|test| test.starts_with(&name) || test.contains(&format!("_{name}"))),
            "{rule} is kept, says PROTOCOL-COVERAGE.md, but no test is called {name}…"
        );
    }
    assert!(kept > 10, "the tables were not understood");
}
