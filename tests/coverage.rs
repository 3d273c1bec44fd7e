//! PROTOCOL-COVERAGE.md says which rules are kept. A rule that no test names is not known to be. docs/SECURITY.md says
//! which requirements are, and names tests.
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

/// The names of the tests in a source file: functions with an attribute that makes them one, properties included.
/// Other functions are called by nobody, or only help.
fn tests_in(source: &str) -> Vec<String> {
    let (mut names, mut is_test) = (Vec::new(), false);
    for line in source.lines().map(str::trim_start) {
        if let Some(attribute) = line.strip_prefix("#[") {
            let path = attribute.split([']', '(']).next().unwrap_or_default();
            is_test |= path == "test" || path.ends_with("::test");
        } else if let Some((_, after)) = line.split_once("fn ") {
            if std::mem::take(&mut is_test) {
                names.push(after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect());
            }
        } else if !line.is_empty() && !line.starts_with("//") {
            is_test = false;
        }
    }
    names
}

/// The titles of the tests and their groups in a source file of the browser library.
fn titles_in(source: &str) -> Vec<&str> {
    let starts = ["test(\"", "describe(\""];
    let lines = source.lines().map(str::trim_start);
    let titles = lines.filter_map(|line| starts.iter().find_map(|start| line.strip_prefix(start)));
    titles.filter_map(|title| Some(title.split_once('"')?.0)).collect()
}

/// The names of all tests of this workspace.
fn tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in
        ["src", "tests", "actors/src", "actors/tests", "client-rust/src", "client-rust/tests", "openapi/src"]
    {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    files.into_iter().flat_map(|file| tests_in(&fs::read_to_string(file).unwrap())).collect()
}

const PROTOCOL: &str = include_str!("../PROTOCOL-COVERAGE.md");
const SECURITY: &str = include_str!("../docs/SECURITY.md");
/// What docs/SECURITY.md says of a requirement. What fails is mended, and not written down.
const VERDICTS: [&str; 4] = ["pass", "operator", "protocol", "not yet"];

/// The rows of all tables of a page, as their cells.
fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    page.lines().filter_map(|line| Some(line.strip_prefix("| ")?.split('|').map(str::trim).collect()))
}

#[test]
fn every_rule_that_is_kept_has_a_test() {
    let tests = tests();
    let mut kept = 0;
    for row in rows(PROTOCOL) {
        let [rule, .., verdict, _] = row.as_slice() else { panic!("{row:?}") };
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

#[test]
fn every_rule_of_the_browser_library_has_the_tests_that_are_named() {
    let mut named = 0;
    for row in rows(PROTOCOL)
        .filter(|row| row.first().is_some_and(|rule| rule.starts_with("JS-") || *rule == "V2-JS-1"))
    {
        let [rule, _, files, _] = row.as_slice() else { panic!("{row:?}") };
        for file in files.split(',').map(|file| file.trim().trim_matches('`')) {
            named += 1;
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("client/{file}.test.ts"));
            let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{rule}: {file}: {error}"));
            assert!(
                titles_in(&source).iter().any(|title| title.split(' ').any(|word| word == *rule)),
                "{rule} has tests in {file}, says PROTOCOL-COVERAGE.md, but no test or group is called {rule} …"
            );
        }
    }
    assert!(named > 10, "the table was not understood");
}

#[test]
fn every_requirement_of_the_security_page_has_the_tests_that_are_named() {
    let tests = tests();
    let (mut named, mut requirements) = (0, 0);
    let is_number = |cell: &&str| cell.starts_with(|first: char| first.is_ascii_digit());
    for row in rows(SECURITY).filter(|row| row.first().is_some_and(is_number)) {
        let [requirement, _, verdict, why, proofs, _] = row.as_slice() else { panic!("{row:?}") };
        requirements += 1;
        assert!(VERDICTS.contains(verdict), "{requirement}: {verdict:?} is none of {VERDICTS:?}");
        assert!(!why.is_empty() || !proofs.is_empty(), "{requirement}: neither a reason nor a test");
        for test in proofs.split('`').skip(1).step_by(2) {
            named += 1;
            assert!(
                tests.contains(test),
                "{requirement} is shown by {test}, says docs/SECURITY.md, but there is no such test"
            );
        }
    }
    assert!(requirements > 50 && named > 100, "the table was not understood");
}

#[test]
fn only_tests_are_proofs() {
    let source = r#"
        fn ret_1_helps() {}
        #[test]
        // Why.
        #[should_panic(expected = "x")]
        fn ret_2_is_a_test() {}
        #[cfg(test)]
        fn ret_3_helps() {}
        #[actix::test]
        async fn ret_4_is_a_test() {}
        #[test]
        const NOTHING: u8 = 0;
        fn ret_5_helps() {}
        proptest! {
            #[test]
            fn ret_6_is_a_property(n in 0..9) {}
        }
        #[tokio::test(start_paused = true)]
        async fn ret_7_is_a_test() {}
    "#;
    assert_eq!(
        tests_in(source),
        ["ret_2_is_a_test", "ret_4_is_a_test", "ret_6_is_a_property", "ret_7_is_a_test"]
    );
    let source =
        "describe(\"JS-1\", () => {\n  test(\"JS-2 some\", x);\n  // test(\"JS-3\nlet JS-4 = test(y);";
    assert_eq!(titles_in(source), ["JS-1", "JS-2 some"]);
}
