//! What plays to a leg: tones, silence, files read by the file thread.

use super::super::files::Reading;
use crate::bridge::{Over, SoundEnd, SoundId, SoundSource};
use crate::codec::{FRAME_MS, MAX_FRAME, Resampler, ToneGenerator};
use std::time::Duration;

/// Something that plays.
#[derive(Debug)]
pub(super) struct Player {
    pub id: SoundId,
    pub over: Over,
    source: Source,
    /// Samples a second that it makes.
    rate: u32,
    /// To those of the leg, when another coding was agreed meanwhile.
    changed: Option<Box<Changed>>,
}

/// From a player's rate to its leg's.
#[derive(Debug)]
struct Changed {
    resampler: Resampler,
    frame: [i16; MAX_FRAME],
}

#[derive(Debug)]
enum Source {
    Tones(Box<ToneGenerator>),
    /// Frames left; `None`: until stopped.
    Silence(Option<u64>),
    Files(Reading),
}

/// How a frame of a player went.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::media) enum Played {
    /// The frame is full.
    Frame,
    /// Nothing is there yet.
    Waits,
    /// It is over; what there was of the frame is in it.
    Over(SoundEnd),
}

impl Player {
    /// Of tones or silence, at so many samples a second.
    pub fn new(id: SoundId, over: Over, source: &SoundSource, rate: u32) -> Option<Player> {
        let source = match source {
            SoundSource::Tones(list) => Source::Tones(Box::new(ToneGenerator::new(list.clone(), rate))),
            SoundSource::Silence(time) => Source::Silence(time.map(frames)),
            SoundSource::Files(_) => return None,
        };
        Some(Player { id, over, source, rate, changed: None })
    }

    /// Of files that the file thread reads.
    pub fn of_files(id: SoundId, over: Over, reading: Reading, rate: u32) -> Player {
        Player { id, over, source: Source::Files(reading), rate, changed: None }
    }

    /// Its leg has another rate from now on.
    pub fn follow(&mut self, rate: u32) {
        let changed = || Changed { resampler: Resampler::new(self.rate, rate), frame: [0; MAX_FRAME] };
        self.changed = (rate != self.rate).then(|| Box::new(changed()));
    }

    /// The next frame.
    pub fn frame(&mut self, out: &mut [i16]) -> Played {
        let Some(changed) = &mut self.changed else { return self.source.frame(out) };
        let Changed { resampler, frame } = &mut **changed;
        let own = &mut frame[..(self.rate / 1000 * FRAME_MS) as usize];
        let played = self.source.frame(own);
        if played == Played::Waits {
            return played;
        }
        let made = resampler.process(own, out);
        out[made..].fill(0);
        played
    }
}

impl Source {
    fn frame(&mut self, out: &mut [i16]) -> Played {
        match self {
            Source::Tones(generator) => match generator.fill(out) {
                true => Played::Frame,
                false => Played::Over(SoundEnd::Done),
            },
            Source::Silence(left) => {
                out.fill(0);
                match left {
                    Some(0) => Played::Over(SoundEnd::Done),
                    Some(left) => {
                        *left -= 1;
                        Played::Frame
                    }
                    None => Played::Frame,
                }
            }
            Source::Files(reading) => reading.frame(out),
        }
    }
}

fn frames(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).div_ceil(u64::from(FRAME_MS))
}
