//! What is kept of sign-ins over a restart, and what the log says of them.

use std::fmt::Write as _;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use testkit::{BUS, Client, Home, Program, Reply, eventually, password_of, send, strong_hash};

/// Who is wrong three times in an hour is refused, by address and by account, and the addresses are what a proxy says.
const STRICT: &str = r#"
trusted_proxies = "127.0.0.1"
[auth]
failures_per_address = { burst = 3, refill = "1h" }
failures_per_account = { burst = 3, refill = "1h" }
"#;

fn sign_in(client: &Client, from: &str, user: &str, password: &str) -> Reply {
    let request = client.request("GET", &format!("/v1/bus/{BUS}")).basic_auth(user, Some(password));
    send(request.header("X-Forwarded-For", from).header("X-Forwarded-Proto", "https"))
}

fn alice(client: &Client, from: &str) -> u16 {
    sign_in(client, from, "alice", &password_of("alice")).status
}

/// Wrong passwords for names of nobody, until this address is refused.
fn exhaust(client: &Client, from: &str) {
    let mut tries = 0..20;
    let refused = |n| sign_in(client, from, &format!("nobody{n}"), "guess").status == 429;
    assert!(tries.any(refused), "the address is refused in the end");
}

fn file_of(home: &Home) -> PathBuf {
    home.path().join("backplane-data/familiar")
}

/// Starts the program, does this and ends it in order. Gives back its log.
fn run(home: &Home, test: impl FnOnce(&Client)) -> String {
    let mut program = home.start(&[]);
    test(&program.client());
    program.signal("TERM");
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    ended.errors
}

#[test]
fn a_familiar_user_is_let_in_at_once_after_a_restart_under_attack() {
    let home = Home::configured(STRICT);
    run(&home, |client| assert_eq!(alice(client, "192.0.2.1"), 200));
    let file = file_of(&home);
    let kept = std::fs::read(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    for clear in [&b"alice"[..], b"192.0.2.1", &[192, 0, 2, 1]] {
        assert!(!kept.windows(clear.len()).any(|part| part == clear), "it tells who was where");
    }
    run(&home, |client| {
        exhaust(client, "192.0.2.1");
        assert_eq!(alice(client, "192.0.2.1"), 200, "where she was before");
    });
    // Without the file nobody knows her any more.
    std::fs::remove_file(&file).unwrap();
    run(&home, |client| {
        exhaust(client, "192.0.2.1");
        assert_eq!(alice(client, "192.0.2.1"), 429);
    });
}

#[test]
fn a_newcomer_behind_an_exhausted_address_is_let_in_after_a_second_look() {
    let home = Home::configured(STRICT);
    run(&home, |client| {
        exhaust(client, "192.0.2.1");
        assert_eq!(alice(client, "192.0.2.1"), 429, "refused like everybody there");
        eventually("she is let in", || alice(client, "192.0.2.1") == 200);
        assert_eq!(sign_in(client, "192.0.2.1", "nobody", "guess").status, 429);
    });
}

#[test]
fn a_damaged_file_of_familiar_addresses_is_told_and_made_anew() {
    let home = Home::configured(STRICT);
    run(&home, |client| assert_eq!(alice(client, "192.0.2.1"), 200));
    let file = file_of(&home);
    let mut kept = std::fs::read(&file).unwrap();
    let middle = kept.len() / 2;
    kept[middle] ^= 1;
    std::fs::write(&file, &kept).unwrap();
    let said = run(&home, |client| {
        exhaust(client, "192.0.2.1");
        assert_eq!(alice(client, "192.0.2.1"), 429, "what is damaged is not believed");
        assert_eq!(alice(client, "192.0.2.2"), 200);
    });
    assert!(said.contains("the file of familiar addresses is ignored") && said.contains("damaged"), "{said}");
    assert_ne!(std::fs::read(&file).unwrap(), kept);
    let said = run(&home, |client| assert_eq!(alice(client, "192.0.2.2"), 200));
    assert!(!said.contains("is ignored"), "{said}");
}

/// `alice` may do all that `nobody` may not.
fn config(post: &[&str], read: &[&str]) -> String {
    let mut text = "listen = \"127.0.0.1:0\"\n".to_owned();
    for user in ["alice", "nobody"] {
        let hash = strong_hash(&password_of(user)).to_phc();
        writeln!(text, "[[user]]\nname = \"{user}\"\npassword_hash = \"{hash}\"").unwrap();
    }
    writeln!(text, "[[bus]]\nname = \"{BUS}\"\npost = {post:?}\nread = {read:?}").unwrap();
    text
}

/// The log's lines about who came in, without time and level.
fn security(program: &Program) -> Vec<String> {
    let lines = program.errors();
    let lines = lines.lines().filter_map(|line| line.split_once("backplane::security: "));
    lines.map(|(_, said)| said.to_owned()).collect()
}

#[test]
fn the_log_says_who_came_in_who_did_not_and_whose_rights_changed() {
    let home = Home::new(Some(&config(&["alice"], &["alice"])));
    let mut program = home.start(&[]);
    let client = program.client();
    let get = |user: &str, password: &str| {
        let request = client.request("GET", &format!("/v1/bus/{BUS}?since=secret-position"));
        send(request.basic_auth(user, Some(password))).status
    };
    for _ in 0..3 {
        assert_eq!(client.get_as("alice", &format!("/v1/bus/{BUS}")).status, 200);
    }
    assert_eq!(get("nobody", "ydobon"), 403);
    assert_eq!(get("alice", "hunter2hunter2"), 401);
    assert_eq!(get("hunter2hunter2", "alice"), 401);
    // A line is written before its answer, and read here whenever this machine comes to it.
    eventually("all lines are read", || security(&program).len() >= 5);
    assert_eq!(
        security(&program),
        [
            "sign-in account=alice client=127.0.0.1 unreported=0".to_owned(),
            "sign-in account=nobody client=127.0.0.1 unreported=0".to_owned(),
            format!(
                "refused account=nobody bus={BUS} client=127.0.0.1 reason=\"no right to read\" unreported=0"
            ),
            "sign-in failed account=\"alice\" client=127.0.0.1 reason=\"wrong credentials\" unreported=0"
                .to_owned(),
            "sign-in failed account=\"unknown\" client=127.0.0.1 reason=\"wrong credentials\" unreported=0"
                .to_owned(),
        ]
    );
    // A name may be a password in the wrong field.
    assert!(!program.errors().contains("hunter2") && !program.errors().contains("secret"));

    let before = security(&program).len();
    std::fs::write(home.path().join("backplane.toml"), config(&["nobody"], &["alice", "nobody"])).unwrap();
    program.signal("HUP");
    eventually("the log says what changed", || program.errors().contains("taken over"));
    assert_eq!(
        security(&program).split_off(before),
        [
            format!("right gained account=nobody bus={BUS} right=\"read\""),
            format!("right gained account=nobody bus={BUS} right=\"post\""),
            format!("right lost account=alice bus={BUS} right=\"post\""),
        ]
    );
}

#[test]
fn the_process_leaves_no_core_dump_unless_it_may() {
    let core_size = |program: &Program| {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.id())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap().to_owned();
        line.split_whitespace().skip(4).map(str::to_owned).collect::<Vec<_>>()
    };
    let own = std::fs::read_to_string("/proc/self/limits").unwrap();
    let own = own.lines().find(|line| line.starts_with("Max core file size")).unwrap().to_owned();
    for (more, none) in [("", true), ("core_dumps = true", false)] {
        let mut program = Program::configured(more);
        program.address();
        let sizes = core_size(&program);
        if none {
            assert_eq!(sizes[..2], ["0", "0"]);
        } else {
            assert!(own.split_whitespace().skip(4).eq(sizes.iter().map(String::as_str)), "{sizes:?}");
        }
    }
}

/// The system gives what tells of such a process to root, whoever started it.
#[test]
fn nobody_of_the_same_user_may_look_into_the_process() {
    for (more, hidden) in [("", true), ("core_dumps = true\n", false)] {
        let home = Home::configured(&format!("{more}storage.kind = \"memory\""));
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut program = home.start_as_nobody(&[]);
        program.address();
        let owner = std::fs::metadata(format!("/proc/{}/environ", program.id())).unwrap().uid();
        assert_eq!(owner == 0, hidden, "{owner}");
    }
}

/// How often this text stands in the memory of a program that may be looked into.
fn in_memory(program: &Program, text: &[u8]) -> usize {
    let folder = PathBuf::from(format!("/proc/{}", program.id()));
    let mut memory = std::fs::File::open(folder.join("mem")).unwrap();
    let mut found = 0;
    for line in std::fs::read_to_string(folder.join("maps")).unwrap().lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        // What cannot be written to holds no password.
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        memory.seek(SeekFrom::Start(from)).unwrap();
        // The kernel's own pages among them cannot be read, and others may be gone since the list was made.
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        if memory.read_exact(&mut bytes).is_ok() {
            found += bytes.windows(text.len()).filter(|part| *part == text).count();
        }
    }
    found
}

#[test]
fn passwords_do_not_stay_in_memory_in_the_clear() {
    let mut program = Program::configured("core_dumps = true\nstorage.kind = \"memory\"");
    let client = program.client();
    let get = |user: &str, password: &str| {
        send(client.request("GET", &format!("/v1/bus/{BUS}")).basic_auth(user, Some(password))).status
    };
    for _ in 0..3 {
        assert_eq!(get("alice", "a wrong password: Quaxolotl"), 401);
        assert_eq!(get("nobody", "of nobody: Grumblefritz"), 401);
    }
    assert!(in_memory(&program, b"customer.com") > 0, "the search finds what is there");
    for clear in ["password: Quaxolotl", "nobody: Grumblefritz"] {
        assert_eq!(in_memory(&program, clear.as_bytes()), 0, "{clear}");
    }
}
