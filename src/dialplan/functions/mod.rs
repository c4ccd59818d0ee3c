//! Dialplan functions: `${NAME(arguments):offset:length}` and `Set(NAME(arguments)=value)`.
//!
//! Those that only compute are done here; those that need the channel or the switch are asked of the [`Host`].
//!
//! [`Host`]: super::host::Host

mod database;
mod encode;
mod list;
mod logic;
mod number;
mod state;
mod table;
mod text;
mod time;

pub use time::strftime;

use super::host::Unavailable;
use super::scope::Scope;
pub(super) use list::keys_of as hash_keys_of;
use table::TABLE;

/// What reading a function gives, or why not.
pub(super) type Answer = Result<String, String>;

type Read = fn(&mut Scope<'_>, &str) -> Answer;
type Write = fn(&mut Scope<'_>, &str, &str) -> Result<(), String>;

/// One function: its name, who does it, and how.
#[derive(Debug)]
pub struct Function {
    /// The name, in capitals.
    pub name: &'static str,
    read: How<Read>,
    write: How<Write>,
    /// The words its first argument may be; empty when it may be anything.
    pub first: &'static [&'static str],
}

#[derive(Clone, Copy, Debug)]
enum How<F> {
    /// It cannot be done with this function.
    Never,
    Here(F),
    Host,
}

impl Function {
    const fn here(name: &'static str, read: Read) -> Function {
        Function { name, read: How::Here(read), write: How::Never, first: &[] }
    }

    const fn both(name: &'static str, read: Read, write: Write) -> Function {
        Function { name, read: How::Here(read), write: How::Here(write), first: &[] }
    }

    const fn write_only(name: &'static str, write: Write) -> Function {
        Function { name, read: How::Never, write: How::Here(write), first: &[] }
    }

    const fn host(name: &'static str) -> Function {
        Function { name, read: How::Host, write: How::Host, first: &[] }
    }

    const fn host_read(name: &'static str) -> Function {
        Function { name, read: How::Host, write: How::Never, first: &[] }
    }

    const fn host_write(name: &'static str) -> Function {
        Function { name, read: How::Never, write: How::Host, first: &[] }
    }

    const fn first(self, words: &'static [&'static str]) -> Function {
        Function { first: words, ..self }
    }

    /// Whether `${}` of it can give anything.
    pub fn is_readable(&self) -> bool {
        !matches!(self.read, How::Never)
    }

    /// Whether it can be set.
    pub fn is_writable(&self) -> bool {
        !matches!(self.write, How::Never)
    }

    /// Whether the switch does it.
    pub fn needs_host(&self) -> bool {
        matches!(self.read, How::Host) || matches!(self.write, How::Host)
    }

    pub(super) fn read(&self, scope: &mut Scope<'_>, arguments: &str) -> Answer {
        match self.read {
            How::Never => Err("it can be set, but not read".into()),
            How::Here(read) => read(scope, arguments),
            How::Host => scope.host.read(self.name, arguments).map_err(|why| told(&why)),
        }
    }

    pub(super) fn write(&self, scope: &mut Scope<'_>, arguments: &str, value: &str) -> Result<(), String> {
        match self.write {
            How::Never => Err(format!("{} can be read, but not set", self.name)),
            How::Here(write) => write(scope, arguments, value),
            How::Host => scope.host.write(self.name, arguments, value).map_err(|why| told(&why)),
        }
    }
}

fn told(why: &Unavailable) -> String {
    why.to_string()
}

/// A function by its name, which is case-sensitive.
pub fn find(name: &str) -> Option<&'static Function> {
    TABLE.binary_search_by(|function| function.name.cmp(name)).ok().map(|at| &TABLE[at])
}

/// All functions, by name.
pub fn all() -> &'static [Function] {
    TABLE
}

/// ` (nearest: NAME)` when a function of nearly this name exists, else nothing.
pub fn nearest(name: &str) -> String {
    let found = crate::config::suggest::nearest(name, TABLE.iter().map(|function| function.name));
    found.map_or_else(String::new, |name| format!(" (nearest: {name})"))
}

/// The value of the variable (or function) an argument names, as `CUT(name,…)` and its like take it.
fn named(scope: &mut Scope<'_>, name: &str) -> String {
    scope.variable(name)
}

/// A delimiter as written: `\n`, `\t`, `\x2c` and the like, else its first character; `otherwise` when empty.
fn delimiter(text: &str, otherwise: char) -> char {
    unescaped(text).chars().next().unwrap_or(otherwise)
}

/// `\n \r \t \\ \xHH \0oo` resolved; any other escaped character stands for itself.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('a') => out.push('\x07'),
            Some('b') => out.push('\x08'),
            Some('f') => out.push('\x0c'),
            Some('v') => out.push('\x0b'),
            Some('x') => out.push(coded(&mut chars, 16, 2)),
            Some('0') => out.push(coded(&mut chars, 8, 3)),
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

fn coded(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, radix: u32, most: usize) -> char {
    let mut code = 0;
    for _ in 0..most {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(radix)) else { break };
        code = code * radix + digit;
        chars.next();
    }
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::host::tests::TestHost;
    use super::super::plan::Dialplan;
    use super::super::scope::{Memory, Place, Scope};
    use super::*;
    use crate::base::time::{Moment, Now, WallTime};

    /// A channel at `demo,100,1` on 2026-02-02 10:00:00 UTC (a Monday), with the given variables.
    pub(crate) struct Bench {
        pub(crate) memory: Memory,
        pub(crate) host: TestHost,
        pub(crate) plan: Dialplan,
        pub(crate) now: Now,
    }

    impl Bench {
        pub(crate) fn new(variables: &[(&str, &str)]) -> Bench {
            let mut memory = Memory::at(Place::new("demo", "100", 1));
            for (name, value) in variables {
                memory.variables.set(name, value).expect("room");
            }
            let now = Now { at: Moment(0), wall: WallTime::from_secs(1_770_026_400) };
            Bench { memory, host: TestHost::default(), plan: Dialplan::default(), now }
        }

        pub(crate) fn scope(&mut self) -> Scope<'_> {
            Scope::new(&mut self.memory, &self.plan, &mut self.host, self.now)
        }

        pub(crate) fn expand(&mut self, text: &str) -> String {
            self.scope().expand(text)
        }

        /// Each text expands to its partner, and nothing is complained about.
        pub(crate) fn check(&mut self, table: &[(&str, &str)]) {
            for (text, expected) in table {
                let value = self.expand(text);
                assert_eq!(value, *expected, "{text}");
                assert_eq!(self.host.complaints(), Vec::<&str>::new(), "{text}");
            }
        }

        /// The text expands to its partner with a complaint.
        pub(crate) fn check_faulty(&mut self, table: &[(&str, &str)]) {
            for (text, expected) in table {
                self.host.said.clear();
                assert_eq!(self.expand(text), *expected, "{text}");
                assert!(!self.host.complaints().is_empty(), "{text} was not complained about");
            }
        }
    }

    #[test]
    fn the_table_is_sorted_and_found_by_exact_name() {
        assert!(TABLE.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert_eq!(find("LEN").map(|f| f.name), Some("LEN"));
        assert!(find("len").is_none());
        assert_eq!(nearest("CALLERDI"), " (nearest: CALLERID)");
    }

    #[test]
    fn functions_of_the_channel_go_to_the_host() {
        let mut bench = Bench::new(&[]);
        bench.host.values.insert("CALLERID(num)".into(), "4930123".into());
        bench.check(&[("${CALLERID(num):2}", "30123")]);
        bench.scope().assign("CALLERID(name)", "Alice, \"A\"");
        assert_eq!(bench.host.values["CALLERID(name)"], "Alice, \"A\"");
        bench.check_faulty(&[("${NOSUCH(1)}", ""), ("${CHANNEL(state)}", "")]);
    }
}
