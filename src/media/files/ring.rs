//! The rings between a media thread and the file thread.

use crate::bridge::SoundEnd;
use crate::media::sound::Played;
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};

/// Blocks of one reader: 0.8 s, so that a disk may pause.
const READ_BLOCKS: usize = 8;
/// Blocks of one writer: 4 s.
const WRITE_BLOCKS: usize = 40;
/// Blocks a second.
const PER_SECOND: usize = 10;

/// Some samples.
#[derive(Debug)]
pub(super) struct Block {
    pub samples: Box<[i16]>,
    pub length: usize,
}

#[derive(Debug)]
pub(super) enum Part {
    Samples(Block),
    End(SoundEnd),
}

/// The media thread's end of a file that is read.
#[derive(Debug)]
pub(in crate::media) struct Reading {
    parts: Receiver<Part>,
    back: SyncSender<Block>,
    current: Option<(Block, usize)>,
}

/// The file thread's end of it.
#[derive(Debug)]
pub(super) struct Filling {
    parts: SyncSender<Part>,
    back: Receiver<Block>,
    /// Blocks that were not made yet.
    unmade: usize,
    block_samples: usize,
}

pub(super) fn reading(rate: u32) -> (Reading, Filling) {
    let (parts, receiver) = mpsc::sync_channel(READ_BLOCKS + 1);
    let (sender, back) = mpsc::sync_channel(READ_BLOCKS);
    let block_samples = rate as usize / PER_SECOND;
    (
        Reading { parts: receiver, back: sender, current: None },
        Filling { parts, back, unmade: READ_BLOCKS, block_samples },
    )
}

impl Reading {
    /// The next frame.
    pub fn frame(&mut self, out: &mut [i16]) -> Played {
        let mut filled = 0;
        while filled < out.len() {
            let (block, at) = match &mut self.current {
                Some(current) => current,
                None => match self.parts.try_recv() {
                    Ok(Part::Samples(block)) => self.current.insert((block, 0)),
                    Ok(Part::End(end)) => {
                        out[filled..].fill(0);
                        return Played::Over(end);
                    }
                    Err(TryRecvError::Empty) if filled == 0 => return Played::Waits,
                    Err(TryRecvError::Empty) => {
                        out[filled..].fill(0);
                        return Played::Frame;
                    }
                    Err(TryRecvError::Disconnected) => {
                        out[filled..].fill(0);
                        return Played::Over(SoundEnd::Failed(
                            "the thread that reads files has ended".into(),
                        ));
                    }
                },
            };
            let count = (block.length - *at).min(out.len() - filled);
            out[filled..filled + count].copy_from_slice(&block.samples[*at..*at + count]);
            filled += count;
            *at += count;
            if *at == block.length
                && let Some((block, _)) = self.current.take()
            {
                // There is room for all blocks; a reader that has ended needs none.
                let _ = self.back.try_send(block);
            }
        }
        Played::Frame
    }
}

/// What a filled block met.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// It is on its way.
    Sent,
    /// All blocks are on their way.
    Full,
    /// Nobody listens any more, or all is told.
    Over,
}

impl Filling {
    /// Sends one block that `produce` fills: it returns how many samples it wrote, or how it ended.
    pub fn fill(&mut self, produce: impl FnOnce(&mut [i16]) -> Result<usize, SoundEnd>) -> Fill {
        let mut block = match self.back.try_recv() {
            Ok(block) => block,
            Err(TryRecvError::Disconnected) => return Fill::Over,
            Err(TryRecvError::Empty) if self.unmade > 0 => {
                self.unmade -= 1;
                Block { samples: vec![0; self.block_samples.max(1)].into(), length: 0 }
            }
            Err(TryRecvError::Empty) => return Fill::Full,
        };
        let part = match produce(&mut block.samples) {
            Ok(length) => {
                block.length = length;
                Part::Samples(block)
            }
            Err(end) => {
                // There is room for an end beside every block there is: it fails only when nobody listens any more.
                let _ = self.parts.try_send(Part::End(end));
                return Fill::Over;
            }
        };
        match self.parts.try_send(part) {
            Ok(()) => Fill::Sent,
            Err(_) => Fill::Over,
        }
    }
}

/// The media thread's end of a file that is written.
#[derive(Debug)]
pub(in crate::media) struct Writing {
    parts: SyncSender<Part>,
    back: Receiver<Block>,
    current: Option<Block>,
    /// Samples that found no block: they are silence in the file, so that what follows is in its time.
    owed: usize,
    /// All that ever found none.
    lost: u64,
    /// Samples of a second.
    per_second: u32,
    /// The file thread has given the file up, and said so.
    over: bool,
}

/// The file thread's end of it.
#[derive(Debug)]
pub(super) struct Taking {
    parts: Receiver<Part>,
    back: SyncSender<Block>,
}

pub(super) fn writing(samples_per_second: u32) -> (Writing, Taking) {
    let (parts, receiver) = mpsc::sync_channel(WRITE_BLOCKS + 1);
    let (sender, back) = mpsc::sync_channel(WRITE_BLOCKS);
    let length = samples_per_second as usize / PER_SECOND;
    for _ in 1..WRITE_BLOCKS {
        let _ = sender.try_send(Block { samples: vec![0; length.max(1)].into(), length: 0 });
    }
    let current = Some(Block { samples: vec![0; length.max(1)].into(), length: 0 });
    (
        Writing { parts, back, current, owed: 0, lost: 0, per_second: samples_per_second, over: false },
        Taking { parts: receiver, back: sender },
    )
}

impl Writing {
    /// Adds samples. What finds no empty block, since the disk is four seconds behind, is silence in the file.
    pub fn write(&mut self, samples: &[i16]) {
        const SILENCE: [i16; 160] = [0; 160];
        while self.owed > 0 {
            let rest = self.put(&SILENCE[..self.owed.min(SILENCE.len())]);
            let written = self.owed.min(SILENCE.len()) - rest;
            self.owed -= written;
            if written == 0 {
                break;
            }
        }
        let lost = if self.owed > 0 { samples.len() } else { self.put(samples) };
        self.owed += lost;
        self.lost += lost as u64;
    }

    /// Whether nobody writes any more: a full disk, or no such directory. Its end is told.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Adds samples; how many found no room.
    fn put(&mut self, mut samples: &[i16]) -> usize {
        while !samples.is_empty() {
            let mut block = match self.current.take().map_or_else(|| self.back.try_recv(), Ok) {
                Ok(block) => block,
                Err(TryRecvError::Empty) => return samples.len(),
                Err(TryRecvError::Disconnected) => {
                    self.over = true;
                    return 0;
                }
            };
            let count = (block.samples.len() - block.length).min(samples.len());
            block.samples[block.length..block.length + count].copy_from_slice(&samples[..count]);
            block.length += count;
            samples = &samples[count..];
            if block.length < block.samples.len() {
                self.current = Some(block);
            } else if self.parts.try_send(Part::Samples(block)).is_err() {
                self.over = true;
                return 0;
            }
        }
        0
    }

    /// Sends what there is, and how it ended. Both find room: the ring holds every block there is, and one end.
    pub fn end(mut self, end: SoundEnd) {
        self.flush();
        let end = match self.lost {
            0 => end,
            lost => {
                let ms = lost * 1000 / u64::from(self.per_second.max(1));
                SoundEnd::Failed(format!("the disk was too slow: {ms} ms of the recording are silence"))
            }
        };
        let _ = self.parts.try_send(Part::End(end));
    }

    fn flush(&mut self) {
        if let Some(block) = self.current.take().filter(|block| block.length > 0) {
            let _ = self.parts.try_send(Part::Samples(block));
        }
    }
}

/// A port that closes ends its recordings: what is in the last block is written too.
impl Drop for Writing {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Taking {
    /// Hands each waiting block to `take`; how it ended, if it did: `None` inside when its port closed under it.
    pub fn drain(&mut self, mut take: impl FnMut(&[i16])) -> Option<Option<SoundEnd>> {
        loop {
            match self.parts.try_recv() {
                Ok(Part::Samples(mut block)) => {
                    take(&block.samples[..block.length]);
                    block.length = 0;
                    let _ = self.back.try_send(block);
                }
                Ok(Part::End(end)) => return Some(Some(end)),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => return Some(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However slow the other thread is, it is told how a file ended, after all of its sound.
    #[test]
    fn an_end_is_never_lost() {
        let (mut reading, mut filling) = reading(8_000);
        let full = |block: &mut [i16]| {
            block.fill(7);
            Ok(block.len())
        };
        while filling.fill(full) == Fill::Sent {}
        // Nobody has listened yet. One block comes back, and in its place comes the end.
        let mut frame = [0i16; 160];
        for _ in 0..5 {
            assert_eq!(reading.frame(&mut frame), Played::Frame);
        }
        assert_eq!(filling.fill(|_| Err(SoundEnd::Done)), Fill::Over);
        let frames = (0..1_000).position(|_| reading.frame(&mut frame) == Played::Over(SoundEnd::Done));
        assert_eq!(frames, Some((READ_BLOCKS - 1) * 5));

        let (mut writing, mut taking) = writing(8_000);
        for _ in 0..500 {
            writing.write(&[7; 160]);
        }
        writing.end(SoundEnd::Stopped);
        let mut samples = 0;
        let end = taking.drain(|part| samples += part.len());
        assert_eq!(samples, WRITE_BLOCKS * 800);
        assert!(
            matches!(end, Some(Some(SoundEnd::Failed(why))) if why.contains("6000 ms")),
            "it says what is lost"
        );
        // A port that closes leaves the last samples; a file that was given up is noticed.
        let (mut writing, mut taking) = super::writing(8_000);
        writing.write(&[7; 160]);
        drop(writing);
        let mut samples = 0;
        assert_eq!((taking.drain(|part| samples += part.len()), samples), (Some(None), 160));
        let (mut writing, taking) = super::writing(8_000);
        drop(taking);
        (0..250).for_each(|_| writing.write(&[7; 160]));
        assert!(writing.is_over());
    }

    /// What a slow disk had no room for is silence of the same length: what follows is in its time.
    #[test]
    fn a_slow_disk_leaves_silence_and_not_a_shorter_file() {
        let (mut writing, mut taking) = writing(8_000);
        for _ in 0..300 {
            writing.write(&[7; 160]);
        }
        let mut heard = Vec::new();
        assert_eq!(taking.drain(|part| heard.extend_from_slice(part)), None);
        for _ in 0..100 {
            writing.write(&[9; 160]);
            taking.drain(|part| heard.extend_from_slice(part));
        }
        writing.end(SoundEnd::Done);
        let end = taking.drain(|part| heard.extend_from_slice(part));
        assert!(matches!(end, Some(Some(SoundEnd::Failed(why))) if why.contains("2000 ms")));
        let count = |value: i16| heard.iter().filter(|sample| **sample == value).count();
        assert_eq!(heard.len(), 400 * 160);
        assert_eq!((count(7), count(9)), (WRITE_BLOCKS * 800, 100 * 160));
    }
}
