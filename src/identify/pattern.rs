//! `match_header` and `match_request_uri`: exact text, or `/regular expression/`.

use crate::sip::wire::{Header, Message, text};
use regex::bytes::Regex;

/// What a value is compared with.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// The whole value, byte for byte.
    Exact(Box<str>),
    /// An unanchored, case-sensitive expression.
    Matches(Box<Regex>),
}

/// `Name: value` of `match_header`.
#[derive(Clone, Debug)]
pub struct HeaderPattern {
    /// The field's name; compact forms of the request match their long name.
    pub name: Box<str>,
    /// What its value must be.
    pub pattern: Pattern,
}

impl Pattern {
    /// Reads `text` or `/regex/`. `//` is the empty text.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn parse(source: &str) -> Result<Pattern, String> {
        match source.strip_prefix('/').and_then(|s| s.strip_suffix('/')) {
            Some("") => Ok(Pattern::Exact("".into())),
            Some(expression) => {
                let regex =
                    regex::bytes::RegexBuilder::new(expression).size_limit(1 << 20).unicode(false).build();
                regex.map(|r| Pattern::Matches(Box::new(r))).map_err(|e| e.to_string())
            }
            None => Ok(Pattern::Exact(source.into())),
        }
    }

    /// Whether a value fits.
    pub fn fits(&self, value: &[u8]) -> bool {
        match self {
            Pattern::Exact(text) => value == text.as_bytes(),
            Pattern::Matches(regex) => regex.is_match(value),
        }
    }
}

impl HeaderPattern {
    /// Reads `Name: value`.
    ///
    /// # Errors
    /// A missing colon or name, or a bad expression.
    pub fn parse(source: &str) -> Result<HeaderPattern, String> {
        let (name, value) = source.split_once(':').ok_or("there is no ':' between header name and value")?;
        let name = name.trim();
        if name.is_empty() {
            return Err("the header name is missing".into());
        }
        Ok(HeaderPattern { name: name.into(), pattern: Pattern::parse(value.trim())? })
    }

    /// Whether any field of that name fits.
    pub fn fits(&self, message: &Message<'_>) -> bool {
        match Header::from_name(self.name.as_bytes()) {
            Header::Other => message.other(self.name.as_bytes()).any(|v| self.pattern.fits(text::trim(v))),
            kind => message.headers(kind).any(|v| self.pattern.fits(text::trim(v))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_regex_and_faults() {
        assert!(Pattern::parse("/^sip:9+@/").expect("compiles").fits(b"sip:99@h"));
        assert!(!Pattern::parse("sip:9@h").expect("plain").fits(b"sip:9@H"));
        assert!(Pattern::parse("//").expect("empty").fits(b""));
        assert!(Pattern::parse("/(/").is_err());
        assert!(HeaderPattern::parse("X-Trunk blue").is_err());
        assert!(HeaderPattern::parse(": blue").is_err());
        assert_eq!(&*HeaderPattern::parse(" X-Trunk :  blue ").expect("reads").name, "X-Trunk");
    }
}
