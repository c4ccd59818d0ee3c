//! Reading sound files: one after the other, decoded and brought to the rate of who hears them.

use super::finder::Directories;
use super::ring::{Fill, Filling};
use crate::bridge::{FileOrder, Piece, SoundEnd};
use crate::codec::wav::{Encoding, FileFormat, WavHeader};
use crate::codec::{Coding, Decoder, MAX_FRAME, Resampler, ToneGenerator, ToneList};
use std::collections::VecDeque;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Blocks filled for one source before others get their turn.
const TURN: usize = 8;
/// Bytes of a file's beginning in which its header must end.
const HEAD: usize = 4096;

/// A list of files being read.
#[derive(Debug)]
pub(super) struct Source {
    order: FileOrder,
    rate: u32,
    filling: Filling,
    directories: Arc<Directories>,
    waiting: VecDeque<Item>,
    playing: Option<Playing>,
    /// Samples since the list began, so that a list of nothing does not repeat for ever.
    since_start: u64,
    /// Anything was played so far; what could not be, when nothing was.
    played: bool,
    failed: Option<SoundEnd>,
    random: u64,
}

#[derive(Clone, Debug)]
enum Item {
    File(PathBuf, FileFormat),
    BuiltIn(BuiltIn),
    Missing(String),
}

/// Sounds that are there without a file.
#[derive(Clone, Copy, Debug)]
enum BuiltIn {
    Beep,
    Silence(u32),
}

#[derive(Debug)]
enum Playing {
    File(Box<Open>),
    Tone(Box<ToneGenerator>, u64),
}

impl Source {
    pub fn new(order: FileOrder, rate: u32, filling: Filling, directories: Arc<Directories>) -> Source {
        // Drawn anew for each: two listeners need not hear the same order.
        let random = std::hash::RandomState::new().hash_one(0);
        let mut source = Source {
            order,
            rate,
            filling,
            directories,
            waiting: VecDeque::new(),
            playing: None,
            since_start: 0,
            played: false,
            failed: None,
            random: random | 1,
        };
        source.list();
        source
    }

    /// Names become files.
    fn list(&mut self) {
        self.since_start = 0;
        for piece in &self.order.pieces {
            match piece {
                Piece::Prompt(name) => {
                    let found = self.directories.prompt(name, &self.order.language, self.rate);
                    let item = match (found, built_in(name)) {
                        (Some((path, format)), _) => Item::File(path, format),
                        (None, Some(built_in)) => Item::BuiltIn(built_in),
                        (None, None) => Item::Missing(format!(
                            "there is no sound file '{name}' (language '{}') that can be read",
                            self.order.language
                        )),
                    };
                    self.waiting.push_back(item);
                }
                Piece::Directory { path, shuffled } => {
                    let mut files = self.directories.music(path, self.rate);
                    if files.is_empty() {
                        self.waiting.push_back(Item::Missing(format!("there is no sound file in '{path}'")));
                    }
                    if *shuffled {
                        for at in (1..files.len()).rev() {
                            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                            files.swap(at, (self.random >> 33) as usize % (at + 1));
                        }
                    }
                    self.waiting.extend(files.into_iter().map(|(path, format)| Item::File(path, format)));
                }
            }
        }
    }

    /// Fills what is empty; true when all is read or nobody listens any more.
    pub fn fill(&mut self) -> bool {
        for _ in 0..TURN {
            let Source { order, rate, filling, waiting, playing, since_start, played, failed, .. } = self;
            let mut list_again = false;
            let filled = filling.fill(|block| {
                let mut length = 0;
                while length < block.len() {
                    let Some(now) = playing else {
                        match waiting.pop_front() {
                            // One that cannot be played is passed over, as in Asterisk.
                            Some(item) => match begin(item, *rate) {
                                Ok(begun) => *playing = Some(begun),
                                Err(why) => *failed = Some(failed.take().unwrap_or(why)),
                            },
                            None if order.repeat && *since_start > 0 => {
                                list_again = true;
                                break;
                            }
                            None if length > 0 => break,
                            None => return Err(failed.take().filter(|_| !*played).unwrap_or(SoundEnd::Done)),
                        }
                        continue;
                    };
                    let count = now.produce(&mut block[length..]);
                    if count == 0 {
                        *playing = None;
                    }
                    length += count;
                    *since_start += count as u64;
                    *played |= count > 0;
                }
                Ok(length)
            });
            if list_again {
                self.list();
            }
            match filled {
                Fill::Sent => {}
                Fill::Full => return false,
                Fill::Over => return true,
            }
        }
        false
    }
}

/// `beep`, `silence/3`.
fn built_in(name: &str) -> Option<BuiltIn> {
    match name.strip_prefix("silence/") {
        Some(secs) => secs.parse().ok().filter(|secs| (1..=10).contains(secs)).map(BuiltIn::Silence),
        None => (name == "beep").then_some(BuiltIn::Beep),
    }
}

fn begin(item: Item, rate: u32) -> Result<Playing, SoundEnd> {
    let tone = |hertz, millis: u32| {
        let samples = u64::from(rate) * u64::from(millis) / 1000;
        Playing::Tone(Box::new(ToneGenerator::new(ToneList::beep(hertz, millis), rate)), samples)
    };
    match item {
        Item::File(path, format) => match Open::new(&path, format, rate) {
            Ok(open) => Ok(Playing::File(Box::new(open))),
            Err(why) => Err(SoundEnd::Failed(format!("{}: {why}", path.display()))),
        },
        Item::BuiltIn(BuiltIn::Beep) => Ok(tone(1000, 250)),
        Item::BuiltIn(BuiltIn::Silence(secs)) => Ok(tone(0, secs * 1000)),
        Item::Missing(why) => Err(SoundEnd::Failed(why)),
    }
}

impl Playing {
    /// Writes samples; 0 at the end.
    fn produce(&mut self, out: &mut [i16]) -> usize {
        match self {
            Playing::File(open) => open.produce(out),
            Playing::Tone(generator, left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(out.len());
                generator.fill(&mut out[..count]);
                *left -= count as u64;
                count
            }
        }
    }
}

/// One file.
#[derive(Debug)]
struct Open {
    file: BufReader<File>,
    /// Bytes of sound left; `u64::MAX` to the end.
    left: u64,
    kind: Kind,
    /// Bytes read at once, and what they become.
    bytes: Box<[u8]>,
    samples: Box<[i16]>,
    resampler: Option<Resampler>,
    /// Samples that found no room.
    ready: Box<[i16]>,
    ready_at: usize,
    ready_end: usize,
}

#[derive(Debug)]
enum Kind {
    /// Little-endian, this many channels.
    Linear(usize),
    Packets(Decoder),
}

impl Open {
    fn new(path: &Path, format: FileFormat, rate: u32) -> Result<Open, String> {
        let words = |error: std::io::Error| error.to_string();
        let mut file = File::open(path).map_err(words)?;
        let linear = |rate: u32, channels: usize| rate as usize / 50 * 2 * channels;
        let (kind, own_rate, at_once, left) = match format {
            FileFormat::Linear(own) => (Kind::Linear(1), own, linear(own, 1), u64::MAX),
            FileFormat::Packets(coding) => {
                (Kind::Packets(Decoder::new(coding)), coding.sample_rate(), bytes_at_once(coding), u64::MAX)
            }
            FileFormat::Wav(_) => {
                let mut head = [0; HEAD];
                let mut length = 0;
                while length < HEAD {
                    match file.read(&mut head[length..]).map_err(words)? {
                        0 => break,
                        count => length += count,
                    }
                }
                let header = WavHeader::read(&head[..length]).map_err(|fault| fault.to_string())?;
                file.seek(SeekFrom::Start(header.data_at as u64)).map_err(words)?;
                let left = match header.data_bytes {
                    // A writer that did not come to its end.
                    0 | u32::MAX => u64::MAX,
                    bytes => u64::from(bytes),
                };
                let channels = usize::from(header.channels);
                match (header.encoding, channels) {
                    (Encoding::Linear, _) => {
                        (Kind::Linear(channels), header.rate, linear(header.rate, channels), left)
                    }
                    (Encoding::Ulaw, 1) => {
                        (Kind::Packets(Decoder::new(Coding::Ulaw)), header.rate, 160, left)
                    }
                    (Encoding::Alaw, 1) => {
                        (Kind::Packets(Decoder::new(Coding::Alaw)), header.rate, 160, left)
                    }
                    (kind, _) => return Err(format!("{kind:?} with {channels} channels is not read here")),
                }
            }
        };
        Ok(Open {
            file: BufReader::with_capacity(16_384, file),
            left,
            bytes: vec![0; at_once.max(2)].into(),
            samples: vec![0; MAX_FRAME].into(),
            resampler: (own_rate != rate).then(|| Resampler::new(own_rate, rate)),
            ready: vec![0; 2 * MAX_FRAME].into(),
            ready_at: 0,
            ready_end: 0,
            kind,
        })
    }

    fn produce(&mut self, out: &mut [i16]) -> usize {
        let mut written = 0;
        while written < out.len() {
            if self.ready_at == self.ready_end && !self.read() {
                break;
            }
            let count = (self.ready_end - self.ready_at).min(out.len() - written);
            out[written..written + count].copy_from_slice(&self.ready[self.ready_at..self.ready_at + count]);
            self.ready_at += count;
            written += count;
        }
        written
    }

    /// Reads 20 ms; false at the end, which an error is too: what was heard was heard.
    fn read(&mut self) -> bool {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.bytes.len());
        let mut length = 0;
        while length < wanted {
            match self.file.read(&mut self.bytes[length..wanted]) {
                Ok(0) | Err(_) => break,
                Ok(count) => length += count,
            }
        }
        self.left = self.left.saturating_sub(length as u64);
        let bytes = &self.bytes[..length];
        let count = match &mut self.kind {
            Kind::Linear(channels) => {
                let frames = bytes.chunks_exact(2 * *channels);
                let each = self.samples.iter_mut().zip(frames);
                each.map(|(out, two)| *out = i16::from_le_bytes([two[0], two[1]])).count()
            }
            Kind::Packets(decoder) => decoder.decode(bytes, &mut self.samples),
        };
        (self.ready_at, self.ready_end) = (0, 0);
        if count == 0 {
            return false;
        }
        match &mut self.resampler {
            Some(resampler) => {
                for part in self.samples[..count].chunks(MAX_FRAME) {
                    self.ready_end += resampler.process(part, &mut self.ready[self.ready_end..]);
                }
                // A short last piece may give nothing, and is no reason to go on for ever.
                self.ready_end > 0 || length == wanted
            }
            None => {
                self.ready[..count].copy_from_slice(&self.samples[..count]);
                self.ready_end = count;
                true
            }
        }
    }
}

/// Bytes of a codec that are read at once: whole frames, 20 ms or nearly so.
fn bytes_at_once(coding: Coding) -> usize {
    match coding {
        Coding::Ulaw | Coding::Alaw | Coding::G722 => 160,
        Coding::Gsm => crate::codec::GSM_FRAME_BYTES,
        Coding::G726 | Coding::G726Aal2 => 80,
        #[cfg(feature = "g729")]
        Coding::G729 => 20,
        // Its packets tell no length by themselves: no file holds them bare.
        Coding::Opus(_) => 1,
        Coding::Linear(rate) => rate as usize / 50 * 2,
    }
}
