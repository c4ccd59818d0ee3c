//! `$[ expression ]`: Asterisk's `ast_expr2`, evaluated while it is parsed.
//!
//! ```text
//! lowest   a ? b :: c      |  ||      &  &&      = == != < > <= >=      + -      * / %      ! - (unary)
//! highest  :  =~  ~~       ( )  FUNC(a,b)
//! ```
//! All binary operators associate to the left; `!` and unary `-` bind looser than the regular-expression operators.
//! A text that does not parse is `0`, and the fault says where.

mod scan;
mod value;

use super::number::Number;
use regex::bytes::RegexBuilder;
use scan::{Token, scan, shown};
use std::borrow::Cow;
use std::fmt;
use value::{Value, arithmetic, compare, made};

/// What went wrong in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Byte of the expression.
    pub at: usize,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at character {})", self.text, self.at + 1)
    }
}

/// Calls a dialplan function named in an expression; `None` when there is none of that name.
pub type Call<'a> = &'a mut dyn FnMut(&str, &str) -> Option<String>;

/// The value of `text`, whose `${}` are already replaced. The faults are warnings, or the one syntax error.
pub fn evaluate(text: &str, call: Call<'_>) -> (String, Vec<Fault>) {
    let mut parser = Parser { text, at: 0, ahead: None, depth: 0, faults: Vec::new(), call };
    let value = parser.whole();
    let mut faults = parser.faults;
    match value {
        Ok(value) => (value.text().into_owned(), faults),
        Err(fault) => {
            faults.push(fault);
            ("0".into(), faults)
        }
    }
}

/// Nested parentheses, unary operators and conditions in one expression.
const DEPTH: usize = 64;

struct Parser<'t, 'c> {
    text: &'t str,
    at: usize,
    ahead: Option<(Token<'t>, usize)>,
    depth: usize,
    faults: Vec<Fault>,
    call: Call<'c>,
}

impl<'t> Parser<'t, '_> {
    fn whole(&mut self) -> Result<Value<'t>, Fault> {
        if self.peek().0 == Token::End {
            return Ok(Value::Text("".into()));
        }
        let value = self.expression(1)?;
        match self.peek() {
            (Token::End, _) => Ok(value),
            (token, at) => Err(unexpected(token, at)),
        }
    }

    /// An expression whose operators bind at least as tight as `level` (1 `? ::` … 8 `: =~ ~~`).
    fn expression(&mut self, level: u8) -> Result<Value<'t>, Fault> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Fault { at: self.at, text: "the expression is nested too deep".into() });
        }
        let mut left = self.operand()?;
        loop {
            let (token, at) = self.peek();
            let Token::Operator(operator) = token else { break };
            let binds = binding(operator);
            if binds == 0 || binds < level {
                break;
            }
            self.ahead = None;
            if operator == "?" {
                let yes = self.expression(1)?;
                self.expect("::")?;
                let no = self.expression(2)?;
                left = if left.chooses_first() { yes } else { no };
            } else {
                let right = self.expression(binds + 1)?;
                left = self.apply(operator, at, left, right);
            }
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<Value<'t>, Fault> {
        let (token, at) = self.take();
        match token {
            Token::Digits(text) => self.maybe_call(text, at, Value::Digits(text.into())),
            Token::Word(text) => self.maybe_call(text, at, Value::Text(text.into())),
            Token::Operator("(") => {
                let value = self.expression(1)?;
                self.expect(")")?;
                Ok(value)
            }
            Token::Operator("-") => match self.expression(7)?.into_number() {
                Some(number) => Ok(Value::Number(number.negate())),
                None => {
                    self.warn(at, "non-numeric argument of '-'");
                    Ok(Value::Number(Number::integer(0)))
                }
            },
            Token::Operator("!") => Ok(Value::Number(Number::truth(!self.expression(7)?.is_set()))),
            token => Err(unexpected(token, at)),
        }
    }

    /// `FUNC(a,b)` when a parenthesis follows, else the value itself.
    fn maybe_call(&mut self, name: &'t str, at: usize, value: Value<'t>) -> Result<Value<'t>, Fault> {
        if self.peek().0 != Token::Operator("(") {
            return Ok(value);
        }
        self.ahead = None;
        let mut arguments = vec![self.expression(1)?];
        while self.peek().0 == Token::Operator(",") {
            self.ahead = None;
            let empty = matches!(self.peek().0, Token::Operator(")" | ","));
            arguments.push(if empty { Value::Text("".into()) } else { self.expression(1)? });
        }
        self.expect(")")?;
        if !name.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_') {
            self.warn(at, format!("'{name}' cannot be the name of a function"));
            return Ok(Value::Number(Number::integer(0)));
        }
        if let Some(number) = arithmetic(name, &arguments) {
            return Ok(Value::Number(number));
        }
        let texts: Vec<Cow<'_, str>> = arguments.iter().map(Value::text).collect();
        match (self.call)(name, &texts.join(",")) {
            Some(text) if text.bytes().all(|c| c.is_ascii_digit() || b"-. \t".contains(&c)) => {
                Ok(Value::Number(Number::parse(&text)))
            }
            Some(text) => Ok(made(text)),
            None => {
                self.warn(at, format!("there is no function '{name}'"));
                Ok(Value::Number(Number::integer(0)))
            }
        }
    }

    fn apply(&mut self, operator: &str, at: usize, a: Value<'t>, b: Value<'t>) -> Value<'t> {
        match operator {
            "|" | "||" => {
                if a.is_null() {
                    b
                } else {
                    a
                }
            }
            "&" | "&&" => {
                if a.is_null() || b.is_null() {
                    Value::Number(Number::integer(0))
                } else {
                    a
                }
            }
            "=" | "==" | "!=" | "<" | ">" | "<=" | ">=" => {
                Value::Number(Number::truth(compare(operator, &a, &b)))
            }
            "+" | "-" => self.add(operator, at, a, b),
            "*" | "/" | "%" => self.multiply(operator, at, a, b),
            "~~" => made(format!("{}{}", a.bare(), b.bare())),
            _ => self.search(operator == ":", at, &a, &b),
        }
    }

    fn add(&mut self, operator: &str, at: usize, a: Value<'t>, b: Value<'t>) -> Value<'t> {
        let numbers = (a.into_number(), b.into_number());
        if numbers.0.is_none() || numbers.1.is_none() {
            self.warn(at, format!("non-numeric argument of '{operator}'"));
        }
        let second = numbers.1.map(|b| if operator == "-" { b.negate() } else { b });
        Value::Number(match (numbers.0, second) {
            (Some(a), Some(b)) => a.plus(b),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Number::integer(0),
        })
    }

    fn multiply(&mut self, operator: &str, at: usize, a: Value<'t>, b: Value<'t>) -> Value<'t> {
        let numbers = (a.into_number(), b.into_number());
        // What Asterisk answers instead of dividing by nothing.
        const DIVIDED_BY_ZERO: i64 = 2_147_483_647;
        Value::Number(match (operator, numbers) {
            ("*", (Some(a), Some(b))) => a.times(b),
            ("/", (Some(a), Some(b))) => a.over(b).unwrap_or_else(|| {
                self.warn(at, "division by zero");
                Number::integer(DIVIDED_BY_ZERO)
            }),
            ("%", (Some(a), Some(b))) => a.remainder(b).unwrap_or_else(|| {
                self.warn(at, "division by zero");
                Number::integer(0)
            }),
            (_, (a, _)) => {
                self.warn(at, format!("non-numeric argument of '{operator}'"));
                let half = operator == "/" && a.is_some();
                Number::integer(if half { DIVIDED_BY_ZERO } else { 0 })
            }
        })
    }

    /// `:` and `=~`: group 1 or the length of the match; nothing or 0 without one.
    fn search(&mut self, anchored: bool, at: usize, a: &Value<'t>, b: &Value<'t>) -> Value<'t> {
        let (subject, pattern) = (a.bare(), b.bare());
        let regex = match regex(&pattern, false) {
            Ok(regex) => regex,
            Err(why) => {
                self.warn(at, format!("bad regular expression '{pattern}': {why}"));
                return Value::Text("".into());
            }
        };
        let groups = regex.captures_len() > 1;
        let Some(found) =
            regex.captures(subject.as_bytes()).filter(|f| !anchored || f.get_match().start() == 0)
        else {
            return if groups { Value::Text("".into()) } else { Value::Number(Number::integer(0)) };
        };
        match found.get(1) {
            Some(group) => made(String::from_utf8_lossy(group.as_bytes()).into_owned()),
            None => {
                Value::Number(Number::integer(i64::try_from(found.get_match().len()).unwrap_or(i64::MAX)))
            }
        }
    }

    fn warn(&mut self, at: usize, text: impl Into<String>) {
        if self.faults.len() < 8 {
            self.faults.push(Fault { at, text: text.into() });
        }
    }

    fn expect(&mut self, operator: &'static str) -> Result<(), Fault> {
        match self.take() {
            (Token::Operator(found), _) if found == operator => Ok(()),
            (token, at) => Err(Fault { text: format!("expected '{operator}', found {}", shown(token)), at }),
        }
    }

    fn peek(&mut self) -> (Token<'t>, usize) {
        match self.ahead {
            Some(ahead) => ahead,
            None => {
                let ahead = scan(self.text, &mut self.at);
                self.ahead = Some(ahead);
                ahead
            }
        }
    }

    fn take(&mut self) -> (Token<'t>, usize) {
        let token = self.peek();
        self.ahead = None;
        token
    }
}

fn binding(operator: &str) -> u8 {
    match operator {
        "?" => 1,
        "|" | "||" => 2,
        "&" | "&&" => 3,
        "=" | "==" | "!=" | "<" | ">" | "<=" | ">=" => 4,
        "+" | "-" => 5,
        "*" | "/" | "%" => 6,
        ":" | "=~" | "~~" => 8,
        _ => 0,
    }
}

fn unexpected(token: Token<'_>, at: usize) -> Fault {
    Fault { at, text: format!("syntax error: unexpected {}", shown(token)) }
}

/// A POSIX extended pattern, in linear time. Bytes, as the C library matches them in the C locale.
pub(super) fn regex(pattern: &str, ignore_case: bool) -> Result<regex::bytes::Regex, String> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .case_insensitive(ignore_case)
        .size_limit(crate::base::limits::REGEX_BYTES)
        .dfa_size_limit(crate::base::limits::REGEX_BYTES)
        .build()
        .map_err(|why| why.to_string().lines().last().unwrap_or("it cannot be compiled").trim().to_owned())
}

/// C's `atoi`: the integer a text begins with, after blanks; `None` when it begins with none.
pub(super) fn leading_integer(text: &str) -> Option<i64> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    let end = digits.bytes().take_while(u8::is_ascii_digit).count();
    let value =
        digits[..end].bytes().fold(0i64, |n, c| n.saturating_mul(10).saturating_add(i64::from(c - b'0')));
    (end > 0).then_some(sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> (String, Vec<Fault>) {
        evaluate(text, &mut |name, arguments| (name == "LEN").then(|| arguments.len().to_string()))
    }

    /// Expressions without a fault, and Asterisk's value for each.
    const TABLE: &[(&str, &str)] = &[
        ("", ""),
        ("   ", ""),
        ("1", "1"),
        ("007", "007"),
        ("1.50", "1.50"),
        ("abc", "abc"),
        ("\"a b\"", "\"a b\""),
        // Arithmetic.
        ("1 + 2", "3"),
        ("1+2*3", "7"),
        ("(1+2)*3", "9"),
        ("10 / 4", "2.5"),
        ("10/3", "3.33333333333333333"),
        ("7 % 3", "1"),
        ("-7 % 3", "-1"),
        ("10 - 4 - 3", "3"),
        ("2 * -3", "-6"),
        ("-2 * 3", "-6"),
        ("- 5", "-5"),
        ("--5", "5"),
        ("1000000000000 * 1000", "1000000000000000"),
        ("0.1 + 0.2", "0.3"),
        // Comparison: numbers as numbers, anything else as text.
        ("1 = 1", "1"),
        ("1 == 1.0", "1"),
        ("1 = 2", "0"),
        ("1 != 2", "1"),
        ("10 > 9", "1"),
        ("\"10\" > \"9\"", "0"),
        ("a < b", "1"),
        ("a >= b", "0"),
        ("a <= a", "1"),
        ("\"x\" = \"x\"", "1"),
        ("\"x\" = x", "0"),
        ("5 = \"5\"", "0"),
        ("100 = 0100", "1"),
        ("\"\" = \"\"", "1"),
        ("abc = abc", "1"),
        // Truth.
        ("1 & 2", "1"),
        ("1 && 0", "0"),
        ("a & 0", "0"),
        ("0 | 5", "5"),
        ("0 || abc", "abc"),
        ("7 | 5", "7"),
        ("\"\" | 0", "\"\""),
        ("! 1", "0"),
        ("! 0", "1"),
        ("!abc", "1"),
        ("!\"1\"", "1"),
        ("! (1 = 2)", "1"),
        ("1 = 1 & 2 = 2", "1"),
        ("1 = 2 | 3 = 3", "1"),
        ("1 + 1 = 2", "1"),
        // Choice.
        ("1 ? a :: b", "a"),
        ("0 ? a :: b", "b"),
        ("\"\" ? a :: b", "b"),
        ("abc ? a :: b", "a"),
        ("1 ? 0 ? a :: b :: c", "b"),
        ("0 ? a :: 1 ? b :: c", "b"),
        ("5 > 3 ? big :: small", "big"),
        // Regular expressions.
        ("abcd : ab", "2"),
        ("abcd : cd", "0"),
        ("abcd =~ cd", "2"),
        ("abcd =~ xx", "0"),
        ("\"4930123\" : \"49(.*)\"", "30123"),
        ("\"4930123\" : \"48(.*)\"", ""),
        ("\"Alice <100>\" =~ \"<([0-9]+)>\"", "100"),
        ("! abc =~ b", "0"),
        ("\"${x}\" =~ y", "0"),
        ("abc ~~ def", "abcdef"),
        ("\"a b\" ~~ \"c\"", "a bc"),
        ("1 ~~ 2", "12"),
        ("(1 ~~ 2) + 1", "13"),
        // Functions.
        ("LEN(abc)", "3"),
        ("LEN(abc) + 1", "4"),
        ("FLOOR(2.7)", "2"),
        ("CEIL(2.1) + 1", "4"),
        ("ROUND(2.5)", "3"),
        ("POW(2,10)", "1024"),
        ("SQRT(2)", "1.4142135623730951"),
        ("ABS(-5)", "5"),
        ("REMAINDER(5,3)", "-1"),
        // Words as Asterisk's scanner takes them.
        ("a.b@c#d;e_f^g'h\\i", "a.b@c#d;e_f^g'h\\i"),
        ("50%2", "0"),
        (".5", ".5"),
        ("1.2.3", "1.2.3"),
        ("[a]", "a"),
        ("$x", "$x"),
        ("größe = größe", "1"),
        ("1\n+\t1", "2"),
    ];

    #[test]
    fn expressions_have_asterisks_values() {
        for (text, expected) in TABLE {
            let (result, faults) = value(text);
            assert_eq!((result.as_str(), faults), (*expected, Vec::new()), "{text}");
        }
    }

    #[test]
    fn what_asterisk_warns_about_is_a_fault_with_a_value() {
        let table = [
            ("1 / 0", "2147483647", 2),
            ("5 % 0", "0", 2),
            ("abc + 1", "1", 4),
            ("abc - 1", "-1", 4),
            ("a + b", "0", 2),
            ("abc * 2", "0", 4),
            ("abc / 2", "0", 4),
            ("2 / abc", "2147483647", 2),
            ("-abc", "0", 0),
            ("a =~ \"(\"", "", 2),
            ("NOSUCH(1)", "0", 0),
            ("lower(1)", "0", 0),
        ];
        for (text, expected, at) in table {
            let (result, faults) = value(text);
            assert_eq!(
                (result.as_str(), faults.len(), faults[0].at),
                (expected, 1, at),
                "{text}: {faults:?}"
            );
        }
    }

    #[test]
    fn a_syntax_error_is_zero_and_says_where() {
        let table = [
            (" = 1", 1),
            ("1 =", 3),
            ("1 2", 2),
            ("(1", 2),
            ("1)", 1),
            ("1 ? 2", 5),
            ("1 ? 2 : 3", 9),
            ("LEN()", 4),
            (",", 0),
            ("*", 0),
        ];
        for (text, at) in table {
            let (result, faults) = value(text);
            assert_eq!((result.as_str(), faults.last().map(|f| f.at)), ("0", Some(at)), "{text}: {faults:?}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        for text in [
            "(".repeat(5_000),
            "!".repeat(5_000),
            "1?".repeat(5_000),
            "-".repeat(5_000) + "1",
            "LEN(".repeat(5_000),
        ] {
            assert_eq!(value(&text).0, "0");
        }
        let flat = vec!["1"; 3_000].join("+");
        assert_eq!(value(&flat).0, "3000");
    }
}
