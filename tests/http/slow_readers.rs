//! I-5 and I-6 against those who ask and do not read: they hold references and a bounded buffer each, all of
//! them together no more than `limits.traffic_memory`, and cost nobody else anything.

use testkit::{Client, Raw, Server, Setup, eventually, message, messages};

const KIB: usize = 1024;
/// Messages of the channel that nobody reads.
const MESSAGES: usize = 100;
/// Bytes of each: all together are more than the kernel holds on the way.
const MESSAGE: usize = 160 * KIB;
const CHANNEL: &str = "/v1/bus/customer.com/channel/large";
/// What one answer may hold: two pieces, a reference for each message, and a little for itself.
const MOST_PER_ANSWER: usize = 66 * KIB;
const LEAST_PER_ANSWER: usize = 64 * KIB;

/// A server with a channel of 16 MB.
fn server(traffic_memory: usize) -> Server {
    let setup = Setup::new().config(|config| {
        config.limits.body = 32 * KIB * KIB;
        config.limits.traffic_memory = traffic_memory;
    });
    let server = setup.start();
    let payload = format!("\"{}\"", "x".repeat(MESSAGE));
    let payloads = vec![&*payload; MESSAGES];
    assert_eq!(server.client().post("large", messages(&payloads)).status, 200);
    server
}

/// Sends requests on connections of their own, which are not read from.
fn ask(server: &Server, readers: usize) -> Vec<Raw> {
    let asked = |_| {
        let mut raw = server.raw();
        raw.request("GET", CHANNEL, "");
        raw
    };
    (0..readers).map(asked).collect()
}

/// Bytes that answers hold, as the metrics have it.
fn held(client: &Client) -> usize {
    let text = client.admin().get("/metrics").text();
    let value = text.lines().find_map(|line| line.strip_prefix("backplane_traffic_bytes "));
    value.unwrap().parse().unwrap()
}

#[test]
fn i_6_a_reader_that_does_not_read_holds_references_and_a_buffer() {
    const READERS: usize = 60;
    let server = server(64 * KIB * KIB);
    let client = server.client();
    assert_eq!(held(&client), 0);
    let mut readers = ask(&server, READERS);
    eventually("all answers are under way", || held(&client) >= READERS * LEAST_PER_ANSWER);
    assert!(held(&client) <= READERS * MOST_PER_ANSWER, "{} bytes are held", held(&client));
    // Whoever reads in the end gets all of it.
    let reply = readers.pop().unwrap().reply();
    assert_eq!((reply.status, reply.json().as_array().unwrap().len()), (200, MESSAGES));
    drop(readers);
    eventually("all is given back", || held(&client) == 0);
}

#[test]
fn a_request_is_under_way_until_its_answer_is_read() {
    let server = server(64 * KIB * KIB);
    let mut readers = ask(&server, 2);
    eventually("both are under way", || server.backplane.active_requests() == 2);
    assert_eq!(readers.pop().unwrap().reply().status, 200);
    eventually("one is under way", || server.backplane.active_requests() == 1);
    drop(readers);
    eventually("nobody is", || server.backplane.active_requests() == 0);
}

#[test]
fn the_end_waits_for_an_answer_that_is_being_read() {
    let mut server = server(64 * KIB * KIB);
    let mut readers = ask(&server, 1);
    eventually("it is under way", || server.backplane.active_requests() == 1);
    server.begin_shutdown();
    eventually("nobody is accepted any more", || std::net::TcpStream::connect(server.address()).is_err());
    let reply = readers.pop().unwrap().reply();
    assert_eq!((reply.status, reply.json().as_array().unwrap().len()), (200, MESSAGES));
    assert_eq!(server.end(), Ok(()));
}

#[test]
fn i_5_answers_under_way_are_bounded_together() {
    // Half of it, and a little, is what all readers without credentials may hold.
    let server = server(4 * MOST_PER_ANSWER + 16 * KIB);
    let client = server.client();
    assert_eq!(client.post("small", format!("[{}]", message("1"))).status, 200);
    let readers = ask(&server, 2);
    eventually("two answers are under way", || held(&client) >= 2 * LEAST_PER_ANSWER);

    let refused = client.get(CHANNEL);
    refused.is_error(503, "traffic_full");
    assert_eq!(refused.header("retry-after"), Some("10"));
    // What takes little or nothing is served all the same.
    assert_eq!(client.read("small", "").payloads(), ["1"]);
    let head = server.raw().request("HEAD", CHANNEL, "").reply_to_head();
    assert_eq!(head.status, 200);
    let next = head.next();
    assert_eq!(client.read("large", &next).text(), "[]");

    drop(readers);
    eventually("there is room again", || client.get(CHANNEL).status == 200);
    eventually("all is given back", || held(&client) == 0);
}

#[test]
fn an_answer_to_head_announces_the_same_length() {
    let server = server(64 * KIB * KIB);
    let (plain, padded) = (CHANNEL.to_owned(), format!("{CHANNEL}?callback=f"));
    for target in [plain, padded] {
        let mut raw = server.raw();
        let head = raw.request("HEAD", &target, "").reply_to_head();
        let whole = raw.request("GET", &target, "").reply();
        let length = whole.body.len().to_string();
        assert_eq!(head.header("x-length"), Some(&*length));
        assert_eq!(whole.header("content-length"), Some(&*length));
        assert_eq!(head.header("content-type"), whole.header("content-type"));
    }
}
