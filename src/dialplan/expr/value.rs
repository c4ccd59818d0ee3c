//! Values of `$[ ]` and what the operators make of them.

use super::super::number::Number;
use super::leading_integer;
use std::borrow::Cow;
use std::cmp::Ordering::{Equal, Greater, Less};

/// A value: a number that was computed, or a text, which may look like a number.
#[derive(Clone, Debug)]
pub(super) enum Value<'t> {
    Number(Number),
    /// Digits, possibly with points: compared as a number.
    Digits(Cow<'t, str>),
    Text(Cow<'t, str>),
}

impl<'t> Value<'t> {
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Value::Number(number) => number.to_string().into(),
            Value::Digits(text) | Value::Text(text) => Cow::Borrowed(text),
        }
    }

    /// The text without its quotes, if it begins and ends with one.
    pub(super) fn bare(&self) -> Cow<'_, str> {
        let text = self.text();
        if text.starts_with('"') && text.ends_with('"') { text.replace('"', "").into() } else { text }
    }

    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Digits(text) => Some(Number::parse(text)),
            Value::Text(_) => None,
        }
    }

    pub(super) fn into_number(self) -> Option<Number> {
        self.number()
    }

    /// For `|` and `&`: empty, or the number 0.
    pub(super) fn is_null(&self) -> bool {
        match self {
            Value::Text(text) => text.is_empty(),
            other => other.number().is_some_and(Number::is_zero),
        }
    }

    /// For `!`: a text counts by the integer it begins with.
    pub(super) fn is_set(&self) -> bool {
        match self {
            Value::Number(number) => !number.is_zero(),
            Value::Digits(text) | Value::Text(text) => leading_integer(text).unwrap_or(0) != 0,
        }
    }

    /// For `? ::`.
    pub(super) fn chooses_first(&self) -> bool {
        match self {
            Value::Text(text) => !matches!(text.as_ref(), "" | "\"\"" | "0"),
            other => other.number().is_some_and(|number| !number.is_zero()),
        }
    }
}

/// A computed text: a number in disguise when it is all digits and points.
pub(super) fn made<'t>(text: String) -> Value<'t> {
    let numeric = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    if numeric { Value::Digits(text.into()) } else { Value::Text(text.into()) }
}

pub(super) fn compare(operator: &str, a: &Value<'_>, b: &Value<'_>) -> bool {
    let order = if matches!(a, Value::Text(_)) || matches!(b, Value::Text(_)) {
        Some(a.text().as_bytes().cmp(b.text().as_bytes()))
    } else {
        a.number().unwrap_or(Number::integer(0)).compare(b.number().unwrap_or(Number::integer(0)))
    };
    match operator {
        "=" | "==" => order == Some(Equal),
        "!=" => order != Some(Equal),
        "<" => order == Some(Less),
        ">" => order == Some(Greater),
        "<=" => matches!(order, Some(Less | Equal)),
        _ => matches!(order, Some(Greater | Equal)),
    }
}

/// The functions the expression grammar knows itself.
pub(super) fn arithmetic(name: &str, arguments: &[Value<'_>]) -> Option<Number> {
    let one = |f: fn(f64) -> f64| {
        let x = arguments.first()?.number().unwrap_or(Number::integer(0));
        (arguments.len() == 1).then(|| Number::Float(f(x.float())))
    };
    let two = |f: fn(f64, f64) -> f64| match arguments {
        [a, b] => {
            let float = |v: &Value<'_>| v.number().map_or(0.0, Number::float);
            Some(Number::Float(f(float(a), float(b))))
        }
        _ => None,
    };
    let result = match name {
        "COS" => one(f64::cos),
        "SIN" => one(f64::sin),
        "TAN" => one(f64::tan),
        "ACOS" => one(f64::acos),
        "ASIN" => one(f64::asin),
        "ATAN" => one(f64::atan),
        "ATAN2" => two(f64::atan2),
        "POW" => two(f64::powf),
        "SQRT" => one(f64::sqrt),
        "FLOOR" => one(f64::floor),
        "CEIL" => one(f64::ceil),
        "ROUND" => one(f64::round),
        "RINT" => one(f64::round_ties_even),
        "TRUNC" => one(f64::trunc),
        "EXP" => one(f64::exp),
        "EXP2" => one(f64::exp2),
        "EXP10" => one(|x| 10f64.powf(x)),
        "LOG" => one(f64::ln),
        "LOG2" => one(f64::log2),
        "LOG10" => one(f64::log10),
        "REMAINDER" => two(|a, b| a - b * (a / b).round_ties_even()),
        "ABS" => one(f64::abs),
        _ => return None,
    };
    // Wrong number of arguments: Asterisk answers 0.
    Some(match result {
        Some(Number::Float(x)) if x.fract() == 0.0 && x.abs() < 9e15 => Number::integer(x as i64),
        other => other.unwrap_or(Number::integer(0)),
    })
}
