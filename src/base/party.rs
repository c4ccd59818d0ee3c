//! Who is behind an address, where limits and log lines are concerned.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Whom a packet is laid to: an IPv4 address, or the /64 of an IPv6 one, because whoever has one address of a /64 has
/// them all. An IPv4 address that came through an IPv6 socket is itself.
pub fn party(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// An address as it is told: an IPv4 address that came through an IPv6 socket is IPv4, since a firewall rule for
/// `::ffff:…` would stop nothing.
pub fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_party() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(party(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(party(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
        assert_eq!(party(ip("192.0.2.1")), ip("192.0.2.1"));
    }
}
