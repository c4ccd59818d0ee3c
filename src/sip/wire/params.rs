//! Parameter lists: `;name=value;flag`.

use super::text;
use crate::base::limits;

/// A parameter list over the message's own bytes, its leading `;` included or not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Params<'m>(pub &'m [u8]);

/// One parameter: its name and, after `=`, its value (quotes included).
pub type Param<'m> = (&'m [u8], Option<&'m [u8]>);

impl<'m> Params<'m> {
    /// The parameters in order, the first [`limits::LIST_ITEMS`] of them; nameless ones (`;;`) are skipped.
    pub fn iter(self) -> impl Iterator<Item = Param<'m>> + use<'m> {
        self.unbounded().take(limits::LIST_ITEMS)
    }

    /// All of them.
    pub(super) fn unbounded(self) -> impl Iterator<Item = Param<'m>> + use<'m> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let (param, after) = next_param(rest);
                rest = after;
                if !param.0.is_empty() || param.1.is_some() {
                    return Some(param);
                }
            }
            None
        })
    }

    /// The first parameter of that name (without regard to case): outer `None` when absent, inner when valueless.
    pub fn find(self, name: &[u8]) -> Option<Option<&'m [u8]>> {
        let (mut rest, mut left) = (self.0, limits::LIST_ITEMS);
        while !rest.is_empty() && left > 0 {
            let ((own, value), after) = next_param(rest);
            if text::same(own, name) {
                return Some(value);
            }
            // Nameless ones do not count, as in `iter`.
            left -= usize::from(!own.is_empty() || value.is_some());
            rest = after;
        }
        None
    }

    /// The value of the first parameter of that name; `None` when absent or valueless.
    pub fn value(self, name: &[u8]) -> Option<&'m [u8]> {
        self.find(name).flatten()
    }

    /// Whether a parameter of that name stands there, with or without value.
    pub fn has(self, name: &[u8]) -> bool {
        self.find(name).is_some()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }
}

/// The parameter at the front, white space around its name and value taken off, and what follows its `;`.
#[inline]
pub(super) fn next_param(s: &[u8]) -> (Param<'_>, &[u8]) {
    let name_end = s.iter().position(|b| matches!(b, b'=' | b';')).unwrap_or(s.len());
    let name = text::trim(&s[..name_end]);
    if s.get(name_end) != Some(&b'=') {
        return ((name, None), s.get(name_end + 1..).unwrap_or_default());
    }
    let s = &s[name_end + 1..];
    let end = value_end(s);
    ((name, Some(text::trim(&s[..end]))), s.get(end + 1..).unwrap_or_default())
}

/// Where a value's `;` stands, or the end. Most values are so short that a plain loop is the fastest search.
fn value_end(s: &[u8]) -> usize {
    match s.iter().position(|b| matches!(b, b';' | b'"' | b'<')) {
        None => s.len(),
        Some(end) if s[end] == b';' => end,
        Some(_) => text::find_outside(s, b';').unwrap_or(s.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_flags_quotes_and_blanks() {
        let p = Params(br#";tag=1 ; lr;x="a;b" ;;Y = 2"#);
        assert_eq!(p.value(b"TAG"), Some(&b"1"[..]));
        assert_eq!(p.find(b"lr"), Some(None));
        assert_eq!(p.value(b"x"), Some(&br#""a;b""#[..]));
        assert_eq!(p.value(b"y"), Some(&b"2"[..]));
        assert_eq!(p.find(b"z"), None);
    }
}
