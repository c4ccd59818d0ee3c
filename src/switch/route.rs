//! Where a request of ours goes and which address it names: transport, interface, external address.

use super::Switch;
use super::io::BoundTransport;
use crate::base::ids::FlowId;
use crate::config::model::Endpoint;
use crate::sip::flow::{Destination, Protocol};
use crate::sip::nat::{self, AdvertisedHost, Outside};
use crate::sip::transaction::Target;
use crate::sip::wire::Uri;
use std::net::{IpAddr, SocketAddr};

impl Switch {
    /// The target for a URI whose host is an address. `None` when no open transport leads there; the reason in words.
    ///
    /// # Errors
    /// Why there is no way.
    pub(super) fn target(
        &self,
        uri: &Uri<'_>,
        flow: FlowId,
        endpoint: Option<&Endpoint>,
        contact_user: &str,
    ) -> Result<Target, String> {
        let Some(ip) = uri.host.ip() else {
            return Err(format!("host name {} is not resolved by this version", uri.host));
        };
        let protocol = match uri.params.value(b"transport") {
            Some(token) => Protocol::from_token(token).ok_or("its transport parameter is unknown")?,
            None if uri.scheme == crate::sip::wire::Scheme::Sips => Protocol::Tls,
            None => Protocol::Udp,
        };
        let remote = SocketAddr::new(ip, uri.effective_port());
        let pinned = endpoint.map(|endpoint| &endpoint.options.transport).filter(|name| !name.is_empty());
        let fits = |bound: &&BoundTransport| {
            let family = bound.bound.is_ipv4() == ip.is_ipv4();
            let speaks = self.protocol_of(bound) == Some(protocol);
            family && speaks && pinned.is_none_or(|name| *name == bound.name)
        };
        // The lowest number, so that the choice is the same each time.
        let bound = self.transports.values().filter(fits).min_by_key(|bound| bound.id);
        let Some(bound) = bound else {
            let family = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
            return Err(format!("no open transport speaks {protocol} over {family}"));
        };
        let interface = SocketAddr::new(interface_towards(bound, ip), bound.bound.port());
        let (host, port) = self.advertised(bound, interface, ip);
        let to = Destination { transport: bound.id, protocol, flow, remote, local: None };
        let sent_by = format!("{host}:{port}");
        let parameter =
            if protocol == Protocol::Udp { String::new() } else { format!(";transport={}", protocol.name()) };
        let contact = format!("<sip:{contact_user}@{sent_by}{parameter}>");
        Ok(Target { to, sent_by: sent_by.into(), contact: Some(contact.into()) })
    }

    fn protocol_of(&self, bound: &BoundTransport) -> Option<Protocol> {
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
            return (interface.ip().to_string(), interface.port());
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
        (host.to_string(), port)
    }
}

/// Our address as that destination sees it: the bound one, or for a wildcard the machine's own towards it.
fn interface_towards(bound: &BoundTransport, destination: IpAddr) -> IpAddr {
    if !bound.bound.ip().is_unspecified() {
        return bound.bound.ip();
    }
    match destination {
        IpAddr::V4(ip) if ip.is_loopback() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_loopback() => destination,
        _ => bound.interface,
    }
}
