//! Five times as much as the program can do, offered at its own pace by many connections: what is too much is refused
//! at once, and told when to come back; what was acknowledged is there; another bus goes on; and once it is over, it is
//! over (I-2, I-5).

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use testkit::{BUS, PATIENCE, Socket, basic, eventually, messages};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;

use crate::KIB;
use crate::answers::{Answer, Answers};
use crate::attack::{Attack, spread};
use crate::house::{House, Plan, from};
use crate::requests::post;
use crate::rightful::Rightful;

/// How many times what it can do is offered.
const TIMES: f64 = 5.0;
/// And before that, of what it can do: a machine that is busy, with everybody served.
const BUSY: f64 = 0.8;
/// Connections of those who find out what it can do.
const CLOSED_LOOP: usize = 32;
/// Addresses that the flood comes from.
const ADDRESSES: usize = 100;
/// What a POST carries: enough that it costs the server more than whoever sends it.
const NUMBERS: usize = 4 * KIB;

/// What became of the POSTs of a flood.
#[derive(Default)]
struct Seen {
    acknowledged: Vec<String>,
    /// Times until a POST was acknowledged, and until one was refused, since it was due.
    served: Vec<Duration>,
    refused: Vec<Duration>,
    /// How often each reason was given, as the error code has it.
    reasons: BTreeMap<String, u64>,
    /// Refusals that do not say when to come back.
    bare: u64,
    others: BTreeMap<u16, u64>,
    /// Connections that were closed before an answer: nobody knows.
    cut: u64,
    /// POSTs that were due while all connections waited.
    unsent: u64,
}

struct Flood {
    to: SocketAddr,
    request: Vec<u8>,
    seen: Mutex<Seen>,
    free: Mutex<Vec<TcpStream>>,
    open: AtomicUsize,
    under_way: AtomicUsize,
}

async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Option<Answer> {
    stream.write_all(request).await.ok()?;
    let (mut answers, mut first) = (Answers::default(), None);
    let mut buffer = [0; 2048];
    while first.is_none() {
        let length = stream.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
        answers.take(&buffer[..length], &mut |answer| _ = first.get_or_insert(answer));
    }
    first
}

impl Flood {
    fn new(house: &House) -> Arc<Self> {
        let payload = format!("[{}]", vec!["1.5"; NUMBERS].join(","));
        let body = messages(&[&payload]);
        let request = post(&format!("/v1/bus/{BUS}/channel/flood"), body.as_bytes());
        Arc::new(Self {
            to: house.plain,
            request,
            seen: Mutex::default(),
            free: Mutex::default(),
            open: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
        })
    }

    async fn connect(&self, number: usize) -> Option<TcpStream> {
        let socket = TcpSocket::new_v4().ok()?;
        socket.bind(from(number % ADDRESSES)).ok()?;
        let stream = socket.connect(self.to).await.ok()?;
        stream.set_nodelay(true).ok()?;
        Some(stream)
    }

    /// Posts over this connection, which is kept if it can be, or over one of its own.
    async fn post(&self, number: usize, stream: Option<TcpStream>, due: Instant) {
        let stream = match stream {
            Some(stream) => Some(stream),
            None => self.connect(number).await,
        };
        let (answer, stream) = match stream {
            None => (None, None),
            Some(mut stream) => (exchange(&mut stream, &self.request).await, Some(stream)),
        };
        let took = due.elapsed();
        let kept = answer.as_ref().is_some_and(|answer| answer.status == 200);
        let mut seen = self.seen.lock().unwrap();
        match answer {
            Some(Answer { status: 200, begins, .. }) => {
                seen.served.push(took);
                let ids: Vec<String> = serde_json::from_slice(&begins).unwrap();
                seen.acknowledged.extend(ids);
            }
            Some(Answer { status: 503, retry_after, begins, .. }) => {
                seen.refused.push(took);
                let reason =
                    String::from_utf8_lossy(&begins).split('"').nth(3).unwrap_or_default().to_owned();
                *seen.reasons.entry(reason).or_default() += 1;
                seen.bare += u64::from(!retry_after);
            }
            Some(answer) => *seen.others.entry(answer.status).or_default() += 1,
            None => seen.cut += 1,
        }
        drop(seen);
        match stream {
            Some(stream) if kept => self.free.lock().unwrap().push(stream),
            // Whoever was refused comes again over another connection, as many clients do.
            _ => _ = self.open.fetch_sub(1, Ordering::Relaxed),
        }
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many it can do in a second: everybody posts again once the last one is answered.
    fn capacity(self: &Arc<Self>, runtime: &Runtime, span: Duration) -> f64 {
        let began = Instant::now();
        let tasks: Vec<_> = (0..CLOSED_LOOP)
            .map(|number| {
                let flood = Arc::clone(self);
                runtime.spawn(async move {
                    let (mut stream, mut done) = (flood.connect(number).await.unwrap(), 0);
                    while began.elapsed() < span {
                        done += u32::from(
                            exchange(&mut stream, &flood.request)
                                .await
                                .is_some_and(|answer| answer.status == 200),
                        );
                    }
                    done
                })
            })
            .collect();
        let done: u32 = tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).sum();
        f64::from(done) / began.elapsed().as_secs_f64()
    }

    /// Offers so many a second, whether they are answered or not, over at most this many connections.
    async fn offer(self: Arc<Self>, rate: f64, span: Duration, connections: usize) -> usize {
        let (began, mut offered) = (Instant::now(), 0);
        while began.elapsed() < span {
            let due = (began.elapsed().as_secs_f64() * rate) as usize;
            while offered < due {
                offered += 1;
                let free = self.free.lock().unwrap().pop();
                if free.is_none() {
                    if self.open.load(Ordering::Relaxed) >= connections {
                        self.seen.lock().unwrap().unsent += 1;
                        continue;
                    }
                    self.open.fetch_add(1, Ordering::Relaxed);
                }
                self.under_way.fetch_add(1, Ordering::Relaxed);
                let flood = Arc::clone(&self);
                tokio::spawn(async move { flood.post(offered, free, Instant::now()).await });
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        offered
    }
}

/// What became of what somebody published over one WebSocket.
struct Published {
    ids: Vec<String>,
    /// How often it was told to come back.
    refused: u64,
}

/// Publishes over a WebSocket as fast as it is answered, until this is done.
fn publish(mut socket: Socket, done: &Arc<AtomicBool>) -> JoinHandle<Published> {
    let done = Arc::clone(done);
    std::thread::spawn(move || {
        let text = format!(r#"{{"publish":"socket","ref":"r","messages":{}}}"#, messages(&["1"]));
        let mut published = Published { ids: Vec::new(), refused: 0 };
        while !done.load(Ordering::Relaxed) {
            let answer = socket.say(&text).said();
            if let Some(ids) = answer.get("ids") {
                published.ids.append(&mut serde_json::from_value(ids.clone()).unwrap());
            } else {
                assert_eq!(answer["error"], "overloaded", "{answer}");
                published.refused += 1;
            }
        }
        published
    })
}

/// Every id of the flood's bus, read page by page from where it begins.
fn stored(house: &House) -> HashSet<String> {
    let reply = house.client().get_as("alice", &format!("/v1/bus/{BUS}"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.ids().into_iter().collect()
}

#[test]
fn i_2_i_5_overload_is_refused_at_once_and_loses_nothing() {
    let mut attack = Attack::begin("five times as much as it can do");
    let plan = Plan::new().wide(BUS).limit("window_memory", r#""3GiB""#);
    // Less than the default: how late a fast machine is, depends on the machine.
    let house = plan.limit("lateness", r#""5ms""#).start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let span = Duration::from_secs(attack.size(3, 10));
    // Opened before anybody of its address is refused, for then new connections of it have to wait.
    let socket = Socket::open(house.plain, &format!("/v1/bus/{BUS}/channels"), &basic("alice"));
    let flood = Flood::new(&house);
    let capacity = flood.capacity(&runtime, Duration::from_secs(2));
    attack.figure("POSTs that it can do", format!("{capacity:.0}/s, of {} KiB", flood.request.len() / KIB));
    // A machine that is busy with other things is late as well.
    let alone = Rightful::begin(&house, 4, true);
    std::thread::sleep(span);
    alone.end(&mut attack, "on another bus, alone");

    let connections = attack.size(2_000, 5_000);
    // What readers notice of others' load that is no overload: two processors are shared with whoever makes it.
    let beside = Rightful::begin(&house, 4, true);
    runtime.block_on(Flood::new(&house).offer(capacity * BUSY, span, connections));
    beside.end(&mut attack, "on another bus, beside what it can do");

    let rightful = Rightful::begin(&house, 4, true);
    let is_over = Arc::<AtomicBool>::default();
    let publishing = publish(socket, &is_over);
    let (memory, cpu) = (house.memory(), house.cpu());
    let offered = runtime.block_on(Arc::clone(&flood).offer(capacity * TIMES, span, connections));
    is_over.store(true, Ordering::Relaxed);
    let (ended, cpu) = (Instant::now(), house.cpu().saturating_sub(cpu));
    // The first one after the flood that is served.
    let client = house.client();
    let post = || {
        let request = client.request("POST", &format!("/v1/bus/{BUS}/channel/after"));
        let request = request.basic_auth("alice", Some("ecila")).header("Content-Type", "application/json");
        testkit::send(request.body(messages(&["1"]))).status
    };
    eventually("it serves again", || post() == 200);
    let recovered = ended.elapsed();
    eventually("all of the flood is answered or closed", || flood.under_way.load(Ordering::Relaxed) == 0);
    let settled = ended.elapsed();
    rightful.end(&mut attack, "on another bus, beside the flood");
    let published = publishing.join().unwrap();

    let mut seen = std::mem::take(&mut *flood.seen.lock().unwrap());
    let per_second = |count: usize| format!("{count}, {:.0}/s", count as f64 / span.as_secs_f64());
    attack.figure("offered", per_second(offered));
    attack.figure("acknowledged", per_second(seen.served.len()));
    attack.figure("  within", spread(&mut seen.served));
    attack.figure("refused with 503", per_second(seen.refused.len()));
    attack.figure("  within", spread(&mut seen.refused));
    attack.figure("  for", format!("{:?}", seen.reasons));
    attack.figure("closed before an answer", seen.cut);
    attack.figure("due while all connections waited", seen.unsent);
    attack.figure("other answers", format!("{:?}", seen.others));
    attack.figure("processor time of the server", format!("{:.1} s in {span:?}", cpu.as_secs_f64()));
    attack.figure("memory, more than before", crate::attack::bytes(house.memory().saturating_sub(memory)));
    attack.figure("a POST is served again after", format!("{recovered:.1?}"));
    attack.figure("all of the flood is answered or closed after", format!("{settled:.1?}"));
    attack.figure(
        "published over a WebSocket, and refused there",
        format!("{}, {}", published.ids.len(), published.refused),
    );
    let stored = stored(&house);
    let lost = seen.acknowledged.iter().chain(&published.ids).filter(|id| !stored.contains(*id)).count();
    attack.figure("acknowledged and not there", lost);
    assert_eq!(lost, 0, "of {} acknowledged", seen.acknowledged.len());
    assert!(seen.others.is_empty(), "{:?}", seen.others);
    assert_eq!(seen.bare, 0, "refusals that do not say when to come back");
    assert!(published.refused > 0, "nothing of a WebSocket is refused");
    assert!(!seen.served.is_empty(), "a flood stops everything");
    assert!(!seen.refused.is_empty(), "nothing is refused at {TIMES} times of what it can do");
    assert!(settled < PATIENCE, "it goes on for {settled:?}");
}
