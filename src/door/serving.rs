//! A server with an application behind a door.

use std::fmt::{self, Debug};
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{Extensions, HttpService, KeepAlive, Request, Response};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use super::Door;
use super::entrance::{Entrance, Ground, Plain, Secured};
use super::guard::Connection;
use super::stream::{Guarded, Wire};
use super::told::Telling;

/// How long a connection goes on being read that ends after its answer: a client that is still sending its body meets the
/// answer and not a reset.
const LINGER: Duration = Duration::from_secs(1);
/// Connections that a thread may have on their way to the door, beside those that are in.
const ON_THEIR_WAY: usize = 64;

/// What an application is made of.
type Types<I, S, B> = PhantomData<fn() -> (I, S, B)>;

/// Listeners and an application, to be run. Made by [`Door::serve`].
///
/// What `actix_web::HttpServer` has of it has the same meaning here; [`Serving::run`] gives back the same
/// `actix_web::dev::Server`, whose handle pauses and stops it.
#[must_use = "nothing is served before it runs"]
pub struct Serving<A, I, S, B> {
    door: Door,
    application: A,
    builder: ServerBuilder,
    workers: usize,
    types: Types<I, S, B>,
}

impl<A, I, S, B> Debug for Serving<A, I, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("workers", &self.workers).finish_non_exhaustive()
    }
}

impl Door {
    /// Serves an application behind this door. `application` is called once for each thread and listener, as the closure is
    /// that `HttpServer::new` takes.
    pub fn serve<A, I, S, B>(&self, application: A) -> Serving<A, I, S, B>
    where
        A: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<actix_web::Error> + 'static,
        S::InitError: Debug,
        S::Response: Into<Response<B>> + 'static,
        S::Service: 'static,
        <S::Service as Service<Request>>::Future: 'static,
        B: MessageBody + 'static,
    {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let builder = Server::build().workers(workers);
        Serving { door: self.clone(), application, builder, workers, types: PhantomData }
    }
}

impl<A, I, S, B> Serving<A, I, S, B>
where
    A: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    /// Threads: 1 to 512. Without it as many as there are processors.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.clamp(1, 512);
        self.builder = self.builder.workers(self.workers);
        self
    }

    /// Leaves SIGINT and SIGTERM to the caller. Without it they stop the server.
    pub fn disable_signals(mut self) -> Self {
        self.builder = self.builder.disable_signals();
        self
    }

    /// How long [`ServerHandle::stop`](actix_web::dev::ServerHandle::stop) waits for connections, in whole seconds.
    pub fn shutdown_timeout(mut self, seconds: u64) -> Self {
        self.builder = self.builder.shutdown_timeout(seconds);
        self
    }

    /// Serves plain HTTP on this listener, too.
    ///
    /// # Errors
    ///
    /// The listener cannot be used.
    pub fn listen(self, listener: TcpListener) -> io::Result<Self> {
        self.listen_on(listener, Plain)
    }

    /// Serves HTTPS on this listener, too. Whoever speaks plain HTTP there is told so. HTTP/1.1 only: the configuration's ALPN
    /// protocols should say so.
    ///
    /// # Errors
    ///
    /// The listener cannot be used.
    pub fn listen_tls(self, listener: TcpListener, tls: ServerConfig) -> io::Result<Self> {
        self.listen_on(listener, Secured(TlsAcceptor::from(std::sync::Arc::new(tls))))
    }

    fn listen_on<G: Ground + Send>(mut self, listener: TcpListener, ground: G) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (door, application) = (self.door.clone(), self.application.clone());
        let ends = self.builder.graceful_shutdown_signal();
        let factory = move || {
            let http = http::<_, _, _, B, G::Wire>(&application, address, !G::IS_PLAIN, &door);
            Entrance::new(http, ground.clone(), door.clone(), ends.clone())
        };
        self.builder = self.builder.listen(format!("door {address}"), listener, factory)?;
        Ok(self)
    }

    /// Begins to serve. The server ends when it is stopped through its handle.
    ///
    /// # Panics
    ///
    /// Without a listener.
    pub fn run(self) -> Server {
        // The door refuses by itself. Beyond that, who comes waits with the kernel: a thread that cannot keep up with
        // refusing must not hold a descriptor for each.
        let reserve = self.door.settings().reserve;
        let most = self.door.room().saturating_add(reserve).div_ceil(self.workers);
        self.builder.max_concurrent_connections(most.saturating_add(ON_THEIR_WAY)).run()
    }
}

/// What reads requests from guarded streams and has the application answer them.
pub(super) fn http<A, I, S, B, W>(
    application: &A,
    address: SocketAddr,
    is_secure: bool,
    door: &Door,
) -> impl Http<W> + use<A, I, S, B, W>
where
    A: Fn() -> I,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
    W: Wire,
{
    let application = application().into_factory().map_err(|error| error.into().error_response());
    // What an actix-web server gives its application. There is no public way to make it but the one of its test server.
    let application = map_config(application, move |()| {
        AppConfig::__priv_test_new(is_secure, address.to_string(), address)
    });
    HttpService::build()
        // All these times are kept by the guard, for each request and not for the first one only.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(LINGER)
        // Otherwise a client that has closed its connection is not noticed while its answer is pending.
        .h1_allow_half_closed(false)
        .local_addr(address)
        .on_connect_ext(|stream: &Guarded<W>, data: &mut Extensions| {
            data.insert(Connection(Rc::clone(stream.guard())));
        })
        .h1(Telling::new(application.map(Into::<Response<B>>::into), door.clone()))
}

/// What reads requests from guarded streams.
pub(super) trait Http<W: Wire>:
    ServiceFactory<
        (Guarded<W>, Option<SocketAddr>),
        Config = (),
        Response = (),
        Error = DispatchError,
        Service: Service<
            (Guarded<W>, Option<SocketAddr>),
            Response = (),
            Error = DispatchError,
            Future: Future<Output = Result<(), DispatchError>>,
        >,
    > + 'static
{
}

impl<W: Wire, F> Http<W> for F where
    F: ServiceFactory<(Guarded<W>, Option<SocketAddr>), Config = (), Response = (), Error = DispatchError>
        + 'static
{
}
