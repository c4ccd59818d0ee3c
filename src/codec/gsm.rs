//! GSM 06.10 full rate: 160 samples in 33 bytes, by linear prediction, long-term prediction and a regular pulse train.
//! Sixteen-bit arithmetic as the standard prescribes it; names are the standard's.

mod analysis;
mod arithmetic;

use arithmetic::*;

/// Bytes of one frame.
pub const FRAME_BYTES: usize = 33;
/// Samples of one frame.
pub const FRAME_SAMPLES: usize = 160;

/// The parameters of one frame.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    larc: [i16; 8],
    sub: [SubFrame; 4],
}

#[derive(Clone, Copy, Debug, Default)]
struct SubFrame {
    nc: i16,
    bc: i16,
    mc: i16,
    xmaxc: i16,
    xmc: [i16; 13],
}

const LAR_BITS: [u32; 8] = [6, 6, 5, 5, 4, 4, 3, 3];

impl Frame {
    /// Visits every field with its width, in the order of the bits.
    fn fields(&mut self, mut visit: impl FnMut(&mut i16, u32)) {
        for (lar, bits) in self.larc.iter_mut().zip(LAR_BITS) {
            visit(lar, bits);
        }
        for sub in &mut self.sub {
            visit(&mut sub.nc, 7);
            visit(&mut sub.bc, 2);
            visit(&mut sub.mc, 2);
            visit(&mut sub.xmaxc, 6);
            for pulse in &mut sub.xmc {
                visit(pulse, 3);
            }
        }
    }

    fn unpack(bytes: &[u8; FRAME_BYTES]) -> Option<Frame> {
        if bytes[0] >> 4 != 0xd {
            return None;
        }
        let (mut frame, mut at) = (Frame::default(), 4usize);
        frame.fields(|field, bits| {
            for _ in 0..bits {
                *field = (*field << 1) | i16::from((bytes[at / 8] >> (7 - at % 8)) & 1);
                at += 1;
            }
        });
        Some(frame)
    }

    fn pack(&mut self) -> [u8; FRAME_BYTES] {
        let (mut bytes, mut at) = ([0u8; FRAME_BYTES], 4usize);
        bytes[0] = 0xd0;
        self.fields(|field, bits| {
            for bit in (0..bits).rev() {
                bytes[at / 8] |= (((*field >> bit) & 1) as u8) << (7 - at % 8);
                at += 1;
            }
        });
        bytes
    }
}

/// Reads GSM.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// The short-term residual of the last 120 samples, and 40 new ones.
    drp: [i16; 160],
    nrp: i16,
    larpp: [i16; 8],
    v: [i16; 9],
    msr: i16,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder { drp: [0; 160], nrp: 40, larpp: [0; 8], v: [0; 9], msr: 0 }
    }
}

impl Decoder {
    /// 160 samples for each 33 bytes; how many were written. What is no frame is left out.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> usize {
        let mut written = 0;
        let (frames, _) = payload.as_chunks::<FRAME_BYTES>();
        for (bytes, samples) in frames.iter().zip(out.chunks_exact_mut(FRAME_SAMPLES)) {
            let Some(frame) = Frame::unpack(bytes) else { break };
            self.frame(&frame, samples);
            written += FRAME_SAMPLES;
        }
        written
    }

    fn frame(&mut self, frame: &Frame, out: &mut [i16]) {
        let mut residual = [0; FRAME_SAMPLES];
        for (sub, place) in frame.sub.iter().zip(residual.chunks_exact_mut(40)) {
            let pulses = pulse_train(sub);
            if (40..=120).contains(&sub.nc) {
                self.nrp = sub.nc;
            }
            let factor = QLB[usize::from(sub.bc as u16 & 3)];
            for (k, pulse) in pulses.iter().enumerate() {
                let before = self.drp[120 + k - self.nrp as usize];
                self.drp[120 + k] = add(*pulse, mult_r(factor, before));
            }
            place.copy_from_slice(&self.drp[120..]);
            self.drp.copy_within(40.., 0);
        }
        let larpp = decode_lar(&frame.larc);
        for (from, to, rp) in reflections(&self.larpp, &larpp) {
            for k in from..to {
                let mut sri = residual[k];
                for i in (0..8).rev() {
                    sri = sub(sri, mult_r(rp[i], self.v[i]));
                    self.v[i + 1] = add(self.v[i], mult_r(rp[i], sri));
                }
                self.v[0] = sri;
                // Postprocessing: deemphasis, and thirteen bits.
                self.msr = add(sri, mult_r(self.msr, 28_180));
                out[k] = add(self.msr, self.msr) & !7;
            }
        }
        self.larpp = larpp;
    }
}

/// Writes GSM.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    analysis: analysis::Analysis,
}

impl Encoder {
    /// 33 bytes for each 160 samples; how many were written.
    pub fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> usize {
        let mut written = 0;
        let (frames, _) = samples.as_chunks::<FRAME_SAMPLES>();
        for (frame, place) in frames.iter().zip(out.chunks_exact_mut(FRAME_BYTES)) {
            place.copy_from_slice(&self.analysis.frame(frame).pack());
            written += FRAME_BYTES;
        }
        written
    }
}

/// The pulses of a sub-frame as 40 samples (inverse APCM and grid positioning).
fn pulse_train(sub_frame: &SubFrame) -> [i16; 40] {
    let (exponent, mantissa) = exponent_and_mantissa(sub_frame.xmaxc);
    let factor = FAC[mantissa as usize & 7];
    let shift = 6 - exponent;
    let round = asl(1, shift - 1);
    let mut out = [0; 40];
    for (i, code) in sub_frame.xmc.iter().enumerate() {
        let value = mult_r(factor, ((code << 1) - 7) << 12);
        out[(sub_frame.mc & 3) as usize + 3 * i] = asr(add(value, round), shift);
    }
    out
}

fn exponent_and_mantissa(xmaxc: i16) -> (i16, i16) {
    let mut exponent = if xmaxc > 15 { (xmaxc >> 3) - 1 } else { 0 };
    let mut mantissa = xmaxc - (exponent << 3);
    if mantissa == 0 {
        return (-4, 7);
    }
    while mantissa <= 7 {
        mantissa = (mantissa << 1) | 1;
        exponent -= 1;
    }
    (exponent, mantissa - 8)
}

/// Log area ratios from their codes.
fn decode_lar(larc: &[i16; 8]) -> [i16; 8] {
    std::array::from_fn(|i| {
        let value = sub(add(larc[i], MIC[i]) << 10, B[i] << 1);
        let value = mult_r(INVA[i], value);
        add(value, value)
    })
}

/// Reflection coefficients of the four parts of a frame, interpolated from the last frame's log area ratios.
fn reflections(before: &[i16; 8], now: &[i16; 8]) -> [(usize, usize, [i16; 8]); 4] {
    let mix = |how: fn(i16, i16) -> i16| std::array::from_fn(|i| reflection(how(before[i], now[i])));
    [
        (0, 13, mix(|a, b| add(add(a >> 2, b >> 2), a >> 1))),
        (13, 27, mix(|a, b| add(a >> 1, b >> 1))),
        (27, 40, mix(|a, b| add(add(a >> 2, b >> 2), b >> 1))),
        (40, 160, mix(|_, b| b)),
    ]
}

fn reflection(lar: i16) -> i16 {
    let size = abs(lar);
    let value = match size {
        ..11_059 => size << 1,
        11_059..20_070 => size + 11_059,
        _ => add(size >> 2, 26_112),
    };
    if lar < 0 { -value } else { value }
}

const B: [i16; 8] = [0, 0, 2048, -2560, 94, -1792, -341, -1144];
const MIC: [i16; 8] = [-32, -32, -16, -16, -8, -8, -4, -4];
const INVA: [i16; 8] = [13_107, 13_107, 13_107, 13_107, 19_223, 17_476, 31_454, 29_708];
const QLB: [i16; 4] = [3277, 11_469, 21_299, 32_767];
const FAC: [i16; 8] = [18_431, 20_479, 22_527, 24_575, 26_623, 28_671, 30_719, 32_767];
