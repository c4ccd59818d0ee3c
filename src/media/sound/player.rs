//! What plays to a leg: tones, silence, files read by the file thread.

use super::super::files::Reading;
use crate::bridge::{Over, SoundEnd, SoundId, SoundSource};
use crate::codec::{FRAME_MS, ToneGenerator};
use std::time::Duration;

/// Something that plays.
#[derive(Debug)]
pub(super) struct Player {
    pub id: SoundId,
    pub over: Over,
    source: Source,
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
        Some(Player { id, over, source })
    }

    /// Of files that the file thread reads.
    pub fn of_files(id: SoundId, over: Over, reading: Reading) -> Player {
        Player { id, over, source: Source::Files(reading) }
    }

    /// The next frame.
    pub fn frame(&mut self, out: &mut [i16]) -> Played {
        match &mut self.source {
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
