//! The addresses to listen on.

use std::net::SocketAddr;

use super::super::read::{Reader, Reading};
use super::super::resolved::Admin;
use super::super::values::HostName;
use super::Judge;

/// How many ports above its first listener the demonstration has the one for operators.
const DEMO_ADMIN_PORT: u16 = 10;

pub(super) fn admin(reader: &mut Reader, _: &str) -> Reading<Admin> {
    let hosts = reader.maybe("admin.hosts", Reader::texts::<HostName>)?.unwrap_or_default();
    Ok(Admin { listen: reader.texts("admin.listen")?, hosts: hosts.into_iter().map(|host| host.0).collect() })
}

/// The operators' listener of a demonstration that listens here: on the same address, some ports above, so that
/// two demonstrations do not get in each other's way. Where that is no port, or taken by a listener, a fresh one.
pub(super) fn beside(listen: &[SocketAddr]) -> Option<Admin> {
    let mut address = *listen.iter().find(|address| address.ip().is_loopback())?;
    address.set_port(match address.port() {
        0 => 0,
        port => port.checked_add(DEMO_ADMIN_PORT).unwrap_or(0),
    });
    if listen.iter().any(|other| overlap(&address, other)) {
        address.set_port(0);
    }
    Some(Admin { listen: vec![address], hosts: Vec::new() })
}

impl Judge {
    /// Refuses a section that names no address.
    pub(super) fn some_address(&mut self, path: &str, own: &[SocketAddr]) {
        if own.is_empty() {
            self.refuse(path, "the list is empty", "at least one address with a port");
        }
    }

    /// Refuses two addresses of which one could not be listened on.
    pub(super) fn addresses(&mut self, path: &str, own: &[SocketAddr], others: &[SocketAddr]) {
        for (i, address) in own.iter().enumerate() {
            let mut before = others.iter().chain(own.iter().take(i));
            if let Some(other) = before.find(|other| overlap(address, other)) {
                let reason = if address == other {
                    format!("{address} is listened on twice")
                } else {
                    format!("{address} and {other} overlap")
                };
                self.refuse(path, reason, "each address with its port once");
            }
        }
    }

    /// Refuses addresses that can be reached from elsewhere.
    pub(super) fn loopback(&mut self, path: &str, addresses: &[SocketAddr]) {
        if let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback()) {
            self.refuse(
                path,
                format!(
                    "without [[user]] and [[bus]] this is the demonstration, whose password everybody knows, \
                         and {open} can be reached from elsewhere"
                ),
                "loopback addresses, or any address once [[user]] and [[bus]] are configured",
            );
        }
    }
}

/// Whether the second of the two could not be listened on. Port 0 is a fresh port each time.
fn overlap(a: &SocketAddr, b: &SocketAddr) -> bool {
    let all = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && (a == b || all && a.port() == b.port() && a.is_ipv4() == b.is_ipv4())
}
