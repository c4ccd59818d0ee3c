//! The filter language of `pjsip show history where …`.
//!
//! ```text
//! or   := and  { (or  | "||") and }
//! and  := not  { (and | "&&") not }
//! not  := (not | "!") not | "(" or ")" | field operator value
//! field    := number | timestamp | addr | sip.msg.request.method | sip.msg.call-id
//! operator := = == != < > <= >= like
//! ```
//! Fields that a message does not have (the method of a response) hold for nothing, not even for `!=`.

use crate::admin::shape::Like;
use crate::base::limits::FILTER_DEPTH;
use crate::sip::wire::{Header, Index};
use crate::switch::view::HistoryView;
use std::net::{IpAddr, SocketAddr};

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Filter(Node);

impl Filter {
    /// Compiles the text behind `where`. The error is a sentence that names what is wrong.
    pub fn parse(text: &str) -> Result<Filter, String> {
        let tokens = lex(text)?;
        let mut parser = Parser { tokens, next: 0, depth: 0 };
        let node = parser.or()?;
        match parser.tokens.get(parser.next) {
            None => Ok(Filter(node)),
            Some(Token::Close) => Err("Unbalanced ')' parentheses in expression!".into()),
            Some(token) => Err(format!("Expected 'and' or 'or' before {}.", token.shown())),
        }
    }

    /// Whether it holds for a kept message.
    pub fn holds(&self, entry: &HistoryView) -> bool {
        self.0.holds(entry)
    }
}

#[derive(Clone, Debug)]
enum Node {
    Or(Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Number(Operator, u64),
    Timestamp(Operator, u64),
    Addr(Operator, IpAddr, Option<u16>),
    Method(TextTest),
    CallId(TextTest),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    More,
    AtMost,
    AtLeast,
    Like,
}

#[derive(Clone, Debug)]
enum TextTest {
    Equal(String),
    NotEqual(String),
    Like(Like),
}

impl Node {
    fn holds(&self, entry: &HistoryView) -> bool {
        match self {
            Node::Or(a, b) => a.holds(entry) || b.holds(entry),
            Node::And(a, b) => a.holds(entry) && b.holds(entry),
            Node::Not(a) => !a.holds(entry),
            Node::Number(operator, value) => operator.compare(entry.number as u64, *value),
            Node::Timestamp(operator, value) => operator.compare(entry.at.secs(), *value),
            Node::Addr(operator, ip, port) => {
                let same = entry.address.ip() == *ip && port.is_none_or(|port| port == entry.address.port());
                same == (*operator == Operator::Equal)
            }
            Node::Method(test) => method(&entry.message).is_some_and(|text| test.holds(&text)),
            Node::CallId(test) => call_id(&entry.message).is_some_and(|text| test.holds(&text)),
        }
    }
}

impl Operator {
    fn compare(self, left: u64, right: u64) -> bool {
        match self {
            Operator::Equal | Operator::Like => left == right,
            Operator::NotEqual => left != right,
            Operator::Less => left < right,
            Operator::More => left > right,
            Operator::AtMost => left <= right,
            Operator::AtLeast => left >= right,
        }
    }

    fn read(text: &str) -> Option<Operator> {
        Some(match text {
            "=" | "==" => Operator::Equal,
            "!=" => Operator::NotEqual,
            "<" => Operator::Less,
            ">" => Operator::More,
            "<=" => Operator::AtMost,
            ">=" => Operator::AtLeast,
            _ if text.eq_ignore_ascii_case("like") => Operator::Like,
            _ => return None,
        })
    }
}

impl TextTest {
    fn holds(&self, text: &str) -> bool {
        match self {
            TextTest::Equal(value) => text == value,
            TextTest::NotEqual(value) => text != value,
            TextTest::Like(like) => like.holds(text),
        }
    }
}

/// The method of a request.
fn method(message: &[u8]) -> Option<String> {
    let first = message.split(|byte| *byte == b' ').next()?;
    let response = first.len() >= 4 && first[..4].eq_ignore_ascii_case(b"SIP/");
    (!response && !first.is_empty()).then(|| String::from_utf8_lossy(first).into_owned())
}

fn call_id(message: &[u8]) -> Option<String> {
    let mut index = Index::default();
    let message = match index.scan(message) {
        Ok(_) => index.message(message),
        Err(_) => index.faulty(message)?,
    };
    message.header(Header::CallId).map(|text| String::from_utf8_lossy(text).into_owned())
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    /// A word, and whether it was quoted: a quoted one is never an operator.
    Word(String, bool),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Token::Open => "'('".into(),
            Token::Close => "')'".into(),
            Token::Word(text, _) => format!("'{text}'"),
        }
    }
}

fn lex(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let used = match c {
            '(' | ')' => {
                tokens.push(if c == '(' { Token::Open } else { Token::Close });
                1
            }
            '"' => {
                let end = rest[1..].find('"').ok_or("A quotation mark is not closed.")?;
                tokens.push(Token::Word(rest[1..1 + end].to_owned(), true));
                end + 2
            }
            _ => {
                let symbol = |c: char| "=!<>".contains(c);
                // `number>5` is three tokens, as `number > 5` is.
                let end = match symbol(c) {
                    true => rest.find(|c| !symbol(c)),
                    false => rest.find(|c: char| c.is_whitespace() || symbol(c) || "()\"".contains(c)),
                };
                let end = end.unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned(), false));
                end
            }
        };
        rest = rest[used..].trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser {
    /// Takes the next token if it is one of these words.
    fn take(&mut self, words: &[&str]) -> bool {
        let found = matches!(self.tokens.get(self.next), Some(Token::Word(text, false))
            if words.iter().any(|word| text.eq_ignore_ascii_case(word)));
        self.next += usize::from(found);
        found
    }

    fn word(&mut self, what: &str) -> Result<String, String> {
        match self.tokens.get(self.next) {
            Some(Token::Word(text, _)) => {
                self.next += 1;
                Ok(text.clone())
            }
            Some(token) => Err(format!("Expected {what} before {}.", token.shown())),
            None => Err(format!("Unable to evaluate expression: {what} is missing at its end")),
        }
    }

    fn or(&mut self) -> Result<Node, String> {
        let mut node = self.and()?;
        while self.take(&["or", "||"]) {
            node = Node::Or(Box::new(node), Box::new(self.and()?));
        }
        Ok(node)
    }

    fn and(&mut self) -> Result<Node, String> {
        let mut node = self.not()?;
        while self.take(&["and", "&&"]) {
            node = Node::And(Box::new(node), Box::new(self.not()?));
        }
        Ok(node)
    }

    fn not(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > FILTER_DEPTH {
            return Err(format!("The expression nests deeper than {FILTER_DEPTH} levels."));
        }
        let node = if self.take(&["not", "!"]) {
            Ok(Node::Not(Box::new(self.not()?)))
        } else if self.tokens.get(self.next) == Some(&Token::Open) {
            self.next += 1;
            let inner = self.or()?;
            if self.tokens.get(self.next) != Some(&Token::Close) {
                return Err("Unbalanced '(' parentheses in expression!".into());
            }
            self.next += 1;
            Ok(inner)
        } else {
            self.comparison()
        };
        self.depth -= 1;
        node
    }

    fn comparison(&mut self) -> Result<Node, String> {
        let field = self.word("a field")?.to_ascii_lowercase();
        let symbol = self.word("an operator")?;
        let operator = Operator::read(&symbol)
            .ok_or_else(|| format!("'{symbol}' is not an operator; there are = != < > <= >= like."))?;
        let value = self.word("a value")?;
        let cannot = || format!("Cannot evaluate field '{field}': invalid type for operator '{symbol}'");
        let number =
            |kind: &str| value.parse().map_err(|_| format!("Unable to extract field '{value}': not {kind}"));
        match field.as_str() {
            "number" | "timestamp" if operator == Operator::Like => Err(cannot()),
            "number" => Ok(Node::Number(operator, number("an integer")?)),
            "timestamp" => Ok(Node::Timestamp(operator, number("a timestamp")?)),
            "addr" if !matches!(operator, Operator::Equal | Operator::NotEqual) => Err(cannot()),
            "addr" => {
                let (ip, port) = address(&value).ok_or_else(|| {
                    format!("Unable to convert field '{value}': not an IPv4 or IPv6 address")
                })?;
                Ok(Node::Addr(operator, ip, port))
            }
            "sip.msg.request.method" => Ok(Node::Method(text_test(operator, value).ok_or_else(cannot)??)),
            "sip.msg.call-id" => Ok(Node::CallId(text_test(operator, value).ok_or_else(cannot)??)),
            _ => Err(format!(
                "Unknown or unrecognized field: {field}. There are number, timestamp, addr, sip.msg.request.method, \
                 sip.msg.call-id."
            )),
        }
    }
}

fn text_test(operator: Operator, value: String) -> Option<Result<TextTest, String>> {
    Some(match operator {
        Operator::Equal => Ok(TextTest::Equal(value)),
        Operator::NotEqual => Ok(TextTest::NotEqual(value)),
        Operator::Like => Like::new(&value).map(TextTest::Like),
        _ => return None,
    })
}

/// An address with or without port; without one it stands for every port.
fn address(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some((address.ip(), Some(address.port())));
    }
    text.trim_start_matches('[').trim_end_matches(']').parse().ok().map(|ip| (ip, None))
}
