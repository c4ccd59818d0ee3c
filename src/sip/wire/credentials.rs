//! Authorization and challenge header values (RFC 3261 20.7, RFC 8760): scheme and comma-separated parameters, raw.

use super::text;
use crate::base::limits;

/// `Digest name=value, …` over the message's bytes. Values keep their raw text: `uri` and `nonce` are digested as sent.
#[derive(Clone, Copy, Debug)]
pub struct AuthFields<'m> {
    /// `Digest`, `Basic`, `Bearer`, …, as written.
    pub scheme: &'m [u8],
    /// The rest, raw.
    pub fields: &'m [u8],
}

impl<'m> AuthFields<'m> {
    /// Splits scheme and fields; `None` when there is no scheme token.
    pub fn parse(value: &'m [u8]) -> Option<AuthFields<'m>> {
        let value = text::trim(value);
        let end = value.iter().position(|b| text::is_space(*b)).unwrap_or(value.len());
        text::is_token(&value[..end])
            .then(|| AuthFields { scheme: &value[..end], fields: text::trim(&value[end..]) })
    }

    /// Whether the scheme is Digest.
    pub fn is_digest(&self) -> bool {
        text::same(self.scheme, b"Digest")
    }

    /// Name and raw value of each field; quotes removed, backslashes kept (see [`text::unquote`] for plain text). What is
    /// no field is passed over; a quote that never closes ends the list.
    pub fn iter(self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> + use<'m> {
        let mut rest = self.fields;
        std::iter::from_fn(move || {
            loop {
                let start = rest.iter().position(|b| *b != b',' && !text::is_space(*b))?;
                rest = &rest[start..];
                let mark = rest.iter().position(|b| FIELD_MARK[usize::from(*b)]);
                let Some(equals) = mark.filter(|at| rest[*at] == b'=' && *at > 0) else {
                    rest = &rest[field_end(rest)..];
                    continue;
                };
                let name = text::trim(&rest[..equals]);
                let after = trim_start(&rest[equals + 1..]);
                if after.first() == Some(&b'"') {
                    let close = text::quoted_end(after)?;
                    let tail = &after[close..];
                    rest = &tail[comma(tail)..];
                    return Some((name, &after[1..close - 1]));
                }
                let (value, tail) = after.split_at(comma(after));
                rest = tail;
                return Some((name, text::trim(value)));
            }
        })
        .take(limits::LIST_ITEMS)
    }

    /// All that a digest needs at once; `None` when the scheme is another.
    pub fn digest(&self) -> Option<DigestFields<'m>> {
        if !self.is_digest() {
            return None;
        }
        let mut fields = DigestFields::default();
        for (name, value) in self.iter() {
            if let Some(slot) = fields.slot(name)
                && slot.is_none()
            {
                *slot = Some(value);
            }
        }
        Some(fields)
    }

    /// The first field of that name, without regard to case. For more than one, [`AuthFields::digest`] is faster.
    pub fn field(&self, name: &[u8]) -> Option<&'m [u8]> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// The fields that digest authentication knows, raw, found in one pass. The first of a name counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the field of its own name, RFC 8760 2 and RFC 7616 3.3, 3.4")]
pub struct DigestFields<'m> {
    pub username: Option<&'m [u8]>,
    pub realm: Option<&'m [u8]>,
    pub nonce: Option<&'m [u8]>,
    pub uri: Option<&'m [u8]>,
    pub response: Option<&'m [u8]>,
    pub algorithm: Option<&'m [u8]>,
    pub cnonce: Option<&'m [u8]>,
    pub opaque: Option<&'m [u8]>,
    pub qop: Option<&'m [u8]>,
    pub nc: Option<&'m [u8]>,
    pub stale: Option<&'m [u8]>,
    pub domain: Option<&'m [u8]>,
    pub userhash: Option<&'m [u8]>,
}

impl<'m> DigestFields<'m> {
    fn slot(&mut self, name: &[u8]) -> Option<&mut Option<&'m [u8]>> {
        let (known, slot): (&[u8], _) = match (name.len(), name.last()?.to_ascii_lowercase()) {
            (2, _) => (b"nc", &mut self.nc),
            (3, b'i') => (b"uri", &mut self.uri),
            (3, _) => (b"qop", &mut self.qop),
            (5, b'm') => (b"realm", &mut self.realm),
            (5, b'e') if name[0].eq_ignore_ascii_case(&b'n') => (b"nonce", &mut self.nonce),
            (5, _) => (b"stale", &mut self.stale),
            (6, b'e') if name[0].eq_ignore_ascii_case(&b'c') => (b"cnonce", &mut self.cnonce),
            (6, b'e') => (b"opaque", &mut self.opaque),
            (6, _) => (b"domain", &mut self.domain),
            (8, b'h') => (b"userhash", &mut self.userhash),
            (8, _) if name[0].eq_ignore_ascii_case(&b'u') => (b"username", &mut self.username),
            (8, _) => (b"response", &mut self.response),
            (9, _) => (b"algorithm", &mut self.algorithm),
            _ => return None,
        };
        text::same_token(name, known).then_some(slot)
    }
}

fn trim_start(mut s: &[u8]) -> &[u8] {
    while let [b, rest @ ..] = s
        && text::is_space(*b)
    {
        s = rest;
    }
    s
}

/// What ends a field's name.
const FIELD_MARK: [bool; 256] = {
    let mut table = [false; 256];
    table[b'=' as usize] = true;
    table[b',' as usize] = true;
    table[b'"' as usize] = true;
    table
};

/// The next comma. Values are too short for a faster search to pay.
fn comma(s: &[u8]) -> usize {
    s.iter().position(|b| *b == b',').unwrap_or(s.len())
}

/// The next comma outside quotes. Angle brackets do not count here, unlike in address lists.
fn field_end(s: &[u8]) -> usize {
    let mut at = 0;
    while let Some(next) = s.get(at..).and_then(|rest| memchr::memchr2(b'"', b',', rest)) {
        at += next;
        if s[at] == b',' {
            return at;
        }
        match text::quoted_end(&s[at..]) {
            Some(length) => at += length,
            None => break,
        }
    }
    s.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_raw_text() {
        let a = AuthFields::parse(
            br#"Digest username="a\"b", uri="sip:h;transport=TCP,x",nc=0000000a , qop=auth"#,
        )
        .expect("reads");
        assert!(a.is_digest());
        assert_eq!(a.field(b"username"), Some(&br#"a\"b"#[..]));
        assert_eq!(a.field(b"URI"), Some(&b"sip:h;transport=TCP,x"[..]));
        assert_eq!(a.field(b"nc"), Some(&b"0000000a"[..]));
        assert_eq!(a.field(b"qop"), Some(&b"auth"[..]));
        assert_eq!(a.field(b"realm"), None);
        assert!(AuthFields::parse(b"").is_none());
        assert_eq!(a.digest().and_then(|d| d.nc), Some(&b"0000000a"[..]));
        let basic = AuthFields::parse(b"Basic QWxh").expect("reads");
        assert!(!basic.is_digest() && basic.digest().is_none());
    }

    #[test]
    fn every_digest_field_is_found_in_any_case_and_the_first_counts() {
        let names = [
            "username",
            "realm",
            "nonce",
            "uri",
            "response",
            "algorithm",
            "cnonce",
            "opaque",
            "qop",
            "nc",
            "stale",
            "domain",
            "userhash",
        ];
        for shape in [str::to_ascii_lowercase, str::to_ascii_uppercase] {
            let text: Vec<String> =
                names.iter().map(|n| format!("{}=\"{n}\", {n}=again", shape(n))).collect();
            let value = format!("digest x=1, {}, noncex=2", text.join(","));
            let d = AuthFields::parse(value.as_bytes()).and_then(|a| a.digest()).expect("a digest");
            let found = [
                d.username,
                d.realm,
                d.nonce,
                d.uri,
                d.response,
                d.algorithm,
                d.cnonce,
                d.opaque,
                d.qop,
                d.nc,
                d.stale,
                d.domain,
                d.userhash,
            ];
            for (name, value) in names.iter().zip(found) {
                assert_eq!(value, Some(name.as_bytes()));
            }
        }
        let d =
            AuthFields::parse(b"Digest reals=1, n=2, uro=3, algorithms=4, staly=5").and_then(|a| a.digest());
        assert_eq!(d, Some(DigestFields::default()), "near names are other names");
    }
}
