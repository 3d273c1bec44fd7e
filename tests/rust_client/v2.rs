//! The Rust client in version 2.0: tokens that end in the midst of a stream, servers that start again, grants that are revoked.

use std::time::Duration;

use backplane::store::AdminName;
use backplane_client::v2::{Message, Privileged, Received, Regular, Scope};
use backplane_client::{Cause, Client, Error, Event, Reason, Resume, Subscription};
use serde_json::json;
use testkit::{BUS, Home, OTHER_BUS, Program, Server, password_hash, password_of, send};
use tokio::runtime::Runtime;

use crate::{Ending, MESSAGES, WATCHDOG, restarted, started};

const SECRET: &str = "a long word of the vendor's";
const SOURCE: &str = "https://vendor.example/widget";

/// A server whose clock stands, with a client that was granted both buses.
fn server() -> Server {
    let server = Server::start();
    let name: AdminName = "root".parse().unwrap();
    let making = server.backplane.make_admin(name, password_hash(&password_of("root")));
    actix_rt::System::new().block_on(making).unwrap();
    make(&server, "vendor");
    ask(&server, "POST", "grants", &json!({"client": "vendor", "buses": [BUS, OTHER_BUS]}));
    server
}

fn ask(server: &Server, method: &str, path: &str, body: &serde_json::Value) {
    let request = server.client().admin().request(method, &format!("/admin/v1/{path}"));
    let reply = send(request.basic_auth("root", Some(password_of("root"))).json(body));
    assert_eq!(reply.status, 201, "{}", reply.text());
}

fn make(server: &Server, name: &str) {
    ask(
        server,
        "PUT",
        &format!("clients/{name}"),
        &json!({"secret": SECRET, "source": SOURCE, "redirects": []}),
    );
}

/// Has all tokens end, and the server look at its clock, which it else does once a minute.
fn end_tokens(server: &Server, span: Duration, made: &str) {
    server.advance(span);
    make(server, made);
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn vendor(base: &str) -> Privileged {
    Client::builder(base).credentials("vendor", SECRET).privileged().unwrap()
}

async fn page(base: &str) -> Regular {
    Client::builder(base).regular(BUS, &Scope::all()).await.unwrap()
}

async fn post(vendor: &Privileged, page: &Regular, payload: usize) {
    let message = Message::new(page.bus().as_str(), page.channel().as_str(), "test", &payload).unwrap();
    vendor.post(&message).await.unwrap();
}

async fn next(subscription: &mut Subscription<Received>) -> Event<Received> {
    let event = tokio::time::timeout(WATCHDOG, subscription.next()).await;
    event.expect("nothing comes").expect("it goes on").unwrap()
}

async fn is_resumed(subscription: &mut Subscription<Received>, cause: Cause) {
    match next(subscription).await {
        Event::Resumed(told) => assert_eq!((told.resume, told.cause), (Resume::Complete, cause)),
        other => panic!("{other:?}"),
    }
}

async fn message(subscription: &mut Subscription<Received>) -> Received {
    match next(subscription).await {
        Event::Message(frame) => frame.message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn v2_acc_2_a_client_sees_all_of_its_buses_and_a_page_headers_of_its_channel() {
    let (server, runtime) = (server(), runtime());
    let base = format!("http://{}/v2", server.address());
    runtime.block_on(async {
        let (vendor, page) = (vendor(&base), page(&base).await);
        let other = Client::builder(&base).regular(OTHER_BUS, &Scope::all()).await.unwrap();
        assert!(page.channel() != other.channel() && page.channel().as_str().len() >= 32);
        let scope = format!("bus:{OTHER_BUS}").parse().unwrap();
        let (all, narrow) = (vendor.messages(&Scope::all()), vendor.messages(&scope));
        let mut of_client = all.subscribe(None);
        let mut of_page = page.messages().subscribe(None);
        is_resumed(&mut of_client, Cause::Started).await;
        is_resumed(&mut of_page, Cause::Started).await;
        post(&vendor, &other, 1).await;
        post(&vendor, &page, 2).await;
        let sticky = Message::new(BUS, page.channel().as_str(), "test", &3).unwrap().sticky();
        vendor.post(&sticky).await.unwrap();
        for n in 1..=3 {
            let message = message(&mut of_client).await;
            assert_eq!((message.payload_as::<usize>().unwrap(), message.source()), (n, SOURCE));
            assert_eq!((message.bus().as_str() == BUS, message.is_sticky()), (n > 1, n == 3));
        }
        for sticky in [false, true] {
            let header = message(&mut of_page).await;
            assert!(header.payload().is_none(), "V2-ACC-2: {}", header.as_json());
            assert_eq!(header.is_sticky(), sticky, "what is of another channel is not there");
        }
        let read = narrow.read(None).await.unwrap();
        assert_eq!((read.frames.len(), read.more, read.resume), (1, false, Resume::Complete));
        assert_eq!(narrow.read(read.next.as_ref()).await.unwrap().frames, []);
        let own = page.messages().read(None).await.unwrap();
        let rest = page.messages().read(Some(&(&own.frames[0].id).into())).await.unwrap();
        assert_eq!((own.frames.len(), rest.frames.len()), (2, 1), "RET-5");
        // The page hands its server the URL, and that fetches what the page does not see.
        let handed = own.frames[0].message.url();
        let whole = all.one(handed).await.unwrap().unwrap();
        assert_eq!((whole.url(), whole.payload_as::<usize>().unwrap()), (handed, 2));
        assert_eq!(
            page.messages().one(handed).await.unwrap().unwrap().payload().map(|_| ()),
            None,
            "V2-ACC-2"
        );
        assert_eq!(all.one("https://elsewhere.example/0w7z000000000").await.unwrap(), None);
        let error = narrow.one(handed).await.unwrap_err();
        assert!(error.to_string().contains("403"), "V2-ONE-1: {error}");
        assert!(matches!(all.one("https://x.example/?y=/").await, Err(backplane_client::Error::MessageUrl)));
        let unbound = Message::new(BUS, "made-up", "test", &1).unwrap();
        let error = vendor.post(&unbound).await.unwrap_err();
        assert!(error.to_string().contains("403 unbound_channel"), "V2-POST-2: {error}");
    });
    drop(runtime);
}

#[test]
fn v2_err_1_a_subscription_goes_on_with_a_new_token_when_its_own_is_over() {
    let (server, runtime) = (server(), runtime());
    let base = format!("http://{}/v2", server.address());
    let (vendor, page) = (vendor(&base), runtime.block_on(page(&base)));
    let refresh = page.refresh_token();
    let mut readers = [vendor.messages(&Scope::all()).subscribe(None), page.messages().subscribe(None)];
    runtime.block_on(async {
        for reader in &mut readers {
            is_resumed(reader, Cause::Started).await;
        }
        post(&vendor, &page, 0).await;
        for reader in &mut readers {
            message(reader).await;
        }
    });
    // A client's are good for an hour, and a page's, too.
    end_tokens(&server, Duration::from_mins(61), "another");
    runtime.block_on(async {
        // The token to post with is over, too.
        post(&vendor, &page, 1).await;
        for reader in &mut readers {
            // The message may come before the end is told, or behind it.
            let mut told = Vec::new();
            while told.len() < 3 {
                told.push(match next(reader).await {
                    Event::Message(_) => "message",
                    Event::Interrupted(told) if matches!(told.why, Error::Ended(Reason::Expired)) => {
                        "expired"
                    }
                    Event::Resumed(told) if told.resume == Resume::Complete => "complete",
                    other => panic!("{other:?}"),
                });
            }
            told.sort_unstable();
            assert_eq!(told, ["complete", "expired", "message"]);
        }
        assert_ne!(page.refresh_token().as_str(), refresh.as_str());
        // Whoever has kept a refresh token goes on with the channel.
        let again = Client::builder(&base).regular_again(&refresh).await.unwrap();
        assert_eq!((again.bus(), again.channel()), (page.bus(), page.channel()));
        assert_eq!(again.messages().read(None).await.unwrap().frames.len(), 1, "the first one is over");
    });
    // When the refresh token is over as well, the page has to begin anew.
    end_tokens(&server, Duration::from_hours(24 * 400), "third");
    let [_, mut of_page] = readers;
    runtime.block_on(async {
        let error = loop {
            match tokio::time::timeout(WATCHDOG, of_page.next()).await.expect("nothing comes").unwrap() {
                Err(error) => break error,
                Ok(Event::Interrupted(_)) => {}
                Ok(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(error.to_string(), "the server answers 401 invalid_token: invalid token");
        assert!(of_page.next().await.is_none());
    });
}

/// A program at a place of its own, with a client that was granted the bus. The grant's id, and where version 2.0 is.
fn home() -> (Home, String, String) {
    let (home, base) = crate::home();
    let base = base.replace("/v1", "/v2");
    let made = home.ask(&["client", "add", "vendor", "--source", SOURCE], &format!("{SECRET}\n"));
    assert!(made.status.success(), "{made:?}");
    let id = grant(&home);
    (home, id, base)
}

fn grant(home: &Home) -> String {
    let granted = home.ask(&["grant", "add", "vendor", "--bus", BUS], "");
    let told = String::from_utf8(granted.stdout).unwrap();
    told.trim().strip_prefix("granted: ").unwrap().to_owned()
}

/// Posts all of them, by turns to two pages, and has the program end and start again beside that.
async fn post_all(home: &Home, mut program: Program, vendor: &Privileged, pages: &[Regular; 2]) -> Program {
    for (third, ending) in [None, Some(Ending::Orderly), Some(Ending::Killed)].into_iter().enumerate() {
        let home = home.clone();
        let restart = tokio::task::spawn_blocking(move || match ending {
            Some(ending) => restarted(&home, program, ending),
            None => program,
        });
        for n in third * MESSAGES / 3..(third + 1) * MESSAGES / 3 {
            post(vendor, &pages[n % 2], n).await;
        }
        program = restart.await.unwrap();
    }
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_10_every_message_of_2_0_comes_once_over_an_end_and_a_kill() {
    let (home, _, base) = home();
    let program = started(&home);
    let (vendor, pages) = (vendor(&base), [page(&base).await, page(&base).await]);
    let [one, other] = &pages;
    let mut running = Vec::new();
    for (messages, most) in [
        (&vendor.messages(&Scope::all()), MESSAGES),
        (one.messages(), MESSAGES / 2),
        (other.messages(), MESSAGES / 2),
    ] {
        let mut reader = messages.subscribe(None);
        is_resumed(&mut reader, Cause::Started).await;
        running.push(tokio::spawn(async move {
            let (mut seen, mut drains) = (Vec::new(), 0);
            while seen.len() < most {
                match next(&mut reader).await {
                    Event::Message(frame) => seen.push(frame),
                    Event::Resumed(resumed) => assert_eq!(resumed.resume, Resume::Complete),
                    Event::Interrupted(interrupted) => {
                        drains += usize::from(matches!(interrupted.why, Error::Ended(Reason::Drain)));
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(drains, 1, "it listened to a stream, and was told why that ended");
            seen
        }));
    }
    let _program = post_all(&home, program, &vendor, &pages).await;
    let mut seen = Vec::new();
    for reader in running {
        seen.push(reader.await.unwrap());
    }
    let [all, of_pages @ ..] = seen.as_slice() else { panic!("there are readers") };
    let payloads = all.iter().map(|frame| frame.message.payload_as::<usize>().unwrap());
    assert_eq!(payloads.collect::<Vec<_>>(), (0..MESSAGES).collect::<Vec<_>>());
    for (first, own) in of_pages.iter().enumerate() {
        let theirs = all.iter().skip(first).step_by(2);
        assert!(
            own.iter().map(|frame| &frame.id).eq(theirs.map(|frame| &frame.id)),
            "headers of the same messages"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v2_err_1_a_revoked_grant_ends_a_subscription_and_a_new_one_lets_it_begin_anew() {
    let (home, id, base) = home();
    let _program = started(&home);
    let (vendor, page) = (vendor(&base), page(&base).await);
    let messages = vendor.messages(&Scope::all());
    let mut reader = messages.subscribe(None);
    is_resumed(&mut reader, Cause::Started).await;
    post(&vendor, &page, 1).await;
    message(&mut reader).await;
    let position = reader.position().cloned();
    assert!(home.ask(&["grant", "revoke", &id], "").status.success());
    let error = tokio::time::timeout(WATCHDOG, reader.next()).await.expect("nothing comes");
    let error = error.unwrap().unwrap_err();
    assert!(matches!(error, Error::Revoked) && !error.is_temporary(), "{error}");
    assert!(reader.next().await.is_none(), "it is over");
    assert!(matches!(messages.read(None).await, Err(Error::Revoked)), "and so is its token");
    assert!(matches!(messages.subscribe(None).next().await, Some(Err(Error::Revoked))));
    let unposted = Message::new(BUS, page.channel().as_str(), "test", &2).unwrap();
    let error = vendor.post(&unposted).await.unwrap_err();
    assert!(error.to_string().starts_with("the server answers 400 invalid_scope"), "{error}");
    grant(&home);
    post(&vendor, &page, 3).await;
    let mut reader = vendor.messages(&Scope::all()).subscribe(position);
    is_resumed(&mut reader, Cause::Started).await;
    assert_eq!(message(&mut reader).await.payload_as::<usize>().unwrap(), 3);
}
