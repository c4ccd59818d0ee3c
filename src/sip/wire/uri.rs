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
        if s.is_empty() || !s.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) {
            return None;
        }
        if s[s.len() - 1].is_ascii_digit()
            && let Some(v4) = parse_v4(s)
        {
            return Some(Host::V4(v4));
        }
        Some(Host::Name(s))
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

/// Strict dotted quad, without going through `str`.
fn parse_v4(s: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut parts = s.split(|b| *b == b'.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.len() > 3 || (part.len() > 1 && part[0] == b'0') {
            return None;
        }
        *octet = u8::try_from(text::number(part)?).ok()?;
    }
    parts.next().is_none().then(|| octets.into())
}

/// `host[:port]`, the form of Via's sent-by too; blanks around the colon are allowed there (RFC 3261 25.1 COLON).
pub fn host_port(s: &[u8]) -> Result<(Host<'_>, Option<u16>), UriFault> {
    let end = if s.first() == Some(&b'[') {
        memchr::memchr(b']', s).ok_or(UriFault::Host)? + 1
    } else {
        memchr::memchr(b':', s).unwrap_or(s.len())
    };
    let host = Host::parse(text::trim(&s[..end])).ok_or(UriFault::Host)?;
    let rest = text::trim(&s[end..]);
    let Some(port) = rest.strip_prefix(b":") else {
        return if rest.is_empty() { Ok((host, None)) } else { Err(UriFault::Host) };
    };
    match text::number(text::trim(port)).map(u16::try_from) {
        Some(Ok(port)) if port > 0 => Ok((host, Some(port))),
        _ => Err(UriFault::Port),
    }
}

impl<'m> Uri<'m> {
    /// Reads a URI that fills `raw` whole, as between `<` and `>` or in a request line.
    ///
    /// # Errors
    /// The first fault found. Unknown schemes are no fault.
    pub fn parse(raw: &'m [u8]) -> Result<Uri<'m>, UriFault> {
        let colon = memchr::memchr(b':', raw).ok_or(UriFault::Scheme)?;
        let name = &raw[..colon];
        if !name.first().is_some_and(u8::is_ascii_alphabetic)
            || !name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        {
            return Err(UriFault::Scheme);
        }
        if raw.iter().any(|b| *b <= b' ' || matches!(b, b'<' | b'>' | 0x7f)) {
            return Err(UriFault::Characters);
        }
        let scheme = match name.len() {
            3 if name.eq_ignore_ascii_case(b"sip") => Scheme::Sip,
            4 if name.eq_ignore_ascii_case(b"sips") => Scheme::Sips,
            3 if name.eq_ignore_ascii_case(b"tel") => Scheme::Tel,
            _ => Scheme::Other,
        };
        let rest = &raw[colon + 1..];
        match scheme {
            Scheme::Sip | Scheme::Sips => Uri::parse_sip(raw, scheme, rest),
            Scheme::Tel => {
                let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
                Ok(Uri { user: Some(&rest[..end]), params: Params(&rest[end..]), ..Uri::opaque(raw, scheme) })
            }
            Scheme::Other => Ok(Uri::opaque(raw, scheme)),
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
        // '@' is never unescaped after the host, so the first one ends the user part, whatever stands in it.
        let (user, password, rest) = match memchr::memchr(b'@', rest) {
            Some(at) => {
                let info = &rest[..at];
                let (user, password) = match memchr::memchr(b':', info) {
                    Some(colon) => (&info[..colon], Some(&info[colon + 1..])),
                    None => (info, None),
                };
                if user.is_empty() {
                    return Err(UriFault::Host);
                }
                (Some(user), password, &rest[at + 1..])
            }
            None => (None, None, rest),
        };
        let end = rest.iter().position(|b| matches!(b, b';' | b'?')).unwrap_or(rest.len());
        let (host, port) = host_port(&rest[..end])?;
        let tail = &rest[end..];
        let question = memchr::memchr(b'?', tail).unwrap_or(tail.len());
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
        let secure = self.scheme == Scheme::Sips
            || self.params.value(b"transport").is_some_and(|t| t.eq_ignore_ascii_case(b"tls"));
        self.port.unwrap_or(if secure { 5061 } else { 5060 })
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
