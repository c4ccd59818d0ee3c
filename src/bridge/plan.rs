//! What signalling orders from the media threads and what they tell in return. Values only: made by the switch, carried
//! out by `media`.
//!
//! ```text
//!   Open ─▶ Opened ─▶ Aim (each time a description changes) ─▶ Join … Unjoin ─▶ Close ─▶ Closed (last report)
//! ```

use super::sound::{SoundOrder, StreamCoding};
use crate::rtp::{Digit, SourceRules};
use crate::sdp::{Encryption, RtpStream, Translation};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// One media port of one leg: an RTP socket and, unless multiplexed, its RTCP socket. Chosen by the switch, never used
/// twice in the life of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortId(pub u64);

/// An order to the media threads.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Open a port. Answered by `MediaEvent::Opened` or `MediaEvent::OpenFailed` before anything else happens to it.
    Open(Box<Open>),
    /// Say where a port's other side is and what may flow. Again after each offer/answer.
    Aim {
        /// Which port.
        port: PortId,
        /// What holds from now on.
        aim: Box<Aim>,
    },
    /// Pass packets between two ports, both ways. Ends whatever either was joined with. A port joined with itself
    /// echoes.
    Join {
        /// One port.
        a: PortId,
        /// The other.
        b: PortId,
        /// How packets from `a` are sent by `b`.
        a_to_b: Box<Path>,
        /// How packets from `b` are sent by `a`.
        b_to_a: Box<Path>,
    },
    /// End a join, for both ports.
    Unjoin {
        /// One of them.
        port: PortId,
    },
    /// The phones talk without us (`true`), or no more (`false`): while they do, silence is no fault and no reports
    /// or keep-alives are sent.
    Direct {
        /// Which port.
        port: PortId,
        /// Whether media bypasses us.
        on: bool,
    },
    /// Send a digit as RFC 4733 events, after those still being sent. What else would be sent meanwhile is dropped.
    SendDigit {
        /// Which port.
        port: PortId,
        /// Which digit.
        digit: Digit,
        /// How long it is pressed.
        press: Duration,
    },
    /// Play encoded sound to a port, instead of what a join would send there. `MediaEvent::Played` at its end.
    Play {
        /// Which port.
        port: PortId,
        /// What to play.
        sound: Arc<Sound>,
        /// Begin again at the end.
        repeat: bool,
    },
    /// Open its sound up: mix, play, record, listen.
    Sound {
        /// Which port.
        port: PortId,
        /// What to do.
        order: Box<SoundOrder>,
    },
    /// Stop playing.
    StopPlaying {
        /// Which port.
        port: PortId,
    },
    /// Ask for `MediaEvent::Report`.
    Report {
        /// Which port.
        port: PortId,
    },
    /// Close a port.
    Close {
        /// Which port.
        port: PortId,
    },
}

impl Plan {
    /// The port it is about; the first of a join.
    pub fn port(&self) -> PortId {
        match self {
            Plan::Open(open) => open.port,
            Plan::Join { a: port, .. }
            | Plan::Aim { port, .. }
            | Plan::Unjoin { port }
            | Plan::Direct { port, .. }
            | Plan::SendDigit { port, .. }
            | Plan::Play { port, .. }
            | Plan::Sound { port, .. }
            | Plan::StopPlaying { port }
            | Plan::Report { port }
            | Plan::Close { port } => *port,
        }
    }

    /// The other port of a join.
    pub fn second_port(&self) -> Option<PortId> {
        match self {
            Plan::Join { b, .. } => Some(*b),
            _ => None,
        }
    }
}

/// How a port is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its name.
    pub port: PortId,
    /// Ports with the same number (both legs of a call) live on the same thread.
    pub affinity: u64,
    /// Local address to bind to: unspecified for any.
    pub bind: IpAddr,
    /// `rtpstart`–`rtpend`, or the endpoint's own.
    pub range: PortRange,
    /// Source rules of the stream.
    pub rules: SourceRules,
    /// Whether RTCP gets a port of its own, next to RTP's.
    pub rtcp_port: bool,
    /// `tos_audio` or `tos_video`: the IP type-of-service byte.
    pub tos: u8,
    /// Time limits.
    pub timers: Timers,
}

/// Ports to take from, both ends included. RTP gets the even ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
}

impl Default for PortRange {
    /// Asterisk's default without an rtp.conf.
    fn default() -> PortRange {
        PortRange { first: 5000, last: 31_000 }
    }
}

/// Time limits of a port. Zero switches one off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// `rtp_timeout`: silence from the other side that is told as `MediaEvent::Silent`.
    pub silence: Duration,
    /// `rtp_timeout_hold`: the same while held.
    pub silence_on_hold: Duration,
    /// `rtp_keepalive`: after this long without sending, a comfort noise packet goes out.
    pub keepalive: Duration,
    /// `rtcpinterval`: between reports.
    pub report: Duration,
    /// `dtmftimeout`: a digit whose packets stop coming ends after this.
    pub digit: Duration,
    /// How long a join may be one-sided before `MediaEvent::OneWay`.
    pub one_way: Duration,
}

impl Default for Timers {
    /// Asterisk's defaults.
    fn default() -> Timers {
        Timers {
            silence: Duration::ZERO,
            silence_on_hold: Duration::ZERO,
            keepalive: Duration::ZERO,
            report: Duration::from_secs(5),
            digit: Duration::from_millis(150),
            one_way: Duration::from_secs(5),
        }
    }
}

/// Where the other side of a port takes its media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereto {
    /// At an address.
    At(SocketAddr),
    /// Its description has a name we have not looked up: only its packets can tell, and only with `rtp_symmetric`.
    Unknown,
    /// Nowhere for now: a null address, the old way of hold. Its source stays known.
    Nowhere,
}

impl Whereto {
    /// The address, if there is one.
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            Whereto::At(address) => Some(address),
            _ => None,
        }
    }
}

/// Where a port's other side is and what may flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aim {
    /// Where it takes RTP or UDPTL.
    pub remote: Whereto,
    /// Its RTCP address; `None` for no RTCP.
    pub rtcp: Option<SocketAddr>,
    /// RTCP comes and goes on the RTP port.
    pub rtcp_mux: bool,
    /// We may send to it.
    pub send: bool,
    /// We take what it sends.
    pub receive: bool,
    /// The call is on hold there: silence is measured by the other limit.
    pub held: bool,
    /// What its payload numbers mean.
    pub payloads: Payloads,
    /// Number and clock rate for digits we send; `None` when it takes no events.
    pub events: Option<(u8, u32)>,
    /// Clock rate of what we send.
    pub clock_rate: u32,
    /// Packets are UDPTL, not RTP: passed on unread.
    pub udptl: bool,
    /// How its sound is coded; `None` for what only passes through.
    pub coding: Option<StreamCoding>,
}

impl Aim {
    /// From what was agreed. `held` is our own knowledge of hold. `None` for an encrypted stream: no key is known here,
    /// and passing its packets on as plain ones would be noise.
    pub fn at(stream: &RtpStream, held: bool) -> Option<Aim> {
        if stream.encryption != Encryption::None {
            return None;
        }
        let remote = &stream.remote;
        let ip = remote.address.ip().filter(|_| !remote.address.is_null());
        let whereto = match ip {
            Some(ip) => Whereto::At(SocketAddr::new(ip, remote.port)),
            None if remote.address.is_null() => Whereto::Nowhere,
            None => Whereto::Unknown,
        };
        let mut payloads = Payloads::default();
        for format in &stream.formats {
            payloads.set(format.receive, PayloadUse::Media { clock_rate: format.codec.clock_rate() });
        }
        for event in &stream.events {
            payloads.set(event.receive, PayloadUse::Event { clock_rate: event.clock_rate });
        }
        let clock_rate = stream.formats.first().map_or(8000, |f| f.codec.clock_rate());
        let events = stream.events.iter().find(|e| e.clock_rate == clock_rate).or(stream.events.first());
        Some(Aim {
            remote: whereto,
            rtcp: ip.map(|ip| SocketAddr::new(remote.rtcp_address.unwrap_or(ip), remote.rtcp_port)),
            rtcp_mux: remote.rtcp_mux,
            send: stream.direction.sends(),
            receive: stream.direction.receives(),
            held,
            payloads,
            events: events.map(|e| (e.send, e.clock_rate)),
            clock_rate,
            udptl: false,
            coding: StreamCoding::of(stream),
        })
    }

    /// A T.38 stream.
    pub fn at_fax(remote: SocketAddr) -> Aim {
        Aim {
            remote: Whereto::At(remote),
            rtcp: None,
            rtcp_mux: false,
            send: true,
            receive: true,
            held: false,
            payloads: Payloads::default(),
            events: None,
            clock_rate: 8000,
            udptl: true,
            coding: None,
        }
    }
}

/// What an arriving payload number means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadUse {
    /// Nothing agreed.
    #[default]
    Unknown,
    /// Sound, pictures or text.
    Media {
        /// Hertz of its timestamp.
        clock_rate: u32,
    },
    /// RFC 4733 events.
    Event {
        /// Hertz of its timestamp.
        clock_rate: u32,
    },
}

/// What arriving payload numbers mean: a handful of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payloads(Vec<(u8, PayloadUse)>);

impl Payloads {
    /// Gives a number its meaning.
    pub fn set(&mut self, number: u8, what: PayloadUse) {
        self.0.retain(|(n, _)| *n != number);
        self.0.push((number, what));
    }

    /// All numbers with a meaning.
    pub fn iter(&self) -> impl Iterator<Item = (u8, PayloadUse)> + '_ {
        self.0.iter().copied()
    }
}

/// How packets of one port are sent by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Which payload numbers pass, and as what.
    pub numbers: Translation,
}

/// Encoded sound, cut into packets when it is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// The codec's bytes.
    pub bytes: Box<[u8]>,
    /// Bytes in one packet; the last one may be shorter.
    pub packet_bytes: usize,
    /// Time of one packet.
    pub packet_time: Duration,
    /// Number to send it with.
    pub payload_type: u8,
    /// Hertz of its timestamp.
    pub clock_rate: u32,
}
