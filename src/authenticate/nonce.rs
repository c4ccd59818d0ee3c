//! Nonces: made without memory, remembered only once used, so that a flood of strangers costs nothing and a replay is
//! noticed.
//!
//! `<unix seconds>/<32 hex>`: the hex is eight digits of salt, new for each challenge, and a keyed hash over seconds,
//! salt, source address and realm. So a nonce is good for the address it was given to, in its realm, until it is older
//! than `nonce_lifetime`. The source port is left out: NATs change it. The salt is there because counts are tracked: two
//! challenges of one second must not share their counts. After the first good use, (nonce, user, cnonce) is remembered with its highest nonce count and a
//! window of 64 below it: a count seen before is a replay, unless it is the very same request again (a retransmission).

use crate::base::digits::push_decimal;
use crate::base::limits;
use crate::base::time::WallTime;
use crate::sip::wire::text;
use foldhash::fast::{FixedState, RandomState};
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;

use std::net::IpAddr;

/// Bytes of a nonce at most: ten digits, `/`, 32 hex.
pub const NONCE_BYTES: usize = 64;

/// What a nonce says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Ours, for this address and realm, young enough.
    Fresh,
    /// Not ours, not for this address or realm, or too old: challenge again with `stale=true` if all else is right.
    Stale,
}

/// Whether a nonce count may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Never seen.
    New,
    /// Seen, in this very request: a retransmission.
    Again,
    /// Seen in another request: a replay.
    Replay,
}

#[derive(Clone, Copy, Debug)]
struct Used {
    highest: u32,
    /// Bit n: count `highest - n` was used.
    window: u64,
    /// Hash of the request that used `highest`.
    request: u64,
}

/// Makes and judges nonces. One owner: the switch.
#[derive(Debug)]
pub struct Nonces {
    key: [u8; 32],
    hasher: RandomState,
    used: HashMap<u64, Used, FixedState>,
    /// Keys by the second after which their nonce is stale anyway.
    expiries: VecDeque<(u64, Vec<u64>)>,
    /// Nonces issued up to this second are stale: their counts had to be forgotten.
    floor_secs: u64,
}

impl Nonces {
    /// With a key from the operating system's randomness.
    pub fn new(key: [u8; 32]) -> Nonces {
        Nonces {
            key,
            hasher: RandomState::default(),
            used: HashMap::with_hasher(FixedState::default()),
            expiries: VecDeque::new(),
            floor_secs: 0,
        }
    }

    /// Appends a nonce for `source` and `realm`; `salt` is any number not used before in this second.
    pub fn issue(&self, now: WallTime, source: IpAddr, realm: &[u8], salt: u32, out: &mut Vec<u8>) {
        let secs = now.secs();
        let salt = salt.to_be_bytes();
        let mac = self.mac(secs, salt, source, realm);
        push_decimal(out, secs);
        out.push(b'/');
        push_hex(&salt, out);
        push_hex(&mac[..12], out);
    }

    /// Judges a nonce that came back.
    pub fn age(&self, now: WallTime, source: IpAddr, realm: &[u8], nonce: &[u8], lifetime_secs: u64) -> Age {
        let Some(slash) = memchr::memchr(b'/', nonce) else { return Age::Stale };
        let Some(secs) = text::number(&nonce[..slash]).map(u64::from) else { return Age::Stale };
        if secs <= self.floor_secs || secs > now.secs() || now.secs() - secs > lifetime_secs {
            return Age::Stale;
        }
        let Some(sent) = read_hex(&nonce[slash + 1..]) else { return Age::Stale };
        let (salt, mac) = sent.split_at(4);
        let want = self.mac(secs, [salt[0], salt[1], salt[2], salt[3]], source, realm);
        if constant_time_equal(&want[..12], mac) { Age::Fresh } else { Age::Stale }
    }

    /// Judges a nonce count of credentials that verified, and remembers it. `request` tells one request from another
    /// (its branch, Call-ID and CSeq hashed with [`Nonces::request_hash`]). Credentials without qop have count 0 and
    /// their response in place of the cnonce: each is good once.
    pub fn count(
        &mut self,
        now: WallTime,
        (nonce, user, cnonce): (&[u8], &[u8], &[u8]),
        nc: u32,
        request: u64,
        lifetime_secs: u64,
    ) -> Count {
        self.forget(now);
        let key = self.hasher.hash_one((nonce, user, cnonce));
        if let Some(used) = self.used.get_mut(&key) {
            return used.take(nc, request);
        }
        if self.used.len() >= limits::NONCES {
            self.drop_oldest(now);
        }
        self.used.insert(key, Used { highest: nc, window: 1, request });
        let until = now.secs() + lifetime_secs + 1;
        match self.expiries.back_mut() {
            Some((last, keys)) if *last >= until => keys.push(key),
            _ => self.expiries.push_back((until, vec![key])),
        }
        Count::New
    }

    /// A number that is the same for a request and its retransmissions, and for no other.
    pub fn request_hash(&self, branch: &[u8], call_id: &[u8], cseq: u32) -> u64 {
        self.hasher.hash_one((branch, call_id, cseq))
    }

    /// A keyed hash of a name: what dummy challenges are drawn by. The same name gives the same number until restart.
    pub fn name_hash(&self, name: &[u8]) -> u64 {
        let mut input = [0u8; 32 + 256];
        let len = name.len().min(256);
        input[..32].copy_from_slice(&self.key);
        input[32..32 + len].copy_from_slice(&name[..len]);
        let digest = md5::compute(&input[..32 + len]).0;
        u64::from_le_bytes(digest[..8].try_into().expect("an MD5 digest has 16 bytes"))
    }

    /// How many used nonces are remembered.
    pub fn remembered(&self) -> usize {
        self.used.len()
    }

    fn mac(&self, secs: u64, salt: [u8; 4], source: IpAddr, realm: &[u8]) -> [u8; 16] {
        // Key on both sides of the message: MD5 alone would let a longer message be made from a shorter one's hash.
        let mut context = md5::Context::new();
        context.consume(self.key);
        context.consume(secs.to_le_bytes());
        context.consume(salt);
        match source {
            IpAddr::V4(a) => context.consume(a.octets()),
            IpAddr::V6(a) => context.consume(a.octets()),
        }
        context.consume(realm);
        context.consume(self.key);
        context.finalize().0
    }

    fn forget(&mut self, now: WallTime) {
        while self.expiries.front().is_some_and(|(until, _)| *until <= now.secs()) {
            for key in self.expiries.pop_front().map(|(_, keys)| keys).unwrap_or_default() {
                self.used.remove(&key);
            }
        }
    }

    /// The table is full: the oldest second's nonces are forgotten, and every nonce as old as that is stale from now
    /// on, so that none of them can be replayed.
    fn drop_oldest(&mut self, now: WallTime) {
        if let Some((_, keys)) = self.expiries.pop_front() {
            for key in keys {
                self.used.remove(&key);
            }
            self.floor_secs = now.secs().saturating_sub(1);
        }
    }
}

impl Used {
    fn take(&mut self, nc: u32, request: u64) -> Count {
        if nc > self.highest {
            let ahead = nc - self.highest;
            self.window = if ahead < 64 { self.window << ahead | 1 } else { 1 };
            self.highest = nc;
            self.request = request;
            return Count::New;
        }
        let behind = self.highest - nc;
        if behind == 0 {
            return if self.request == request { Count::Again } else { Count::Replay };
        }
        if behind >= 64 || self.window & (1 << behind) != 0 {
            return Count::Replay;
        }
        // Reordered on its way: good once.
        self.window |= 1 << behind;
        Count::New
    }
}

fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for b in bytes {
        out.push(DIGITS[usize::from(b >> 4)]);
        out.push(DIGITS[usize::from(b & 15)]);
    }
}

/// 32 lower-case hexadecimal digits as 16 bytes.
fn read_hex(digits: &[u8]) -> Option<[u8; 16]> {
    let digits: &[u8; 32] = digits.try_into().ok()?;
    let value = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0u8; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn nonces() -> (Nonces, Vec<u8>) {
        let n = Nonces::new([7; 32]);
        let mut nonce = Vec::new();
        n.issue(WallTime::from_secs(1000), HERE, b"asterisk", 5, &mut nonce);
        (n, nonce)
    }

    #[test]
    fn a_nonce_is_bound_to_address_realm_and_age() {
        let (n, nonce) = nonces();
        let at = WallTime::from_secs;
        assert_eq!(n.age(at(1032), HERE, b"asterisk", &nonce, 32), Age::Fresh);
        assert_eq!(n.age(at(1033), HERE, b"asterisk", &nonce, 32), Age::Stale);
        assert_eq!(n.age(at(999), HERE, b"asterisk", &nonce, 32), Age::Stale);
        assert_eq!(n.age(at(1000), HERE, b"other", &nonce, 32), Age::Stale);
        assert_eq!(n.age(at(1000), IpAddr::from([127, 0, 0, 2]), b"asterisk", &nonce, 32), Age::Stale);
        for made_up in [&b"1000/00000000000000000000000000000000"[..], b"1000/", b"/", b"", b"x"] {
            assert_eq!(n.age(at(1000), HERE, b"asterisk", made_up, 32), Age::Stale);
        }
        assert_eq!(Nonces::new([8; 32]).age(at(1000), HERE, b"asterisk", &nonce, 32), Age::Stale);
    }

    #[test]
    fn counts_rise_repeat_only_for_the_same_request_and_may_be_reordered() {
        let (mut n, nonce) = nonces();
        let now = WallTime::from_secs(1000);
        let mut count = |nc, request| n.count(now, (&nonce, b"u", b"c"), nc, request, 32);
        assert_eq!(count(1, 10), Count::New);
        assert_eq!(count(1, 10), Count::Again);
        assert_eq!(count(1, 11), Count::Replay);
        assert_eq!(count(3, 12), Count::New);
        assert_eq!(count(2, 13), Count::New);
        assert_eq!(count(2, 14), Count::Replay);
        assert_eq!(count(200, 15), Count::New);
        assert_eq!(count(100, 16), Count::Replay);
        assert_eq!(n.count(now, (&nonce, b"u", b"other phone behind the same NAT"), 1, 17, 32), Count::New);
        assert_eq!(n.remembered(), 2);
        n.count(WallTime::from_secs(1034), (b"y", b"u", b"c"), 1, 1, 32);
        assert_eq!(n.remembered(), 1, "old nonces are forgotten when they are stale anyway");
    }
}
