//! The memory of a running dialplan, and the expansion of `${}` and `$[]` in it.

use super::expr;
use super::functions;
use super::host::{Host, Level};
use super::pattern::Mode;
use super::plan::{Dialplan, HINT, Hit, Query, Wanted};
use super::variables::Variables;
use crate::base::limits::{EVALUATIONS, EXPANSION_BYTES, EXPANSION_DEPTH};
use crate::base::time::{Moment, Now};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where a channel is in the dialplan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The context.
    pub context: Arc<str>,
    /// The extension, as dialled.
    pub exten: Arc<str>,
    /// The priority, from 1.
    pub priority: i32,
}

impl Place {
    /// A place.
    pub fn new(context: &str, exten: &str, priority: i32) -> Place {
        Place { context: context.into(), exten: exten.into(), priority }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.context, self.exten, self.priority)
    }
}

/// One `Gosub` that has not returned.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Where `Return` goes.
    pub(super) back: Place,
    /// Names whose newest value belongs to this frame.
    pub(super) locals: Vec<Box<str>>,
    /// Arguments it was called with.
    pub(super) arguments: usize,
    /// Loops that were open when it was called stay out of its reach.
    pub(super) loops: usize,
}

/// `TIMEOUT()`
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) digit: Duration,
    pub(super) response: Duration,
    pub(super) absolute: Option<Moment>,
}

/// `EXCEPTION()`
#[derive(Clone, Debug)]
pub(super) struct Exception {
    pub(super) reason: String,
    pub(super) place: Place,
}

/// Everything a channel's dialplan remembers.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    pub(super) place: Place,
    pub(super) variables: Variables,
    pub(super) frames: Vec<Frame>,
    /// The `While` of each open loop, innermost last.
    pub(super) loops: Vec<Place>,
    /// The `ElseIf` or `Else` that an `If` led to: it is its turn.
    pub(super) choosing: Option<Place>,
    pub(super) timeouts: Timeouts,
    pub(super) exception: Option<Exception>,
    /// `CHANNEL(hangup_handler_push)`: subroutines run after the hangup, last pushed first.
    pub(super) hangup_handlers: Vec<String>,
    /// `CHANNEL(appname)` and `(appdata)`: what runs.
    pub(super) running: Option<(&'static str, String)>,
}

impl Memory {
    pub(super) fn at(place: Place) -> Memory {
        Memory {
            place,
            variables: Variables::default(),
            frames: Vec::new(),
            loops: Vec::new(),
            choosing: None,
            timeouts: Timeouts {
                digit: Duration::from_secs(5),
                response: Duration::from_secs(10),
                absolute: None,
            },
            exception: None,
            hangup_handlers: Vec::new(),
            running: None,
        }
    }
}

/// One look at the dialplan from a channel: what expansion, functions and applications work with.
pub(super) struct Scope<'a> {
    pub(super) memory: &'a mut Memory,
    pub(super) plan: &'a Dialplan,
    pub(super) host: &'a mut dyn Host,
    pub(super) now: Now,
    /// Variables, functions and expressions that may still be evaluated for this priority.
    evaluations: u32,
    depth: u32,
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        memory: &'a mut Memory,
        plan: &'a Dialplan,
        host: &'a mut dyn Host,
        now: Now,
    ) -> Scope<'a> {
        Scope { memory, plan, host, now, evaluations: EVALUATIONS, depth: 0 }
    }

    /// Whether the current context has an extension.
    pub(super) fn has_exten(&self, exten: &str) -> bool {
        let caller = self.host.caller_number();
        let query = super::plan::Query {
            context: &self.memory.place.context,
            exten,
            caller: &caller,
            now: self.now.wall,
        };
        let first = super::plan::Wanted::Priority(1);
        self.plan.look(query, super::pattern::Mode::Match, first, &mut |text| text.to_owned()).is_ok()
    }

    /// `text` with every `${}` and `$[]` replaced. What is wrong in it is told to the host and expands to nothing.
    pub(super) fn expand(&mut self, text: &str) -> String {
        let mut out = String::new();
        if self.depth >= EXPANSION_DEPTH {
            self.warn(&format!(
                "'{}' is nested deeper than {EXPANSION_DEPTH} and expands to nothing",
                brief(text)
            ));
            return out;
        }
        self.depth += 1;
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            let after = &rest[dollar + 1..];
            match after.as_bytes().first() {
                Some(b'{') => {
                    let (inside, end) = self.inside(&after[1..], b'{', b'}');
                    out.push_str(&self.variable(inside));
                    rest = &after[1 + end..];
                }
                Some(b'[') => {
                    let (inside, end) = self.inside(&after[1..], b'[', b']');
                    out.push_str(&self.expression(inside));
                    rest = &after[1 + end..];
                }
                _ => {
                    out.push('$');
                    rest = after;
                }
            }
            if out.len() > EXPANSION_BYTES {
                break;
            }
        }
        out.push_str(rest);
        if out.len() > EXPANSION_BYTES {
            self.warn(&format!(
                "'{}' expands to more than {EXPANSION_BYTES} bytes and is cut there",
                brief(text)
            ));
            out.truncate(floor_char(&out, EXPANSION_BYTES));
        }
        self.depth -= 1;
        out
    }

    /// The text up to the bracket that closes, and where to go on after it.
    fn inside<'t>(&mut self, text: &'t str, open: u8, close: u8) -> (&'t str, usize) {
        let mut depth = 1u32;
        for (at, c) in text.bytes().enumerate() {
            if c == open {
                depth += 1;
            } else if c == close {
                depth -= 1;
                if depth == 0 {
                    return (&text[..at], at + 1);
                }
            }
        }
        self.warn(&format!("missing '{}' after '{}'", char::from(close), brief(text)));
        (text, text.len())
    }

    /// What stands between `${` and `}`: `name`, `name:offset:length`, `FUNC(arguments)`.
    pub(super) fn variable(&mut self, inside: &str) -> String {
        if !self.may_evaluate() {
            return String::new();
        }
        let inside = self.nested(inside);
        let cut = Cut::parse(&inside);
        let value = match cut.name.contains('(') {
            true => self.call(cut.name),
            false => self.value(cut.name),
        };
        match value {
            Some(value) => cut.apply(value),
            None => String::new(),
        }
    }

    /// Expands what is nested in the inside of a `${}` or `$[]`, where anything is.
    fn nested<'t>(&mut self, inside: &'t str) -> std::borrow::Cow<'t, str> {
        if inside.contains("${") || inside.contains("$[") {
            self.expand(inside).into()
        } else {
            inside.into()
        }
    }

    fn expression(&mut self, inside: &str) -> String {
        if !self.may_evaluate() {
            return String::new();
        }
        let text = self.nested(inside);
        let mut call = |name: &str, arguments: &str| {
            functions::find(name)?;
            Some(self.call(&format!("{name}({arguments})")).unwrap_or_default())
        };
        let (value, faults) = expr::evaluate(&text, &mut call);
        for fault in faults {
            self.warn(&format!("in the expression '{}': {fault}", brief(&text)));
        }
        value
    }

    /// A variable by its name: built in, of the channel, or global.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        match name {
            "EXTEN" => return Some(self.memory.place.exten.to_string()),
            "CONTEXT" => return Some(self.memory.place.context.to_string()),
            "PRIORITY" => return Some(self.memory.place.priority.to_string()),
            "EPOCH" => return Some(self.now.wall.secs().to_string()),
            "HINT" => {
                return self.hint(&self.memory.place.context, &self.memory.place.exten).map(|hint| hint.0);
            }
            "HINTNAME" => {
                return self.hint(&self.memory.place.context, &self.memory.place.exten).map(|hint| hint.1);
            }
            _ => {}
        }
        self.host
            .builtin(name)
            .or_else(|| self.memory.variables.value(name).map(str::to_owned))
            .or_else(|| self.host.global(name))
    }

    /// Devices and name of the hint of an extension, not yet expanded.
    pub(super) fn hint(&self, context: &str, exten: &str) -> Option<(String, String)> {
        let query = Query { context, exten, caller: "", now: self.now.wall };
        match self.plan.look(query, Mode::Match, Wanted::Priority(HINT), &mut |text| text.to_owned()) {
            Ok(Hit::Line { priority, .. }) => {
                Some((priority.application.to_string(), priority.arguments.to_string()))
            }
            _ => None,
        }
    }

    /// Reads `NAME(arguments)`; `None`, and a warning, when it cannot be read.
    pub(super) fn call(&mut self, text: &str) -> Option<String> {
        let (name, arguments) = name_and_arguments(text);
        let answer = match functions::find(name) {
            Some(function) => function.read(self, arguments),
            None => Err(format!("there is no function of this name{}", functions::nearest(name))),
        };
        answer.map_err(|why| self.warn(&format!("{name}({}): {why}", brief(arguments)))).ok()
    }

    /// `Set(name=value)`, where the name may be `FUNC(arguments)`.
    pub(super) fn assign(&mut self, name: &str, value: &str) {
        let outcome = if name.ends_with(')') {
            let (function, arguments) = name_and_arguments(name);
            match functions::find(function) {
                Some(found) => found.write(self, arguments, value),
                None => Err(format!("there is no function '{function}'{}", functions::nearest(function))),
            }
        } else {
            self.memory.variables.set(name, value).map_err(|why| why.to_string())
        };
        if let Err(why) = outcome {
            self.warn(&format!("Set({name}=…): {why}"));
        }
    }

    /// A warning, with the place it comes from.
    pub(super) fn warn(&mut self, text: &str) {
        let place = &self.memory.place;
        let text = format!("[{}@{}:{}] {text}", place.exten, place.context, place.priority);
        self.host.say(Level::Warning, &text);
    }

    fn may_evaluate(&mut self) -> bool {
        match self.evaluations.checked_sub(1) {
            Some(left) => {
                self.evaluations = left;
                if left == 0 {
                    self.warn(&format!(
                        "more than {EVALUATIONS} evaluations in one priority; the rest expand to nothing"
                    ));
                }
                true
            }
            None => false,
        }
    }
}

/// `NAME(arguments)` taken apart: the name up to the first parenthesis, the arguments up to the last.
pub(super) fn name_and_arguments(text: &str) -> (&str, &str) {
    match text.split_once('(') {
        Some((name, rest)) => (name, rest.rsplit_once(')').map_or(rest, |(arguments, _)| arguments)),
        None => (text, ""),
    }
}

/// `name:offset:length`
struct Cut<'t> {
    name: &'t str,
    offset: i64,
    length: Option<i64>,
}

impl<'t> Cut<'t> {
    /// Asterisk cuts at the first colon outside parentheses, whatever follows it.
    fn parse(text: &'t str) -> Cut<'t> {
        let mut depth = 0i32;
        for (at, c) in text.bytes().enumerate() {
            match c {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b':' if depth == 0 => {
                    let (offset, length) = text[at + 1..].split_once(':').unwrap_or((&text[at + 1..], ""));
                    return Cut {
                        name: &text[..at],
                        offset: expr::leading_integer(offset).unwrap_or(0),
                        length: expr::leading_integer(length),
                    };
                }
                _ => {}
            }
        }
        Cut { name: text, offset: 0, length: None }
    }

    /// The part of `value` meant, in bytes, but never half a character.
    fn apply(&self, mut value: String) -> String {
        let size = value.len() as i64;
        let start = if self.offset < 0 { (size + self.offset).max(0) } else { self.offset.min(size) };
        let end = match self.length {
            None => size,
            Some(length) if length < 0 => (size + length).max(start),
            Some(length) => start.saturating_add(length).min(size),
        };
        let mut start = usize::try_from(start).unwrap_or(0);
        while !value.is_char_boundary(start) {
            start += 1;
        }
        let end = floor_char(&value, usize::try_from(end).unwrap_or(0)).max(start);
        value.truncate(end);
        value.drain(..start);
        value
    }
}

fn floor_char(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The beginning of a text, for a message.
pub(super) fn brief(text: &str) -> &str {
    &text[..floor_char(text, 80)]
}

#[cfg(test)]
mod tests {
    use super::super::functions::tests::Bench;
    use super::*;

    #[test]
    fn variables_are_cut_as_asterisk_cuts_them() {
        Bench::new(&[("v", "123456789"), ("e", ""), ("u", "aäb"), ("n", "2"), ("w", "v"), ("x", "v:1:2")])
            .check(&[
                ("${v}", "123456789"),
                ("${v:3}", "456789"),
                ("${v:3:2}", "45"),
                ("${v:-3}", "789"),
                ("${v:-3:2}", "78"),
                ("${v:0:-3}", "123456"),
                ("${v:2:-3}", "3456"),
                ("${v:-5:-3}", "56"),
                ("${v:9}", ""),
                ("${v:99}", ""),
                ("${v:-99}", "123456789"),
                ("${v:-99:2}", "12"),
                ("${v:3:-99}", ""),
                ("${v:0:0}", ""),
                ("${v: 2 : 3 }", "345"),
                ("${v:x}", "123456789"),
                ("${v:2:x}", "3456789".split_at(0).1),
                ("${e:1}", ""),
                ("${none}", ""),
                ("${u:1:1}", ""),
                ("${u:2}", "b"),
                ("${u:0:3}", "aä"),
                ("${${w}}", "123456789"),
                ("${${w}:${n}:2}", "34"),
                ("${${x}}", "23"),
                ("${v:$[1 + 1]:1}", "3"),
                ("a${v:0:1}b${e}c", "a1bc"),
                ("${LEN(${v:0:4}):0:1}", "4"),
                ("${TOUPPER(ab:cd)}", "AB:CD"),
            ]);
    }

    #[test]
    fn a_dollar_alone_is_a_dollar_and_values_are_not_expanded_again() {
        Bench::new(&[("v", "${n}"), ("n", "1"), ("p", "$")]).check(&[
            ("$", "$"),
            ("$5 and $x", "$5 and $x"),
            ("$$n", "$$n"),
            ("${v}", "${n}"),
            ("${p}{n}", "${n}"),
            ("${EVAL(${v})}", "1"),
            ("$[1+1]$[2+2]", "24"),
            ("[${n}]{n}", "[1]{n}"),
            ("$[${n}${n} = 11]", "1"),
            ("$[\"$[1+1]\" = \"2\"]", "1"),
        ]);
    }

    #[test]
    fn built_in_names_come_before_those_of_the_channel_and_globals_last() {
        let mut bench = Bench::new(&[("EXTEN", "mine"), ("G", "own"), ("EPOCH", "x")]);
        bench.host.globals.insert("G".into(), "shared".into());
        bench.host.globals.insert("H".into(), "shared".into());
        bench.host.builtins.insert("UNIQUEID".into(), "17.1".into());
        bench.check(&[
            ("${EXTEN}/${CONTEXT}/${PRIORITY}", "100/demo/1"),
            ("${EXTEN:1}", "00"),
            ("${EPOCH}", "1770026400"),
            ("${UNIQUEID}", "17.1"),
            ("${G} ${H}", "own shared"),
            ("${exten}", ""),
        ]);
    }

    #[test]
    fn what_is_broken_expands_to_nothing_and_is_told() {
        let mut bench = Bench::new(&[("v", "1")]);
        bench.check_faulty(&[
            ("a${v", "a1"),
            ("a$[1+1", "a2"),
            ("${v${", "1"),
            ("$[1 +]", "0"),
            ("x${NOSUCH(a)}y", "xy"),
        ]);
        assert!(bench.host.complaints()[0].starts_with("[100@demo:1] NOSUCH(a): there is no function"));
    }

    #[test]
    fn expansion_is_bounded_in_length_depth_and_work() {
        let mut bench =
            Bench::new(&[("k", &"x".repeat(1_000)), ("self", "${EVAL(${self})}${EVAL(${self})}")]);
        assert_eq!(bench.expand(&"${k}".repeat(20)).len(), EXPANSION_BYTES);
        // Two calls of itself at each of 15 levels: 2^15 calls without a budget.
        assert_eq!(bench.expand("${EVAL(${self})}"), "");
        assert!(bench.host.said.len() < 4_000, "{}", bench.host.said.len());
        let deep = "${".repeat(3_000) + &"}".repeat(3_000);
        assert_eq!(bench.expand(&deep), "");
        assert_eq!(bench.expand(&"$[".repeat(4_000)), "");
        let umlauts = "ä".repeat(5_000);
        assert_eq!(bench.expand(&umlauts).len(), EXPANSION_BYTES - 1, "never half a character");
    }
}
