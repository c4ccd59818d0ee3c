//! Values that are lists: names, groups, variables.

use std::ops::Deref;
use std::sync::Arc;

use super::spec::{Codec, Cx, Fault};
use super::words::{OneOf, Word, unknown};
use crate::base::ids::Name;

/// A list of names; one, the common case, costs no allocation of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Names {
    /// No name.
    #[default]
    None,
    /// One name.
    One(Name),
    /// Several names, in order.
    Many(Arc<[Name]>),
}

impl Deref for Names {
    type Target = [Name];

    fn deref(&self) -> &[Name] {
        match self {
            Names::None => &[],
            Names::One(name) => std::slice::from_ref(name),
            Names::Many(names) => names,
        }
    }
}

impl FromIterator<Name> for Names {
    fn from_iter<I: IntoIterator<Item = Name>>(names: I) -> Names {
        let mut names: Vec<Name> = names.into_iter().collect();
        match names.len() {
            0 => Names::None,
            1 => names.pop().map_or(Names::None, Names::One),
            _ => Names::Many(names.into()),
        }
    }
}

/// A comma list of names; a second line replaces the first. Printed joined by commas.
#[derive(Debug)]
pub struct NameList;
/// A comma list of names; each line adds to it.
#[derive(Debug)]
pub struct MoreNames;
/// A comma list of texts, kept in order; a second line replaces the first.
#[derive(Debug)]
pub struct TextList;
/// A comma list of texts, each printed on its own line; each line adds to it.
#[derive(Debug)]
pub struct Texts;
/// Whole lines, each printed on its own line; each line adds to it.
#[derive(Debug)]
pub struct Lines;
/// Group numbers 0 to 63 with ranges, as bits.
#[derive(Debug)]
pub struct Groups;
/// Named groups: a set, printed sorted.
#[derive(Debug)]
pub struct NamedGroups;
/// `name=value`, repeatable.
#[derive(Debug)]
pub struct Variables;
/// A comma list of words out of an enumeration; a second line replaces the first.
#[derive(Debug)]
pub struct SomeOf;

/// The parts of a comma list with the byte at which each begins, trimmed, without empty ones.
pub fn parts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(',')
        .map(move |raw| {
            let part = raw.trim();
            (part.as_ptr() as usize - text.as_ptr() as usize, part)
        })
        .filter(|(_, part)| !part.is_empty())
}

impl Codec<Names> for NameList {
    fn apply(field: &mut Names, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        *field = parts(text).map(|(_, part)| cx.name(part)).collect();
        Ok(())
    }

    fn print(field: &Names, lines: &mut Vec<String>) {
        lines.push(field.join(","));
    }
}

impl Codec<Names> for MoreNames {
    fn apply(field: &mut Names, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        let before = std::mem::take(field);
        *field = before.iter().cloned().chain(parts(text).map(|(_, part)| cx.name(part))).collect();
        Ok(())
    }

    fn print(field: &Names, lines: &mut Vec<String>) {
        lines.push(field.join(","));
    }
}

impl Codec<Box<[Name]>> for TextList {
    fn apply(field: &mut Box<[Name]>, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        *field = parts(text).map(|(_, part)| cx.name(part)).collect();
        Ok(())
    }

    fn print(field: &Box<[Name]>, lines: &mut Vec<String>) {
        lines.push(field.join(","));
    }
}

fn print_each(field: &[Name], lines: &mut Vec<String>) {
    lines.extend(field.iter().map(|name| name.to_string()));
    if field.is_empty() {
        lines.push(String::new());
    }
}

impl Codec<Vec<Name>> for Texts {
    fn apply(field: &mut Vec<Name>, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        field.extend(parts(text).map(|(_, part)| cx.name(part)));
        Ok(())
    }

    fn print(field: &Vec<Name>, lines: &mut Vec<String>) {
        print_each(field, lines);
    }
}

impl Codec<Vec<Name>> for Lines {
    fn apply(field: &mut Vec<Name>, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        field.push(cx.name(text));
        Ok(())
    }

    fn print(field: &Vec<Name>, lines: &mut Vec<String>) {
        print_each(field, lines);
    }
}

impl Codec<u64> for Groups {
    fn apply(field: &mut u64, text: &str, _: &mut Cx) -> Result<(), Fault> {
        let mut groups = 0u64;
        for (offset, part) in parts(text) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<u32>().ok().filter(|n| *n < 64);
            let (Some(first), Some(last)) = (number(first), number(last)) else {
                let message = format!("'{part}' is not a group from 0 to 63");
                return Err(Fault::new("bad-group", message).offset(offset));
            };
            if first > last {
                return Err(Fault::new("bad-group", format!("range '{part}' runs backwards")).offset(offset));
            }
            for group in first..=last {
                groups |= 1 << group;
            }
        }
        *field = groups;
        Ok(())
    }

    fn print(field: &u64, lines: &mut Vec<String>) {
        let groups: Vec<String> =
            (0..64).filter(|group| field & (1 << group) != 0).map(|group| group.to_string()).collect();
        lines.push(groups.join(", "));
    }

    fn write(field: &u64, lines: &mut Vec<String>) {
        let groups = (0..64).filter(|group| field & (1 << group) != 0).map(|group: u32| group.to_string());
        lines.push(groups.collect::<Vec<_>>().join(","));
    }
}

impl Codec<Box<[Name]>> for NamedGroups {
    fn apply(field: &mut Box<[Name]>, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        let mut names: Vec<Name> = parts(text).map(|(_, part)| cx.name(part)).collect();
        names.sort();
        names.dedup();
        *field = names.into();
        Ok(())
    }

    fn print(field: &Box<[Name]>, lines: &mut Vec<String>) {
        lines.push(field.join(","));
    }
}

impl Codec<Vec<(Name, Name)>> for Variables {
    fn apply(field: &mut Vec<(Name, Name)>, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        let Some((name, value)) = text.split_once('=') else {
            return Err(Fault::new("bad-variable", format!("'{text}' is not of the form name=value")));
        };
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() {
            return Err(Fault::new("bad-variable", "the variable has no name"));
        }
        let value = cx.name(value);
        field.push((cx.name(name), value));
        Ok(())
    }

    fn print(field: &Vec<(Name, Name)>, lines: &mut Vec<String>) {
        lines.extend(field.iter().map(|(name, value)| format!("{name}={value}")));
        if field.is_empty() {
            lines.push(String::new());
        }
    }
}

impl<T: Word> Codec<Box<[T]>> for SomeOf {
    fn apply(field: &mut Box<[T]>, text: &str, _: &mut Cx) -> Result<(), Fault> {
        let mut words: Vec<T> = Vec::new();
        for (offset, part) in parts(text) {
            let word = T::of(part).ok_or_else(|| unknown::<T>(part).offset(offset))?;
            if !words.contains(&word) {
                words.push(word);
            }
        }
        *field = words.into();
        Ok(())
    }

    fn print(field: &Box<[T]>, lines: &mut Vec<String>) {
        let words: Vec<&str> = field.iter().map(|word| word.word()).collect();
        lines.push(words.join(","));
    }
}

impl<T: Word> Codec<Option<T>> for OneOf {
    fn apply(field: &mut Option<T>, text: &str, _: &mut Cx) -> Result<(), Fault> {
        *field = Some(T::of(text).ok_or_else(|| unknown::<T>(text))?);
        Ok(())
    }

    fn print(field: &Option<T>, lines: &mut Vec<String>) {
        lines.push(field.map_or("", Word::word).to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_bits_and_print_as_asterisk_prints_them() {
        let mut groups = 0u64;
        let mut cx = Cx::default();
        Groups::apply(&mut groups, "1,3-5, 63", &mut cx).expect("groups");
        let mut lines = Vec::new();
        Groups::print(&groups, &mut lines);
        assert_eq!(lines, ["1, 3, 4, 5, 63"]);
        for bad in ["64", "5-3", "a", "1-"] {
            assert!(Groups::apply(&mut groups, bad, &mut cx).is_err(), "{bad}");
        }
        assert_eq!(Groups::apply(&mut groups, "1, x", &mut cx).expect_err("x").offset, 3);
    }

    #[test]
    fn one_name_needs_no_allocation_of_its_own() {
        let mut names = Names::None;
        let mut cx = Cx::default();
        NameList::apply(&mut names, "100", &mut cx).expect("list");
        assert!(matches!(&names, Names::One(name) if &**name == "100"));
        NameList::apply(&mut names, "a, b,,c", &mut cx).expect("list");
        assert_eq!(names.join(","), "a,b,c");
        assert_eq!(size_of::<Names>(), 24);
    }

    #[test]
    fn variables_add_up() {
        let mut field = Vec::new();
        let mut cx = Cx::default();
        Variables::apply(&mut field, "A=1", &mut cx).expect("variable");
        Variables::apply(&mut field, "B = x=y", &mut cx).expect("variable");
        let mut lines = Vec::new();
        Variables::print(&field, &mut lines);
        assert_eq!(lines, ["A=1", "B=x=y"]);
        assert!(Variables::apply(&mut field, "novalue", &mut cx).is_err());
    }
}
