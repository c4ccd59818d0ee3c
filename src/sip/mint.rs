//! Identifiers we make: branches, tags, Call-IDs. Each carries the mark of the shard that made it, so that a response
//! or an in-dialog request finds its worker without any shared table.
//!
//! ```text
//! branch  z9hG4bKJf  ss  iiiiiii  rrrrrrrrrrrrr     s shard, i place in the client table, r 64 random bits
//! tag                ss  rrrrrrrrrrrrr
//! ```
//! A mark is a hint, not a proof: whoever reads one compares the random part with what it remembers.

use super::wire::via::MAGIC_COOKIE;
use crate::base::rng::Rng;

/// The worker that owns a call or transaction. Below [`SHARDS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shard(pub u16);

/// How many shards two mark characters can tell apart.
pub const SHARDS: u16 = 1024;

/// The branch of a request we sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Who sent it.
    pub shard: Shard,
    /// Where its transaction stands in the client table; [`NO_TRANSACTION`] for an ACK to a 2xx.
    pub index: u32,
    /// What a forger would have to guess.
    pub random: u64,
}

/// The place of a request that has no transaction.
pub const NO_TRANSACTION: u32 = u32::MAX;

impl Branch {
    /// Appends it as text.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(MAGIC_COOKIE);
        out.extend_from_slice(OURS);
        write_digits(out, u64::from(self.shard.0), SHARD_DIGITS);
        write_digits(out, u64::from(self.index), INDEX_DIGITS);
        write_digits(out, self.random, RANDOM_DIGITS);
    }

    /// Reads a branch that we made; `None` for any other.
    pub fn read(text: &[u8]) -> Option<Branch> {
        let rest = text.strip_prefix(MAGIC_COOKIE)?.strip_prefix(OURS)?;
        if rest.len() != SHARD_DIGITS + INDEX_DIGITS + RANDOM_DIGITS {
            return None;
        }
        let (shard, rest) = rest.split_at(SHARD_DIGITS);
        let (index, random) = rest.split_at(INDEX_DIGITS);
        Some(Branch {
            shard: Shard(u16::try_from(read_digits(shard)?).ok()?),
            index: u32::try_from(read_digits(index)?).ok()?,
            random: read_digits(random)?,
        })
    }
}

/// Appends a new tag.
pub fn tag(shard: Shard, rng: &mut Rng, out: &mut Vec<u8>) {
    write_tag(shard, rng.next_u64(), out);
}

/// Appends the tag of that shard and that number: the same number gives the same tag, as a stateless reply needs
/// (RFC 3261 8.2.7).
pub fn write_tag(shard: Shard, number: u64, out: &mut Vec<u8>) {
    write_digits(out, u64::from(shard.0), SHARD_DIGITS);
    write_digits(out, number, RANDOM_DIGITS);
}

/// The shard whose mark a tag bears; `None` when it is not shaped like one of ours.
pub fn tag_shard(tag: &[u8]) -> Option<Shard> {
    if tag.len() != SHARD_DIGITS + RANDOM_DIGITS {
        return None;
    }
    read_digits(&tag[SHARD_DIGITS..])?;
    Some(Shard(u16::try_from(read_digits(&tag[..SHARD_DIGITS])?).ok()?))
}

/// Appends a new Call-ID: 128 random bits in the 8-4-4-4-12 form an administrator's tools know.
pub fn call_id(rng: &mut Rng, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bits = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    for i in 0..32u32 {
        if matches!(i, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        out.push(HEX[(bits >> (124 - 4 * i) & 15) as usize]);
    }
}

const OURS: &[u8] = b"Jf";
const SHARD_DIGITS: usize = 2;
const INDEX_DIGITS: usize = 7;
const RANDOM_DIGITS: usize = 13;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghijkmnpqrstuvwx";

const VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut i = 0;
    while i < ALPHABET.len() {
        values[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    values
};

fn write_digits(out: &mut Vec<u8>, value: u64, digits: usize) {
    for i in (0..digits).rev() {
        out.push(ALPHABET[(value.unbounded_shr(5 * i as u32) & 31) as usize]);
    }
}

fn read_digits(text: &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for byte in text {
        let digit = VALUES[usize::from(*byte)];
        if digit == u8::MAX || value >> 59 != 0 {
            return None;
        }
        value = value << 5 | u64::from(digit);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut rng = Rng::seeded(1);
        for _ in 0..1000 {
            let branch = Branch {
                shard: Shard(rng.below(u64::from(SHARDS)) as u16),
                index: rng.next_u64() as u32,
                random: rng.next_u64(),
            };
            let mut text = Vec::new();
            branch.write(&mut text);
            assert_eq!(Branch::read(&text), Some(branch));
            assert!(text.starts_with(b"z9hG4bKJf"));
            let mut text = Vec::new();
            tag(branch.shard, &mut rng, &mut text);
            assert_eq!(tag_shard(&text), Some(branch.shard));
        }
    }

    #[test]
    fn foreign_and_broken_texts_are_not_ours() {
        let mut text = Vec::new();
        Branch { shard: Shard(0), index: 1, random: 2 }.write(&mut text);
        assert!(Branch::read(&text[..text.len() - 1]).is_none());
        let mut wrong = text.clone();
        wrong[20] = b'!';
        assert!(Branch::read(&wrong).is_none());
        // More than 64 and more than 32 bits.
        let mut wrong = text.clone();
        wrong[18] = b'x';
        assert!(Branch::read(&wrong).is_none());
        let mut wrong = text;
        wrong[11] = b'x';
        assert!(Branch::read(&wrong).is_none());
        for foreign in [&b"z9hG4bKPj2f1a"[..], b"", b"z9hG4bK", b"1"] {
            assert!(Branch::read(foreign).is_none());
            assert!(tag_shard(foreign).is_none());
        }
    }

    #[test]
    fn call_ids_have_the_usual_form() {
        let mut id = Vec::new();
        call_id(&mut Rng::seeded(3), &mut id);
        assert_eq!(id.len(), 36);
        assert!([8, 13, 18, 23].iter().all(|i| id[*i] == b'-'));
    }
}
