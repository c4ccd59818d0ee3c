//! One way to write an address: IPv4 is never written as IPv4-mapped IPv6 (RFC 4291 2.5.5.2) outside a socket call.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// The address as decisions, logs and tables know it: IPv4-mapped IPv6 becomes IPv4.
pub fn normalised(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(IpAddr::V4(v4), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

/// The address as a dual-stack socket wants it: IPv4 becomes IPv4-mapped IPv6.
pub fn mapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) => SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into(),
        SocketAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_written_as_ipv4_and_back() {
        let mapped_text: SocketAddr = "[::ffff:192.0.2.7]:5060".parse().expect("address");
        let plain: SocketAddr = "192.0.2.7:5060".parse().expect("address");
        assert_eq!(normalised(mapped_text), plain);
        assert_eq!(mapped(plain), mapped_text);
        let v6: SocketAddr = "[fe80::1%3]:5061".parse().expect("address");
        assert_eq!(normalised(v6), v6, "the scope stays");
        assert_eq!(mapped(v6), v6);
    }
}
