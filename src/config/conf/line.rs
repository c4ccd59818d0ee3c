//! Small things about one line.

use super::tree::Section;
use crate::config::origin::{Origin, SourceId};

/// The line being read, for columns.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) line: &'a str,
    pub(super) source: SourceId,
    pub(super) number: u32,
}

impl Place<'_> {
    /// The place of `part`, which is a piece of this line.
    pub(super) fn at(self, part: &str) -> Origin {
        Origin::new(self.source, self.number, self.column(part))
    }

    /// The column of `part`, which is a piece of this line, counted in characters from 1.
    pub(super) fn column(self, part: &str) -> u16 {
        let offset = (part.as_ptr() as usize).saturating_sub(self.line.as_ptr() as usize);
        let chars = self.line.get(..offset).map_or(0, |before| before.chars().count());
        u16::try_from(chars + 1).unwrap_or(u16::MAX)
    }
}

/// Whether a section has a variable as `name=regex` asks.
pub(super) fn passes(section: Section<'_>, part: &str) -> bool {
    let Some((name, pattern)) = part.split_once('=') else { return part.is_empty() };
    let Ok(regex) = regex::Regex::new(pattern) else { return false };
    section.entries().any(|entry| entry.name.eq_ignore_ascii_case(name) && regex.is_match(entry.value))
}

/// A file name without its quotes or angle brackets.
pub(super) fn unquote(text: &str) -> &str {
    for (open, close) in [('"', '"'), ('<', '>'), ('\'', '\'')] {
        if let Some(inner) = text.strip_prefix(open).and_then(|text| text.strip_suffix(close)) {
            return inner.trim();
        }
    }
    text
}

/// At most 40 characters, for messages.
pub(super) fn shorten(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(at, _)| &text[..at])
}
