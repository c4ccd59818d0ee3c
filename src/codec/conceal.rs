//! Loss concealment: where a packet is missing, the last pitch period goes on, ever softer, for 60 ms at most (after
//! G.711 appendix I) or three packets, if those are longer; what comes next is blended in.

/// Conceals the losses of one stream.
#[derive(Debug)]
pub struct Concealer {
    rate: usize,
    /// The last samples heard: a ring, laid straight when something is to be made up.
    past: Box<[i16]>,
    /// Where its oldest sample is.
    oldest: usize,
    /// The period that is repeated.
    period: usize,
    /// Samples concealed since the last real one.
    concealed: usize,
    /// Samples after which it is silence.
    most: usize,
}

/// Milliseconds of the past that are kept: two of the longest periods.
const PAST_MS: usize = 32;
/// Milliseconds of concealment before silence, at least.
const MOST_MS: usize = 60;
/// Milliseconds over which the return is blended.
const BLEND_MS: usize = 4;

impl Concealer {
    /// For a stream of so many samples a second.
    pub fn new(rate: u32) -> Concealer {
        let rate = (rate as usize).max(1000);
        let past = vec![0; rate * PAST_MS / 1000].into();
        Concealer { rate, past, oldest: 0, period: 0, concealed: 0, most: rate * MOST_MS / 1000 }
    }

    /// Takes real sound. Its beginning is blended with what was made up, if anything was.
    pub fn heard(&mut self, samples: &mut [i16]) {
        if self.concealed > 0 {
            let blend = (self.rate * BLEND_MS / 1000).min(samples.len());
            for (at, sample) in samples[..blend].iter_mut().enumerate() {
                let made_up = f32::from(self.invented());
                let share = at as f32 / blend as f32;
                *sample = (made_up * (1.0 - share) + f32::from(*sample) * share) as i16;
            }
            self.concealed = 0;
            self.period = 0;
        }
        self.most = (self.rate * MOST_MS / 1000).max(3 * samples.len());
        self.keep(samples);
    }

    /// Makes up sound for a gap; false when it is silence by now.
    pub fn conceal(&mut self, out: &mut [i16]) -> bool {
        if self.period == 0 {
            self.past.rotate_left(self.oldest);
            self.oldest = 0;
            self.period = self.find_period();
        }
        let sounds = self.concealed < self.most;
        for sample in out.iter_mut() {
            *sample = self.invented();
        }
        sounds
    }

    /// The next sample of the repeated period, with its fade.
    fn invented(&mut self) -> i16 {
        let (most, full) = (self.most, self.rate / 100);
        let at = self.concealed;
        self.concealed = self.concealed.saturating_add(1);
        if at >= most || self.period == 0 {
            return 0;
        }
        let start = self.past.len() - self.period;
        let sample = f32::from(self.past[start + at % self.period]);
        let fade = if at < full { 1.0 } else { 1.0 - (at - full) as f32 / (most - full) as f32 };
        (sample * fade) as i16
    }

    fn keep(&mut self, samples: &[i16]) {
        let length = self.past.len();
        let samples = &samples[samples.len().saturating_sub(length)..];
        let (first, rest) = samples.split_at(samples.len().min(length - self.oldest));
        self.past[self.oldest..self.oldest + first.len()].copy_from_slice(first);
        self.past[..rest.len()].copy_from_slice(rest);
        self.oldest = (self.oldest + samples.len()) % length;
    }

    /// The period at which the last 8 ms look most like what was before, between 2.5 and 15 ms.
    fn find_period(&self) -> usize {
        let (shortest, longest) = (self.rate / 400, self.rate * 15 / 1000);
        let window = self.rate * 8 / 1000;
        let length = self.past.len();
        let last = &self.past[length - window..];
        // Every second or sixth sample will do: pitch is far below half the rate.
        let stride = (self.rate / 8000).max(1);
        let mut best = (f32::MIN, longest);
        for period in (shortest..=longest).step_by(stride) {
            let before = &self.past[length - window - period..length - period];
            let (mut product, mut energy) = (0f32, 1f32);
            for at in (0..window).step_by(stride) {
                let (a, b) = (f32::from(last[at]), f32::from(before[at]));
                product += a * b;
                energy += b * b;
            }
            let likeness = product / energy.sqrt();
            if likeness > best.0 {
                best = (likeness, period);
            }
        }
        best.1
    }
}
