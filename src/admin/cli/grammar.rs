//! Finding the command a line means.

use super::build::{Call, Fault};
use super::table::{Entry, entries};
use super::words::{Word, split};
use super::{Parsed, help};
use crate::admin::shape::{Answer, Format};
use crate::base::limits::ADMIN_LINE_BYTES;

/// Reads one line. A last word `--json` asks for JSON whatever `format` says.
pub fn parse(line: &str, format: Format) -> Parsed {
    let line = line.trim();
    if line.len() > ADMIN_LINE_BYTES {
        return Parsed::Text(Answer::bad(format!(
            "A line may have {ADMIN_LINE_BYTES} bytes, not {}.\n",
            line.len()
        )));
    }
    let mut words = match split(line) {
        Ok(words) => words,
        Err(why) => return Parsed::Text(Answer::bad(format!("{why}\n"))),
    };
    let (mut line, mut format) = (line, format);
    if words.last().is_some_and(|word| word.text == "--json") {
        format = Format::Json;
        words.pop();
        line = &line[..words.last().map_or(0, |word| word.end)];
    }
    if words.is_empty() {
        return Parsed::Text(Answer::good(""));
    }
    let result = match find(&words) {
        Found::One(entry, used, choice) => {
            let call = Call { line, words: &words, used, choice, format };
            (entry.build)(&call).map_err(|fault| (entry, fault))
        }
        Found::Ambiguous(names) => {
            return Parsed::Text(Answer::bad(format!("'{line}' may mean: {}\n", names.join(", "))));
        }
        Found::None => return Parsed::Text(no_such_command(line, &words)),
    };
    match result {
        Ok(parsed) => parsed,
        Err((entry, Fault::Usage)) => Parsed::Text(Answer::bad(help::usage(entry))),
        Err((_, Fault::Failed(why))) => {
            Parsed::Text(Answer::bad(format!("{why}\nCommand '{line}' failed.\n")))
        }
    }
}

enum Found {
    /// The entry, how many words its name took, and which of its `{a|b}` was chosen.
    One(&'static Entry, usize, &'static str),
    Ambiguous(Vec<&'static str>),
    None,
}

/// Asterisk wants whole words; we take unique beginnings too, but never for commands that end something.
fn find(words: &[Word]) -> Found {
    let whole = entries().filter_map(|entry| matched(entry, words, false).map(|m| (entry, m)));
    if let Some((entry, m)) = whole.max_by_key(|(_, m)| m.used) {
        return Found::One(entry, m.used, m.choice);
    }
    let mut best: Vec<(&'static Entry, Match)> = Vec::new();
    for entry in entries().filter(|entry| !entry.whole_words) {
        let Some(m) = matched(entry, words, true) else { continue };
        match best.first().map(|(_, first)| (m.whole, m.used).cmp(&(first.whole, first.used))) {
            Some(std::cmp::Ordering::Less) => {}
            Some(std::cmp::Ordering::Equal) => best.push((entry, m)),
            Some(std::cmp::Ordering::Greater) | None => best = vec![(entry, m)],
        }
    }
    match best.as_slice() {
        [] => Found::None,
        [(entry, m)] => Found::One(entry, m.used, m.choice),
        several => Found::Ambiguous(several.iter().map(|(entry, _)| entry.name).collect()),
    }
}

pub(super) struct Match {
    /// Words of the line that the name took.
    pub used: usize,
    /// How many of them were written whole.
    whole: usize,
    /// Which of `{a|b}` was chosen, empty without one.
    pub choice: &'static str,
}

/// Whether the line begins with the entry's name.
pub(super) fn matched(entry: &'static Entry, words: &[Word], beginnings: bool) -> Option<Match> {
    let mut m = Match { used: 0, whole: 0, choice: "" };
    for part in entry.words() {
        let word = words.get(m.used)?;
        let names = || part.trim_matches(['{', '}']).split('|');
        let mut begun = names().filter(|name| beginnings && starts_with(name, &word.text));
        let chosen = match names().find(|name| word.is(name)) {
            Some(whole) => whole,
            None => begun.next().filter(|_| begun.next().is_none())?,
        };
        m.whole += usize::from(word.is(chosen));
        if part.starts_with('{') {
            m.choice = chosen;
        }
        m.used += 1;
    }
    Some(m)
}

pub(super) fn starts_with(name: &str, beginning: &str) -> bool {
    !beginning.is_empty()
        && name.get(..beginning.len()).is_some_and(|head| head.eq_ignore_ascii_case(beginning))
}

/// Asterisk's sentence, and the nearest command when one is near.
fn no_such_command(line: &str, words: &[Word]) -> Answer {
    let mut text =
        format!("No such command '{line}' (type 'core show help {line}' for other possible commands)\n");
    if let Some(name) = formerly(words).or_else(|| nearest(words)) {
        text.push_str(&format!("Did you mean '{name}'?\n"));
    }
    Answer::bad(text)
}

/// What replaced a command of chan_sip, or one that people expect and Asterisk never had.
fn formerly(words: &[Word]) -> Option<&'static str> {
    const FORMER: &[(&str, &str)] = &[
        ("sip show peers", "pjsip show contacts"),
        ("sip show users", "pjsip show endpoints"),
        ("sip show peer", "pjsip show endpoint"),
        ("sip show user", "pjsip show endpoint"),
        ("sip show registry", "pjsip show registrations"),
        ("sip show channels", "pjsip show channels"),
        ("sip show channelstats", "pjsip show channelstats"),
        ("sip show subscriptions", "pjsip show subscriptions inbound"),
        ("sip show settings", "pjsip show settings"),
        ("sip set debug off", "pjsip set logger off"),
        ("sip set debug", "pjsip set logger on"),
        ("sip debug", "pjsip set logger on"),
        ("sip notify", "pjsip send notify"),
        ("sip qualify peer", "pjsip qualify"),
        ("sip unregister", "remove contact"),
        ("sip reload", "module reload res_pjsip.so"),
        ("pjsip reload", "module reload res_pjsip.so"),
    ];
    let begins = |former: &str| {
        let mut typed = words.iter();
        former.split(' ').all(|part| typed.next().is_some_and(|word| word.is(part)))
    };
    FORMER.iter().find(|(former, _)| begins(former)).map(|(_, now)| *now)
}

/// The command whose words differ least from those typed; none when a word differs in more than a third of its
/// letters.
fn nearest(words: &[Word]) -> Option<&'static str> {
    let far = |entry: &&'static Entry| {
        let mut sum = 0;
        for (place, part) in entry.words().enumerate() {
            let typed = words.get(place)?.text.to_ascii_lowercase();
            let near = part.trim_matches(['{', '}']).split('|').map(|name| distance(&typed, name)).min()?;
            if near > (typed.chars().count() / 3).max(1) {
                return None;
            }
            sum += near;
        }
        Some(sum)
    };
    let longest = |entry: &&Entry| usize::MAX - entry.words().count();
    entries()
        .filter_map(|entry| far(&entry).map(|d| (d, longest(&entry), entry.name)))
        .min()
        .map(|best| best.2)
}

/// Edits between two words, a swap of neighbours counting one; bounded, because words are short.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let (mut before, mut last): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let mut cost =
                (last[j - 1] + usize::from(a[i - 1] != b[j - 1])).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before[j - 2] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
