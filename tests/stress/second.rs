//! Version 2.0 beside all others: posters of single messages with a client's token, readers of all buses in one order (I-9), one of sticky
//! messages alone and one of a single bus, who must see nothing else; and a bus that comes and goes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use testkit::witness::second::{self, Single};
use testkit::{Client, password_hash, password_of, send};

use crate::door::{Door, Parcel};
use crate::history::{ChannelKey, Cursor, History, Ids, Outcome, Position, PostKey, Stamp, View};
use crate::plan::{BUSES, KEEPS, STICKY};
use crate::service::Service;
use crate::task::Task;

/// Channels of each bus that are given to pages.
const CHANNELS: usize = 12;
const CLIENT: &str = "vendor";
const SECRET: &str = "the secret of the vendor";
/// The bus that comes and goes.
const AGAIN: &str = "again.com";

/// Of which buses a reader is: their numbers for the checker.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of {
    All,
    /// The sticky messages of one.
    Sticky,
    /// Whatever there is of this one.
    One(u8),
}

/// What was granted and given in a service.
pub(crate) struct Second {
    service: Arc<Service>,
    /// Of the client, by what it may see.
    all: String,
    sticky: String,
    one: Vec<String>,
    channels: Vec<(ChannelKey, String)>,
}

fn asked(request: RequestBuilder, status: u16) -> Value {
    let reply = send(request);
    assert_eq!(reply.status, status, "{}", reply.text());
    if reply.body.is_empty() { Value::Null } else { reply.json() }
}

fn admin(client: &Client, method: &str, path: &str) -> RequestBuilder {
    client.admin().request(method, &format!("/admin/v1/{path}")).basic_auth("root", Some(password_of("root")))
}

impl Second {
    /// Makes the client, grants it all buses, and has pages given their channels. Blocks.
    pub(crate) fn prepare(service: &Arc<Service>) -> Self {
        let client = service.client();
        let backplane = service.backplane();
        let making = backplane.make_admin("root".parse().unwrap(), password_hash(&password_of("root")));
        actix_rt::System::new().block_on(making).unwrap();
        let body = json!({"secret": SECRET, "source": "http://stress.test/", "redirects": []});
        asked(admin(&client, "PUT", &format!("clients/{CLIENT}")).json(&body), 201);
        let buses: Vec<_> = BUSES.iter().map(|(name, _)| *name).collect();
        asked(admin(&client, "POST", "grants").json(&json!({"client": CLIENT, "buses": buses})), 201);
        let token = |scope: &str| {
            let request = client.request("POST", "/v2/token").basic_auth(CLIENT, Some(SECRET));
            let form = format!("grant_type=client_credentials&scope={}", scope.replace(' ', "+"));
            let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
            asked(request, 200)["access_token"].as_str().unwrap().to_owned()
        };
        let channel = |bus: u8| {
            let page = client.get(&format!("/v2/token?bus={}", service.bus(bus))).json();
            let (_, channel) = page["scope"].as_str().unwrap().split_once("channel:").unwrap();
            (ChannelKey::named(bus, channel), channel.to_owned())
        };
        let numbers = || (0u8..).take(BUSES.len());
        Self {
            service: Arc::clone(service),
            all: token(""),
            sticky: token(&format!("bus:{} sticky:true", service.bus(KEEPS))),
            one: numbers().map(|bus| token(&format!("bus:{}", service.bus(bus)))).collect(),
            channels: numbers().flat_map(|bus| (0..CHANNELS).map(move |_| bus)).map(channel).collect(),
        }
    }

    /// What a reader asks with, and the views that it is of.
    fn of(&self, of: Of) -> (&str, Vec<View>) {
        match of {
            Of::All => (&self.all, (0u8..).take(BUSES.len()).map(View::Bus).collect()),
            Of::Sticky => (&self.sticky, vec![View::Bus(STICKY)]),
            Of::One(bus) => (&self.one[usize::from(bus)], vec![View::Bus(bus)]),
        }
    }

    /// The number of a bus that is one of these views.
    fn number(&self, views: &[View], name: &str) -> Option<u8> {
        views.iter().map(|view| view.bus()).find(|bus| self.service.bus(*bus).as_str() == name)
    }
}

/// Posts single messages until all posters end.
pub(crate) async fn post(mut task: Task, second: Arc<Second>, me: u16) -> History {
    let mut posted = 0;
    while !task.run.posters_done.load(Ordering::Relaxed) {
        let at = task.rng.usize(..second.channels.len());
        let dice = task.rng.u32(..100);
        let parcel = Parcel {
            post: PostKey { poster: me, number: posted },
            channel: second.channels[at].0,
            size: 1,
            keyed: (2..6).contains(&dice),
        };
        posted += 1;
        let channel = &second.channels[at].1;
        match dice {
            0 | 4..6 => post_and_leave(&mut task, &second, parcel, channel).await,
            _ => post_once(&mut task, &second, parcel, channel).await,
        }
        // The same again, with its key (I-2): the first may be under way, or never have arrived.
        if parcel.keyed {
            post_once(&mut task, &second, parcel, channel).await;
        }
        let pause = task.rng.u64(..4);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    task.history
}

async fn post_once(task: &mut Task, second: &Second, parcel: Parcel, channel: &str) {
    let (start, key) = (task.now(), parcel.key());
    let Door::Http(client) = &mut task.door else { return };
    let single = single(second, parcel, channel, key.as_deref());
    let outcome = match second::post(client, &second.all, single).await {
        Ok(Ok(id)) => {
            task.history.tally.singles += 1;
            Ok(Outcome::Acked(Ids::new([id])))
        }
        other => Err(format!("POST of version 2.0: {other:?}")),
    };
    task.sent(parcel, start, outcome);
}

async fn post_and_leave(task: &mut Task, second: &Second, parcel: Parcel, channel: &str) {
    let (start, share, key) = (task.now(), task.rng.f64(), parcel.key());
    let Door::Http(client) = &mut task.door else { return };
    // What the connection says of it does not matter: the outcome is unknown.
    _ = second::post_and_leave(client, &second.all, single(second, parcel, channel, key.as_deref()), share)
        .await;
    task.history.tally.abandoned += 1;
    task.sent(parcel, start, Ok(Outcome::Unknown));
}

fn single<'a>(second: &'a Second, parcel: Parcel, channel: &'a str, key: Option<&'a str>) -> Single<'a> {
    let bus = second.service.bus(parcel.channel.bus).as_str();
    Single { bus, channel, stamp: Stamp::new(parcel.post, 0, 1), sticky: parcel.is_sticky(), key }
}

/// Follows several buses in one order, page by page, by polls and long polls; begins anew now and then.
pub(crate) async fn follow(mut task: Task, second: Arc<Second>, of: Of, mut since: Position) -> History {
    let (token, views) = second.of(of);
    loop {
        let done = task.run.readers_done.load(Ordering::Relaxed);
        let more = match page(&mut task, &second, (token, &views), since).await {
            Ok((next, more)) => {
                since = Position::Cursor(next);
                more
            }
            Err(failure) => {
                task.history.failures.push(format!("{of:?} of version 2.0: {failure}"));
                return task.history;
            }
        };
        if more {
            continue;
        }
        if done {
            // This last retrieval began after the last POST was answered.
            return task.history;
        }
        if task.rng.u32(..500) == 0 {
            task.history.tally.restarts += 1;
            since = Position::Start;
        }
        let pause = task.rng.u64(1..8);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

async fn page(
    task: &mut Task,
    second: &Second,
    (token, views): (&str, &[View]),
    since: Position,
) -> Result<(Cursor, bool), String> {
    let (start, waits) = (task.now(), task.rng.u32(..4) == 0);
    let Door::Http(client) = &mut task.door else { return Err("it is not over HTTP".to_owned()) };
    let number = |name: &str| second.number(views, name);
    let page = second::read(client, token, since, waits, number).await.map_err(|error| error.to_string())?;
    let mut known = 0;
    for view in views {
        let answer = page.of(*view, since);
        known += answer.shown.len();
        task.read_at(*view, since, start, Ok(answer));
    }
    task.history.tally.pages += 1;
    if page.count()? != known {
        return Err(format!("it shows {page:?}"));
    }
    Ok((page.next, page.more))
}

/// Makes a bus, has a page given a channel of it, and takes it away, again and again: the page reads nothing, and then nothing any more.
/// Blocks.
pub(crate) fn come_and_go(second: &Second, done: impl Fn() -> bool) {
    let client = second.service.client();
    while !done() {
        asked(admin(&client, "PUT", &format!("buses/{AGAIN}")).json(&json!({"settings": {}})), 201);
        let page = client.get(&format!("/v2/token?bus={AGAIN}")).json();
        let read =
            || client.request("GET", "/v2/messages").bearer_auth(page["access_token"].as_str().unwrap());
        assert_eq!(asked(read(), 200)["messages"], json!([]), "of those who had the name before");
        asked(admin(&client, "DELETE", &format!("buses/{AGAIN}")), 204);
        asked(read(), 403);
        std::thread::sleep(Duration::from_millis(20));
    }
}
