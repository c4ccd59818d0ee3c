//! A stream, whole and in chunks: cut the same, and as the scanner reads it. The first byte is the chunks' size.
#![no_main]

#[path = "../../tests/it/wire/exercise.rs"]
#[allow(dead_code, reason = "each target takes its part of what is shared")]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let [size, bytes @ ..] = bytes {
        exercise::stream(bytes, usize::from(*size));
    }
});
