//! What a request of ours says of us at a destination: transport, interface, external address.

use super::Switch;
use super::io::BoundTransport;
use crate::base::digits::Decimal;
use crate::sip::flow::{Destination, Protocol};
use crate::sip::nat::{self, AdvertisedHost, Outside};
use crate::sip::transaction::Target;
use std::net::{IpAddr, SocketAddr};

impl Switch {
    /// A destination with the Via and the Contact that a request to it bears; `None` when its transport is not open.
    /// `says`: whether the Contact must be `sips:` (RFC 3261 8.1.1.8), and its user part.
    pub(super) fn target_at(&self, to: Destination, (secure, user): (bool, &str)) -> Option<Target> {
        let bound = self.transports.get(&to.transport)?;
        let destination = to.remote.ip();
        let interface = SocketAddr::new(interface_towards(bound, destination), bound.bound.port());
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
        let contact = ["<", scheme, ":", user, at, &sent_by, parameter, ">"].concat();
        Some(Target { to, sent_by: sent_by.into(), contact: Some(contact.into()) })
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
        let address = match external.parse::<IpAddr>() {
            Ok(ip) => Some(AdvertisedHost::Ip(ip)),
            Err(_) if !external.is_empty() => Some(AdvertisedHost::Name(external)),
            Err(_) if !name.is_empty() => Some(AdvertisedHost::Name(name)),
            Err(_) => None,
        };
        let port = transport.external_signaling_port;
        let outside = Outside { local_net: &transport.local_net, address, port };
        let (host, port, _why) = nat::advertised(interface, destination, &outside);
        (host.text(), port)
    }
}

impl BoundTransport {
    /// Whether its socket reaches addresses of that family.
    pub fn reaches(&self, ip: IpAddr) -> bool {
        self.bound.is_ipv4() == ip.is_ipv4() || (ip.is_ipv4() && self.interface_v4.is_some())
    }
}

/// Our address as that destination sees it: the bound one, or for a wildcard the machine's own towards it.
pub(super) fn interface_towards(bound: &BoundTransport, destination: IpAddr) -> IpAddr {
    if !bound.bound.ip().is_unspecified() {
        return bound.bound.ip();
    }
    match destination {
        IpAddr::V4(ip) if ip.is_loopback() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_loopback() => destination,
        IpAddr::V4(_) => bound.interface_v4.unwrap_or(bound.interface),
        IpAddr::V6(_) => bound.interface,
    }
}
