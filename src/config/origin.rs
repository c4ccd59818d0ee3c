//! Where a setting was written: eight bytes that name a file (or table), a line (or row) and a column.

use std::collections::HashMap;
use std::fmt;

use crate::base::ids::Name;

/// A file or table, by its place in [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u16);

/// One place in one source. Copied freely; [`Sources::place`] turns it into `file:line:column`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// The file or table.
    pub source: SourceId,
    /// Line of a file or number of a row, from 1; 0 when there is none.
    pub line: u32,
    /// Character in the line, or column of the table, from 1; 0 when there is none.
    pub column: u16,
}

impl Origin {
    /// Not written anywhere: a default.
    pub const BUILT_IN: Origin = Origin { source: SourceId(0), line: 0, column: 0 };

    /// A place in a source.
    pub fn new(source: SourceId, line: u32, column: u16) -> Origin {
        Origin { source, line, column }
    }

    /// The same line, another column.
    pub fn at_column(self, column: u16) -> Origin {
        Origin { column, ..self }
    }

    /// Whether this names a real place.
    pub fn is_known(self) -> bool {
        self != Origin::BUILT_IN
    }
}

/// The names behind [`SourceId`]s. It only grows, so that an object kept over a reload still knows where it came from.
#[derive(Clone, Debug)]
pub struct Sources {
    names: Vec<Name>,
    by_name: HashMap<Name, u16>,
}

impl Default for Sources {
    fn default() -> Self {
        Sources { names: vec![Name::from("(built in)")], by_name: HashMap::new() }
    }
}

impl Sources {
    /// No source but the built-in defaults.
    pub fn new() -> Sources {
        Sources::default()
    }

    /// The id of `name`, given now if it is new. The 65,536th name and later ones share the last id.
    pub fn intern(&mut self, name: &str) -> SourceId {
        if let Some(id) = self.by_name.get(name) {
            return SourceId(*id);
        }
        let Ok(id) = u16::try_from(self.names.len()) else { return SourceId(u16::MAX) };
        let name = if id == u16::MAX { Name::from("(one of many sources)") } else { Name::from(name) };
        self.names.push(name.clone());
        self.by_name.insert(name, id);
        SourceId(id)
    }

    /// The name of a source; `(built in)` for an id of another table.
    pub fn name(&self, id: SourceId) -> &str {
        self.names.get(usize::from(id.0)).map_or("(built in)", |name| name)
    }

    /// Whether names were added to what `before` was.
    pub fn grown_since(&self, before: &Sources) -> bool {
        self.names.len() != before.names.len()
    }

    /// `file:line:column`, shortened where a part is not known.
    pub fn place(&self, at: Origin) -> Place<'_> {
        Place { name: self.name(at.source), at }
    }
}

/// An [`Origin`] with its source's name, ready to print.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    name: &'a str,
    at: Origin,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.at.line != 0 {
            write!(f, ":{}", self.at.line)?;
            if self.at.column != 0 {
                write!(f, ":{}", self.at.column)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_prints_what_is_known() {
        let mut sources = Sources::new();
        let file = sources.intern("pjsip.conf");
        assert_eq!(sources.intern("pjsip.conf"), file);
        assert_eq!(sources.place(Origin::new(file, 12, 3)).to_string(), "pjsip.conf:12:3");
        assert_eq!(sources.place(Origin::new(file, 12, 0)).to_string(), "pjsip.conf:12");
        assert_eq!(sources.place(Origin::BUILT_IN).to_string(), "(built in)");
        assert_eq!(size_of::<Origin>(), 8);
    }

    #[test]
    fn the_table_of_sources_is_bounded() {
        let mut sources = Sources::new();
        for n in 0..70_000 {
            sources.intern(&format!("f{n}"));
        }
        assert_eq!(sources.intern("one more"), SourceId(u16::MAX));
        assert_eq!(sources.name(SourceId(u16::MAX)), "(one of many sources)");
    }
}
