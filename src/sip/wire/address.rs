//! `name-addr` and `addr-spec` header values: From, To, Contact, Route and their relatives (RFC 3261 20.10).

use super::params::Params;
use super::text;
use super::uri::{Uri, UriFault};

/// A display name, a URI and header parameters.
#[derive(Clone, Copy, Debug)]
pub struct NameAddr<'m> {
    /// As written, quotes included; empty when there is none.
    pub display: &'m [u8],
    /// The URI's text, brackets removed.
    pub uri_text: &'m [u8],
    /// The header's own parameters (after `>`, or after the first `;` of a bare URI, RFC 3261 20.10).
    pub params: Params<'m>,
}

/// Why such a value could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFault {
    /// A quoted display name that is never closed (RFC 4475 3.1.2.6).
    Quote,
    /// `<` without `>`.
    Bracket,
    /// Something other than parameters after `>`.
    Tail,
    /// No URI at all.
    Empty,
}

impl<'m> NameAddr<'m> {
    /// Reads one value.
    ///
    /// # Errors
    /// When quotes or brackets do not balance or there is no URI. The URI itself is read by [`NameAddr::uri`].
    pub fn parse(value: &'m [u8]) -> Result<NameAddr<'m>, AddressFault> {
        let value = text::trim(value);
        let open = open_bracket(value)?;
        let Some(open) = open else {
            let end = memchr::memchr(b';', value).unwrap_or(value.len());
            let uri_text = text::trim(&value[..end]);
            if uri_text.is_empty() {
                return Err(AddressFault::Empty);
            }
            return Ok(NameAddr { display: b"", uri_text, params: Params(&value[end..]) });
        };
        let close = open + memchr::memchr(b'>', &value[open..]).ok_or(AddressFault::Bracket)?;
        let uri_text = text::trim(&value[open + 1..close]);
        let tail = text::trim(&value[close + 1..]);
        if uri_text.is_empty() {
            return Err(AddressFault::Empty);
        }
        if !tail.is_empty() && tail[0] != b';' {
            return Err(AddressFault::Tail);
        }
        Ok(NameAddr { display: text::trim(&value[..open]), uri_text, params: Params(tail) })
    }

    /// The URI.
    ///
    /// # Errors
    /// Its fault.
    pub fn uri(&self) -> Result<Uri<'m>, UriFault> {
        Uri::parse(self.uri_text)
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&'m [u8]> {
        self.params.value(b"tag")
    }

    /// The display name without quotes and backslashes, as text.
    pub fn display_text(&self) -> String {
        String::from_utf8_lossy(&text::unquote(self.display)).into_owned()
    }
}

/// Where `<` opens the URI, outside the quoted display name. A `;` before it means that there is none: what follows
/// are the parameters of a bare URI, quotes and brackets in them included.
fn open_bracket(value: &[u8]) -> Result<Option<usize>, AddressFault> {
    let mut at = 0;
    while let Some(next) = value.get(at..).and_then(|rest| memchr::memchr3(b'"', b'<', b';', rest)) {
        at += next;
        match value[at] {
            b'"' => at += text::quoted_end(&value[at..]).ok_or(AddressFault::Quote)?,
            b'<' => return Ok(Some(at)),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// One value of a Contact header.
#[derive(Clone, Copy, Debug)]
pub enum Contact<'m> {
    /// `*`: all bindings (RFC 3261 10.2.2).
    Star,
    /// An address with its parameters (`expires`, `q`, `+sip.instance`, `reg-id`).
    Address(NameAddr<'m>),
}

impl<'m> Contact<'m> {
    /// Reads one value.
    ///
    /// # Errors
    /// As [`NameAddr::parse`].
    pub fn parse(value: &'m [u8]) -> Result<Contact<'m>, AddressFault> {
        if value == b"*" { Ok(Contact::Star) } else { NameAddr::parse(value).map(Contact::Address) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_brackets_and_bare_uris() {
        let a = NameAddr::parse(br#""Al \"x\" <y>" <sip:a@h;lr>;tag=1"#).expect("reads");
        assert_eq!((a.uri_text, a.tag()), (&b"sip:a@h;lr"[..], Some(&b"1"[..])));
        assert_eq!(a.display_text(), r#"Al "x" <y>"#);
        let a = NameAddr::parse(b"sip:a@h;tag=2").expect("reads");
        assert_eq!((a.uri_text, a.tag()), (&b"sip:a@h"[..], Some(&b"2"[..])));
        let a = NameAddr::parse(b"Bob Smith <sip:b@h>").expect("reads");
        assert_eq!(a.display, b"Bob Smith");
        assert_eq!(NameAddr::parse(br#""Mr. J. <sip:a@h>"#).unwrap_err(), AddressFault::Quote);
        assert_eq!(NameAddr::parse(b"<sip:a@h").unwrap_err(), AddressFault::Bracket);
        assert_eq!(NameAddr::parse(b"<sip:a@h> x").unwrap_err(), AddressFault::Tail);
        assert_eq!(NameAddr::parse(b" ").unwrap_err(), AddressFault::Empty);
    }
}
