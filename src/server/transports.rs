//! Opening the sockets that `type=transport` objects ask for.

use crate::base::ids::{Name, TransportId};
use crate::config::Objects;
use crate::config::model::Transport;
use crate::config::model::transport::Protocol as Wanted;
use crate::config::value::words::Word;
use crate::net::stream::{Dialer, Keepalive, Listener, StreamOptions};
use crate::net::tls::{Tls, TlsOptions, Versions};
use crate::net::udp::{Udp, UdpOptions};
use crate::sip::flow::Protocol;
use crate::switch::io::BoundTransport;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Sockets that are open, and those that are not.
#[derive(Debug, Default)]
pub struct Opened {
    /// Datagram sockets.
    pub udp: Vec<Udp>,
    /// Listening stream sockets.
    pub listeners: Vec<Listener>,
    /// Who may open connections.
    pub dialers: Vec<Dialer>,
    /// Certificates in use, to be looked at for renewal.
    pub tls: Vec<Arc<Tls>>,
    /// What the switch is told.
    pub bound: Vec<BoundTransport>,
    /// A sentence for each transport that does not listen.
    pub faults: Vec<String>,
    /// A sentence for each wish the system did not grant.
    pub notes: Vec<String>,
}

/// Opens what the configuration asks for. A transport that cannot be opened takes no other down. Relative certificate
/// paths are looked for in `dir`.
pub fn open(objects: &Objects, dir: &Path) -> Opened {
    let mut opened = Opened::default();
    for (place, transport) in objects.transports.values().enumerate() {
        let id = TransportId(u16::try_from(place).unwrap_or(u16::MAX));
        let Some(bind) = transport.bind else { continue };
        let only_v6 =
            bind.is_ipv6() && objects.transports.values().any(|other| shares_port(transport, other));
        let result = match transport.protocol {
            Wanted::Udp => opened.udp(transport, id, bind, only_v6),
            Wanted::Tcp => opened.stream(transport, (id, Protocol::Tcp), (bind, only_v6), None),
            Wanted::Tls => match tls(transport, dir) {
                Ok(tls) => {
                    opened.stream(transport, (id, Protocol::Tls), (bind, only_v6), Some(Arc::new(tls)))
                }
                Err(fault) => Err(format!("Transport '{}' could not be started: {fault}", transport.name)),
            },
            Wanted::Ws | Wanted::Wss | Wanted::Flow => Err(format!(
                "Transport '{}' is not opened: protocol={} is not served by this version",
                transport.name,
                transport.protocol.word()
            )),
        };
        if let Err(fault) = result {
            opened.faults.push(fault);
        }
    }
    opened
}

/// Whether another transport of the same protocol has the IPv4 side of this port.
fn shares_port(ours: &Transport, other: &Transport) -> bool {
    let (Some(a), Some(b)) = (ours.bind, other.bind) else { return false };
    ours.protocol.is_stream() == other.protocol.is_stream() && b.is_ipv4() && a.port() == b.port()
}

impl Opened {
    fn udp(
        &mut self,
        transport: &Transport,
        id: TransportId,
        bind: SocketAddr,
        only_v6: bool,
    ) -> Result<(), String> {
        let name = transport.name.clone();
        let options = UdpOptions { id, name, bind, tos: transport.tos, cos: transport.cos, only_v6 };
        let socket = Udp::open(&options).map_err(|fault| fault.to_string())?;
        self.note(&transport.name, socket.shortfall());
        self.bound.push(BoundTransport {
            id,
            name: transport.name.clone(),
            bound: socket.bound(),
            interface: interface(bind),
        });
        self.udp.push(socket);
        Ok(())
    }

    fn stream(
        &mut self,
        transport: &Transport,
        (id, protocol): (TransportId, Protocol),
        (bind, only_v6): (SocketAddr, bool),
        tls: Option<Arc<Tls>>,
    ) -> Result<(), String> {
        let secs = |secs: u32| Duration::from_secs(u64::from(secs));
        let keepalive = transport.tcp_keepalive_enable.then(|| Keepalive {
            idle: secs(transport.tcp_keepalive_idle_time_secs),
            interval: secs(transport.tcp_keepalive_interval_time_secs),
            probes: transport.tcp_keepalive_probe_count,
        });
        let name = transport.name.clone();
        let (tos, cos) = (transport.tos, transport.cos);
        let options = StreamOptions { id, name, protocol, bind, tos, cos, only_v6, keepalive, tls };
        let listener = Listener::open(&options).map_err(|fault| fault.to_string())?;
        self.note(&transport.name, listener.shortfall());
        self.bound.push(BoundTransport {
            id,
            name: transport.name.clone(),
            bound: listener.bound(),
            interface: interface(bind),
        });
        self.dialers.push(Dialer::new(&options));
        self.listeners.push(listener);
        self.tls.extend(options.tls);
        Ok(())
    }

    fn note(&mut self, name: &Name, shortfall: Option<&str>) {
        self.notes.extend(shortfall.map(|words| format!("Transport '{name}': {words}")));
    }
}

/// The address a socket is known by: its own, or for a wildcard the first of this machine that is not loopback.
fn interface(bind: SocketAddr) -> IpAddr {
    if !bind.ip().is_unspecified() {
        return bind.ip();
    }
    let mut addresses = nix::ifaddrs::getifaddrs().into_iter().flatten().filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
    });
    let wanted = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => bind.is_ipv4() && !ip.is_loopback(),
        IpAddr::V6(ip) => bind.is_ipv6() && !ip.is_loopback() && !ip.is_unicast_link_local(),
    };
    let loopback = if bind.is_ipv4() {
        IpAddr::from([127, 0, 0, 1])
    } else {
        IpAddr::from(std::net::Ipv6Addr::LOCALHOST)
    };
    addresses.find(wanted).unwrap_or(loopback)
}

fn tls(transport: &Transport, dir: &Path) -> Result<Tls, String> {
    let path = |name: &Name| -> Option<PathBuf> { (!name.is_empty()).then(|| dir.join(&**name)) };
    let versions = Versions::from_method(transport.method.word()).map_err(|fault| fault.to_string())?;
    let options = TlsOptions {
        name: transport.name.clone(),
        cert_file: path(&transport.cert_file),
        priv_key_file: path(&transport.priv_key_file),
        ca_list_file: path(&transport.ca_list_file),
        ca_list_path: path(&transport.ca_list_path),
        verify_server: transport.verify_server,
        allow_wildcard_certs: transport.allow_wildcard_certs,
        verify_client: transport.verify_client,
        require_client_cert: transport.require_client_cert,
        versions,
        ciphers: transport.cipher.iter().map(|name| name.to_string()).collect(),
    };
    Tls::load(options).map_err(|fault| fault.to_string())
}
