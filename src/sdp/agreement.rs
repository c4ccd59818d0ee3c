//! What both sides agreed on: the value that bridging, media plans and the next offer are made from.

use super::attribute::{Attributes, Direction};
use super::capability::{Encryption, ProfileMismatch};
use super::codec::Codec;
use super::description::{Address, MediaFormat, MediaKind, Transport};
use std::fmt;
use std::net::IpAddr;

/// The streams of a session after an offer was answered, by the position of their `m=` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// One per `m=` line. The list never gets shorter while the session lives (RFC 3264 8; S3-31).
    pub streams: Vec<Stream>,
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Its media type. A re-offer may change it in place (RFC 3264 8.3.3; S3-30).
    pub kind: MediaKind,
    /// Its transport.
    pub transport: Transport,
    /// Runs, or why not.
    pub outcome: Outcome,
}

/// Whether a stream runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// RTP flows, or could.
    Rtp(Box<RtpStream>),
    /// T.38 over UDPTL flows.
    Fax(Box<FaxStream>),
    /// Port 0 on one side.
    Declined {
        /// Who declined it and why.
        why: Declined,
        /// The format list to repeat.
        formats: Vec<MediaFormat>,
    },
}

/// A running RTP stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpStream {
    /// Agreed codecs, most wanted first; never empty.
    pub formats: Vec<AgreedFormat>,
    /// Agreed RFC 4733 payloads, one per clock rate.
    pub events: Vec<AgreedNumber>,
    /// Where they take media.
    pub remote: Remote,
    /// The direction as they wrote it.
    pub remote_direction: Direction,
    /// What we may do: we send if it says so, we take if it says so.
    pub direction: Direction,
    /// `a=ptime` they wrote.
    pub remote_ptime_ms: Option<u16>,
    /// Milliseconds of sound in the packets we send; 0 when not sound.
    pub ptime_ms: u16,
    /// How packets are encrypted.
    pub encryption: Encryption,
}

/// A running T.38 stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaxStream {
    /// Where they take UDPTL.
    pub remote: Remote,
    /// Their fax parameters (`a=T38…`), to be passed on as they are (S3-23).
    pub attributes: Attributes,
}

/// Where the other side takes media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The address as written. A name must be looked up, or learned from the packets that come.
    pub address: Address,
    /// RTP or UDPTL port.
    pub port: u16,
    /// RTCP address where it is another one.
    pub rtcp_address: Option<IpAddr>,
    /// RTCP port.
    pub rtcp_port: u16,
    /// RTP and RTCP share the port, agreed by both sides.
    pub rtcp_mux: bool,
}

/// A codec both sides take, with the payload numbers of both directions. They may differ (RFC 3264 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedFormat {
    /// Which codec.
    pub codec: Codec,
    /// The number to send with: theirs.
    pub send: u8,
    /// The number they send with: ours.
    pub receive: u8,
    /// The parameters they wrote: what they want to get.
    pub theirs: Option<Box<str>>,
    /// The parameters we write: what we want to get.
    pub ours: Option<Box<str>>,
}

/// The payload numbers of RFC 4733 events at one clock rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgreedNumber {
    /// Hertz of its timestamp.
    pub clock_rate: u32,
    /// The number to send with.
    pub send: u8,
    /// The number they send with.
    pub receive: u8,
}

/// Why a stream does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declined {
    /// The offer itself had port 0: removed, or never wanted.
    ByOffer,
    /// The answer to our offer had port 0.
    ByAnswer,
    /// We took it out of our own offer.
    ByUs,
    /// The endpoint allows no codec of this kind.
    KindNotAllowed,
    /// `max_audio_streams` or `max_video_streams` is reached.
    TooMany,
    /// No codec that both sides have.
    NoCommonCodec,
    /// A transport we do not speak for this kind.
    Transport,
    /// T.38 was offered and `t38_udptl` is off (S3-25).
    FaxOff,
    /// T.38 was offered and the other leg, or nobody, took it in time.
    FaxRefused,
    /// A media type we know nothing about.
    UnknownKind,
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Declined::ByOffer => "offered with port 0",
            Declined::ByAnswer => "answered with port 0",
            Declined::ByUs => "removed by us",
            Declined::KindNotAllowed => "the endpoint allows no codec of this kind",
            Declined::TooMany => "more streams than max_audio_streams or max_video_streams",
            Declined::NoCommonCodec => "no codec in common",
            Declined::Transport => "transport not supported for this kind",
            Declined::FaxOff => "t38_udptl=no",
            Declined::FaxRefused => "fax not taken by the other side",
            Declined::UnknownKind => "unknown media type",
        })
    }
}

/// Why a whole description is refused: 488 to an offer, the end of the call for an answer to ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has no stream at all, or an initial one has none with a port.
    NoStreams,
    /// Nothing in it can be taken; each stream's reason.
    NothingAcceptable(Vec<(MediaKind, Declined)>),
    /// A stream's profile does not fit the endpoint.
    Profile {
        /// Position of its `m=` line.
        stream: usize,
        /// What does not fit.
        mismatch: ProfileMismatch,
    },
    /// A stream without any `c=` line.
    NoAddress {
        /// Position of its `m=` line.
        stream: usize,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoStreams => f.write_str("no media stream offered"),
            Refusal::NothingAcceptable(streams) => {
                f.write_str("no stream can be taken")?;
                for (at, (kind, why)) in streams.iter().enumerate() {
                    write!(f, "{} {kind}: {why}", if at == 0 { ":" } else { ";" })?;
                }
                Ok(())
            }
            Refusal::Profile { stream, mismatch } => write!(f, "stream {stream}: {mismatch}"),
            Refusal::NoAddress { stream } => write!(f, "stream {stream}: no c= line holds for it"),
        }
    }
}

impl std::error::Error for Refusal {}

impl Stream {
    /// The RTP stream, if it runs.
    pub fn rtp(&self) -> Option<&RtpStream> {
        match &self.outcome {
            Outcome::Rtp(rtp) => Some(rtp),
            _ => None,
        }
    }

    /// The fax stream, if it runs.
    pub fn fax(&self) -> Option<&FaxStream> {
        match &self.outcome {
            Outcome::Fax(fax) => Some(fax),
            _ => None,
        }
    }

    /// Whether anything flows, or could.
    pub fn is_active(&self) -> bool {
        !matches!(self.outcome, Outcome::Declined { .. })
    }
}

impl Agreement {
    /// The first running stream of a kind: the one that bridging is about.
    pub fn first(&self, kind: &MediaKind) -> Option<&RtpStream> {
        self.streams.iter().find(|s| s.kind == *kind && s.is_active())?.rtp()
    }

    /// The first running audio stream.
    pub fn audio(&self) -> Option<&RtpStream> {
        self.first(&MediaKind::Audio)
    }

    /// The running fax stream.
    pub fn fax(&self) -> Option<&FaxStream> {
        self.streams.iter().find_map(Stream::fax)
    }

    /// Whether the other side holds the call: its first running audio stream is sendonly, inactive, or has a null
    /// address (S3-16, S3-17). Other streams never hold a call.
    pub fn is_remotely_held(&self) -> bool {
        self.audio().is_some_and(RtpStream::is_remotely_held)
    }
}

impl RtpStream {
    /// Whether the other side takes no media from us here.
    pub fn is_remotely_held(&self) -> bool {
        !self.remote_direction.receives() || self.remote.address.is_null()
    }

    /// The agreed format of a codec.
    pub fn format(&self, codec: Codec) -> Option<&AgreedFormat> {
        self.formats.iter().find(|f| f.codec == codec)
    }

    /// How packets that arrive on this stream are renumbered to be sent on `other`. G.711 of the law that only this one
    /// agreed on is exchanged for the other law.
    pub fn translation(&self, other: &RtpStream) -> Translation {
        let mut translation = Translation::NOTHING;
        for format in &self.formats {
            let exchange =
                Law::exchanged(format.codec).and_then(|(law, codec)| Some((law, other.format(codec)?)));
            match (other.format(format.codec), exchange) {
                (Some(theirs), _) => translation.set(format.receive, theirs.send),
                (None, Some((law, theirs))) => translation.exchange(format.receive, theirs.send, law),
                (None, None) => {}
            }
        }
        for number in &self.events {
            if let Some(to) = other.events.iter().find(|to| to.clock_rate == number.clock_rate) {
                translation.set(number.receive, to.send);
            }
        }
        translation
    }

    /// The same without its events: digits that somebody here listens for are not passed on by themselves.
    pub fn translation_without_events(&self, other: &RtpStream) -> Translation {
        let without = RtpStream { events: Vec::new(), ..self.clone() };
        without.translation(other)
    }

    /// Whether each of two streams without a common codec has G.711, of the law that the other one has not: then a look
    /// into a table for each byte is all that stands between them.
    pub fn differs_by_law(&self, other: &RtpStream) -> bool {
        let mut laws = self.formats.iter().filter_map(|format| Law::exchanged(format.codec));
        laws.any(|(_, codec)| other.format(codec).is_some())
    }

    /// Codecs that both streams agreed on, in this one's order.
    pub fn common_codecs<'a>(&'a self, other: &'a RtpStream) -> impl Iterator<Item = Codec> + 'a {
        self.formats.iter().map(|f| f.codec).filter(|codec| other.format(*codec).is_some())
    }
}

/// The laws of G.711.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// µ-law, PCMU.
    Micro,
    /// A-law, PCMA.
    A,
}

impl Law {
    /// For a codec that is G.711, the other law and its codec.
    fn exchanged(codec: Codec) -> Option<(Law, Codec)> {
        match codec {
            Codec::ULAW => Some((Law::A, Codec::ALAW)),
            Codec::ALAW => Some((Law::Micro, Codec::ULAW)),
            _ => None,
        }
    }
}

/// Payload number in → payload number out, and which of them are G.711 of the other law. Made once per join.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Translation {
    numbers: [u8; 128],
    /// Numbers whose bytes become µ-law and A-law.
    exchanged: [Option<u8>; 2],
}

impl Translation {
    /// Lets nothing through.
    pub const NOTHING: Translation = Translation { numbers: [255; 128], exchanged: [None; 2] };

    /// Lets `from` through as `to`.
    pub fn set(&mut self, from: u8, to: u8) {
        self.numbers[usize::from(from & 127)] = to & 127;
    }

    /// Lets `from` through as `to`, with each byte of the other law exchanged for one of `law`.
    pub fn exchange(&mut self, from: u8, to: u8, law: Law) {
        self.set(from, to);
        self.exchanged[law as usize] = Some(from);
    }

    /// The law that packets of a number are to be sent in, where it is not their own.
    pub fn law(&self, from: u8) -> Option<Law> {
        [Law::Micro, Law::A].into_iter().find(|law| self.exchanged[*law as usize] == Some(from))
    }

    /// The number to send a packet with, or `None` when it must not be passed on.
    pub fn get(&self, from: u8) -> Option<u8> {
        let to = self.numbers[usize::from(from & 127)];
        (to < 128).then_some(to)
    }

    /// Whether every packet that passes keeps its number and its bytes.
    pub fn is_identity(&self) -> bool {
        self.exchanged == [None; 2] && (0..128u8).zip(self.numbers).all(|(from, to)| to == 255 || to == from)
    }
}

impl fmt::Debug for Translation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passes = (0..128u8).zip(self.numbers).filter(|(_, to)| *to < 128);
        f.debug_map().entries(passes.map(|(from, to)| (from, (to, self.law(from))))).finish()
    }
}
