//! What questions and orders are made of.

use std::net::SocketAddr;

/// Whom `pjsip send notify` addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotifyTarget {
    /// Every contact of every aor of these endpoints.
    Endpoints(Vec<String>),
    /// These URIs, through `default_outbound_endpoint`.
    Uris(Vec<String>),
    /// In the INVITE dialogs of these channels.
    Channels(Vec<String>),
}

/// The question of `explain direct-media`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectMediaQuestion {
    /// A running call, by one of its channels.
    Call {
        /// The channel's name.
        channel: String,
    },
    /// A call that could be: two endpoints, and the options `Dial` would have.
    Between {
        /// The calling endpoint.
        caller: String,
        /// The called endpoint.
        callee: String,
        /// Options of the application `Dial` (`tT`); empty for none.
        dial_options: String,
    },
}

/// The request of `explain identify`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifyQuestion {
    /// The From URI.
    pub from: String,
    /// The packet's source.
    pub source: SocketAddr,
    /// A whole message to judge instead of one made from the fields here.
    pub packet: Option<Vec<u8>>,
    /// Further headers, `Name: value`.
    pub headers: Vec<String>,
    /// The request URI; the From URI's host when `None`.
    pub request_uri: Option<String>,
}
