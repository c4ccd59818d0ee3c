//! Parameter lists: `;name=value;flag`.

use super::text;
use crate::base::limits;

/// A parameter list over the message's own bytes, its leading `;` included or not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Params<'m>(pub &'m [u8]);

/// One parameter: its name and, after `=`, its value (quotes included).
pub type Param<'m> = (&'m [u8], Option<&'m [u8]>);

impl<'m> Params<'m> {
    /// All parameters in order; nameless ones (`;;`) are skipped.
    pub fn iter(self) -> impl Iterator<Item = Param<'m>> + use<'m> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let item = match text::find_outside(rest, b';') {
                    Some(end) => {
                        let item = &rest[..end];
                        rest = &rest[end + 1..];
                        item
                    }
                    None => std::mem::take(&mut rest),
                };
                let item = text::trim(item);
                if item.is_empty() {
                    continue;
                }
                return Some(split_param(item));
            }
            None
        })
        .take(limits::LIST_ITEMS)
    }

    /// The first parameter of that name (without regard to case): outer `None` when absent, inner when valueless.
    pub fn find(self, name: &[u8]) -> Option<Option<&'m [u8]>> {
        if self.0.is_empty() {
            return None;
        }
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
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

/// Name and value of one parameter, white space around both taken off.
pub(super) fn split_param(item: &[u8]) -> Param<'_> {
    match memchr::memchr(b'=', item) {
        Some(eq) => (text::trim(&item[..eq]), Some(text::trim(&item[eq + 1..]))),
        None => (text::trim(item), None),
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
