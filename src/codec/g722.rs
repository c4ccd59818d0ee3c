//! G.722 at 64 kbit/s: two bands, each by adaptive differences; 16,000 samples a second. The names of the steps are
//! those of the ITU-T recommendation's blocks.

/// The predictor of one band.
#[derive(Clone, Debug)]
struct Band {
    s: i32,
    sz: i32,
    r: [i32; 3],
    a: [i32; 3],
    p: [i32; 3],
    d: [i32; 7],
    b: [i32; 7],
    nb: i32,
    det: i32,
}

fn band(det: i32) -> Band {
    Band { s: 0, sz: 0, r: [0; 3], a: [0; 3], p: [0; 3], d: [0; 7], b: [0; 7], nb: 0, det }
}

#[inline]
fn saturate(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

impl Band {
    /// Block 4: the predictor takes in a difference.
    fn adapt(&mut self, d: i32) {
        self.d[0] = d;
        self.r[0] = saturate(self.s + d);
        self.p[0] = saturate(self.sz + d);
        // UPPOL2
        let sign = |value: i32| value >> 15;
        let first = saturate(self.a[1] << 2);
        let turned = if sign(self.p[0]) == sign(self.p[1]) { -first } else { first }.min(32_767);
        let step = if sign(self.p[0]) == sign(self.p[2]) { 128 } else { -128 };
        let a2 = (step + (turned >> 7) + ((self.a[2] * 32_512) >> 15)).clamp(-12_288, 12_288);
        // UPPOL1
        let step = if sign(self.p[0]) == sign(self.p[1]) { 192 } else { -192 };
        let limit = saturate(15_360 - a2);
        let a1 = saturate(step + ((self.a[1] * 32_640) >> 15)).clamp(-limit, limit);
        // UPZERO
        let step = if d == 0 { 0 } else { 128 };
        for at in 1..7 {
            let turned = if sign(self.d[at]) == sign(d) { step } else { -step };
            self.b[at] = saturate(turned + ((self.b[at] * 32_640) >> 15));
        }
        // DELAYA
        self.d.copy_within(0..6, 1);
        self.r.copy_within(0..2, 1);
        self.p.copy_within(0..2, 1);
        (self.a[1], self.a[2]) = (a1, a2);
        // FILTEP, FILTEZ
        let pole = |at: usize| (self.a[at] * saturate(self.r[at] + self.r[at])) >> 15;
        let sp = saturate(pole(1) + pole(2));
        let zeros = (1..7).map(|at| (self.b[at] * saturate(self.d[at] + self.d[at])) >> 15);
        self.sz = saturate(zeros.sum());
        self.s = saturate(sp + self.sz);
    }

    /// Blocks 3L and 3H: the step size follows.
    fn scale(&mut self, weight: i32, most: i32, shift: i32) {
        self.nb = (((self.nb * 127) >> 7) + weight).clamp(0, most);
        let fine = ILB[((self.nb >> 6) & 31) as usize];
        let shift = shift - (self.nb >> 11);
        self.det = (if shift < 0 { fine << -shift } else { fine >> shift }) << 2;
    }

    /// What four bits of the low band mean: the step and the prediction go on.
    fn low(&mut self, four_bits: usize) {
        let d = (self.det * QM4[four_bits]) >> 15;
        self.scale(WL[RL42[four_bits]], 18_432, 8);
        self.adapt(d);
    }

    /// What two bits of the high band mean; the difference.
    fn high(&mut self, two_bits: usize) -> i32 {
        let d = (self.det * QM2[two_bits]) >> 15;
        self.scale(WH[RH2[two_bits]], 22_528, 10);
        d
    }
}

/// Reads G.722.
#[derive(Clone, Debug)]
pub struct Decoder {
    x: [i32; 24],
    low: Band,
    high: Band,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder { x: [0; 24], low: band(32), high: band(8) }
    }
}

impl Decoder {
    /// Two samples for each byte; how many were written.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> usize {
        let mut written = 0;
        for (byte, two) in payload.iter().zip(out.chunks_exact_mut(2)) {
            let (low_bits, high_bits) = (usize::from(byte & 0x3f), usize::from(byte >> 6));
            let low = (self.low.s + ((self.low.det * QM6[low_bits]) >> 15)).clamp(-16_384, 16_383);
            self.low.low(low_bits >> 2);
            let d = self.high.high(high_bits);
            let high = (d + self.high.s).clamp(-16_384, 16_383);
            self.high.adapt(d);
            self.x.copy_within(2..24, 0);
            (self.x[22], self.x[23]) = (low + high, low - high);
            let (mut even, mut odd) = (0, 0);
            for at in 0..12 {
                even += self.x[2 * at] * QMF[at];
                odd += self.x[2 * at + 1] * QMF[11 - at];
            }
            two[0] = saturate(odd >> 11) as i16;
            two[1] = saturate(even >> 11) as i16;
            written += 2;
        }
        written
    }
}

/// Writes G.722.
#[derive(Clone, Debug)]
pub struct Encoder {
    x: [i32; 24],
    low: Band,
    high: Band,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder { x: [0; 24], low: band(32), high: band(8) }
    }
}

impl Encoder {
    /// One byte for each two samples; how many were written.
    pub fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> usize {
        let mut written = 0;
        for (two, byte) in samples.chunks_exact(2).zip(out) {
            self.x.copy_within(2..24, 0);
            (self.x[22], self.x[23]) = (i32::from(two[0]), i32::from(two[1]));
            let (mut even, mut odd) = (0, 0);
            for at in 0..12 {
                odd += self.x[2 * at] * QMF[at];
                even += self.x[2 * at + 1] * QMF[11 - at];
            }
            let (low, high) = ((even + odd) >> 14, (even - odd) >> 14);
            let error = saturate(low - self.low.s);
            let size = if error >= 0 { error } else { -(error + 1) };
            let at = (1..30).find(|at| size < (Q6[*at] * self.low.det) >> 12).unwrap_or(30);
            let low_bits = if error < 0 { ILN[at] } else { ILP[at] };
            self.low.low(usize::from(low_bits >> 2));
            let error = saturate(high - self.high.s);
            let size = if error >= 0 { error } else { -(error + 1) };
            let far = size >= (564 * self.high.det) >> 12;
            let high_bits: u8 = match (error < 0, far) {
                (true, false) => 1,
                (true, true) => 0,
                (false, false) => 3,
                (false, true) => 2,
            };
            let d = self.high.high(usize::from(high_bits));
            self.high.adapt(d);
            *byte = (high_bits << 6) | low_bits;
            written += 1;
        }
        written
    }
}

const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];
const QM4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
    -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
    7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
    -432, -136,
];
const WL: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1198, 3042];
const RL42: [usize; 16] = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
const WH: [i32; 3] = [0, -214, 798];
const RH2: [usize; 4] = [2, 1, 2, 1];
const Q6: [i32; 30] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121,
    1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
const ILN: [u8; 31] = [
    0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8,
    7, 6, 5, 4,
];
const ILP: [u8; 31] = [
    0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37,
    36, 35, 34, 33, 32,
];
