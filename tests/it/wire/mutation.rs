//! Every corpus message, damaged at random from a seed: no panic, no loss, no time.
//!
//! `JACKFIELD_MUTATIONS` sets how many (a nightly run takes 10,000,000 in a release build), `JACKFIELD_SEED` the seed; a
//! failure names the seed and number that repeat it alone (`JACKFIELD_MUTATION=n`).

use super::{corpus, exercise};
use jackfield::base::rng::Rng;
use std::time::{Duration, Instant};

const DEFAULT: u64 = 20_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What breaks parsers.
const TOKENS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n ",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b"\0",
    b":",
    b";",
    b",",
    b"=",
    b"\"",
    b"\\",
    b"<",
    b">",
    b"@",
    b"[",
    b"]",
    b"%",
    b"%00",
    b"%0d%0a",
    b"?",
    b"*",
    b"\xff",
    b"\xc3\xa9",
    b";;",
    b",,",
    b"::",
    b":::",
    b"SIP/2.0",
    b"sip:",
    b"4294967296",
    b"-1",
    b"Content-Length: 0\r\n",
    b"Via: SIP/2.0/UDP h\r\n",
    b"l: 5\r\n",
    b"--",
    b"branch=z9hG4bK",
    b"tag=",
    b"Content-Type: multipart/mixed;boundary=b\r\n",
    b"\r\n--b\r\n",
    b"Digest ",
    b"[::1]",
    b";lr",
    b"sips:",
    b"tel:",
];

fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    let below = |rng: &mut Rng, n: usize| rng.below(n as u64) as usize;
    for _ in 0..=below(rng, 4) {
        let at = below(rng, bytes.len() + 1);
        match rng.below(8) {
            0 if at < bytes.len() => bytes[at] = rng.next_u64() as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            2 => {
                let end = (at + below(rng, 40)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => bytes.truncate(at),
            4 => {
                let end = (at + below(rng, 60)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = below(rng, bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            5 => {
                let from = below(rng, other.len() + 1);
                let end = (from + below(rng, 200)).min(other.len());
                bytes.splice(at..at, other[from..end].iter().copied());
            }
            6 => {
                let token = TOKENS[below(rng, TOKENS.len())];
                // Rarely very often: limits are met by repetition.
                let times = if rng.below(50) == 0 { below(rng, 3_000) } else { 1 + below(rng, 3) };
                let times = times.min(70_000 / token.len());
                bytes.splice(at..at, token.iter().copied().cycle().take(token.len() * times));
            }
            _ => {
                let token = TOKENS[below(rng, TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test bounds real time")]
fn damaged_messages_neither_panic_nor_take_long() {
    let seed = number("JACKFIELD_SEED").unwrap_or(4475);
    let count = number("JACKFIELD_MUTATIONS").unwrap_or(DEFAULT);
    let only = number("JACKFIELD_MUTATION");
    let samples = corpus::all();
    let (mut slowest, mut slowest_is) = (Duration::ZERO, 0);
    for n in only.map_or(0..count, |n| n..n + 1) {
        let mut rng = Rng::seeded(seed ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut pick = || &samples[rng.below(samples.len() as u64) as usize];
        let (sample, other) = (pick(), pick());
        let mut bytes = sample.bytes.clone();
        mutate(&mut rng, &mut bytes, &other.bytes);
        let (a, b) = (rng.below(bytes.len() as u64 + 1) as usize, rng.below(bytes.len() as u64 + 1) as usize);
        let size = 1 + rng.below(64) as usize;
        let start = Instant::now();
        let outcome = std::panic::catch_unwind(|| {
            exercise::message(&bytes);
            exercise::uris(&bytes[a.min(b)..a.max(b)], &bytes[..a]);
            exercise::credentials(&bytes[a..]);
            exercise::stream(&bytes, size);
        });
        let took = start.elapsed();
        if took > slowest {
            (slowest, slowest_is) = (took, n);
        }
        assert!(
            outcome.is_ok(),
            "{} mutated: repeat with JACKFIELD_SEED={seed} JACKFIELD_MUTATION={n}\n{}",
            sample.name,
            String::from_utf8_lossy(&bytes)
        );
    }
    eprintln!("{count} mutations from seed {seed}; the slowest, number {slowest_is}, took {slowest:?}");
    // Generous: everything is done to it, in a debug build, on a machine that does other things too.
    assert!(slowest < Duration::from_secs(5), "mutation {slowest_is} of seed {seed} took {slowest:?}");
}
