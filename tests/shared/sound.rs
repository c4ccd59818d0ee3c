//! Tones made, measured and written to files.

use std::f64::consts::TAU;
use std::path::Path;

/// How loud every tone is that a test makes.
pub const LOUD: f64 = 8_000.0;

/// A tone of so many hertz.
pub fn sine(hertz: f64, rate: u32, seconds: f64) -> Vec<i16> {
    let count = (f64::from(rate) * seconds) as usize;
    (0..count).map(|at| (LOUD * (TAU * hertz * at as f64 / f64::from(rate)).sin()) as i16).collect()
}

/// How loud a tone is in samples (Goertzel).
pub fn tone(samples: &[i16], hertz: f64, rate: u32) -> f64 {
    let turn = TAU * hertz / f64::from(rate);
    let double = 2.0 * turn.cos();
    let (mut before, mut last) = (0.0, 0.0);
    for sample in samples {
        (before, last) = (last, f64::from(*sample) + double * last - before);
    }
    let power: f64 = before * before + last * last - double * before * last;
    2.0 * power.max(0.0).sqrt() / samples.len().max(1) as f64
}

/// Sixteen bits, one channel.
pub fn write_wav(path: &Path, rate: u32, samples: &[i16]) {
    let mut bytes = jackfield::codec::wav::header(rate, 1, samples.len() as u32 * 2).to_vec();
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    std::fs::write(path, bytes).expect("written");
}
