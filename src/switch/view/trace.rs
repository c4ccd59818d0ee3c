//! Values of `trace`.

use crate::base::time::WallTime;
use serde::Serialize;
use std::net::SocketAddr;

/// A message as text where it is text, else as a list of bytes: nothing of it is lost.
fn bytes_as_text<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serializer.serialize_str(text),
        Err(_) => serializer.collect_seq(bytes),
    }
}

/// What is remembered of a call.
#[derive(Clone, Debug, Serialize)]
pub struct TraceView {
    /// The unique id of its first channel; empty when the request never became a call.
    pub call: String,
    /// Its legs, in order.
    pub legs: Vec<TraceLeg>,
    /// Earlier calls that the question names as well, the latest first.
    pub others: Vec<String>,
    /// What happened, in order.
    pub steps: Vec<TraceStep>,
}

/// A leg of a traced call.
#[derive(Clone, Debug, Serialize)]
pub struct TraceLeg {
    /// `PJSIP/100-00000001`.
    pub channel: String,
    /// Whose it is.
    pub endpoint: String,
    /// Of its dialog.
    pub call_id: String,
}

/// A message or a decision.
#[derive(Clone, Debug, Serialize)]
pub struct TraceStep {
    /// When.
    pub at: WallTime,
    /// What.
    #[serde(flatten)]
    pub what: Traced,
}

/// See [`TraceStep`].
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Traced {
    /// The server decided something.
    Decision(String),
    /// A message came or went.
    Message {
        /// We sent it.
        sent: bool,
        /// `UDP`, `TCP` or `TLS`.
        protocol: &'static str,
        /// The other end.
        peer: SocketAddr,
        /// `INVITE (SDP)`, `200`.
        label: String,
        /// All of it.
        #[serde(serialize_with = "bytes_as_text")]
        message: Vec<u8>,
    },
}
