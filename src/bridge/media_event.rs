//! What the media threads tell signalling.

use super::plan::{PortId, PortRange};
use super::sound::{SoundEnd, SoundId};
use crate::rtp::DtmfEvent;
use std::net::SocketAddr;
use std::time::Duration;

/// What the media threads tell.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// A port is open.
    Opened {
        /// Which.
        port: PortId,
        /// Its RTP address, as bound.
        rtp: SocketAddr,
        /// Its RTCP port, if it has one of its own.
        rtcp_port: Option<u16>,
    },
    /// A port could not be opened.
    OpenFailed {
        /// Which.
        port: PortId,
        /// Why.
        why: OpenError,
    },
    /// Packets are accepted from a source, for the first time or from another one than before.
    Learned {
        /// Which port.
        port: PortId,
        /// Where they come from.
        source: SocketAddr,
        /// What the description said; different behind a NAT.
        described: Option<SocketAddr>,
    },
    /// A digit began or ended.
    Digit {
        /// Which port.
        port: PortId,
        /// What happened.
        event: DtmfEvent,
    },
    /// All digits ordered with [`super::plan::Plan::SendDigit`] are sent.
    DigitsSent {
        /// Which port.
        port: PortId,
    },
    /// A sound was played to its end.
    Played {
        /// Which port.
        port: PortId,
    },
    /// Signalling took events so slowly that some were dropped: digits, talking, reports.
    EventsLost {
        /// How many.
        count: u64,
    },
    /// A player or recorder ended.
    SoundEnded {
        /// Which port.
        port: PortId,
        /// The name it was given.
        id: SoundId,
        /// How.
        end: SoundEnd,
    },
    /// The answer to [`super::sound::PromptOrder::Find`].
    PromptFound {
        /// The number of the question.
        token: u64,
        /// Whether there is one.
        found: bool,
    },
    /// The tone of a calling fax machine was heard.
    FaxTone {
        /// Which port.
        port: PortId,
    },
    /// Talking began or ended.
    Talking {
        /// Which port.
        port: PortId,
        /// Began.
        on: bool,
        /// How long the other state had lasted.
        lasted: Duration,
    },
    /// Nothing came for as long as [`super::plan::Timers`] allow. Told once per silence.
    Silent {
        /// Which port.
        port: PortId,
        /// For how long.
        lasted: Duration,
        /// Whether the limit was the one of held calls.
        held: bool,
    },
    /// Two ports are joined and one of them has heard nothing, while the other has: one-way audio (S5-8).
    OneWay {
        /// The port that hears nothing.
        port: PortId,
        /// Where packets came from that were not accepted, if any did.
        dropped_from: Option<SocketAddr>,
    },
    /// The answer to [`super::plan::Plan::Report`].
    Report {
        /// Which port.
        port: PortId,
        /// Its counters.
        report: Box<PortReport>,
    },
    /// A port is closed; its last counters.
    Closed {
        /// Which port.
        port: PortId,
        /// Its counters.
        report: Box<PortReport>,
    },
}

/// Why a port could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// Every port of the range is taken, by us or others.
    RangeFull(PortRange),
    /// More ports than [`crate::base::limits::MEDIA_PORTS`], or a full queue to the media thread.
    Overloaded,
    /// The system refused; its words.
    System(String),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpenError::RangeFull(r) => write!(f, "no free RTP port in {}-{}", r.first, r.last),
            OpenError::Overloaded => f.write_str("too many media ports open"),
            OpenError::System(words) => f.write_str(words),
        }
    }
}

/// Counters of one port.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PortReport {
    /// Packets accepted from the other side.
    pub received: u64,
    /// Their bytes, headers included.
    pub received_bytes: u64,
    /// Packets lost on the way to us.
    pub lost: u64,
    /// Jitter on the way to us.
    pub jitter: Duration,
    /// Packets not accepted: wrong source, not RTP, too long.
    pub dropped: u64,
    /// Packets accepted and not passed on: nobody to pass to, or a number the other side did not agree to.
    pub not_passed: u64,
    /// Packets sent to the other side.
    pub sent: u64,
    /// Their bytes, headers included.
    pub sent_bytes: u64,
    /// Packets the system would not send.
    pub send_failed: u64,
    /// Packets lost on the way to the other side, as it reports.
    pub sent_lost: u64,
    /// Jitter on the way to the other side, as it reports.
    pub sent_jitter: Duration,
    /// Round trip, from its reports; zero when it sends none.
    pub round_trip: Duration,
    /// How often the other side changed its SSRC.
    pub restarts: u32,
}
