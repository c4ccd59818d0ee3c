//! Which address a wildcard socket is known by.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The address to advertise for a `bind`: its own, or for a wildcard the one that packets to far away leave from, else
/// the first of this machine that is no loopback.
pub fn advertised(bind: SocketAddr) -> IpAddr {
    if !bind.ip().is_unspecified() {
        return bind.ip();
    }
    routed(bind.is_ipv4()).or_else(|| first(bind.is_ipv4())).unwrap_or(if bind.is_ipv4() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        IpAddr::V6(Ipv6Addr::LOCALHOST)
    })
}

/// The source address of the default route. Connecting a datagram socket asks the routing table and sends nothing.
fn routed(v4: bool) -> Option<IpAddr> {
    // Documentation addresses (RFC 5737, RFC 3849): nobody is there, and every default route leads to them.
    let (any, far): (IpAddr, IpAddr) = if v4 {
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into())
    } else {
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into())
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((far, 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip)
}

/// This machine's addresses with their networks.
pub fn networks() -> Vec<IpNet> {
    let all = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let network = |interface: nix::ifaddrs::InterfaceAddress| {
        let (address, mask) = (interface.address?, interface.netmask?);
        let v4 = address.as_sockaddr_in().zip(mask.as_sockaddr_in());
        let v4 = v4.map(|(ip, mask)| (IpAddr::V4(ip.ip()), IpAddr::V4(mask.ip())));
        let v6 = || {
            let (ip, mask) = address.as_sockaddr_in6().zip(mask.as_sockaddr_in6())?;
            Some((IpAddr::V6(ip.ip()), IpAddr::V6(mask.ip())))
        };
        let (ip, mask) = v4.or_else(v6)?;
        IpNet::with_netmask(ip, mask).ok()
    };
    all.filter_map(network).collect()
}

fn first(v4: bool) -> Option<IpAddr> {
    let addresses = nix::ifaddrs::getifaddrs().into_iter().flatten().filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
    });
    let mut usable = addresses.filter(|ip| match ip {
        IpAddr::V4(ip) => v4 && !ip.is_loopback(),
        IpAddr::V6(ip) => !v4 && !ip.is_loopback() && !ip.is_unicast_link_local(),
    });
    usable.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_network_is_among_ours() {
        let all = networks();
        assert!(all.iter().any(|net| net.addr().is_loopback() && net.prefix_len() == 8), "{all:?}");
    }

    #[test]
    fn a_wildcard_is_known_by_an_address_of_its_family() {
        let own: SocketAddr = "127.0.0.5:5060".parse().expect("address");
        assert_eq!(advertised(own), own.ip());
        for any in ["0.0.0.0:5060", "[::]:5060"] {
            let any: SocketAddr = any.parse().expect("address");
            let ip = advertised(any);
            assert_eq!(ip.is_ipv4(), any.is_ipv4());
            assert!(!ip.is_unspecified());
        }
    }
}
