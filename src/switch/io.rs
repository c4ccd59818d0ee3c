//! What goes into the switch and what comes out: the boundary between decisions and edges.

use super::view;
use crate::base::ids::{FlowId, Name, TransportId};
use crate::bridge::{MediaEvent, Plan, PromptOrder};
use crate::config::notify::NotifyConf;
use crate::config::services::Services;
use crate::config::{Change, Sources};
use crate::dialplan::{Dialplan, database};
use crate::registrar::binding::ContactChange;
use crate::sip::flow::{Arrival, Destination, Protocol};
use crate::sip::outbox::Outbox;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A listening socket that is open: what the switch must know about it to advertise addresses and route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundTransport {
    /// Its number.
    pub id: TransportId,
    /// The `type=transport` section's name.
    pub name: Name,
    /// Where it really listens (the port the system chose when 0 was asked for).
    pub bound: SocketAddr,
    /// This machine's own address of that family: what a wildcard `bind` is advertised as.
    pub interface: IpAddr,
    /// Its own IPv4 address, when this is a wildcard IPv6 socket that reaches IPv4 too.
    pub interface_v4: Option<IpAddr>,
    /// This machine's addresses with the networks they are in: a neighbour is called by the transport beside it, and
    /// told that address of a wildcard `bind`.
    pub networks: Arc<[IpNet]>,
}

/// One thing that happened outside.
#[derive(Debug)]
pub enum Input<'a> {
    /// One whole message: a datagram, or a frame of a stream.
    Sip {
        /// How it came.
        arrival: Arrival,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// A connection that we opened or accepted is up.
    FlowOpened {
        /// How messages on it arrive.
        arrival: Arrival,
        /// Whether the peer opened it.
        inbound: bool,
    },
    /// A connection is gone.
    FlowClosed {
        /// Which.
        flow: FlowId,
        /// The number in destinations that asked for this peer by the name of its certificate.
        named: Option<FlowId>,
        /// The peer, when this was the connection that messages to it took.
        peer: Option<(Protocol, SocketAddr)>,
        /// Why, in a few words: "closed by peer", "idle", "reset", …
        why: &'a str,
    },
    /// Something queued could not be sent.
    SendFailed {
        /// Where it should have gone.
        to: Destination,
        /// The system's words.
        why: &'a str,
    },
    /// Every contact change up to this number is on disk.
    Committed {
        /// The last number of the commit.
        sequence: u64,
    },
    /// The store could not commit changes up to this number; they are not on disk.
    CommitFailed {
        /// The last number it covers.
        sequence: u64,
        /// The store's words.
        why: &'a str,
    },
    /// Contacts changed by another node or another program in a shared store.
    ContactsChanged(Vec<ContactChange>),
    /// The store may have lost contacts that were on disk: all are committed once more.
    PutAll,
    /// The configuration changed. Applied whole, between two messages.
    Config {
        /// What is different.
        changes: &'a [Change],
        /// The names of the files and tables the objects' origins speak of.
        sources: &'a Sources,
    },
    /// The server ends: every call is hung up.
    HangUpAll,
    /// This dialplan is in force from now on. Running calls go on in it with their next priority.
    Dialplan(Arc<Dialplan>),
    /// These tones, classes of music and other services are in force from now on.
    Services(Arc<Services>),
    /// What `pjsip_notify.conf` says from now on.
    NotifyConf(Arc<NotifyConf>),
    /// The entries of the dialplan's key store, as they are on disk.
    Database(Vec<(Box<str>, Box<str>)>),
    /// The media threads tell something.
    Media(MediaEvent),
    /// Messages came to mailboxes, or were heard: voicemail directories say so.
    Mailboxes(Vec<(String, crate::pubsub::Counts)>),
    /// The thread of the mailboxes answers an [`Action::Mail`], or tells of messages that came and went.
    Mail {
        /// The number of that action; `None` when nobody asked.
        token: Option<u64>,
        /// What it says.
        told: Box<crate::voicemail::Told>,
    },
    /// Host names in `match` of identify sections have these addresses now.
    HostAddresses(Vec<(Name, Vec<IpAddr>)>),
    /// Which transports are open now: after start and after each reload.
    Transports(&'a [BoundTransport]),
    /// The answer to [`Action::Resolve`].
    Resolved {
        /// As asked.
        token: u64,
        /// Where to try, first to last; or why nothing is known, in words that name the host.
        found: Result<Vec<Destination>, String>,
    },
    /// An administrator asks or orders something; the answer comes as [`Action::Reply`] with the same number.
    Command {
        /// To find the asker again.
        token: u64,
        /// What.
        command: view::Command,
    },
    /// Whether requests that begin something new are refused with 503, because the server is about to end.
    Drain(bool),
    /// Nothing but time passed.
    Tick,
}

/// One thing to do outside, other than sending messages.
#[derive(Debug)]
pub enum Action {
    /// Commit this change; then [`Input::Committed`] with at least this number. Numbers rise by one.
    Commit {
        /// Its number.
        sequence: u64,
        /// The change.
        change: ContactChange,
    },
    /// Write this down, so that it outlives a restart. Nothing waits for it.
    Keep(Box<crate::pubsub::Kept>),
    /// Find addresses for a host (RFC 3263), then [`Input::Resolved`].
    Resolve {
        /// To know the answer by.
        token: u64,
        /// The question.
        question: Resolve,
    },
    /// Write this entry of the dialplan's key store, or remove it.
    Database(database::Change),
    /// An order for the thread of the mailboxes; then [`Input::Mail`] with that number, where the order has an answer.
    Mail {
        /// To know the answer by.
        token: u64,
        /// What.
        order: Box<crate::voicemail::Order>,
    },
    /// An order for the media threads. For a [`Plan::Open`] the answer comes as [`Input::Media`] before anything else
    /// about that port.
    Media(Plan),
    /// Look for a sound file, or remove it. A question is answered by [`Input::Media`].
    Prompt(PromptOrder),
    /// Close a connection.
    CloseFlow {
        /// Which.
        flow: FlowId,
        /// For the log.
        why: &'static str,
    },
    /// The answer to a command.
    Reply {
        /// The command's number.
        token: u64,
        /// The answer.
        reply: view::Reply,
    },
    /// Something worth telling: a log line, a security event, a metric.
    Event(Box<view::Event>),
}

/// A question for RFC 3263.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    /// Host name as written.
    pub host: String,
    /// Port, when written: then no SRV.
    pub port: Option<u16>,
    /// Transport parameter, when written: then no NAPTR.
    pub protocol: Option<Protocol>,
    /// Whether the URI was `sips:`.
    pub secure: bool,
    /// The transport whose sockets shall be used, when one is pinned.
    pub transport: Option<TransportId>,
    /// The transport to take among those that serve equally well.
    pub preferred: Option<TransportId>,
}

/// Everything one or more calls of `handle` want done. Drained by the edge after each batch.
#[derive(Debug, Default)]
pub struct Actions {
    /// Messages to send, in order.
    pub outbox: Outbox,
    /// The rest, in order.
    pub queue: Vec<Action>,
}
