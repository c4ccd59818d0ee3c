//! Adding, taking away, loudness and gain of samples.

/// Adds `other` to `sum`, without a limit yet.
#[inline]
pub fn add(sum: &mut [i32], other: &[i16]) {
    sum.iter_mut().zip(other).for_each(|(sum, sample)| *sum += i32::from(*sample));
}

/// Writes `sum` less `own` to `out`, held within sixteen bits: what a party of a room hears.
#[inline]
pub fn subtract(sum: &[i32], own: &[i16], out: &mut [i16]) {
    for ((out, sum), own) in out.iter_mut().zip(sum).zip(own) {
        *out = (sum - i32::from(*own)).clamp(-32_768, 32_767) as i16;
    }
}

/// The mean size of samples: what Asterisk's silence thresholds are compared with.
pub fn level_of(samples: &[i16]) -> u32 {
    let sum: u64 = samples.iter().map(|sample| u64::from(sample.unsigned_abs())).sum();
    (sum / samples.len().max(1) as u64) as u32
}

/// A factor for samples, in 1/4096.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gain(i32);

impl Default for Gain {
    fn default() -> Gain {
        Gain::UNITY
    }
}

impl Gain {
    /// Leaves sound as it is.
    pub const UNITY: Gain = Gain(4096);

    /// Asterisk's volume steps: each step is one more time as loud (`1` leaves it, `2` doubles), each negative one a
    /// division; 0 leaves it.
    pub fn of_steps(steps: i32) -> Gain {
        match steps {
            0 => Gain::UNITY,
            1.. => Gain(4096 * steps.min(16)),
            _ => Gain(4096 / steps.unsigned_abs().min(4096) as i32),
        }
    }

    /// The same with fractions: `0.5` is half as loud, `-0.5` twice, as in Asterisk.
    pub fn of_volume(steps: f32) -> Gain {
        let factor = match steps {
            steps if steps > 0.0 => steps,
            steps if steps < 0.0 => 1.0 / -steps,
            // Neither: 0, or no number at all.
            _ => 1.0,
        };
        Gain((4096.0 * factor.clamp(0.0, 16.0)) as i32)
    }

    /// Decibels.
    pub fn of_decibels(decibels: f64) -> Gain {
        Gain((4096.0 * 10f64.powf(decibels.clamp(-60.0, 24.0) / 20.0)) as i32)
    }

    /// Applies it in place.
    #[inline]
    pub fn apply(self, samples: &mut [i16]) {
        if self != Gain::UNITY {
            for sample in samples {
                *sample = ((i32::from(*sample) * self.0) >> 12).clamp(-32_768, 32_767) as i16;
            }
        }
    }
}
