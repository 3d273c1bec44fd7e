//! From a connection that was accepted to one that is served: bounds, TLS, the guard.

use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_server::GracefulShutdownSignal;
use actix_service::{Service, ServiceFactory};
use futures::future::LocalBoxFuture;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::ends::Ends;
use super::guard::Guard;
use super::load::Rests;
use super::pass::Entered;
use super::served::Served;
use super::serving::Http;
use super::stream::{Guarded, Wire};
use super::{Door, Refused, words};

/// Bytes that a TLS connection keeps for a peer that does not take them, at most.
const TLS_BUFFER: usize = 16 * 1024;
/// Bytes that the kernel keeps of an answer and has not sent. At the slowest pace that is waited for, half of it is gone well
/// within the time for an answer.
const UNSENT: u32 = 16 * 1024;
/// The first byte of a TLS connection: a handshake record (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// Connections of a thread that are turned away and may say first what they want (I-5). Few, for each holds a descriptor that the door
/// does not count among those that are in; beyond that they are answered at once.
pub(super) const TURNED_AWAY: usize = 64;
/// How long that may take.
const FIRST_BYTE: Duration = Duration::from_millis(500);

/// How often so much is taken of what somebody sent who is told a last word.
const TAKEN: usize = 16;

/// What a connection is made of.
pub(super) trait Ground: Clone + 'static {
    type Wire: Wire;

    /// Makes the connection ready for HTTP; `None`: it was refused, and counted.
    fn prepare(&self, tcp: TcpStream, door: Door) -> impl Future<Output = Option<Self::Wire>>;

    /// Whether a refusal can be said in plain HTTP.
    const IS_PLAIN: bool;
}

/// Plain HTTP.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain;

/// HTTPS.
#[derive(Clone)]
pub(super) struct Secured(pub(super) TlsAcceptor);

impl Ground for Plain {
    type Wire = TcpStream;
    const IS_PLAIN: bool = true;

    async fn prepare(&self, tcp: TcpStream, _: Door) -> Option<TcpStream> {
        Some(tcp)
    }
}

impl Ground for Secured {
    type Wire = TlsStream<TcpStream>;
    const IS_PLAIN: bool = false;

    async fn prepare(&self, tcp: TcpStream, door: Door) -> Option<TlsStream<TcpStream>> {
        let slot = door.begin_handshake(tcp.peer_addr().ok()?)?;
        let patience = door.settings().handshake_timeout;
        let shaken = timeout(patience, shake(&self.0, tcp)).await;
        let shaken = shaken.ok().and_then(Result::ok).flatten();
        if shaken.is_none() {
            door.stats().handshake_failed();
        }
        drop(slot);
        shaken
    }
}

/// The handshake; `None` if the peer speaks plain HTTP, which it is told.
async fn shake(acceptor: &TlsAcceptor, tcp: TcpStream) -> io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [0];
    if tcp.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
        say(tcp, &words::tls_required());
        return Ok(None);
    }
    acceptor.accept_with(tcp, |session| session.set_buffer_limit(Some(TLS_BUFFER))).await.map(Some)
}

/// Has the kernel keep little for a peer that takes little, and ask for more as soon as half of that is gone.
///
/// By itself it keeps megabytes, and asks for more once a third of them is gone: until then somebody who reads, but slowly, looks
/// like somebody who does not (I-6).
fn keep_little(tcp: &TcpStream) {
    // Where there is no such option, or none is allowed, answers are kept as the kernel likes.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        _ = socket2::SockRef::from(tcp).set_tcp_notsent_lowat(UNSENT);
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        _ = tcp;
    }
}

/// Says a last word, without waiting for anybody.
fn say(tcp: TcpStream, words: &[u8]) {
    use std::io::{Read as _, Write as _};
    let Ok(mut tcp) = tcp.into_std() else { return };
    // What the peer has sent by now is taken: a connection that is closed with unread bytes is reset, and the peer
    // might not see the word.
    let mut sent = [0; 4096];
    for _ in 0..TAKEN {
        if !matches!(tcp.read(&mut sent), Ok(1..)) {
            break;
        }
    }
    _ = tcp.write(words);
    _ = tcp.shutdown(std::net::Shutdown::Write);
}

/// Where connections of one listener come in, on one thread.
pub(super) struct Entrance<F, G> {
    http: F,
    ground: G,
    door: Door,
    ends: GracefulShutdownSignal,
}

impl<F, G> Entrance<F, G> {
    pub(super) fn new(http: F, ground: G, door: Door, ends: GracefulShutdownSignal) -> Self {
        Self { http, ground, door, ends }
    }
}

impl<F, G> ServiceFactory<TcpStream> for Entrance<F, G>
where
    G: Ground,
    F: Http<G::Wire>,
{
    type Response = ();
    type Error = ();
    type Config = ();
    type Service = EntranceService<F::Service, G>;
    type InitError = F::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, Self::InitError>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let (http, ground) = (self.http.new_service(()), self.ground.clone());
        let (door, ends) = (self.door.clone(), self.ends.clone());
        Box::pin(async move {
            let (http, ends) = (Rc::new(http.await?), Ends::with(ends));
            Ok(EntranceService {
                http,
                ground,
                door,
                ends,
                turned_away: Rc::new(()),
                rests: Rests::default(),
            })
        })
    }
}

/// See [`Entrance`].
pub(super) struct EntranceService<S, G> {
    http: Rc<S>,
    ground: G,
    door: Door,
    ends: Rc<Ends>,
    /// As many owners as there are connections that are turned away, and one.
    turned_away: Rc<()>,
    rests: Rests,
}

impl<S, G: Ground> EntranceService<S, G> {
    /// Says why it was not let in, if that can be said.
    fn turn_away(&self, tcp: TcpStream, refused: Refused) -> LocalBoxFuture<'static, Result<(), ()>> {
        if !G::IS_PLAIN {
            return Box::pin(async { Ok(()) });
        }
        let words = refused_because(refused);
        if Rc::strong_count(&self.turned_away) > TURNED_AWAY {
            say(tcp, &words);
            return Box::pin(async { Ok(()) });
        }
        let turned_away = Rc::clone(&self.turned_away);
        Box::pin(async move {
            // An answer that comes before its request is none to many clients.
            _ = timeout(FIRST_BYTE, tcp.readable()).await;
            say(tcp, &words);
            drop(turned_away);
            Ok(())
        })
    }
}

impl<S, G> Service<TcpStream> for EntranceService<S, G>
where
    G: Ground,
    S: Service<(Guarded<G::Wire>, Option<SocketAddr>), Response = (), Error = DispatchError> + 'static,
{
    type Response = ();
    type Error = ();
    type Future = LocalBoxFuture<'static, Result<(), ()>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), ()>> {
        self.http.poll_ready(context).map_err(drop)
    }

    fn call(&self, tcp: TcpStream) -> Self::Future {
        let Ok(peer) = tcp.peer_addr() else { return Box::pin(async { Ok(()) }) };
        let pass = match self.door.enter(peer) {
            Ok(Entered::Served(pass)) => pass,
            Ok(Entered::Rests(pass)) => {
                let rested = Rc::clone(&self.ends).rest(self.rests.next());
                return Box::pin(async move {
                    rested.await;
                    if G::IS_PLAIN {
                        say(tcp, &words::overloaded());
                    }
                    drop(pass);
                    Ok(())
                });
            }
            Err(refused) => return self.turn_away(tcp, refused),
        };
        let (http, ground) = (Rc::clone(&self.http), self.ground.clone());
        let (door, ends) = (self.door.clone(), Rc::clone(&self.ends));
        Box::pin(async move {
            // Answers are written as a whole: nothing is gained by waiting for more.
            _ = tcp.set_nodelay(true);
            keep_little(&tcp);
            let Some(wire) = ground.prepare(tcp, door.clone()).await else { return Ok(()) };
            let guard = {
                let settings = door.settings();
                Guard::new(pass.patience(&settings), settings.head, pass.place(), peer)
            };
            let dispatcher = http.call((Guarded::new(wire, Rc::clone(&guard)), Some(peer)));
            let end = Rc::clone(&ends).notified();
            Served::new(dispatcher, guard, Arc::clone(door.stats()), ends, end).await;
            drop(pass);
            Ok(())
        })
    }
}

fn refused_because(refused: Refused) -> actix_web::web::Bytes {
    match refused {
        Refused::Address => words::full_for_address(),
        Refused::Overload => words::overloaded(),
        Refused::Full | Refused::Handshakes => words::full(),
    }
}
