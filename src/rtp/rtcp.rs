//! RTCP: reading what the other side reports and writing our own reports (RFC 3550 6, RFC 4585, RFC 5104).

use super::sequence::ReportNumbers;
use crate::base::time::WallTime;
use std::time::Duration;

/// Sender report.
const SR: u8 = 200;
/// Receiver report.
const RR: u8 = 201;
/// Source description.
const SDES: u8 = 202;
/// Goodbye.
const BYE: u8 = 203;
/// Payload-specific feedback; format 1 is a picture loss indication, 4 a full intra request.
const PSFB: u8 = 206;

/// Seconds from 1900 (NTP) to 1970 (UNIX).
const NTP_OFFSET_SECS: u64 = 2_208_988_800;

/// A point in time as NTP writes it: seconds since 1900 and their fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ntp(pub u64);

impl Ntp {
    /// From the wall clock.
    pub fn from_wall(wall: WallTime) -> Ntp {
        let secs = wall.0 / 1_000_000 + NTP_OFFSET_SECS;
        let fraction = ((wall.0 % 1_000_000) << 32) / 1_000_000;
        Ntp((secs << 32) | fraction)
    }

    /// The middle 32 bits, as report blocks carry it.
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// What one RTCP packet of a compound says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// A sender report's sender information.
    Sender {
        /// Who sends.
        ssrc: u32,
        /// When it was written.
        ntp: Ntp,
        /// The same moment in the stream's timestamp.
        timestamp: u32,
        /// Packets sent so far.
        packets: u32,
        /// Payload bytes sent so far.
        bytes: u32,
    },
    /// A report block: how the reporter hears a source.
    Block(Block),
    /// The canonical name of a source.
    Name {
        /// Whose.
        ssrc: u32,
        /// Its name.
        cname: &'a [u8],
    },
    /// A source leaves.
    Bye {
        /// Who.
        ssrc: u32,
    },
    /// The other side lost a picture and wants a whole one (PLI or FIR).
    PictureWanted {
        /// Who should send it.
        ssrc: u32,
    },
}

/// A report block (RFC 3550 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// What was heard of a source.
    pub numbers: ReportNumbers,
    /// Middle bits of the NTP time in the last sender report from it; 0 if none came.
    pub last_report: u32,
    /// Time since that came, in 65536ths of a second.
    pub delay: u32,
}

impl Block {
    /// The round trip between reporter and us, if our last report's echo came at `now`.
    pub fn round_trip(&self, now: Ntp) -> Option<Duration> {
        if self.last_report == 0 {
            return None;
        }
        let units = now.middle().wrapping_sub(self.last_report).wrapping_sub(self.delay);
        // A clock that stepped, or a report that is not ours.
        (units < 60 << 16).then(|| Duration::from_micros((u64::from(units) * 1_000_000) >> 16))
    }
}

/// Reads a compound packet. Calls `each` for every part it can read and stops at the first broken length; returns
/// whether the whole packet was well formed. Never more than a few hundred parts: a datagram's length bounds them.
pub fn read<'a>(mut packet: &'a [u8], mut each: impl FnMut(Part<'a>)) -> bool {
    while !packet.is_empty() {
        let Some((head, _)) = packet.split_first_chunk::<4>() else { return false };
        let length = 4 * (usize::from(u16::from_be_bytes([head[2], head[3]])) + 1);
        if head[0] >> 6 != 2 || packet.len() < length {
            return false;
        }
        let (one, rest) = packet.split_at(length);
        read_one(head[0] & 0x1f, head[1], &one[4..], &mut each);
        packet = rest;
    }
    true
}

fn read_one<'a>(count: u8, kind: u8, body: &'a [u8], each: &mut impl FnMut(Part<'a>)) {
    match kind {
        SR => {
            let (Some(ssrc), Some(high), Some(low)) = (word(body, 0), word(body, 1), word(body, 2)) else {
                return;
            };
            let (Some(timestamp), Some(packets), Some(bytes)) = (word(body, 3), word(body, 4), word(body, 5))
            else {
                return;
            };
            let ntp = Ntp((u64::from(high) << 32) | u64::from(low));
            each(Part::Sender { ssrc, ntp, timestamp, packets, bytes });
            blocks(count, body, 6, each);
        }
        RR => blocks(count, body, 1, each),
        SDES => names(body, each),
        BYE => {
            (0..usize::from(count)).filter_map(|at| word(body, at)).for_each(|ssrc| each(Part::Bye { ssrc }))
        }
        PSFB if count == 1 => {
            if let Some(ssrc) = word(body, 1) {
                each(Part::PictureWanted { ssrc });
            }
        }
        PSFB if count == 4 => {
            if let Some(ssrc) = word(body, 2) {
                each(Part::PictureWanted { ssrc });
            }
        }
        _ => {}
    }
}

fn blocks<'a>(count: u8, body: &'a [u8], first: usize, each: &mut impl FnMut(Part<'a>)) {
    for n in 0..usize::from(count) {
        let at = first + 6 * n;
        let (Some(ssrc), Some(lost), Some(highest)) =
            (word(body, at), word(body, at + 1), word(body, at + 2))
        else {
            return;
        };
        let (Some(jitter), Some(last_report), Some(delay)) =
            (word(body, at + 3), word(body, at + 4), word(body, at + 5))
        else {
            return;
        };
        let numbers = ReportNumbers {
            ssrc,
            fraction_lost: (lost >> 24) as u8,
            // 24 bits, signed.
            cumulative_lost: ((lost << 8) as i32) >> 8,
            highest,
            jitter,
        };
        each(Part::Block(Block { numbers, last_report, delay }));
    }
}

/// The first CNAME of an SDES packet's first chunk: all that two parties need.
fn names<'a>(body: &'a [u8], each: &mut impl FnMut(Part<'a>)) {
    let Some(ssrc) = word(body, 0) else { return };
    let mut items = &body[4..];
    while let [kind, length, rest @ ..] = items {
        let Some(text) = rest.get(..usize::from(*length)) else { return };
        match kind {
            0 => return,
            1 => return each(Part::Name { ssrc, cname: text }),
            _ => items = &rest[usize::from(*length)..],
        }
    }
}

fn word(body: &[u8], at: usize) -> Option<u32> {
    body.get(4 * at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

/// What we report about our own stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// Now.
    pub ntp: Ntp,
    /// Now in our stream's timestamp.
    pub timestamp: u32,
    /// Packets we sent.
    pub packets: u64,
    /// Payload bytes we sent.
    pub bytes: u64,
}

/// Most bytes of a canonical name we write.
pub const CNAME_BYTES: usize = 64;
/// Longest compound [`write_report`] makes: sender report, one block, name, goodbye.
pub const REPORT_BYTES: usize = 28 + 24 + 8 + CNAME_BYTES + 8 + 8;

/// Writes a compound report: a sender report if we sent (else a receiver report), our name, and a goodbye at the end of
/// the stream. Returns its length.
pub fn write_report(
    ssrc: u32,
    sender: Option<SenderInfo>,
    block: Option<Block>,
    cname: &[u8],
    bye: bool,
    out: &mut [u8; REPORT_BYTES],
) -> usize {
    let mut w = Writer { out, at: 0 };
    let blocks = u8::from(block.is_some());
    match sender {
        Some(s) => {
            w.head(blocks, SR, 6 + 6 * u16::from(blocks));
            let (high, low) = ((s.ntp.0 >> 32) as u32, s.ntp.0 as u32);
            [ssrc, high, low, s.timestamp, s.packets as u32, s.bytes as u32]
                .into_iter()
                .for_each(|x| w.word(x));
        }
        None => {
            w.head(blocks, RR, 1 + 6 * u16::from(blocks));
            w.word(ssrc);
        }
    }
    if let Some(b) = block {
        let n = b.numbers;
        let lost = (u32::from(n.fraction_lost) << 24) | (n.cumulative_lost as u32 & 0x00ff_ffff);
        [n.ssrc, lost, n.highest, n.jitter, b.last_report, b.delay].into_iter().for_each(|x| w.word(x));
    }
    let cname = &cname[..cname.len().min(CNAME_BYTES)];
    // Item head, name, at least one zero, to a multiple of four.
    let item = (2 + cname.len() + 1).next_multiple_of(4);
    w.head(1, SDES, 1 + (item / 4) as u16);
    w.word(ssrc);
    w.bytes(&[1, cname.len() as u8]);
    w.bytes(cname);
    w.bytes(&[0; 4][..item - 2 - cname.len()]);
    if bye {
        w.head(1, BYE, 1);
        w.word(ssrc);
    }
    w.at
}

struct Writer<'a> {
    out: &'a mut [u8; REPORT_BYTES],
    at: usize,
}

impl Writer<'_> {
    fn head(&mut self, count: u8, kind: u8, words: u16) {
        let [high, low] = words.to_be_bytes();
        self.bytes(&[0x80 | count, kind, high, low]);
    }

    fn word(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
}

/// Writes a request for a whole picture (RFC 4585 6.3.1): 12 bytes.
pub fn write_picture_request(ssrc: u32, wanted: u32, out: &mut [u8; REPORT_BYTES]) -> usize {
    let mut w = Writer { out, at: 0 };
    w.head(1, PSFB, 2);
    w.word(ssrc);
    w.word(wanted);
    w.at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn parts(packet: &[u8]) -> (bool, Vec<Part<'_>>) {
        let mut list = Vec::new();
        let whole = read(packet, |part| list.push(part));
        (whole, list)
    }

    #[test]
    fn reports_read_back_as_written() {
        let ntp = Ntp::from_wall(WallTime::from_secs(1_700_000_000));
        let sender = SenderInfo { ntp, timestamp: 160, packets: 3, bytes: 516 };
        let numbers =
            ReportNumbers { ssrc: 9, fraction_lost: 64, cumulative_lost: -2, highest: 65_540, jitter: 12 };
        let block = Block { numbers, last_report: 5, delay: 6 };
        let longest = [b'x'; 200];
        for (cname, bye) in
            [(&b""[..], false), (b"a", true), (b"abc", true), (b"jackfield", false), (&longest, true)]
        {
            let mut out = [0; REPORT_BYTES];
            let length = write_report(7, Some(sender), Some(block), cname, bye, &mut out);
            assert_eq!(length % 4, 0);
            let (whole, list) = parts(&out[..length]);
            assert!(whole);
            let mut expected = vec![
                Part::Sender { ssrc: 7, ntp, timestamp: 160, packets: 3, bytes: 516 },
                Part::Block(block),
                Part::Name { ssrc: 7, cname: &cname[..cname.len().min(CNAME_BYTES)] },
            ];
            expected.extend(bye.then_some(Part::Bye { ssrc: 7 }));
            assert_eq!(list, expected);
        }
        let mut out = [0; REPORT_BYTES];
        let length = write_report(7, None, None, b"x", false, &mut out);
        assert_eq!(parts(&out[..length]).1, [Part::Name { ssrc: 7, cname: b"x" }]);
        let length = write_picture_request(7, 9, &mut out);
        assert_eq!(parts(&out[..length]).1, [Part::PictureWanted { ssrc: 9 }]);
    }

    #[test]
    fn round_trips_come_from_our_own_echo() {
        let sent = Ntp::from_wall(WallTime(1_700_000_000_000_000));
        let back = Ntp::from_wall(WallTime(1_700_000_000_130_000));
        let block = Block { last_report: sent.middle(), delay: 65_536 / 10, ..Block::default() };
        let trip = block.round_trip(back).expect("known").as_micros();
        assert!((29_000..31_000).contains(&trip), "{trip}");
        assert_eq!(Block::default().round_trip(back), None);
        assert_eq!(block.round_trip(Ntp::from_wall(WallTime(1_600_000_000_000_000))), None);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut out = [0; REPORT_BYTES];
        let sender = SenderInfo { ntp: Ntp(1), timestamp: 2, packets: 3, bytes: 4 };
        let length = write_report(7, Some(sender), Some(Block::default()), b"name", true, &mut out);
        for seed in 0..20_000 {
            let mut rng = Rng::seeded(seed);
            let mut bytes = out[..length].to_vec();
            for _ in 0..=rng.below(6) {
                let at = rng.below(bytes.len() as u64) as usize;
                bytes[at] = rng.next_u64() as u8;
            }
            bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize);
            let _ = parts(&bytes);
        }
    }
}
