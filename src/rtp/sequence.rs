//! What a receiver learns from sequence numbers and arrival times: extended sequence, loss, jitter (RFC 3550 A.1, A.3, A.8).

use crate::base::time::Moment;

/// Reception statistics of one SSRC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Reception {
    // In this order: what every packet touches fits one line of memory.
    ssrc: Option<u32>,
    /// Extended highest sequence number: cycles in the upper half.
    highest: u32,
    /// A jump is believed when the next packet follows it.
    suspect: Option<u16>,
    received: u64,
    bytes: u64,
    /// Arrival in clock units minus timestamp, of the last packet.
    transit: Option<u32>,
    /// Sixteen times the smoothed difference, in clock units.
    jitter_16: u32,
    max_jitter: u32,
    base: u32,
    duplicates_or_late: u64,
    /// Received and expected at the last report, for the fraction of it.
    reported: (u64, u64),
    /// Losses and restarts of SSRCs before this one.
    lost_before: i64,
    restarts: u32,
}

/// The numbers of a report block (RFC 3550 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportNumbers {
    /// Whose packets these are about.
    pub ssrc: u32,
    /// Lost since the last report, in 256ths of what was expected.
    pub fraction_lost: u8,
    /// Lost since the beginning; negative when duplicates outweigh losses.
    pub cumulative_lost: i32,
    /// Extended highest sequence number.
    pub highest: u32,
    /// Jitter in clock units.
    pub jitter: u32,
}

/// Jumps forward up to this are loss (RFC 3550 A.1).
const MAX_DROPOUT: u16 = 3000;
/// Jumps back up to this are late or repeated packets.
const MAX_MISORDER: u16 = 100;

impl Reception {
    /// Counts a packet.
    pub fn packet(&mut self, ssrc: u32, sequence: u16, bytes: usize) {
        self.bytes += bytes as u64;
        if self.ssrc != Some(ssrc) {
            return self.restart(ssrc, sequence);
        }
        let delta = sequence.wrapping_sub(self.highest as u16);
        if delta == 0 {
            self.duplicates_or_late += 1;
        } else if delta < MAX_DROPOUT {
            self.highest = self.highest.wrapping_add(u32::from(delta));
            self.suspect = None;
        } else if delta <= u16::MAX - MAX_MISORDER {
            // The source restarted its numbers without a new SSRC, if the next packet says so too.
            if self.suspect == Some(sequence) {
                return self.restart(ssrc, sequence);
            }
            self.suspect = Some(sequence.wrapping_add(1));
            return;
        } else {
            self.duplicates_or_late += 1;
        }
        self.received += 1;
    }

    /// Counts a packet's timestamp for jitter. Skip it for packets that carry no sound of their own time (events).
    pub fn arrival(&mut self, at: Moment, timestamp: u32, clock_rate: u32) {
        let arrived = (u128::from(at.0) * u128::from(clock_rate) / 1_000_000) as u32;
        let transit = arrived.wrapping_sub(timestamp);
        if let Some(last) = self.transit.replace(transit) {
            let difference = (transit.wrapping_sub(last) as i32).unsigned_abs();
            // A jump of more than ten seconds is another time line, not jitter.
            if difference < clock_rate.saturating_mul(10) {
                self.jitter_16 = self.jitter_16 + difference - ((self.jitter_16 + 8) >> 4);
                self.max_jitter = self.max_jitter.max(self.jitter());
            }
        }
    }

    fn restart(&mut self, ssrc: u32, sequence: u16) {
        if self.ssrc.is_some() {
            self.lost_before += self.lost();
            self.restarts += 1;
        }
        let sequence = u32::from(sequence);
        *self = Reception {
            ssrc: Some(ssrc),
            base: sequence,
            highest: sequence,
            received: 1,
            bytes: self.bytes,
            duplicates_or_late: self.duplicates_or_late,
            max_jitter: self.max_jitter,
            lost_before: self.lost_before,
            restarts: self.restarts,
            ..Reception::default()
        };
    }

    fn expected(&self) -> u64 {
        match self.ssrc {
            Some(_) => u64::from(self.highest.wrapping_sub(self.base)) + 1,
            None => 0,
        }
    }

    fn lost(&self) -> i64 {
        self.expected() as i64 - self.received as i64
    }

    /// The source now heard.
    pub fn ssrc(&self) -> Option<u32> {
        self.ssrc
    }

    /// Packets of the source now heard.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Bytes of all sources, headers included.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Packets lost of all sources together, never negative.
    pub fn total_lost(&self) -> u64 {
        u64::try_from(self.lost_before + self.lost()).unwrap_or(0)
    }

    /// How often the source changed its SSRC or began its numbers anew.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Jitter in clock units.
    pub fn jitter(&self) -> u32 {
        self.jitter_16 >> 4
    }

    /// The highest jitter so far, in clock units.
    pub fn max_jitter(&self) -> u32 {
        self.max_jitter
    }

    /// The numbers for a report block, and the beginning of the next report's interval. `None` before any packet.
    pub fn report(&mut self) -> Option<ReportNumbers> {
        let ssrc = self.ssrc?;
        let expected = self.expected();
        let (received_then, expected_then) = self.reported;
        self.reported = (self.received, expected);
        let due = expected.saturating_sub(expected_then);
        let came = self.received.saturating_sub(received_then);
        let fraction = match due.saturating_sub(came) {
            lost if lost > 0 && due > 0 => u8::try_from(lost * 256 / due).unwrap_or(255),
            _ => 0,
        };
        Some(ReportNumbers {
            ssrc,
            fraction_lost: fraction,
            cumulative_lost: self.lost().clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest: self.highest,
            jitter: self.jitter(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_and_losses_count() {
        let mut r = Reception::default();
        assert_eq!(r.report(), None);
        for sequence in [65_533u16, 65_534, 65_535, 0, 2, 3, 1, 3] {
            r.packet(9, sequence, 172);
        }
        let report = r.report().expect("some");
        assert_eq!((report.ssrc, report.highest, report.cumulative_lost), (9, 65_536 + 3, -1));
        for sequence in [5, 7, 9, 11] {
            r.packet(9, sequence, 172);
        }
        let report = r.report().expect("some");
        assert_eq!((report.fraction_lost, report.cumulative_lost, r.total_lost()), (128, 3, 3));
        assert_eq!(r.bytes(), 12 * 172);
    }

    #[test]
    fn a_jump_is_believed_at_the_second_packet() {
        let mut r = Reception::default();
        r.packet(1, 100, 0);
        r.packet(1, 40_000, 0);
        assert_eq!(r.report().expect("some").highest, 100);
        r.packet(1, 101, 0);
        r.packet(1, 50_000, 0);
        r.packet(1, 50_001, 0);
        assert_eq!((r.report().expect("some").highest, r.restarts(), r.total_lost()), (50_001, 1, 0));
        r.packet(2, 7, 0);
        assert_eq!((r.ssrc(), r.restarts()), (Some(2), 2));
    }

    #[test]
    fn jitter_is_zero_for_a_steady_stream_and_grows_with_unsteadiness() {
        let run = |wobble_us: u64| {
            let mut r = Reception::default();
            for n in 0..500u64 {
                let late = if n % 2 == 0 { wobble_us } else { 0 };
                r.packet(1, n as u16, 172);
                r.arrival(Moment(n * 20_000 + late), (n * 160) as u32, 8000);
            }
            r.jitter()
        };
        assert_eq!(run(0), 0);
        // A difference of 5 ms between any two packets is a jitter of 40 units of 8000 Hz.
        assert!((38..=40).contains(&run(5_000)), "{}", run(5_000));
        let mut r = Reception::default();
        r.arrival(Moment(0), 0, 8000);
        r.arrival(Moment(20_000), 4_000_000_000, 8000);
        assert_eq!(r.jitter(), 0);
    }
}
