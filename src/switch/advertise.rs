//! What a request of ours says of us at a destination: transport, interface, external address.

use super::Switch;
use super::io::BoundTransport;
use crate::base::digits::Decimal;
use crate::sip::flow::{Destination, Protocol};
use crate::sip::nat::{self, AdvertisedHost, Outside};
use crate::sip::transaction::Target;
use crate::sip::wire::escape_user;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

impl Switch {
    /// A destination with the Via and the Contact that a request to it bears; `None` when its transport is not open.
    /// `says`: whether the Contact must be `sips:` (RFC 3261 8.1.1.8), and its user part.
    pub(super) fn target_at(&self, to: Destination, (secure, user): (bool, &str)) -> Option<Target> {
        let bound = self.transports.get(&to.transport)?;
        let destination = to.remote.ip();
        // An answer goes out by the address that was asked, and so does what follows it.
        let asked = to.local.map(|local| local.ip()).filter(|ip| !ip.is_unspecified());
        let own = asked.unwrap_or_else(|| interface_towards(bound, destination));
        let interface = SocketAddr::new(own, bound.bound.port());
        let (mut sent_by, port) = self.advertised(bound, interface, destination);
        sent_by.push(':');
        sent_by.push_str(Decimal::of(port.into()).as_str());
        let scheme = if secure { "sips" } else { "sip" };
        let parameter = match to.protocol {
            Protocol::Udp => "",
            // The scheme says it.
            Protocol::Tls if secure => "",
            Protocol::Tcp => ";transport=tcp",
            Protocol::Tls => ";transport=tls",
            Protocol::Ws | Protocol::Wss => ";transport=ws",
        };
        let at = if user.is_empty() { "" } else { "@" };
        let mut contact = ["<", scheme, ":"].concat().into_bytes();
        escape_user(user, &mut contact);
        contact.extend_from_slice([at, &sent_by, parameter, ">"].concat().as_bytes());
        let contact = String::from_utf8_lossy(&contact).into();
        Some(Target { to, sent_by: sent_by.into(), contact: Some(contact) })
    }

    /// Host of our own URIs towards a destination: that of the interface. The outside is for Via and Contact alone.
    pub(super) fn interface_host(&self, to: &Destination) -> String {
        let asked = to.local.map(|local| local.ip()).filter(|ip| !ip.is_unspecified());
        let bound = self.transports.get(&to.transport);
        let own = asked.or_else(|| bound.map(|bound| interface_towards(bound, to.remote.ip())));
        own.map_or_else(String::new, |own| AdvertisedHost::Ip(own).text())
    }

    /// The open transport of that name.
    pub(super) fn transport_named(&self, name: &str) -> Option<&BoundTransport> {
        self.transports.values().find(|bound| *bound.name == *name)
    }

    pub(super) fn protocol_of(&self, bound: &BoundTransport) -> Option<Protocol> {
        use crate::config::model::transport::Protocol as Configured;
        Some(match self.directory.objects.transports.get(&bound.name)?.protocol {
            Configured::Udp => Protocol::Udp,
            Configured::Tcp => Protocol::Tcp,
            Configured::Tls => Protocol::Tls,
            Configured::Ws => Protocol::Ws,
            Configured::Wss => Protocol::Wss,
            Configured::Flow => return None,
        })
    }

    /// Host and port that Via and Contact name towards `destination`.
    fn advertised(
        &self,
        bound: &BoundTransport,
        interface: SocketAddr,
        destination: IpAddr,
    ) -> (String, u16) {
        let Some(transport) = self.directory.objects.transports.get(&bound.name) else {
            return (AdvertisedHost::Ip(interface.ip()).text(), interface.port());
        };
        let external = &transport.external_signaling_address;
        let name = &transport.external_signaling_hostname;
        let address = match self.directory.address(external, interface.ip()) {
            Some(ip) => Some(AdvertisedHost::Ip(ip)),
            // As it is written until its address is known: some peers can look it up themselves.
            None if !external.is_empty() => Some(AdvertisedHost::Name(external)),
            None if !name.is_empty() => Some(AdvertisedHost::Name(name)),
            None => None,
        };
        let port = transport.external_signaling_port;
        let outside = Outside { local_net: &transport.local_net, address, port };
        let (host, port, _why) = nat::advertised(interface, destination, &outside);
        (host.text(), port)
    }
}

impl BoundTransport {
    /// How near an address is: the length of the network's prefix that both are in, 0 for none.
    pub fn nearness(&self, ip: IpAddr) -> u8 {
        let own = |network: &&IpNet| self.bound.ip().is_unspecified() || network.addr() == self.bound.ip();
        let both = self.networks.iter().filter(own).filter(|network| network.contains(&ip));
        both.map(IpNet::prefix_len).max().unwrap_or(0)
    }

    /// Whether its socket reaches addresses of that family.
    pub fn reaches(&self, ip: IpAddr) -> bool {
        self.bound.is_ipv4() == ip.is_ipv4() || (ip.is_ipv4() && self.interface_v4.is_some())
    }
}

/// Our address as that destination sees it: the bound one, or for a wildcard the one in the destination's own network,
/// else the machine's own towards far away (S1-53).
pub(super) fn interface_towards(bound: &BoundTransport, destination: IpAddr) -> IpAddr {
    if !bound.bound.ip().is_unspecified() {
        return bound.bound.ip();
    }
    let near = bound.networks.iter().filter(|network| network.contains(&destination));
    if let Some(near) = near.max_by_key(|network| network.prefix_len()) {
        return near.addr();
    }
    match destination {
        IpAddr::V4(ip) if ip.is_loopback() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_loopback() => destination,
        IpAddr::V4(_) => bound.interface_v4.unwrap_or(bound.interface),
        IpAddr::V6(_) => bound.interface,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::TransportId;

    /// S1-53: a wildcard socket of a machine with several interfaces is known to each neighbour by the address beside it.
    #[test]
    fn a_neighbour_is_told_the_address_beside_it() {
        let networks = ["10.0.0.5/8", "10.1.0.5/16", "192.0.2.5/24", "2001:db8::5/64", "fe80::5/64"];
        let bound = BoundTransport {
            id: TransportId(0),
            name: "udp".into(),
            bound: "[::]:5060".parse().expect("address"),
            interface: "2001:db8::5".parse().expect("address"),
            interface_v4: Some([192, 0, 2, 5].into()),
            networks: networks.iter().map(|text| text.parse().expect("network")).collect(),
        };
        for (destination, own) in [
            ("10.2.3.4", "10.0.0.5"),
            ("10.1.3.4", "10.1.0.5"),
            ("198.51.100.7", "192.0.2.5"),
            ("fe80::9", "fe80::5"),
            ("2001:db9::1", "2001:db8::5"),
            ("127.0.0.9", "127.0.0.1"),
        ] {
            let ip = destination.parse().expect("address");
            assert_eq!(interface_towards(&bound, ip).to_string(), own, "{destination}");
        }
    }
}
