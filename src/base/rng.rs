//! Seeded randomness: tags, branches, jitter. Not for keys: those come from the operating system through an edge.

/// A small fast generator (xoshiro256++). One per switch, seeded by the server from the operating system and by a
/// simulation from its seed, so that a failing run can be replayed.
#[derive(Clone, Debug)]
pub struct Rng {
    s: [u64; 4],
}

impl Rng {
    /// A generator whose whole sequence follows from `seed`.
    pub fn seeded(seed: u64) -> Rng {
        // splitmix64 spreads a small seed over the state.
        let mut z = seed;
        let mut next = || {
            z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut x = z;
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            x ^ (x >> 31)
        };
        Rng { s: [next(), next(), next(), next()] }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.s;
        let out = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        out
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The modulo bias is below 2^-32 for every bound used here (milliseconds, table sizes).
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }

    /// Appends `n` characters of `[0-9a-z]`: tags, branches, opaque values.
    pub fn token(&mut self, n: usize, out: &mut Vec<u8>) {
        const ALPHABET: &[u8; 32] = b"0123456789abcdefghijkmnpqrstuvwx";
        let mut bits = 0u64;
        for i in 0..n {
            if i % 12 == 0 {
                bits = self.next_u64();
            }
            out.push(ALPHABET[(bits & 31) as usize]);
            bits >>= 5;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_tokens() {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        Rng::seeded(7).token(40, &mut a);
        Rng::seeded(7).token(40, &mut b);
        assert_eq!(a, b);
        assert_eq!(a.len(), 40);
        let mut c = Vec::new();
        Rng::seeded(8).token(40, &mut c);
        assert_ne!(a, c);
    }
}
