//! A session description as a value (RFC 4566, RFC 8866): every line of a message is kept, in order, so that a media
//! section we do not understand can still be passed on or declined as RFC 3264 6 asks.

use super::attribute::Attributes;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A whole session description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// `o=`: who made it, which session, which version.
    pub origin: Origin,
    /// `s=`; empty when the sender left it out.
    pub session_name: Box<str>,
    /// `i=`, `u=`, `e=`, `p=`, `r=`, `z=`, `k=` of the session part, in order.
    pub other: Vec<Line>,
    /// `c=` of the session part: holds for every media section without its own.
    pub connection: Option<Connection>,
    /// `b=` values of the session part.
    pub bandwidth: Vec<Box<str>>,
    /// `t=` values; empty when the sender left them out. [`Description::print`] writes `0 0` then.
    pub timing: Vec<Box<str>>,
    /// `a=` of the session part, in order.
    pub attributes: Attributes,
    /// The media sections, in order. Their position is their identity (RFC 3264 8).
    pub media: Vec<Media>,
    /// What was wrong with the text and was read all the same, at most [`crate::base::limits::SDP_ODDITIES`] of them.
    /// Not part of what is printed.
    pub oddities: Vec<Oddity>,
}

/// A line that is kept but not interpreted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// The letter before `=`.
    pub letter: char,
    /// What follows it.
    pub value: Box<str>,
}

/// `o=<user> <id> <version> IN IP4|IP6 <address>` (RFC 8866 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// User name, `-` for none.
    pub user: Box<str>,
    /// Session id. A text that is no number of 64 bits is hashed, so that two different ones stay different.
    pub id: u64,
    /// Version: goes up by one whenever the description changes (RFC 3264 8). Hashed like the id when no number.
    pub version: u64,
    /// The address of the maker; no media goes there.
    pub address: Address,
}

impl Default for Origin {
    fn default() -> Origin {
        Origin { user: "-".into(), id: 0, version: 0, address: Address::default() }
    }
}

/// `c=IN IP4|IP6 <address>[/ttl][/count]` (RFC 8866 5.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Where the maker wants its media.
    pub address: Address,
    /// Everything from the first `/` on: time to live and number of a multicast address. Empty for unicast.
    pub suffix: Box<str>,
}

impl Connection {
    /// A unicast address.
    pub fn to(address: IpAddr) -> Connection {
        Connection { address: Address::Ip(address), suffix: "".into() }
    }
}

/// An address as written in `o=`, `c=` or `a=rtcp`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A literal address.
    Ip(IpAddr),
    /// A host name, allowed by RFC 8866 but not resolved here: whoever wants to send there must look it up.
    Name {
        /// The host name.
        host: Box<str>,
        /// Written as `IP6` rather than `IP4`.
        ip6: bool,
    },
}

impl Default for Address {
    fn default() -> Address {
        Address::Ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

impl Address {
    /// The literal address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Address::Ip(ip) => Some(*ip),
            Address::Name { .. } => None,
        }
    }

    /// `0.0.0.0` or `::`: the old way to put a call on hold (RFC 2543 B.5, S3-17, S3-21).
    pub fn is_null(&self) -> bool {
        match self {
            Address::Ip(IpAddr::V4(ip)) => *ip == Ipv4Addr::UNSPECIFIED,
            Address::Ip(IpAddr::V6(ip)) => *ip == Ipv6Addr::UNSPECIFIED,
            Address::Name { .. } => false,
        }
    }
}

impl fmt::Display for Address {
    /// `IP4 192.0.2.1`, `IP6 2001:db8::1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(IpAddr::V4(ip)) => write!(f, "IP4 {ip}"),
            Address::Ip(IpAddr::V6(ip)) => write!(f, "IP6 {ip}"),
            Address::Name { host, ip6: false } => write!(f, "IP4 {host}"),
            Address::Name { host, ip6: true } => write!(f, "IP6 {host}"),
        }
    }
}

/// One `m=` line and what follows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Media {
    /// The first word of `m=`.
    pub kind: MediaKind,
    /// The port; 0 declines or removes the stream (RFC 3264 6, 8.2).
    pub port: u16,
    /// The number after a `/` behind the port: consecutive ports; 1 when absent.
    pub port_count: u16,
    /// The transport, `RTP/AVP` and its relatives.
    pub transport: Transport,
    /// Payload types or other format names, most wanted first.
    pub formats: Vec<MediaFormat>,
    /// `i=` and `k=` of this section, in order.
    pub other: Vec<Line>,
    /// `c=` of this section. More than one is legal (layered encodings) and kept.
    pub connections: Vec<Connection>,
    /// `b=` values of this section.
    pub bandwidth: Vec<Box<str>>,
    /// `a=` of this section, in order.
    pub attributes: Attributes,
}

impl Media {
    /// A section with nothing but its `m=` line.
    pub fn new(kind: MediaKind, port: u16, transport: Transport) -> Media {
        Media {
            kind,
            port,
            port_count: 1,
            transport,
            formats: Vec::new(),
            other: Vec::new(),
            connections: Vec::new(),
            bandwidth: Vec::new(),
            attributes: Attributes::default(),
        }
    }

    /// Whether the stream is declined, removed or never was.
    pub fn is_disabled(&self) -> bool {
        self.port == 0
    }
}

/// The media type of an `m=` line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// `audio`
    Audio,
    /// `video`
    Video,
    /// `image`: T.38 fax.
    Image,
    /// `text`: T.140 real-time text.
    Text,
    /// Anything else (`application`, `message`, …), as written.
    Other(Box<str>),
}

impl MediaKind {
    /// The word in the `m=` line.
    pub fn as_str(&self) -> &str {
        match self {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
            MediaKind::Image => "image",
            MediaKind::Text => "text",
            MediaKind::Other(word) => word,
        }
    }

    /// Reads the word of an `m=` line, without regard to case.
    pub fn from_token(word: &str) -> MediaKind {
        [MediaKind::Audio, MediaKind::Video, MediaKind::Image, MediaKind::Text]
            .into_iter()
            .find(|kind| word.eq_ignore_ascii_case(kind.as_str()))
            .unwrap_or_else(|| MediaKind::Other(word.into()))
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The transport of an `m=` line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// An RTP profile.
    Rtp(Profile),
    /// Anything else (`udptl`, `TCP/MSRP`, …), as written.
    Other(Box<str>),
}

/// The RTP profiles (RFC 3551, 3711, 4585, 5124, 5764).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// `RTP/AVP`: plain.
    Avp,
    /// `RTP/AVPF`: plain, with fast feedback.
    Avpf,
    /// `RTP/SAVP`: encrypted, keys in `a=crypto`.
    Savp,
    /// `RTP/SAVPF`: encrypted, with fast feedback.
    Savpf,
    /// `UDP/TLS/RTP/SAVP`: encrypted, keys from DTLS.
    DtlsSavp,
    /// `UDP/TLS/RTP/SAVPF`: encrypted, keys from DTLS, with fast feedback.
    DtlsSavpf,
}

impl Profile {
    const ALL: [Profile; 6] =
        [Profile::Avp, Profile::Avpf, Profile::Savp, Profile::Savpf, Profile::DtlsSavp, Profile::DtlsSavpf];

    /// As in an `m=` line.
    pub fn as_str(self) -> &'static str {
        match self {
            Profile::Avp => "RTP/AVP",
            Profile::Avpf => "RTP/AVPF",
            Profile::Savp => "RTP/SAVP",
            Profile::Savpf => "RTP/SAVPF",
            Profile::DtlsSavp => "UDP/TLS/RTP/SAVP",
            Profile::DtlsSavpf => "UDP/TLS/RTP/SAVPF",
        }
    }

    /// Whether it ends in `F`: feedback (`use_avpf`).
    pub fn has_feedback(self) -> bool {
        matches!(self, Profile::Avpf | Profile::Savpf | Profile::DtlsSavpf)
    }
}

impl Transport {
    /// Plain RTP.
    pub const AVP: Transport = Transport::Rtp(Profile::Avp);

    /// Reads the word of an `m=` line, without regard to case for the RTP profiles.
    pub fn from_token(word: &str) -> Transport {
        match Profile::ALL.into_iter().find(|profile| word.eq_ignore_ascii_case(profile.as_str())) {
            Some(profile) => Transport::Rtp(profile),
            None => Transport::Other(word.into()),
        }
    }

    /// As in an `m=` line.
    pub fn as_str(&self) -> &str {
        match self {
            Transport::Rtp(profile) => profile.as_str(),
            Transport::Other(word) => word,
        }
    }

    /// Whether packets are UDPTL, the transport of T.38 (both cases of the word are in the field).
    pub fn is_udptl(&self) -> bool {
        matches!(self, Transport::Other(word) if word.eq_ignore_ascii_case("udptl"))
    }
}

/// One entry of an `m=` line's format list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MediaFormat {
    /// An RTP payload type, 0–127.
    Payload(u8),
    /// Any other word (`t38`, `*`, `webrtc-datachannel`).
    Token(Box<str>),
}

impl fmt::Display for MediaFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MediaFormat::Payload(number) => write!(f, "{number}"),
            MediaFormat::Token(word) => f.write_str(word),
        }
    }
}

/// Something in a description that the RFC forbids and that was read all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// Line number in the text, from 1; 0 for the whole of it.
    pub line: u32,
    /// What was odd.
    pub what: OddityKind,
}

/// The kinds of [`Oddity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddityKind {
    /// No `v=0` at the start.
    NoVersion,
    /// No `o=` line, or one with too few words.
    BadOrigin,
    /// No `s=` line.
    NoSessionName,
    /// No `t=` line.
    NoTiming,
    /// A line without `=` or with an unknown letter; left out.
    UnknownLine,
    /// A `c=` line that could not be read; left out.
    BadConnection,
    /// A payload type above 127 or written twice; left out.
    BadPayload,
    /// Bytes that are not UTF-8; replaced by U+FFFD.
    NotUtf8,
}
