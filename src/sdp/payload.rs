//! Payload numbers: what a description says about them, and how we give out our own.

use super::codec::{Codec, CodecKind, Format};
use super::description::{Media, MediaFormat, MediaKind};

/// What travels under a payload number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// A codec we know by name.
    Codec(Codec),
    /// RFC 4733 events.
    TelephoneEvent,
    /// RFC 3389 comfort noise.
    ComfortNoise,
    /// Something we cannot name.
    Unknown,
}

/// One payload number of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    /// 0–127.
    pub number: u8,
    /// What travels under it.
    pub encoding: Encoding,
    /// Hertz of its timestamp.
    pub clock_rate: u32,
    /// Its format parameters.
    pub fmtp: Option<&'a str>,
}

impl Media {
    /// The payload numbers of an RTP section, in the order of its `m=` line. Numbers without an rtpmap have their
    /// RFC 3551 meaning; maps without an entry in the `m=` line do not count (S4-14).
    pub fn payloads(&self) -> impl Iterator<Item = Payload<'_>> {
        self.formats.iter().filter_map(|format| match format {
            MediaFormat::Payload(number) => Some(self.payload(*number)),
            MediaFormat::Token(_) => None,
        })
    }

    fn payload(&self, number: u8) -> Payload<'_> {
        let (encoding, clock_rate) = match self.attributes.mapping(number) {
            Some(map) => (self.of_our_kind(map.encoding), map.clock_rate),
            None if matches!(number, 13 | 19) => (Encoding::ComfortNoise, 8000),
            None => match Codec::from_static(number) {
                Some(codec) => (Encoding::Codec(codec), codec.clock_rate()),
                None => (Encoding::Unknown, 8000),
            },
        };
        Payload { number, encoding, clock_rate, fmtp: self.attributes.fmtp(number) }
    }

    /// A video codec cannot travel in an audio section.
    fn of_our_kind(&self, encoding: Encoding) -> Encoding {
        match encoding {
            Encoding::Codec(codec) if self.kind.codec_kind() != Some(codec.kind()) => Encoding::Unknown,
            encoding => encoding,
        }
    }

    /// The codecs offered here, in order, as formats.
    pub fn codec_formats(&self) -> Vec<Format> {
        let ptime_ms = 0;
        let format = |p: Payload<'_>| match p.encoding {
            Encoding::Codec(codec) => Some(Format { codec, fmtp: p.fmtp.map(Into::into), ptime_ms }),
            _ => None,
        };
        self.payloads().filter_map(format).collect()
    }
}

impl MediaKind {
    /// The codecs that can travel in a section of this kind.
    pub fn codec_kind(&self) -> Option<CodecKind> {
        match self {
            MediaKind::Audio => Some(CodecKind::Audio),
            MediaKind::Video => Some(CodecKind::Video),
            MediaKind::Text => Some(CodecKind::Text),
            MediaKind::Image => Some(CodecKind::Image),
            MediaKind::Other(_) => None,
        }
    }
}

/// Gives out payload numbers for one media section, each once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    taken: u128,
}

impl Numbers {
    /// Marks a number as taken; false if it was already.
    pub fn take(&mut self, number: u8) -> bool {
        let bit = 1u128 << (number & 127);
        let free = self.taken & bit == 0;
        self.taken |= bit;
        free
    }

    /// `wanted` if it is free, else the next free dynamic number: 96–127, then 35–63 (RFC 3551 3 allows both).
    /// `None` when all are given out.
    pub fn give(&mut self, wanted: Option<u8>) -> Option<u8> {
        wanted.into_iter().chain(96..=127).chain(35..=63).find(|number| self.take(*number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Description;

    #[test]
    fn maps_static_numbers_and_strangers() {
        let text = b"v=0\nm=audio 4000 RTP/AVP 0 9 13 96 97 98 101 8 4\na=rtpmap:96 opus/48000/2\na=rtpmap:97 X-MINE/8000\n\
            a=rtpmap:101 telephone-event/8000\na=rtpmap:8 G729/8000\na=rtpmap:18 G729/8000\na=rtpmap:4 VP8/90000\n";
        let d = Description::parse(text).expect("reads");
        let g729 = Codec::from_name("g729").expect("known");
        let read: Vec<_> = d.media[0].payloads().map(|p| (p.number, p.encoding)).collect();
        assert_eq!(
            read,
            [
                (0, Encoding::Codec(Codec::ULAW)),
                (9, Encoding::Codec(Codec::G722)),
                (13, Encoding::ComfortNoise),
                (96, Encoding::Codec(Codec::OPUS)),
                (97, Encoding::Unknown),
                (98, Encoding::Unknown),
                (101, Encoding::TelephoneEvent),
                (8, Encoding::Codec(g729)),
                (4, Encoding::Unknown),
            ]
        );
    }

    #[test]
    fn numbers_run_out_rather_than_repeat() {
        let mut numbers = Numbers::default();
        assert_eq!(numbers.give(Some(101)), Some(101));
        assert_eq!(numbers.give(Some(101)), Some(96));
        let rest: Vec<_> = std::iter::from_fn(|| numbers.give(None)).collect();
        assert_eq!(rest.len(), 32 + 29 - 2);
        assert!(!rest.contains(&101) && rest.iter().all(|n| (35..=127).contains(n)));
    }
}
