//! The Rust client against the program, which is stopped, killed and started again meanwhile, and behind a way that does not hold.
//!
//! `BACKPLANE_STRESS=short` or `full` sends ten thousand messages and more over that; `BACKPLANE_STRESS_SEED` repeats its dice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod faulty;
mod v2;
mod way;

use std::net::TcpListener;
use std::time::Duration;

use backplane_client::{Client, Error, Event, Message, Reason, Resume, Subscription};
use testkit::{BUS, Home, Program, password_of};

/// Messages in all, by turns to two channels. However late a reader is, its windows have them all.
const MESSAGES: usize = 180;
const CHANNELS: [&str; 2] = ["c", "d"];
/// Whatever has not happened by then does not happen.
const WATCHDOG: Duration = Duration::from_mins(1);

/// The payloads of so many messages, and how often the server said that it is about to stop. A gap is a finding.
async fn read(mut subscription: Subscription, most: usize) -> (Vec<usize>, usize) {
    let (mut payloads, mut drains) = (Vec::new(), 0);
    while payloads.len() < most {
        match subscription.next().await.unwrap().unwrap() {
            Event::Message(frame) => payloads.push(frame.message.payload_as().unwrap()),
            Event::Resumed(resumed) => assert_eq!(resumed.resume, Resume::Complete, "behind {payloads:?}"),
            Event::Interrupted(interrupted) => {
                drains += usize::from(matches!(interrupted.why, Error::Ended(Reason::Drain)));
            }
            other => panic!("{other:?}"),
        }
    }
    (payloads, drains)
}

/// Whoever restarts it, it is found at the same place.
fn home() -> (Home, String) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    (Home::configured(&format!("listen = \"{free}\"")), format!("http://{free}/v1"))
}

fn started(home: &Home) -> Program {
    let mut program = home.start(&[]);
    program.address();
    program
}

/// How the program ends before it is started again.
#[derive(Clone, Copy)]
enum Ending {
    Orderly,
    Killed,
}

/// Ends the program and starts it again.
fn restarted(home: &Home, program: Program, ending: Ending) -> Program {
    match ending {
        Ending::Orderly => {
            program.signal("TERM");
            assert_eq!(program.end().code, Some(0));
        }
        Ending::Killed => drop(program.kill()),
    }
    started(home)
}

/// Posts all of them, and has the program end and start again beside that. Gives back the last one.
async fn post(home: &Home, mut program: Program, client: &Client) -> Program {
    let channels = CHANNELS.map(|name| client.bus(BUS).unwrap().channel(name).unwrap());
    let post = async |numbers: std::ops::Range<usize>| {
        for n in numbers {
            let message = Message::new("http://client.com", "test", &n).unwrap();
            channels[n % 2].post(&[message]).await.unwrap();
        }
    };
    post(0..MESSAGES / 3).await;
    for (third, ending) in [(1, Ending::Orderly), (2, Ending::Killed)] {
        let home = home.clone();
        let restart = tokio::task::spawn_blocking(move || restarted(&home, program, ending));
        post(third * MESSAGES / 3..(third + 1) * MESSAGES / 3).await;
        program = restart.await.unwrap();
    }
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_10_every_message_comes_once_over_an_end_and_a_kill() {
    let (home, base) = home();
    let client = Client::builder(&base).credentials("alice", &password_of("alice")).build().unwrap();
    let bus = client.bus(BUS).unwrap();
    let program = started(&home);
    let all = MESSAGES;
    let readers = [
        (bus.channel(CHANNELS[0]).unwrap().subscribe(None), all / 2),
        (bus.channels(CHANNELS).unwrap().subscribe(None), all),
        (bus.subscribe(None), all),
    ];
    let mut running = Vec::new();
    for (mut subscription, most) in readers {
        assert!(matches!(subscription.next().await, Some(Ok(Event::Resumed(_)))), "it is connected");
        running.push(tokio::spawn(read(subscription, most)));
    }
    let _program = post(&home, program, &client).await;
    for (reader, step) in running.into_iter().zip([2, 1, 1]) {
        let (payloads, drains) = reader.await.unwrap();
        assert_eq!(payloads, (0..all).step_by(step).collect::<Vec<_>>());
        assert_eq!(drains, 1, "it listened to a stream, and was told why that ended");
    }
}

/// Waits for an event that does not come, until the position has moved beyond this one.
async fn moved_beyond(subscription: &mut Subscription, position: &str) {
    while subscription.position().unwrap().to_string().as_str() <= position {
        tokio::select! {
            event = subscription.next() => panic!("nothing is posted, and nothing is to be mended: {event:?}"),
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
    }
}

#[tokio::test]
async fn i_10_the_position_of_a_quiet_reader_moves_on() {
    let mut program = Program::configured("limits.heartbeat = \"1s\"");
    let base = format!("http://{}/v1", program.address());
    let client = Client::builder(&base).credentials("alice", &password_of("alice")).build().unwrap();
    let bus = client.bus(BUS).unwrap();
    let post = async |name: &str| {
        let message = Message::new("http://client.com", "test", &0).unwrap();
        bus.channel(name).unwrap().post(&[message]).await.unwrap()
    };
    let one = bus.channel("one").unwrap().subscribe(None);
    let two = bus.channels(CHANNELS).unwrap().subscribe(None);
    for (mut subscription, name) in [(one, "one"), (two, CHANNELS[1])] {
        assert!(matches!(subscription.next().await, Some(Ok(Event::Resumed(_)))), "it is connected");
        // Before and behind a frame that it has to name.
        for own in [false, true] {
            if own {
                post(name).await;
                assert!(matches!(subscription.next().await, Some(Ok(Event::Message(_)))));
            }
            let [other] = post("of-somebody-else").await.try_into().unwrap();
            let moves = moved_beyond(&mut subscription, other.as_str());
            assert!(tokio::time::timeout(WATCHDOG, moves).await.is_ok(), "the position does not move");
        }
    }
}
