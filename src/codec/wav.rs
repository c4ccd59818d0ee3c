//! Sound files: which extension holds what, and the header of RIFF/WAVE files.

use super::Coding;
use std::fmt;

/// How a file holds its sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// RIFF/WAVE; its header says what is in it. Written with sixteen bits a sample at this rate.
    Wav(u32),
    /// Sixteen bits a sample, little-endian, without a header.
    Linear(u32),
    /// The packets of a codec, one after the other.
    Packets(Coding),
}

/// Extensions and what they mean, as Asterisk's format modules have them.
const EXTENSIONS: &[(&str, FileFormat)] = &[
    ("wav", FileFormat::Wav(8_000)),
    ("wav16", FileFormat::Wav(16_000)),
    ("ulaw", FileFormat::Packets(Coding::Ulaw)),
    ("ul", FileFormat::Packets(Coding::Ulaw)),
    ("mu", FileFormat::Packets(Coding::Ulaw)),
    ("ulw", FileFormat::Packets(Coding::Ulaw)),
    ("pcm", FileFormat::Packets(Coding::Ulaw)),
    ("alaw", FileFormat::Packets(Coding::Alaw)),
    ("al", FileFormat::Packets(Coding::Alaw)),
    ("alw", FileFormat::Packets(Coding::Alaw)),
    ("g722", FileFormat::Packets(Coding::G722)),
    ("gsm", FileFormat::Packets(Coding::Gsm)),
    ("g726-32", FileFormat::Packets(Coding::G726)),
    #[cfg(feature = "g729")]
    ("g729", FileFormat::Packets(Coding::G729)),
    ("sln", FileFormat::Linear(8_000)),
    ("slin", FileFormat::Linear(8_000)),
    ("raw", FileFormat::Linear(8_000)),
    ("sln12", FileFormat::Linear(12_000)),
    ("sln16", FileFormat::Linear(16_000)),
    ("sln24", FileFormat::Linear(24_000)),
    ("sln32", FileFormat::Linear(32_000)),
    ("sln44", FileFormat::Linear(44_100)),
    ("sln48", FileFormat::Linear(48_000)),
];

impl FileFormat {
    /// What a file with this extension holds; `None` for what we cannot read.
    pub fn of_extension(extension: &str) -> Option<FileFormat> {
        EXTENSIONS.iter().find(|(name, _)| *name == extension).map(|(_, format)| *format)
    }

    /// Every extension with its format, in the order in which a name without one is tried for the codec of a channel
    /// at this rate: no less than what can be heard, and no more work than needed.
    pub fn candidates(rate: u32) -> Vec<(&'static str, FileFormat)> {
        let mut all = EXTENSIONS.to_vec();
        all.sort_by_key(|(_, format)| {
            let own = format.sample_rate();
            (if own >= rate { own - rate } else { 1_000_000 - own }, format.cost())
        });
        all
    }

    /// Samples a second, as far as the extension tells.
    pub fn sample_rate(self) -> u32 {
        match self {
            FileFormat::Wav(rate) | FileFormat::Linear(rate) => rate,
            FileFormat::Packets(coding) => coding.sample_rate(),
        }
    }

    fn cost(self) -> u32 {
        match self {
            FileFormat::Wav(_) | FileFormat::Linear(_) => 1,
            FileFormat::Packets(coding) => coding.cost(),
        }
    }
}

/// What the data of a WAVE file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Sixteen bits a sample, little-endian.
    Linear,
    /// G.711 µ-law.
    Ulaw,
    /// G.711 A-law.
    Alaw,
}

/// The header of a WAVE file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WavHeader {
    /// What the data are.
    pub encoding: Encoding,
    /// Samples a second.
    pub rate: u32,
    /// Channels; only the first is heard.
    pub channels: u16,
    /// Where the data begin.
    pub data_at: usize,
    /// How long they are; what a writer that crashed left at 0 or too long means "to the end of the file".
    pub data_bytes: u32,
}

/// Why a file is no WAVE file for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WavFault {
    /// It does not begin with `RIFF….WAVE`, or ends before its data.
    NotWave,
    /// Its data are of a kind we do not read: format tag, bits a sample.
    Kind(u16, u16),
    /// Its rate cannot be played.
    Rate(u32),
}

impl fmt::Display for WavFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WavFault::NotWave => f.write_str("that is no WAVE file"),
            WavFault::Kind(tag, bits) => {
                write!(f, "its sound is of kind {tag} with {bits} bits, which is not read here")
            }
            WavFault::Rate(rate) => write!(f, "its rate of {rate} samples a second cannot be played"),
        }
    }
}

impl std::error::Error for WavFault {}

impl WavHeader {
    /// Reads the header from the beginning of a file.
    ///
    /// # Errors
    /// It is none, or holds what is not read here.
    pub fn read(head: &[u8]) -> Result<WavHeader, WavFault> {
        if head.get(..4) != Some(b"RIFF") || head.get(8..12) != Some(b"WAVE") {
            return Err(WavFault::NotWave);
        }
        let two = |at: usize| head.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
        let four = |at: usize| head.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let (mut at, mut format) = (12, None);
        loop {
            let (Some(name), Some(size)) = (head.get(at..at + 4), four(at + 4)) else {
                return Err(WavFault::NotWave);
            };
            match (name, format) {
                (b"fmt ", _) => {
                    let (Some(tag), Some(channels), Some(rate), Some(bits)) =
                        (two(at + 8), two(at + 10), four(at + 12), two(at + 22))
                    else {
                        return Err(WavFault::NotWave);
                    };
                    // The extensible form names its kind at the beginning of a long one.
                    let tag = if tag == 0xfffe { two(at + 32).unwrap_or(tag) } else { tag };
                    format = Some((tag, channels, rate, bits));
                }
                (b"data", Some((tag, channels, rate, bits))) => {
                    let encoding = match (tag, bits) {
                        (1, 16) => Encoding::Linear,
                        (7, 8) => Encoding::Ulaw,
                        (6, 8) => Encoding::Alaw,
                        _ => return Err(WavFault::Kind(tag, bits)),
                    };
                    if !(4_000..=super::MAX_RATE).contains(&rate) || !(1..=8).contains(&channels) {
                        return Err(WavFault::Rate(rate));
                    }
                    return Ok(WavHeader { encoding, rate, channels, data_at: at + 8, data_bytes: size });
                }
                _ => {}
            }
            let step = (size as usize).checked_add(8 + (size as usize & 1)).ok_or(WavFault::NotWave)?;
            at = at.checked_add(step).ok_or(WavFault::NotWave)?;
        }
    }
}

/// Length of the header we write.
pub const HEADER_BYTES: usize = 44;

/// The header of a file with sixteen bits a sample.
pub fn header(rate: u32, channels: u16, data_bytes: u32) -> [u8; HEADER_BYTES] {
    let mut out = [0; HEADER_BYTES];
    let frame = channels * 2;
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        out[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(b"RIFF");
    put(&data_bytes.saturating_add(36).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16u32.to_le_bytes());
    put(&1u16.to_le_bytes());
    put(&channels.to_le_bytes());
    put(&rate.to_le_bytes());
    put(&(rate * u32::from(frame)).to_le_bytes());
    put(&frame.to_le_bytes());
    put(&16u16.to_le_bytes());
    put(b"data");
    put(&data_bytes.to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_nonsense_does_not() {
        let written = header(16_000, 1, 640);
        let read = WavHeader::read(&written).expect("our own");
        let own =
            WavHeader { encoding: Encoding::Linear, rate: 16_000, channels: 1, data_at: 44, data_bytes: 640 };
        assert_eq!(read, own);
        // A list of words before the data is passed over, and an odd one has a byte of padding.
        let mut with_list = written[..36].to_vec();
        with_list.extend_from_slice(b"LIST\x03\0\0\0abc\0data\x04\0\0\0....");
        assert_eq!(WavHeader::read(&with_list).expect("reads").data_at, 36 + 12 + 8);
        for cut in 0..written.len() {
            assert_eq!(WavHeader::read(&written[..cut]), Err(WavFault::NotWave), "{cut}");
        }
        let mut eight = written;
        eight[34] = 8;
        assert_eq!(WavHeader::read(&eight), Err(WavFault::Kind(1, 8)));
        let mut endless = written;
        endless[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(WavHeader::read(&endless), Err(WavFault::NotWave));
    }

    /// A channel at 8,000 samples a second takes the cheapest file that holds all it can hear.
    #[test]
    fn the_best_file_for_a_rate_is_tried_first() {
        assert_eq!(FileFormat::of_extension("g722"), Some(FileFormat::Packets(Coding::G722)));
        assert_eq!(FileFormat::of_extension("mp3"), None);
        let narrow = FileFormat::candidates(8_000);
        assert_eq!(narrow[0].0, "wav");
        assert!(
            narrow.iter().position(|(e, _)| *e == "ulaw") < narrow.iter().position(|(e, _)| *e == "g722")
        );
        assert_eq!(FileFormat::candidates(16_000)[0].0, "wav16");
    }
}
