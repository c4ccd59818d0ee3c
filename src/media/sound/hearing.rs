//! What comes from a phone: packets in, a frame of samples every 20 ms out.

use crate::base::time::Moment;
use crate::bridge::StreamCoding;
use crate::codec::{Coding, Concealer, Decoder, MAX_FRAME, MAX_PACKET, Noise, Resampler};
use crate::rtp::{Header, JitterBuffer, JitterRules, Taken};

/// Payload type of comfort noise (RFC 3389), agreed or not.
const COMFORT_NOISE: u8 = 13;
/// Samples that wait to be heard: a packet and a frame.
const QUEUE: usize = MAX_PACKET + 2 * MAX_FRAME;

/// The receiving side of a leg.
#[derive(Debug)]
pub(super) struct Hearing {
    pub jitter: JitterBuffer,
    reader: Reader,
}

/// Packets to samples.
#[derive(Debug)]
struct Reader {
    /// What the numbers hold.
    receive: Vec<(u8, Coding)>,
    /// Samples a second that come out.
    rate: u32,
    decoding: Coding,
    decoder: Decoder,
    resampler: Option<Resampler>,
    packet: Box<[i16]>,
    queue: Box<[i16]>,
    queued: usize,
    concealer: Concealer,
    /// Samples that the last packet gave.
    packet_samples: usize,
    /// Samples made up while nothing was there: if that turns out lost, its time has been filled.
    ahead: usize,
    noise: Noise,
    noise_level: Option<u8>,
}

impl Hearing {
    /// For a stream, heard at so many samples a second.
    pub fn new(coding: &StreamCoding, rate: u32, rules: JitterRules) -> Hearing {
        let first = coding.receive.first().map_or(coding.send, |(_, coding)| *coding);
        let mut reader = Reader {
            receive: coding.receive.clone(),
            rate,
            decoding: first,
            decoder: Decoder::new(first),
            resampler: None,
            packet: vec![0; MAX_PACKET].into(),
            queue: vec![0; QUEUE].into(),
            queued: 0,
            concealer: Concealer::new(rate),
            packet_samples: (rate / 50) as usize,
            ahead: 0,
            noise: Noise::default(),
            noise_level: None,
        };
        reader.decode_as(first);
        Hearing { jitter: JitterBuffer::new(rules), reader }
    }

    /// Goes on where another one was: its packets wait here now.
    pub fn go_on_from(&mut self, before: &mut Hearing) {
        std::mem::swap(&mut self.jitter, &mut before.jitter);
        self.reader.noise_level = before.reader.noise_level;
    }

    /// A packet came. What is neither a codec of ours nor comfort noise is not for us.
    pub fn packet(&mut self, now: Moment, header: Header, payload: &[u8]) {
        let coding = self.reader.receive.iter().find(|(number, _)| *number == header.payload_type);
        let clock_rate = match coding {
            Some((_, coding)) => coding.clock_rate(),
            None if header.payload_type == COMFORT_NOISE => self.reader.decoding.clock_rate(),
            None => return,
        };
        self.jitter.put(now, header, clock_rate, payload);
    }

    /// The next frame; false when it is silence because nothing comes.
    pub fn frame(&mut self, now: Moment, out: &mut [i16]) -> bool {
        let Hearing { jitter, reader } = self;
        // Each packet gives at least a sample, and an empty buffer ends it.
        for _ in 0..16 {
            if reader.queued >= out.len() {
                break;
            }
            match jitter.take(now) {
                Taken::Packet(COMFORT_NOISE, payload) | Taken::Excess(COMFORT_NOISE, payload) => {
                    reader.noise_level = payload.first().copied();
                }
                Taken::Packet(number, payload) if reader.reads_whole(number, payload, out.len()) => {
                    // The usual packet is just one frame: nothing waits, nothing is moved.
                    return reader.read_whole(payload, out);
                }
                Taken::Packet(number, payload) => reader.read(number, payload),
                Taken::Excess(number, payload) => reader.pass_over(number, payload),
                Taken::Lost => reader.lost(jitter.following()),
                Taken::Empty => break,
            }
        }
        reader.give(out)
    }
}

impl Reader {
    fn decode_as(&mut self, coding: Coding) {
        self.decoding = coding;
        self.decoder = Decoder::new(coding);
        let own = coding.sample_rate();
        self.resampler = (own != self.rate).then(|| Resampler::new(own, self.rate));
    }

    /// Decodes a packet; how many samples of its own rate there are in `packet`.
    fn decode(&mut self, number: u8, payload: &[u8]) -> usize {
        let coding = self.receive.iter().find(|(known, _)| *known == number).map(|(_, coding)| *coding);
        if let Some(coding) = coding.filter(|coding| *coding != self.decoding) {
            self.decode_as(coding);
        }
        self.decoder.decode(payload, &mut self.packet)
    }

    /// Whether a packet gives just the samples of a frame, with nothing waiting before them.
    fn reads_whole(&self, number: u8, payload: &[u8], samples: usize) -> bool {
        self.queued == 0
            && self.resampler.is_none()
            && self.decoder.samples_in(payload) == Some(samples)
            && self.receive.contains(&(number, self.decoding))
    }

    fn read_whole(&mut self, payload: &[u8], out: &mut [i16]) -> bool {
        self.noise_level = None;
        self.ahead = 0;
        let count = self.decoder.decode(payload, out);
        out[count..].fill(0);
        self.packet_samples = out.len().max(1);
        self.concealer.heard(out);
        true
    }

    fn read(&mut self, number: u8, payload: &[u8]) {
        self.noise_level = None;
        self.ahead = 0;
        let count = self.decode(number, payload);
        if count == 0 {
            // Broken: as good as lost.
            return self.conceal(self.packet_samples);
        }
        self.queue(count);
    }

    /// Brings decoded samples to our rate and queues them.
    fn queue(&mut self, count: usize) {
        let start = self.queued;
        match &mut self.resampler {
            Some(resampler) => {
                for part in self.packet[..count].chunks(MAX_FRAME) {
                    self.queued += resampler.process(part, &mut self.queue[self.queued..]);
                }
            }
            None => {
                let fits = count.min(self.queue.len() - start);
                self.queue[start..start + fits].copy_from_slice(&self.packet[..fits]);
                self.queued += fits;
            }
        }
        self.packet_samples = (self.queued - start).max(1);
        self.concealer.heard(&mut self.queue[start..self.queued]);
    }

    /// A packet that never came; `following` is the one after it.
    fn lost(&mut self, following: Option<(u8, &[u8])>) {
        let filled = self.ahead.min(self.packet_samples);
        self.ahead -= filled;
        if filled == self.packet_samples {
            return;
        }
        let known = following.filter(|(number, _)| self.receive.contains(&(*number, self.decoding)));
        match known.and_then(|(_, payload)| self.decoder.recover(payload, &mut self.packet)) {
            Some(count) => self.queue(count),
            None => self.conceal(self.packet_samples - filled),
        }
    }

    /// A packet that is not played: the decoder must see it, and what follows is blended in.
    fn pass_over(&mut self, number: u8, payload: &[u8]) {
        self.decode(number, payload);
        let mut blend = [0; 1];
        self.concealer.conceal(&mut blend);
    }

    fn conceal(&mut self, samples: usize) {
        let end = (self.queued + samples).min(self.queue.len());
        let gap = &mut self.queue[self.queued..end];
        if !self.concealer.conceal(gap)
            && let Some(level) = self.noise_level
        {
            self.noise.fill(level, gap);
        }
        self.queued = end;
    }

    fn give(&mut self, out: &mut [i16]) -> bool {
        let there = self.queued.min(out.len());
        out[..there].copy_from_slice(&self.queue[..there]);
        self.queue.copy_within(there..self.queued, 0);
        self.queued -= there;
        let rest = &mut out[there..];
        if rest.is_empty() {
            return true;
        }
        self.ahead += rest.len();
        let sounds = self.concealer.conceal(rest);
        if !sounds && let Some(level) = self.noise_level {
            self.noise.fill(level, rest);
            return true;
        }
        sounds || there > 0
    }
}
