//! Automatic gain control: sound is brought to a level, slowly, and silence is left alone.

use super::FRAME_MS;

/// Loudest and softest factor: 30 dB up, 24 dB down.
const MOST: f32 = 31.6;
const LEAST: f32 = 0.063;
/// How fast it becomes louder and softer: 12 and 40 dB a second, as factors of one frame.
const RISE_DB: f32 = 12.0;
const FALL_DB: f32 = 40.0;
/// Frames softer than this (root of the mean square) are no speech: the gain stays as it is.
const SILENCE: f32 = 60.0;

/// Brings sound to a level.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoGain {
    /// The level wanted: root of the mean square.
    target: f32,
    /// The factor in force.
    gain: f32,
    /// Mean square of speech, smoothed.
    power: f32,
}

impl AutoGain {
    /// To a level, as `AGC()` says it: 1 to 32,768; speech has about 8,000.
    pub fn to(level: u16) -> AutoGain {
        AutoGain { target: f32::from(level.max(1)), gain: 1.0, power: 0.0 }
    }

    /// The level it brings sound to.
    pub fn level(&self) -> u16 {
        self.target as u16
    }

    /// One frame, in place.
    pub fn apply(&mut self, samples: &mut [i16]) {
        let sum: f32 = samples.iter().map(|sample| f32::from(*sample) * f32::from(*sample)).sum();
        let power = sum / samples.len().max(1) as f32;
        let before = self.gain;
        if power > SILENCE * SILENCE {
            // The first speech says at once how loud it is.
            self.power = if self.power == 0.0 { power } else { self.power + (power - self.power) * 0.2 };
            let wanted = (self.target / self.power.sqrt()).clamp(LEAST, MOST);
            let frame = FRAME_MS as f32 / 1000.0;
            let (up, down) = (decibels(RISE_DB * frame), decibels(-FALL_DB * frame));
            self.gain = wanted.clamp(before * down, before * up);
        }
        // From the last frame's factor to this one's, so that no step is heard.
        let step = (self.gain - before) / samples.len().max(1) as f32;
        let mut gain = before;
        for sample in samples {
            gain += step;
            *sample = (f32::from(*sample) * gain).clamp(-32_768.0, 32_767.0) as i16;
        }
    }
}

fn decibels(decibels: f32) -> f32 {
    10f32.powf(decibels / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(size: f32, frame: usize) -> Vec<i16> {
        let at = |n: usize| ((frame * 160 + n) as f32 * 0.35).sin() * size;
        (0..160).map(|n| at(n) as i16).collect()
    }

    fn level(samples: &[i16]) -> f32 {
        let sum: f32 = samples.iter().map(|s| f32::from(*s) * f32::from(*s)).sum();
        (sum / samples.len() as f32).sqrt()
    }

    /// Soft and loud speech come to the level, 12 dB a second up and 40 down; silence is not blown up.
    #[test]
    fn sound_comes_to_its_level_and_silence_stays() {
        for (size, frames) in [(1_000.0, 200), (30_000.0, 100), (8_000.0, 50)] {
            let mut agc = AutoGain::to(6_000);
            let mut out = Vec::new();
            for frame in 0..frames {
                out = tone(size, frame);
                agc.apply(&mut out);
            }
            let level = level(&out);
            assert!((5_500.0..6_500.0).contains(&level), "{size}: {level}");
        }
        let mut agc = AutoGain::to(6_000);
        for frame in 0..50 {
            agc.apply(&mut tone(1_000.0, frame));
        }
        let (mut quiet, gain) = (tone(50.0, 0), agc.gain);
        assert!((3.0..5.0).contains(&gain), "12 dB after a second: {gain}");
        agc.apply(&mut quiet);
        assert_eq!(agc.gain, gain);
        assert!(level(&quiet) < 200.0);
    }

    /// Nothing overflows, whatever comes.
    #[test]
    fn the_loudest_is_cut_off_at_sixteen_bits() {
        let mut agc = AutoGain::to(32_768);
        for _ in 0..300 {
            let mut out = [i16::MIN; 160];
            agc.apply(&mut out);
            assert!(out.iter().all(|s| *s < 0));
            agc.apply(&mut [100; 160]);
        }
        agc.apply(&mut []);
    }
}
