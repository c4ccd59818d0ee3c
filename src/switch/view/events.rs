//! What happened, as values: log lines, security events, messages.

use crate::base::time::WallTime;
use serde::Serialize;
use std::net::SocketAddr;

/// One kept message.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryView {
    /// Its place.
    pub number: usize,
    /// When.
    pub at: WallTime,
    /// Whether we sent it.
    pub sent: bool,
    /// The peer.
    pub address: SocketAddr,
    /// Transport token.
    pub protocol: &'static str,
    /// The message.
    pub message: Vec<u8>,
}

/// How grave a log line is; Asterisk's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[allow(missing_docs, reason = "each is the log level of its own name")]
pub enum Level {
    Debug,
    Verbose,
    Notice,
    Warning,
    Error,
}

/// Something worth telling.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A log line in Asterisk's words.
    Log {
        /// How grave.
        level: Level,
        /// The Asterisk source file it is known by (`res_pjsip_registrar.c`), for tools that match on it.
        origin: &'static str,
        /// The text.
        text: String,
    },
    /// A security event (behaviour-cli-ami 4.3).
    Security(Box<Security>),
    /// A request refused before or by authentication: the NOTICE that ban tools read. Printed by the edge, which
    /// keeps a peer's text from looking like another line.
    RequestFailed(Box<RequestFailed>),
    /// A message for `pjsip set logger`.
    Message {
        /// Whether we sent it.
        sent: bool,
        /// `UDP`, `TCP`, …
        protocol: &'static str,
        /// The peer.
        address: SocketAddr,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// A security event's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// `ChallengeSent`, `SuccessfulAuth`, `ChallengeResponseFailed`, `InvalidAccountID`, `FailedACL`,
    /// `RequestNotSupported`, …
    pub event: &'static str,
    /// Endpoint name, or `<unknown>`.
    pub account: String,
    /// Call-ID.
    pub session: String,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address, always the packet's source.
    pub remote: SocketAddr,
    /// `UDP`, …
    pub protocol: &'static str,
    /// Further fields: `Challenge`, `Response`, `ACLName`, …
    pub fields: Vec<(&'static str, String)>,
}

/// `Request '%s' from '%s' failed for '%s' (callid: %s) - %s`, field by field and as the peer wrote them.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestFailed {
    /// The method.
    pub method: String,
    /// The From header's value.
    pub from: String,
    /// The packet's source.
    pub source: SocketAddr,
    /// Call-ID.
    pub call_id: String,
    /// `No matching endpoint found`, `Failed to authenticate`, `Not match Endpoint ACL`, …
    pub reason: &'static str,
    /// Tries and milliseconds since the first, where the line counts them (`after 6 tries in 12.345 ms`).
    pub tries: Option<(u32, f64)>,
}
