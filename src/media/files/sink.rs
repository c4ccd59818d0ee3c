//! Writing sound files. What is written is in the system's hands within a tenth of a second, and a WAVE header is right
//! to the second, so that a file is complete whatever becomes of us.

use super::super::ear::Ear;
use super::finder::Directories;
use super::ring::Taking;
use crate::bridge::{MediaEvent, PortId, Record, Sides, SoundEnd, SoundId};
use crate::codec::wav::{self, FileFormat};
use crate::codec::{Encoder, MAX_FRAME, Resampler};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds of sound between two headers.
const HEADER_EVERY: u32 = 1;

/// A file being written.
#[derive(Debug)]
pub(super) struct Sink {
    taking: Taking,
    whose: (PortId, SoundId, Ear),
    out: Result<Out, String>,
    then: Option<Box<str>>,
    lost_unended: bool,
    /// An end that found no room with who is told.
    untold: Option<SoundEnd>,
}

#[derive(Debug)]
struct Out {
    file: File,
    path: PathBuf,
    coder: Coder,
    channels: u16,
    /// Two sides come and one channel is written.
    added: bool,
    rate: u32,
    resamplers: Vec<Resampler>,
    /// Bytes of sound in the file, and at its last header.
    bytes: u64,
    headed: u64,
    buffer: Vec<u8>,
    /// Samples that wait for a whole frame.
    rest: Vec<i16>,
}

#[derive(Debug)]
enum Coder {
    Wav,
    Linear,
    Packets(Encoder),
}

impl Sink {
    pub fn new(
        record: Record,
        rate: u32,
        taking: Taking,
        whose: (PortId, SoundId, Ear),
        directories: &Directories,
    ) -> Sink {
        let out = match directories.recording(&record) {
            Some((path, format)) => {
                let shown = path.display().to_string();
                Out::open(path, format, &record, rate).map_err(|error| format!("{shown}: {error}"))
            }
            None => Err(format!("'{}' has no extension of a format that is written here", record.path)),
        };
        let lost_unended = record.lost_unended;
        Sink { taking, whose, out, then: record.then, lost_unended, untold: None }
    }

    /// Writes what waits; true when the file is complete and that is told.
    pub fn drain(&mut self) -> bool {
        if self.untold.is_none() {
            let out = &mut self.out;
            let end = self.taking.drain(|samples| {
                if let Ok(open) = out
                    && let Err(error) = open.write(samples)
                {
                    *out = Err(format!("{}: {error}", open.path.display()));
                }
            });
            let failed = out.as_ref().err().cloned();
            if failed.is_some() {
                // There is nothing to run it for.
                self.then = None;
            }
            let unended = end == Some(None);
            self.untold = failed.map(SoundEnd::Failed).or(end.map(|end| end.unwrap_or(SoundEnd::Stopped)));
            if self.untold.is_none() {
                return false;
            }
            if unended && self.lost_unended {
                self.discard();
            }
            self.complete();
        }
        let (port, id, ear) = &self.whose;
        let Some(end) = self.untold.clone() else { return true };
        let told = ear.try_send(MediaEvent::SoundEnded { port: *port, id: *id, end });
        !matches!(told, Err(tokio::sync::mpsc::error::TrySendError::Full(_)))
    }

    /// `Record` without `k`: who hangs up has said nothing.
    fn discard(&mut self) {
        if let Ok(out) = &self.out {
            // Nothing is lost when it cannot be removed.
            let _ = std::fs::remove_file(&out.path);
        }
        self.then = None;
    }

    fn complete(&mut self) {
        if let Ok(out) = &mut self.out
            && let Err(error) = out.head()
        {
            self.untold = Some(SoundEnd::Failed(format!("{}: {error}", out.path.display())));
            self.then = None;
        }
        if let Some(command) = self.then.take() {
            run(&command);
        }
    }
}

/// Runs a program, and waits for it elsewhere. What it says is its own affair.
fn run(command: &str) {
    let Ok(mut child) = Command::new("/bin/sh").arg("-c").arg(command).spawn() else { return };
    let waiter = std::thread::Builder::new().name("recorded".into());
    // Without a thread to wait in, it stays in the process table until we end.
    drop(waiter.spawn(move || child.wait()));
}

impl Out {
    fn open(path: PathBuf, format: FileFormat, record: &Record, rate: u32) -> io::Result<Out> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let stereo = record.sides == Sides::Stereo;
        let coder = match format {
            FileFormat::Wav(_) => Coder::Wav,
            FileFormat::Linear(_) => Coder::Linear,
            FileFormat::Packets(coding) => Coder::Packets(Encoder::new(coding)),
        };
        // Only WAVE has two channels; the others get both sides added.
        let channels = if stereo && matches!(coder, Coder::Wav) { 2 } else { 1 };
        let added = stereo && channels == 1;
        let own = format.sample_rate();
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(!record.append).open(&path)?;
        let bytes = existing(&mut file, &path, &coder)?;
        let resamplers = if own == rate { 0 } else { usize::from(channels) };
        let mut out = Out {
            file,
            path,
            coder,
            channels,
            added,
            rate: own,
            resamplers: (0..resamplers).map(|_| Resampler::new(rate, own)).collect(),
            bytes,
            headed: bytes,
            buffer: Vec::with_capacity(16_384),
            rest: Vec::with_capacity(4 * MAX_FRAME),
        };
        out.head()?;
        Ok(out)
    }

    fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        self.buffer.clear();
        for part in samples.chunks(MAX_FRAME) {
            self.encode(part);
        }
        self.file.write_all(&self.buffer)?;
        self.bytes += self.buffer.len() as u64;
        let second = u64::from(self.rate * HEADER_EVERY) * 2 * u64::from(self.channels);
        if self.bytes - self.headed >= second { self.head() } else { Ok(()) }
    }

    fn encode(&mut self, samples: &[i16]) {
        let (mut changed, mut sum) = ([0i16; 8 * MAX_FRAME], [0i16; MAX_FRAME]);
        let samples = if self.added {
            let pairs = sum.iter_mut().zip(samples.chunks_exact(2));
            let count = pairs.map(|(out, two)| *out = two[0].saturating_add(two[1])).count();
            &sum[..count]
        } else {
            samples
        };
        let samples = match &mut self.resamplers[..] {
            [] => samples,
            [one] => {
                let count = one.process(samples, &mut changed);
                &changed[..count]
            }
            several => {
                let channels = several.len();
                let mut count = 0;
                for (at, resampler) in several.iter_mut().enumerate() {
                    let (mut side, mut out) = ([0i16; MAX_FRAME], [0i16; 4 * MAX_FRAME]);
                    let frames = samples.len() / channels;
                    (0..frames).for_each(|frame| side[frame] = samples[frame * channels + at]);
                    let made = resampler.process(&side[..frames], &mut out);
                    (0..made).for_each(|frame| changed[frame * channels + at] = out[frame]);
                    count = made * channels;
                }
                &changed[..count]
            }
        };
        match &mut self.coder {
            Coder::Wav | Coder::Linear => {
                self.buffer.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
            }
            Coder::Packets(encoder) => {
                // Codecs of frames take whole ones of 20 ms.
                self.rest.extend_from_slice(samples);
                let frame = (self.rate / 50) as usize;
                let whole = self.rest.len() / frame * frame;
                let start = self.buffer.len();
                self.buffer.resize(start + whole * 2, 0);
                let count = encoder.encode(&self.rest[..whole], &mut self.buffer[start..]);
                self.buffer.truncate(start + count);
                self.rest.drain(..whole);
            }
        }
    }

    /// Writes the header for what is in the file.
    fn head(&mut self) -> io::Result<()> {
        if matches!(self.coder, Coder::Wav) {
            let bytes = u32::try_from(self.bytes).unwrap_or(u32::MAX - 64);
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&wav::header(self.rate, self.channels, bytes))?;
            self.file.seek(SeekFrom::End(0))?;
        }
        self.headed = self.bytes;
        Ok(())
    }
}

/// Sound that is in the file already, whose end is where writing goes on.
fn existing(file: &mut File, path: &Path, coder: &Coder) -> io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    if length == 0 || !matches!(coder, Coder::Wav) {
        return Ok(length);
    }
    let mut head = [0; wav::HEADER_BYTES];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut head)?;
    let own = wav::WavHeader::read(&head).is_ok_and(|header| header.data_at == wav::HEADER_BYTES);
    if !own {
        let why = format!("{} is no file of ours to append to", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    file.seek(SeekFrom::End(0))?;
    Ok(length - wav::HEADER_BYTES as u64)
}
