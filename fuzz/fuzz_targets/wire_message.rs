//! Scan, every typed view, print, read again.
#![no_main]

#[path = "../../tests/it/wire/exercise.rs"]
#[allow(dead_code, reason = "each target takes its part of what is shared")]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exercise::message(bytes);
});
