//! The socket in the data folder: `/admin/v1` for processes of the server's own user, and for root.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App, HttpServer};

use super::ServerError;
use crate::backplane::Backplane;
use crate::provision::Peer;

/// The socket's name.
const NAME: &str = "control.sock";
/// What it is called until it is for its owner alone.
const BEGUN: &str = "control.new";
/// Bytes that the system has room for in the address of a socket, and some to spare.
const ADDRESS_MAX: usize = 100;
/// How long the end of a process waits for the socket to be taken away.
const REMOVING: Duration = Duration::from_secs(1);

/// The socket, taken away when this is dropped.
#[derive(Debug)]
pub(super) struct Control {
    path: PathBuf,
    listener: Option<UnixListener>,
}

impl Control {
    /// Opens the socket in this folder, which is this server's alone: what a dead server has left there is replaced.
    pub(super) fn open(folder: &Path) -> Result<Self, ServerError> {
        let path = folder.join(NAME);
        let open = || {
            let begun = folder.join(BEGUN);
            match fs::remove_file(&begun) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(&Reachable::of(folder, BEGUN)?.path)?;
            fs::set_permissions(&begun, Permissions::from_mode(0o600))?;
            fs::rename(&begun, &path)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        match open() {
            Ok(listener) => Ok(Self { path, listener: Some(listener) }),
            Err(error) => Err(ServerError::Control { path, error }),
        }
    }

    /// Serves it, on a thread of its own.
    pub(super) fn serve(&mut self, backplane: &Backplane, grace: Duration) -> io::Result<Server> {
        let routes = backplane.clone();
        let serving =
            HttpServer::new(move || App::new().configure(routes.provisioning()).configure(routes.rest()));
        let mut serving = serving
            .on_connect(|connection, data| {
                let stream = connection.downcast_ref::<actix_web::rt::net::UnixStream>();
                // Whose process cannot be told has to show the password of an admin.
                if let Some(peer) = stream.and_then(|stream| stream.peer_cred().ok()) {
                    data.insert(Peer { uid: peer.uid() });
                }
            })
            .workers(1)
            .disable_signals()
            .shutdown_timeout(grace.as_secs().max(1));
        if let Some(listener) = self.listener.take() {
            serving = serving.listen_uds(listener)?;
        }
        Ok(serving.run())
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.path);
        let (done, gone) = mpsc::channel();
        // Whoever finds it later is refused, and knows that no server runs: a disk that hangs keeps nobody waiting for that.
        let remove = move || drop((fs::remove_file(path), done.send(())));
        if thread::Builder::new().name("control".to_owned()).spawn(remove).is_ok() {
            _ = gone.recv_timeout(REMOVING);
        }
    }
}

/// Connects to the server that has this data folder.
///
/// # Errors
///
/// No server runs ([`ErrorKind::NotFound`], [`ErrorKind::ConnectionRefused`]), or it is somebody else's.
pub fn connect_control(folder: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(&Reachable::of(folder, NAME)?.path)
}

/// A path that the address of a socket has room for.
struct Reachable {
    path: PathBuf,
    /// What a shorter way leads through.
    _folder: Option<File>,
}

impl Reachable {
    fn of(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(name);
        if path.as_os_str().len() < ADDRESS_MAX {
            return Ok(Self { path, _folder: None });
        }
        let folder = File::open(folder)?;
        let path = format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()).into();
        Ok(Self { path, _folder: Some(folder) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_its_owners_alone_replaces_a_dead_one_and_goes() {
        let above = tempfile::tempdir().unwrap();
        for name in ["short".to_owned(), "long".repeat(40)] {
            let folder = above.path().join(name);
            fs::create_dir(&folder).unwrap();
            let refused = connect_control(&folder).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::NotFound);
            // As a server leaves it that is killed.
            let mut killed = Control::open(&folder).unwrap();
            killed.listener = None;
            std::mem::forget(killed);
            assert_eq!(connect_control(&folder).unwrap_err().kind(), ErrorKind::ConnectionRefused);
            let control = Control::open(&folder).unwrap();
            assert_eq!(fs::metadata(folder.join(NAME)).unwrap().permissions().mode() & 0o777, 0o600);
            connect_control(&folder).unwrap();
            drop(control);
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        }
    }
}
