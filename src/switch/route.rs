//! Which way a request of ours goes: the targets to try in order, each with what it says of us there (RFC 3263).
//!
//! ```text
//! Way ─┬─ connection that stands ─┐
//!      ├─ address ────────────────┴─► Routed::Now(Targets)        send it
//!      └─ name ─ Action::Resolve ──► Routed::Wait(token)          keep what belongs to `owner`, and return
//!                     └─ Input::Resolved, or too late ─► Switch::routed(owner, Targets or why not)
//! ```
//! A room that sends requests gives each an [`Owner`] before it asks for the way, and goes on in [`Switch::routed`]:
//! the same place whether it waited or not, if it calls that itself on [`Routed::Now`]. `Targets` are what
//! [`Clients::send`](crate::sip::transaction::Clients::send) takes: the first, and the later ones for failover.

use super::Switch;
use super::io::{Action, Actions, BoundTransport, Resolve};
use super::requests::Owner;
use crate::base::ids::{FlowId, TransportId};
use crate::base::limits;
use crate::base::time::{Moment, Now};
use crate::registrar::Binding;
use crate::sip::flow::{Arrival, Destination, Protocol};
use crate::sip::nat;
use crate::sip::transaction::Target;
use crate::sip::wire::{Host, Scheme, Uri};
use foldhash::fast::RandomState;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Where a request shall go, and what binds the choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'a> {
    /// The next hop: the first Route, else the request URI.
    pub hop: Uri<'a>,
    /// The transport that must be used, by name: the `transport` option of the endpoint; empty for any.
    pub transport: &'a str,
    /// How the next hop came to us, when it did.
    pub known: Option<Known>,
    /// User part of our Contact.
    pub contact_user: &'a str,
}

/// How a peer came to us: its connection is used while it stands, and its transport preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The connection; [`FlowId::DATAGRAM`] for none.
    pub flow: FlowId,
    /// The transport.
    pub transport: TransportId,
    /// The packet's source.
    pub source: SocketAddr,
}

impl From<&Arrival> for Known {
    fn from(arrival: &Arrival) -> Known {
        Known { flow: arrival.flow, transport: arrival.transport, source: arrival.source }
    }
}

/// Where to try, never nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Targets {
    /// First.
    pub first: Target,
    /// When that fails, in order.
    pub later: Vec<Target>,
}

/// What came of asking for the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Routed {
    /// It is known.
    Now(Targets),
    /// DNS is asked; [`Switch::routed`] is called with the owner, always. [`Routes::forget`] with this number if nobody
    /// waits any more.
    Wait(u64),
}

/// Requests that wait for DNS.
#[derive(Debug, Default)]
pub(super) struct Routes {
    waiting: HashMap<u64, Waiting, RandomState>,
    order: VecDeque<(Moment, u64)>,
    last: u64,
}

#[derive(Debug)]
struct Waiting {
    owner: Owner,
    host: String,
    contact_user: Box<str>,
    secure: bool,
}

impl Routes {
    /// Stops waiting.
    pub fn forget(&mut self, token: u64) {
        self.waiting.remove(&token);
    }

    /// When the one that waits longest has waited too long.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.order.front().map(|(at, _)| *at)
    }

    fn begin(&mut self, now: Moment, waiting: Waiting) -> Result<u64, String> {
        if self.waiting.len() >= limits::ROUTES_WAITING {
            return Err(format!("{}: too many names are being looked up", waiting.host));
        }
        self.last += 1;
        self.waiting.insert(self.last, waiting);
        self.order.push_back((now + Duration::from_secs(limits::ROUTE_SECS), self.last));
        Ok(self.last)
    }

    fn late(&mut self, now: Moment) -> Option<Waiting> {
        while let Some((at, token)) = self.order.front().copied() {
            // What was answered meanwhile is passed over, so that the list does not grow.
            let waits = self.waiting.contains_key(&token);
            if waits && at > now {
                return None;
            }
            self.order.pop_front();
            if waits {
                return self.waiting.remove(&token);
            }
        }
        None
    }
}

impl Switch {
    /// The way of a request that belongs to `owner`.
    ///
    /// # Errors
    /// Why there is none, in words for the log.
    pub(super) fn route(
        &mut self,
        now: Now,
        way: &Way<'_>,
        owner: Owner,
        out: &mut Actions,
    ) -> Result<Routed, String> {
        if !way.hop.is_sip() {
            return Err("only sip: and sips: URIs have a way".into());
        }
        let secure = way.hop.scheme == Scheme::Sips;
        let pinned = self.pinned(way)?;
        let symmetric = way.transport.is_empty() && pinned.is_some();
        // By the transport it came, whatever its URI says.
        let asked = asked_protocol(&way.hop)?.filter(|_| !symmetric || secure);
        if let Some(to) = way.known.and_then(|known| self.standing(&known, asked, pinned)) {
            return self.single(to, (secure, way.contact_user)).map(Routed::Now);
        }
        let host = way.hop.params.value(b"maddr").and_then(Host::parse).unwrap_or(way.hop.host);
        let preferred = way.known.map(|known| known.transport);
        if let Some(ip) = host.ip() {
            let speaks = pinned.and_then(|bound| self.protocol_of(bound));
            let protocol = asked.or(speaks).unwrap_or(Protocol::Udp);
            let bound = self.transport_towards(ip, protocol, (pinned, preferred))?;
            let remote = SocketAddr::new(ip, way.hop.port.unwrap_or(protocol.default_port()));
            let to =
                Destination { transport: bound.id, protocol, flow: FlowId::DATAGRAM, remote, local: None };
            return self.single(to, (secure, way.contact_user)).map(Routed::Now);
        }
        let host = host.to_string();
        let question = Resolve {
            host: host.clone(),
            port: way.hop.port,
            protocol: asked,
            secure,
            transport: pinned.map(|bound| bound.id),
            preferred,
        };
        let waiting = Waiting { owner, host, contact_user: way.contact_user.into(), secure };
        let token = self.routes.begin(now.at, waiting)?;
        out.queue.push(Action::Resolve { token, question });
        Ok(Routed::Wait(token))
    }

    /// Asks for the addresses of a name, for no request: [`Switch::routed`] is called with the owner, always.
    ///
    /// # Errors
    /// Too many names are being looked up.
    pub(super) fn look_up(
        &mut self,
        now: Now,
        owner: Owner,
        (host, port, protocol): (&str, u16, Protocol),
        out: &mut Actions,
    ) -> Result<(), String> {
        let host = host.to_owned();
        let waiting = Waiting { owner, host: host.clone(), contact_user: Box::default(), secure: false };
        let token = self.routes.begin(now.at, waiting)?;
        let (protocol, port) = (Some(protocol), Some(port));
        let question = Resolve { host, port, protocol, secure: false, transport: None, preferred: None };
        out.queue.push(Action::Resolve { token, question });
        Ok(())
    }

    /// DNS has answered.
    pub(super) fn resolved(
        &mut self,
        now: Now,
        token: u64,
        found: Result<Vec<Destination>, String>,
        out: &mut Actions,
    ) {
        // Forgotten, or too late.
        let Some(waiting) = self.routes.waiting.remove(&token) else { return };
        let says = (waiting.secure, &*waiting.contact_user);
        let targets = found.and_then(|found| {
            let mut targets = found.into_iter().filter_map(|to| self.target_at(to, says));
            let first = targets.next();
            let first = first.ok_or_else(|| {
                format!("{}: it has no address that an open transport reaches", waiting.host)
            })?;
            Ok(Targets { first, later: targets.collect() })
        });
        self.routed(now, waiting.owner, targets, out);
    }

    /// Gives up on names that took too long.
    pub(super) fn routes_due(&mut self, now: Now, out: &mut Actions) {
        while let Some(waiting) = self.routes.late(now.at) {
            let why = format!("{}: DNS did not answer in time", waiting.host);
            self.routed(now, waiting.owner, Err(why), out);
        }
    }

    /// How a registered contact came to us.
    pub(super) fn known(&self, binding: &Binding) -> Option<Known> {
        // A row that another server wrote tells its transport in the URI alone.
        let bound = self.transport_named(&binding.transport).or_else(|| {
            let name = nat::transport_name(&Uri::parse(binding.uri.as_bytes()).ok()?)?;
            self.transport_named(std::str::from_utf8(&name).ok()?)
        })?;
        Some(Known { flow: binding.flow, transport: bound.id, source: binding.source.into() })
    }

    fn single(&self, to: Destination, says: (bool, &str)) -> Result<Targets, String> {
        let first = self.target_at(to, says).ok_or("its transport is not open")?;
        Ok(Targets { first, later: Vec::new() })
    }

    /// The transport that must be used: the endpoint's, else the one the peer came by, where that is symmetric.
    fn pinned(&self, way: &Way<'_>) -> Result<Option<&BoundTransport>, String> {
        if !way.transport.is_empty() {
            let bound = self.transport_named(way.transport);
            return match bound {
                Some(bound) => Ok(Some(bound)),
                None => Err(format!("transport '{}' is not open", way.transport)),
            };
        }
        let symmetric = way.known.filter(|known| self.symmetric(known.transport));
        Ok(symmetric.and_then(|known| self.transports.get(&known.transport)))
    }

    /// Whether whoever came by a transport is to be reached by it (`symmetric_transport`).
    pub(super) fn symmetric(&self, transport: TransportId) -> bool {
        self.transport_config(transport).is_some_and(|transport| transport.symmetric_transport)
    }

    /// The connection by which the peer came, if it may carry this request.
    fn standing(
        &self,
        known: &Known,
        asked: Option<Protocol>,
        pinned: Option<&BoundTransport>,
    ) -> Option<Destination> {
        let bound = self.transports.get(&known.transport)?;
        let protocol = self.protocol_of(bound)?;
        // `transport=ws` stands for both (RFC 7118 5.2).
        let spoken = if protocol == Protocol::Wss { Protocol::Ws } else { protocol };
        let fits = asked.is_none_or(|asked| asked == protocol || asked == spoken)
            && pinned.is_none_or(|pinned| pinned.id == bound.id)
            && known.flow.is_connection();
        let remote = known.source;
        fits.then_some(Destination { transport: bound.id, protocol, flow: known.flow, remote, local: None })
    }

    /// An open transport that speaks `protocol` to that address: the pinned one or none, else the preferred one, else
    /// the one in the address's own network (S1-53), else the first by number, so that the choice is the same each time.
    fn transport_towards(
        &self,
        ip: IpAddr,
        protocol: Protocol,
        (pinned, preferred): (Option<&BoundTransport>, Option<TransportId>),
    ) -> Result<&BoundTransport, String> {
        let fits = |bound: &&BoundTransport| {
            bound.reaches(ip)
                && self.protocol_of(bound) == Some(protocol)
                && pinned.is_none_or(|pinned| pinned.id == bound.id)
        };
        let all = self.transports.values().filter(fits);
        let far = |bound: &BoundTransport| u8::MAX - bound.nearness(ip);
        all.min_by_key(|bound| (Some(bound.id) != preferred, far(bound), bound.id)).ok_or_else(|| {
            let family = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
            match pinned {
                Some(bound) => format!("transport '{}' does not speak {protocol} over {family}", bound.name),
                None => format!("no open transport speaks {protocol} over {family}"),
            }
        })
    }
}

/// The protocol that a URI asks for; `None` when it leaves the choice.
fn asked_protocol(hop: &Uri<'_>) -> Result<Option<Protocol>, String> {
    let secure = hop.scheme == Scheme::Sips;
    let Some(token) = hop.params.value(b"transport") else {
        return Ok(secure.then_some(Protocol::Tls));
    };
    match Protocol::from_token(token) {
        // sips with transport=tcp means TLS over TCP (RFC 3261 26.2.2).
        Some(Protocol::Tcp) if secure => Ok(Some(Protocol::Tls)),
        Some(Protocol::Udp) if secure => Err("sips: cannot go over UDP".into()),
        Some(protocol) => Ok(Some(protocol)),
        None => Err(format!("transport={} is unknown", String::from_utf8_lossy(token))),
    }
}
