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
        self.scheme.eq_ignore_ascii_case(b"Digest")
    }

    /// Name and raw value of each field; quotes removed, backslashes kept (see [`text::unquote`] for plain text).
    pub fn iter(self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> + use<'m> {
        let mut rest = self.fields;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let end = field_end(rest);
                let item = text::trim(&rest[..end]);
                rest = rest.get(end + 1..).unwrap_or_default();
                if let Some(eq) = memchr::memchr(b'=', item) {
                    return Some((text::trim(&item[..eq]), bare(text::trim(&item[eq + 1..]))));
                }
            }
            None
        })
        .take(limits::LIST_ITEMS)
    }

    /// The first field of that name, without regard to case.
    pub fn field(&self, name: &[u8]) -> Option<&'m [u8]> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Without the quotes around it.
fn bare(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value)
}

/// The next comma outside quotes. Angle brackets do not count here, unlike in address lists.
fn field_end(s: &[u8]) -> usize {
    let mut i = 0;
    while i < s.len() {
        match s[i] {
            b'"' => i += text::quoted_end(&s[i..]).unwrap_or(s.len() - i),
            b',' => return i,
            _ => i += 1,
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
        assert!(!AuthFields::parse(b"Basic QWxh").expect("reads").is_digest());
    }
}
