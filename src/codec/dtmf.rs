//! Digits as tones in the sound (ITU-T Q.23, Q.24), found with Goertzel's filter.

use std::f32::consts::TAU;

/// Listens to 8,000 samples a second for digits.
#[derive(Clone, Debug)]
pub struct ToneDetector {
    filters: [Filter; 8],
    energy: f32,
    samples: usize,
    /// What the last block held, and what was held before it.
    last: Option<char>,
    /// The digit that is being pressed.
    pressed: Option<char>,
    /// Blocks without the pressed digit.
    missed: u8,
}

#[derive(Clone, Copy, Debug, Default)]
struct Filter {
    turn: f32,
    last: f32,
    before: f32,
}

const LOW: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
/// Samples of one look: 12.75 ms, so that a digit of 40 ms fills at least two.
const BLOCK: usize = 102;
/// Power of one tone at least, of a block: -40 dBm0 or so.
const LEAST: f32 = 8.0e7;

impl Default for ToneDetector {
    fn default() -> ToneDetector {
        let mut filters = [Filter::default(); 8];
        for (filter, hertz) in filters.iter_mut().zip(LOW.iter().chain(&HIGH)) {
            filter.turn = 2.0 * (TAU * hertz / 8000.0).cos();
        }
        ToneDetector { filters, energy: 0.0, samples: 0, last: None, pressed: None, missed: 0 }
    }
}

impl ToneDetector {
    /// Takes samples; `told` is called with each digit at its beginning (`true`) and at its end.
    pub fn hear(&mut self, samples: &[i16], mut told: impl FnMut(char, bool)) {
        for sample in samples {
            let value = f32::from(*sample);
            self.energy += value * value;
            for filter in &mut self.filters {
                let next = value + filter.turn * filter.last - filter.before;
                (filter.before, filter.last) = (filter.last, next);
            }
            self.samples += 1;
            if self.samples == BLOCK {
                self.judge(&mut told);
            }
        }
    }

    /// Whether a digit sounds right now.
    pub fn is_pressed(&self) -> bool {
        self.pressed.is_some()
    }

    fn judge(&mut self, told: &mut impl FnMut(char, bool)) {
        let found = self.found();
        self.energy = 0.0;
        self.samples = 0;
        for filter in &mut self.filters {
            (filter.last, filter.before) = (0.0, 0.0);
        }
        // Two blocks of the same make a digit; two without it end it.
        match (self.pressed, found) {
            (Some(digit), Some(now)) if digit == now => self.missed = 0,
            (Some(digit), _) => {
                self.missed += 1;
                if self.missed == 2 {
                    told(digit, false);
                    self.pressed = None;
                }
            }
            (None, _) => {}
        }
        if self.pressed.is_none()
            && let Some(digit) = found.filter(|_| found == self.last)
        {
            told(digit, true);
            (self.pressed, self.missed) = (Some(digit), 0);
        }
        self.last = found;
    }

    /// The digit in the block, if exactly one is.
    fn found(&self) -> Option<char> {
        let power = |filter: &Filter| {
            filter.last * filter.last + filter.before * filter.before
                - filter.turn * filter.last * filter.before
        };
        let powers: [f32; 8] = std::array::from_fn(|at| power(&self.filters[at]));
        let (low, row) = loudest(&powers[..4]);
        let (high, column) = loudest(&powers[4..]);
        let second = |group: &[f32], best: usize| {
            group.iter().enumerate().filter(|(at, _)| *at != best).map(|(_, p)| *p).fold(0.0, f32::max)
        };
        // Twist: the high tone may be 4 dB louder or 8 dB softer, with room for errors.
        let balanced = high < low * 6.3 && low < high * 10.0;
        let alone = second(&powers[..4], row) * 6.3 < low && second(&powers[4..], column) * 6.3 < high;
        // Speech has its power elsewhere too.
        let pure = (low + high) > 0.42 * self.energy * BLOCK as f32 / 2.0;
        (low > LEAST && high > LEAST && balanced && alone && pure).then(|| KEYS[row][column])
    }
}

fn loudest(group: &[f32]) -> (f32, usize) {
    group
        .iter()
        .enumerate()
        .fold((0.0, 0), |best, (at, power)| if *power > best.0 { (*power, at) } else { best })
}
