//! Attributes read as what they mean: direction, payload maps, packet times, RTCP, keys.

use super::codec::Codec;
use super::description::*;
use super::parse::read_connection;
use super::payload::Encoding;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// `a=` lines in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes(pub Vec<Attribute>);

/// One `a=<name>` or `a=<name>:<value>`. One allocation holds both.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    text: Box<str>,
    /// Bytes of the name; the value starts one byte later, if there is a colon.
    name_len: u32,
    about: About,
}

/// What a line says about a payload number, read once: a call asks dozens of times.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Other,
    /// `rtpmap`.
    Map(Mapping),
    /// `fmtp`, and where its parameters begin.
    Parameters {
        payload: u8,
        at: u32,
    },
}

/// An `rtpmap` as what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub payload: u8,
    pub encoding: Encoding,
    pub clock_rate: u32,
}

impl Mapping {
    fn of(map: &RtpMap<'_>) -> Mapping {
        let encoding = if map.encoding.eq_ignore_ascii_case("telephone-event") {
            Encoding::TelephoneEvent
        } else if map.encoding.eq_ignore_ascii_case("CN") {
            Encoding::ComfortNoise
        } else {
            Codec::from_encoding(map.encoding, map.clock_rate, map.channels)
                .map_or(Encoding::Unknown, Encoding::Codec)
        };
        Mapping { payload: map.payload, encoding, clock_rate: map.clock_rate }
    }
}

impl Attribute {
    /// From the text after `a=`.
    pub fn from_text(text: &str) -> Attribute {
        Attribute::from_boxed(text.into())
    }

    fn from_boxed(text: Box<str>) -> Attribute {
        let end = text.find(':').unwrap_or(text.len());
        let value = text.get(end + 1..).unwrap_or_default();
        let about = match &text[..end] {
            "rtpmap" => read_rtpmap(value).map(|map| About::Map(Mapping::of(&map))),
            "fmtp" => split_at_blank(value).and_then(|(number, parameters)| {
                let at = u32::try_from(text.len() - parameters.len()).ok()?;
                Some(About::Parameters { payload: number.parse().ok()?, at })
            }),
            _ => None,
        };
        let about = about.unwrap_or(About::Other);
        Attribute { text, name_len: u32::try_from(end).unwrap_or(u32::MAX), about }
    }

    /// The name, as written (names are case-sensitive in RFC 8866).
    pub fn name(&self) -> &str {
        self.text.get(..self.name_len as usize).unwrap_or(&self.text)
    }

    /// The value, for `name:value`.
    pub fn value(&self) -> Option<&str> {
        self.text.get(self.name_len as usize + 1..)
    }

    /// The whole text after `a=`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Hash for Attribute {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a={}", self.text)
    }
}

impl Attributes {
    /// Appends `a=<text>`.
    pub fn push(&mut self, text: &str) {
        self.0.push(Attribute::from_text(text));
    }

    /// Appends `a=` and the pieces, one after the other.
    pub fn push_pieces(&mut self, pieces: &[&str]) {
        self.0.push(Attribute::from_boxed(pieces.concat().into_boxed_str()));
    }

    /// Whether `a=<name>` stands here, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|a| a.name() == name)
    }

    /// The value of the first `a=<name>:<value>`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().filter(|a| a.name() == name).find_map(Attribute::value)
    }

    /// The values of all `a=<name>:<value>`, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |a| a.name() == name).filter_map(Attribute::value)
    }
}

/// Who sends on a stream, seen from the maker of the description (RFC 8866 6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both.
    #[default]
    SendRecv,
    /// Only the maker.
    SendOnly,
    /// Only the other side.
    RecvOnly,
    /// Nobody.
    Inactive,
}

impl Direction {
    /// All four, for tables.
    pub const ALL: [Direction; 4] =
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];

    /// From whether the maker sends and receives.
    pub fn new(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether the maker sends.
    pub fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the maker receives.
    pub fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same stream seen from the other side.
    pub fn reversed(self) -> Direction {
        Direction::new(self.receives(), self.sends())
    }

    /// What both allow, each given from the same point of view.
    pub fn and(self, other: Direction) -> Direction {
        Direction::new(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// What to answer (RFC 3264 6.1): the offer `self` as its maker wrote it, `willing` from our point of view.
    pub fn answer(self, willing: Direction) -> Direction {
        self.reversed().and(willing)
    }

    /// The attribute's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `a=rtpmap:<payload> <encoding>/<clock rate>[/<channels>]` (RFC 8866 6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpMap<'a> {
    /// Payload type.
    pub payload: u8,
    /// Encoding name, as written; compared without regard to case.
    pub encoding: &'a str,
    /// Hertz of the timestamp. 8000 when it cannot be read.
    pub clock_rate: u32,
    /// Audio channels; 1 when not written.
    pub channels: u8,
}

/// `a=crypto:<tag> <suite> <key parameters>` (RFC 4568).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crypto<'a> {
    /// Tag, to name the choice in the answer.
    pub tag: u32,
    /// Suite, `AES_CM_128_HMAC_SHA1_80` and others.
    pub suite: &'a str,
    /// `inline:…` and session parameters, as written.
    pub parameters: &'a str,
}

/// What an `a=` line is about, for those that change how a stream is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// `crypto`: SDES keys.
    Sdes,
    /// `fingerprint`, `setup`, `tls-id`, `connection`: DTLS.
    Dtls,
    /// `ice-ufrag`, `ice-pwd`, `candidate` and their relatives: ICE.
    Ice,
    /// `rtcp`, `rtcp-mux`, `rtcp-rsize`, `rtcp-fb`, `rtcp-xr`.
    Rtcp,
    /// `T38…`: fax parameters.
    Fax,
    /// Payload maps, packet times, directions.
    Format,
    /// Anything else.
    Other,
}

impl Attribute {
    /// What this line is about.
    pub fn purpose(&self) -> Purpose {
        match self.name() {
            "crypto" => Purpose::Sdes,
            "fingerprint" | "setup" | "tls-id" | "connection" => Purpose::Dtls,
            "ice-ufrag" | "ice-pwd" | "ice-lite" | "ice-options" | "ice-pacing" | "ice-mismatch"
            | "candidate" | "remote-candidates" | "end-of-candidates" => Purpose::Ice,
            "rtpmap" | "fmtp" | "ptime" | "maxptime" | "minptime" | "sendrecv" | "sendonly" | "recvonly"
            | "inactive" => Purpose::Format,
            name if name.starts_with("rtcp") => Purpose::Rtcp,
            name if name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("T38")) => Purpose::Fax,
            _ => Purpose::Other,
        }
    }
}

impl Attributes {
    /// The first direction attribute.
    pub fn direction(&self) -> Option<Direction> {
        self.0.iter().find_map(|a| Direction::ALL.into_iter().find(|d| d.as_str() == a.name()))
    }

    /// All readable payload maps, in order.
    pub fn rtpmaps(&self) -> impl Iterator<Item = RtpMap<'_>> {
        self.values("rtpmap").filter_map(read_rtpmap)
    }

    /// The first readable map of a payload type.
    pub(super) fn mapping(&self, payload: u8) -> Option<Mapping> {
        self.0.iter().find_map(|a| match a.about {
            About::Map(mapping) if mapping.payload == payload => Some(mapping),
            _ => None,
        })
    }

    /// The format parameters of a payload type, trimmed.
    pub fn fmtp(&self, payload: u8) -> Option<&str> {
        self.0.iter().find_map(|a| match a.about {
            About::Parameters { payload: of, at } if of == payload => {
                Some(a.text.get(at as usize..)?.trim_ascii())
            }
            _ => None,
        })
    }

    /// `a=ptime`: milliseconds of audio per packet; fractions (`10.5`) rounded down. 0 and nonsense count as absent.
    pub fn ptime_ms(&self) -> Option<u16> {
        self.value("ptime").and_then(read_milliseconds)
    }

    /// `a=maxptime`: the longest packet in milliseconds.
    pub fn maxptime_ms(&self) -> Option<u16> {
        self.value("maxptime").and_then(read_milliseconds)
    }

    /// All readable `a=crypto` lines.
    pub fn cryptos(&self) -> impl Iterator<Item = Crypto<'_>> {
        self.values("crypto").filter_map(|value| {
            let mut words = value.splitn(3, ' ');
            let tag = words.next()?.parse().ok()?;
            Some(Crypto { tag, suite: words.next()?, parameters: words.next()?.trim() })
        })
    }
}

impl Description {
    /// The connection of a media section: its own, else the session's.
    pub fn connection_of(&self, media: &Media) -> Option<Connection> {
        media.connections.first().or(self.connection.as_ref()).cloned()
    }

    /// Where the maker wants this section's media, when that is a literal address.
    pub fn address_of(&self, media: &Media) -> Option<IpAddr> {
        media.connections.first().or(self.connection.as_ref())?.address.ip()
    }

    /// The direction of a media section: its own, else the session's, else sendrecv.
    pub fn direction_of(&self, media: &Media) -> Direction {
        media.attributes.direction().or_else(|| self.attributes.direction()).unwrap_or_default()
    }

    /// Whether the maker takes RTCP on the RTP port (RFC 5761).
    pub fn rtcp_mux_of(&self, media: &Media) -> bool {
        media.attributes.has("rtcp-mux")
    }

    /// Where the maker wants RTCP: `a=rtcp` (RFC 3605), else the RTP port with rtcp-mux, else the port after it.
    /// The address is `None` where it is the media's own.
    pub fn rtcp_of(&self, media: &Media) -> (Option<IpAddr>, u16) {
        if self.rtcp_mux_of(media) {
            return (None, media.port);
        }
        if let Some(value) = media.attributes.value("rtcp") {
            let mut words = value.split_ascii_whitespace();
            if let Some(port) = words.next().and_then(|p| p.parse().ok()).filter(|port| *port != 0) {
                return (read_connection(words).and_then(|c| c.address.ip()), port);
            }
        }
        (None, media.port.saturating_add(1))
    }

    /// Whether the maker tells its DTLS certificate for this section.
    pub fn has_dtls(&self, media: &Media) -> bool {
        media.attributes.has("fingerprint") || self.attributes.has("fingerprint")
    }

    /// Whether the maker speaks ICE for this section.
    pub fn has_ice(&self, media: &Media) -> bool {
        media.attributes.has("ice-ufrag") || self.attributes.has("ice-ufrag")
    }
}

fn read_rtpmap(value: &str) -> Option<RtpMap<'_>> {
    let (payload, rest) = split_at_blank(value.trim_ascii())?;
    let payload = payload.parse().ok().filter(|p| *p < 128)?;
    let mut parts = rest.trim_ascii().split('/').map(str::trim_ascii);
    let encoding = parts.next().filter(|e| !e.is_empty())?;
    let clock_rate = parts.next().and_then(|r| r.parse().ok()).filter(|r| *r > 0).unwrap_or(8000);
    let channels = parts.next().and_then(|c| c.parse().ok()).filter(|c| *c > 0).unwrap_or(1);
    Some(RtpMap { payload, encoding, clock_rate, channels })
}

/// Before and after the first blank. Byte by byte, because the pattern search of `str` costs ten times as much on words
/// of three letters.
fn split_at_blank(text: &str) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| matches!(byte, b' ' | b'\t'))?;
    Some((&text[..at], &text[at + 1..]))
}

fn read_milliseconds(value: &str) -> Option<u16> {
    let whole = value.trim().split('.').next()?;
    whole.parse().ok().filter(|ms| *ms > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every offer against every willingness: nobody sends what the other will not take, and the answer to
    /// sendonly is never sendrecv (RFC 3264 6.1; S3-36).
    #[test]
    fn the_direction_of_an_answer_over_the_whole_table() {
        use Direction::*;
        let table = [
            (SendRecv, SendRecv, SendRecv),
            (SendRecv, SendOnly, SendOnly),
            (SendRecv, RecvOnly, RecvOnly),
            (SendRecv, Inactive, Inactive),
            (SendOnly, SendRecv, RecvOnly),
            (SendOnly, SendOnly, Inactive),
            (SendOnly, RecvOnly, RecvOnly),
            (SendOnly, Inactive, Inactive),
            (RecvOnly, SendRecv, SendOnly),
            (RecvOnly, SendOnly, SendOnly),
            (RecvOnly, RecvOnly, Inactive),
            (RecvOnly, Inactive, Inactive),
            (Inactive, SendRecv, Inactive),
            (Inactive, SendOnly, Inactive),
            (Inactive, RecvOnly, Inactive),
            (Inactive, Inactive, Inactive),
        ];
        for (offer, willing, answer) in table {
            assert_eq!(offer.answer(willing), answer, "offer {offer}, willing {willing}");
            assert!(!answer.sends() || offer.receives());
            assert!(!answer.receives() || offer.sends());
        }
    }

    #[test]
    fn reads_the_attributes_of_an_everyday_phone() {
        let text = b"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\na=recvonly\n\
            m=audio 4000 RTP/AVP 0 96 101\na=rtpmap:96 opus/48000/2\na=fmtp:96  useinbandfec=1 \n\
            a=rtpmap:101 telephone-event/8000\na=ptime:20\na=maxptime:150.5\na=rtcp:4010 IN IP4 192.0.2.9\n\
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^31\n\
            m=video 0 UDP/TLS/RTP/SAVPF 97\na=sendonly\na=rtcp-mux\na=fingerprint:sha-256 AA\na=ice-ufrag:x\n";
        let d = Description::parse(text).expect("reads");
        let (audio, video) = (&d.media[0], &d.media[1]);
        let opus = audio.attributes.rtpmaps().next().expect("first");
        assert_eq!((opus.encoding, opus.clock_rate, opus.channels), ("opus", 48000, 2));
        assert_eq!(audio.attributes.fmtp(96), Some("useinbandfec=1"));
        assert_eq!(audio.attributes.fmtp(0), None);
        assert_eq!((audio.attributes.ptime_ms(), audio.attributes.maxptime_ms()), (Some(20), Some(150)));
        assert_eq!(d.rtcp_of(audio), (Some("192.0.2.9".parse().expect("ip")), 4010));
        assert_eq!(d.direction_of(audio), Direction::RecvOnly);
        assert_eq!(d.direction_of(video), Direction::SendOnly);
        assert_eq!(d.rtcp_of(video), (None, 0));
        assert!(d.has_dtls(video) && d.has_ice(video) && !d.has_dtls(audio));
        let crypto = audio.attributes.cryptos().next().expect("one");
        assert_eq!((crypto.tag, crypto.suite), (1, "AES_CM_128_HMAC_SHA1_80"));
        assert!(!audio.is_disabled() && video.is_disabled());
        assert_eq!(audio.attributes.0.last().expect("some").purpose(), Purpose::Sdes);
    }
}
