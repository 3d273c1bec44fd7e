//! The addresses that the server listens on.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use socket2::{Domain, Socket, Type};

use super::ServerError;
use super::control::Control;
use crate::config::Config;

/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 4096;

/// Addresses that are ours, and do not listen yet: whoever connects is refused.
#[derive(Debug)]
pub struct Sockets {
    pub(super) plain: Vec<Socket>,
    pub(super) tls: Vec<Socket>,
    pub(super) admin: Vec<Socket>,
    /// The data folder, if there is one.
    pub(super) folder: Option<PathBuf>,
}

impl Sockets {
    /// Begins to listen, on the socket in the data folder too. Connections wait in the kernel until the server runs: who is told
    /// that it listens gets an answer, also from a command. Only once the data folder is this server's.
    ///
    /// # Errors
    ///
    /// [`ServerError::Listen`]: another program has begun to listen on the same address meanwhile. [`ServerError::Control`].
    pub fn listen(self) -> Result<Listeners, ServerError> {
        let all = |sockets: Vec<Socket>| sockets.into_iter().map(listen).collect::<Result<_, _>>();
        Ok(Listeners {
            control: self.folder.as_deref().map(Control::open).transpose()?,
            plain: all(self.plain)?,
            tls: all(self.tls)?,
            admin: all(self.admin)?,
        })
    }
}

/// Open listeners: their addresses are known before the server runs, also where the port was 0.
#[derive(Debug)]
pub struct Listeners {
    pub(super) plain: Vec<TcpListener>,
    pub(super) tls: Vec<TcpListener>,
    pub(super) admin: Vec<TcpListener>,
    pub(super) control: Option<Control>,
}

impl Listeners {
    /// Opens what the configuration names. Only once the data folder is this server's.
    ///
    /// # Errors
    ///
    /// [`ServerError::Listen`] names the first address that is taken or not ours; [`ServerError::Control`].
    pub fn open(config: &Config) -> Result<Self, ServerError> {
        let one = |address: SocketAddr| bind(address).map_err(|error| ServerError::Listen { address, error });
        let all = |addresses: &[SocketAddr]| addresses.iter().map(|at| one(*at)).collect::<Result<_, _>>();
        let sockets = Sockets {
            plain: all(&config.listen)?,
            tls: all(config.tls.as_ref().map_or(&[][..], |tls| &tls.listen))?,
            admin: all(config.admin.as_ref().map_or(&[][..], |admin| &admin.listen))?,
            folder: config.storage.folder().map(Path::to_owned),
        };
        sockets.listen()
    }

    /// Second handles of the same sockets: the server keeps the first ones until its very end.
    pub(super) fn doors(&self) -> io::Result<Vec<TcpListener>> {
        self.plain.iter().chain(&self.tls).chain(&self.admin).map(TcpListener::try_clone).collect()
    }

    /// Addresses of plain HTTP.
    #[must_use]
    pub fn plain(&self) -> Vec<SocketAddr> {
        addresses(&self.plain)
    }

    /// Addresses with TLS.
    #[must_use]
    pub fn tls(&self) -> Vec<SocketAddr> {
        addresses(&self.tls)
    }

    /// Addresses for operators.
    #[must_use]
    pub fn admin(&self) -> Vec<SocketAddr> {
        addresses(&self.admin)
    }
}

fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}

/// Makes an address ours. Fails where another program listens on it.
pub(super) fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A restart must not wait for connections of its predecessor to time out.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listen(socket: Socket) -> Result<TcpListener, ServerError> {
    let address = socket.local_addr().map_err(ServerError::Failed)?;
    let open = || {
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)
    };
    match (open(), address.as_socket()) {
        (Ok(()), _) => Ok(TcpListener::from(socket)),
        (Err(error), Some(address)) => Err(ServerError::Listen { address, error }),
        (Err(error), None) => Err(ServerError::Failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::connect_control;

    #[test]
    fn what_listens_takes_commands() {
        let folder = tempfile::tempdir().unwrap();
        let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let sockets = Sockets {
            plain: vec![socket],
            tls: vec![],
            admin: vec![],
            folder: Some(folder.path().to_owned()),
        };
        let listeners = sockets.listen().unwrap();
        connect_control(folder.path()).unwrap();
        std::net::TcpStream::connect(listeners.plain()[0]).unwrap();
        drop(listeners);
        connect_control(folder.path()).unwrap_err();
    }
}
