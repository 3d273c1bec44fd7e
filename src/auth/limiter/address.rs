//! Whose failures count together.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address or an IPv6 /64: the smallest block that one customer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Address(IpAddr);

impl Address {
    pub(super) fn of(client: IpAddr) -> Self {
        match client.to_canonical() {
            IpAddr::V4(v4) => Self(v4.into()),
            IpAddr::V6(v6) => Self(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into()),
        }
    }

    /// The address, or the first one of the block.
    pub(super) const fn network(self) -> IpAddr {
        self.0
    }
}
