//! Byte strings that die about as old as each other: a finished transaction's response lives as long as Timer J.
//!
//! ```text
//! chunks  [ …. freed …. ][ aaaaaaa|bbb|cccc ][ dd|eeeeee|        ]
//!                          3 alive             2 alive, grows here
//! ```
//! A chunk is reused when its last string is gone, so a string costs its length and nothing more: no allocator call,
//! no rounding. Whatever may live long keeps its chunk alive, and so does not belong here.

use std::collections::VecDeque;

/// Where a string starts. Who keeps it knows how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    chunk: u32,
    start: u32,
}

#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    alive: u32,
}

/// The strings.
#[derive(Debug, Default)]
pub(super) struct Arena {
    chunks: VecDeque<Chunk>,
    /// The number of the first chunk.
    first: u32,
    spare: Vec<Vec<u8>>,
}

/// Twice the longest message, so that every string fits into an empty chunk.
const CHUNK: usize = 128 << 10;
/// Empty chunks kept for the next burst.
const SPARE: usize = 16;

impl Arena {
    /// Stores `parts`, one after the other, as one string.
    pub fn push(&mut self, parts: &[&[u8]]) -> Place {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        debug_assert!(len <= CHUNK, "key.rs bounds what it stores by 16 bits");
        if self.chunks.back().is_none_or(|chunk| chunk.bytes.len() + len > CHUNK) {
            let bytes = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK));
            self.chunks.push_back(Chunk { bytes, alive: 0 });
        }
        let number = self.first.wrapping_add(self.chunks.len() as u32 - 1);
        let chunk = self.chunks.back_mut().expect("one was pushed if there was none");
        let place = Place { chunk: number, start: chunk.bytes.len() as u32 };
        chunk.alive += 1;
        parts.iter().for_each(|part| chunk.bytes.extend_from_slice(part));
        place
    }

    /// The string at `place` and what follows it.
    pub fn from(&self, place: Place) -> &[u8] {
        let chunk = self.chunks.get(place.chunk.wrapping_sub(self.first) as usize);
        chunk.and_then(|chunk| chunk.bytes.get(place.start as usize..)).unwrap_or_default()
    }

    /// Gives up the string of `len` bytes at `place`. Each place is given up once.
    pub fn free(&mut self, place: Place, len: usize) {
        let at = place.chunk.wrapping_sub(self.first) as usize;
        let last = at + 1 == self.chunks.len();
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        chunk.alive = chunk.alive.saturating_sub(1);
        let start = place.start as usize;
        // The string stored last, as when a request is answered at once: its room is used again.
        if start + len == chunk.bytes.len() {
            chunk.bytes.truncate(start);
        }
        if chunk.alive > 0 {
            return;
        }
        if last {
            chunk.bytes.clear();
            return;
        }
        let mut bytes = std::mem::take(&mut chunk.bytes);
        if self.spare.len() < SPARE {
            bytes.clear();
            self.spare.push(bytes);
        }
        while self.chunks.len() > 1 && self.chunks[0].alive == 0 {
            self.chunks.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    /// Bytes set aside.
    #[cfg(test)]
    fn capacity(&self) -> usize {
        let spare: usize = self.spare.iter().map(Vec::capacity).sum();
        self.chunks.iter().map(|chunk| chunk.bytes.capacity()).sum::<usize>() + spare
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    /// Against a plain list of strings, freed in any order.
    #[test]
    fn strings_stay_what_they_were_until_freed() {
        for seed in 0..20 {
            let (mut rng, mut arena, mut kept) = (Rng::seeded(seed), Arena::default(), Vec::new());
            arena.first = u32::MAX - 2;
            for n in 0..3_000u32 {
                let text = vec![n as u8; rng.below(3_000) as usize];
                let (a, b) = text.split_at(text.len() / 2);
                kept.push((arena.push(&[a, b]), text));
                while kept.len() > 200 || (!kept.is_empty() && rng.below(3) == 0) {
                    let (place, text): (Place, Vec<u8>) =
                        kept.swap_remove(rng.below(kept.len() as u64) as usize);
                    assert_eq!(&arena.from(place)[..text.len()], text, "seed {seed}");
                    arena.free(place, text.len());
                }
            }
            for (place, text) in kept.drain(..) {
                assert_eq!(&arena.from(place)[..text.len()], text, "seed {seed}");
                arena.free(place, text.len());
            }
            assert_eq!(arena.chunks.len(), 1);
            assert!(arena.capacity() <= (SPARE + 1) * CHUNK, "seed {seed}");
        }
    }

    #[test]
    fn the_last_string_gives_its_room_back() {
        let mut arena = Arena::default();
        arena.push(&[b"kept"]);
        for _ in 0..1_000_000 {
            let key = arena.push(&[&[b'k'; 100]]);
            arena.free(key, 100);
        }
        assert_eq!(arena.capacity(), CHUNK);
    }
}
