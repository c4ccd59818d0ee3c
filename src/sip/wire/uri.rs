//! URIs, as views over the message's bytes (RFC 3261 19.1, RFC 3966). Raw text is kept: comparing, hashing and
//! digesting use it; escapes are decoded only to compare.

use super::host::authority;
pub use super::host::{Host, host_port};
use super::params::{Param, Params};
use super::text;
use crate::base::limits;
use std::fmt;

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

    /// The user part as text, escapes decoded; `""` when there is none. Control characters, which no name of an
    /// extension or account has, are left out: an escaped line end must not end a line that we write.
    pub fn user_text(&self) -> String {
        let mut user = text::percent_decode(self.user.unwrap_or_default());
        user.retain(|byte| !byte.is_ascii_control());
        String::from_utf8_lossy(&user).into_owned()
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
    /// `tel:` as RFC 3966 5 compares it: visual separators do not count, parameters all do. Other schemes by their text.
    ///
    /// URIs with more than [`limits::LIST_ITEMS`] parameters or headers are the same only when their text is.
    pub fn same(&self, other: &Uri<'_>) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        if self.raw == other.raw {
            return true;
        }
        match self.scheme {
            Scheme::Other => false,
            Scheme::Tel => {
                same_number(self.user.unwrap_or_default(), other.user.unwrap_or_default())
                    && same_params(self.params, other.params, &|_| true)
            }
            Scheme::Sip | Scheme::Sips => {
                same_escaped(self.user, other.user)
                    && same_escaped(self.password, other.password)
                    && self.port == other.port
                    && self.host.same(other.host)
                    && same_params(self.params, other.params, &tells)
                    && same_headers(self.headers, other.headers)
            }
        }
    }
}

/// Whether a parameter makes URIs differ even when only one side has it.
fn tells(name: &[u8]) -> bool {
    [&b"transport"[..], b"ttl", b"user", b"maddr", b"method"].iter().any(|telling| same_name(telling, name))
}

/// Both lists are laid out once, so that many long parameters cost no search through the bytes for each.
fn same_params(a: Params<'_>, b: Params<'_>, tells: &dyn Fn(&[u8]) -> bool) -> bool {
    if a.0 == b.0 {
        return true;
    }
    let (mut left, mut right) = (Laid::new(), Laid::new());
    if !left.fill(a.unbounded()) || !right.fill(b.unbounded()) {
        return false;
    }
    let agrees = |own: &Laid<'_>, others: &Laid<'_>| {
        own.items().iter().all(|(name, value)| {
            match others.items().iter().find(|(n, _)| same_name(n, name)) {
                Some((_, theirs)) => {
                    same_escaped_nocase(value.unwrap_or_default(), theirs.unwrap_or_default())
                }
                None => !tells(name),
            }
        })
    };
    agrees(&left, &right) && agrees(&right, &left)
}

/// Headers of URIs agree in any order, their names without regard to case.
fn same_headers(a: &[u8], b: &[u8]) -> bool {
    if a == b {
        return true;
    }
    let (mut left, mut right) = (Laid::new(), Laid::new());
    if !left.fill(headers(a)) || !right.fill(headers(b)) || left.used != right.used {
        return false;
    }
    let mut taken = [false; limits::LIST_ITEMS];
    left.items().iter().all(|(name, value)| {
        let found = right.items().iter().enumerate().position(|(i, (n, theirs))| {
            let value = value.unwrap_or_default();
            !taken[i] && same_name(n, name) && same_decoded(value, theirs.unwrap_or_default())
        });
        found.map(|i| taken[i] = true).is_some()
    })
}

fn headers(s: &[u8]) -> impl Iterator<Item = Param<'_>> {
    s.split(|b| *b == b'&').filter(|item| !item.is_empty()).map(|item| {
        match item.iter().position(|b| *b == b'=') {
            Some(eq) => (&item[..eq], Some(&item[eq + 1..])),
            None => (item, None),
        }
    })
}

/// Items of a list, side by side, without allocation.
struct Laid<'m> {
    items: [Param<'m>; limits::LIST_ITEMS],
    used: usize,
}

impl<'m> Laid<'m> {
    fn new() -> Laid<'m> {
        Laid { items: [(b"", None); limits::LIST_ITEMS], used: 0 }
    }

    /// Whether all found room.
    fn fill(&mut self, items: impl Iterator<Item = Param<'m>>) -> bool {
        for item in items {
            let Some(place) = self.items.get_mut(self.used) else { return false };
            (*place, self.used) = (item, self.used + 1);
        }
        true
    }

    fn items(&self) -> &[Param<'m>] {
        &self.items[..self.used]
    }
}

/// Numbers of `tel:` URIs without their visual separators, hexadecimal digits in either case.
fn same_number(a: &[u8], b: &[u8]) -> bool {
    let digits = |s| decoded(s).filter(|(b, _)| !b"-.()".contains(b)).map(|(b, _)| b.to_ascii_lowercase());
    digits(a).eq(digits(b))
}

fn same_name(a: &[u8], b: &[u8]) -> bool {
    text::same(a, b) || ((a.contains(&b'%') || b.contains(&b'%')) && same_escaped_nocase(a, b))
}

fn same_escaped(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same_decoded(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// Reserved characters differ from their escapes; all others equal them.
fn same_decoded(a: &[u8], b: &[u8]) -> bool {
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

/// Writes a user part with what RFC 3261 25.1 does not allow in it escaped.
pub fn escape_user(user: &str, out: &mut Vec<u8>) {
    for b in user.bytes() {
        let plain = b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&b);
        if plain {
            out.push(b);
        } else {
            out.extend_from_slice(format!("%{b:02X}").as_bytes());
        }
    }
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
            ("sip:a@c?Subject=a%20b&x=1", "sip:a@c?x=1&subject=%61%20b"),
            ("sip:a@c;%6Cr;n%61me=v", "sip:a@c;name=V"),
            ("sip:a@c;x=%41", "sip:a@c;x=a"),
            ("tel:+1-(555).22;ext=7;isub=x", "TEL:+155522;isub=x;ext=7"),
        ] {
            assert!(uri(a).same(&uri(b)) && uri(b).same(&uri(a)), "{a} = {b}");
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
            ("sip:a%3Bb@c", "sip:a;b@c"),
            ("sip:a@c?x=1&x=1", "sip:a@c?x=1&x=2"),
            ("sip:a@c?x=1&x=1", "sip:a@c?x=1&y=1"),
            ("sip:a@c", "sip:c"),
            ("sip:a:@c", "sip:a@c"),
            ("sip:a@c", "sips:a@c"),
            ("tel:+1555;phone-context=a", "tel:+1555"),
            ("tel:+1555", "tel:1555"),
            ("mailto:a@b", "mailto:A@b"),
        ] {
            assert!(!uri(a).same(&uri(b)) && !uri(b).same(&uri(a)), "{a} != {b}");
        }
        let many = |last: &str| (0..limits::LIST_ITEMS).map(|i| format!(";p{i}")).collect::<String>() + last;
        let (a, b) = (format!("sip:h{}", many(";transport=udp")), format!("sip:h{}", many(";transport=tcp")));
        assert!(!uri(&a).same(&uri(&b)), "too many to compare, and not the same text");
        assert!(uri(&a).same(&uri(&a.clone())));
    }
}
