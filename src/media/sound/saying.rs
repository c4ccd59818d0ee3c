//! What goes to a phone: a frame of samples every 20 ms in, packets of the agreed length out.

use super::super::port::Port;
use crate::base::time::Moment;
use crate::bridge::StreamCoding;
use crate::codec::{Coding, Encoder, MAX_FRAME, MAX_PACKET};
use crate::rtp::packet::HEADER_BYTES;

/// Bytes of the longest payload we make: 48,000 samples a second uncoded for 20 ms, or G.711 for 120 ms.
const PAYLOAD: usize = 2 * MAX_FRAME;

/// The sending side of a leg.
#[derive(Debug)]
pub(super) struct Saying {
    coding: StreamCoding,
    encoder: Encoder,
    waiting: Box<[i16]>,
    waits: usize,
    /// Samples in one packet.
    packet_samples: usize,
    /// What one packet adds to the timestamp.
    step: u32,
    /// Of the next packet; `None` when nothing was sent just before.
    timestamp: Option<u32>,
    payload: Box<[u8]>,
}

impl Saying {
    /// For a stream.
    pub fn new(coding: &StreamCoding) -> Saying {
        // Uncoded sound at a high rate fills a datagram fast.
        let fits = (PAYLOAD as u32 * 1000 / (coding.send.sample_rate() * 2)).max(10);
        let uncoded = matches!(coding.send, crate::codec::Coding::Linear(_));
        let ms = u32::from(coding.packet_ms);
        // GSM has frames of 20 ms, of which a packet holds some.
        let ms = match coding.send {
            _ if uncoded => ms.min(fits),
            crate::codec::Coding::Gsm => (ms / 20 * 20).max(20),
            _ => ms,
        };
        Saying {
            encoder: Encoder::new(coding.send),
            waiting: vec![0; MAX_PACKET + MAX_FRAME].into(),
            waits: 0,
            packet_samples: coding.send.samples(ms).max(1),
            step: coding.send.clock_rate() * ms / 1000,
            timestamp: None,
            payload: vec![0; PAYLOAD].into(),
            coding: coding.clone(),
        }
    }

    /// What it encodes.
    pub fn coding(&self) -> Coding {
        self.coding.send
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
    pub fn send_encoded(&mut self, now: Moment, bytes: &[u8], port: &mut Port, buffer: &mut [u8]) {
        let fits = bytes.len().min(self.payload.len());
        self.payload[..fits].copy_from_slice(&bytes[..fits]);
        self.send(now, fits, port, buffer);
    }

    /// Nothing is said now: the next packet begins anew.
    pub fn pause(&mut self) {
        self.timestamp = None;
        self.waits = 0;
    }

    /// Sends a frame, with what waited before it, as far as it makes whole packets.
    pub fn frame(&mut self, now: Moment, samples: &[i16], port: &mut Port, buffer: &mut [u8]) {
        let end = (self.waits + samples.len()).min(self.waiting.len());
        self.waiting[self.waits..end].copy_from_slice(&samples[..end - self.waits]);
        self.waits = end;
        let mut at = 0;
        while self.waits - at >= self.packet_samples {
            let bytes =
                self.encoder.encode(&self.waiting[at..at + self.packet_samples], &mut self.payload[..]);
            at += self.packet_samples;
            self.send(now, bytes, port, buffer);
        }
        self.waiting.copy_within(at..self.waits, 0);
        self.waits -= at;
    }

    fn send(&mut self, now: Moment, bytes: usize, port: &mut Port, buffer: &mut [u8]) {
        let first = self.timestamp.is_none();
        let timestamp = self.timestamp.unwrap_or_else(|| port.out.timestamp_at(now));
        self.timestamp = Some(timestamp.wrapping_add(self.step));
        let to = port.source.send_to().filter(|_| port.gate.send && port.digits_out.is_none());
        let Some(to) = to else {
            // A digit has the stream, or nobody may hear us: time goes on.
            return;
        };
        let length = HEADER_BYTES + bytes;
        let header = port.out.own(now, self.coding.send_number, timestamp, first, length);
        if let Some(length) = header.build(&self.payload[..bytes], buffer)
            && port.rtp.send_to(&buffer[..length], to).is_err()
        {
            port.counters.send_failed += 1;
        }
    }
}
