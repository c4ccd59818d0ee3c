//! A jitter buffer: packets go in as they come and are taken out in order, as late as needed and no later.
//!
//! ```text
//! put ─▶ by sequence number ─▶ take:  Packet   the next one is there
//!                                     Lost     it is not, and later ones are
//!                                     Excess   it is there, and the buffer has been too full for a second: leave it out
//!                                     Empty    nothing: wait; what comes late is still played
//! ```
//! The delay grows by itself when packets come later than they are needed, since an empty buffer loses none, and
//! shrinks by one packet a second at most.

use crate::base::time::Moment;
use std::time::Duration;

/// Packets kept; a sender that is further ahead is out of step, and the buffer starts afresh.
const SLOTS: usize = 64;
/// Takes over which fullness is judged: a second of frames.
const JUDGED_TAKES: u32 = 50;
/// Nothing for so long is a pause, after which the delay is built up again.
const PAUSE: Duration = Duration::from_millis(240);

/// How much delay a buffer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JitterRules {
    /// Delay at the beginning of a talkspurt, until something better is known.
    pub start: Duration,
    /// Least and most delay.
    pub least: Duration,
    /// See `least`.
    pub most: Duration,
    /// Keep the first delay whatever happens.
    pub fixed: bool,
    /// More delay than what came asks for.
    pub extra: Duration,
    /// A packet that is later than this is no late one, but the first of another time line.
    pub resync: Duration,
}

impl Default for JitterRules {
    fn default() -> JitterRules {
        JitterRules {
            start: Duration::from_millis(40),
            least: Duration::ZERO,
            most: Duration::from_millis(200),
            fixed: false,
            extra: Duration::ZERO,
            resync: Duration::from_secs(1),
        }
    }
}

/// The packets of one stream.
#[derive(Debug)]
pub struct JitterBuffer {
    rules: JitterRules,
    slots: Box<[Slot]>,
    /// The sequence number to be taken next; `None` before the first packet.
    next: Option<u16>,
    /// One after the highest that came.
    end: u16,
    ssrc: u32,
    /// When the first of the waiting packets may be taken, at the beginning of a talkspurt.
    begins: Option<Moment>,
    last_came: Moment,
    /// Arrival time less timestamp: the least of late, and how much later packets come than that.
    fastest: Option<i64>,
    spread: Duration,
    packet_time: Duration,
    last_timestamp: u32,
    /// Takes since fullness was judged, and the least fullness since then.
    takes: u32,
    least_waiting: u16,
    lost: u64,
    late: u64,
}

#[derive(Debug, Default)]
struct Slot {
    sequence: u16,
    number: u8,
    full: bool,
    payload: Vec<u8>,
}

/// What is to be played next.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<'a> {
    /// This packet: payload number and payload.
    Packet(u8, &'a [u8]),
    /// This packet is one too many: decode it, but do not play it.
    Excess(u8, &'a [u8]),
    /// One that did not come, though later ones did.
    Lost,
    /// Nothing is there.
    Empty,
}

impl JitterBuffer {
    /// An empty buffer.
    pub fn new(rules: JitterRules) -> JitterBuffer {
        let slot = || Slot { payload: Vec::with_capacity(320), ..Slot::default() };
        JitterBuffer {
            rules,
            slots: (0..SLOTS).map(|_| slot()).collect(),
            next: None,
            end: 0,
            ssrc: 0,
            begins: None,
            last_came: Moment::default(),
            fastest: None,
            spread: Duration::ZERO,
            packet_time: Duration::from_millis(20),
            last_timestamp: 0,
            takes: 0,
            least_waiting: u16::MAX,
            lost: 0,
            late: 0,
        }
    }

    /// Changes the rules from here on.
    pub fn set_rules(&mut self, rules: JitterRules) {
        self.rules = rules;
    }

    /// Packets that did not come, and those that came too late to be played.
    pub fn losses(&self) -> (u64, u64) {
        (self.lost, self.late)
    }

    /// Forgets everything that waits.
    pub fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.full = false);
        self.next = None;
        self.begins = None;
        self.fastest = None;
    }

    /// Takes a packet in. `clock_rate` is its timestamp's.
    pub fn put(&mut self, now: Moment, header: super::Header, clock_rate: u32, payload: &[u8]) {
        let sequence = header.sequence;
        let ahead = self.next.map(|next| sequence.wrapping_sub(next) as i16);
        let in_step = ahead.is_some_and(|ahead| (-(SLOTS as i16)..SLOTS as i16).contains(&ahead));
        // What still waits is no end of a talkspurt: then it was us who were late.
        let paused = now.since(self.last_came) > PAUSE && self.waiting() == 0;
        if !in_step || header.ssrc != self.ssrc || paused {
            self.clear();
            self.ssrc = header.ssrc;
            self.next = Some(sequence);
            self.end = sequence;
            self.begins = Some(now + self.delay());
        } else if ahead.is_some_and(|ahead| ahead < 0) {
            if self.begins.is_none() {
                self.late += 1;
                return;
            }
            // Out of order at the beginning: begin with it.
            self.next = Some(sequence);
        }
        self.measure(now, header.timestamp, sequence, clock_rate);
        self.last_came = now;
        let slot = &mut self.slots[usize::from(sequence) % SLOTS];
        slot.payload.clear();
        slot.payload.extend_from_slice(payload);
        (slot.sequence, slot.number, slot.full) = (sequence, header.payload_type, true);
        if (sequence.wrapping_sub(self.end) as i16) >= 0 {
            self.end = sequence.wrapping_add(1);
        }
    }

    /// How much later than the fastest packets come; it is forgotten over some seconds.
    fn measure(&mut self, now: Moment, timestamp: u32, sequence: u16, clock_rate: u32) {
        let rate = i64::from(clock_rate.max(1));
        if sequence == self.end && self.fastest.is_some() {
            let step = i64::from(timestamp.wrapping_sub(self.last_timestamp)) * 1_000_000 / rate;
            if (5_000..=120_000).contains(&step) {
                self.packet_time = Duration::from_micros(step as u64);
            }
        }
        self.last_timestamp = timestamp;
        let transit = now.0 as i64 - i64::from(timestamp) * 1_000_000 / rate;
        // A clock that is slower than ours shows as a slow rise of the fastest.
        let fastest = self.fastest.map_or(transit, |fastest| transit.min(fastest + 20));
        self.fastest = Some(fastest);
        let later = Duration::from_micros((transit - fastest).max(0) as u64);
        if later > self.rules.resync {
            // Not jitter but another time line.
            self.fastest = Some(transit);
        } else {
            self.spread = (self.spread - self.spread / 512).max(later);
        }
    }

    /// The delay that what came so far asks for.
    pub fn delay(&self) -> Duration {
        if self.rules.fixed || self.fastest.is_none() && self.spread.is_zero() {
            return self.rules.start;
        }
        (self.spread + self.rules.extra).max(self.rules.least).min(self.rules.most)
    }

    /// Packets waiting, gaps included.
    fn waiting(&self) -> u16 {
        self.next.map_or(0, |next| self.end.wrapping_sub(next))
    }

    /// The packet that is to be played next, if it is there: what was lost before it may be told in it.
    pub fn following(&self) -> Option<(u8, &[u8])> {
        let next = self.next.filter(|_| self.waiting() > 0)?;
        let slot = &self.slots[usize::from(next) % SLOTS];
        (slot.full && slot.sequence == next).then_some((slot.number, &slot.payload[..]))
    }

    /// Gives what is to be played next.
    pub fn take(&mut self, now: Moment) -> Taken<'_> {
        let Some(next) = self.next else { return Taken::Empty };
        if let Some(begins) = self.begins {
            if now < begins {
                return Taken::Empty;
            }
            self.begins = None;
            (self.takes, self.least_waiting) = (0, u16::MAX);
        }
        let waiting = self.waiting();
        if waiting == 0 {
            self.least_waiting = 0;
            return Taken::Empty;
        }
        let excess = self.is_too_full(waiting);
        self.next = Some(next.wrapping_add(1));
        let slot = &mut self.slots[usize::from(next) % SLOTS];
        if !slot.full || slot.sequence != next {
            self.lost += 1;
            return Taken::Lost;
        }
        slot.full = false;
        if excess {
            Taken::Excess(slot.number, &slot.payload)
        } else {
            Taken::Packet(slot.number, &slot.payload)
        }
    }

    /// Once a second: whether more waited all the time than the delay asks for.
    fn is_too_full(&mut self, waiting: u16) -> bool {
        self.least_waiting = self.least_waiting.min(waiting);
        self.takes += 1;
        if self.takes < JUDGED_TAKES {
            return false;
        }
        let least = self.packet_time * u32::from(self.least_waiting);
        (self.takes, self.least_waiting) = (0, u16::MAX);
        !self.rules.fixed && least > self.delay().max(self.packet_time) + 2 * self.packet_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use crate::rtp::Header;

    fn header(sequence: u16) -> Header {
        let timestamp = u32::from(sequence) * 160;
        Header { marker: false, payload_type: 0, sequence, timestamp, ssrc: 1 }
    }

    /// Runs `count` packets with those delays (`None`: lost) and takes one every 20 ms; what was taken.
    fn run(delays: impl Fn(u16) -> Option<u64>, count: u16) -> Vec<Option<u8>> {
        let mut buffer = JitterBuffer::new(JitterRules::default());
        let mut arrivals: Vec<(u64, u16)> =
            (0..count).filter_map(|n| Some((u64::from(n) * 20_000 + delays(n)?, n))).collect();
        arrivals.sort_unstable();
        let mut arrivals = arrivals.into_iter().peekable();
        let mut heard = Vec::new();
        for at in (0..u64::from(count) * 20_000 + 400_000).step_by(20_000) {
            while let Some((came, n)) = arrivals.next_if(|(came, _)| *came <= at) {
                buffer.put(Moment(came), header(n), 8000, &[n as u8; 160]);
            }
            loop {
                match buffer.take(Moment(at)) {
                    Taken::Packet(_, payload) => heard.push(Some(payload[0])),
                    Taken::Lost => heard.push(None),
                    Taken::Excess(..) => continue,
                    Taken::Empty => {}
                }
                break;
            }
        }
        heard
    }

    #[test]
    fn a_steady_stream_is_played_whole_with_the_delay_of_the_start() {
        let heard = run(|_| Some(3_000), 200);
        assert_eq!(heard.len(), 200);
        assert!(heard.iter().all(Option::is_some));
    }

    #[test]
    fn jitter_of_forty_milliseconds_loses_nothing_once_it_is_known() {
        let rng = std::cell::RefCell::new(Rng::seeded(7));
        let delays: Vec<u64> = (0..500).map(|_| rng.borrow_mut().below(40_000)).collect();
        let heard = run(|n| Some(delays[usize::from(n)]), 500);
        assert!(heard[50..].iter().filter(|h| h.is_none()).count() == 0, "{heard:?}");
        assert!(heard.len() >= 490);
    }

    #[test]
    fn what_is_lost_is_told_once_and_what_is_late_is_counted() {
        let heard = run(|n| (n % 20 != 7).then_some(1_000), 100);
        assert_eq!(heard.iter().filter(|h| h.is_none()).count(), 5);
        assert_eq!(heard.iter().flatten().count(), 95);
    }

    /// After a burst of delay the buffer gives the time back.
    #[test]
    fn a_delay_that_is_over_is_taken_back() {
        let mut buffer = JitterBuffer::new(JitterRules::default());
        let (mut excess, mut last) = (0, 0);
        let mut came = 0;
        for at in (0..60_000_000u64).step_by(20_000) {
            // Between 2 s and 2.3 s nothing comes, then all of it at once.
            let until = if (2_000_000..2_150_000).contains(&at) { 2_000_000 } else { at };
            while came * 20_000 <= until {
                buffer.put(Moment(at), header(came as u16), 8000, &[0; 160]);
                came += 1;
            }
            while matches!(buffer.take(Moment(at)), Taken::Excess(..)) {
                excess += 1;
            }
            last = buffer.waiting();
        }
        assert!(excess >= 3 && last <= 3, "{excess} left out, {last} waiting");
    }

    #[test]
    fn a_pause_another_source_and_nonsense_begin_afresh() {
        let mut buffer = JitterBuffer::new(JitterRules::default());
        assert_eq!(buffer.take(Moment(0)), Taken::Empty);
        buffer.put(Moment(0), header(10), 8000, b"a");
        assert_eq!(buffer.take(Moment(39_000)), Taken::Empty);
        assert_eq!(buffer.take(Moment(40_000)), Taken::Packet(0, b"a"));
        assert_eq!(buffer.take(Moment(60_000)), Taken::Empty);
        buffer.put(Moment(70_000), header(30_000), 8000, b"b");
        assert!(matches!(buffer.take(Moment(200_000)), Taken::Packet(0, b"b")));
        buffer.put(Moment(210_000), Header { ssrc: 2, ..header(5) }, 8000, b"c");
        assert_eq!(buffer.take(Moment(400_000)), Taken::Packet(0, b"c"));
        buffer.put(Moment(410_000), Header { ssrc: 2, ..header(5) }, 8000, b"c");
        assert_eq!(buffer.losses().1, 1, "a packet that was played already");
    }

    /// `JITTERBUFFER(fixed)`: each packet is played so long after the first one, and the delay stays. `adaptive` adds its
    /// extra to what the network asks for.
    #[test]
    fn a_fixed_delay_stays_and_an_extra_one_is_added() {
        let delay = Duration::from_millis(120);
        let rules = JitterRules { start: delay, most: delay, fixed: true, ..JitterRules::default() };
        let mut buffer = JitterBuffer::new(rules);
        let mut first = None;
        for at in (0..3_000_000u64).step_by(20_000) {
            buffer.put(Moment(at), header((at / 20_000) as u16), 8000, &[0; 160]);
            if matches!(buffer.take(Moment(at)), Taken::Packet(..)) {
                first.get_or_insert(at);
            }
        }
        assert_eq!((first, buffer.waiting(), buffer.losses()), (Some(120_000), 6, (0, 0)));
        let extra = Duration::from_millis(40);
        let mut buffer = JitterBuffer::new(JitterRules { extra, ..JitterRules::default() });
        for n in 0..100u16 {
            let late = if n % 10 == 5 { 15_000 } else { 0 };
            buffer.put(Moment(u64::from(n) * 20_000 + late), header(n), 8000, &[0; 160]);
        }
        assert!((50..=55).contains(&buffer.delay().as_millis()), "{:?}", buffer.delay());
    }

    #[test]
    fn keeping_packets_allocates_nothing() {
        let mut buffer = JitterBuffer::new(JitterRules::default());
        let mut at = 0u64;
        let mut turn = |buffer: &mut JitterBuffer, n: u16| {
            buffer.put(Moment(at), header(n), 8000, &[1; 160]);
            let _ = buffer.take(Moment(at));
            at += 20_000;
        };
        let info = allocation_counter::measure(|| (0..1000).for_each(|n| turn(&mut buffer, n)));
        assert_eq!(info.count_total, 0);
    }
}
