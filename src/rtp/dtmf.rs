//! Digits as RFC 4733 events: reading them out of a stream and putting them into one.
//!
//! ```text
//! |     event     |E|R| volume    |          duration             |
//! ```

use crate::base::time::Moment;
use std::time::Duration;

/// A digit: `0`–`9`, `*`, `#`, `A`–`D`, or `!` for hook flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digit(u8);

impl Digit {
    const CHARS: &[u8; 17] = b"0123456789*#ABCD!";

    /// From its character; letters in either case.
    pub fn from_char(c: char) -> Option<Digit> {
        let c = u8::try_from(c).ok()?.to_ascii_uppercase();
        Digit::CHARS.iter().position(|d| *d == c).map(|at| Digit(at as u8))
    }

    /// From its RFC 4733 event number, 0–16.
    pub fn from_event(event: u8) -> Option<Digit> {
        (usize::from(event) < Digit::CHARS.len()).then_some(Digit(event))
    }

    /// Its RFC 4733 event number.
    pub fn event(self) -> u8 {
        self.0
    }

    /// Its character.
    pub fn as_char(self) -> char {
        char::from(Digit::CHARS[usize::from(self.0)])
    }
}

/// One event packet's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPayload {
    /// Event number.
    pub event: u8,
    /// The last packet of the event, repeated twice.
    pub end: bool,
    /// Loudness below 0 dBm0, 0–63.
    pub volume: u8,
    /// How long it has lasted, in timestamp units.
    pub duration: u16,
}

impl EventPayload {
    /// Reads a payload; `None` when it is shorter than four bytes.
    pub fn read(payload: &[u8]) -> Option<EventPayload> {
        let b = payload.first_chunk::<4>()?;
        Some(EventPayload {
            event: b[0],
            end: b[1] & 0x80 != 0,
            volume: b[1] & 0x3f,
            duration: u16::from_be_bytes([b[2], b[3]]),
        })
    }

    /// The four bytes.
    pub fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, (u8::from(self.end) << 7) | (self.volume & 0x3f), high, low]
    }
}

/// What a stream of event packets says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtmfEvent {
    /// A digit is pressed.
    Begin(Digit),
    /// It is released.
    End {
        /// Which one.
        digit: Digit,
        /// How long it was pressed.
        duration: Duration,
    },
}

/// Reads digits out of one stream. An event is its timestamp: repeated and late packets of it change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DtmfReader {
    current: Option<Pressed>,
    /// Timestamp of the last event that ended.
    ended: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pressed {
    digit: Digit,
    timestamp: u32,
    clock_rate: u32,
    /// Timestamp units before the current segment of a long event, and of it.
    before: u32,
    duration: u16,
    heard: Moment,
}

impl Pressed {
    fn duration(&self) -> Duration {
        let units = u64::from(self.before) + u64::from(self.duration);
        Duration::from_micros(units * 1_000_000 / u64::from(self.clock_rate.max(1)))
    }

    fn end(self) -> DtmfEvent {
        DtmfEvent::End { digit: self.digit, duration: self.duration() }
    }
}

impl DtmfReader {
    /// Takes one event packet. At most two things follow from it: the end of a digit whose end packets were all lost,
    /// and the begin or end of this one.
    pub fn packet(
        &mut self,
        now: Moment,
        timestamp: u32,
        payload: EventPayload,
        clock_rate: u32,
    ) -> [Option<DtmfEvent>; 2] {
        let Some(digit) = Digit::from_event(payload.event) else { return [None, None] };
        // Repeated end packets, and packets older than what ended.
        if self.ended.is_some_and(|ended| timestamp.wrapping_sub(ended) as i32 <= 0) {
            return [None, None];
        }
        let mut events = [None, None];
        match &mut self.current {
            Some(pressed) if pressed.timestamp == timestamp && pressed.digit == digit => {
                // Durations wrap at 0xffff into a new segment only with a new timestamp (RFC 4733 2.5.1.3); a
                // smaller one is late.
                pressed.duration = pressed.duration.max(payload.duration);
                pressed.heard = now;
            }
            Some(pressed) if (timestamp.wrapping_sub(pressed.timestamp) as i32) < 0 => return events,
            Some(pressed) if pressed.digit == digit && pressed.duration == u16::MAX => {
                pressed.before = pressed.before.saturating_add(u32::from(u16::MAX));
                pressed.duration = payload.duration;
                pressed.timestamp = timestamp;
                pressed.heard = now;
            }
            current => {
                events[0] = current.take().map(Pressed::end);
                let heard = now;
                *current = Some(Pressed {
                    digit,
                    timestamp,
                    clock_rate,
                    before: 0,
                    duration: payload.duration,
                    heard,
                });
                if !payload.end {
                    events[1] = Some(DtmfEvent::Begin(digit));
                }
            }
        }
        if payload.end {
            events[1] = self.finish();
        }
        events
    }

    /// Ends a digit whose packets stopped coming without an end: `after` is `dtmftimeout`.
    pub fn tick(&mut self, now: Moment, after: Duration) -> Option<DtmfEvent> {
        let stale = self.current.as_ref().is_some_and(|pressed| now.since(pressed.heard) >= after);
        if stale { self.finish() } else { None }
    }

    /// Whether a digit is being pressed.
    pub fn is_pressed(&self) -> bool {
        self.current.is_some()
    }

    fn finish(&mut self) -> Option<DtmfEvent> {
        let pressed = self.current.take()?;
        self.ended = Some(pressed.timestamp);
        Some(pressed.end())
    }
}

/// Puts one digit into a stream: a packet every 20 ms while it is pressed, then the end three times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtmfSender {
    digit: Digit,
    timestamp: u32,
    clock_rate: u32,
    began: Moment,
    press: Duration,
    next: Moment,
    sent: u32,
    ends: u8,
}

/// One packet to send: its payload, whether it is marked, and the timestamp all packets of the event carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtmfPacket {
    /// The four bytes.
    pub payload: [u8; 4],
    /// Set on the first packet.
    pub marker: bool,
    /// The event's timestamp.
    pub timestamp: u32,
}

/// Time between the packets of an event.
const EVENT_PACKET: Duration = Duration::from_millis(20);
/// Shortest press we send; Asterisk's is 80 ms, and many receivers want at least 40.
pub const SHORTEST_PRESS: Duration = Duration::from_millis(80);
/// Longest press we send: what 16 bits of duration hold at 8000 Hz.
pub const LONGEST_PRESS: Duration = Duration::from_millis(8_000);

impl DtmfSender {
    /// Begins a digit at `timestamp` of the stream, to be held for `press`.
    pub fn new(now: Moment, digit: Digit, press: Duration, timestamp: u32, clock_rate: u32) -> DtmfSender {
        let longest = Duration::from_micros(65_000 * 1_000_000 / u64::from(clock_rate.max(1)));
        let press = press.clamp(SHORTEST_PRESS, LONGEST_PRESS).min(longest);
        DtmfSender { digit, timestamp, clock_rate, began: now, press, next: now, sent: 0, ends: 0 }
    }

    /// When [`DtmfSender::poll`] has the next packet.
    pub fn next(&self) -> Moment {
        self.next
    }

    /// Whether everything was sent.
    pub fn is_done(&self) -> bool {
        self.ends == 3
    }

    /// The packet that is due, if any.
    pub fn poll(&mut self, now: Moment) -> Option<DtmfPacket> {
        if self.is_done() || now < self.next {
            return None;
        }
        let lasted = now.since(self.began) + EVENT_PACKET;
        let end = lasted >= self.press || self.ends > 0;
        let lasted = if end { self.press } else { lasted };
        let units = lasted.as_micros() * u128::from(self.clock_rate) / 1_000_000;
        let payload = EventPayload {
            event: self.digit.event(),
            end,
            volume: 10,
            duration: u16::try_from(units).unwrap_or(u16::MAX),
        };
        let marker = self.sent == 0;
        self.sent += 1;
        if end {
            // The three ends go out together: a loss takes them one at a time, a wait would delay what follows.
            self.ends += 1;
        } else {
            self.next += EVENT_PACKET;
        }
        Some(DtmfPacket { payload: payload.to_bytes(), marker, timestamp: self.timestamp })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 8000;

    fn at(ms: u64) -> Moment {
        Moment(ms * 1000)
    }

    fn feed(
        reader: &mut DtmfReader,
        ms: u64,
        timestamp: u32,
        event: u8,
        end: bool,
        duration: u16,
    ) -> Vec<DtmfEvent> {
        let payload = EventPayload { event, end, volume: 10, duration };
        reader.packet(at(ms), timestamp, payload, RATE).into_iter().flatten().collect()
    }

    fn digit(c: char) -> Digit {
        Digit::from_char(c).expect("digit")
    }

    fn end(c: char, ms: u64) -> DtmfEvent {
        DtmfEvent::End { digit: digit(c), duration: Duration::from_millis(ms) }
    }

    /// A peer may press one key for ever; the sum of its segments stays at the largest there is.
    #[test]
    fn a_key_pressed_for_ever_is_no_overflow() {
        let (mut reader, mut timestamp) = (DtmfReader::default(), 0u32);
        for _ in 0..70_000 {
            timestamp = timestamp.wrapping_add(30_000);
            feed(&mut reader, 0, timestamp, 5, false, u16::MAX);
        }
        let ended = feed(&mut reader, 0, timestamp, 5, true, u16::MAX);
        assert!(
            matches!(ended[..], [DtmfEvent::End { duration, .. }] if duration > Duration::from_secs(500_000))
        );
    }

    #[test]
    fn digits_have_characters_and_numbers() {
        for (c, event) in [('0', 0), ('9', 9), ('*', 10), ('#', 11), ('a', 12), ('D', 15), ('!', 16)] {
            assert_eq!(digit(c).event(), event);
            assert_eq!(Digit::from_event(event).expect("known").as_char(), c.to_ascii_uppercase());
        }
        assert_eq!((Digit::from_char('E'), Digit::from_event(17), Digit::from_char('é')), (None, None, None));
    }

    #[test]
    fn one_press_is_one_digit_however_often_its_packets_come() {
        let mut r = DtmfReader::default();
        assert_eq!(feed(&mut r, 0, 1000, 5, false, 160), [DtmfEvent::Begin(digit('5'))]);
        assert!(feed(&mut r, 20, 1000, 5, false, 320).is_empty());
        assert!(feed(&mut r, 21, 1000, 5, false, 160).is_empty());
        assert_eq!(feed(&mut r, 40, 1000, 5, true, 800), [end('5', 100)]);
        for ms in 41..44 {
            assert!(feed(&mut r, ms, 1000, 5, true, 800).is_empty());
        }
        assert!(feed(&mut r, 50, 900, 4, false, 160).is_empty());
        // The same digit again is another timestamp.
        assert_eq!(feed(&mut r, 200, 3000, 5, false, 160), [DtmfEvent::Begin(digit('5'))]);
    }

    #[test]
    fn lost_packets_lose_no_digit() {
        let mut r = DtmfReader::default();
        // Only an end packet arrives.
        assert_eq!(feed(&mut r, 0, 1000, 1, true, 800), [end('1', 100)]);
        // All end packets are lost; the next digit ends it, or the timeout does.
        feed(&mut r, 100, 2000, 2, false, 480);
        assert_eq!(feed(&mut r, 300, 4000, 3, false, 160), [end('2', 60), DtmfEvent::Begin(digit('3'))]);
        assert_eq!(r.tick(at(400), Duration::from_millis(150)), None);
        assert!(r.is_pressed());
        assert_eq!(r.tick(at(450), Duration::from_millis(150)), Some(end('3', 20)));
        assert!(feed(&mut r, 460, 4000, 3, true, 800).is_empty());
        assert!(feed(&mut r, 470, 5000, 200, false, 1).is_empty());
    }

    #[test]
    fn a_press_longer_than_a_duration_field_is_one_digit() {
        let mut r = DtmfReader::default();
        feed(&mut r, 0, 1000, 1, false, 160);
        assert!(feed(&mut r, 8192, 1000, 1, false, u16::MAX).is_empty());
        assert!(feed(&mut r, 8200, 66_535, 1, false, 160).is_empty());
        assert_eq!(feed(&mut r, 8300, 66_535, 1, true, 1593), [end('1', 8391)]);
    }

    #[test]
    fn a_digit_we_send_reads_as_itself() {
        for (press, expected) in [(10, 80), (100, 100), (250, 250)] {
            let mut sender = DtmfSender::new(at(0), digit('#'), Duration::from_millis(press), 777, RATE);
            let (mut reader, mut heard, mut packets, mut ms) = (DtmfReader::default(), Vec::new(), 0, 0);
            while !sender.is_done() {
                assert!(ms < 1000);
                while let Some(p) = sender.poll(at(ms)) {
                    assert_eq!((p.marker, p.timestamp), (packets == 0, 777));
                    packets += 1;
                    let payload = EventPayload::read(&p.payload).expect("four bytes");
                    heard.extend(reader.packet(at(ms), p.timestamp, payload, RATE).into_iter().flatten());
                }
                ms += 10;
            }
            assert_eq!(heard, [DtmfEvent::Begin(digit('#')), end('#', expected)]);
            assert_eq!(packets, u64::from(expected.div_ceil(20) as u32) - 1 + 3);
        }
    }
}
