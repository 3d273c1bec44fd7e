//! SIGHUP: the configuration is read again, and what is new in it holds, without a restart and without a connection less.

use std::fmt::Write as _;

use testkit::{BUS, Client, Home, Program, basic, eventually, messages, password_of, send, strong_hash};

/// A configuration with these users, who may all do everything. `top` comes first, `bus` is more about the bus.
fn config(top: &str, users: &[&str], bus: &str) -> String {
    let mut text = format!("listen = \"127.0.0.1:0\"\n{top}\n[admin]\nlisten = \"127.0.0.1:0\"\n");
    for user in users {
        let hash = strong_hash(&password_of(user)).to_phc();
        writeln!(text, "[[user]]\nname = \"{user}\"\npassword_hash = \"{hash}\"").unwrap();
    }
    writeln!(text, "[[bus]]\nname = \"{BUS}\"\npost = {users:?}\nread = {users:?}\n{bus}").unwrap();
    text
}

/// A program whose configuration changes.
struct Changing {
    home: Home,
    program: Program,
    client: Client,
}

const TAKEN: &str = "the configuration was read again and taken over";
const REFUSED: &str = "the configuration was read again and refused";

impl Changing {
    fn start(first: &str) -> Self {
        let home = Home::new(Some(first));
        let mut program = home.start(&[]);
        let client = program.client();
        Self { home, program, client }
    }

    /// Writes the file anew and says so. Gives back what the log says of it.
    fn change(&self, config: &str, outcome: &str) -> String {
        std::fs::write(self.home.path().join("backplane.toml"), config).unwrap();
        let before = self.program.errors();
        self.program.signal("HUP");
        let mut said = String::new();
        eventually("the log says what became of the configuration", || {
            said = self.program.errors().split_off(before.len());
            said.contains(outcome)
        });
        said
    }

    fn read_bus_as(&self, user: &str) -> u16 {
        self.client.get_as(user, &format!("/v1/bus/{BUS}")).status
    }

    /// Ends it in order, having found that nothing panicked.
    fn end(self) {
        self.program.signal("TERM");
        let ended = self.program.end();
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
        assert!(!ended.errors.contains("panic"), "{}", ended.errors);
    }
}

#[test]
fn users_come_and_go_and_a_post_under_way_goes_on() {
    let mut it = Changing::start(&config("", &["alice", "bob"], ""));
    assert_eq!((it.read_bus_as("alice"), it.read_bus_as("carol")), (200, 401));
    // Admitted, and its body is to come.
    let body = messages(&["1"]);
    let mut posting = it.program.raw();
    let head = format!(
        "{}Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n",
        basic("alice"),
        body.len()
    );
    let path = format!("/v1/bus/{BUS}/channel/c");
    posting.request("POST", &path, &head);
    assert_eq!(posting.reply().status, 100);

    let said = it.change(&config("", &["bob", "carol"], ""), TAKEN);
    assert!(said.contains("bus user"), "{said}");
    assert_eq!((it.read_bus_as("carol"), it.read_bus_as("bob"), it.read_bus_as("alice")), (200, 200, 401));
    // What was admitted is finished, and its connection serves on: alice is nobody on it from now on.
    posting.send(body.as_bytes());
    assert_eq!(posting.reply().status, 200);
    assert_eq!(it.client.read("c", "").payloads(), ["1"]);
    posting.request("GET", &format!("/v1/bus/{BUS}"), &basic("alice"));
    assert_eq!(posting.reply().status, 401);
    posting.request("GET", &format!("/v1/bus/{BUS}"), &basic("carol"));
    assert_eq!(posting.reply().status, 200);
    it.end();
}

#[test]
fn a_new_password_replaces_the_old_one_although_that_was_verified() {
    let first = config("", &["alice"], "");
    let it = Changing::start(&first);
    assert_eq!(it.read_bus_as("alice"), 200);
    let (before, rest) = first.split_once("$argon2id").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    let other = strong_hash("another").to_phc();
    it.change(&format!("{before}{other}\"{after}"), TAKEN);
    assert_eq!(it.read_bus_as("alice"), 401);
    it.end();
}

#[test]
fn origins_limits_and_the_level_of_the_log_hold_at_once() {
    let it = Changing::start(&config("limits.body = \"2KiB\"\nlimits.message = \"2KiB\"", &["alice"], ""));
    let post = |size: usize| {
        let path = format!("/v1/bus/{BUS}/channel/c");
        let request = it.client.request("POST", &path).basic_auth("alice", Some(password_of("alice")));
        let body = messages(&[&format!("\"{}\"", "x".repeat(size))]);
        send(request.header("Content-Type", "application/json").body(body)).status
    };
    let is_allowed = |origin: &str| {
        let path = format!("/v1/bus/{BUS}/channel/c");
        let reply = send(it.client.request("GET", &path).header("Origin", origin));
        reply.header("access-control-allow-origin").is_some()
    };
    assert_eq!(post(1500), 200);
    assert!(is_allowed("https://a.example") && is_allowed("https://b.example"));
    assert!(!it.program.errors().contains("answered"));

    let top = "limits.body = \"1KiB\"\nlimits.message = \"1KiB\"\nlog.level = \"debug\"";
    let said = it.change(&config(top, &["alice"], "allowed_origins = \"https://a.example\""), TAKEN);
    assert!(said.contains("limits.body limits.message log.level bus"), "{said}");
    assert_eq!(post(1500), 413);
    assert!(is_allowed("https://a.example") && !is_allowed("https://b.example"));
    eventually("requests are logged", || it.program.errors().contains("answered"));
    it.end();
}

#[test]
fn bytes_under_way_scripts_and_what_json_is_hold_at_once() {
    let mut it = Changing::start(&config("", &["alice"], ""));
    let path = format!("/v1/bus/{BUS}/channel/c");
    let post = |payload: &str| {
        let request = it.client.request("POST", &path).basic_auth("alice", Some(password_of("alice")));
        send(request.header("Content-Type", "application/json").body(messages(&[payload]))).status
    };
    // More than half of what the new configuration has for all.
    let mut slow = it.program.raw();
    let begin = "Content-Type: application/json\r\nContent-Length: 1000000\r\n";
    slow.request("POST", &path, &format!("{}{begin}", basic("alice"))).send("[");
    eventually("it is under way", || it.client.metric("traffic_bytes", "") == Some(1_000_000.0));
    let script = || it.client.get(&format!("{path}?callback=f")).status;
    assert_eq!((post("1"), post("1e400"), script()), (200, 400, 200));

    let top = "limits = { body = \"80KiB\", message = \"64KiB\", traffic_memory = \"1MiB\" }";
    let said = it.change(&config(top, &["alice"], "payload = \"any\"\njsonp = false"), TAKEN);
    assert!(said.contains("limits.body limits.message limits.traffic_memory bus"), "{said}");
    assert_eq!((post("1"), script()), (503, 403));
    drop(slow);
    eventually("there is room", || post("1e400") == 200);
    it.end();
}

#[test]
fn a_configuration_that_is_refused_changes_nothing_and_all_its_problems_are_told() {
    let Changing { home, program, client } = Changing::start(&config("", &["alice"], ""));
    let it = Changing { home, program: program.expect_errors(), client };
    let said = it.change(&config("workers = \"many\"\nlistn = 1", &["bob"], ""), REFUSED);
    assert!(said.contains("workers (backplane.toml, line 2): is a text; allowed: a whole number"), "{said}");
    assert!(said.contains("listn (backplane.toml, line 3): unknown key, did you mean listen?"), "{said}");
    assert_eq!((it.read_bus_as("alice"), it.read_bus_as("bob")), (200, 401));
    // What a start would refuse is refused as well.
    let missing = "tls = { listen = \"127.0.0.1:0\", cert = \"none.crt\", key = \"none.key\" }";
    let said = it.change(&config(missing, &["bob"], ""), REFUSED);
    assert!(said.contains("tls.cert (backplane.toml, line 2): none.crt: No such file"), "{said}");
    assert_eq!((it.read_bus_as("alice"), it.read_bus_as("bob")), (200, 401));
    // And a good one is taken afterwards.
    it.change(&config("", &["bob"], ""), TAKEN);
    assert_eq!((it.read_bus_as("alice"), it.read_bus_as("bob")), (401, 200));
    it.end();
}

#[test]
fn what_needs_a_restart_is_named_each_time() {
    let it = Changing::start(&config("", &["alice"], ""));
    let top = "shutdown_grace = \"9s\"\nlog.format = \"json\"\nlimits.keep_alive = \"1m\"";
    let second = config(top, &["alice", "bob"], "");
    for _ in 0..2 {
        let said = it.change(&second, TAKEN);
        assert!(said.contains("keys=\"shutdown_grace log.format\""), "{said}");
        assert_eq!(it.read_bus_as("bob"), 200, "the rest is taken over");
    }
    let said = it.change(&config("", &["alice"], ""), TAKEN);
    assert!(!said.contains("restart"), "{said}");
    it.end();
}

/// A bus of a name that was somebody else's shows nothing of what was before, now and after a restart.
#[test]
fn buses_are_opened_changed_and_closed_and_a_name_made_again_begins_anew() {
    const MORE: &str = "[[bus]]\nname = \"more\"\npost = \"alice\"\nread = \"alice\"";
    let (without, with) = (config("", &["alice"], ""), config("", &["alice"], MORE));
    let path = "/v1/bus/more/channel/c";
    let post = |it: &Changing, payload: &str| {
        let request = it.client.request("POST", path).basic_auth("alice", Some(password_of("alice")));
        send(request.header("Content-Type", "application/json").body(messages(&[payload])))
    };
    let it = Changing::start(&without);
    assert_eq!(it.client.get(path).status, 404);
    it.change(&with, TAKEN);
    assert_eq!(post(&it, "1").status, 200);
    let theirs = it.client.get(path);
    assert_eq!(theirs.payloads(), ["1"]);
    // Where a reader of theirs would go on, as the link says it.
    let position = theirs.next().split_once('?').unwrap().1.to_owned();

    it.change(&config("", &["alice"], &format!("{MORE}\nwindow = {{ channel = 1 }}")), TAKEN);
    assert_eq!(post(&it, "2").status, 200);
    assert_eq!(it.client.get(path).payloads(), ["2"], "the window holds one message now");

    it.change(&without, TAKEN);
    assert_eq!(it.client.get(path).status, 404);
    assert_eq!(post(&it, "3").status, 404);
    it.change(&with, TAKEN);
    let began_anew = |it: &Changing| {
        let answer = it.client.get(&format!("{path}?{position}"));
        assert_eq!((answer.resume(), answer.payloads().len()), ("gap", 0));
    };
    began_anew(&it);
    let Changing { home, program, .. } = it;
    program.signal("TERM");
    assert_eq!(program.end().code, Some(0));
    let mut program = home.start(&[]);
    let client = program.client();
    let it = Changing { home, program, client };
    began_anew(&it);
    assert_eq!(post(&it, "4").status, 200);
    assert_eq!(it.client.get(path).payloads(), ["4"]);
    it.end();
}

#[test]
fn the_demonstration_survives_a_hangup() {
    let mut program = Program::start(None, &["--listen", "127.0.0.1:0"]);
    let client = program.client();
    program.signal("HUP");
    eventually("the log says so", || program.errors().contains(TAKEN));
    assert_eq!(client.get("/healthz").status, 200);
    program.signal("TERM");
    assert_eq!(program.end().code, Some(0));
}

#[test]
fn rates_come_and_go() {
    let it = Changing::start(&config("", &["alice"], "quota.reads = \"1/h\""));
    assert_eq!((it.read_bus_as("alice"), it.read_bus_as("alice")), (200, 429));
    let said = it.change(&config("", &["alice"], "quota.reads = \"none\""), TAKEN);
    assert!(said.contains("bus"), "{said}");
    assert_eq!((it.read_bus_as("alice"), it.read_bus_as("alice")), (200, 200));
    let said = it.change(&config("limits.reads_per_user = \"1/h\"", &["alice"], ""), TAKEN);
    assert!(said.contains("limits.reads_per_user"), "{said}");
    assert_eq!((it.read_bus_as("alice"), it.read_bus_as("alice")), (200, 429));
    it.end();
}
