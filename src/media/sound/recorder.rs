//! What writes a leg's sound to a file: samples go to the file thread in blocks.

use super::super::files::Writing;
use crate::base::time::Moment;
use crate::bridge::{Record, Sides, SoundEnd, SoundId};
use crate::codec::{FRAME_MS, Gain, MAX_FRAME, Resampler, level_of};
use std::time::Duration;

/// Mean size of samples below which it is silence: `silencethreshold` of dsp.conf.
const SILENCE: u32 = 128;
/// The beep into a recorded conversation: 1,400 Hz, as Asterisk's.
pub(super) const BEEP_MS: u32 = 200;

/// One recording.
#[derive(Debug)]
pub(super) struct Recorder {
    pub id: SoundId,
    pub order: Box<Record>,
    writing: Writing,
    gains: (Gain, Gain),
    lasted: Duration,
    silent: Duration,
    /// When the next beep is due.
    pub next_beep: Option<Moment>,
    both: Box<[i16; 2 * MAX_FRAME]>,
    sides: Box<[[i16; MAX_FRAME]; 2]>,
    /// Samples a second of the file's sound.
    rate: u32,
    /// From those of the leg, when another coding was agreed meanwhile.
    changed: Option<[Resampler; 2]>,
}

impl Recorder {
    /// A recording that the file thread has begun.
    pub fn new(now: Moment, id: SoundId, order: Box<Record>, writing: Writing, rate: u32) -> Recorder {
        let gains = (Gain::of_steps(order.volumes.0), Gain::of_steps(order.volumes.1));
        Recorder {
            id,
            next_beep: order.beep.map(|_| now),
            order,
            writing,
            gains,
            lasted: Duration::ZERO,
            silent: Duration::ZERO,
            both: Box::new([0; 2 * MAX_FRAME]),
            sides: Box::new([[0; MAX_FRAME]; 2]),
            rate,
            changed: None,
        }
    }

    /// Its leg has another rate from now on: the file keeps its own.
    pub fn follow(&mut self, rate: u32) {
        let changed = || [Resampler::new(rate, self.rate), Resampler::new(rate, self.rate)];
        self.changed = (rate != self.rate).then(changed);
    }

    /// Takes a frame; how it ends, if it does.
    pub fn frame(&mut self, heard: &[i16], said: &[i16]) -> Option<SoundEnd> {
        let Recorder { both, gains, .. } = self;
        let [left, right] = &mut *self.sides;
        let length = match &mut self.changed {
            Some([one, other]) => one.process(heard, left).min(other.process(said, right)),
            None => {
                left[..heard.len()].copy_from_slice(heard);
                right[..said.len()].copy_from_slice(said);
                heard.len()
            }
        };
        gains.0.apply(&mut left[..length]);
        gains.1.apply(&mut right[..length]);
        let written = match self.order.sides {
            Sides::Heard => &left[..length],
            Sides::Said => &right[..length],
            Sides::Mixed => {
                for (at, out) in both[..length].iter_mut().enumerate() {
                    *out = left[at].saturating_add(right[at]);
                }
                &both[..length]
            }
            Sides::Stereo => {
                for at in 0..length {
                    (both[2 * at], both[2 * at + 1]) = (left[at], right[at]);
                }
                &both[..2 * length]
            }
        };
        self.writing.write(written);
        let frame = Duration::from_millis(u64::from(FRAME_MS));
        self.lasted += frame;
        self.silent = if level_of(heard) < SILENCE { self.silent + frame } else { Duration::ZERO };
        if self.order.silence.is_some_and(|most| self.silent >= most) {
            return Some(SoundEnd::Silence);
        }
        self.order.most.is_some_and(|most| self.lasted >= most).then_some(SoundEnd::Done)
    }

    /// Whether the file was given up: its end is told already.
    pub fn is_over(&self) -> bool {
        self.writing.is_over()
    }

    /// Ends it: the file thread completes the file and tells `end`.
    pub fn end(self, end: SoundEnd) {
        self.writing.end(end);
    }
}
