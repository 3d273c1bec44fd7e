//! Properties of the source: which room may use which, which words the pure parts may not say, and that each table of
//! modules names what is there; and of the mutants, that they can be run. ARCHITECTURE.md draws the rooms; this holds them.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms of the broker's crate a room may use. Everything is imported from where it lives.
const ACTORS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("settings", &["model"]),
    ("clock", &["model"]),
    ("window", &["model"]),
    ("log", &["clock", "model", "window"]),
    ("watch", &["model", "window"]),
    ("error", &["log", "model", "watch"]),
    ("context", &["error", "log", "model", "settings", "watch", "window"]),
    ("channel", &["context", "error", "log", "model", "settings", "window"]),
    ("bus", &["channel", "context", "error", "log", "model", "settings", "watch", "window"]),
    (
        "broker",
        &["bus", "channel", "clock", "context", "error", "log", "model", "settings", "watch", "window"],
    ),
];

/// The same of the service.
const SERVICE: &[(&str, &[&str])] = &[
    ("tls", &[]),
    ("address", &[]),
    ("rates", &[]),
    ("auth", &["address", "rates"]),
    ("error", &["auth", "rates"]),
    ("door", &["address", "error"]),
    ("access", &["auth"]),
    ("config", &["access", "auth", "rates", "tls"]),
    ("store", &["access", "auth", "config"]),
    ("authority", &["access", "config", "store"]),
    ("issuers", &["access", "config"]),
    ("http", &["error"]),
    (
        "service",
        &[
            "access",
            "address",
            "auth",
            "authority",
            "config",
            "door",
            "error",
            "http",
            "issuers",
            "rates",
            "store",
        ],
    ),
    ("provision", &["access", "auth", "config", "error", "http", "service", "store"]),
    ("protocol", &["access", "auth", "authority", "error", "http", "rates", "service"]),
    ("web", &["access", "auth", "authority", "error", "http", "protocol", "provision", "service", "store"]),
    (
        "backplane",
        &["auth", "authority", "config", "door", "error", "protocol", "provision", "service", "store", "web"],
    ),
    (
        "server",
        &[
            "authority",
            "backplane",
            "config",
            "door",
            "error",
            "http",
            "issuers",
            "provision",
            "service",
            "tls",
            "web",
        ],
    ),
];

/// The same of the Rust client. It knows nothing of the broker.
const CLIENT: &[(&str, &[&str])] = &[
    ("names", &[]),
    ("base", &[]),
    ("position", &[]),
    ("sse", &[]),
    ("message", &["names", "position"]),
    ("fact", &["names", "position"]),
    ("chain", &["message", "position"]),
    ("track", &["chain", "message", "names", "position"]),
    ("resource", &["base", "names", "position", "track"]),
    ("scope", &[]),
    ("error", &["base", "fact", "message", "names", "scope"]),
    ("token", &["error", "names"]),
    ("page", &["error", "fact", "message", "position"]),
    ("backoff", &["error"]),
    ("key", &["error"]),
    ("tls", &["error"]),
    ("wire", &["backoff", "base", "error", "key"]),
    ("keeper", &["error", "names", "token", "wire"]),
    ("http", &["error", "fact", "keeper", "key", "page", "position", "resource", "wire"]),
    (
        "subscription",
        &[
            "backoff", "chain", "error", "fact", "http", "key", "message", "names", "page", "position",
            "resource", "sse", "track",
        ],
    ),
    ("bus", &["error", "http", "key", "message", "names", "page", "position", "resource", "subscription"]),
    (
        "v2",
        &[
            "error",
            "fact",
            "http",
            "keeper",
            "key",
            "message",
            "names",
            "page",
            "position",
            "resource",
            "scope",
            "subscription",
            "token",
            "wire",
        ],
    ),
    (
        "client",
        &[
            "backoff", "base", "bus", "error", "http", "keeper", "names", "scope", "tls", "token", "v2",
            "wire",
        ],
    ),
];

/// What is pure, by its crate's sources: it knows neither actors nor a runtime nor a clock, time is an argument.
const PURE: &[(&str, &[&str])] = &[
    ("actors/src", PURE_ACTORS),
    ("client-rust/src", PURE_CLIENT),
    ("openapi/src", &[""]),
    ("src", PURE_SERVICE),
];

const PURE_SERVICE: &[&str] =
    &["access", "rates", "service/quotas.rs", "web/consent/html.rs", "web/consent/sessions.rs"];

const PURE_CLIENT: &[&str] = &[
    "backoff.rs",
    "base.rs",
    "chain.rs",
    "error.rs",
    "fact.rs",
    "message.rs",
    "names.rs",
    "page.rs",
    "position.rs",
    "resource.rs",
    "scope.rs",
    "sse.rs",
    "subscription/reader.rs",
    "token.rs",
    "track.rs",
    "v2/message.rs",
];

const PURE_ACTORS: &[&str] = &[
    "model",
    "window",
    "settings.rs",
    "watch/delivered.rs",
    "watch/ring.rs",
    "log/record.rs",
    "log/runs.rs",
    "log/sequencer.rs",
    "log/disk/bytes.rs",
    "log/disk/content.rs",
    "log/disk/keep.rs",
    "log/disk/kept.rs",
    "log/disk/record.rs",
    "log/disk/rescue.rs",
    "log/disk/segment.rs",
    "log/disk/tally.rs",
    "log/disk/walk.rs",
    "channel/directory.rs",
    "channel/expiry.rs",
    "channel/news.rs",
    "channel/promises.rs",
    "bus/admission.rs",
    "bus/keys.rs",
    "bus/ledger.rs",
    "bus/state.rs",
    "broker/across/merge.rs",
];

/// What pure parts do not say.
const IMPURE: &[&str] = &["actix", "tokio", "Instant", "SystemTime", "std::thread", "std::fs", "std::env"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file at or below a path whose name is wanted, as are those of the folders on the way.
fn walk(path: &Path, is_wanted: &dyn Fn(&str) -> bool, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            let entry = entry.unwrap();
            if is_wanted(entry.file_name().to_str().unwrap()) {
                walk(&entry.path(), is_wanted, found);
            }
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push(path.to_owned());
    }
}

/// Every source file at or below a path, tests left out.
fn sources(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let is_wanted =
        |name: &str| !matches!(name, "tests" | "sim" | "bin" | "tests.rs" | "contract.rs" | "sim.rs");
    walk(path, &is_wanted, &mut found);
    found.sort();
    found
}

/// The code of a file: without comments, and without the tests at its end.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let own = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    own.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The rooms that a text names after `crate::`, also in a list of them.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut named = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            named.insert(name(after));
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for c in list.chars() {
            match c {
                '}' if depth == 0 => break,
                ',' if depth == 0 => named.insert(name(&std::mem::take(&mut item))),
                '{' | '}' => {
                    depth += if c == '{' { 1 } else { -1 };
                    continue;
                }
                _ => {
                    item.push(c);
                    continue;
                }
            };
        }
        named.insert(name(&item));
    }
    named.remove("");
    named
}

fn check_rooms(source: &str, table: &[(&str, &[&str])]) {
    let source = root().join(source);
    let mut wrong = Vec::new();
    for (room, may_use) in table {
        let folder = source.join(room);
        let path = if folder.is_dir() { folder } else { source.join(format!("{room}.rs")) };
        for file in sources(&path) {
            for named in rooms_named(&code(&file)) {
                if named != *room && !may_use.contains(&named.as_str()) {
                    wrong.push(format!("{} uses `{named}`: {room} may use {may_use:?}", file.display()));
                }
            }
        }
    }
    let rooms: BTreeSet<String> = table.iter().map(|(room, _)| (*room).to_owned()).collect();
    for entry in fs::read_dir(&source).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let room = name.trim_end_matches(".rs");
        if !matches!(room, "lib" | "bin") && !rooms.contains(room) {
            wrong.push(format!("{room} is a room of {} without a place in the table", source.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rooms_of_the_broker_depend_one_way() {
    check_rooms("actors/src", ACTORS);
}

#[test]
fn rooms_of_the_service_depend_one_way() {
    check_rooms("src", SERVICE);
}

#[test]
fn rooms_of_the_rust_client_depend_one_way() {
    check_rooms("client-rust/src", CLIENT);
}

/// It is for servers that only talk to the broker, and its tests would prove little if it shared the broker's code.
#[test]
fn the_rust_client_knows_nothing_of_the_broker() {
    let manifest = fs::read_to_string(root().join("client-rust/Cargo.toml")).unwrap();
    let (_, dependencies) = manifest.split_once("[dependencies]").unwrap();
    assert!(!dependencies.contains("backplane") && !dependencies.contains("path"), "{dependencies}");
}

/// The tables themselves have no circle: each room uses only rooms above it.
#[test]
fn the_tables_are_in_order() {
    for table in [ACTORS, SERVICE, CLIENT] {
        for (place, (room, may_use)) in table.iter().enumerate() {
            let before: Vec<&str> = table.iter().take(place).map(|(room, _)| *room).collect();
            for used in *may_use {
                assert!(before.contains(used), "{room} may use {used}, which stands below it");
            }
        }
    }
}

#[test]
fn pure_parts_know_no_actor_no_runtime_and_no_clock() {
    let mut wrong = Vec::new();
    for (source, pure) in PURE {
        for file in pure.iter().flat_map(|pure| sources(&root().join(source).join(pure))) {
            let code = code(&file);
            for word in IMPURE.iter().filter(|word| code.contains(**word)) {
                wrong.push(format!("{} says `{word}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The modules that a table in a file's head names: rows that begin with a name in backticks.
fn table(text: &str) -> Option<BTreeSet<String>> {
    let mut rows = text.lines().skip_while(|line| !matches!(*line, "//! | module | what lives there |"));
    rows.next()?;
    let names = rows.skip(1).take_while(|line| line.starts_with("//! |")).map(|line| {
        line.trim_start_matches("//! | ").split(" |").next().unwrap().trim_matches(['`', '[', ']']).to_owned()
    });
    Some(names.collect())
}

#[test]
fn tables_of_modules_name_what_is_beside_them() {
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for source in ["actors/src", "src", "client-rust/src", "openapi/src"] {
        for file in sources(&root().join(source)) {
            let text = fs::read_to_string(&file).unwrap();
            let Some(named) = table(&text) else { continue };
            checked += 1;
            let there: BTreeSet<String> = text
                .lines()
                .filter_map(|line| {
                    line.trim_start_matches("pub(crate) ").trim_start_matches("pub ").strip_prefix("mod ")
                })
                .filter_map(|line| line.strip_suffix(';'))
                .filter(|name| !matches!(*name, "tests" | "sim"))
                .map(str::to_owned)
                .collect();
            if named != there {
                wrong.push(format!("{}: the table names {named:?}, there are {there:?}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked >= 8, "the tables were not understood: {checked}");
}

#[test]
fn imports_in_lists_are_understood() {
    let named = rooms_named("use crate::{a::B, c::{D, e::F}, g};\nuse crate::h::I; x(crate::j::k());");
    assert_eq!(named.into_iter().collect::<Vec<_>>(), ["a", "c", "g", "h", "j"]);
}

/// What a patch changes: files, and of each the texts that it wants to find there, a hunk each.
fn hunks(patch: &str) -> Vec<(&str, String)> {
    let (mut found, mut file) = (Vec::new(), "");
    for line in patch.lines().skip_while(|line| !line.starts_with("--- a/")) {
        if let Some(name) = line.strip_prefix("--- a/") {
            file = name;
        } else if line.starts_with("@@ ") {
            found.push((file, String::new()));
        } else if let (Some((_, text)), Some(old)) = (found.last_mut(), line.strip_prefix([' ', '-'])) {
            text.push_str(old);
            text.push('\n');
        }
    }
    found
}

/// Only a few of the mutants run each time: that the others still could is seen here.
#[test]
fn mutants_apply_and_name_a_test_that_is_there() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    let mut files = Vec::new();
    for folder in ["actors/src", "actors/tests", "src", "tests"] {
        walk(&root().join(folder), &|_| true, &mut files);
    }
    let tests: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    for entry in fs::read_dir(root().join("tests/mutants")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        count += 1;
        let patch = fs::read_to_string(&file).unwrap();
        let line = |name: &str| patch.lines().find_map(|line| line.strip_prefix(name));
        let (kind, expect) = (line("Test: ").unwrap_or("stress"), line("Expect: ").unwrap_or_default());
        // Those two tell violations.
        let is_there = matches!(kind, "stress" | "kill")
            || tests.contains(&format!("fn {}(", expect.trim_end_matches(" hangs")));
        if expect.is_empty() || !is_there {
            wrong.push(format!("{}: there is no {expect}", file.display()));
        }
        let hunks = hunks(&patch);
        let applies = |(changed, old): &(&str, String)| {
            fs::read_to_string(root().join(changed))
                .is_ok_and(|text| format!("\n{text}").contains(&format!("\n{old}")))
        };
        if hunks.is_empty() || !hunks.iter().all(applies) {
            wrong.push(format!("{} does not apply", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains(&format!("breaks the program in {count} ways")), "there are {count} mutants");
}
