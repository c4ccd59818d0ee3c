//! Two URIs, parted by a line end: parse, compare both ways.
#![no_main]

#[path = "../../tests/it/wire/exercise.rs"]
#[allow(dead_code, reason = "each target takes its part of what is shared")]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len());
    exercise::uris(&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
});
