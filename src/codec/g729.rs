//! G.729 Annex A by Debian's libbcg729 (package `libbcg729-dev`, GPL-3.0 or later), linked only with the feature `g729`.
//! The one file of this program that calls into C by itself.
//!
//! A payload is frames of ten bytes, 10 ms each; one of two bytes at the end describes silence (Annex B).

#![expect(unsafe_code, reason = "the library's own functions; what each call relies on stands beside it")]

use std::ptr::NonNull;

/// Bytes and samples of one frame.
const FRAME_BYTES: usize = 10;
const FRAME_SAMPLES: usize = 80;
/// Bytes of a frame of silence.
const SILENCE_BYTES: usize = 2;

mod library {
    /// `bcg729DecoderChannelContextStruct`: never looked into.
    #[repr(C)]
    #[derive(Debug)]
    pub struct DecoderContext {
        _private: [u8; 0],
    }

    /// `bcg729EncoderChannelContextStruct`
    #[repr(C)]
    #[derive(Debug)]
    pub struct EncoderContext {
        _private: [u8; 0],
    }

    // As `bcg729/decoder.h` and `bcg729/encoder.h` of version 1.1.1 declare them.
    #[link(name = "bcg729")]
    unsafe extern "C" {
        #[link_name = "initBcg729DecoderChannel"]
        pub fn open_decoder() -> *mut DecoderContext;
        #[link_name = "closeBcg729DecoderChannel"]
        pub fn close_decoder(context: *mut DecoderContext);
        #[link_name = "bcg729Decoder"]
        pub fn decode(
            context: *mut DecoderContext,
            bytes: *const u8,
            count: u8,
            is_lost: u8,
            is_silence: u8,
            is_rfc3389: u8,
            samples: *mut i16,
        );
        #[link_name = "initBcg729EncoderChannel"]
        pub fn open_encoder(detects_silence: u8) -> *mut EncoderContext;
        #[link_name = "closeBcg729EncoderChannel"]
        pub fn close_encoder(context: *mut EncoderContext);
        #[link_name = "bcg729Encoder"]
        pub fn encode(context: *mut EncoderContext, samples: *const i16, bytes: *mut u8, count: *mut u8);
    }
}

/// Reads G.729. `None` when the library had no memory for one: then it reads nothing.
#[derive(Debug)]
pub struct Decoder(Option<NonNull<library::DecoderContext>>);

// SAFETY: a context is a block of memory that only its owner's calls touch; the library keeps no state beside it.
unsafe impl Send for Decoder {}

impl Default for Decoder {
    fn default() -> Decoder {
        // SAFETY: asks for nothing; a null pointer is what it gives without memory.
        Decoder(NonNull::new(unsafe { library::open_decoder() }))
    }
}

impl Decoder {
    /// Decodes the frames of a packet; how many samples they gave. It ends before what is no frame.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> usize {
        let Some(context) = self.0 else { return 0 };
        let mut made = 0;
        for (frame, samples) in payload.chunks(FRAME_BYTES).zip(out.chunks_exact_mut(FRAME_SAMPLES)) {
            let is_silence = match frame.len() {
                FRAME_BYTES => 0,
                SILENCE_BYTES => 1,
                _ => break,
            };
            // SAFETY: the context is open and ours alone (`&mut self`). The library reads ten bytes of `frame`, or two
            // where it is told that this is silence, which are there; any bits are a frame. It writes 80 samples, which
            // is the length of `samples`.
            unsafe {
                let count = if is_silence == 1 { SILENCE_BYTES } else { FRAME_BYTES } as u8;
                library::decode(
                    context.as_ptr(),
                    frame.as_ptr(),
                    count,
                    0,
                    is_silence,
                    0,
                    samples.as_mut_ptr(),
                );
            }
            made += FRAME_SAMPLES;
        }
        made
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        if let Some(context) = self.0 {
            // SAFETY: it was opened by the library, is closed once, and nobody has it afterwards.
            unsafe { library::close_decoder(context.as_ptr()) }
        }
    }
}

/// Writes G.729, every frame of it: silence is sent as sound. `None`: as with the decoder.
#[derive(Debug)]
pub struct Encoder(Option<NonNull<library::EncoderContext>>);

// SAFETY: as with the decoder.
unsafe impl Send for Encoder {}

impl Default for Encoder {
    fn default() -> Encoder {
        // SAFETY: takes a number; a null pointer is what it gives without memory.
        Encoder(NonNull::new(unsafe { library::open_encoder(0) }))
    }
}

impl Encoder {
    /// Encodes whole frames of 10 ms; how many bytes they became.
    pub fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> usize {
        let Some(context) = self.0 else { return 0 };
        let mut made = 0;
        for (samples, bytes) in samples.chunks_exact(FRAME_SAMPLES).zip(out.chunks_exact_mut(FRAME_BYTES)) {
            let mut count = 0;
            // SAFETY: the context is open and ours alone (`&mut self`). The library reads 80 samples, which is the
            // length of `samples`, and writes ten bytes at most, which is the length of `bytes`, and their number.
            unsafe {
                library::encode(context.as_ptr(), samples.as_ptr(), bytes.as_mut_ptr(), &raw mut count)
            };
            if usize::from(count) != FRAME_BYTES {
                // It was not asked to leave frames out; were it to, what follows would be read in the wrong place.
                break;
            }
            made += FRAME_BYTES;
        }
        made
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        if let Some(context) = self.0 {
            // SAFETY: it was opened by the library, is closed once, and nobody has it afterwards.
            unsafe { library::close_encoder(context.as_ptr()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// How much of a frequency there is, as the size of its sine.
    fn part(samples: &[i16], hertz: f64) -> f64 {
        let angle = |at: usize| TAU * hertz * at as f64 / 8_000.0;
        let sum = |wave: fn(f64) -> f64| -> f64 {
            samples.iter().enumerate().map(|(at, s)| f64::from(*s) * wave(angle(at))).sum()
        };
        sum(f64::sin).hypot(sum(f64::cos)) * 2.0 / samples.len() as f64
    }

    /// A tone comes through, 20 bytes for 20 ms, in frames of 10 or 20 ms alike.
    #[test]
    fn a_tone_passes() {
        for ms in [10, 20, 60] {
            let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
            let mut heard = Vec::new();
            for packet in 0..1_000 / ms {
                let tone = |at: usize| (8_000.0 * (TAU * 500.0 * at as f64 / 8_000.0).sin()) as i16;
                let samples: Vec<i16> = (packet * ms * 8..(packet + 1) * ms * 8).map(tone).collect();
                let (mut payload, mut out) = ([0; 100], [0; 480]);
                let bytes = encoder.encode(&samples, &mut payload);
                assert_eq!(bytes, ms);
                assert_eq!(decoder.decode(&payload[..bytes], &mut out), ms * 8);
                heard.extend_from_slice(&out[..ms * 8]);
            }
            let level = part(&heard[4_000..], 500.0);
            assert!((5_000.0..11_000.0).contains(&level), "{ms} ms: {level}");
            assert!(part(&heard[4_000..], 1_700.0) < 800.0);
        }
    }

    /// Any bytes are sound or nothing: no frame is read beyond its end, and a short room is not overrun.
    #[test]
    fn any_bytes_are_taken() {
        let mut decoder = Decoder::default();
        let mut seed = 1u32;
        for length in (0..64).chain([200]) {
            let payload: Vec<u8> = (0..length)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 24) as u8
                })
                .collect();
            let mut out = [7; 330];
            let made = decoder.decode(&payload, &mut out);
            let frames = length / 10 + usize::from(length % 10 == 2);
            assert_eq!(made, 80 * frames.min(4), "{length}");
            assert!(out[320..].iter().all(|sample| *sample == 7));
        }
        let mut encoder = Encoder::default();
        assert_eq!(encoder.encode(&[100; 170], &mut [0; 15]), 10);
        assert_eq!(encoder.encode(&[100; 79], &mut [0; 15]), 0);
    }
}
