//! What the loader reads: sections of lines with their places; and the findings it gathers.

use crate::base::limits::FINDINGS;
use crate::config::conf::Tree;
use crate::config::finding::{Finding, sort};
use crate::config::origin::Origin;
use crate::config::suggest;
use std::borrow::Cow;

/// One `[name]` and its lines. Two sections of one name stay two: `n` and `same` do not reach over a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section<'a> {
    /// The name between the brackets.
    pub name: Cow<'a, str>,
    /// Where the header stands.
    pub at: Origin,
    /// Its lines in order.
    pub lines: Vec<Line<'a>>,
}

/// One `key = value` (or `key => value`), includes and templates already resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Name left of the sign.
    pub key: Cow<'a, str>,
    /// Text right of it, trimmed, comments gone.
    pub value: Cow<'a, str>,
    /// Where the key begins.
    pub at: Origin,
    /// Where the value begins.
    pub value_at: Origin,
    /// How many bytes at the beginning of the value do not stand in the file (another form than `.conf` implies them).
    pub implied: usize,
}

impl Line<'_> {
    /// The place of byte `byte` of the value.
    pub(super) fn place(&self, byte: usize) -> Origin {
        right(self.value_at, byte.saturating_sub(self.implied))
    }
}

/// The sections of a `.conf` file, templates left out.
pub fn sections(tree: &Tree) -> Vec<Section<'_>> {
    let real = tree.sections().filter(|section| !section.is_template());
    real.map(|section| Section {
        name: section.name().into(),
        at: section.at(),
        lines: section
            .entries()
            .map(|entry| Line {
                key: entry.name.into(),
                value: entry.value.into(),
                at: entry.at,
                value_at: entry.at.at_column(entry.value_column),
                implied: 0,
            })
            .collect(),
    })
    .collect()
}

/// The place `bytes` further right on the same line.
pub(super) fn right(at: Origin, bytes: usize) -> Origin {
    if at.column == 0 {
        return at;
    }
    at.at_column(at.column.saturating_add(u16::try_from(bytes).unwrap_or(u16::MAX)))
}

/// Findings gathered while loading. Bounded: of a file of a million bad lines the first are told, the rest counted.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    more: usize,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        if self.list.len() < FINDINGS {
            self.list.push(finding);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn error(&mut self, code: &'static str, at: Origin, message: impl Into<String>) {
        self.add(Finding::error(code, at, message));
    }

    pub(super) fn warn(&mut self, code: &'static str, at: Origin, message: impl Into<String>) {
        self.add(Finding::warning(code, at, message));
    }

    /// All of them, in order of their places.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        sort(&mut self.list);
        if self.more > 0 {
            let message = format!("{} further findings are not shown", self.more);
            self.list.push(Finding::note("more-findings", Origin::BUILT_IN, message));
        }
        self.list
    }
}

/// "did you mean …?" for a finding, where a name is near enough.
pub(super) fn meant<'a>(finding: Finding, wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Finding {
    match suggest::nearest(wrong, names) {
        Some(name) => finding.help(format!("did you mean '{name}'?")),
        None => finding,
    }
}
