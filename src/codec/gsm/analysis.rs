//! The writing half of GSM 06.10.

use super::*;

/// What the encoder remembers.
#[derive(Clone, Debug)]
pub(super) struct Analysis {
    z1: i16,
    z2: i32,
    mp: i16,
    larpp: [i16; 8],
    u: [i16; 8],
    /// The reconstructed short-term residual: 120 old samples, 40 new ones.
    dp: [i16; 160],
}

impl Default for Analysis {
    fn default() -> Analysis {
        Analysis { z1: 0, z2: 0, mp: 0, larpp: [0; 8], u: [0; 8], dp: [0; 160] }
    }
}

impl Analysis {
    pub fn frame(&mut self, samples: &[i16; FRAME_SAMPLES]) -> Frame {
        let mut s = self.preprocess(samples);
        let mut frame = Frame { larc: lar_codes(&mut s), ..Frame::default() };
        self.short_term(&frame.larc, &mut s);
        for (place, d) in frame.sub.iter_mut().zip(s.as_chunks::<40>().0) {
            *place = self.sub_frame(d);
        }
        frame
    }

    /// Offset compensation and preemphasis.
    fn preprocess(&mut self, samples: &[i16; FRAME_SAMPLES]) -> [i16; FRAME_SAMPLES] {
        samples.map(|sample| {
            let so = (sample >> 3) << 2;
            let s1 = so.wrapping_sub(self.z1);
            self.z1 = so;
            let msp = (self.z2 >> 15) as i16;
            let lsp = (self.z2 - (i32::from(msp) << 15)) as i16;
            let s2 = (i32::from(s1) << 15) + i32::from(mult_r(lsp, 32_735));
            self.z2 = (i32::from(msp) * 32_735).saturating_add(s2);
            let emphasis = mult_r(self.mp, -28_180);
            self.mp = (self.z2.saturating_add(16_384) >> 15) as i16;
            add(self.mp, emphasis)
        })
    }

    fn short_term(&mut self, larc: &[i16; 8], s: &mut [i16; FRAME_SAMPLES]) {
        let larpp = decode_lar(larc);
        for (from, to, rp) in reflections(&self.larpp, &larpp) {
            for sample in &mut s[from..to] {
                let (mut di, mut sav) = (*sample, *sample);
                for (u, rp) in self.u.iter_mut().zip(rp) {
                    let ui = std::mem::replace(u, sav);
                    sav = add(ui, mult_r(rp, di));
                    di = add(di, mult_r(rp, ui));
                }
                *sample = di;
            }
        }
        self.larpp = larpp;
    }

    fn sub_frame(&mut self, d: &[i16; 40]) -> SubFrame {
        let (nc, bc) = self.long_term(d);
        let dpp: [i16; 40] = std::array::from_fn(|k| mult_r(QLB[bc], self.dp[120 + k - nc]));
        let e: [i16; 40] = std::array::from_fn(|k| sub(d[k], dpp[k]));
        let mut made = SubFrame { nc: nc as i16, bc: bc as i16, ..SubFrame::default() };
        pulses(&e, &mut made);
        let train = pulse_train(&made);
        for k in 0..40 {
            self.dp[120 + k] = add(train[k], dpp[k]);
        }
        self.dp.copy_within(40.., 0);
        made
    }

    /// Lag and gain of the long-term predictor.
    fn long_term(&self, d: &[i16; 40]) -> (usize, usize) {
        let dmax = d.iter().map(|d| abs(*d)).max().unwrap_or(0);
        let headroom = if dmax == 0 { 0 } else { norm(i32::from(dmax) << 16) };
        let scale = if dmax == 0 || headroom > 6 { 0 } else { 6 - headroom };
        let weighted = d.map(|d| asr(d, scale));
        let (mut best, mut nc) = (0i32, 40);
        for lag in 40..=120usize {
            let past = &self.dp[120 - lag..160 - lag];
            let sum: i32 = weighted.iter().zip(past).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
            if sum > best {
                (best, nc) = (sum, lag);
            }
        }
        let most = (best.saturating_mul(2)) >> (6 - scale);
        let past = &self.dp[120 - nc..160 - nc];
        let power = past.iter().map(|d| i32::from(*d >> 3).pow(2)).sum::<i32>().saturating_mul(2);
        if most <= 0 {
            return (nc, 0);
        }
        if most >= power {
            return (nc, 3);
        }
        let shift = norm(power);
        let (r, s) = (((most << shift) >> 16) as i16, ((power << shift) >> 16) as i16);
        (nc, (0..3).find(|bc| r <= mult(s, DLB[*bc])).unwrap_or(3))
    }
}

/// Codes of the log area ratios: autocorrelation, Schur recursion, quantization.
fn lar_codes(s: &mut [i16; FRAME_SAMPLES]) -> [i16; 8] {
    let smax = s.iter().map(|s| abs(*s)).max().unwrap_or(0);
    let scale = if smax == 0 { 0 } else { 4 - norm(i32::from(smax) << 16) };
    if scale > 0 {
        let factor = 16_384 >> (scale - 1);
        s.iter_mut().for_each(|s| *s = mult_r(*s, factor));
    }
    let correlation: [i32; 9] = std::array::from_fn(|lag| {
        let pairs = s[lag..].iter().zip(s.iter());
        pairs.map(|(a, b)| i32::from(*a) * i32::from(*b)).sum::<i32>().wrapping_mul(2)
    });
    if scale > 0 {
        s.iter_mut().for_each(|s| *s <<= scale);
    }
    let r = schur(&correlation);
    std::array::from_fn(|i| {
        let size = abs(r[i]);
        let lar = match size {
            ..22_118 => size >> 1,
            22_118..31_130 => size - 11_059,
            _ => (size - 26_112) << 2,
        };
        let lar = if r[i] < 0 { -lar } else { lar };
        let code = asr(add(add(mult(A[i], lar), B[i]), 256), 9);
        code.clamp(MIC[i], MAC[i]) - MIC[i]
    })
}

fn schur(correlation: &[i32; 9]) -> [i16; 8] {
    let mut r = [0; 8];
    if correlation[0] == 0 {
        return r;
    }
    let shift = norm(correlation[0]);
    let acf = correlation.map(|value| ((value << shift) >> 16) as i16);
    let (mut p, mut k) = (acf, acf);
    for (n, r) in r.iter_mut().enumerate() {
        let size = abs(p[1]);
        if p[0] < size {
            break;
        }
        *r = div(size, p[0]);
        if p[1] > 0 {
            *r = -*r;
        }
        if n == 7 {
            break;
        }
        p[0] = add(p[0], mult_r(p[1], *r));
        for m in 1..8 - n {
            let (next, own) = (p[m + 1], k[m]);
            p[m] = add(next, mult_r(own, *r));
            k[m] = add(own, mult_r(next, *r));
        }
    }
    r
}

/// Weighting, grid selection and quantization of the residual.
fn pulses(e: &[i16; 40], made: &mut SubFrame) {
    let mut padded = [0i16; 50];
    padded[5..45].copy_from_slice(e);
    let x: [i16; 40] = std::array::from_fn(|k| {
        let sum: i32 = H.iter().zip(&padded[k..]).map(|(h, e)| i32::from(*h) * i32::from(*e)).sum();
        ((sum + 4096) >> 13).clamp(-32_768, 32_767) as i16
    });
    let energy = |grid: usize| (0..13).map(|i| i64::from(x[grid + 3 * i] >> 2).pow(2)).sum::<i64>();
    let grid = (1..4).fold(0, |best, grid| if energy(grid) > energy(best) { grid } else { best });
    made.mc = grid as i16;
    let chosen: [i16; 13] = std::array::from_fn(|i| x[grid + 3 * i]);
    let most = chosen.iter().map(|x| abs(*x)).max().unwrap_or(0);
    let (mut exponent, mut rest) = (0, most >> 9);
    for _ in 0..6 {
        if rest <= 0 {
            break;
        }
        exponent += 1;
        rest >>= 1;
    }
    made.xmaxc = add(asr(most, exponent + 5), exponent << 3);
    let (exponent, mantissa) = exponent_and_mantissa(made.xmaxc);
    let factor = NRFAC[mantissa as usize & 7];
    for (code, x) in made.xmc.iter_mut().zip(chosen) {
        *code = (asr(mult(asl(x, 6 - exponent), factor), 12) + 4).clamp(0, 7);
    }
}

const A: [i16; 8] = [20_480, 20_480, 20_480, 20_480, 13_964, 15_360, 8534, 9036];
const MAC: [i16; 8] = [31, 31, 15, 15, 7, 7, 3, 3];
const DLB: [i16; 4] = [6554, 16_384, 26_214, 32_767];
const H: [i16; 11] = [-134, -374, 0, 2054, 5741, 8192, 5741, 2054, 0, -374, -134];
const NRFAC: [i16; 8] = [29_128, 26_215, 23_832, 21_846, 20_165, 18_725, 17_476, 16_384];
