//! Extension names and patterns: how they match what was dialled, and which of two comes first.
//!
//! ```text
//! alice        a literal: equal byte for byte, dashes apart
//! _NXX[1-5]X.  a pattern: N 2-9, Z 1-9, X 0-9 (either case), [set], `.` one or more, `!` zero or more and stop collecting
//! ```
//! The order is Asterisk's `ext_cmp`: literals first; then position by position, fewer possible characters first, then
//! lower ones; `.`, `!` and the end of the pattern come last.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// What a look-up asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The digits are the whole extension.
    Match,
    /// The digits are an extension, or the beginning of one.
    CanMatch,
    /// More digits could still make an extension.
    MatchMore,
}

/// What a name says to the digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not this one.
    No,
    /// Yes, in the mode asked for.
    Yes,
    /// Yes by `!`: no further digit is waited for.
    Early,
}

/// An extension name or pattern, ready to match and to sort.
#[derive(Clone, Debug)]
pub struct Exten {
    text: Arc<str>,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// The text without its dashes.
    Literal(Box<[u8]>),
    Pattern(Box<[Element]>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Element {
    Set(Set),
    /// `.`
    Dot,
    /// `!`
    Bang,
}

/// Characters a position accepts. Character `c` is bit `63 - c % 64` of word `c / 64`, so that comparing the words as
/// numbers puts the set with the lower characters higher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Set([u64; 4]);

impl Set {
    fn of(chars: impl Iterator<Item = u8>) -> Set {
        let mut set = Set::default();
        for c in chars {
            set.0[usize::from(c / 64)] |= 1 << (63 - c % 64);
        }
        set
    }

    fn has(self, c: u8) -> bool {
        self.0[usize::from(c / 64)] & (1 << (63 - c % 64)) != 0
    }

    fn len(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    fn lowest(self) -> u32 {
        let word = self.0.iter().position(|word| *word != 0).unwrap_or(3);
        word as u32 * 64 + self.0[word].leading_zeros()
    }
}

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// `[` without `]`, at this byte of the text.
    OpenSet(usize),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PatternError::OpenSet(_) => f.write_str("'[' without ']' in the pattern"),
        }
    }
}

impl Exten {
    /// Reads a name (`alice`) or pattern (`_NXX.`).
    pub fn parse(text: &str) -> Result<Exten, PatternError> {
        let form = match text.strip_prefix('_') {
            None => Form::Literal(text.bytes().filter(|c| *c != b'-').collect()),
            Some(pattern) => Form::Pattern(elements(pattern)?),
        };
        Ok(Exten { text: text.into(), form })
    }

    /// The text as written.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Whether it is a pattern.
    pub fn is_pattern(&self) -> bool {
        matches!(self.form, Form::Pattern(_))
    }

    /// A literal's text without dashes; `None` for a pattern.
    pub fn literal(&self) -> Option<&[u8]> {
        match &self.form {
            Form::Literal(bytes) => Some(bytes),
            Form::Pattern(_) => None,
        }
    }

    /// Byte of the text after which nothing counts any more, if something stands there: what follows `.` or `!`.
    pub fn idle_tail(&self) -> Option<usize> {
        if !self.is_pattern() {
            return None;
        }
        let mut in_set = false;
        for (at, c) in self.text.bytes().enumerate().skip(1) {
            match c {
                b'[' => in_set = true,
                b']' => in_set = false,
                b'.' | b'!' if !in_set => return (at + 1 < self.text.len()).then_some(at + 1),
                _ => {}
            }
        }
        None
    }

    /// Whether what was dialled fits, in `mode`. `dialled` is always taken literally, even when it begins with `_`.
    pub fn reach(&self, dialled: &str, mode: Mode) -> Reach {
        let digits = dialled.bytes().filter(|c| *c != b'-');
        match &self.form {
            Form::Literal(literal) => reach_literal(literal, digits, mode),
            Form::Pattern(elements) => reach_pattern(elements, digits, mode),
        }
    }

    /// Asterisk's order; `Equal` means the two name the same extension.
    pub fn order(&self, other: &Exten) -> Ordering {
        match (&self.form, &other.form) {
            (Form::Literal(a), Form::Literal(b)) => a.cmp(b),
            (Form::Literal(_), Form::Pattern(_)) => Ordering::Less,
            (Form::Pattern(_), Form::Literal(_)) => Ordering::Greater,
            (Form::Pattern(a), Form::Pattern(b)) => order_patterns(a, b),
        }
    }
}

fn elements(pattern: &str) -> Result<Box<[Element]>, PatternError> {
    let bytes = pattern.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'-' => {}
            b'x' | b'X' => out.push(Element::Set(Set::of(b'0'..=b'9'))),
            b'z' | b'Z' => out.push(Element::Set(Set::of(b'1'..=b'9'))),
            b'n' | b'N' => out.push(Element::Set(Set::of(b'2'..=b'9'))),
            b'.' => out.push(Element::Dot),
            b'!' => out.push(Element::Bang),
            b'[' => {
                let close =
                    bytes[at..].iter().position(|c| *c == b']').ok_or(PatternError::OpenSet(at + 1))?;
                let set = set(&bytes[at + 1..at + close]);
                // Asterisk ignores an empty set.
                if set.len() > 0 {
                    out.push(Element::Set(set));
                }
                at += close;
            }
            c => out.push(Element::Set(Set::of(std::iter::once(c)))),
        }
        at += 1;
    }
    Ok(out.into())
}

/// `1-5a` between the brackets. A dash at either end stands for itself.
fn set(inside: &[u8]) -> Set {
    let mut set = Set::default();
    let mut at = 0;
    while at < inside.len() {
        let (first, last, used) = match inside.get(at + 1..at + 3) {
            Some([b'-', last]) => (inside[at], *last, 3),
            _ => (inside[at], inside[at], 1),
        };
        for c in first..=last {
            set.0[usize::from(c / 64)] |= 1 << (63 - c % 64);
        }
        at += used;
    }
    set
}

fn reach_literal(literal: &[u8], digits: impl Iterator<Item = u8>, mode: Mode) -> Reach {
    let mut rest = literal.iter();
    for digit in digits {
        if rest.next() != Some(&digit) {
            return Reach::No;
        }
    }
    let more = !rest.as_slice().is_empty();
    let yes = match mode {
        Mode::Match => !more,
        Mode::CanMatch => true,
        Mode::MatchMore => more,
    };
    if yes { Reach::Yes } else { Reach::No }
}

fn reach_pattern(elements: &[Element], mut digits: impl Iterator<Item = u8>, mode: Mode) -> Reach {
    let mut rest = elements.iter();
    loop {
        let (digit, element) = (digits.next(), rest.next());
        return match (digit, element) {
            (Some(digit), Some(Element::Set(set))) => {
                if set.has(digit) {
                    continue;
                }
                Reach::No
            }
            (Some(_), Some(Element::Dot)) => Reach::Yes,
            (_, Some(Element::Bang)) => Reach::Early,
            (Some(_), None) => Reach::No,
            (None, None) if mode == Mode::MatchMore => Reach::No,
            (None, None) => Reach::Yes,
            (None, Some(_)) if mode == Mode::Match => Reach::No,
            (None, Some(_)) => Reach::Yes,
        };
    }
}

fn order_patterns(a: &[Element], b: &[Element]) -> Ordering {
    let mut position = 0;
    loop {
        let (left, right) = (a.get(position), b.get(position));
        let by_size = weight(left).cmp(&weight(right));
        if by_size != Ordering::Equal {
            return by_size;
        }
        match (left, right) {
            (Some(Element::Set(left)), Some(Element::Set(right))) => {
                // The higher bit map has the lower characters, and comes first.
                let by_members = right.0.cmp(&left.0);
                if by_members != Ordering::Equal {
                    return by_members;
                }
            }
            (None, None) => return Ordering::Equal,
            _ => {}
        }
        position += 1;
    }
}

/// Asterisk's number for a position: size of the set, then its lowest character; wildcards and the end above all sets.
fn weight(element: Option<&Element>) -> u32 {
    match element {
        Some(Element::Set(set)) => set.len() << 8 | set.lowest(),
        Some(Element::Dot) => 0x18000,
        Some(Element::Bang) => 0x28000,
        None => 0x30000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exten(text: &str) -> Exten {
        Exten::parse(text).expect("a valid pattern")
    }

    fn reach(pattern: &str, dialled: &str) -> [Reach; 3] {
        let e = exten(pattern);
        [e.reach(dialled, Mode::Match), e.reach(dialled, Mode::CanMatch), e.reach(dialled, Mode::MatchMore)]
    }

    #[test]
    fn each_pattern_says_what_asterisks_core_says() {
        use Reach::{Early, No, Yes};
        let table: &[(&str, &str, [Reach; 3])] = &[
            ("100", "100", [Yes, Yes, No]),
            ("100", "10", [No, Yes, Yes]),
            ("100", "", [No, Yes, Yes]),
            ("100", "1000", [No, No, No]),
            ("1-00", "100", [Yes, Yes, No]),
            ("100", "1-0-0", [Yes, Yes, No]),
            ("alice", "Alice", [No, No, No]),
            ("_1XX", "123", [Yes, Yes, No]),
            ("_1xx", "123", [Yes, Yes, No]),
            ("_1XX", "12", [No, Yes, Yes]),
            ("_1XX", "12a", [No, No, No]),
            ("_Z", "0", [No, No, No]),
            ("_N", "1", [No, No, No]),
            ("_n", "2", [Yes, Yes, No]),
            ("_[a-c]1", "b1", [Yes, Yes, No]),
            ("_[a-c]1", "d1", [No, No, No]),
            ("_[ab-]", "-", [No, Yes, Yes]),
            ("_[1-35-79]", "4", [No, No, No]),
            ("_[1-35-79]", "9", [Yes, Yes, No]),
            ("_[]5", "5", [Yes, Yes, No]),
            ("_9.", "91", [Yes, Yes, Yes]),
            ("_9.", "9", [No, Yes, Yes]),
            ("_9!", "9", [Early, Early, Early]),
            ("_9!", "9123", [Early, Early, Early]),
            ("_9!", "8", [No, No, No]),
            ("_.", "h", [Yes, Yes, Yes]),
            ("_X-X", "12", [Yes, Yes, No]),
            ("_+X.", "+4930", [Yes, Yes, Yes]),
            ("_X", "_X", [No, No, No]),
        ];
        for (pattern, dialled, expected) in table {
            assert_eq!(reach(pattern, dialled), *expected, "{pattern} against {dialled}");
        }
    }

    #[test]
    fn patterns_sort_as_in_asterisk() {
        // Each list is in Asterisk's order; every pair is compared both ways.
        let lists: &[&[&str]] = &[
            &[
                "0", "1", "100", "2", "a", "i", "s", "_0", "_10X", "_1[2-4]X", "_1NX", "_1ZX", "_1XX",
                "_1X.", "_1.", "_1!", "_1",
            ],
            &["_[0-9]5", "_X6"],
            &["_[a-l]", "_[A-La-l]", "_.", "_!"],
            &["_[12]", "_[34]", "_[123]", "_[135]", "_[abc]"],
            &["_NXXNXXXXXX", "_NXXXXXX", "_NXX."],
            &["_2.", "_N.", "_X.", "_."],
            &["_9011.", "_91NXX.", "_9NXX", "_9."],
        ];
        for list in lists {
            for (i, a) in list.iter().enumerate() {
                for (j, b) in list.iter().enumerate() {
                    assert_eq!(exten(a).order(&exten(b)), i.cmp(&j), "{a} and {b}");
                }
            }
        }
    }

    #[test]
    fn different_writings_of_one_extension_are_equal() {
        for (a, b) in
            [("_[5]XX", "_5XX"), ("_[0-9]X", "_XX"), ("1-00", "100"), ("_N-XX", "_Nxx"), ("_[21]", "_[12]")]
        {
            assert_eq!(exten(a).order(&exten(b)), Ordering::Equal, "{a} and {b}");
        }
    }

    #[test]
    fn an_open_set_and_an_idle_tail_are_seen() {
        assert_eq!(Exten::parse("_9[12").unwrap_err(), PatternError::OpenSet(2));
        assert_eq!(exten("_9.X").idle_tail(), Some(3));
        assert_eq!(exten("_9[.]X").idle_tail(), None);
        assert_eq!(exten("_9.").idle_tail(), None);
        assert_eq!(exten("a.b").idle_tail(), None);
    }
}
