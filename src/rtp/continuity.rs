//! One steady stream towards a phone, whoever speaks: our own SSRC, sequence numbers and timestamps go on when the other
//! leg is exchanged, put on hold, or answered by a tone of ours (RFC 3550 5.1, 8.2).

use super::packet::Header;
use crate::base::time::Moment;

/// The sending side of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuity {
    // Sixty-four bytes, one line of memory. The moments mean nothing before the first packet.
    packets: u64,
    bytes: u64,
    last_sent: Moment,
    /// When the first packet with the newest timestamp left: the stream's clock.
    clock: Moment,
    /// Who spoke last, and what is added to his numbers.
    speaker: Option<Speaker>,
    last_timestamp: u32,
    ssrc: u32,
    clock_rate: u32,
    /// The sequence number of the next packet of our own.
    next_sequence: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Speaker {
    ssrc: u32,
    add_sequence: u16,
    add_timestamp: u32,
}

/// A jump of the speaker's timestamp beyond this many seconds is a new time line.
const JUMP_SECS: u32 = 10;

impl Continuity {
    /// A stream with this SSRC that begins at these numbers (all random, RFC 3550 5.1).
    pub fn new(ssrc: u32, first_sequence: u16, first_timestamp: u32, clock_rate: u32) -> Continuity {
        Continuity {
            ssrc,
            clock_rate: clock_rate.max(1),
            next_sequence: first_sequence,
            last_timestamp: first_timestamp,
            clock: Moment(0),
            last_sent: Moment(0),
            speaker: None,
            packets: 0,
            bytes: 0,
        }
    }

    /// Our SSRC.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Changes the clock, when another codec was agreed. The time line goes on from here.
    pub fn set_clock_rate(&mut self, clock_rate: u32) {
        if clock_rate != self.clock_rate {
            self.clock_rate = clock_rate.max(1);
            self.speaker = None;
        }
    }

    /// The next packet comes from somebody new: his numbers are fitted to ours, and he is marked.
    pub fn forget_speaker(&mut self) {
        self.speaker = None;
    }

    /// Rewrites the header of a packet that is passed on. `payload_type` is the number to send with.
    #[inline]
    pub fn pass(&mut self, now: Moment, header: Header, payload_type: u8, bytes: usize) -> Header {
        let speaker = match self.speaker {
            Some(speaker) if speaker.ssrc == header.ssrc && !self.jumped(&speaker, &header) => speaker,
            _ => return self.begin(now, header, payload_type, bytes),
        };
        let out = Header {
            marker: header.marker,
            payload_type,
            sequence: header.sequence.wrapping_add(speaker.add_sequence),
            timestamp: header.timestamp.wrapping_add(speaker.add_timestamp),
            ssrc: self.ssrc,
        };
        // A late packet must not pull the stream's end back.
        if (out.sequence.wrapping_sub(self.next_sequence) as i16) >= 0 {
            self.next_sequence = out.sequence.wrapping_add(1);
            self.advance(now, out.timestamp);
        }
        self.sent(now, bytes);
        out
    }

    fn jumped(&self, speaker: &Speaker, header: &Header) -> bool {
        let step = header.timestamp.wrapping_add(speaker.add_timestamp).wrapping_sub(self.last_timestamp);
        (step as i32).unsigned_abs() > self.clock_rate.saturating_mul(JUMP_SECS)
    }

    fn begin(&mut self, now: Moment, header: Header, payload_type: u8, bytes: usize) -> Header {
        let timestamp = self.timestamp_at(now);
        self.speaker = Some(Speaker {
            ssrc: header.ssrc,
            add_sequence: self.next_sequence.wrapping_sub(header.sequence),
            add_timestamp: timestamp.wrapping_sub(header.timestamp),
        });
        self.own(now, payload_type, timestamp, true, bytes)
    }

    /// The header of a packet of our own (a tone, an event, comfort noise) with the given timestamp.
    pub fn own(
        &mut self,
        now: Moment,
        payload_type: u8,
        timestamp: u32,
        marker: bool,
        bytes: usize,
    ) -> Header {
        let header =
            Header { marker, payload_type, sequence: self.next_sequence, timestamp, ssrc: self.ssrc };
        self.next_sequence = self.next_sequence.wrapping_add(1);
        self.advance(now, timestamp);
        self.sent(now, bytes);
        header
    }

    /// All packets of an event, or of a picture, carry one timestamp: the clock stands where the first one set it.
    #[inline]
    fn advance(&mut self, now: Moment, timestamp: u32) {
        if self.last_timestamp != timestamp || self.packets == 0 {
            self.last_timestamp = timestamp;
            self.clock = now;
        }
    }

    /// The stream's time at `now`, going on from the last packet.
    pub fn timestamp_at(&self, now: Moment) -> u32 {
        if self.packets == 0 {
            return self.last_timestamp;
        }
        let units = now.since(self.clock).as_micros() * u128::from(self.clock_rate) / 1_000_000;
        self.last_timestamp.wrapping_add(units as u32)
    }

    fn sent(&mut self, now: Moment, bytes: usize) {
        self.last_sent = now;
        self.packets += 1;
        self.bytes += bytes as u64;
    }

    /// When the last packet left.
    pub fn last_sent(&self) -> Option<Moment> {
        (self.packets > 0).then_some(self.last_sent)
    }

    /// Packets and bytes (headers included) sent so far.
    pub fn totals(&self) -> (u64, u64) {
        (self.packets, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(ssrc: u32, sequence: u16, timestamp: u32) -> Header {
        Header { marker: false, payload_type: 0, sequence, timestamp, ssrc }
    }

    #[test]
    fn numbers_go_on_across_speakers_tones_and_gaps() {
        let mut c = Continuity::new(77, 65_534, 1000, 8000);
        let mut out = Vec::new();
        for n in 0..3u32 {
            let now = Moment(u64::from(n) * 20_000);
            out.push(c.pass(now, header(1, 5 + n as u16, 160 * n), 8, 172));
        }
        // Half a second later somebody else speaks.
        out.push(c.pass(Moment(540_000), header(2, 40_000, 7), 8, 172));
        out.push(c.pass(Moment(560_000), header(2, 40_001, 167), 8, 172));
        let own = c.timestamp_at(Moment(600_000));
        out.push(c.own(Moment(600_000), 101, own, true, 16));
        c.forget_speaker();
        out.push(c.pass(Moment(620_000), header(2, 40_004, 647), 8, 172));
        let sequence: Vec<_> = out.iter().map(|h| h.sequence).collect();
        assert_eq!(sequence, [65_534, 65_535, 0, 1, 2, 3, 4]);
        let times: Vec<_> = out.iter().map(|h| h.timestamp).collect();
        assert_eq!(times, [1000, 1160, 1320, 1320 + 4000, 5480, 5800, 5960]);
        assert!(out.iter().all(|h| h.ssrc == 77));
        let marked: Vec<_> = out.iter().map(|h| h.marker).collect();
        assert_eq!(marked, [true, false, false, true, false, true, true]);
        assert_eq!(c.totals(), (7, 6 * 172 + 16));
    }

    #[test]
    fn loss_and_disorder_of_the_speaker_show_through() {
        let mut c = Continuity::new(77, 100, 0, 8000);
        let sequence: Vec<_> = [10, 11, 14, 13, 15]
            .into_iter()
            .map(|n| c.pass(Moment(u64::from(n) * 20_000), header(1, n, u32::from(n) * 160), 0, 172).sequence)
            .collect();
        assert_eq!(sequence, [100, 101, 104, 103, 105]);
        let next = c.own(Moment(400_000), 0, 0, false, 0).sequence;
        assert_eq!(next, 106);
    }

    /// Sound after a digit of 100 ms begins behind it, not inside it.
    #[test]
    fn time_passes_while_an_event_keeps_its_timestamp() {
        let mut c = Continuity::new(77, 0, 0, 8000);
        c.pass(Moment(0), header(1, 0, 0), 0, 172);
        let event = c.timestamp_at(Moment(20_000));
        for ms in [20, 40, 60, 80, 100, 100, 100] {
            c.own(Moment(ms * 1000), 101, event, ms == 20, 16);
        }
        c.forget_speaker();
        let after = c.pass(Moment(120_000), header(1, 6, 960), 0, 172);
        assert_eq!((event, after.timestamp, after.sequence), (160, 960, 8));
    }

    #[test]
    fn a_new_time_line_under_the_same_ssrc_is_fitted() {
        let mut c = Continuity::new(77, 0, 0, 8000);
        c.pass(Moment(0), header(1, 0, 0), 0, 172);
        let jumped = c.pass(Moment(20_000), header(1, 1, 3_000_000_000), 0, 172);
        assert_eq!((jumped.sequence, jumped.timestamp, jumped.marker), (1, 160, true));
    }
}
