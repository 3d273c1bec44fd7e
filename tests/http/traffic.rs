//! I-5: bytes under way are bounded together, and one sender's slowness is not another's.

use testkit::{BUS, Client, Program, Raw, Server, Setup, basic, eventually, message, messages};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const CHANNEL: &str = "/v1/bus/customer.com/channel/c";

fn server() -> Server {
    Setup::new().config(|config| config.limits.traffic_memory = 4 * MIB).start()
}

/// The head of a POST as this user.
fn begin(server: &Server, user: &str, headers: &str) -> Raw {
    let mut raw = server.raw();
    raw.request("POST", CHANNEL, &format!("{}Content-Type: application/json\r\n{headers}", basic(user)));
    raw
}

fn held(client: &Client) -> usize {
    let text = client.admin().get("/metrics").text();
    let value = text.lines().find_map(|line| line.strip_prefix("backplane_traffic_bytes "));
    value.unwrap().parse().unwrap()
}

#[test]
fn i_5_one_posters_slow_bodies_do_not_stop_the_others() {
    let server = server();
    let client = server.client();
    let slow = |_| begin(&server, "alice", &format!("Content-Length: {MIB}\r\n"));
    let mut bodies: Vec<_> = (0..2).map(slow).collect();
    bodies[0].send("[");
    eventually("both are under way", || held(&client) == 2 * MIB);

    // Half of all is what she may have.
    for headers in ["Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut raw = begin(&server, "alice", headers);
        let refused = raw.send("64\r\n[").reply();
        let text = refused.is_error(503, "traffic_full");
        assert!(text.contains("limits.traffic_memory"), "{text}");
        assert_eq!(
            (refused.header("retry-after"), refused.header("connection")),
            (Some("10"), Some("close"))
        );
    }
    // Everybody else goes on, and she does with what takes nothing.
    client.post_payloads("c", &["1"]);
    assert_eq!(client.read("c", "").payloads(), ["1"]);
    assert_eq!(client.read_bus("").payloads(), ["1"]);
    let empty = client.get_as("alice", &format!("/v1/bus/{BUS}?since={}", client.read("c", "").ids()[0]));
    assert_eq!((empty.status, empty.text().as_str()), (200, "[]"));
    client.get_as("alice", &format!("/v1/bus/{BUS}")).is_error(503, "traffic_full");

    let rest = " ".repeat(MIB - 2);
    assert_eq!(bodies[0].send(rest).send("]").reply().status, 200);
    eventually("one is under way", || held(&client) == MIB);
    drop(bodies);
    eventually("all is given back", || held(&client) == 0);
}

#[test]
fn i_5_a_body_in_chunks_takes_what_it_has_grown_to() {
    let server = server();
    let client = server.client();
    let chunk = format!("{:x}\r\n{}\r\n", 64 * KIB, " ".repeat(64 * KIB));
    let mut slow: Vec<_> =
        (0..2).map(|_| begin(&server, "alice", "Transfer-Encoding: chunked\r\n")).collect();
    assert_eq!(held(&client), 0);
    for raw in &mut slow {
        raw.send("1\r\n[\r\n");
        for _ in 0..10 {
            raw.send(&chunk);
        }
    }
    eventually("both have grown", || held(&client) >= 2 * 640 * KIB);
    // Twice as much at most, for a buffer grows by doubling, and never more than a body may have.
    assert!(held(&client) <= 2 * MIB);
    for raw in &mut slow {
        assert_eq!(raw.send("1\r\n]\r\n0\r\n\r\n").reply().status, 200);
    }
    eventually("all is given back", || held(&client) == 0);
    // A body that finds no more room on its way is refused.
    let third = begin(&server, "alice", &format!("Content-Length: {MIB}\r\n"));
    let mut fourth = begin(&server, "alice", "Transfer-Encoding: chunked\r\n");
    let fifth = begin(&server, "poster", &format!("Content-Length: {MIB}\r\n"));
    eventually("there is little left", || held(&client) >= 2 * MIB);
    fourth.send("1\r\n[\r\n");
    for _ in 0..15 {
        if fourth.try_send(&chunk).is_err() {
            break;
        }
    }
    fourth.reply().is_error(503, "traffic_full");
    drop((third, fifth));
    eventually("all is given back", || held(&client) == 0);
}

#[test]
fn i_5_a_body_costs_what_has_arrived() {
    const POSTS: usize = 60;
    let mut program = Program::configured("");
    let before = program.memory();
    let head = format!("{}Content-Type: application/json\r\nContent-Length: {MIB}\r\n", basic("alice"));
    let almost = format!("[{}", " ".repeat(MIB - 6));
    let client = program.client();
    let mut posts: Vec<Raw> = (0..POSTS).map(|_| program.raw()).collect();
    for raw in &mut posts {
        raw.request("POST", CHANNEL, &head).send(&almost);
    }
    eventually("all are under way", || held(&client) == POSTS * MIB);
    let grown = program.memory().saturating_sub(before);
    assert!(grown < POSTS * (MIB + MIB / 2), "{} bytes for each body", grown / POSTS);
    for raw in &mut posts {
        assert_eq!(raw.send("    ]").reply().status, 200);
    }
}

#[test]
fn a_reader_without_credentials_is_one_with_all_others() {
    let setup = Setup::new().config(|config| {
        config.limits.body = 16 * MIB;
        config.limits.traffic_memory = 512 * KIB;
    });
    let server = setup.start();
    let client = server.client();
    let large = format!("\"{}\"", "x".repeat(200 * KIB));
    assert_eq!(client.post("c", messages(&[&*large; 60])).status, 200);
    let ask = |_| {
        let mut raw = server.raw();
        raw.request("GET", CHANNEL, "");
        raw
    };
    let readers: Vec<_> = (0..3).map(ask).collect();
    eventually("three answers are under way", || held(&client) >= 3 * 64 * KIB);
    client.get(CHANNEL).is_error(503, "traffic_full");
    // Who has signed in reads and posts beside them.
    client.post_payloads("d", &["1"]);
    assert_eq!(client.read_bus("").status, 200);
    assert_eq!(client.post("d", format!("[{}]", message("2"))).status, 200);
    drop(readers);
    eventually("all is given back", || held(&client) == 0);
}
