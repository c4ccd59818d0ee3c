//! The sound of a room: everybody hears the sum of the others. One sum for all, from which who speaks takes its own away;
//! who says nothing hears the sum as it is, and costs nothing here.

use super::{MAX_FRAME, add, subtract};

/// One frame of a room, made anew every 20 ms without an allocation.
#[derive(Debug)]
pub struct Mix {
    total: [i32; MAX_FRAME],
    all: [i16; MAX_FRAME],
    samples: usize,
    voices: usize,
}

impl Default for Mix {
    fn default() -> Mix {
        Mix { total: [0; MAX_FRAME], all: [0; MAX_FRAME], samples: 0, voices: 0 }
    }
}

impl Mix {
    /// Begins a frame of so many samples, [`MAX_FRAME`] at most.
    pub fn begin(&mut self, samples: usize) {
        self.samples = samples.min(MAX_FRAME);
        self.total[..self.samples].fill(0);
        self.voices = 0;
    }

    /// Somebody says something.
    pub fn add(&mut self, voice: &[i16]) {
        add(&mut self.total[..self.samples], voice);
        self.voices += 1;
    }

    /// Everybody has spoken.
    pub fn close(&mut self) {
        let Mix { total, all, samples, .. } = self;
        for (out, sum) in all[..*samples].iter_mut().zip(&total[..*samples]) {
            *out = (*sum).clamp(-32_768, 32_767) as i16;
        }
    }

    /// What they hear who say nothing.
    pub fn all(&self) -> &[i16] {
        &self.all[..self.samples]
    }

    /// What one of those who speak hears: the others, and `own` is what it said.
    pub fn others(&self, own: &[i16], out: &mut [i16]) {
        match self.voices {
            // It is alone: no need to calculate.
            0 | 1 => out[..self.samples].fill(0),
            _ => subtract(&self.total[..self.samples], own, out),
        }
    }

    /// How many spoke.
    pub fn voices(&self) -> usize {
        self.voices
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn tone(hertz: f64, loud: f64) -> Vec<i16> {
        (0..160).map(|at| (loud * (TAU * hertz * f64::from(at) / 8_000.0).sin()) as i16).collect()
    }

    /// How much of a frequency there is, as the size of its sine.
    fn part(samples: &[i16], hertz: f64) -> f64 {
        let angle = |at: usize| TAU * hertz * at as f64 / 8_000.0;
        let sum = |wave: fn(f64) -> f64| -> f64 {
            samples.iter().enumerate().map(|(at, s)| f64::from(*s) * wave(angle(at))).sum()
        };
        sum(f64::sin).hypot(sum(f64::cos)) * 2.0 / samples.len() as f64
    }

    /// S1-29: three parties hear each other and not themselves, a fourth that says nothing hears all.
    #[test]
    fn three_parties_hear_each_other_and_not_themselves() {
        let hertz = [400.0, 700.0, 1_100.0];
        let voices: Vec<Vec<i16>> = hertz.iter().map(|hertz| tone(*hertz, 4_000.0)).collect();
        let mut mix = Mix::default();
        mix.begin(160);
        voices.iter().for_each(|voice| mix.add(voice));
        mix.close();
        for (own, voice) in voices.iter().enumerate() {
            let mut out = [0; 160];
            mix.others(voice, &mut out);
            for (at, hertz) in hertz.iter().enumerate() {
                let wanted = if at == own { 0.0 } else { 4_000.0 };
                assert!(
                    (part(&out, *hertz) - wanted).abs() < 40.0,
                    "{own} hears {hertz}: {}",
                    part(&out, *hertz)
                );
            }
        }
        assert!(hertz.iter().all(|hertz| (part(mix.all(), *hertz) - 4_000.0).abs() < 40.0));
    }

    /// Who is loud is held at the limit instead of turning over, also for those who speak.
    #[test]
    fn loud_parties_are_held_at_the_limit() {
        let mut mix = Mix::default();
        mix.begin(4);
        (0..3).for_each(|_| mix.add(&[30_000, -30_000, 100, 0]));
        mix.close();
        assert_eq!(mix.all(), [32_767, -32_768, 300, 0]);
        let mut out = [7; 4];
        mix.others(&[30_000, -30_000, 100, 0], &mut out);
        assert_eq!(out, [32_767, -32_768, 200, 0]);
        mix.begin(4);
        mix.add(&[5; 4]);
        mix.close();
        mix.others(&[5; 4], &mut out);
        assert_eq!((out, mix.voices()), ([0; 4], 1));
    }
}
