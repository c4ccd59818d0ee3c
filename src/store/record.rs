//! How contacts are written to disk: a compact, versioned, checksummed form. It is read back only by this module.
//!
//! ```text
//! journal row   version(1) checksum(8) entry entry …
//! entry         tag(1) aor hash(16) [expires(8) cseq] [record]      1 put: all; 2 refresh: no record; 3 remove: neither
//! record        version(1) uri q endpoint call-id user-agent path via-host via-port instance reg-id transport
//!               source(1 + 4 or 16 + 2) reg-server flags(1)
//! ```
//! Texts are their length and bytes; numbers without a width are variable-length (7 bits a byte, low first).

use crate::base::ids::{FlowId, Name};
use crate::base::time::WallTime;
use crate::registrar::binding::{Binding, ContactChange};
use std::collections::HashSet;
use std::net::IpAddr;

const GROUP_VERSION: u8 = 1;
const RECORD_VERSION: u8 = 1;
const GROUP_HEAD: usize = 9;

const TAG_PUT: u8 = 1;
const TAG_REFRESH: u8 = 2;
const TAG_REMOVE: u8 = 3;

const FLAG_PRUNE_ON_BOOT: u8 = 1;

/// Bytes that this module did not write, or that were damaged since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// One entry of a journal row, as far as it need be understood to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The aor.
    pub aor: &'a str,
    /// MD5 of the contact URI.
    pub hash: [u8; 16],
    /// What became of the contact.
    pub what: What<'a>,
}

/// What an entry says of its contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// All about it.
    Put {
        /// When it ends.
        expires: WallTime,
        /// CSeq of the REGISTER.
        cseq: u32,
        /// The rest, for [`read_record`].
        record: &'a [u8],
    },
    /// It lives longer.
    Refresh {
        /// When it ends.
        expires: WallTime,
        /// CSeq of the REGISTER.
        cseq: u32,
    },
    /// It is gone.
    Remove,
}

/// Texts that many contacts share are kept once: transport names, server names, endpoints named like their aor.
#[derive(Debug, Default)]
pub struct Names(HashSet<Name>);

impl Names {
    /// The shared copy of `text`.
    pub fn share(&mut self, text: &str) -> Name {
        if let Some(name) = self.0.get(text) {
            return name.clone();
        }
        let name = Name::from(text);
        self.0.insert(name.clone());
        name
    }
}

/// Begins a journal row.
pub fn begin_group(out: &mut Vec<u8>) {
    out.clear();
    out.resize(GROUP_HEAD, 0);
}

/// Ends a journal row: fills in version and checksum.
pub fn end_group(out: &mut [u8]) {
    let (head, body) = out.split_at_mut(GROUP_HEAD);
    head[0] = GROUP_VERSION;
    head[1..].copy_from_slice(&checksum(&[body]).to_le_bytes());
}

/// Adds a change to a journal row.
pub fn write_change(change: &ContactChange, out: &mut Vec<u8>) {
    match change {
        ContactChange::Put(binding) => {
            write_head(TAG_PUT, &binding.aor, &binding.hash, out);
            write_life(binding.expires, binding.cseq, out);
            // The record's length is known only once it is written.
            let length_at = out.len();
            out.extend_from_slice(&[0; 4]);
            write_record(binding, out);
            let length = u32::try_from(out.len() - length_at - 4).unwrap_or(u32::MAX);
            out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
        }
        ContactChange::Refresh { aor, hash, expires, cseq } => {
            write_head(TAG_REFRESH, aor, hash, out);
            write_life(*expires, *cseq, out);
        }
        ContactChange::Remove { aor, hash } => write_head(TAG_REMOVE, aor, hash, out),
    }
}

/// Adds an entry to a journal row, as it was read from another.
pub fn write_entry(aor: &str, hash: &[u8; 16], what: What<'_>, out: &mut Vec<u8>) {
    match what {
        What::Put { expires, cseq, record } => {
            write_head(TAG_PUT, aor, hash, out);
            write_life(expires, cseq, out);
            out.extend_from_slice(&u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes());
            out.extend_from_slice(record);
        }
        What::Refresh { expires, cseq } => {
            write_head(TAG_REFRESH, aor, hash, out);
            write_life(expires, cseq, out);
        }
        What::Remove => write_head(TAG_REMOVE, aor, hash, out),
    }
}

fn write_head(tag: u8, aor: &str, hash: &[u8; 16], out: &mut Vec<u8>) {
    out.push(tag);
    write_text(aor, out);
    out.extend_from_slice(hash);
}

fn write_life(expires: WallTime, cseq: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&expires.0.to_le_bytes());
    write_number(cseq.into(), out);
}

/// Everything of a binding but aor, hash, expiry and CSeq.
pub fn write_record(binding: &Binding, out: &mut Vec<u8>) {
    out.push(RECORD_VERSION);
    write_text(&binding.uri, out);
    write_number(binding.q.into(), out);
    write_text(&binding.endpoint, out);
    write_text(&binding.call_id, out);
    write_text(&binding.user_agent, out);
    write_text(&binding.path, out);
    write_text(&binding.via.0, out);
    write_number(binding.via.1.into(), out);
    write_text(&binding.instance, out);
    write_number(binding.reg_id.into(), out);
    write_text(&binding.transport, out);
    match binding.source.0 {
        IpAddr::V4(address) => {
            out.push(4);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.push(6);
            out.extend_from_slice(&address.octets());
        }
    }
    out.extend_from_slice(&binding.source.1.to_le_bytes());
    write_text(&binding.reg_server, out);
    out.push(if binding.prune_on_boot { FLAG_PRUNE_ON_BOOT } else { 0 });
}

/// The binding that a record describes. It belongs to no connection.
///
/// # Errors
/// The record is of an unknown version or damaged.
pub fn read_record(
    (aor, hash): (Name, [u8; 16]),
    (expires, cseq): (WallTime, u32),
    record: &[u8],
    names: &mut Names,
) -> Result<Binding, Damaged> {
    let mut bytes = Bytes(record);
    if bytes.byte()? != RECORD_VERSION {
        return Err(Damaged);
    }
    let uri = bytes.text()?.into();
    let q = bytes.small()?;
    let endpoint = bytes.text()?;
    let endpoint = if endpoint == &*aor { aor.clone() } else { names.share(endpoint) };
    let call_id = bytes.text()?.into();
    let user_agent = bytes.text()?.into();
    let path = bytes.text()?.into();
    let via = (bytes.text()?.into(), bytes.small()?);
    let instance = bytes.text()?.into();
    let reg_id = bytes.small()?;
    let transport = names.share(bytes.text()?);
    let address = match bytes.byte()? {
        4 => IpAddr::from(bytes.array::<4>()?),
        6 => IpAddr::from(bytes.array::<16>()?),
        _ => return Err(Damaged),
    };
    let source = (address, u16::from_le_bytes(bytes.array()?));
    let reg_server = names.share(bytes.text()?);
    let prune_on_boot = bytes.byte()? & FLAG_PRUNE_ON_BOOT != 0;
    if !bytes.0.is_empty() {
        return Err(Damaged);
    }
    Ok(Binding {
        aor,
        uri,
        hash,
        expires,
        q,
        endpoint,
        call_id,
        cseq,
        user_agent,
        path,
        via,
        instance,
        reg_id,
        transport,
        source,
        reg_server,
        prune_on_boot,
        flow: FlowId::DATAGRAM,
    })
}

/// Calls `each` for every entry of a journal row, in order; for none of them unless the whole row is sound.
///
/// # Errors
/// The row is of an unknown version or damaged.
pub fn read_group<'a>(row: &'a [u8], mut each: impl FnMut(Entry<'a>)) -> Result<(), Damaged> {
    let mut bytes = Bytes(row);
    if bytes.byte()? != GROUP_VERSION {
        return Err(Damaged);
    }
    if u64::from_le_bytes(bytes.array()?) != checksum(&[bytes.0]) {
        return Err(Damaged);
    }
    while !bytes.0.is_empty() {
        let tag = bytes.byte()?;
        let aor = bytes.text()?;
        let hash = bytes.array()?;
        let what = match tag {
            TAG_PUT => {
                let (expires, cseq) = bytes.life()?;
                let length = u32::from_le_bytes(bytes.array()?) as usize;
                What::Put { expires, cseq, record: bytes.take(length)? }
            }
            TAG_REFRESH => {
                let (expires, cseq) = bytes.life()?;
                What::Refresh { expires, cseq }
            }
            TAG_REMOVE => What::Remove,
            _ => return Err(Damaged),
        };
        each(Entry { aor, hash, what });
    }
    Ok(())
}

/// A checksum against damage (not against forgery) of several pieces in a row: eight bytes at a time, multiplied and
/// rotated, so that each bit reaches the whole sum.
pub fn checksum(pieces: &[&[u8]]) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut sum = SPREAD;
    for piece in pieces {
        sum = (sum ^ piece.len() as u64).wrapping_mul(SPREAD).rotate_left(31);
        let (words, rest) = piece.as_chunks::<8>();
        for word in words {
            sum = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(SPREAD).rotate_left(31);
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        sum = (sum ^ u64::from_le_bytes(last)).wrapping_mul(SPREAD).rotate_left(31);
    }
    sum ^ (sum >> 29)
}

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_number(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Damaged> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(Damaged)?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, Damaged> {
        let (first, rest) = self.0.split_first().ok_or(Damaged)?;
        self.0 = rest;
        Ok(*first)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Damaged)?;
        self.0 = rest;
        Ok(*head)
    }

    fn number(&mut self) -> Result<u64, Damaged> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Damaged)
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Damaged> {
        T::try_from(self.number()?).map_err(|_| Damaged)
    }

    fn text(&mut self) -> Result<&'a str, Damaged> {
        let length: usize = self.small()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| Damaged)
    }

    fn life(&mut self) -> Result<(WallTime, u32), Damaged> {
        Ok((WallTime(u64::from_le_bytes(self.array()?)), self.small()?))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::base::rng::Rng;

    /// A binding whose every field says `n`.
    pub(crate) fn binding(n: u32) -> Binding {
        let aor = Name::from(format!("user{n:05}"));
        let uri =
            format!("sip:user{n:05}@10.0.{}.{}:{};transport=udp", n / 250 % 250, n % 250, 1024 + n % 60_000);
        Binding {
            hash: *md5::compute(&uri),
            uri: uri.into(),
            expires: WallTime(1_700_000_000_000_000 + u64::from(n) * 1_000_001),
            q: (n % 1001) as u16,
            endpoint: if n.is_multiple_of(3) { Name::from("trunk") } else { aor.clone() },
            call_id: format!("{n:x}-4711@192.168.1.7").into(),
            cseq: n,
            user_agent: "Example Phone 1.2".into(),
            path: if n.is_multiple_of(5) { "<sip:edge;lr>".into() } else { "".into() },
            via: ("192.168.1.7".into(), 5060),
            instance: "<urn:uuid:00000000-0000-1000-8000-000A95A0E128>".into(),
            reg_id: n % 3,
            transport: Name::from("transport-udp"),
            source: if n.is_multiple_of(2) {
                ("192.0.2.7".parse().expect("address"), 5062)
            } else {
                ("2001:db8::7".parse().expect("address"), 5063)
            },
            reg_server: Name::from("pbx-1"),
            prune_on_boot: n.is_multiple_of(4),
            flow: FlowId::DATAGRAM,
            aor,
        }
    }

    fn group(changes: &[ContactChange]) -> Vec<u8> {
        let mut row = Vec::new();
        begin_group(&mut row);
        for change in changes {
            write_change(change, &mut row);
        }
        end_group(&mut row);
        row
    }

    fn changes() -> Vec<ContactChange> {
        let one = binding(1);
        vec![
            ContactChange::Put(Box::new(one.clone())),
            ContactChange::Refresh {
                aor: one.aor.clone(),
                hash: one.hash,
                expires: WallTime(5),
                cseq: 77_000,
            },
            ContactChange::Put(Box::new(binding(2))),
            ContactChange::Remove { aor: one.aor, hash: one.hash },
        ]
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (row, mut names, mut read) = (group(&changes()), Names::default(), Vec::new());
        read_group(&row, |entry| {
            let (aor, hash) = (names.share(entry.aor), entry.hash);
            read.push(match entry.what {
                What::Put { expires, cseq, record } => ContactChange::Put(Box::new(
                    read_record((aor, hash), (expires, cseq), record, &mut names).expect("sound"),
                )),
                What::Refresh { expires, cseq } => ContactChange::Refresh { aor, hash, expires, cseq },
                What::Remove => ContactChange::Remove { aor, hash },
            });
        })
        .expect("sound");
        assert_eq!(read, changes());
        let mut copy = Vec::new();
        begin_group(&mut copy);
        read_group(&row, |entry| write_entry(entry.aor, &entry.hash, entry.what, &mut copy)).expect("sound");
        end_group(&mut copy);
        assert_eq!(copy, row);
    }

    #[test]
    fn every_cut_and_every_flipped_bit_of_a_row_is_noticed() {
        let row = group(&changes());
        for end in 0..row.len() {
            assert_eq!(read_group(&row[..end], |_| panic!("cut at {end}")), Err(Damaged));
        }
        for at in 0..row.len() * 8 {
            let mut row = row.clone();
            row[at / 8] ^= 1 << (at % 8);
            assert_eq!(read_group(&row, |_| panic!("bit {at}")), Err(Damaged));
        }
    }

    #[test]
    fn records_of_any_bytes_never_panic() {
        let mut rng = Rng::seeded(20_261_121);
        let mut record = Vec::new();
        write_record(&binding(3), &mut record);
        for round in 0..20_000 {
            let mut bytes = record.clone();
            for _ in 0..1 + rng.below(4) {
                let at = rng.below(bytes.len() as u64) as usize;
                bytes[at] = rng.next_u64() as u8;
            }
            bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize);
            let key = (Name::from("a"), [0; 16]);
            let _ = read_record(key, (WallTime(round), 1), &bytes, &mut Names::default());
        }
    }

    #[test]
    fn a_refresh_is_small() {
        let one = binding(1);
        let refresh = ContactChange::Refresh { aor: one.aor, hash: one.hash, expires: one.expires, cseq: 2 };
        assert!(group(&[refresh]).len() <= GROUP_HEAD + 40);
    }
}
