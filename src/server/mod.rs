//! The server: listeners, TLS, signals, and an orderly end.
//!
//! | module | what lives there |
//! |---|---|
//! | `core_dumps` | that the process leaves none |
//! | `preflight` | what a start needs of this machine, checked all at once before anything listens |
//! | `listeners` | addresses, bound and then listened on |
//! | `reload` | SIGHUP: a new configuration while the server runs |
//! | `ending` | the order of the end, and its one deadline |
//! | `telemetry` | where log lines go |

mod core_dumps;
mod ending;
mod listeners;
mod preflight;
mod reload;
pub mod telemetry;

pub use core_dumps::{hide_memory, settle_core_dumps};
pub use listeners::{Listeners, Sockets};
pub use preflight::{check, check_beside_a_server};
pub use reload::Reloader;

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::{App, HttpServer};
use futures::future::{Either, join_all, select};
use socket2::SockRef;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use crate::backplane::{Backplane, StartError};
use crate::config::Config;
use crate::tls::{ReloadingCertificate, TlsError};

/// How often certificate files are looked at.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(2);

/// How often familiar addresses are kept: what a kill may take of them.
const FAMILIAR_SAVING: Duration = Duration::from_mins(1);

/// Why the server does not start or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A listener cannot be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// Certificate or key are not usable.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The service does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server's threads or signal handlers failed.
    #[error("the server failed")]
    Failed(#[from] io::Error),
}

/// Serves until `shutdown` completes, then ends in order: readiness is withdrawn, no connection is
/// accepted, requests under way are answered, the broker settles what it accepted. All of it within the
/// configuration's `shutdown_grace`: what is not done by then is cut off, and a line of the log says what it was.
///
/// Needs an actix system (`#[actix_web::main]`).
///
/// # Errors
///
/// See [`ServerError`].
pub async fn run(
    config: &Config,
    listeners: Listeners,
    backplane: &Backplane,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let certificate =
        config.tls.as_ref().map(|tls| ReloadingCertificate::load(&tls.cert, &tls.key)).transpose()?;
    let doors = listeners.doors()?;
    let watch =
        certificate.clone().map(|certificate| actix_web::rt::spawn(certificate.watch(CERTIFICATE_CHECK)));
    let familiar = actix_web::rt::spawn(save_familiar(backplane.clone()));
    let metrics = listeners.metrics.map(|listener| metrics_server(backplane, listener)).transpose()?;
    let server = main_server(config, listeners.plain, listeners.tls, certificate.as_ref(), backplane)?;
    let handles: Vec<ServerHandle> =
        [Some(server.handle()), metrics.as_ref().map(Server::handle)].into_iter().flatten().collect();
    let metrics = metrics.map(actix_web::rt::spawn);

    let ended = match select(std::pin::pin!(shutdown), server).await {
        Either::Left(((), server)) => {
            let server = actix_web::rt::spawn(server);
            if end(config.shutdown_grace, backplane, &handles, &doors).await {
                server.await.unwrap_or_else(|error| Err(io::Error::other(error)))
            } else {
                // It waits for connections, and cannot be told to stop waiting. It ends with this thread's runtime.
                Ok(())
            }
        }
        Either::Right((ended, _)) => ended,
    };
    for task in [watch, Some(familiar)].into_iter().flatten() {
        task.abort();
    }
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    ended.map_err(ServerError::Failed)
}

/// Keeps the familiar addresses, again and again, until dropped.
async fn save_familiar(backplane: Backplane) {
    loop {
        sleep(FAMILIAR_SAVING).await;
        backplane.save_familiar().await;
    }
}

fn main_server(
    config: &Config,
    plain: Vec<TcpListener>,
    tls: Vec<TcpListener>,
    certificate: Option<&Arc<ReloadingCertificate>>,
    backplane: &Backplane,
) -> Result<Server, ServerError> {
    let (limits, workers) = (&config.limits, config.workers.get());
    let backplane = backplane.clone();
    let stage = config.buses.first().filter(|_| config.demo).map(|bus| bus.name.clone());
    let mut server = HttpServer::new(move || {
        let app = App::new().configure(backplane.routes()).configure(backplane.operations());
        let app = match stage.clone() {
            Some(bus) => app.configure(backplane.demo(bus)),
            None => app,
        };
        app.configure(backplane.rest())
    })
    .workers(workers)
    .max_connections(limits.connections.div_ceil(workers))
    .client_request_timeout(limits.header_timeout)
    .keep_alive(KeepAlive::Timeout(limits.keep_alive))
    // Otherwise a client that has closed its connection is not noticed while its answer is pending.
    .h1_allow_half_closed(false)
    .shutdown_timeout(config.shutdown_grace.as_secs().max(1))
    .disable_signals();
    for listener in plain {
        server = server.listen(listener)?;
    }
    if let Some(certificate) = certificate {
        for listener in tls {
            server = server.listen_rustls_0_23(listener, certificate.server_config()?)?;
        }
    }
    Ok(server.run())
}

fn metrics_server(backplane: &Backplane, listener: TcpListener) -> Result<Server, ServerError> {
    let backplane = backplane.clone();
    let server =
        HttpServer::new(move || App::new().configure(backplane.metrics()).configure(backplane.rest()));
    Ok(server.workers(1).disable_signals().listen(listener)?.run())
}

/// Ends in order, and says how it went. Whether nothing of the server is left.
async fn end(
    grace: Duration,
    backplane: &Backplane,
    handles: &[ServerHandle],
    doors: &[TcpListener],
) -> bool {
    backplane.drain();
    for handle in handles {
        handle.pause().await;
    }
    telemetry::doors_closed();
    for door in doors {
        // Otherwise the system would go on accepting, and clients would wait for a server that never comes back
        // instead of turning to another. Systems that cannot do this leave them waiting.
        _ = SockRef::from(door).shutdown(Shutdown::Both);
    }
    let stop = |waits| join_all(handles.iter().map(move |handle| handle.stop(waits)));
    let ended = ending::end(grace, backplane.drained(), backplane.shutdown(), stop).await;
    let requests = backplane.active_requests();
    if !ended.answered {
        tracing::warn!(requests, "requests were still under way when the time to shut down was over");
    }
    if !ended.settled {
        tracing::warn!("messages were still being made durable when the time to shut down was over");
    }
    if !ended.stopped {
        tracing::warn!("connections were still open when the time to shut down was over");
    }
    if ended.is_in_order() {
        tracing::info!("ended in order");
    }
    ended.stopped
}

/// Completes at SIGTERM or SIGINT.
///
/// # Errors
///
/// The handlers cannot be installed.
pub fn termination() -> io::Result<impl Future<Output = ()>> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        let (term, interrupt) = (std::pin::pin!(term.recv()), std::pin::pin!(interrupt.recv()));
        select(term, interrupt).await;
    })
}
