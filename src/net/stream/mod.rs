//! TCP and TLS: listeners, connections, and who may write to which.
//!
//! ```text
//! the switch's thread                    the runtime's threads
//! table::Streams ── Writer ───────────►  connection: write what waits, read, cut into messages
//!        ▲                                   │            listen: accept, within the gate's limits
//!        └────────── StreamEvent ◄───────────┘            dial: connect, TLS
//! ```
//! One queue leads to the switch and is bounded: when it is full, connections wait and their peers with them. Each
//! connection's way out is bounded too: a peer that does not read is closed.

mod connection;
mod dial;
mod gate;
mod listen;
mod table;
mod writer;

pub use dial::Dialer;
pub use gate::Gate;
pub use listen::{Listener, serve};
pub use table::{ConnectionFacts, Gone, Heard, Streams};
pub use writer::Writer;

use super::tls::Tls;
use super::wait::Waker;
use crate::base::ids::{FlowId, Name, TransportId};
use crate::base::limits;
use crate::sip::flow::{Arrival, Destination, Protocol};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::mpsc;

/// What a `type=transport` with `protocol=tcp` or `tls` says about its sockets.
#[derive(Clone, Debug)]
pub struct StreamOptions {
    /// Its number.
    pub id: TransportId,
    /// The section's name.
    pub name: Name,
    /// [`Protocol::Tcp`] or [`Protocol::Tls`].
    pub protocol: Protocol,
    /// `bind`.
    pub bind: SocketAddr,
    /// `tos`: the whole byte.
    pub tos: u8,
    /// `cos`: 802.1p class.
    pub cos: u8,
    /// For `bind=::`: leave IPv4 alone, because another transport has it.
    pub only_v6: bool,
    /// `tcp_keepalive_*`, when enabled.
    pub keepalive: Option<Keepalive>,
    /// Certificates, for TLS.
    pub tls: Option<Arc<Tls>>,
}

/// `tcp_keepalive_idle_time`, `_interval_time`, `_probe_count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence before the first probe.
    pub idle: Duration,
    /// Between probes.
    pub interval: Duration,
    /// Probes without answer before the connection is dead.
    pub probes: u32,
}

/// How long connections may take and stay silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From accept to the first whole message, TLS included.
    pub first_message: Duration,
    /// From a message's first byte to its last.
    pub message: Duration,
    /// Silence of both sides, our keep-alives not counted.
    pub idle: Duration,
    /// Time to connect, TLS included.
    pub connect: Duration,
    /// Time without progress while bytes wait to be written.
    pub stall: Duration,
    /// `keep_alive_interval`: how often to send CRLF CRLF; `None` for never.
    pub ping: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            first_message: Duration::from_secs(limits::FIRST_MESSAGE_SECS),
            message: Duration::from_secs(limits::MESSAGE_SECS),
            idle: Duration::from_secs(limits::IDLE_CONNECTION_SECS),
            connect: Duration::from_secs(limits::CONNECT_SECS),
            stall: Duration::from_secs(limits::WRITE_STALL_SECS),
            ping: None,
        }
    }
}

/// What connections tell the switch's thread.
#[derive(Debug)]
pub enum StreamEvent {
    /// A connection is up. Comes before its first message.
    Opened {
        /// How its messages arrive.
        arrival: Arrival,
        /// Whether the peer opened it.
        inbound: bool,
        /// Where to put what it shall send.
        writer: Arc<Writer>,
    },
    /// One whole message.
    Message {
        /// How it came.
        arrival: Arrival,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A connection is gone, or could not be opened.
    Closed {
        /// Which.
        flow: FlowId,
        /// Why, in a few words.
        why: Cow<'static, str>,
    },
    /// A connection was turned away before it became one.
    Refused {
        /// At which transport.
        transport: TransportId,
        /// Whose; `None` when the system gave no connection at all.
        source: Option<SocketAddr>,
        /// Why, in a few words.
        why: Cow<'static, str>,
    },
}

/// Messages on a flow that is no flow any more, or never was; what [`Streams::send`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSendFault {
    /// Where it should have gone.
    pub to: Destination,
    /// Why not.
    pub why: Cow<'static, str>,
}

/// What every task of a connection shares.
#[derive(Clone, Debug)]
pub struct Shared {
    events: mpsc::Sender<StreamEvent>,
    waker: Waker,
    flows: Arc<AtomicU64>,
    gate: Arc<Gate>,
    pace: Arc<RwLock<Pace>>,
}

impl Shared {
    /// The shared side, and the queue that the switch's thread reads.
    pub fn new(waker: Waker, pace: Pace) -> (Shared, mpsc::Receiver<StreamEvent>) {
        let (events, queue) = mpsc::channel(limits::SWITCH_QUEUE);
        let gate = Arc::new(Gate::default());
        let pace = Arc::new(RwLock::new(pace));
        (Shared { events, waker, flows: Arc::new(AtomicU64::new(1)), gate, pace }, queue)
    }

    /// Sets other times. Connections that are up heed them when their present ones are over.
    pub fn set_pace(&self, pace: Pace) {
        *self.pace.write().unwrap_or_else(PoisonError::into_inner) = pace;
    }

    fn pace(&self) -> Pace {
        *self.pace.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts of connections.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// A flow number that was never used before.
    fn new_flow(&self) -> FlowId {
        FlowId(self.flows.fetch_add(1, Ordering::Relaxed))
    }

    /// Puts an event into the queue, waiting while it is full. The queue ends only when the server does.
    async fn tell(&self, event: StreamEvent) {
        if self.events.send(event).await.is_ok() {
            self.waker.wake();
        }
    }
}

/// An error of a connection, in a few words that do not change between systems.
fn words(error: &std::io::Error) -> Cow<'static, str> {
    use std::io::ErrorKind as K;
    match error.kind() {
        K::ConnectionReset => "reset by peer".into(),
        K::BrokenPipe | K::UnexpectedEof => "closed by peer".into(),
        K::TimedOut => "timed out".into(),
        K::ConnectionRefused => "connection refused".into(),
        _ => error.to_string().into(),
    }
}

#[cfg(test)]
mod tests;
