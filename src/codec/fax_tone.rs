//! The tone by which a calling fax machine is known (CNG, ITU-T T.30 4.2): 1,100 Hz for half a second, every three and a
//! half seconds.

use std::f32::consts::TAU;

/// Listens to 8,000 samples a second for it.
#[derive(Clone, Debug)]
pub struct FaxToneDetector {
    turn: f32,
    last: f32,
    before: f32,
    energy: f32,
    samples: usize,
    /// Blocks that had it, and those without it since the last of them.
    lasted: u32,
    missed: u32,
}

const HERTZ: f32 = 1100.0;
/// Samples of one look: short enough that a tone 38 Hz beside is found, too.
const BLOCK: usize = 80;
/// Power of the tone at least, of a block: -43 dBm0.
const LEAST: f32 = 4.1e7;
/// Blocks that it lasts: 0.5 s, give or take 15 %, less the blocks at both ends.
const BLOCKS: std::ops::RangeInclusive<u32> = 40..=60;

impl Default for FaxToneDetector {
    fn default() -> FaxToneDetector {
        let turn = 2.0 * (TAU * HERTZ / 8000.0).cos();
        FaxToneDetector { turn, last: 0.0, before: 0.0, energy: 0.0, samples: 0, lasted: 0, missed: 0 }
    }
}

impl FaxToneDetector {
    /// Takes samples; true when the tone has just been heard to its end. One that goes on for longer is another tone.
    pub fn hear(&mut self, samples: &[i16]) -> bool {
        let mut found = false;
        for sample in samples {
            let value = f32::from(*sample);
            self.energy += value * value;
            let next = value + self.turn * self.last - self.before;
            (self.before, self.last) = (self.last, next);
            self.samples += 1;
            if self.samples == BLOCK {
                found |= self.judge();
            }
        }
        found
    }

    fn judge(&mut self) -> bool {
        let power = self.last * self.last + self.before * self.before - self.turn * self.last * self.before;
        let pure = power > 0.5 * self.energy * BLOCK as f32 / 2.0;
        let sounds = power > LEAST && pure;
        (self.last, self.before, self.energy, self.samples) = (0.0, 0.0, 0.0, 0);
        if sounds {
            // A gap of one block is a lost packet, which belongs to it.
            self.lasted += 1 + std::mem::take(&mut self.missed);
            return false;
        }
        if self.lasted > 0 {
            self.missed += 1;
        }
        if self.missed <= MOST_MISSED {
            return false;
        }
        self.missed = 0;
        BLOCKS.contains(&std::mem::take(&mut self.lasted))
    }
}

/// Blocks without it that do not end it: one packet of 20 ms, wherever it lies.
const MOST_MISSED: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f64, loud: f64, ms: usize) -> Vec<i16> {
        let angle = |at: usize| std::f64::consts::TAU * hertz * at as f64 / 8_000.0;
        (0..8 * ms).map(|at| (loud * angle(at).sin()) as i16).collect()
    }

    fn found(parts: &[Vec<i16>]) -> usize {
        let mut detector = FaxToneDetector::default();
        let sound = [parts.concat(), vec![0; 8_000]].concat();
        sound.chunks(160).filter(|frame| detector.hear(frame)).count()
    }

    /// T.30: 1,100 Hz ± 38, 0.5 s ± 15 %; loud or soft, and with noise in it.
    #[test]
    fn a_calling_fax_machine_is_heard() {
        let quiet = || vec![0; 24_000];
        for (hertz, loud, ms) in
            [(1100.0, 8_000.0, 500), (1062.0, 300.0, 430), (1138.0, 20_000.0, 570), (1100.0, 200.0, 500)]
        {
            let call = [tone(hertz, loud, ms), quiet(), tone(hertz, loud, ms)];
            assert_eq!(found(&call), 2, "{hertz} Hz, {loud}, {ms} ms");
        }
        let mut noisy = tone(1100.0, 2_000.0, 500);
        let mut seed = 1u32;
        for sample in &mut noisy {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample += (seed >> 22) as i16 - 512;
        }
        // A packet is lost.
        noisy[1_610..1_770].fill(0);
        assert_eq!(found(&[noisy]), 1);
    }

    /// Other tones, shorter and longer ones, a second tone beside, speech-like sound: nothing.
    #[test]
    fn nothing_else_is_one() {
        for (hertz, ms) in
            [(1004.0, 500), (1209.0, 500), (1400.0, 500), (1100.0, 300), (1100.0, 900), (440.0, 500)]
        {
            assert_eq!(found(&[tone(hertz, 8_000.0, ms)]), 0, "{hertz} Hz, {ms} ms");
        }
        let two: Vec<i16> =
            tone(1100.0, 4_000.0, 500).iter().zip(tone(700.0, 6_000.0, 500)).map(|(a, b)| a + b).collect();
        assert_eq!(found(&[two]), 0);
        let voice: Vec<i16> = (0..40_000)
            .map(|at| {
                let t = at as f64 / 8_000.0;
                let pitch = 110.0 + 20.0 * (3.0 * t).sin();
                (1..20)
                    .map(|h| 900.0 / f64::from(h) * (std::f64::consts::TAU * pitch * f64::from(h) * t).sin())
                    .sum::<f64>() as i16
            })
            .collect();
        assert_eq!(found(&[voice]), 0);
    }
}
