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
    (Writing { parts, back, current }, Taking { parts: receiver, back: sender })
}

impl Writing {
    /// Adds samples. What finds no empty block is lost: the disk is four seconds behind.
    pub fn write(&mut self, mut samples: &[i16]) {
        while !samples.is_empty() {
            let Some(mut block) = self.current.take().or_else(|| self.back.try_recv().ok()) else { return };
            let count = (block.samples.len() - block.length).min(samples.len());
            block.samples[block.length..block.length + count].copy_from_slice(&samples[..count]);
            block.length += count;
            samples = &samples[count..];
            if block.length < block.samples.len() {
                self.current = Some(block);
            } else if self.parts.try_send(Part::Samples(block)).is_err() {
                return;
            }
        }
    }

    /// Sends what there is, and how it ended.
    pub fn end(mut self, end: SoundEnd) {
        if let Some(block) = self.current.take().filter(|block| block.length > 0) {
            let _ = self.parts.try_send(Part::Samples(block));
        }
        let _ = self.parts.try_send(Part::End(end));
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
