//! The addresses to listen on.

use std::net::SocketAddr;

use super::Judge;
use crate::config::error::ConfigError;

impl Judge {
    /// Refuses no address at all, and two of which one could not be listened on.
    pub(super) fn addresses(
        &self,
        path: &str,
        own: &[SocketAddr],
        others: &[SocketAddr],
    ) -> Result<(), ConfigError> {
        if own.is_empty() {
            return Err(self.wrong(path, "the list is empty", "at least one address with a port"));
        }
        for (i, address) in own.iter().enumerate() {
            let mut before = others.iter().chain(own.iter().take(i));
            if let Some(other) = before.find(|other| overlap(address, other)) {
                let reason = if address == other {
                    format!("{address} is listened on twice")
                } else {
                    format!("{address} and {other} overlap")
                };
                return Err(self.wrong(path, reason, "each address with its port once"));
            }
        }
        Ok(())
    }

    /// Refuses addresses that can be reached from elsewhere.
    pub(super) fn loopback(&self, path: &str, addresses: &[SocketAddr]) -> Result<(), ConfigError> {
        match addresses.iter().find(|address| !address.ip().is_loopback()) {
            Some(open) => Err(self.wrong(
                path,
                format!(
                    "without [[user]] and [[bus]] this is the demonstration, whose password everybody knows, \
                         and {open} can be reached from elsewhere"
                ),
                "loopback addresses, or any address once [[user]] and [[bus]] are configured",
            )),
            None => Ok(()),
        }
    }
}

/// Whether the second of the two could not be listened on. Port 0 is a fresh port each time.
fn overlap(a: &SocketAddr, b: &SocketAddr) -> bool {
    let all = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && (a == b || all && a.port() == b.port() && a.is_ipv4() == b.is_ipv4())
}
