//! The end, in order: what was accepted is answered, and the exit status says how it went.

use testkit::{Events, Program, Server, eventually, messages};

/// Starts a POST whose body is not complete; whether it is under way can be seen from outside.
#[test]
fn signals_let_requests_under_way_finish() {
    for signal in ["TERM", "INT"] {
        let mut program = Program::configured("");
        let address = program.address();
        let (mut posting, mut idle) = (program.raw(), program.raw());
        assert_eq!(idle.request("GET", "/healthz", "").reply().status, 200);
        let body = messages(&["1"]);
        let (first, second) = body.split_at(20);
        let auth = testkit::basic("alice");
        let head = format!(
            "{auth}Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n",
            body.len()
        );
        posting.request("POST", "/v1/bus/customer.com/channel/c", &head);
        // The server has begun with this request once it says so.
        assert_eq!(posting.reply().status, 100);
        posting.send(first);
        // The password was checked: only the body is missing.
        let client = program.client();
        eventually("the password is checked", || client.metric("password_hashes_total", "") == Some(1.0));
        program.signal(signal);
        eventually("nobody is accepted any more", || std::net::TcpStream::connect(address).is_err());
        let reply = posting.send(second).reply();
        assert_eq!((reply.status, reply.header("connection")), (200, Some("close")), "{}", reply.text());
        assert!(posting.is_closed());
        let ended = program.end();
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
        assert!(ended.errors.contains("ended in order"), "{}", ended.errors);
        assert!(idle.is_closed());
    }
}

#[test]
fn push_end_1_a_signal_sends_those_away_who_wait() {
    let mut program = Program::configured("");
    let client = program.client();
    let mut events = Events::open(&client, "/v1/bus/customer.com/channel/c");
    events.resumed();
    program.signal("TERM");
    assert_eq!(events.fact()["end"], "drain");
    assert_eq!(events.next(), None);
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    assert!(ended.errors.contains("ended in order"), "{}", ended.errors);
}

#[test]
fn signals_for_users_end_nothing() {
    let mut program = Program::configured("");
    let client = program.client();
    for name in ["USR1", "USR2"] {
        program.signal(name);
        eventually("the log says so", || program.errors().contains(&format!("signal=\"SIG{name}\"")));
        assert_eq!(client.get("/healthz").status, 200);
    }
    program.signal("TERM");
    let ended = program.end();
    assert!(ended.code == Some(0) && ended.errors.contains("ended in order"), "{}", ended.errors);
}

#[test]
fn an_end_in_order_logs_no_errors_while_clients_knock() {
    for _ in 0..8 {
        let mut program = Program::configured("");
        let address = program.address();
        let knocking = std::thread::spawn(move || while std::net::TcpStream::connect(address).is_ok() {});
        program.client().get("/healthz");
        program.signal("TERM");
        let ended = program.end();
        knocking.join().unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
        assert!(!ended.errors.contains("ERROR"), "{}", ended.errors);
    }
}

#[test]
fn connections_that_stay_open_are_told_to_go_elsewhere() {
    let server = Server::start();
    let mut raw = server.raw();
    let target = "/v1/bus/customer.com/channel/c";
    assert_eq!(raw.request("GET", target, "").reply().header("connection"), None);
    server.backplane.drain();
    let reply = raw.request("GET", target, "").reply();
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert!(raw.is_closed());
}

#[test]
fn idle_connections_do_not_delay_the_end() {
    let mut server = Server::start();
    let mut idle: Vec<_> = (0..10).map(|_| server.raw()).collect();
    for raw in &mut idle {
        assert_eq!(raw.request("GET", "/healthz", "").reply().status, 200);
    }
    let began = std::time::Instant::now();
    assert_eq!(server.end(), Ok(()));
    // The grace is 10 s by default.
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
}

#[test]
fn a_request_without_an_end_does_not_keep_the_server() {
    let mut program = Program::configured("shutdown_grace = \"1s\"\n");
    let mut posting = program.raw();
    let auth = testkit::basic("alice");
    let head =
        format!("{auth}Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n");
    posting.request("POST", "/v1/bus/customer.com/channel/c", &head);
    assert_eq!(posting.reply().status, 100);
    program.signal("TERM");
    let ended = program.end();
    assert_eq!(ended.code, Some(0));
    assert!(posting.is_closed());
    // The log tells the truth about it.
    assert!(ended.errors.contains("requests were still under way"), "{}", ended.errors);
    assert!(!ended.errors.contains("ended in order"), "{}", ended.errors);
}

#[test]
fn a_second_server_on_the_same_port_says_which() {
    let mut first = Program::configured("");
    let address = first.address();
    let second = Program::start(None, &["--listen", &address.to_string()]).end();
    assert_eq!(second.code, Some(78));
    let words = format!("backplane: listen (--listen): cannot listen on {address}: ");
    assert!(second.errors.starts_with(&words), "{}", second.errors);
    assert_eq!(first.client().get("/healthz").status, 200);
}

#[test]
fn a_wrong_configuration_ends_with_78() {
    let ended = Program::start(Some("listn = [\"127.0.0.1:0\"]\n"), &[]).end();
    assert_eq!((ended.code, ended.output.as_str()), (Some(78), ""));
    assert!(ended.errors.contains("listn") && ended.errors.contains("listen"), "{}", ended.errors);
}
