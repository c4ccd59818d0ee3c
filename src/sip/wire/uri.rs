//! URIs, as views over the message's bytes (RFC 3261 19.1, RFC 3966). Raw text is kept: comparing, hashing and
//! digesting use it; escapes are decoded only to compare.

use super::params::Params;
use super::text;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a URI starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other; [`Uri::raw`] has its name.
    Other,
}

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

/// Why a URI could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UriFault {
    /// No `:`, or nothing like a scheme before it.
    Scheme,
    /// The host is missing or has characters a host cannot have.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// A blank, control character, `<` or `>` inside.
    Characters,
}

impl fmt::Display for UriFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UriFault::Scheme => "no scheme such as sip:",
            UriFault::Host => "the host is missing or not a host",
            UriFault::Port => "the port is not a number from 1 to 65535",
            UriFault::Characters => "a blank, control character or angle bracket inside",
        })
    }
}

/// One URI. Parts of a scheme other than sip/sips are empty; `tel:` keeps its number in `user`.
#[derive(Clone, Copy, Debug)]
pub struct Uri<'m> {
    /// The whole text.
    pub raw: &'m [u8],
    /// What it starts with.
    pub scheme: Scheme,
    /// Before `@`, without password, escapes as written; parameters inside the user part included.
    pub user: Option<&'m [u8]>,
    /// After `:` in the user part.
    pub password: Option<&'m [u8]>,
    /// Where to.
    pub host: Host<'m>,
    /// Port, if written.
    pub port: Option<u16>,
    /// `;name=value` list.
    pub params: Params<'m>,
    /// After `?`, empty when none.
    pub headers: &'m [u8],
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

/// The scheme and what follows its colon; `None` when there is none.
fn split_scheme(raw: &[u8]) -> Option<(Scheme, &[u8])> {
    match raw {
        [b's' | b'S', b'i' | b'I', b'p' | b'P', b':', rest @ ..] => return Some((Scheme::Sip, rest)),
        [b's' | b'S', b'i' | b'I', b'p' | b'P', b's' | b'S', b':', rest @ ..] => {
            return Some((Scheme::Sips, rest));
        }
        [b't' | b'T', b'e' | b'E', b'l' | b'L', b':', rest @ ..] => return Some((Scheme::Tel, rest)),
        _ => {}
    }
    let colon = memchr::memchr(b':', raw)?;
    let name = &raw[..colon];
    let letter = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    (name.first()?.is_ascii_alphabetic() && name.iter().all(letter))
        .then(|| (Scheme::Other, &raw[colon + 1..]))
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
fn authority(s: &[u8]) -> Result<(Host<'_>, Option<u16>, usize), UriFault> {
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

/// Bytes that no URI holds: blanks, controls, and what ends the URI for whoever reads it inside a header.
const BAD: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = b <= b' ' as usize || b == 0x7f || matches!(b as u8, b'<' | b'>' | b'"');
        b += 1;
    }
    table
};

/// Where the first `mark` stands, or the length, in a text that holds nothing bad.
fn first_mark(s: &[u8], mark: u8) -> Result<usize, UriFault> {
    let mut found = s.len();
    for (i, b) in s.iter().enumerate() {
        if BAD[usize::from(*b)] {
            return Err(UriFault::Characters);
        }
        if *b == mark && found == s.len() {
            found = i;
        }
    }
    Ok(found)
}

impl<'m> Uri<'m> {
    /// Reads a URI that fills `raw` whole, as between `<` and `>` or in a request line.
    ///
    /// # Errors
    /// The first fault found. Unknown schemes are no fault.
    pub fn parse(raw: &'m [u8]) -> Result<Uri<'m>, UriFault> {
        let (scheme, rest) = split_scheme(raw).ok_or(UriFault::Scheme)?;
        match scheme {
            Scheme::Sip | Scheme::Sips => Uri::parse_sip(raw, scheme, rest),
            Scheme::Tel => {
                let end = first_mark(rest, b';')?;
                if end == 0 {
                    return Err(UriFault::Host);
                }
                Ok(Uri { user: Some(&rest[..end]), params: Params(&rest[end..]), ..Uri::opaque(raw, scheme) })
            }
            Scheme::Other => first_mark(rest, b':').map(|_| Uri::opaque(raw, scheme)),
        }
    }

    fn opaque(raw: &'m [u8], scheme: Scheme) -> Uri<'m> {
        Uri {
            raw,
            scheme,
            user: None,
            password: None,
            host: Host::Name(b""),
            port: None,
            params: Params(b""),
            headers: b"",
        }
    }

    fn parse_sip(raw: &'m [u8], scheme: Scheme, rest: &'m [u8]) -> Result<Uri<'m>, UriFault> {
        let (mut user, mut password, mut rest) = (None, None, rest);
        // '@' is never unescaped after the host, so the first one ends the user part, whatever stands in it.
        if let Some(at) = memchr::memchr(b'@', rest) {
            let info = &rest[..at];
            let colon = first_mark(info, b':')?;
            if colon == 0 {
                return Err(UriFault::Host);
            }
            user = Some(&info[..colon]);
            password = info.get(colon + 1..);
            rest = &rest[at + 1..];
        }
        let (host, port, end) = authority(rest)?;
        let tail = &rest[end..];
        if !matches!(tail.first(), None | Some(b';' | b'?')) {
            return Err(UriFault::Host);
        }
        let question = first_mark(tail, b'?')?;
        Ok(Uri {
            raw,
            scheme,
            user,
            password,
            host,
            port,
            params: Params(&tail[..question]),
            headers: tail.get(question + 1..).unwrap_or_default(),
        })
    }

    /// Whether it is a SIP or SIPS URI.
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The user part as text, escapes decoded; `""` when there is none.
    pub fn user_text(&self) -> String {
        String::from_utf8_lossy(&text::percent_decode(self.user.unwrap_or_default())).into_owned()
    }

    /// The port that counts: the written one, else 5061 for TLS or `sips:`, else 5060.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or_else(|| {
            let tls = || self.params.value(b"transport").is_some_and(|t| t.eq_ignore_ascii_case(b"tls"));
            if self.scheme == Scheme::Sips || tls() { 5061 } else { 5060 }
        })
    }

    /// Equality of RFC 3261 19.1.4: scheme, user and password (escapes resolved, case kept), host, port exactly;
    /// `transport`, `ttl`, `user`, `maddr`, `method` must agree; other parameters when both have them; headers all.
    pub fn same(&self, other: &Uri<'_>) -> bool {
        if self.scheme != other.scheme || matches!(self.scheme, Scheme::Other) {
            return self.scheme == other.scheme && self.raw == other.raw;
        }
        same_escaped(self.user.unwrap_or_default(), other.user.unwrap_or_default())
            && self.user.is_some() == other.user.is_some()
            && same_escaped(self.password.unwrap_or_default(), other.password.unwrap_or_default())
            && self.port == other.port
            && (self.scheme == Scheme::Tel || self.host.same(other.host))
            && same_params(self.params, other.params)
            && same_params(other.params, self.params)
            && same_headers(self.headers, other.headers)
    }
}

/// Parameters that make URIs differ even when only one side has them.
const TELLING_PARAMS: [&[u8]; 5] = [b"transport", b"ttl", b"user", b"maddr", b"method"];

fn same_params(a: Params<'_>, b: Params<'_>) -> bool {
    a.iter().all(|(name, value)| match b.find(name) {
        Some(theirs) => same_escaped_nocase(value.unwrap_or_default(), theirs.unwrap_or_default()),
        None => !TELLING_PARAMS.iter().any(|telling| telling.eq_ignore_ascii_case(name)),
    })
}

fn same_headers(a: &[u8], b: &[u8]) -> bool {
    if a == b {
        return true;
    }
    let mut left: Vec<&[u8]> = a.split(|c| *c == b'&').collect();
    let mut right: Vec<&[u8]> = b.split(|c| *c == b'&').collect();
    left.sort_unstable();
    right.sort_unstable();
    left == right
}

/// Reserved characters differ from their escapes; all others equal them.
fn same_escaped(a: &[u8], b: &[u8]) -> bool {
    a == b || decoded(a).eq(decoded(b))
}

fn same_escaped_nocase(a: &[u8], b: &[u8]) -> bool {
    let lower = |(byte, reserved): (u8, bool)| (byte.to_ascii_lowercase(), reserved);
    a.eq_ignore_ascii_case(b) || decoded(a).map(lower).eq(decoded(b).map(lower))
}

/// Each byte, and whether it was an escaped reserved character.
fn decoded(s: &[u8]) -> impl Iterator<Item = (u8, bool)> + '_ {
    let mut i = 0;
    std::iter::from_fn(move || {
        let b = *s.get(i)?;
        match text::escape_at(s, i) {
            Some(byte) => {
                i += 3;
                Some((byte, b";/?:@&=+$,".contains(&byte)))
            }
            None => {
                i += 1;
                Some((b, false))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(s: &str) -> Uri<'_> {
        Uri::parse(s.as_bytes()).unwrap_or_else(|fault| panic!("{s}: {fault}"))
    }

    #[test]
    fn parts_of_everyday_and_odd_uris() {
        let u = uri("sip:john.doe:pw@[2001:db8::1]:5080;transport=tcp;lr?Subject=x");
        assert_eq!((u.user, u.password, u.port), (Some(&b"john.doe"[..]), Some(&b"pw"[..]), Some(5080)));
        assert_eq!(u.host.ip(), Some("2001:db8::1".parse().expect("an address")));
        assert_eq!(u.params.value(b"transport"), Some(&b"tcp"[..]));
        assert_eq!(u.headers, b"Subject=x");
        let u = uri(
            "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        );
        assert_eq!(u.host, Host::Name(b"example.com"));
        assert_eq!(uri("tel:+1-555;phone-context=x").user, Some(&b"+1-555"[..]));
        for name in
            ["1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4a", "1.2.3.", "0x1.2.3.4", "1..2.3"]
        {
            assert_eq!(uri(&format!("sip:{name}")).host, Host::Name(name.as_bytes()), "no dotted quad");
        }
        assert_eq!(uri("sip:0.0.0.0:1;x").host.ip(), Some("0.0.0.0".parse().expect("an address")));
        assert_eq!(uri("sip:10.0.0.1").host.ip(), Some("10.0.0.1".parse().expect("an address")));
        for bad in [
            "sip:@@:x",
            "sip:",
            "alice",
            "sip:a@b:0",
            "sip:a@b:70000",
            "sip:a b@c",
            "sip:[::1",
            ":x",
            "sip:a@b@c",
            "sip:a@[::1]x",
            "sip:a@[::1]:",
            "sip:a@h:5060x",
            "sip:a\"b@h",
            "tel:",
        ] {
            assert!(Uri::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    /// RFC 5118 4.10: the three-colon form of RFC 3261's grammar means what its two-colon twin means.
    #[test]
    fn three_colons_before_an_embedded_ipv4_address() {
        assert_eq!(uri("sip:u@[2001:db8:::192.0.2.1]:5070").host, uri("sip:[2001:db8::192.0.2.1]").host);
        assert_eq!(uri("sip:[:::192.0.2.1]").host.ip(), Some("::192.0.2.1".parse().expect("an address")));
        for bad in [
            "sip:[2001:db8:::1]",
            "sip:[::::192.0.2.1]",
            "sip:[2001::db8:::192.0.2.1]",
            "sip:[1:2:3:4:5:6:::192.0.2.1]",
            "sip:[20011:db8:::192.0.2.1]",
            "sip:[2001:db8:::192.0.2]",
            "sip:[]",
            "sip:[::1%eth0]",
        ] {
            assert!(Uri::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    /// The examples of RFC 3261 19.1.4.
    #[test]
    fn equality_follows_the_rfc_examples() {
        for (a, b) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ] {
            assert!(uri(a).same(&uri(b)), "{a} = {b}");
        }
        for (a, b) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a%40b@c", "sip:a@c"),
        ] {
            assert!(!uri(a).same(&uri(b)), "{a} != {b}");
        }
    }
}
