//! Which connections there are, and which one a message takes. Owned by the switch's thread.
//!
//! A message goes to the connection it names; else to any that leads to the same place; else one is opened. "The same
//! place" is transport, address, and, where one was asked for, the name that the TLS certificate had to bear.

use super::dial::Dial;
use super::writer::PushFault;
use super::{Dialer, Shared, StreamEvent, StreamSendFault, Writer};
use crate::base::ids::{FlowId, TransportId};
use crate::base::limits;
use crate::sip::flow::{Arrival, Destination, Protocol};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::runtime::Handle;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    transport: TransportId,
    remote: SocketAddr,
    host: Option<Arc<str>>,
}

#[derive(Debug)]
struct Entry {
    writer: Arc<Writer>,
    place: Place,
    protocol: Protocol,
    inbound: bool,
    /// While it is not yet up: who waits for it, to be told when it fails.
    waiting: Option<Vec<Destination>>,
}

/// The connections of all stream transports.
#[derive(Debug)]
pub struct Streams {
    runtime: Handle,
    shared: Shared,
    dialers: Vec<Dialer>,
    connections: Map<FlowId, Entry>,
    by_place: Map<Place, FlowId>,
    /// Flow numbers that stand for "a connection to this place, verified by this name" (see [`Streams::target`]).
    targets: Map<FlowId, Place>,
    target_of: Map<Place, FlowId>,
    target_order: VecDeque<FlowId>,
}

/// A connection as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// Its number.
    pub flow: FlowId,
    /// Its transport.
    pub transport: TransportId,
    /// The peer.
    pub remote: SocketAddr,
    /// The name its certificate had to bear.
    pub host: Option<Arc<str>>,
    /// Whether the peer opened it.
    pub inbound: bool,
    /// Whether it is up; else it is being opened.
    pub up: bool,
    /// Whether it is about to close.
    pub closing: bool,
}

/// What the switch is to hear of a [`StreamEvent`].
#[derive(Debug)]
pub enum Heard {
    /// A connection is up.
    Opened(Arrival, bool),
    /// A message.
    Message(Arrival, Vec<u8>),
    /// A connection that was up is gone.
    Closed(Gone, Cow<'static, str>),
    /// A connection could not be opened; these messages are lost.
    Unreachable(Vec<StreamSendFault>),
    /// Nothing: a connection was turned away. For the log.
    Refused(TransportId, Option<SocketAddr>, Cow<'static, str>),
}

/// What a connection that is gone was known as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its number.
    pub flow: FlowId,
    /// The number that [`Streams::target`] gave to its place.
    pub named: Option<FlowId>,
    /// Its peer, when messages that would take any connection there took this one.
    pub peer: Option<(Protocol, SocketAddr)>,
}

impl Streams {
    /// No connections yet; those to come run on `runtime`.
    pub fn new(runtime: Handle, shared: Shared) -> Streams {
        Streams {
            runtime,
            shared,
            dialers: Vec::new(),
            connections: Map::default(),
            by_place: Map::default(),
            targets: Map::default(),
            target_of: Map::default(),
            target_order: VecDeque::new(),
        }
    }

    /// Takes the transports that may open connections from now on. Connections that are up stay.
    pub fn configure(&mut self, dialers: Vec<Dialer>) {
        self.dialers = dialers;
    }

    /// What is known of each connection, in no order.
    pub fn facts(&self) -> impl Iterator<Item = ConnectionFacts> + '_ {
        self.connections.iter().map(|(flow, entry)| ConnectionFacts {
            flow: *flow,
            transport: entry.place.transport,
            remote: entry.place.remote,
            host: entry.place.host.clone(),
            inbound: entry.inbound,
            up: entry.waiting.is_none(),
            closing: entry.writer.is_closed(),
        })
    }

    /// Connections that are up or being opened.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// A flow number to put into a destination whose certificate must bear `host` (RFC 5922 7.3). It never arrives
    /// with a message: it names the place, and the connection gets a number of its own when it is opened.
    pub fn target(&mut self, transport: TransportId, remote: SocketAddr, host: &str) -> FlowId {
        let place = Place { transport, remote, host: Some(host.into()) };
        if let Some(flow) = self.target_of.get(&place) {
            return *flow;
        }
        if self.target_order.len() >= limits::DIAL_TARGETS
            && let Some(oldest) = self.target_order.pop_front()
            && let Some(place) = self.targets.remove(&oldest)
        {
            self.target_of.remove(&place);
        }
        let flow = self.shared.new_flow();
        self.targets.insert(flow, place.clone());
        self.target_of.insert(place, flow);
        self.target_order.push_back(flow);
        flow
    }

    /// Queues a message for its connection, opening one where there is none.
    pub fn send(&mut self, to: Destination, bytes: &[u8]) -> Result<(), StreamSendFault> {
        if let Some(flow) = self.find(&to)
            && let Some(entry) = self.connections.get_mut(&flow)
        {
            match entry.writer.push(bytes) {
                Ok(()) => {
                    if let Some(waiting) = &mut entry.waiting
                        && waiting.last() != Some(&to)
                    {
                        waiting.push(to);
                    }
                    return Ok(());
                }
                Err(PushFault::Full) => {
                    entry.writer.close("reads too slowly");
                    return Err(fault(to, "the peer reads too slowly"));
                }
                // It ends just now; the message takes a new one.
                Err(PushFault::Closed) => {}
            }
        }
        self.open(to, bytes)
    }

    /// Closes a connection after what waits for it is written.
    pub fn close(&mut self, flow: FlowId, why: &'static str) {
        if let Some(entry) = self.connections.get(&flow) {
            entry.writer.close(why);
        }
    }

    fn find(&self, to: &Destination) -> Option<FlowId> {
        if self.connections.get(&to.flow).is_some_and(|entry| !entry.writer.is_closed()) {
            return Some(to.flow);
        }
        let place = self.targets.get(&to.flow).cloned();
        let place = place.unwrap_or(Place { transport: to.transport, remote: to.remote, host: None });
        self.by_place.get(&place).copied()
    }

    fn open(&mut self, to: Destination, bytes: &[u8]) -> Result<(), StreamSendFault> {
        let Some(dialer) = self.dialers.iter().find(|dialer| dialer.id == to.transport) else {
            return Err(fault(to, "its transport is not open"));
        };
        if !dialer.reaches(to.remote) {
            return Err(fault(to, "the transport is of the other address family"));
        }
        let seat = self.shared.gate.outbound().map_err(|why| fault(to, why))?;
        let place = match self.targets.get(&to.flow) {
            Some(place) => place.clone(),
            None => Place { transport: to.transport, remote: to.remote, host: None },
        };
        let (flow, writer) = (self.shared.new_flow(), Arc::new(Writer::default()));
        writer.push(bytes).map_err(|_| fault(to, "the message is too long"))?;
        let dial = Dial {
            dialer: dialer.clone(),
            flow,
            remote: to.remote,
            from: to.local.map(|local| local.ip()),
            host: place.host.clone(),
            writer: Arc::clone(&writer),
        };
        self.runtime.spawn(dial.run(self.shared.clone(), seat));
        self.insert(
            flow,
            Entry { writer, place, protocol: to.protocol, inbound: false, waiting: Some(vec![to]) },
        );
        Ok(())
    }

    fn insert(&mut self, flow: FlowId, entry: Entry) {
        if entry.place.host.is_some() {
            // Who asks for no name is served by any connection to the address.
            self.by_place.entry(Place { host: None, ..entry.place.clone() }).or_insert(flow);
        }
        self.by_place.insert(entry.place.clone(), flow);
        self.connections.insert(flow, entry);
    }

    /// Takes note of an event and says what the switch is to hear.
    pub fn hear(&mut self, event: StreamEvent) -> Option<Heard> {
        match event {
            StreamEvent::Message { arrival, bytes } => Some(Heard::Message(arrival, bytes)),
            StreamEvent::Opened { arrival, inbound, writer } => {
                match self.connections.get_mut(&arrival.flow) {
                    Some(entry) => entry.waiting = None,
                    None => {
                        let place =
                            Place { transport: arrival.transport, remote: arrival.source, host: None };
                        let protocol = arrival.protocol;
                        self.insert(arrival.flow, Entry { writer, place, protocol, inbound, waiting: None });
                    }
                }
                Some(Heard::Opened(arrival, inbound))
            }
            StreamEvent::Closed { flow, why } => {
                let entry = self.connections.remove(&flow)?;
                let anyone = Place { host: None, ..entry.place.clone() };
                let served = self.by_place.get(&anyone) == Some(&flow);
                let gone = Gone {
                    flow,
                    named: self.target_of.get(&entry.place).copied(),
                    peer: served.then_some((entry.protocol, entry.place.remote)),
                };
                for place in [anyone, entry.place] {
                    if self.by_place.get(&place) == Some(&flow) {
                        self.by_place.remove(&place);
                    }
                }
                Some(match entry.waiting {
                    None => Heard::Closed(gone, why),
                    Some(waiting) => Heard::Unreachable(
                        waiting.into_iter().map(|to| StreamSendFault { to, why: why.clone() }).collect(),
                    ),
                })
            }
            StreamEvent::Refused { transport, source, why } => Some(Heard::Refused(transport, source, why)),
        }
    }
}

fn fault(to: Destination, why: &'static str) -> StreamSendFault {
    StreamSendFault { to, why: why.into() }
}
