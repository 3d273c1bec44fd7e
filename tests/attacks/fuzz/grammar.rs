//! Pure: from dice to what a connection sends. Requests as they are meant, then bent.

use std::fmt::Write as _;

use fastrand::Rng;
use testkit::{basic, message, messages};

use super::words::{
    BODIES, CHUNK_SIZES, Choice, HEADERS, METHODS, QUERIES, SNAGS, TARGETS, VERSIONS, WILDNESS,
};

/// What becomes of a connection once all is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It waits until the server closes it.
    Wait,
    /// It says that nothing more comes, and waits.
    Finish,
    /// It is gone.
    Leave,
}

/// What one connection does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// Sent one after the other.
    pub(crate) pieces: Vec<Vec<u8>>,
    /// How many requests it was made of.
    pub(crate) requests: usize,
    pub(crate) ending: Ending,
}

/// The last request of many scripts: whoever has understood all before it closes the connection after it.
const LAST: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// The dice of one script.
struct Dice {
    rng: Rng,
    /// Of 64.
    wild: u8,
}

impl Dice {
    fn one_in(&mut self, count: u16) -> bool {
        self.rng.u16(..count) == 0
    }

    fn is_odd(&mut self) -> bool {
        self.rng.u8(..64) < self.wild
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.rng.usize(..from.len())]
    }

    fn choose(&mut self, choice: &Choice) -> &'static str {
        if self.is_odd() { self.pick(choice.odd) } else { self.pick(choice.usual) }
    }
}

/// The script of a seed.
pub(crate) fn script(seed: u64) -> Script {
    let mut rng = Rng::with_seed(seed);
    let wild = WILDNESS[rng.usize(..WILDNESS.len())];
    let mut dice = Dice { rng, wild };
    let requests = if dice.one_in(8) { dice.rng.usize(4..40) } else { dice.rng.usize(1..4) };
    let mut bytes = Vec::new();
    for _ in 0..requests {
        let mut request = request(&mut dice);
        while dice.is_odd() {
            bend(&mut dice, &mut request);
        }
        bytes.append(&mut request);
    }
    let ending = match dice.rng.u8(..16) {
        0 => Ending::Leave,
        1 => Ending::Wait,
        2 => Ending::Finish,
        _ => {
            bytes.extend_from_slice(LAST.as_bytes());
            Ending::Wait
        }
    };
    Script { pieces: split(&mut dice.rng, &bytes), requests, ending }
}

/// A request as it is meant, or nearly.
fn request(dice: &mut Dice) -> Vec<u8> {
    let (method, target) = (dice.choose(&METHODS), dice.choose(&TARGETS));
    let (query, version) = (dice.choose(&QUERIES), dice.choose(&VERSIONS));
    let mut head = format!("{method} {target}{query} {version}\r\n");
    if !dice.is_odd() {
        head.push_str("Host: localhost\r\n");
    }
    if !dice.one_in(8) {
        head.push_str(&basic("alice"));
    }
    for _ in 0..dice.rng.usize(..3) {
        head.push_str(dice.choose(&HEADERS));
        head.push_str("\r\n");
    }
    if dice.is_odd() && dice.one_in(8) {
        head.push_str(&"X: x\r\n".repeat(dice.rng.usize(50..200)));
    }
    if dice.is_odd() && dice.one_in(8) {
        _ = write!(head, "X: {}\r\n", "x".repeat(dice.rng.usize(1_000..100_000)));
    }
    if method != "POST" && !dice.is_odd() {
        head.push_str("\r\n");
        return head.into_bytes();
    }
    let body = match dice.rng.u8(..8) {
        0 => dice.pick(&BODIES).to_owned(),
        1 => message("1"),
        _ => messages(&["{\"a\":[1,2.5e-3,\"\\u00e9\"]}"; 3][..dice.rng.usize(1..=3)]),
    };
    match dice.rng.u8(..16) {
        0 => {}
        1 => head.push_str("Content-Type: text/plain\r\n"),
        _ => head.push_str("Content-Type: application/json\r\n"),
    }
    if dice.one_in(3) {
        head.push_str("Transfer-Encoding: chunked\r\n\r\n");
        head.push_str(&chunked(dice, &body));
    } else {
        // Sometimes too much or too little by one.
        let wrong = if dice.is_odd() { dice.rng.usize(..3) } else { 1 };
        let announced = (body.len() + wrong).saturating_sub(1);
        _ = write!(head, "Content-Length: {announced}\r\n\r\n{body}");
    }
    head.into_bytes()
}

fn chunked(dice: &mut Dice, body: &str) -> String {
    let mut chunks = String::new();
    // All of it is one byte per letter where it is cut.
    let mut rest = body;
    while !rest.is_empty() {
        let mut at = dice.rng.usize(1..=rest.len());
        while !rest.is_char_boundary(at) {
            at += 1;
        }
        let (chunk, after) = rest.split_at(at);
        let size = if dice.is_odd() { dice.pick(&CHUNK_SIZES).to_owned() } else { format!("{at:x}") };
        _ = write!(chunks, "{size}\r\n{chunk}\r\n");
        rest = after;
    }
    chunks.push_str(if dice.is_odd() { "0\r\nTrailer: x\r\n\r\n" } else { "0\r\n\r\n" });
    chunks
}

/// Does something to it that nobody means.
fn bend(dice: &mut Dice, request: &mut Vec<u8>) {
    if request.is_empty() {
        return;
    }
    let at = dice.rng.usize(..request.len());
    let span = at..(at + dice.rng.usize(1..=16)).min(request.len());
    match dice.rng.u8(..9) {
        0 => request[at] = dice.rng.u8(..),
        1 => request[at] ^= 1 << dice.rng.u8(..8),
        2 => drop(request.drain(span)),
        3 => {
            let again = request[span].repeat(dice.rng.usize(1..=8));
            drop(request.splice(at..at, again));
        }
        4 | 5 => drop(request.splice(at..at, dice.pick(&SNAGS).iter().copied())),
        6 => request.truncate(at),
        7 => request.retain(|byte| *byte != b'\r'),
        _ => {
            let header = format!("\r\n{}", dice.pick(HEADERS.odd));
            let line = request.windows(2).position(|bytes| bytes == b"\r\n").unwrap_or(at);
            drop(request.splice(line..line, header.into_bytes()));
        }
    }
}

/// Cut at random places: often in one piece, sometimes byte by byte.
fn split(rng: &mut Rng, bytes: &[u8]) -> Vec<Vec<u8>> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let most = match rng.u8(..8) {
        0 => 3,
        1 | 2 => 64,
        3 => 1_500,
        _ => return vec![bytes.to_vec()],
    };
    let (mut pieces, mut rest) = (Vec::new(), bytes);
    // What is long goes in larger pieces after some small ones.
    while !rest.is_empty() && pieces.len() < 200 {
        let (piece, after) = rest.split_at(rng.usize(1..=most).min(rest.len()));
        pieces.push(piece.to_vec());
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(rest.to_vec());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{Ending, script};

    #[test]
    fn a_seed_is_a_script() {
        for seed in 0..200 {
            assert_eq!(script(seed), script(seed));
        }
    }

    #[test]
    fn scripts_differ_and_have_all_endings() {
        let all: Vec<_> = (0..500).map(script).collect();
        for ending in [Ending::Wait, Ending::Finish, Ending::Leave] {
            assert!(all.iter().any(|script| script.ending == ending), "{ending:?}");
        }
        let mut bytes: Vec<_> = all.iter().map(|script| script.pieces.concat()).collect();
        bytes.sort();
        bytes.dedup();
        assert!(bytes.len() > 480, "{} different ones of 500", bytes.len());
        // Some are what any client sends, or nothing behind the door would be met.
        let meant = |script: &&super::Script| {
            script.pieces.concat().starts_with(b"POST /v1/bus/customer.com/channel/c1 ")
        };
        assert!(all.iter().filter(meant).count() > 3);
    }
}
