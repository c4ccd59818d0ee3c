//! Byte-level helpers of the grammar: white space, tokens, quoted strings, comma lists. Values are bytes, not `str`:
//! phones send Latin-1.

use crate::base::limits;
use std::borrow::Cow;

/// Space, tab, and the CR LF of a folded line.
#[inline]
pub fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// Without white space at either end.
#[inline]
pub fn trim(mut s: &[u8]) -> &[u8] {
    while let [b, rest @ ..] = s
        && is_space(*b)
    {
        s = rest;
    }
    while let [rest @ .., b] = s
        && is_space(*b)
    {
        s = rest;
    }
    s
}

/// Characters of `token`, RFC 3261 25.1.
#[inline]
pub fn is_token_byte(b: u8) -> bool {
    TOKEN[usize::from(b)]
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let extra = b"-.!%*_+`'~";
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        table[i] = b.is_ascii_alphanumeric();
        let mut k = 0;
        while k < extra.len() {
            if extra[k] == b {
                table[i] = true;
            }
            k += 1;
        }
        i += 1;
    }
    table
};

/// Whether all of it is one non-empty token.
pub fn is_token(s: &[u8]) -> bool {
    !s.is_empty() && s.iter().all(|b| is_token_byte(*b))
}

/// Equality without regard to ASCII case, made for short names: most differ in length or in the first byte.
#[inline]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    const LOWER: [u8; 256] = {
        let mut table = [0; 256];
        let mut b = 0;
        while b < 256 {
            table[b] = (b as u8).to_ascii_lowercase();
            b += 1;
        }
        table
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| LOWER[usize::from(*a)] == LOWER[usize::from(*b)])
}

/// Whether two tokens are the same without regard to case. Eight bytes at a time: header and parameter names are
/// compared more often than anything else.
///
/// Only for tokens: bit 5, which tells a letter's case, is left out of the comparison, and other pairs of bytes that
/// differ in it alone (`^` and `~`, `@` and `` ` ``, CR and `-`) never stand in tokens both.
#[inline]
pub fn same_token(a: &[u8], b: &[u8]) -> bool {
    const CASE: u64 = 0x2020_2020_2020_2020;
    if a.len() != b.len() {
        return false;
    }
    let Some(last) = a.len().checked_sub(8) else {
        return a.iter().zip(b).all(|(a, b)| a | 0x20 == b | 0x20);
    };
    let eight =
        |s: &[u8], at: usize| s[at..].first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk) | CASE);
    let mut at = 0;
    while at < last {
        if eight(a, at) != eight(b, at) {
            return false;
        }
        at += 8;
    }
    eight(a, last) == eight(b, last)
}

/// The end of the quoted string that starts at `s[0] == b'"'`: the index after its closing quote, or `None` when it
/// is never closed.
pub fn quoted_end(s: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', s.get(at..)?)?;
        if s[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The index of the first `stop` outside quoted strings and angle brackets; an unclosed one hides the rest. Brackets
/// end at the first `>`, as [`super::NameAddr::parse`] reads them, so that both see the same values.
pub fn find_outside(s: &[u8], stop: u8) -> Option<usize> {
    // Most values have no `stop` at all, and most others nothing before it to be outside of.
    let first = memchr::memchr(stop, s)?;
    let Some(mut at) = memchr::memchr2(b'"', b'<', &s[..first]) else { return Some(first) };
    loop {
        at += match s[at] {
            b'"' => quoted_end(&s[at..])?,
            b'<' => memchr::memchr(b'>', &s[at..])? + 1,
            _ => return Some(at),
        };
        at += memchr::memchr3(stop, b'"', b'<', s.get(at..)?)?;
    }
}

/// The values of a comma-separated header field, trimmed; empty ones are skipped, as RFC 3261 7.3 readers do.
#[derive(Clone, Debug)]
pub struct List<'m> {
    rest: &'m [u8],
    left: usize,
}

impl<'m> List<'m> {
    /// Over one field value.
    pub fn new(value: &'m [u8]) -> List<'m> {
        List { rest: value, left: limits::LIST_ITEMS }
    }

    /// What was not walked yet, trimmed; after the last item, what the limit left over.
    pub fn rest(&self) -> &'m [u8] {
        trim(self.rest)
    }

    /// All values, for copying: work and output are bounded by the bytes.
    pub fn unbounded(value: &'m [u8]) -> List<'m> {
        List { rest: value, left: usize::MAX }
    }
}

impl<'m> Iterator for List<'m> {
    type Item = &'m [u8];

    fn next(&mut self) -> Option<&'m [u8]> {
        while !self.rest.is_empty() && self.left > 0 {
            self.left -= 1;
            let item = match find_outside(self.rest, b',') {
                Some(comma) => {
                    let item = &self.rest[..comma];
                    self.rest = &self.rest[comma + 1..];
                    item
                }
                None => std::mem::take(&mut self.rest),
            };
            let item = trim(item);
            if !item.is_empty() {
                return Some(item);
            }
        }
        None
    }
}

/// A decimal number of at most 10 digits, nothing else around it; `None` on anything else or above `u32::MAX`.
pub fn number(s: &[u8]) -> Option<u32> {
    if s.is_empty() || s.len() > 10 {
        return None;
    }
    let mut n = 0u64;
    for b in s {
        n = n * 10 + u64::from(b.is_ascii_digit().then(|| b - b'0')?);
    }
    u32::try_from(n).ok()
}

/// `%HH` decoded; an incomplete escape stays as it is.
pub fn percent_decode(s: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(s.len());
    let mut i = 0;
    while i < s.len() {
        if let Some(b) = escape_at(s, i) {
            out.push(b);
            i += 3;
        } else {
            out.push(s[i]);
            i += 1;
        }
    }
    out
}

/// The byte a `%HH` at `i` stands for.
pub fn escape_at(s: &[u8], i: usize) -> Option<u8> {
    if s.get(i) != Some(&b'%') {
        return None;
    }
    let hex = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    Some(hex(*s.get(i + 1)?)? << 4 | hex(*s.get(i + 2)?)?)
}

/// A value on one line: each fold one space (RFC 3261 7.3.1).
pub fn unfolded(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'\r', b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = value.to_vec();
    one_line(&mut out, 0);
    Cow::Owned(out)
}

/// Makes one line of what stands from `start` on: each line end with the blanks after it becomes one space, which is
/// what a fold means.
pub(super) fn one_line(out: &mut Vec<u8>, start: usize) {
    let Some(first) = memchr::memchr2(b'\r', b'\n', &out[start..]) else { return };
    let (mut from, mut to, mut blank) = (start + first, start + first, false);
    while from < out.len() {
        let b = out[from];
        from += 1;
        let line_end = matches!(b, b'\r' | b'\n');
        if line_end || (blank && matches!(b, b' ' | b'\t')) {
            blank |= line_end;
            continue;
        }
        if std::mem::take(&mut blank) {
            out[to] = b' ';
            to += 1;
        }
        out[to] = b;
        to += 1;
    }
    out.truncate(to);
}

/// The text of a quoted string without quotes and backslashes; other text as it is.
pub fn unquote(s: &[u8]) -> Vec<u8> {
    let Some(inner) = s.strip_prefix(b"\"").map(|s| s.strip_suffix(b"\"").unwrap_or(s)) else {
        return s.to_vec();
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(b) = bytes.next() {
        match b {
            b'\\' => out.extend(bytes.next()),
            b => out.push(*b),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_split_outside_quotes_and_brackets() {
        let items: Vec<_> = List::new(br#""a,\"b" <sip:x,y@h>, <sip:z@h> ,, t"#).collect();
        assert_eq!(items, [&br#""a,\"b" <sip:x,y@h>"#[..], b"<sip:z@h>", b"t"]);
    }

    #[test]
    fn numbers_refuse_signs_blanks_and_overflow() {
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        for bad in [&b"4294967296"[..], b"-1", b"+1", b" 1", b"", b"99999999999", b"1a"] {
            assert_eq!(number(bad), None);
        }
    }

    #[test]
    fn quotes_and_escapes_come_off() {
        assert_eq!(unquote(br#""a \"b\" \\""#), br#"a "b" \"#);
        assert_eq!(percent_decode(b"a%40b%zz%4"), b"a@b%zz%4");
    }
}
