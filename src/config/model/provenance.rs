//! Where each option of an object was set. Sixteen bytes per object: lines of the object's own section are kept
//! relative to its header, so that objects written after the same pattern share one list.

use std::sync::Arc;

use crate::config::origin::{Origin, SourceId};
use crate::config::value::spec::Shared;

/// The place of an object and of its options. Two are always equal: where an object was written is no part of what it
/// says.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    at: Origin,
    lines: Arc<Lines>,
}

impl PartialEq for Provenance {
    fn eq(&self, _: &Provenance) -> bool {
        true
    }
}

impl Eq for Provenance {}

/// The lines that set options, in the order in which they were applied.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub struct Lines(Box<[Line]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Line {
    /// Number of the option in the object's table.
    option: u16,
    column: u16,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// Lines below the header, in the same source.
    Below(u32),
    /// Anywhere else: a template, an addition.
    At(SourceId, u32),
}

impl Provenance {
    /// The provenance of an object that begins at `at` and whose options (by number) were set at these places.
    pub fn new(at: Origin, set: &[(usize, Origin)], shared: &mut Shared<Lines>) -> Provenance {
        let lines = set.iter().filter_map(|(option, origin)| {
            let below = origin.line.checked_sub(at.line).filter(|_| origin.source == at.source);
            Some(Line {
                option: u16::try_from(*option).ok()?,
                column: origin.column,
                place: below.map_or(Place::At(origin.source, origin.line), Place::Below),
            })
        });
        let mut lines = Arc::new(Lines(lines.collect()));
        shared.share(&mut lines);
        Provenance { at, lines }
    }

    /// Where the object begins.
    pub fn at(&self) -> Origin {
        self.at
    }

    /// Every place where the option of that number was set, in order.
    pub fn all_of(&self, option: usize) -> impl DoubleEndedIterator<Item = Origin> {
        let at = self.at;
        self.lines.0.iter().filter(move |line| usize::from(line.option) == option).map(move |line| match line
            .place
        {
            Place::Below(below) => Origin::new(at.source, at.line.saturating_add(below), line.column),
            Place::At(source, number) => Origin::new(source, number, line.column),
        })
    }

    /// The place whose value holds for the option of that number.
    pub fn of(&self, option: usize) -> Option<Origin> {
        self.all_of(option).next_back()
    }

    /// A number that objects share whose options were set by lines of the same pattern.
    pub fn pattern(&self) -> usize {
        Arc::as_ptr(&self.lines).addr()
    }

    /// Whether both objects were written at the same places.
    pub fn same_place(&self, other: &Provenance) -> bool {
        self.at == other.at && (Arc::ptr_eq(&self.lines, &other.lines) || self.lines == other.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_one_pattern_share_their_lines() {
        let mut shared = Shared::default();
        let file = SourceId(1);
        let template = Origin::new(file, 3, 1);
        let one = |line: u32| {
            [(0, template), (4, Origin::new(file, line + 1, 1)), (9, Origin::new(file, line + 2, 1))]
        };
        let a = Provenance::new(Origin::new(file, 20, 1), &one(20), &mut shared);
        let b = Provenance::new(Origin::new(file, 30, 1), &one(30), &mut shared);
        assert!(Arc::ptr_eq(&a.lines, &b.lines));
        assert_eq!(b.of(9), Some(Origin::new(file, 32, 1)));
        assert_eq!(b.of(0), Some(template));
        assert_eq!(b.of(5), None);
        assert!(!a.same_place(&b));
        assert_eq!(size_of::<Provenance>(), 16);
    }
}
