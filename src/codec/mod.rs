//! Rank 1: sound as numbers. Codecs, resampling, mixing, gain, tones, tone detection, loss concealment, the headers of
//! sound files. No sockets, clocks or files: bytes and samples come in, bytes and samples go out, and nothing is
//! allocated once a coder is made.
//!
//! ```text
//! payload ─Decoder─▶ samples ─Resampler─▶ … mix, gain, detect … ─Resampler─▶ samples ─Encoder─▶ payload
//! ```

mod agc;
mod conceal;
mod dtmf;
mod fax_tone;
mod g711;
mod g722;
mod g726;
#[cfg(feature = "g729")]
mod g729;
mod gsm;
mod level;
mod mix;
mod noise;
mod opus;
mod resample;
mod tone;
pub mod wav;

pub use agc::AutoGain;
pub use conceal::Concealer;
pub use dtmf::ToneDetector;
pub use fax_tone::FaxToneDetector;
pub use g711::{ALAW_TO_ULAW, ULAW_TO_ALAW, alaw_decode, alaw_encode, ulaw_decode, ulaw_encode};
pub use gsm::FRAME_BYTES as GSM_FRAME_BYTES;
pub use level::{Gain, add, level_of, subtract};
pub use mix::Mix;
pub use noise::Noise;
pub use opus::{Wishes, rate_for as opus_rate_for};
pub use resample::Resampler;
pub use tone::{ToneFault, ToneGenerator, ToneList};

/// Milliseconds of one frame: the step in which sound is mixed.
pub const FRAME_MS: u32 = 20;
/// Most samples a second of any coding.
pub const MAX_RATE: u32 = 48_000;
/// Most samples of one frame.
pub const MAX_FRAME: usize = (MAX_RATE / 1000 * FRAME_MS) as usize;
/// Most samples that one packet decodes to: 120 ms, the longest packet of any codec here.
pub const MAX_PACKET: usize = (MAX_RATE / 1000 * 120) as usize;

/// Bytes of the longest payload we make: 48,000 samples a second uncoded for 20 ms.
pub const MAX_PAYLOAD: usize = 2 * MAX_FRAME;

/// A way to write sound as bytes that we can read and write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Coding {
    /// G.711 µ-law.
    Ulaw,
    /// G.711 A-law.
    Alaw,
    /// G.722 at 64 kbit/s.
    G722,
    /// GSM 06.10 full rate.
    Gsm,
    /// G.726 at 32 kbit/s in RFC 3551's order.
    G726,
    /// G.726 at 32 kbit/s in AAL2's order.
    G726Aal2,
    /// G.729 Annex A.
    #[cfg(feature = "g729")]
    G729,
    /// Opus, read and written at this rate, which its packets do not depend on.
    Opus(u32),
    /// Sixteen bits a sample, big-endian (RFC 3551 L16), at this rate.
    Linear(u32),
}

impl Coding {
    /// The coding of an `allow` word; `None` for what passes through us unread.
    pub fn from_name(name: &str) -> Option<Coding> {
        Some(match name {
            "ulaw" => Coding::Ulaw,
            "alaw" => Coding::Alaw,
            "g722" => Coding::G722,
            "gsm" => Coding::Gsm,
            "g726" => Coding::G726,
            "g726aal2" => Coding::G726Aal2,
            #[cfg(feature = "g729")]
            "g729" => Coding::G729,
            "opus" => Coding::Opus(48_000),
            "slin" => Coding::Linear(8_000),
            "slin12" => Coding::Linear(12_000),
            "slin16" => Coding::Linear(16_000),
            "slin24" => Coding::Linear(24_000),
            "slin32" => Coding::Linear(32_000),
            "slin48" => Coding::Linear(48_000),
            _ => return None,
        })
    }

    /// Whether each sample is written by itself, so that what one encoder makes of a sound every other makes too.
    pub fn has_no_memory(self) -> bool {
        matches!(self, Coding::Ulaw | Coding::Alaw | Coding::Linear(_))
    }

    /// Samples a second of the sound.
    pub fn sample_rate(self) -> u32 {
        match self {
            Coding::Ulaw | Coding::Alaw | Coding::Gsm | Coding::G726 | Coding::G726Aal2 => 8_000,
            #[cfg(feature = "g729")]
            Coding::G729 => 8_000,
            Coding::G722 => 16_000,
            Coding::Linear(rate) | Coding::Opus(rate) => rate,
        }
    }

    /// Hertz of its RTP timestamp.
    pub fn clock_rate(self) -> u32 {
        match self {
            Coding::G722 => 8_000,
            Coding::Opus(_) => 48_000,
            _ => self.sample_rate(),
        }
    }

    /// The same coding for sound of so many samples a second, where it leaves the choice: Opus.
    pub fn at_rate(self, rate: u32) -> Coding {
        match self {
            Coding::Opus(_) => Coding::Opus(opus::rate_for(rate)),
            other => other,
        }
    }

    /// Milliseconds of a packet that is made for somebody who wants `wanted` (10 to 120): GSM has frames of 20 ms, Opus
    /// knows four lengths, and uncoded sound at a high rate fills a datagram fast.
    pub fn packet_ms(self, wanted: u32) -> u32 {
        match self {
            Coding::Gsm => (wanted / 20 * 20).max(20),
            #[cfg(feature = "g729")]
            Coding::G729 => (wanted / 10 * 10).max(10),
            Coding::Opus(_) => [60, 40, 20].into_iter().find(|ms| *ms <= wanted).unwrap_or(10),
            Coding::Linear(rate) => wanted.min((MAX_PAYLOAD as u32 * 1000 / (rate * 2)).max(10)),
            _ => wanted,
        }
    }

    /// Samples of so many milliseconds.
    pub fn samples(self, ms: u32) -> usize {
        (self.sample_rate() * ms / 1000) as usize
    }

    /// What decoding and encoding costs, in tenths of a G.711 step. Only the order matters: the cheaper of two ways is
    /// taken.
    pub fn cost(self) -> u32 {
        match self {
            Coding::Linear(_) => 8,
            Coding::Ulaw | Coding::Alaw => 10,
            Coding::G722 => 120,
            Coding::Gsm => 150,
            Coding::G726 | Coding::G726Aal2 => 160,
            #[cfg(feature = "g729")]
            Coding::G729 => 1_400,
            Coding::Opus(_) => 1_500,
        }
    }
}

/// Reads one coding. Packets go in one after the other.
#[derive(Debug)]
pub enum Decoder {
    /// See [`Coding::Ulaw`].
    Ulaw,
    /// See [`Coding::Alaw`].
    Alaw,
    /// See [`Coding::G722`].
    G722(Box<g722::Decoder>),
    /// See [`Coding::Gsm`].
    Gsm(Box<gsm::Decoder>),
    /// See [`Coding::G726`].
    G726(Box<g726::Decoder>),
    /// See [`Coding::G729`].
    #[cfg(feature = "g729")]
    G729(g729::Decoder),
    /// See [`Coding::Opus`].
    Opus(Box<opus::Decoder>),
    /// See [`Coding::Linear`].
    Linear,
}

impl Decoder {
    /// A decoder without a past.
    pub fn new(coding: Coding) -> Decoder {
        match coding {
            Coding::Ulaw => Decoder::Ulaw,
            Coding::Alaw => Decoder::Alaw,
            Coding::G722 => Decoder::G722(Box::default()),
            Coding::Gsm => Decoder::Gsm(Box::default()),
            Coding::G726 => Decoder::G726(Box::new(g726::Decoder::new(g726::Order::LowFirst))),
            Coding::G726Aal2 => Decoder::G726(Box::new(g726::Decoder::new(g726::Order::HighFirst))),
            #[cfg(feature = "g729")]
            Coding::G729 => Decoder::G729(g729::Decoder::default()),
            Coding::Opus(rate) => Decoder::Opus(Box::new(opus::Decoder::new(opus::rate_for(rate)))),
            Coding::Linear(_) => Decoder::Linear,
        }
    }

    /// Reads a packet; how many samples it wrote. What has no room in `out` is left out.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> usize {
        match self {
            Decoder::Ulaw => each(payload, out, ulaw_decode),
            Decoder::Alaw => each(payload, out, alaw_decode),
            Decoder::G722(decoder) => decoder.decode(payload, out),
            Decoder::Gsm(decoder) => decoder.decode(payload, out),
            Decoder::G726(decoder) => decoder.decode(payload, out),
            #[cfg(feature = "g729")]
            Decoder::G729(decoder) => decoder.decode(payload, out),
            Decoder::Opus(decoder) => decoder.decode(payload, out),
            Decoder::Linear => {
                let samples = payload.chunks_exact(2).map(|two| i16::from_be_bytes([two[0], two[1]]));
                out.iter_mut().zip(samples).map(|(out, sample)| *out = sample).count()
            }
        }
    }
}

impl Decoder {
    /// Samples in a packet of a coding whose packets tell that by their length.
    pub fn samples_in(&self, payload: &[u8]) -> Option<usize> {
        match self {
            Decoder::Ulaw | Decoder::Alaw => Some(payload.len()),
            Decoder::G722(_) | Decoder::G726(_) => Some(2 * payload.len()),
            Decoder::Linear => Some(payload.len() / 2),
            Decoder::Gsm(_) | Decoder::Opus(_) => None,
            #[cfg(feature = "g729")]
            Decoder::G729(_) => None,
        }
    }

    /// Reads a lost packet out of the one after it, where that holds a copy: Opus.
    pub fn recover(&mut self, following: &[u8], out: &mut [i16]) -> Option<usize> {
        match self {
            Decoder::Opus(decoder) => decoder.recover(following, out),
            _ => None,
        }
    }
}

fn each(payload: &[u8], out: &mut [i16], one: impl Fn(u8) -> i16) -> usize {
    out.iter_mut().zip(payload).map(|(out, byte)| *out = one(*byte)).count()
}

/// Writes one coding.
#[derive(Debug)]
pub enum Encoder {
    /// See [`Coding::Ulaw`].
    Ulaw,
    /// See [`Coding::Alaw`].
    Alaw,
    /// See [`Coding::G722`].
    G722(Box<g722::Encoder>),
    /// See [`Coding::Gsm`].
    Gsm(Box<gsm::Encoder>),
    /// See [`Coding::G726`].
    G726(Box<g726::Encoder>),
    /// See [`Coding::G729`].
    #[cfg(feature = "g729")]
    G729(g729::Encoder),
    /// See [`Coding::Opus`].
    Opus(Box<opus::Encoder>),
    /// See [`Coding::Linear`].
    Linear,
}

impl Encoder {
    /// An encoder without a past.
    pub fn new(coding: Coding) -> Encoder {
        Encoder::as_wished(coding, &Wishes::default())
    }

    /// The same, as the other side wishes; only Opus leaves it a choice.
    pub fn as_wished(coding: Coding, wishes: &Wishes) -> Encoder {
        match coding {
            Coding::Ulaw => Encoder::Ulaw,
            Coding::Alaw => Encoder::Alaw,
            Coding::G722 => Encoder::G722(Box::default()),
            Coding::Gsm => Encoder::Gsm(Box::default()),
            Coding::G726 => Encoder::G726(Box::new(g726::Encoder::new(g726::Order::LowFirst))),
            Coding::G726Aal2 => Encoder::G726(Box::new(g726::Encoder::new(g726::Order::HighFirst))),
            #[cfg(feature = "g729")]
            Coding::G729 => Encoder::G729(g729::Encoder::default()),
            Coding::Opus(rate) => Encoder::Opus(Box::new(opus::Encoder::new(opus::rate_for(rate), wishes))),
            Coding::Linear(_) => Encoder::Linear,
        }
    }

    /// Writes samples; how many bytes they became. What has no room in `out` is left out.
    pub fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> usize {
        match self {
            Encoder::Ulaw => out.iter_mut().zip(samples).map(|(out, s)| *out = ulaw_encode(*s)).count(),
            Encoder::Alaw => out.iter_mut().zip(samples).map(|(out, s)| *out = alaw_encode(*s)).count(),
            Encoder::G722(encoder) => encoder.encode(samples, out),
            Encoder::Gsm(encoder) => encoder.encode(samples, out),
            Encoder::G726(encoder) => encoder.encode(samples, out),
            #[cfg(feature = "g729")]
            Encoder::G729(encoder) => encoder.encode(samples, out),
            Encoder::Opus(encoder) => encoder.encode(samples, out),
            Encoder::Linear => {
                let two = out.chunks_exact_mut(2).zip(samples);
                two.map(|(out, sample)| out.copy_from_slice(&sample.to_be_bytes())).count() * 2
            }
        }
    }
}

#[cfg(test)]
mod tests;
