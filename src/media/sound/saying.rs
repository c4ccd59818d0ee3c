//! What goes to a phone: a frame of samples every 20 ms in, packets of the agreed length out.

use super::super::port::Port;
use crate::base::time::Moment;
use crate::bridge::StreamCoding;
use crate::codec::{Coding, Encoder, MAX_FRAME, MAX_PACKET, MAX_PAYLOAD};
use crate::rtp::packet::HEADER_BYTES;

/// The sending side of a leg.
#[derive(Debug)]
pub(super) struct Saying {
    send_number: u8,
    coding: Coding,
    encoder: Encoder,
    waiting: Box<[i16]>,
    waits: usize,
    /// Samples in one packet.
    packet_samples: usize,
    /// What one packet adds to the timestamp.
    step: u32,
    /// Of the next packet; `None` when nothing was sent just before.
    timestamp: Option<u32>,
}

/// A packet to be sent, whose payload is in its place.
#[derive(Debug)]
pub(super) struct Packet {
    pub number: u8,
    pub timestamp: u32,
    /// The first after a pause.
    pub first: bool,
    /// Bytes of its payload.
    pub bytes: usize,
}

/// Where packets go.
pub(super) trait Way {
    /// The timestamp of what is said now, after a pause.
    fn timestamp(&self, now: Moment) -> u32;
    /// The place for the payload of the next packet, [`MAX_PAYLOAD`] bytes.
    fn payload(&mut self) -> &mut [u8];
    /// Sends it.
    fn send(&mut self, now: Moment, packet: Packet);
}

impl Saying {
    /// For a stream.
    pub fn new(coding: &StreamCoding) -> Saying {
        let ms = coding.send.packet_ms(u32::from(coding.packet_ms));
        Saying {
            send_number: coding.send_number,
            coding: coding.send,
            encoder: Encoder::as_wished(coding.send, &coding.wishes),
            waiting: vec![0; MAX_PACKET + MAX_FRAME].into(),
            waits: 0,
            packet_samples: coding.send.samples(ms).max(1),
            step: coding.send.clock_rate() * ms / 1000,
            timestamp: None,
        }
    }

    /// What it encodes.
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Encodes a frame for others too; the coding has no memory.
    pub fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> usize {
        self.encoder.encode(samples, out)
    }

    /// Whether a frame is a packet now: nothing waits before it, and it is as long as one.
    pub fn takes_whole_frames(&self, samples: usize) -> bool {
        self.waits == 0 && self.packet_samples == samples
    }

    /// Sends a packet that is encoded already.
    pub fn send_encoded(&mut self, now: Moment, bytes: &[u8], way: &mut impl Way) {
        let payload = way.payload();
        let fits = bytes.len().min(payload.len());
        payload[..fits].copy_from_slice(&bytes[..fits]);
        self.send(now, fits, way);
    }

    /// Goes on with the time line of another one.
    pub fn go_on_from(&mut self, before: &Saying) {
        self.timestamp = before.timestamp;
    }

    /// Nothing is said now: the next packet begins anew.
    pub fn pause(&mut self) {
        self.timestamp = None;
        self.waits = 0;
    }

    /// Sends a frame, with what waited before it, as far as it makes whole packets.
    pub fn frame(&mut self, now: Moment, samples: &[i16], way: &mut impl Way) {
        if self.waits == 0 && samples.len() == self.packet_samples {
            // The usual packet is just one frame: nothing waits, nothing is moved.
            let bytes = self.encoder.encode(samples, way.payload());
            return self.send(now, bytes, way);
        }
        let end = (self.waits + samples.len()).min(self.waiting.len());
        self.waiting[self.waits..end].copy_from_slice(&samples[..end - self.waits]);
        self.waits = end;
        let mut at = 0;
        while self.waits - at >= self.packet_samples {
            let bytes = self.encoder.encode(&self.waiting[at..at + self.packet_samples], way.payload());
            at += self.packet_samples;
            self.send(now, bytes, way);
        }
        self.waiting.copy_within(at..self.waits, 0);
        self.waits -= at;
    }

    fn send(&mut self, now: Moment, bytes: usize, way: &mut impl Way) {
        let first = self.timestamp.is_none();
        let timestamp = self.timestamp.unwrap_or_else(|| way.timestamp(now));
        self.timestamp = Some(timestamp.wrapping_add(self.step));
        if bytes > 0 {
            way.send(now, Packet { number: self.send_number, timestamp, first, bytes });
        }
    }
}

/// A port, and where its packets are made.
pub(super) struct ByPort<'a>(pub &'a mut Port, pub &'a mut [u8]);

impl Way for ByPort<'_> {
    fn timestamp(&self, now: Moment) -> u32 {
        self.0.out.timestamp_at(now)
    }

    fn payload(&mut self) -> &mut [u8] {
        &mut self.1[HEADER_BYTES..HEADER_BYTES + MAX_PAYLOAD]
    }

    fn send(&mut self, now: Moment, packet: Packet) {
        let ByPort(port, buffer) = self;
        let to = port.source.send_to().filter(|_| port.gate.send && port.digits_out.is_none());
        let Some(to) = to else {
            // A digit has the stream, or nobody may hear us: time goes on.
            return;
        };
        let length = HEADER_BYTES + packet.bytes;
        let header = port.out.own(now, packet.number, packet.timestamp, packet.first, length);
        if header.build(&[], buffer).is_some() && port.rtp.send_to(&buffer[..length], to).is_err() {
            port.counters.send_failed += 1;
        }
    }
}
