//! Randomness from the operating system: keys and seeds.

use std::fs::File;
use std::io::Read;

/// Unpredictable bytes.
///
/// # Errors
/// The system has none; then no nonce of ours would be worth anything.
pub fn bytes<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    let mut source = File::open("/dev/urandom").map_err(|error| format!("/dev/urandom: {error}"))?;
    source.read_exact(&mut bytes).map_err(|error| format!("/dev/urandom: {error}"))?;
    Ok(bytes)
}

/// An unpredictable number.
///
/// # Errors
/// As [`bytes`].
pub fn number() -> Result<u64, String> {
    bytes().map(u64::from_ne_bytes)
}
