//! What the tab key offers.

use super::grammar::starts_with;
use super::modules::MODULES;
use super::table::{Entry, entries};
use super::words::split;
use crate::switch::view::Kind;

/// What may follow a command's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Nothing that could be listed.
    None,
    /// Names of objects.
    Kind(Kind),
    /// Contexts of the dialplan.
    Contexts,
    /// Call-IDs of subscriptions.
    Subscriptions,
    /// Module names; known here.
    Modules,
    /// Further commands; known here.
    Commands,
    /// These words; known here.
    Words(&'static [&'static str]),
}

/// The words that may stand in place of the last one of `line` (an empty one if it ends with a blank), sorted.
/// `names` is asked for names that only the running server knows.
pub fn complete(line: &str, names: &mut dyn FnMut(Names) -> Vec<String>) -> Vec<String> {
    let Ok(words) = split(line) else { return Vec::new() };
    let mut typed: Vec<String> = words.into_iter().map(|word| word.text).collect();
    if line.is_empty() || line.ends_with([' ', '\t']) {
        typed.push(String::new());
    }
    let mut found = candidates(&typed, names);
    found.sort();
    found.dedup();
    found
}

fn candidates(typed: &[String], names: &mut dyn FnMut(Names) -> Vec<String>) -> Vec<String> {
    let Some((last, before)) = typed.split_last() else { return Vec::new() };
    let begins = |name: &str| last.is_empty() || starts_with(name, last);
    let (mut found, mut asked): (Vec<String>, Vec<Names>) = (Vec::new(), Vec::new());
    for entry in entries() {
        match place(entry, before) {
            Some(Place::Word(part)) => {
                let parts = part.trim_matches(['{', '}']).split('|');
                found.extend(parts.filter(|name| begins(name)).map(str::to_owned));
            }
            Some(Place::Behind(used)) => {
                if entry.args.starts_with("[like") && before.len() == used && begins("like") {
                    found.push("like".into());
                }
                match entry.names {
                    Names::Commands => found.extend(candidates(&typed[used..], names)),
                    // Flags may follow each other; everything else takes one name.
                    Names::Words(words)
                        if before.len() == used || words.iter().any(|w| w.starts_with("--")) =>
                    {
                        found.extend(words.iter().filter(|name| begins(name)).map(|name| (*name).to_owned()));
                    }
                    other if before.len() == used && !asked.contains(&other) => asked.push(other),
                    _ => {}
                }
            }
            None => {}
        }
    }
    for kind in asked {
        match kind {
            Names::None | Names::Commands | Names::Words(_) => {}
            Names::Modules => {
                found.extend(MODULES.iter().filter(|m| begins(m.name)).map(|m| m.name.to_owned()));
            }
            other => found.extend(names(other).into_iter().filter(|name| begins(name))),
        }
    }
    found
}

enum Place {
    /// The last word stands where this part of the name is.
    Word(&'static str),
    /// It stands behind the name, which took so many words.
    Behind(usize),
}

fn place(entry: &'static Entry, before: &[String]) -> Option<Place> {
    let mut used = 0;
    for part in entry.words() {
        let Some(word) = before.get(used) else { return Some(Place::Word(part)) };
        if !part.trim_matches(['{', '}']).split('|').any(|name| name.eq_ignore_ascii_case(word)) {
            return None;
        }
        used += 1;
    }
    Some(Place::Behind(used))
}
