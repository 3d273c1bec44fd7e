//! The real program, killed with SIGKILL at random moments under load and while it starts: what was answered is
//! there after a restart, once and in order, and a retry with its `Idempotency-Key` stores nothing twice.
//!
//! `BACKPLANE_KILLS` says how often, `BACKPLANE_SEED` repeats a run's moments. Only its own child is killed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "tests say what they expect by panicking"
)]

use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;

const POSTERS: usize = 8;
/// The demonstration's password, `demo`.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Dkawlecv2WGOXpOfpHhGPQ$o3bxQ3V5K0Cey3eH36h8lMWBbspfCbBfjqxa1m2paBg";

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// The program. It is killed when it is dropped.
struct Server {
    child: Child,
    lines: Option<BufReader<std::process::ChildStderr>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_backplane"))
            .env_clear()
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = child.stderr.take().map(BufReader::new);
        Self { child, lines }
    }

    /// Where it listens, once it does. A server that refuses to start is a finding.
    fn address(&mut self) -> String {
        let mut lines = self.lines.take().unwrap();
        let (mut line, mut all) = (String::new(), String::new());
        while lines.read_line(&mut line).unwrap() > 0 {
            if let Some((_, address)) = line.split_once("listening on ") {
                let address = address.trim().to_owned();
                // It goes on writing; somebody has to read.
                std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(drop));
                return address;
            }
            all.push_str(&line);
            line.clear();
        }
        panic!("the server does not start:\n{all}");
    }
}

/// One poster: its POSTs so far, each with its ids.
#[derive(Default)]
struct Poster {
    answered: Vec<Vec<String>>,
}

impl Poster {
    /// Posts until the server is gone. The last POST is tried again by the next round, with its key.
    async fn post(&mut self, who: usize, client: &reqwest::Client, base: &str) {
        loop {
            let n = self.answered.len();
            let message =
                |k: usize| format!(r#"{{"source":"http://a.example","type":"t","payload":"{who} {n} {k}"}}"#);
            let body = format!("[{},{}]", message(0), message(1));
            let answer = client
                .post(format!("{base}/v1/bus/b/channel/c{}", n % 3))
                .basic_auth("demo", Some("demo"))
                .header("Idempotency-Key", format!("{who}-{n}"))
                .body(body)
                .send()
                .await;
            let Ok(answer) = answer else { return };
            let status = answer.status();
            let Ok(text) = answer.text().await else { return };
            assert!(status.is_success(), "{status}: {text}");
            let Ok(ids) = serde_json::from_str::<Vec<String>>(&text) else { return };
            assert_eq!(ids.len(), 2);
            self.answered.push(ids);
            // Some order of magnitude below what the server takes: a full run's messages and keys must fit its bounds.
            tokio::time::sleep(Duration::from_micros((who as u64 * 997 + n as u64 * 7_919) % 6_000)).await;
        }
    }
}

/// Reads the whole bus and compares it with what the posters know. Returns the number of messages.
async fn check(posters: &[Poster], client: &reqwest::Client, base: &str) -> usize {
    let answer =
        client.get(format!("{base}/v1/bus/b")).basic_auth("demo", Some("demo")).send().await.unwrap();
    assert_eq!(answer.headers()["backplane-resume"], "complete");
    let frames: Vec<Value> = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let mut found: Vec<Vec<String>> = vec![Vec::new(); posters.len()];
    let mut before = String::new();
    for frame in &frames {
        let (id, text) = (frame["id"].as_str().unwrap(), frame["message"]["payload"].as_str().unwrap());
        assert!(*id > *before, "ids rise");
        id.clone_into(&mut before);
        let parts: Vec<usize> = text.split(' ').map(|part| part.parse().unwrap()).collect();
        let [who, n, k] = parts[..] else { panic!("{text}") };
        assert_eq!(n * 2 + k, found[who].len(), "poster {who}: none lost, none doubled, none reordered");
        if let Some(ids) = posters[who].answered.get(n) {
            assert_eq!(ids[k], id, "poster {who}: the id that was answered");
        }
        found[who].push(id.to_owned());
    }
    for (who, poster) in posters.iter().enumerate() {
        let there = found[who].len() / 2;
        assert!(
            there >= poster.answered.len(),
            "poster {who}: {} answered, {there} there",
            poster.answered.len()
        );
        assert!(
            there <= poster.answered.len() + 1 && found[who].len().is_multiple_of(2),
            "poster {who}: half a POST"
        );
    }
    frames.len()
}

#[actix_web::test]
async fn i_1_i_2_nothing_answered_is_lost_to_a_kill() {
    let kills = setting("BACKPLANE_KILLS", 20);
    let seed = setting("BACKPLANE_SEED", RandomState::new().hash_one(0));
    println!("BACKPLANE_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        r#"
listen = "127.0.0.1:0"
[storage]
segment = "1MiB"
[limits]
idempotency_keys = 10000000
window_memory = "8GiB"
[[user]]
name = "demo"
password_hash = "{HASH}"
[[bus]]
name = "b"
post = ["demo"]
read = ["demo"]
window = {{ channel = 1000000, bus = 1000000 }}
"#
    );
    std::fs::write(folder.path().join("backplane.toml"), config).unwrap();
    // Another test of this process may have been first.
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
    let mut posters: Vec<Poster> = (0..POSTERS).map(|_| Poster::default()).collect();
    let (mut dice, mut starting) = (Dice(seed), 0);
    for kill in 0..kills {
        let mut server = Server::start(folder.path());
        if dice.roll(4) == 0 {
            // While it starts.
            starting += 1;
            tokio::time::sleep(Duration::from_micros(dice.roll(40_000))).await;
            continue;
        }
        let base = server.address();
        // The first password costs a hash, and the posters are to be at work when the kill comes.
        let empty =
            client.post(format!("{base}/v1/bus/b/channel/c0")).basic_auth("demo", Some("demo")).body("[]");
        assert!(empty.send().await.unwrap().status().is_success());
        if kill % 8 == 0 {
            check(&posters, &client, &base).await;
        }
        let rest = Duration::from_micros(20_000 + dice.roll(300_000));
        let killing = async {
            tokio::time::sleep(rest).await;
            server.child.kill().unwrap();
        };
        let posting = posters.iter_mut().enumerate().map(|(who, poster)| poster.post(who, &client, &base));
        futures::future::join(join_all(posting), killing).await;
    }
    let mut server = Server::start(folder.path());
    let base = server.address();
    let messages = check(&posters, &client, &base).await;
    let answered: usize = posters.iter().map(|poster| poster.answered.len()).sum();
    println!(
        "{kills} kills, {starting} of them while starting; {answered} POSTs answered, {messages} messages there"
    );
    assert!(answered > 0);
}
