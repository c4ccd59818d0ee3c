//! Where a message came from and where one goes: the only thing decisions know about sockets.

use crate::base::ids::{FlowId, TransportId};
use std::fmt;
use std::net::SocketAddr;

/// Transport protocols, RFC 3261 18 and RFC 7118.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// Datagrams.
    Udp,
    /// Plain stream.
    Tcp,
    /// Stream under TLS.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket under TLS.
    Wss,
}

impl Protocol {
    /// Whether lost messages are the transport's own business (so no retransmission by transactions).
    pub fn is_reliable(self) -> bool {
        self != Protocol::Udp
    }

    /// As in a Via: `UDP`, `TCP`, `TLS`, `WS`, `WSS`.
    pub fn via_token(self) -> &'static str {
        match self {
            Protocol::Udp => "UDP",
            Protocol::Tcp => "TCP",
            Protocol::Tls => "TLS",
            Protocol::Ws => "WS",
            Protocol::Wss => "WSS",
        }
    }

    /// As in a `transport` option or URI parameter: lower case.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
            Protocol::Tls => "tls",
            Protocol::Ws => "ws",
            Protocol::Wss => "wss",
        }
    }

    /// Reads a Via or URI token, without regard to case.
    pub fn from_token(token: &[u8]) -> Option<Protocol> {
        [Protocol::Udp, Protocol::Tcp, Protocol::Tls, Protocol::Ws, Protocol::Wss]
            .into_iter()
            .find(|p| token.eq_ignore_ascii_case(p.name().as_bytes()))
    }

    /// The port that stands for none: 5061 for TLS, else 5060 (RFC 3261 19.1.2); 80 and 443 for WebSockets.
    pub fn default_port(self) -> u16 {
        match self {
            Protocol::Udp | Protocol::Tcp => 5060,
            Protocol::Tls => 5061,
            Protocol::Ws => 80,
            Protocol::Wss => 443,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.via_token())
    }
}

/// How one message reached us. Addresses are normalised: an IPv4-mapped IPv6 address is written as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arrival {
    /// The configured transport whose socket or listener it came in on.
    pub transport: TransportId,
    /// That transport's protocol.
    pub protocol: Protocol,
    /// The connection, or [`FlowId::DATAGRAM`].
    pub flow: FlowId,
    /// The packet's source; the only address a log line or a ban may believe.
    pub source: SocketAddr,
    /// Our address it was sent to (the packet's destination where the system tells it, else the bound address).
    pub local: SocketAddr,
}

impl Arrival {
    /// Where an answer along the same way goes.
    pub fn back(&self) -> Destination {
        Destination {
            transport: self.transport,
            protocol: self.protocol,
            flow: self.flow,
            remote: self.source,
            local: Some(self.local),
        }
    }
}

/// Where one message goes. A connection that is gone is opened again when `remote` can be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The configured transport to use.
    pub transport: TransportId,
    /// Its protocol.
    pub protocol: Protocol,
    /// The connection to use, or [`FlowId::DATAGRAM`] for a datagram or for "any connection to `remote`, else a new one".
    pub flow: FlowId,
    /// The peer.
    pub remote: SocketAddr,
    /// The source address to send from, where it matters (the address a request was sent to).
    pub local: Option<SocketAddr>,
}
