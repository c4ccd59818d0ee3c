//! `core show help`, and the usage of a command.

use super::grammar::matched;
use super::table::{Entry, entries};
use super::words::Word;
use crate::admin::shape::Answer;

/// The usage of a command.
pub(super) fn usage(entry: &Entry) -> String {
    let mut out = format!("Usage: {}", entry.name);
    if !entry.args.is_empty() {
        out.push(' ');
        out.push_str(entry.args);
    }
    out.push('\n');
    let summary = [entry.summary];
    let lines = if entry.help.is_empty() { &summary[..] } else { entry.help };
    for line in lines {
        out.push_str(&format!("       {line}\n"));
    }
    out
}

/// `core show help [topic]`: the usage of one command, or the list of those that begin so.
pub(super) fn topic(words: &[Word]) -> Answer {
    let whole = entries().find(|entry| {
        let typed: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        let name = entry.name.split(' ').filter(|part| !part.starts_with('[')).count();
        !typed.is_empty()
            && (matched(entry, words, false).is_some_and(|m| m.used == words.len())
                // The braces of a name may be left out: `core show help pjsip set logger`.
                || (typed.len() == name - 1
                    && entry.words().last().is_some_and(|part| part.starts_with('{'))
                    && entry.words().zip(&typed).all(|(part, word)| part.eq_ignore_ascii_case(word))))
    });
    if let Some(entry) = whole {
        return Answer::good(usage(entry));
    }
    let typed =
        words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let mut out = String::new();
    for entry in entries().filter(|entry| entry.name.starts_with(&typed)) {
        out.push_str(&format!("{:<30} -- {}\n", entry.name, entry.summary));
    }
    match out.is_empty() {
        true => Answer::bad(format!("No such command '{typed}'.\n")),
        false => Answer::good(out),
    }
}
