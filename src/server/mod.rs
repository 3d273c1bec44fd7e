//! The server: listeners, TLS, signals, and an orderly end.
//!
//! | module | what lives there |
//! |---|---|
//! | `applications` | what is answered on which listener |
//! | `core_dumps` | that the process leaves none |
//! | `preflight` | what a start needs of this machine, checked all at once before anything listens |
//! | `warnings` | what works and should not be left as it is |
//! | `listeners` | addresses, bound and then listened on |
//! | `control` | the socket in the data folder |
//! | `certificates` | the certificate while the server runs, and its end |
//! | `reload` | SIGHUP: a new configuration while the server runs |
//! | `ending` | the order of the end, and its one deadline |
//! | `signals` | those that end the server, and those that do not |
//! | `telemetry` | where log lines go |

mod applications;
mod certificates;
mod control;
mod core_dumps;
mod ending;
mod listeners;
mod preflight;
mod reload;
mod signals;
pub mod telemetry;
mod warnings;

pub use control::connect_control;
pub use core_dumps::{hide_memory, settle_core_dumps};
pub use listeners::{Listeners, Sockets};
pub use preflight::{check, check_beside_a_server};
pub use reload::Reloader;
pub use signals::{UserSignals, termination};
pub use warnings::{Warning, warnings};

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use futures::future::{Either, join_all, select};
use socket2::SockRef;
use tokio::time::sleep;

use crate::backplane::{Backplane, StartError};
use crate::config::{Admin, Config};
use crate::door::{Door, DoorSettings};
use crate::service::Callers;
use crate::tls::{ReloadingCertificate, TlsError};

/// Connections of operators at the same time (I-5).
const ADMIN_CONNECTIONS: usize = 256;

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
    /// The socket in the data folder cannot be opened.
    #[error("cannot listen on {}", path.display())]
    Control {
        /// The socket.
        path: PathBuf,
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
    let watch = certificate.clone().map(|certificate| certificates::watch(certificate, backplane.clone()));
    let watch = watch.map(actix_web::rt::spawn);
    let admin = config.admin.as_ref().map(|admin| admin_server(admin, backplane, listeners.admin));
    let admin = admin.transpose()?;
    let familiar = actix_web::rt::spawn(save_familiar(backplane.clone()));
    let of_keys = backplane.clone();
    let keys = actix_web::rt::spawn(async move { of_keys.keep_issuers_keys().await });
    // Taken away at the end, whatever that is.
    let mut control = listeners.control;
    let controlled =
        control.as_mut().map(|control| control.serve(backplane, config.shutdown_grace)).transpose()?;
    let server = main_server(config, listeners.plain, listeners.tls, certificate.as_ref(), backplane)?;
    let others = [admin, controlled].into_iter().flatten().collect::<Vec<_>>();
    let handles: Vec<ServerHandle> =
        std::iter::once(server.handle()).chain(others.iter().map(Server::handle)).collect();
    let others: Vec<_> = others.into_iter().map(actix_web::rt::spawn).collect();

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
    for task in [watch, Some(familiar), Some(keys)].into_iter().flatten() {
        task.abort();
    }
    for other in others {
        other.abort();
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
    let routes = backplane.clone();
    let is_public = config.provision.public;
    let stage = config.buses.first().filter(|_| config.demo).map(|bus| bus.name.clone());
    let application = move || applications::public(&routes, is_public, stage.clone());
    let mut serving = backplane
        .door()
        .serve(application)
        .disable_signals()
        .workers(config.workers.get())
        .shutdown_timeout(config.shutdown_grace.as_secs().max(1));
    for listener in plain {
        serving = serving.listen(listener)?;
    }
    if let Some(certificate) = certificate {
        for listener in tls {
            serving = serving.listen_tls(listener, certificate.server_config()?)?;
        }
    }
    Ok(serving.run())
}

/// A thread and a door of its own: what crowds the other listeners does not keep operators out.
fn admin_server(
    admin: &Admin,
    backplane: &Backplane,
    listeners: Vec<TcpListener>,
) -> Result<Server, ServerError> {
    let (routes, callers) = (backplane.clone(), Callers::operators(&admin.hosts));
    let application = move || applications::operators(&routes, callers.clone());
    let settings = DoorSettings {
        connections: ADMIN_CONNECTIONS,
        connections_per_address: ADMIN_CONNECTIONS,
        lateness: Duration::ZERO,
        ..DoorSettings::default()
    };
    let mut serving = Door::new(settings).serve(application).disable_signals().workers(1);
    for listener in listeners {
        serving = serving.listen(listener)?;
    }
    Ok(serving.run())
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
