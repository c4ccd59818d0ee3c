//! Sections and lines of one file with its includes. Compact, because a tree may have millions of lines: texts lie in
//! one arena, a line costs 28 bytes, and lines that sections inherit are not copied.

use std::collections::HashMap;
use std::hash::BuildHasher;

use crate::base::ids::Name;
use crate::base::limits;
use crate::config::origin::{Origin, SourceId};

/// What a file and its includes say.
#[derive(Debug, Default)]
pub struct Tree {
    arena: String,
    names: Vec<Name>,
    /// The last value of each name: a file without templates says the same again and again.
    last_values: Vec<Span>,
    name_ids: HashMap<Name, u32, foldhash::fast::FixedState>,
    lines: Vec<Line>,
    pieces: Vec<Piece>,
    heads: Vec<Head>,
    /// First and last section by the hash of the name; a rare collision is settled by looking at all.
    by_name: HashMap<u64, (u32, u32), foldhash::fast::FixedState>,
    hasher: foldhash::fast::FixedState,
    /// Lines of all sections together, inherited ones counted again.
    total_lines: u64,
    pub(super) incomplete: bool,
}

/// A text in the arena.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Index into `names`.
    pub(super) name: u32,
    pub(super) value: Span,
    pub(super) line: u32,
    pub(super) source: SourceId,
    pub(super) column: u16,
    pub(super) value_column: u16,
    pub(super) arrow: bool,
}

/// A run of lines, and the run that follows it in the same section.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: u32,
    end: u32,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    name: Span,
    at: Origin,
    template: bool,
    first: u32,
    last: u32,
    count: u32,
    /// How many of the first lines come from parents.
    inherited: u32,
    next_same: u32,
}

const NONE: u32 = u32::MAX;

/// The tree is full: 4 GiB of text, or more inherited lines than [`limits::CONF_INHERITED_LINES`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Full;

impl Tree {
    /// Whether everything could be read: no missing include, no section header that could not be understood. When not,
    /// what is absent from the tree may only be unreadable.
    pub fn is_complete(&self) -> bool {
        !self.incomplete
    }

    /// The sections in order, templates included.
    pub fn sections(&self) -> impl Iterator<Item = Section<'_>> {
        (0..self.heads.len()).map(|index| Section { tree: self, index })
    }

    /// The first section of that name, template or not.
    pub fn section(&self, name: &str) -> Option<Section<'_>> {
        self.find(name).map(|index| Section { tree: self, index })
    }

    /// Bytes held, roughly: for `show status`.
    pub fn bytes(&self) -> usize {
        self.arena.capacity()
            + self.lines.capacity() * size_of::<Line>()
            + self.pieces.capacity() * size_of::<Piece>()
            + self.heads.capacity() * size_of::<Head>()
    }

    fn text(&self, span: Span) -> &str {
        &self.arena[span.start as usize..span.end as usize]
    }

    /// Room for so many more lines and bytes of text, so that neither need be copied while growing.
    pub(super) fn reserve(&mut self, lines: usize, bytes: usize) {
        self.lines.reserve(lines);
        self.arena.reserve(bytes);
    }

    /// Puts a text into the arena.
    pub(super) fn store(&mut self, text: &str) -> Result<Span, Full> {
        let start = u32::try_from(self.arena.len()).map_err(|_| Full)?;
        let end = u32::try_from(self.arena.len() + text.len()).map_err(|_| Full)?;
        self.arena.push_str(text);
        Ok(Span { start, end })
    }

    /// Puts the value of an option into the arena, unless it is the one that this name had the last time.
    pub(super) fn store_value(&mut self, name: u32, value: &str) -> Result<Span, Full> {
        let last = self.last_values[name as usize];
        if self.text(last) == value {
            return Ok(last);
        }
        let span = self.store(value)?;
        self.last_values[name as usize] = span;
        Ok(span)
    }

    /// The number of an option's name.
    pub(super) fn name_id(&mut self, name: &str) -> Result<u32, Full> {
        if let Some(id) = self.name_ids.get(name) {
            return Ok(*id);
        }
        let id = u32::try_from(self.names.len()).map_err(|_| Full)?;
        let name = Name::from(name);
        self.names.push(name.clone());
        self.last_values.push(Span::default());
        self.name_ids.insert(name, id);
        Ok(id)
    }

    fn find(&self, name: &str) -> Option<usize> {
        let (first, _) = *self.by_name.get(&self.hasher.hash_one(name))?;
        let first = first as usize;
        if self.text(self.heads[first].name) == name {
            return Some(first);
        }
        self.heads.iter().position(|head| self.text(head.name) == name)
    }

    /// All sections of that name, in order.
    pub(super) fn same_name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Section<'a>> {
        let mut at = self.find(name);
        std::iter::from_fn(move || {
            let index = at?;
            let next = self.heads[index].next_same;
            at = (next != NONE).then_some(next as usize);
            Some(Section { tree: self, index })
        })
        .filter(move |section| section.name() == name)
    }

    /// Opens a section.
    pub(super) fn open(&mut self, name: &str, at: Origin) -> Result<usize, Full> {
        let hash = self.hasher.hash_one(name);
        let name = self.store(name)?;
        let index = self.heads.len();
        let id = u32::try_from(index).map_err(|_| Full)?;
        let head = Head {
            name,
            at,
            template: false,
            first: NONE,
            last: NONE,
            count: 0,
            inherited: 0,
            next_same: NONE,
        };
        self.heads.push(head);
        match self.by_name.get_mut(&hash) {
            None => {
                self.by_name.insert(hash, (id, id));
            }
            Some((_, last)) => {
                self.heads[*last as usize].next_same = id;
                *last = id;
            }
        }
        Ok(index)
    }

    /// Makes a section a template.
    pub(super) fn mark_template(&mut self, section: usize) {
        self.heads[section].template = true;
    }

    /// Takes the lines of `parent`, as they are now, into `section`.
    pub(super) fn inherit(&mut self, section: usize, parent: usize) -> Result<(), Full> {
        self.total_lines += u64::from(self.heads[parent].count);
        if self.total_lines > limits::CONF_INHERITED_LINES {
            return Err(Full);
        }
        let mut at = self.heads[parent].first;
        // The parent may be the section itself; then only what it had so far is taken.
        let last = self.heads[parent].last;
        while at != NONE {
            let Piece { start, end, next } = self.pieces[at as usize];
            self.append(section, start, end)?;
            if at == last {
                break;
            }
            at = next;
        }
        let head = &mut self.heads[section];
        head.inherited = head.count;
        Ok(())
    }

    /// Adds a line to a section.
    pub(super) fn push(&mut self, section: usize, line: Line) -> Result<(), Full> {
        let number = u32::try_from(self.lines.len()).map_err(|_| Full)?;
        if number == NONE {
            return Err(Full);
        }
        self.lines.push(line);
        self.append(section, number, number + 1)
    }

    /// `name += text`: glues a text to the section's last value of that name, or sets it. The lines the section has
    /// inherited are shared, so they become its own first.
    pub(super) fn glue(&mut self, section: usize, line: Line, text: &str) -> Result<(), Full> {
        let numbers: Vec<u32> = self.line_numbers(section).collect();
        let Some(place) = numbers.iter().rposition(|n| self.lines[*n as usize].name == line.name) else {
            return self.push(section, line);
        };
        let copied: Vec<Line> = numbers.iter().map(|n| self.lines[*n as usize]).collect();
        self.total_lines += copied.len() as u64;
        if self.total_lines > limits::CONF_INHERITED_LINES {
            return Err(Full);
        }
        let joined = format!("{}{text}", self.text(copied[place].value));
        let value = self.store(&joined)?;
        let head = &mut self.heads[section];
        (head.first, head.last, head.count) = (NONE, NONE, 0);
        for (index, old) in copied.into_iter().enumerate() {
            self.push(section, if index == place { Line { value, ..old } } else { old })?;
        }
        Ok(())
    }

    fn append(&mut self, section: usize, start: u32, end: u32) -> Result<(), Full> {
        let next_piece = u32::try_from(self.pieces.len()).map_err(|_| Full)?;
        let head = &mut self.heads[section];
        head.count = head.count.saturating_add(end - start);
        if head.last != NONE {
            let last = &mut self.pieces[head.last as usize];
            if last.end == start {
                last.end = end;
                return Ok(());
            }
            last.next = next_piece;
        } else {
            head.first = next_piece;
        }
        head.last = next_piece;
        self.pieces.push(Piece { start, end, next: NONE });
        Ok(())
    }

    fn line_numbers(&self, section: usize) -> impl Iterator<Item = u32> {
        let mut at = self.heads[section].first;
        std::iter::from_fn(move || {
            let piece = *self.pieces.get(at as usize)?;
            at = piece.next;
            Some(piece.start..piece.end)
        })
        .flatten()
    }
}

/// One section.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    tree: &'a Tree,
    index: usize,
}

impl<'a> Section<'a> {
    fn head(self) -> &'a Head {
        &self.tree.heads[self.index]
    }

    /// Its place among all sections.
    pub fn index(self) -> usize {
        self.index
    }

    /// The name between the brackets.
    pub fn name(self) -> &'a str {
        self.tree.text(self.head().name)
    }

    /// Where its header stands.
    pub fn at(self) -> Origin {
        self.head().at
    }

    /// Whether it is a template: `(!)`.
    pub fn is_template(self) -> bool {
        self.head().template
    }

    /// How many lines it has.
    pub fn len(self) -> usize {
        self.head().count as usize
    }

    /// How many of its first lines come from templates.
    pub fn inherited(self) -> usize {
        self.head().inherited as usize
    }

    /// Whether it has no lines.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Its lines, inherited ones first, in the order in which they apply.
    pub fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        let tree = self.tree;
        tree.line_numbers(self.index).map(move |number| {
            let line = &tree.lines[number as usize];
            Entry {
                name: &tree.names[line.name as usize],
                value: tree.text(line.value),
                at: Origin::new(line.source, line.line, line.column),
                value_column: line.value_column,
                arrow: line.arrow,
            }
        })
    }

    /// The last value of a name, compared without case.
    pub fn value(self, name: &str) -> Option<&'a str> {
        self.entries().filter(|entry| entry.name.eq_ignore_ascii_case(name)).last().map(|entry| entry.value)
    }
}

/// One `name = value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name, trimmed.
    pub name: &'a str,
    /// The value, trimmed.
    pub value: &'a str,
    /// Where the name stands.
    pub at: Origin,
    /// The column where the value starts.
    pub value_column: u16,
    /// Whether it was written with `=>`.
    pub arrow: bool,
}
