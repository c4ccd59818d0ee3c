//! Opus (RFC 6716), as RFC 7587 carries it. One side of ours is mono, at the rate that is least work: the decoder makes
//! any rate of what came, and the encoder takes any.

use rusty_opus::{Application, Bandwidth, OpusDecoder, OpusEncoder};
use std::fmt;

/// What the other side asks of what we send (RFC 7587 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// `maxplaybackrate`: sound above half of it is not heard.
    pub most_rate: u32,
    /// `maxaveragebitrate`.
    pub most_bits_per_second: u32,
    /// `useinbandfec`: each packet also holds a rough copy of the one before.
    pub correction: bool,
    /// `cbr`: packets of one size.
    pub constant: bool,
}

impl Default for Wishes {
    fn default() -> Wishes {
        Wishes { most_rate: 48_000, most_bits_per_second: 510_000, correction: false, constant: false }
    }
}

impl Wishes {
    /// Of the parameters of an `fmtp` line.
    pub fn read(fmtp: &str) -> Wishes {
        let mut wishes = Wishes::default();
        for (key, value) in fmtp.split(';').filter_map(|part| part.split_once('=')) {
            let (key, value) = (key.trim(), value.trim().parse::<u32>().ok());
            match (key, value) {
                ("maxplaybackrate", Some(rate)) => wishes.most_rate = rate.clamp(8_000, 48_000),
                ("maxaveragebitrate", Some(bits)) => wishes.most_bits_per_second = bits.clamp(6_000, 510_000),
                ("useinbandfec", Some(on)) => wishes.correction = on == 1,
                ("cbr", Some(on)) => wishes.constant = on == 1,
                _ => {}
            }
        }
        wishes
    }
}

/// The least of Opus's own rates that holds sound of `rate` samples a second.
pub fn rate_for(rate: u32) -> u32 {
    [8_000, 12_000, 16_000, 24_000].into_iter().find(|own| *own >= rate).unwrap_or(48_000)
}

/// Whether a packet holds a copy of the one before it (RFC 6716 4.2.4: the bit after those of voice activity).
fn holds_copy(packet: &[u8]) -> bool {
    let [toc, first, ..] = packet else { return false };
    let frames = match toc >> 3 {
        // SILK alone: 10, 20, 40, 60 ms.
        configuration @ 0..12 => [1, 1, 2, 3][usize::from(configuration & 3)],
        12..16 => 1,
        _ => return false,
    };
    toc & 3 == 0 && first >> (7 - frames) & 1 == 1
}

/// Half of the effort that it may take: what speech gains above it is hardly heard, and costs as much again.
const COMPLEXITY: i32 = 5;
/// Losses for which redundancy is made, in per cent, when it is asked for.
const EXPECTED_LOSS: i32 = 10;

/// Reads Opus.
pub struct Decoder {
    inner: OpusDecoder,
    floats: Box<[f32]>,
    /// Samples that the last packet held.
    last: usize,
}

impl Decoder {
    /// A decoder without a past, to so many samples a second: one of [`rate_for`].
    pub fn new(rate: u32) -> Decoder {
        let inner = OpusDecoder::new(rate as i32, 1).expect("one of Opus's own rates, one channel");
        let most = rate as usize * 120 / 1000;
        Decoder { inner, floats: vec![0.0; most].into(), last: rate as usize / 50 }
    }

    /// Reads a packet; how many samples it wrote: none of a broken one.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> usize {
        if payload.is_empty() {
            return 0;
        }
        let most = self.floats.len();
        let Ok(count) = self.inner.decode(payload, most, &mut self.floats) else { return 0 };
        self.last = count.max(1);
        self.give(count, out)
    }

    /// Reads the copy of a lost packet out of the one that `following` it, if that holds one.
    pub fn recover(&mut self, following: &[u8], out: &mut [i16]) -> Option<usize> {
        if !holds_copy(following) {
            return None;
        }
        let count = self.inner.decode_fec(following, self.last, &mut self.floats).ok()?;
        Some(self.give(count, out)).filter(|count| *count > 0)
    }

    fn give(&self, count: usize, out: &mut [i16]) -> usize {
        let samples = self.floats[..count.min(self.floats.len())].iter();
        // `as` holds the limits.
        out.iter_mut().zip(samples).map(|(out, sample)| *out = (sample * 32_768.0) as i16).count()
    }
}

/// Writes Opus.
pub struct Encoder {
    inner: OpusEncoder,
    floats: Box<[f32]>,
}

impl Encoder {
    /// An encoder without a past, of so many samples a second: one of [`rate_for`].
    pub fn new(rate: u32, wishes: &Wishes) -> Encoder {
        let mut inner = OpusEncoder::new(rate as i32, 1, Application::Voip)
            .expect("one of Opus's own rates, one channel");
        // RFC 7587 3.1.1: the sweet spots for speech.
        let bits = match rate {
            ..=8_000 => 16_000,
            8_001..=16_000 => 24_000,
            _ => 32_000,
        };
        inner.bitrate_bps = bits.min(wishes.most_bits_per_second as i32);
        inner.complexity = COMPLEXITY;
        inner.use_cbr = wishes.constant;
        inner.use_inband_fec = wishes.correction;
        inner.packet_loss_perc = if wishes.correction { EXPECTED_LOSS } else { 0 };
        inner.max_bandwidth = match wishes.most_rate {
            ..12_000 => Bandwidth::Narrowband,
            12_000..16_000 => Bandwidth::Mediumband,
            16_000..24_000 => Bandwidth::Wideband,
            24_000..48_000 => Bandwidth::Superwideband,
            _ => Bandwidth::Fullband,
        };
        Encoder { inner, floats: vec![0.0; rate as usize * 60 / 1000].into() }
    }

    /// Writes one packet of 10, 20, 40 or 60 ms; how many bytes it became: none of another length.
    pub fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> usize {
        let count = samples.len().min(self.floats.len());
        self.floats.iter_mut().zip(samples).for_each(|(float, s)| *float = f32::from(*s) / 32_768.0);
        self.inner.encode(&self.floats[..count], count, out).unwrap_or(0)
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("last", &self.last).finish_non_exhaustive()
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("bits_per_second", &self.inner.bitrate_bps).finish_non_exhaustive()
    }
}
