//! What writes a leg's sound to a file: samples go to the file thread in blocks.

use super::super::files::Writing;
use crate::base::time::Moment;
use crate::bridge::{Record, Sides, SoundEnd, SoundId};
use crate::codec::{FRAME_MS, Gain, MAX_FRAME, level_of};
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
}

impl Recorder {
    /// A recording that the file thread has begun.
    pub fn new(now: Moment, id: SoundId, order: Box<Record>, writing: Writing) -> Recorder {
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
        }
    }

    /// Takes a frame; how it ends, if it does.
    pub fn frame(&mut self, heard: &[i16], said: &[i16]) -> Option<SoundEnd> {
        let length = heard.len();
        let Recorder { both, gains, .. } = self;
        let mut left = [0i16; MAX_FRAME];
        let mut right = [0i16; MAX_FRAME];
        left[..length].copy_from_slice(heard);
        right[..length].copy_from_slice(said);
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

    /// Ends it: the file thread completes the file and tells `end`.
    pub fn end(self, end: SoundEnd) {
        self.writing.end(end);
    }
}
