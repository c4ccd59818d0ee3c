//! The twelve bytes every RTP packet starts with, read and changed in place (RFC 3550 5.1).
//!
//! ```text
//!  0                   1                   2                   3
//! |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//! |                           timestamp                           |
//! |                             SSRC                              |
//! ```

use std::ops::Range;

/// What a datagram on a media port is, by its first bytes (RFC 7983, RFC 5761 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RTP.
    Rtp,
    /// RTCP: version 2 and a packet type of 192–223.
    Rtcp,
    /// STUN: first byte 0–3.
    Stun,
    /// DTLS: first byte 20–63.
    Dtls,
    /// Anything else, or too short to be any of them.
    Junk,
}

/// Tells what a datagram is. RTP shorter than its fixed header is junk.
pub fn kind(packet: &[u8]) -> Kind {
    match (packet.first(), packet.get(1)) {
        (Some(128..=191), Some(192..=223)) if packet.len() >= 8 => Kind::Rtcp,
        (Some(128..=191), Some(_)) if packet.len() >= HEADER_BYTES => Kind::Rtp,
        (Some(0..=3), Some(_)) if packet.len() >= 20 => Kind::Stun,
        (Some(20..=63), Some(_)) if packet.len() >= 13 => Kind::Dtls,
        _ => Kind::Junk,
    }
}

/// Length of the fixed header.
pub const HEADER_BYTES: usize = 12;

/// The fixed header of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Marker bit: start of a talkspurt, end of a picture.
    pub marker: bool,
    /// Payload type, 0–127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in units of the payload's clock rate.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

impl Header {
    /// Reads the header of what [`kind`] calls RTP; `None` for anything shorter or of another version.
    pub fn read(packet: &[u8]) -> Option<Header> {
        let (head, _) = packet.split_first_chunk::<HEADER_BYTES>()?;
        if head[0] >> 6 != 2 {
            return None;
        }
        Some(Header {
            marker: head[1] & 0x80 != 0,
            payload_type: head[1] & 0x7f,
            sequence: u16::from_be_bytes([head[2], head[3]]),
            timestamp: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
            ssrc: u32::from_be_bytes([head[8], head[9], head[10], head[11]]),
        })
    }

    /// Writes marker, payload type, sequence, timestamp and SSRC over those of a packet, and leaves its other bits
    /// (padding, extension, contributing sources) alone. Does nothing to a packet shorter than a header.
    pub fn write(&self, packet: &mut [u8]) {
        let Some((head, _)) = packet.split_first_chunk_mut::<HEADER_BYTES>() else { return };
        head[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7f);
        head[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        head[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        head[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
    }

    /// A fresh packet: this header and `payload`, into `out`. Returns its length; `None` when `out` is too short.
    pub fn build(&self, payload: &[u8], out: &mut [u8]) -> Option<usize> {
        let length = HEADER_BYTES + payload.len();
        let packet = out.get_mut(..length)?;
        packet[0] = 0x80;
        self.write(packet);
        packet[HEADER_BYTES..].copy_from_slice(payload);
        Some(length)
    }
}

/// The payload of an RTP packet: without contributing sources, header extension and padding. `None` when these claim
/// more bytes than there are.
#[inline]
pub fn payload(packet: &[u8]) -> Option<&[u8]> {
    packet.get(payload_range(packet)?)
}

/// Where that is in the packet.
pub fn payload_range(packet: &[u8]) -> Option<Range<usize>> {
    let first = *packet.first()?;
    let mut start = HEADER_BYTES + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        let words = packet.get(start + 2..start + 4)?;
        start += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    let body = packet.get(start..)?;
    if first & 0x20 == 0 {
        return Some(start..packet.len());
    }
    let padding = usize::from(*body.last()?);
    let length = body.len().checked_sub(padding).filter(|_| padding > 0)?;
    Some(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_and_written_in_place() {
        let header =
            Header { marker: true, payload_type: 101, sequence: 65_535, timestamp: 7, ssrc: 0xdead_beef };
        let mut out = [0u8; 64];
        let length = header.build(b"abcd", &mut out).expect("fits");
        assert_eq!((length, kind(&out[..length])), (16, Kind::Rtp));
        assert_eq!(Header::read(&out[..length]), Some(header));
        assert_eq!(payload(&out[..length]), Some(&b"abcd"[..]));
        out[0] |= 0x31;
        Header { sequence: 1, ..header }.write(&mut out);
        assert_eq!(out[0], 0xb1);
        assert_eq!(Header::read(&out).expect("reads").sequence, 1);
        assert_eq!(header.build(&[0; 60], &mut out), None);
    }

    #[test]
    fn extensions_sources_and_padding_are_not_payload() {
        let mut packet = vec![0xb2, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend_from_slice(&[0; 8]); // two contributing sources
        packet.extend_from_slice(&[0xbe, 0xde, 0, 1, 9, 9, 9, 9]); // one word of extension
        packet.extend_from_slice(b"hi");
        packet.extend_from_slice(&[0, 0, 3]);
        assert_eq!(payload(&packet), Some(&b"hi"[..]));
        *packet.last_mut().expect("some") = 200;
        assert_eq!(payload(&packet), None);
        *packet.last_mut().expect("some") = 0;
        assert_eq!(payload(&packet), None);
        packet.truncate(22);
        assert_eq!(payload(&packet), None);
    }

    #[test]
    fn kinds_are_told_apart_and_short_ones_are_junk() {
        assert_eq!(kind(&[0x80, 200, 0, 6, 0, 0, 0, 1]), Kind::Rtcp);
        assert_eq!(kind(&[0x80, 0, 0, 6, 0, 0, 0, 1]), Kind::Junk);
        assert_eq!(kind(&[0; 20]), Kind::Stun);
        assert_eq!(kind(&[22; 13]), Kind::Dtls);
        assert_eq!(kind(&[]), Kind::Junk);
        assert_eq!(kind(b"OPTIONS sip:a SIP/2.0"), Kind::Junk);
    }
}
