//! G.726 at 32 kbit/s: four bits for each sample, by adaptive differences. The names of the steps are those of the
//! ITU-T recommendation's blocks. Two ways to put codes into bytes are on the wire: RFC 3551's (first code in the low
//! half) and AAL2's (I.366.2 annex E, first code in the high half).

/// Which half of a byte the first of two codes is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// RFC 3551 4.5.4: `G726-32`.
    LowFirst,
    /// `AAL2-G726-32`.
    HighFirst,
}

/// What encoder and decoder keep of the past, alike.
#[derive(Clone, Debug)]
struct State {
    /// Slow and fast scale factor.
    yl: i32,
    yu: i32,
    dms: i32,
    dml: i32,
    ap: i32,
    /// Factors of the two poles and the six zeros.
    a: [i32; 2],
    b: [i32; 6],
    /// Signs of the last two partial sums.
    pk: [bool; 2],
    /// Last differences and last samples, in the recommendation's floating point.
    dq: [i32; 6],
    sr: [i32; 2],
    td: bool,
}

impl Default for State {
    fn default() -> State {
        State {
            yl: 34_816,
            yu: 544,
            dms: 0,
            dml: 0,
            ap: 0,
            a: [0; 2],
            b: [0; 6],
            pk: [false; 2],
            dq: [32; 6],
            sr: [32; 2],
            td: false,
        }
    }
}

/// How many bits a size needs.
#[inline]
fn bits(size: i32) -> i32 {
    32 - size.leading_zeros() as i32
}

/// The recommendation adds modulo 2¹⁶.
#[inline]
fn wrap(sum: i32) -> i32 {
    i32::from(sum as i16)
}

/// FMULT: a factor times a number in floating point.
#[inline]
fn multiply(factor: i32, float: i32) -> i32 {
    let size = if factor > 0 { factor } else { -factor & 0x1fff };
    let exponent = bits(size) - 6;
    let mantissa = match size {
        0 => 32,
        _ if exponent >= 0 => size >> exponent,
        _ => size << -exponent,
    };
    let exponent = exponent + ((float >> 6) & 15) - 13;
    let mantissa = (mantissa * (float & 63) + 48) >> 4;
    let product = if exponent >= 0 { (mantissa << exponent) & 0x7fff } else { mantissa >> -exponent };
    if (factor ^ float) < 0 { -product } else { product }
}

/// FLOATA, FLOATB: a signed number in floating point.
#[inline]
fn float(size: i32, negative: bool) -> i32 {
    let float = if size == 0 { 32 } else { (bits(size) << 6) + ((size << 6) >> bits(size)) };
    if negative { float - 1024 } else { float }
}

/// What both predictors say before a code is known.
struct Estimate {
    /// The zeros' part, and the whole.
    sez: i32,
    se: i32,
    /// Scale factor.
    y: i32,
}

impl State {
    fn estimate(&self) -> Estimate {
        let zeros: i32 = (0..6).map(|at| multiply(self.b[at] >> 2, self.dq[at])).sum();
        let poles: i32 = (0..2).map(|at| multiply(self.a[at] >> 2, self.sr[at])).sum();
        Estimate { sez: wrap(zeros) >> 1, se: wrap(zeros + poles) >> 1, y: self.scale() }
    }

    /// MIX
    fn scale(&self) -> i32 {
        if self.ap >= 256 {
            return self.yu;
        }
        let (slow, al) = (self.yl >> 6, self.ap >> 2);
        let difference = self.yu - slow;
        let round = if difference < 0 { 63 } else { 0 };
        slow + ((difference * al + round) >> 6)
    }

    /// Takes a code in: the sample it stands for.
    fn take(&mut self, code: usize, estimate: &Estimate) -> i32 {
        let Estimate { sez, se, y } = *estimate;
        // ANTILOG: size and sign apart.
        let log = DQLN[code] + (y >> 2);
        let size = if log < 0 { 0 } else { ((128 + (log & 127)) << 7) >> (14 - ((log >> 7) & 15)) };
        let negative = code & 8 != 0;
        let sr = wrap(if negative { se - (size & 0x3fff) } else { se + size });
        self.adapt(code, y, size, negative, sr, wrap(sr - se + sez));
        sr
    }

    fn adapt(&mut self, code: usize, y: i32, size: i32, negative: bool, sr: i32, partial: i32) {
        let sign = partial < 0;
        // TRANS
        let (whole, part) = (self.yl >> 15, (self.yl >> 10) & 31);
        let threshold = if whole > 9 { 31 << 10 } else { (32 + part) << whole };
        let transition = self.td && size > (threshold + (threshold >> 1)) >> 1;
        // FILTD, LIMB, FILTE
        self.yu = (y + (((W[code] << 5) - y) >> 5)).clamp(544, 5120);
        self.yl += self.yu + (-self.yl >> 6);
        let mut a2 = 0;
        if transition {
            (self.a, self.b) = ([0; 2], [0; 6]);
        } else {
            a2 = self.poles(sign, partial);
            for at in 0..6 {
                let step = match size {
                    0 => 0,
                    _ if negative == (self.dq[at] < 0) => 128,
                    _ => -128,
                };
                self.b[at] += step - (self.b[at] >> 8);
            }
        }
        self.dq.copy_within(0..5, 1);
        self.dq[0] = float(size, negative);
        self.sr = [float(sr.abs() & 0x7fff, sr < 0), self.sr[0]];
        self.pk = [sign, self.pk[0]];
        self.td = !transition && a2 < -11_776;
        // Speed control
        let f = F[code];
        self.dms += (f - self.dms) >> 5;
        self.dml += ((f << 2) - self.dml) >> 7;
        let fast = y < 1536 || self.td || ((self.dms << 2) - self.dml).abs() >= self.dml >> 3;
        self.ap = if transition { 256 } else { self.ap + ((if fast { 512 } else { 0 } - self.ap) >> 4) };
    }

    /// UPA2, LIMC, UPA1, LIMD; the second factor.
    fn poles(&mut self, sign: bool, partial: i32) -> i32 {
        let turned = sign != self.pk[0];
        let mut a2 = self.a[1] - (self.a[1] >> 7);
        if partial != 0 {
            let first = if turned { self.a[0] } else { -self.a[0] };
            a2 += match first {
                ..-8191 => -256,
                8192.. => 255,
                _ => first >> 5,
            };
            let step = if sign == self.pk[1] { 128 } else { -128 };
            a2 = (a2 + step).clamp(-12_288, 12_288);
        }
        let step = match partial {
            0 => 0,
            _ if turned => -192,
            _ => 192,
        };
        let most = 15_360 - a2;
        self.a = [(self.a[0] - (self.a[0] >> 8) + step).clamp(-most, most), a2];
        a2
    }
}

/// Reads G.726.
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
    order: Order,
}

impl Decoder {
    /// A decoder without a past.
    pub fn new(order: Order) -> Decoder {
        Decoder { state: State::default(), order }
    }

    /// Two samples for each byte; how many were written.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> usize {
        let mut written = 0;
        for (byte, two) in payload.iter().zip(out.chunks_exact_mut(2)) {
            let (low, high) = (usize::from(byte & 15), usize::from(byte >> 4));
            let codes = if self.order == Order::LowFirst { [low, high] } else { [high, low] };
            for (code, sample) in codes.into_iter().zip(two) {
                let estimate = self.state.estimate();
                *sample = (self.state.take(code, &estimate) << 2).clamp(-32_768, 32_767) as i16;
            }
            written += 2;
        }
        written
    }
}

/// Writes G.726.
#[derive(Clone, Debug)]
pub struct Encoder {
    state: State,
    order: Order,
}

impl Encoder {
    /// An encoder without a past.
    pub fn new(order: Order) -> Encoder {
        Encoder { state: State::default(), order }
    }

    /// One byte for each two samples; how many were written.
    pub fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> usize {
        let mut written = 0;
        for (two, byte) in samples.chunks_exact(2).zip(out) {
            let [first, second] = [self.code(two[0]), self.code(two[1])];
            *byte = match self.order {
                Order::LowFirst => second << 4 | first,
                Order::HighFirst => first << 4 | second,
            };
            written += 1;
        }
        written
    }

    fn code(&mut self, sample: i16) -> u8 {
        let estimate = self.state.estimate();
        let difference = wrap(i32::from(sample >> 2) - estimate.se);
        // LOG, SUBTB, QUAN
        let size = difference.abs();
        let exponent = bits(size >> 1);
        let log = (exponent << 7) + (((size << 7) >> exponent) & 127) - (estimate.y >> 2);
        let level = LEVELS.iter().take_while(|level| log >= **level).count();
        let code = match level {
            0 => 15,
            _ if difference < 0 => 15 - level,
            _ => level,
        };
        self.state.take(code, &estimate);
        code as u8
    }
}

const LEVELS: [i32; 7] = [-124, 80, 178, 246, 300, 349, 400];
const DQLN: [i32; 16] = [-2048, 4, 135, 213, 273, 323, 373, 425, 425, 373, 323, 273, 213, 135, 4, -2048];
const W: [i32; 16] = [-12, 18, 41, 64, 112, 198, 355, 1122, 1122, 355, 198, 112, 64, 41, 18, -12];
const F: [i32; 16] = [0, 0, 0, 0x200, 0x200, 0x200, 0x600, 0xe00, 0xe00, 0x600, 0x200, 0x200, 0x200, 0, 0, 0];
