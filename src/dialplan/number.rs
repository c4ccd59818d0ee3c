//! Numbers of `$[ ]`: exact fractions as long as they fit, so that sums of phone numbers and of cents come out as in
//! Asterisk, which computes in 64-bit-mantissa floating point and prints 18 significant digits.

use std::cmp::Ordering;
use std::fmt;

/// A number.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// A fraction in lowest terms, denominator above 0. The numerator is never [`i128::MIN`], which has no opposite.
    Exact(i128, i128),
    /// What no longer fits a fraction, or came out of a root or logarithm.
    Float(f64),
}

/// Significant digits printed, as Asterisk's `%.18Lg`.
const DIGITS: usize = 18;

impl Number {
    /// An integer.
    pub fn integer(n: i64) -> Number {
        Number::Exact(i128::from(n), 1)
    }

    /// 1 or 0.
    pub fn truth(yes: bool) -> Number {
        Number::integer(i64::from(yes))
    }

    /// The number a text begins with, as `strtold` reads it (blanks, sign, digits, point, digits); 0 when none.
    pub fn parse(text: &str) -> Number {
        let text = text.trim_start_matches([' ', '\t', '\n', '\r']);
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let whole = text.bytes().take_while(u8::is_ascii_digit).count();
        let fraction = match text[whole..].strip_prefix('.') {
            Some(rest) => rest.bytes().take_while(u8::is_ascii_digit).count(),
            None => 0,
        };
        let end = if fraction > 0 { whole + 1 + fraction } else { whole };
        let magnitude = if whole + fraction <= 30 {
            let digits = text[..end].bytes().filter(u8::is_ascii_digit);
            let n = digits.fold(0i128, |n, digit| n * 10 + i128::from(digit - b'0'));
            fit(n, 10i128.pow(fraction as u32))
        } else {
            Number::Float(text[..end].parse().unwrap_or(f64::INFINITY))
        };
        if negative { magnitude.negate() } else { magnitude }
    }

    /// As floating point.
    pub fn float(self) -> f64 {
        match self {
            Number::Exact(n, d) => n as f64 / d as f64,
            Number::Float(f) => f,
        }
    }

    /// Whether it is 0.
    pub fn is_zero(self) -> bool {
        match self {
            Number::Exact(n, _) => n == 0,
            Number::Float(f) => f == 0.0,
        }
    }

    /// Minus this.
    pub fn negate(self) -> Number {
        match self {
            Number::Exact(n, d) => Number::Exact(-n, d),
            Number::Float(f) => Number::Float(-f),
        }
    }

    /// Sum.
    pub fn plus(self, other: Number) -> Number {
        let exact = match (self, other) {
            (Number::Exact(a, b), Number::Exact(c, d)) => fraction_sum(a, b, c, d),
            _ => None,
        };
        exact.unwrap_or_else(|| Number::Float(self.float() + other.float()))
    }

    /// Product.
    pub fn times(self, other: Number) -> Number {
        let exact = match (self, other) {
            (Number::Exact(a, b), Number::Exact(c, d)) => a.checked_mul(c).zip(b.checked_mul(d)),
            _ => None,
        };
        exact.map_or_else(|| Number::Float(self.float() * other.float()), |(n, d)| fit(n, d))
    }

    /// Quotient; `None` by 0.
    pub fn over(self, other: Number) -> Option<Number> {
        if other.is_zero() {
            return None;
        }
        Some(match other {
            Number::Exact(n, d) => {
                self.times(if n < 0 { Number::Exact(-d, -n) } else { Number::Exact(d, n) })
            }
            Number::Float(f) => Number::Float(self.float() / f),
        })
    }

    /// Remainder with the sign of the dividend (C's `fmod`); `None` by 0.
    pub fn remainder(self, other: Number) -> Option<Number> {
        if other.is_zero() {
            return None;
        }
        if let (Number::Exact(a, 1), Number::Exact(b, 1)) = (self, other) {
            return Some(Number::Exact(a % b, 1));
        }
        let turns = self.over(other)?;
        let whole = match turns {
            Number::Exact(n, d) => Number::Exact(n / d, 1),
            Number::Float(_) => return Some(Number::Float(self.float() % other.float())),
        };
        Some(self.plus(whole.times(other).negate()))
    }

    /// Which is larger; not-a-number is equal to nothing and larger than nothing.
    pub fn compare(self, other: Number) -> Option<Ordering> {
        if let (Number::Exact(a, b), Number::Exact(c, d)) = (self, other)
            && let (Some(left), Some(right)) = (a.checked_mul(d), c.checked_mul(b))
        {
            return Some(left.cmp(&right));
        }
        self.float().partial_cmp(&other.float())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Number::Exact(n, 1) if n.unsigned_abs() < 10u128.pow(DIGITS as u32) => write!(f, "{n}"),
            Number::Exact(n, d) => match digits(n.unsigned_abs(), d.unsigned_abs()) {
                Some((digits, exponent)) => f.write_str(&general(n < 0, &digits, exponent)),
                None => Number::Float(self.float()).fmt(f),
            },
            Number::Float(x) if x.is_nan() => f.write_str("nan"),
            Number::Float(x) if x.is_infinite() => f.write_str(if x > 0.0 { "inf" } else { "-inf" }),
            Number::Float(x) => {
                // The shortest digits that read back as the same number.
                let text = format!("{:e}", x.abs());
                let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).map(|c| c - b'0').collect();
                f.write_str(&general(x < 0.0, &digits, exponent.parse().unwrap_or(0)))
            }
        }
    }
}

/// `n/d` in lowest terms.
fn fit(n: i128, d: i128) -> Number {
    if n == i128::MIN {
        return Number::Float(n as f64 / d as f64);
    }
    let (mut a, mut b) = (n.unsigned_abs(), d.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let common = i128::try_from(a).unwrap_or(1).max(1);
    Number::Exact(n / common, d / common)
}

fn fraction_sum(a: i128, b: i128, c: i128, d: i128) -> Option<Number> {
    let n = a.checked_mul(d)?.checked_add(c.checked_mul(b)?)?;
    Some(fit(n, b.checked_mul(d)?))
}

/// The first 18 significant digits of `n/d`, rounded, and the power of ten of the first.
fn digits(n: u128, d: u128) -> Option<(Vec<u8>, i32)> {
    let whole = (n / d).to_string();
    let mut rest = n % d;
    let mut digits: Vec<u8> = if n >= d { whole.bytes().map(|c| c - b'0').collect() } else { Vec::new() };
    let mut exponent = digits.len() as i32 - 1;
    while digits.len() <= DIGITS {
        rest = rest.checked_mul(10)?;
        let digit = (rest / d) as u8;
        rest %= d;
        if digits.is_empty() && digit == 0 {
            // A fraction below 10^-40 is noise of a long chain of divisions.
            exponent -= 1;
            if exponent < -40 {
                return None;
            }
            continue;
        }
        digits.push(digit);
    }
    let up = digits[DIGITS] >= 5;
    digits.truncate(DIGITS);
    if up {
        let nines = digits.iter().rev().take_while(|digit| **digit == 9).count();
        let kept = digits.len() - nines;
        digits.truncate(kept);
        match digits.last_mut() {
            Some(last) => *last += 1,
            None => {
                digits.push(1);
                exponent += 1;
            }
        }
    }
    Some((digits, exponent))
}

/// C's `%g`: fixed between 10^-4 and 10^18, else with an exponent; no trailing zeros.
fn general(negative: bool, digits: &[u8], exponent: i32) -> String {
    let significant = digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1);
    let digits = &digits[..significant];
    let mut out = String::from(if negative && significant > 0 { "-" } else { "" });
    let mut put = |part: &[u8]| out.extend(part.iter().map(|digit| char::from(b'0' + digit)));
    if significant == 0 {
        return "0".into();
    }
    if !(-4..DIGITS as i32).contains(&exponent) {
        put(&digits[..1]);
        if significant > 1 {
            out.push('.');
            out.extend(digits[1..].iter().map(|digit| char::from(b'0' + digit)));
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{out}e{sign}{:02}", exponent.unsigned_abs());
    }
    let Ok(before) = usize::try_from(exponent + 1) else {
        put(&[0]);
        out.push('.');
        out.extend(std::iter::repeat_n('0', (-exponent - 1) as usize));
        out.extend(digits.iter().map(|digit| char::from(b'0' + digit)));
        return out;
    };
    if before == 0 {
        out.push('0');
    }
    for place in 0..before.max(significant) {
        if place == before {
            out.push('.');
        }
        out.push(char::from(b'0' + digits.get(place).copied().unwrap_or(0)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> Number {
        Number::parse(text)
    }

    #[test]
    fn the_lowest_number_has_an_opposite_and_a_remainder() {
        let lowest = n("-18446744073709551616").times(n("9223372036854775808"));
        assert_eq!(lowest.to_string(), "-1.7014118346046923e+38");
        assert!(lowest.remainder(n("-1")).is_some_and(Number::is_zero));
        assert!(lowest.over(n("-1")).is_some());
        assert!(n("1").over(lowest).is_some_and(|quotient| quotient.float() < 0.0));
        assert_eq!(lowest.negate().float(), -lowest.float());
        let below = n("-170141183460469231731687303715").times(n("1000000000")).plus(n("-884105728"));
        assert_eq!(below.negate().float(), -below.float());
    }

    #[test]
    fn numbers_print_as_percent_18_lg() {
        let table = [
            ("0", "0"),
            ("-0", "0"),
            ("007", "7"),
            ("1.50", "1.5"),
            ("0.001", "0.001"),
            ("0.00001", "1e-05"),
            ("123456789012345678", "123456789012345678"),
            ("1234567890123456789", "1.23456789012345679e+18"),
            ("1000000000000000000", "1e+18"),
            ("4930123456789.25", "4930123456789.25"),
            ("", "0"),
            ("abc", "0"),
            ("12abc", "12"),
            ("1.2.3", "1.2"),
            ("  -5", "-5"),
            (".5", "0.5"),
            ("5.", "5"),
        ];
        for (text, shown) in table {
            assert_eq!(n(text).to_string(), shown, "{text}");
        }
        assert_eq!(n("10").over(n("3")).expect("not 0").to_string(), "3.33333333333333333");
        assert_eq!(n("2").over(n("3")).expect("not 0").to_string(), "0.666666666666666667");
        assert_eq!(n("1").over(n("30000")).expect("not 0").to_string(), "3.33333333333333333e-05");
        assert_eq!(n("0.1").plus(n("0.2")).to_string(), "0.3");
        assert_eq!(Number::Float(2f64.sqrt()).to_string(), "1.4142135623730951");
        assert_eq!(Number::Float(1e300).to_string(), "1e+300");
        assert_eq!(Number::Float(f64::NAN).to_string(), "nan");
    }

    #[test]
    fn remainders_and_comparisons_are_exact() {
        assert_eq!(n("-7").remainder(n("3")).expect("not 0").to_string(), "-1");
        assert_eq!(n("5.5").remainder(n("2")).expect("not 0").to_string(), "1.5");
        assert!(n("5").remainder(n("0")).is_none());
        assert!(n("5").over(n("0.0")).is_none());
        assert_eq!(n("0.30").compare(n("0.3")), Some(Ordering::Equal));
        assert_eq!(Number::Float(f64::NAN).compare(n("1")), None);
    }

    #[test]
    fn what_does_not_fit_becomes_a_float_without_a_panic() {
        let mut big = n("999999999999999999999999999999");
        for _ in 0..20 {
            big = big.times(big).plus(big).over(n("0.7")).expect("not 0");
            let _ = big.to_string();
            let _ = big.remainder(n("3"));
        }
        assert!(matches!(big, Number::Float(_)));
        let long = "9".repeat(400);
        assert_eq!(n(&long).to_string(), "inf");
    }
}
