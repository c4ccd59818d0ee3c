//! Host names to targets in order of preference (RFC 3263), from a cache that is kept fresh in the background.
//!
//! ```text
//! Question ─ wanted ─► Wanted ─ cache ─► Found ─ order ─► [Destination]      every time: weights are drawn anew
//!                                 │ walk: NAPTR → SRV → A, AAAA         only when the cache has nothing fresh
//!                                 └ Source: hickory-resolver, /etc/hosts
//! ```
//! While DNS fails, the last good answer serves for a day.

mod cache;
mod order;
mod source;
mod system;
mod walk;

pub use cache::{HostAddresses, Resolver};
pub use order::order;
pub use source::{Answer, DnsFault, Kind, Record, Source, Srv};
pub use system::SystemDns;
pub use walk::{Found, Service, walk};

use crate::base::ids::TransportId;
use crate::sip::flow::Protocol;
use crate::switch::io::Resolve;
use std::net::IpAddr;

/// An open transport, as far as choosing one goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its number.
    pub transport: TransportId,
    /// Its protocol.
    pub protocol: Protocol,
    /// Whether it reaches IPv4.
    pub v4: bool,
    /// Whether it reaches IPv6.
    pub v6: bool,
}

/// What has to be looked up; equal for all questions that the same records answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Host in lower case, without brackets and without the final dot.
    pub host: String,
    /// Port, when written.
    pub port: Option<u16>,
    /// Protocols that may be used, in our order; the first is taken when DNS has no opinion.
    pub protocols: Vec<Protocol>,
    /// Whether NAPTR is asked which protocol to use (RFC 3263 4.1: neither transport nor port written).
    pub naptr: bool,
    /// Whether IPv4 and IPv6 addresses are of use.
    pub families: (bool, bool),
}

impl Wanted {
    /// What to look up for a question, given the open transports; `Err` says why nothing can be found.
    pub fn new(question: &Resolve, routes: &[Route]) -> Result<Wanted, &'static str> {
        let usable = |route: &&Route| question.transport.is_none_or(|id| id == route.transport);
        let asked = match (question.protocol, question.secure) {
            (Some(Protocol::Udp), true) => return Err("sips: cannot go over UDP"),
            // sips with transport=tcp means TLS over TCP (RFC 3261 26.2.2).
            (Some(Protocol::Tcp), true) | (None, true) => Some(Protocol::Tls),
            (asked, _) => asked,
        };
        let mut protocols: Vec<Protocol> = Vec::new();
        for protocol in [Protocol::Udp, Protocol::Tcp, Protocol::Tls] {
            let open = routes.iter().filter(usable).any(|route| route.protocol == protocol);
            if open && asked.is_none_or(|asked| asked == protocol) {
                protocols.push(protocol);
            }
        }
        if protocols.is_empty() {
            return Err("no open transport speaks the protocol that is needed");
        }
        let of_use = |route: &&Route| usable(route) && protocols.contains(&route.protocol);
        let families =
            routes.iter().filter(of_use).fold((false, false), |(v4, v6), r| (v4 || r.v4, v6 || r.v6));
        let host = question.host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let pinned = question.transport.is_some();
        Ok(Wanted {
            host: host.to_ascii_lowercase(),
            port: question.port,
            naptr: question.protocol.is_none() && question.port.is_none() && !pinned,
            protocols,
            families,
        })
    }

    /// The host, when it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        // A zone is for this machine's own links; std reads it only as part of a socket address.
        self.host.parse().ok()
    }

    /// The protocol when DNS has no opinion: UDP if it is among them (RFC 3263 4.1), else our first.
    pub fn default_protocol(&self) -> Protocol {
        self.protocols.first().copied().unwrap_or(Protocol::Udp)
    }
}

#[cfg(test)]
mod tests;
