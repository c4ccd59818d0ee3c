//! Other sampling rates: a windowed sinc cut into phases, for any ratio of two rates.

use std::f64::consts::PI;

/// Changes the sampling rate of one stream.
#[derive(Debug)]
pub struct Resampler {
    /// `phases` rows of `taps` factors.
    table: Box<[f32]>,
    taps: usize,
    /// Output samples for each `step` input samples.
    phases: usize,
    step: usize,
    /// The last samples, then those being read.
    line: Box<[f32]>,
    /// Of the next output sample: how many samples after the oldest one of `line`, and its phase.
    at: usize,
    phase: usize,
}

/// Samples on each side of the middle, at the lower rate.
const HALF: usize = 12;

impl Resampler {
    /// From one rate to another, both up to [`super::MAX_RATE`] and in whole samples a millisecond or nearly so
    /// (44,100 serves too).
    pub fn new(from: u32, to: u32) -> Resampler {
        let divisor = greatest_common(from.max(1), to.max(1));
        let (phases, step) = ((to.max(1) / divisor) as usize, (from.max(1) / divisor) as usize);
        // Going down, the filter must be narrower, and so longer.
        let stretch = (step as f64 / phases as f64).max(1.0);
        let taps = (2.0 * HALF as f64 * stretch).ceil() as usize;
        let cutoff = 0.92 / stretch;
        let middle = taps as f64 / 2.0;
        let mut table = Vec::with_capacity(phases * taps);
        for phase in 0..phases {
            let offset = phase as f64 / phases as f64;
            let row: Vec<f64> = (0..taps)
                .map(|tap| {
                    // The newest sample is the last tap.
                    let x = tap as f64 + 1.0 - middle - offset;
                    let sinc = if x.abs() < 1e-9 { 1.0 } else { (PI * cutoff * x).sin() / (PI * cutoff * x) };
                    let window = (x / (middle + 1e-9)).clamp(-1.0, 1.0);
                    sinc * kaiser(window)
                })
                .collect();
            let sum: f64 = row.iter().sum();
            table.extend(row.iter().map(|factor| (factor / sum) as f32));
        }
        Resampler {
            table: table.into(),
            taps,
            phases,
            step,
            line: vec![0.0; taps + super::MAX_FRAME].into(),
            at: 0,
            phase: 0,
        }
    }

    /// Goes on where another one of the same rates is, as if this one had read the same.
    pub fn follow(&mut self, other: &Resampler) {
        if self.line.len() == other.line.len() && self.table.len() == other.table.len() {
            self.line[..self.taps].copy_from_slice(&other.line[..self.taps]);
            (self.at, self.phase) = (other.at, other.phase);
        }
    }

    /// Forgets what it read: silence came before what comes next.
    pub fn rest(&mut self) {
        self.line.fill(0.0);
    }

    /// Reads `input` (a frame at most) and writes what it makes; how many samples that is.
    pub fn process(&mut self, input: &[i16], out: &mut [i16]) -> usize {
        let input = &input[..input.len().min(super::MAX_FRAME)];
        let length = self.taps + input.len();
        for (place, sample) in self.line[self.taps..length].iter_mut().zip(input) {
            *place = f32::from(*sample);
        }
        let mut written = 0;
        let (whole, part) = (self.step / self.phases, self.step % self.phases);
        let (mut at, mut phase) = (self.at, self.phase);
        while at < input.len() {
            let factors = &self.table[phase * self.taps..][..self.taps];
            let samples = &self.line[at + 1..][..self.taps];
            if let Some(out) = out.get_mut(written) {
                *out = rounded(dot(factors, samples));
                written += 1;
            }
            at += whole;
            phase += part;
            if phase >= self.phases {
                (at, phase) = (at + 1, phase - self.phases);
            }
        }
        (self.at, self.phase) = (at - input.len(), phase);
        self.line.copy_within(length - self.taps..length, 0);
        written
    }
}

/// The nearest sample; the conversion holds it within sixteen bits.
#[inline]
fn rounded(value: f32) -> i16 {
    (value + 0.5f32.copysign(value)) as i16
}

/// Eight sums side by side, which the compiler turns into vector instructions.
#[inline]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a8.zip(b8) {
        for at in 0..8 {
            sums[at] += x[at] * y[at];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Kaiser's window with β = 8, from -1 to 1.
fn kaiser(x: f64) -> f64 {
    let bessel = |x: f64| {
        let (mut sum, mut term) = (1.0, 1.0);
        for k in 1..25 {
            term *= (x / 2.0 / f64::from(k)).powi(2);
            sum += term;
        }
        sum
    };
    bessel(8.0 * (1.0 - x * x).max(0.0).sqrt()) / bessel(8.0)
}

fn greatest_common(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common(b, a % b) }
}
