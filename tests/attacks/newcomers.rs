//! Those who connect, ask once and leave, and how long it took them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::answers::{Answer, Answers};
use crate::attack::{Attack, spread};
use crate::house::{House, from};
use crate::peer::{connect, trusting};

/// Whoever is not served by then is not served.
const PATIENCE: Duration = Duration::from_secs(10);
/// When so many were not served at a door, no more come there: it takes the rest of them as long.
const ENOUGH: usize = 3;
/// The addresses that newcomers come from, counted from here.
const FIRST: usize = 60_000;

/// A listener that newcomers come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Plain,
    Tls,
    Operators,
}

/// Asks once for this path over a connection of its own.
pub(crate) fn ask(
    source: SocketAddr,
    to: SocketAddr,
    tls: Option<&Arc<ClientConfig>>,
    path: &str,
) -> io::Result<Answer> {
    let stream = connect(source, to, None)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    match tls {
        None => exchange(stream, &request),
        Some(config) => {
            let name = "localhost".try_into().map_err(io::Error::other)?;
            let tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
            exchange(StreamOwned::<ClientConnection, TcpStream>::new(tls, stream), &request)
        }
    }
}

fn exchange(mut stream: impl Read + Write, request: &str) -> io::Result<Answer> {
    stream.write_all(request.as_bytes())?;
    let (mut answers, mut first) = (Answers::default(), None);
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answers.take(&buffer[..length], &mut |answer| _ = first.get_or_insert(answer));
        if let Some(answer) = first {
            return Ok(answer);
        }
    }
}

/// How it went for the newcomers at one door.
#[derive(Debug)]
pub(crate) struct Served {
    door: Door,
    times: Vec<Duration>,
    /// What became of those who were not served.
    pub(crate) failures: Vec<String>,
}

impl Served {
    /// Whether these are the ones who came to this door.
    pub(crate) fn is_at(&self, door: Door) -> bool {
        self.door == door
    }
}

/// So many newcomers at each of these doors, one after the other.
pub(crate) fn come(house: &House, doors: &[Door], count: usize) -> Vec<Served> {
    let trusting = trusting(&house.certificate);
    let mut all: Vec<_> =
        doors.iter().map(|door| Served { door: *door, times: Vec::new(), failures: Vec::new() }).collect();
    for number in 0..count {
        for Served { door, times, failures } in &mut all {
            if failures.len() >= ENOUGH {
                continue;
            }
            let (to, tls) = match door {
                Door::Plain => (house.plain, None),
                Door::Tls => (house.tls.unwrap(), Some(&trusting)),
                Door::Operators => (house.admin, None),
            };
            // There since ever on this door, whatever else operators find there.
            let path = if *door == Door::Operators { "/metrics" } else { "/healthz" };
            let began = Instant::now();
            match ask(from(FIRST + number), to, tls, path) {
                Ok(Answer { status: 200, .. }) => times.push(began.elapsed()),
                Ok(answer) => failures.push(format!("{}", answer.status)),
                Err(error) => failures.push(error.to_string()),
            }
        }
    }
    all
}

/// Adds rows about them to the table.
pub(crate) fn tell(attack: &mut Attack, when: &str, all: &mut [Served]) {
    for Served { door, times, failures } in all {
        let refused =
            if failures.is_empty() { String::new() } else { format!("; not served: {}", failures.len()) };
        attack.figure(format!("newcomers, {door:?}, {when}"), format!("{}{refused}", spread(times)));
    }
}

/// Each of them was served.
#[track_caller]
pub(crate) fn all_served(all: &[Served]) {
    for Served { door, failures, .. } in all {
        assert_eq!(failures, &[""; 0], "newcomers at {door:?} were not served");
    }
}
