//! The door: what stands between the network and an actix-web application, so that a peer who means harm, or is only slow,
//! costs little and not for long (I-5, I-6).
//!
//! ```text
//! accept ─► bounds ─► TLS ─► guarded stream ─► actix-http ─► telling ─► the actix-web application
//!           crowd     slots,      ▲  │                          │
//!           per       deadline    │  └── deadlines ◄── guard ◄──┘ requests begin and end
//!           address               └───── pieces, one request at a time
//! ```
//!
//! actix-http reads as long as its buffers have room, keeps all requests that it finds in them, and waits without end for a
//! second head, for a body, and for whoever does not read. Here a connection has one request open at a time, is not read from
//! while an answer waits, and has a deadline for each thing that is the peer's turn.
//!
//! | module | what lives there |
//! |---|---|
//! | `crowd` | pure: how many are in, in all and of one address |
//! | `descriptors` | file descriptors: as many as the system gives, and whether they suffice |
//! | `ends` | the end of the server, as connections see it |
//! | `entrance` | from a connection that was accepted to one that is served |
//! | `guard` | what is known of one connection |
//! | `intake` | pure: what of the bytes that have come is handed on, and when |
//! | `load` | pure: what is refused when more is asked than a thread can answer |
//! | `pass` | a connection's place behind the door |
//! | `policy` | pure: how long a peer may take for what is its turn |
//! | `served` | a connection that is being served, and the deadlines around it |
//! | `serving` | a server with an application behind a door |
//! | `settings` | what the door is told |
//! | `stats` | what it counts |
//! | `stream` | the stream between the socket and what reads requests |
//! | `told` | the layer that tells the guard when requests begin and end |
//! | `turns` | writes take turns |
//! | `watch` | how late a thread is |
//! | `words` | what the door itself says |
//! | `writers` | those who write, on one thread |

mod crowd;
mod descriptors;
mod ends;
mod entrance;
mod guard;
mod intake;
mod load;
mod pass;
mod policy;
mod served;
mod serving;
mod settings;
mod stats;
mod stream;
#[cfg(test)]
mod tests;
mod told;
mod turns;
mod watch;
mod words;
mod writers;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard as Loaded};
use tokio::time::Instant;

pub use self::crowd::Refused;
use self::crowd::{Bounds, Crowd, Place};
pub use self::descriptors::{raise_descriptors, room};
pub use self::guard::Connection;
use self::load::Resting;
use self::pass::{Entered, Pass};
pub use self::policy::Overdue;
pub use self::serving::Serving;
pub use self::settings::{DoorSettings, Pace, Patience};
pub use self::stats::Stats;
use crate::address::Block;

/// As many addresses must come together to take all slots for handshakes.
const HANDSHAKERS: usize = 10;

/// A door: one crowd with its bounds, whatever listeners it comes through.
///
/// ```no_run
/// use actix_web::{App, web};
/// use backplane::door::{Door, DoorSettings};
///
/// # async fn hello() -> &'static str { "hello" }
/// # async fn example() -> std::io::Result<()> {
/// let door = Door::new(DoorSettings::default());
/// let listener = std::net::TcpListener::bind("127.0.0.1:8080")?;
/// door.serve(|| App::new().route("/", web::get().to(hello))).listen(listener)?.run().await
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Door(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: ArcSwap<DoorSettings>,
    crowd: Mutex<Crowd>,
    /// Who is in the middle of a handshake.
    handshaking: Mutex<Crowd>,
    stats: Arc<Stats>,
    /// Who is not listened to, for too much was asked.
    resting: Mutex<Resting>,
    /// Whether there is anybody.
    some_rest: AtomicBool,
    began: Instant,
    /// Connections that fit into the process, whatever the settings say.
    room: usize,
}

impl Door {
    /// A door with nobody behind it.
    #[must_use]
    pub fn new(settings: DoorSettings) -> Self {
        Self::counting(settings, Arc::default())
    }

    /// The same, with counters that somebody else reads.
    #[must_use]
    pub fn counting(settings: DoorSettings, stats: Arc<Stats>) -> Self {
        Self(Arc::new(Inner {
            settings: ArcSwap::from_pointee(settings),
            crowd: Mutex::default(),
            handshaking: Mutex::default(),
            stats,
            resting: Mutex::default(),
            some_rest: AtomicBool::new(false),
            began: Instant::now(),
            room: descriptors::room(),
        }))
    }

    /// From now on this holds: bounds for whoever comes, patience for connections that come.
    pub fn change(&self, settings: DoorSettings) {
        self.0.settings.store(Arc::new(settings));
    }

    /// Connections that fit into the process: a door lets no more in than that, whatever its settings say. Known when it is
    /// made; see [`raise_descriptors`].
    #[must_use]
    pub fn room(&self) -> usize {
        self.0.room
    }

    /// What it counts.
    #[must_use]
    pub fn stats(&self) -> &Arc<Stats> {
        &self.0.stats
    }

    fn settings(&self) -> Loaded<Arc<DoorSettings>> {
        self.0.settings.load()
    }

    /// Lets a connection in, to be served or to rest, or counts that it was refused.
    fn enter(&self, peer: SocketAddr) -> Result<Entered, Refused> {
        let (block, settings) = (Block::of(peer.ip()), self.settings());
        let exempt = comes_for_many(peer, &settings);
        let rests = !exempt && self.rests(block);
        let bounds = Bounds {
            all: settings.connections.min(self.0.room),
            of_one: settings.connections_per_address,
            // Who rests asks nothing, not even what the reserve is for.
            reserve: if rests { 0 } else { settings.reserve },
        };
        let entered = locked(&self.0.crowd).enter(block, exempt, bounds);
        let refused = if rests { Some(Refused::Overload) } else { entered.err() };
        if let Some(refused) = refused {
            self.0.stats.refused(refused);
        }
        let place = entered.map_err(|full| refused.unwrap_or(full))?;
        let pass = Pass::new(self.clone(), block, place);
        Ok(if rests { Entered::Rests(pass) } else { Entered::Served(pass.accepted()) })
    }

    /// A request of this peer was refused because too much is asked: for a while its address brings no new connections in.
    fn refused(&self, peer: SocketAddr) {
        // A proxy's other clients have done nothing.
        if !comes_for_many(peer, &self.settings()) {
            let mut resting = self.0.resting.lock().unwrap_or_else(PoisonError::into_inner);
            resting.note(Block::of(peer.ip()), self.0.began.elapsed());
            self.0.some_rest.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the address was refused lately.
    fn rests(&self, block: Block) -> bool {
        if !self.0.some_rest.load(Ordering::Relaxed) {
            return false;
        }
        let mut resting = self.0.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let rests = resting.contains(block, self.0.began.elapsed());
        if resting.is_empty() {
            self.0.some_rest.store(false, Ordering::Relaxed);
        }
        rests
    }

    /// A slot for a handshake of this connection, or it is counted that there was none. One address may have a part of them, so that
    /// nobody keeps all others out.
    fn begin_handshake(&self, peer: SocketAddr) -> Option<Slot> {
        let (block, settings) = (Block::of(peer.ip()), self.settings());
        let most = settings.handshakes;
        let bounds = Bounds { all: most, of_one: most.div_ceil(HANDSHAKERS), reserve: 0 };
        let exempt = comes_for_many(peer, &settings);
        if locked(&self.0.handshaking).enter(block, exempt, bounds).is_err() {
            self.0.stats.refused(Refused::Handshakes);
            return None;
        }
        self.0.stats.began_handshake();
        Some(Slot { door: self.clone(), block })
    }
}

/// Whether this is a proxy, whose connections are not counted by its address.
fn comes_for_many(peer: SocketAddr, settings: &DoorSettings) -> bool {
    let address = peer.ip().to_canonical();
    settings.trusted.iter().any(|net| net.contains(&address))
}

/// A slot for a handshake, given back on drop.
#[derive(Debug)]
struct Slot {
    door: Door,
    block: Block,
}

impl Drop for Slot {
    fn drop(&mut self) {
        locked(&self.door.0.handshaking).leave(self.block, Place::Hall);
        self.door.0.stats.ended_handshake();
    }
}

fn locked(crowd: &Mutex<Crowd>) -> MutexGuard<'_, Crowd> {
    crowd.lock().unwrap_or_else(PoisonError::into_inner)
}
