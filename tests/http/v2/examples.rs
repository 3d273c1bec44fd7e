//! The examples of version 2.0 in Rust, Python and curl: each posts and reads as it says, and is tried against a server that is not well.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use testkit::{BUS, eventually};

use super::*;
use crate::first_use::example;

/// Letters that JSON, shells and URLs have their own ideas of.
const NAME: &str = r#"Zoë "Z" \ O'Neil 🙂"#;

/// An example in its three languages.
fn commands(name: &str) -> [PathBuf; 3] {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    [example(name), examples.join(format!("{name}.py")), examples.join(format!("{name}.sh"))]
}

fn command(program: &Path, arguments: &[&str], name: &str, secret: &str) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env("CLIENT_ID", name).env("CLIENT_SECRET", secret);
    command
}

/// Its status, and what it says is wrong.
fn run(program: &Path, arguments: &[&str], secret: &str) -> (Option<i32>, String) {
    let output = command(program, arguments, CLIENT, secret).stdin(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn v2_post_1_each_publisher_posts_who_signed_in_letter_for_letter() {
    let server = start();
    let client = server.client();
    let (base, token) = (client.url("/v2"), token_of(&client, CLIENT, ""));
    for program in commands("publish2") {
        let page = page(&client, BUS);
        let arguments = [base.as_str(), BUS, page.channel.as_str(), NAME];
        assert_eq!(run(&program, &arguments, &secret_of(CLIENT)), (Some(0), String::new()), "{program:?}");
        let list = read(&client, &page.token, "");
        assert_eq!(list["messages"].as_array().unwrap().len(), 1, "{program:?}: {list}");
        let id = list["messages"][0]["messageURL"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let message = get(&client, &token, &format!("/v2/message/{id}")).json();
        assert_eq!((&message["type"], &message["sticky"]), (&json!("identity/login"), &json!(true)));
        assert_eq!(message["payload"]["identities"]["entry"]["displayName"], NAME, "{program:?}");

        let (status, errors) = run(&program, &arguments[..3], &secret_of(CLIENT));
        assert_eq!(
            (status, errors.as_str()),
            (Some(2), "usage: publish2 <base-URL> <bus> <channel> <name>\n")
        );
        for (arguments, secret, word) in [
            (arguments, "wrong".to_owned(), "401"),
            ([&base, BUS, "made-up", NAME], secret_of(CLIENT), "403"),
        ] {
            let (status, errors) = run(&program, &arguments, &secret);
            assert_eq!(status, Some(1), "{program:?}: {errors}");
            let is_told = errors.starts_with("publish2: the server answer") && errors.contains(word);
            assert!(is_told && !errors.contains("made-up"), "{program:?}: {errors}");
        }
    }
}

/// A reader that runs, and what it says.
struct Running {
    child: Child,
    folder: tempfile::TempDir,
}

impl Running {
    fn start(program: &Path, arguments: &[&str], name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| File::create(folder.path().join(name)).unwrap();
        let mut command = command(program, arguments, name, &secret_of(name));
        let child = command.stdin(Stdio::null()).stdout(file("said")).stderr(file("errors")).spawn().unwrap();
        Self { child, folder }
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// The payloads of all messages that it has printed, alone or in lists.
    fn payloads(&self) -> Vec<u64> {
        let said = self.text("said");
        // The last line may not be there whole.
        let lines = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let values: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        values
            .into_iter()
            .flat_map(|value| match &value["messages"] {
                Value::Array(messages) => messages.clone(),
                _ => vec![value],
            })
            .map(|message| message["payload"].as_u64().unwrap())
            .collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<_> = self.child.wait();
    }
}

#[test]
fn v2_get_1_each_reader_prints_what_comes_once_and_ends_with_what_it_was_granted() {
    let server = started(Setup::new());
    let client = server.client();
    for (at, program) in commands("read2").iter().enumerate() {
        let name = format!("reader-{at}");
        make_client(&client, &name, SOURCE);
        let id = grant(&client, &name, &[BUS]);
        let page = page(&client, BUS);
        let token = token_of(&client, CLIENT, "");
        let scope = format!("channel:{}", page.channel);
        post(&client, &token, BUS, &page.channel, 1);
        let arguments = [client.url("/v2"), scope];
        let mut running = Running::start(program, &arguments.each_ref().map(String::as_str), &name);
        eventually("what was there is printed", || running.payloads() == [1]);
        post(&client, &token, BUS, &page.channel, 2);
        eventually("and what comes", || running.payloads() == [1, 2]);
        revoke_grant(&client, &id);
        let mut ended = None;
        eventually("it ends", || {
            ended = running.child.try_wait().unwrap();
            ended.is_some()
        });
        let errors = running.text("errors");
        assert_eq!(ended.unwrap().code(), Some(1), "{program:?}: {errors}");
        let words = [
            "read2: the server answered 403\n",
            "read2: the token, or what it was granted, was taken back\n",
        ];
        assert!(words.contains(&errors.as_str()), "{program:?}: {errors}");
        assert_eq!(running.payloads(), [1, 2]);
    }
}

/// A server written by hand that gives these answers, one after the other, and what it was asked: the head of each request.
fn unwell(answers: &'static [(u16, &str, &str)]) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v2", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let mut heads = Vec::new();
        for (status, headers, body) in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut from = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert_ne!(from.read_line(&mut head).unwrap(), 0, "{head}");
            }
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
            });
            from.read_exact(&mut vec![0; length.unwrap_or(0)]).unwrap();
            heads.push(head);
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
            );
            (&stream).write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
        heads
    });
    (base, asked)
}

const TOKEN: &str = r#"{"access_token":"one","token_type":"Bearer","expires_in":3600,"scope":"bus:b"}"#;
const ANOTHER: &str = r#"{"access_token":"two","token_type":"Bearer","expires_in":3600,"scope":"bus:b"}"#;
const OVER: &str = r#"{"error":"invalid_token","error_description":"expired token"}"#;

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

#[test]
fn i_2_each_publisher_comes_back_with_the_same_key_and_another_token() {
    for program in commands("publish2") {
        let (base, asked) = unwell(&[
            (200, "", TOKEN),
            (503, "Retry-After: 0\r\n", ""),
            (401, "", OVER),
            (200, "", ANOTHER),
            (201, "", ""),
        ]);
        let ran = run(&program, &[&base, "b", "c", "Ann"], "secret");
        assert_eq!(ran, (Some(0), String::new()), "{program:?}");
        let heads = asked.join().unwrap();
        let firsts: Vec<_> = heads.iter().map(|head| head.lines().next().unwrap()).collect();
        let (token, message) = ("POST /v2/token HTTP/1.1", "POST /v2/message HTTP/1.1");
        assert_eq!(firsts, [token, message, message, token, message], "{program:?}");
        let keys: Vec<_> = heads.iter().filter_map(|head| header(head, "idempotency-key")).collect();
        assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0] && key.len() >= 20), "{keys:?}");
        let who: Vec<_> = heads.iter().map(|head| header(head, "authorization").unwrap()).collect();
        assert!(who[0].starts_with("Basic ") && who[0] == who[3], "{who:?}");
        assert_eq!([who[1], who[2], who[4]], ["Bearer one", "Bearer one", "Bearer two"]);
    }
}

/// Of Python and curl; how the client in Rust does it is tested beside it.
#[test]
fn i_10_each_reader_goes_on_where_it_was_with_another_token_and_tells_of_gaps() {
    let [_, python, curl] = commands("read2");
    for program in [python, curl] {
        let (base, asked) = unwell(&[
            (200, "", TOKEN),
            (
                200,
                "Backplane-Resume: complete\r\n",
                r#"{"nextURL":"http://elsewhere.example/v2/messages?since=p.1","messages":[{"payload":1}],"moreMessages":false}"#,
            ),
            (401, "", OVER),
            (200, "", ANOTHER),
            (503, "Retry-After: 0\r\n", ""),
            (
                200,
                "Backplane-Resume: gap\r\n",
                r#"{"nextURL":"http://elsewhere.example/v2/messages?since=p.2","messages":[{"payload":2}],"moreMessages":false}"#,
            ),
            (403, "", r#"{"error":"invalid_token","error_description":"invalid token"}"#),
        ]);
        let mut running = Running::start(&program, &[&base], CLIENT);
        let heads = asked.join().unwrap();
        assert_eq!(running.child.wait().unwrap().code(), Some(1));
        assert_eq!(running.payloads(), [1, 2]);
        let errors = "read2: something may be missing here\nread2: the server answered 403\n";
        assert_eq!(running.text("errors"), errors, "{program:?}");
        let asked: Vec<_> =
            heads.iter().map(|head| head.split(' ').nth(1).unwrap().trim_end_matches('?')).collect();
        let [first, then] =
            ["since=p.1&block=20", "since=p.2&block=20"].map(|query| format!("/v2/messages?{query}"));
        let wanted = ["/v2/token", "/v2/messages", &first, "/v2/token", &first, &first, &then];
        assert_eq!(asked, wanted, "{program:?}");
        assert_eq!(header(&heads[4], "authorization"), Some("Bearer two"));
    }
}
