//! Writing our own descriptions: what an offer and an answer have in common. Lines come in Asterisk's order: keys and
//! ICE first, payload maps, packet times, direction.

use super::attribute::{Attributes, Direction};
use super::codec::Codec;
use super::description::*;
use crate::base::digits::Decimal;
use std::net::IpAddr;

/// Who a description is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `sdp_owner`: user of `o=`.
    pub owner: Box<str>,
    /// `sdp_session`: `s=`.
    pub session: Box<str>,
    /// Our address in `o=`.
    pub address: IpAddr,
}

/// Where we take the media of one stream, and lines that only the media side can give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The address to advertise: ours, an external one, or the other phone's for direct media.
    pub address: IpAddr,
    /// The port to advertise.
    pub port: u16,
    /// The RTCP port when it is not the one after `port`.
    pub rtcp_port: Option<u16>,
    /// RTCP may share the port, if both sides agree to it (`rtcp_mux`).
    pub rtcp_mux: bool,
    /// Further attribute lines (`crypto:…`, `ice-ufrag:…`, `fingerprint:…`), written as they are.
    pub attributes: Vec<Box<str>>,
}

impl Local {
    /// An address and port with nothing special about them.
    pub fn at(address: IpAddr, port: u16) -> Local {
        Local { address, port, rtcp_port: None, rtcp_mux: true, attributes: Vec::new() }
    }
}

/// One payload number to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub number: u8,
    pub what: WrittenEncoding,
    pub fmtp: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WrittenEncoding {
    Codec(Codec),
    Event { clock_rate: u32 },
}

impl Written {
    /// RFC 4733 events 0–16, as Asterisk writes them.
    pub fn event(number: u8, clock_rate: u32) -> Written {
        Written { number, what: WrittenEncoding::Event { clock_rate }, fmtp: Some("0-16".into()) }
    }
}

/// An RTP section to be written.
pub(super) struct RtpSection<'a> {
    pub kind: &'a MediaKind,
    pub transport: &'a Transport,
    pub local: &'a Local,
    pub payloads: &'a [Written],
    /// 0 for what is not sound.
    pub ptime_ms: u16,
    pub direction: Direction,
    pub rtcp_mux: bool,
}

pub(super) fn rtp_section(section: &RtpSection<'_>) -> Media {
    let mut media = Media::new(section.kind.clone(), section.local.port, section.transport.clone());
    place(&mut media, section.local);
    let mut max_ms = u16::MAX;
    for payload in section.payloads {
        media.formats.push(MediaFormat::Payload(payload.number));
        write_payload(&mut media.attributes, payload);
        if let WrittenEncoding::Codec(codec) = payload.what
            && codec.max_ms() > 0
        {
            max_ms = max_ms.min(codec.max_ms());
        }
    }
    if section.ptime_ms > 0 {
        media.attributes.push_pieces(&["ptime:", decimal(section.ptime_ms).as_str()]);
        if max_ms < u16::MAX {
            let max_ms = decimal(max_ms.max(section.ptime_ms));
            media.attributes.push_pieces(&["maxptime:", max_ms.as_str()]);
        }
    }
    media.attributes.push(section.direction.as_str());
    if section.rtcp_mux {
        media.attributes.push("rtcp-mux");
    }
    media
}

/// A T.38 section with the parameters of the side that wants the fax, as they are (S3-23).
pub(super) fn fax_section(transport: &Transport, local: &Local, parameters: &Attributes) -> Media {
    let mut media = Media::new(MediaKind::Image, local.port, transport.clone());
    place(&mut media, local);
    media.formats.push(MediaFormat::Token("t38".into()));
    media.attributes.0.extend(parameters.0.iter().cloned());
    media
}

pub(super) fn declined_section(kind: &MediaKind, transport: &Transport, formats: &[MediaFormat]) -> Media {
    let mut media = Media::new(kind.clone(), 0, transport.clone());
    media.formats = formats.to_vec();
    if media.formats.is_empty() {
        // The grammar wants one; Asterisk writes this.
        media.formats.push(match transport {
            Transport::Rtp(_) => MediaFormat::Payload(32),
            Transport::Other(_) => MediaFormat::Token("t38".into()),
        });
    }
    media
}

/// Puts sections together: the first running stream's `c=` moves to the session and out of all that have the same.
pub(super) fn assemble(mut media: Vec<Media>, who: &Identity) -> Description {
    let first = media.iter().find_map(|m| m.connections.first().cloned());
    let connection = first.unwrap_or_else(|| Connection::to(who.address));
    for m in &mut media {
        if m.connections.first() == Some(&connection) {
            m.connections.clear();
        }
    }
    let owner =
        if who.owner.is_empty() || who.owner.contains(char::is_whitespace) { "-" } else { &who.owner };
    Description {
        origin: Origin { user: owner.into(), id: 0, version: 0, address: Address::Ip(who.address) },
        session_name: who.session.clone(),
        connection: Some(connection),
        timing: vec!["0 0".into()],
        media,
        ..Description::default()
    }
}

fn place(media: &mut Media, local: &Local) {
    media.connections.push(Connection::to(local.address));
    for line in &local.attributes {
        media.attributes.push(line);
    }
    if let Some(port) = local.rtcp_port {
        media.attributes.push_pieces(&["rtcp:", decimal(port).as_str()]);
    }
}

fn decimal(number: impl Into<u64>) -> Decimal {
    Decimal::of(number.into())
}

fn write_payload(attributes: &mut Attributes, payload: &Written) {
    let number = decimal(payload.number);
    let number = number.as_str();
    match payload.what {
        WrittenEncoding::Codec(codec) => {
            let (encoding, rate) = (codec.encoding().unwrap_or("X-NONE"), decimal(codec.clock_rate()));
            let map = ["rtpmap:", number, " ", encoding, "/", rate.as_str()];
            match codec.channels() {
                1 => attributes.push_pieces(&map),
                channels => {
                    attributes.push_pieces(&[&map[..], &["/", decimal(channels).as_str()]].concat());
                }
            }
        }
        WrittenEncoding::Event { clock_rate } => {
            let rate = decimal(clock_rate);
            attributes.push_pieces(&["rtpmap:", number, " telephone-event/", rate.as_str()]);
        }
    }
    if let Some(fmtp) = &payload.fmtp {
        attributes.push_pieces(&["fmtp:", number, " ", fmtp]);
    }
}
