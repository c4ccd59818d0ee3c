//! Hosts of URIs and Vias: names, IPv4 and IPv6 addresses, with their ports (RFC 3261 25.1, RFC 5118).

use super::text;
use super::uri::UriFault;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The host part of a URI or a Via.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'m> {
    /// A dotted quad.
    V4(Ipv4Addr),
    /// An IPv6 reference; written in brackets.
    V6(Ipv6Addr),
    /// A domain name, as written.
    Name(&'m [u8]),
}

impl<'m> Host<'m> {
    /// Reads a host without port: name, IPv4 or `[IPv6]`.
    pub fn parse(s: &'m [u8]) -> Option<Host<'m>> {
        if let Some(inner) = s.strip_prefix(b"[") {
            return parse_v6(inner.strip_suffix(b"]")?).map(Host::V6);
        }
        leading_host(s).filter(|(_, length)| *length == s.len()).map(|(host, _)| host)
    }

    /// The address, when it is one.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Host::V4(a) => Some(IpAddr::V4(a)),
            Host::V6(a) => Some(IpAddr::V6(a)),
            Host::Name(_) => None,
        }
    }

    /// Names without regard to case; addresses by value.
    pub fn same(self, other: Host<'_>) -> bool {
        match (self, other) {
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a.ip().is_some() && a.ip() == b.ip(),
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::V4(a) => a.fmt(f),
            Host::V6(a) => write!(f, "[{a}]"),
            Host::Name(n) => f.write_str(&String::from_utf8_lossy(n)),
        }
    }
}

/// An IPv6 address; `:::` before an embedded IPv4 address is read as `::`, because RFC 3261's grammar produced it and
/// RFC 5118 4.10 demands that it be tolerated.
fn parse_v6(s: &[u8]) -> Option<Ipv6Addr> {
    let text = std::str::from_utf8(s).ok()?;
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (head, tail) = text.split_once(":::")?;
    let tail: Ipv4Addr = tail.parse().ok()?;
    let [.., high, low] = Ipv6Addr::from_bits(u128::from(tail.to_bits())).segments();
    let head: Ipv6Addr = match head {
        "" => Ipv6Addr::UNSPECIFIED,
        _ if head.contains("::") || head.split(':').count() > 5 => return None,
        // Completed to a whole address, so that the standard parser checks each group.
        _ => {
            let mut whole = [0u8; 48];
            let zeros = b"::";
            whole.get_mut(..head.len())?.copy_from_slice(head.as_bytes());
            whole.get_mut(head.len()..head.len() + zeros.len())?.copy_from_slice(zeros);
            std::str::from_utf8(&whole[..head.len() + zeros.len()]).ok()?.parse().ok()?
        }
    };
    let mut segments = head.segments();
    (segments[6], segments[7]) = (high, low);
    Some(segments.into())
}

/// The strict dotted quad at the front of `s` and its length, without going through `str`; `None` when something else
/// of a host stands there.
fn leading_v4(s: &[u8]) -> Option<(Ipv4Addr, usize)> {
    let mut octets = [0u8; 4];
    let (mut at, mut digits, mut value, mut length) = (0, 0, 0u16, 0);
    for b in s {
        match b {
            // A leading zero is octal to some and decimal to others, so it is neither.
            b'0'..=b'9' if digits == 0 || value > 0 => {
                (digits, value) = (digits + 1, value * 10 + u16::from(b - b'0'));
                if value > 255 {
                    return None;
                }
            }
            b'.' if digits > 0 && at < 3 => {
                octets[at] = value as u8;
                (at, digits, value) = (at + 1, 0, 0);
            }
            b if HOST[usize::from(*b)] => return None,
            _ => break,
        }
        length += 1;
    }
    octets[3] = value as u8;
    (at == 3 && digits > 0).then(|| (octets.into(), length))
}

/// What may stand in a name or dotted quad. `_` is in no RFC and in many networks.
const HOST: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = (b as u8).is_ascii_alphanumeric() || matches!(b as u8, b'.' | b'-' | b'_');
        b += 1;
    }
    table
};

/// The name or dotted quad at the front of `s`, and its length.
fn leading_host(s: &[u8]) -> Option<(Host<'_>, usize)> {
    if s.first()?.is_ascii_digit()
        && let Some((v4, length)) = leading_v4(s)
    {
        return Some((Host::V4(v4), length));
    }
    let length = s.iter().position(|b| !HOST[usize::from(*b)]).unwrap_or(s.len());
    (length > 0).then(|| (Host::Name(&s[..length]), length))
}

/// `host[:port]` at the front of `s`, and how many bytes it took.
pub(super) fn authority(s: &[u8]) -> Result<(Host<'_>, Option<u16>, usize), UriFault> {
    let (host, end) = if let [b'[', inner @ ..] = s {
        let length = memchr::memchr(b']', inner).ok_or(UriFault::Host)?;
        (Host::V6(parse_v6(&inner[..length]).ok_or(UriFault::Host)?), length + 2)
    } else {
        leading_host(s).ok_or(UriFault::Host)?
    };
    let Some(digits) = s[end..].strip_prefix(b":") else { return Ok((host, None, end)) };
    let (mut port, mut length) = (0u32, 0);
    while let Some(b @ b'0'..=b'9') = digits.get(length) {
        port = port.saturating_mul(10).saturating_add(u32::from(b - b'0'));
        length += 1;
    }
    match u16::try_from(port) {
        Ok(port) if port > 0 => Ok((host, Some(port), end + 1 + length)),
        _ => Err(UriFault::Port),
    }
}

/// Via's sent-by: `host[:port]`, with blanks allowed around the colon (RFC 3261 25.1 COLON).
///
/// # Errors
/// When it is anything else.
pub fn host_port(s: &[u8]) -> Result<(Host<'_>, Option<u16>), UriFault> {
    let s = text::trim(s);
    if let Ok((host, port, length)) = authority(s)
        && length == s.len()
    {
        return Ok((host, port));
    }
    let bracket = if s.first() == Some(&b'[') { memchr::memchr(b']', s).ok_or(UriFault::Host)? } else { 0 };
    let colon = bracket + memchr::memchr(b':', &s[bracket..]).ok_or(UriFault::Host)?;
    let (host, port) = (text::trim(&s[..colon]), &s[colon + 1..]);
    let host = Host::parse(host).ok_or(UriFault::Host)?;
    match text::number(text::trim(port)).map(u16::try_from) {
        Some(Ok(port)) if port > 0 => Ok((host, Some(port))),
        _ => Err(UriFault::Port),
    }
}
