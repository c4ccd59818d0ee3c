//! `MATH INC DEC RAND ABS MIN MAX SPRINTF`.

use super::super::arguments::{nth, split};
use super::super::expr::leading_integer;
use super::super::number::Number;
use super::super::scope::Scope;
use super::Answer;
use std::cmp::Ordering;

/// Operators of `MATH` in the order in which they are looked for: the first one present cuts the expression.
const MATH: [&str; 17] =
    ["*", "/", "%", "^", "AND", "XOR", "OR", ">=", ">>", ">", "<=", "<<", "<", "==", "=", "+", "-"];

/// `MATH(expression[,type])`: one operator; type `f` (default, six decimals), `i`, `h` or `c`.
pub(super) fn math(_: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 2);
    let text = nth(&parts, 0);
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let found =
        MATH.iter().find_map(|operator| unsigned.split_once(operator).map(|(a, b)| (*operator, a, b)));
    let (operator, a, b) = found.ok_or_else(|| format!("'{text}' has no operator"))?;
    let a = sign * operand(a)?;
    let b = operand(b)?;
    let truth = |yes: bool| Ok(if yes { "TRUE" } else { "FALSE" }.to_owned());
    let value = match operator {
        "*" => a * b,
        "/" if b == 0.0 => return Err("division by zero".into()),
        "/" => a / b,
        "%" if b.trunc() == 0.0 => return Err("division by zero".into()),
        "%" => a.trunc() % b.trunc(),
        "^" => a.powf(b),
        "AND" => (a as i64 & b as i64) as f64,
        "OR" => (a as i64 | b as i64) as f64,
        "XOR" => (a as i64 ^ b as i64) as f64,
        ">>" => (a as i64).checked_shr(b as u32).unwrap_or(0) as f64,
        "<<" => (a as i64).checked_shl(b as u32).unwrap_or(0) as f64,
        "+" => a + b,
        "-" => a - b,
        ">" => return truth(a > b),
        "<" => return truth(a < b),
        ">=" => return truth(a >= b),
        "<=" => return truth(a <= b),
        _ => return truth(a == b),
    };
    match nth(&parts, 1) {
        "" | "f" | "float" => Ok(format!("{value:.6}")),
        "i" | "int" => Ok((value as i64).to_string()),
        "h" | "hex" => Ok(format!("{:x}", value as i64)),
        "c" | "char" => Ok(char::from(value as u8).to_string()),
        other => Err(format!("'{other}' is no type; float, int, hex and char are")),
    }
}

fn operand(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| format!("'{text}' is no number"))
}

/// `INC(name)`: one more, and the new value.
pub(super) fn increment(scope: &mut Scope<'_>, name: &str) -> Answer {
    step(scope, name, 1)
}

/// `DEC(name)`: one less, and the new value.
pub(super) fn decrement(scope: &mut Scope<'_>, name: &str) -> Answer {
    step(scope, name, -1)
}

fn step(scope: &mut Scope<'_>, name: &str, by: i64) -> Answer {
    let text = scope.value(name).unwrap_or_default();
    if !text.is_empty() && leading_integer(&text).is_none() {
        return Err(format!("'{text}' is no number"));
    }
    let value = leading_integer(&text).unwrap_or(0).saturating_add(by).to_string();
    scope.memory.variables.set(name, &value).map_err(|why| why.to_string())?;
    Ok(value)
}

/// `RAND([least][,most])`
pub(super) fn random(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 2);
    let least = leading_integer(nth(&parts, 0)).unwrap_or(0);
    let most = leading_integer(nth(&parts, 1)).unwrap_or(i64::from(i32::MAX));
    let (least, most) = (least.min(most), least.max(most));
    let span = (i128::from(most) - i128::from(least) + 1) as u128;
    let offset = u128::from(scope.host.random()) % span;
    Ok((i128::from(least) + offset as i128).to_string())
}

/// `ABS(n)`
pub(super) fn absolute(_: &mut Scope<'_>, text: &str) -> Answer {
    let number = checked(text)?;
    let negative = number.compare(Number::integer(0)) == Some(Ordering::Less);
    Ok(if negative { number.negate() } else { number }.to_string())
}

/// `MIN(a,b)`
pub(super) fn least(_: &mut Scope<'_>, arguments: &str) -> Answer {
    choose(arguments, Ordering::Less)
}

/// `MAX(a,b)`
pub(super) fn most(_: &mut Scope<'_>, arguments: &str) -> Answer {
    choose(arguments, Ordering::Greater)
}

fn choose(arguments: &str, wanted: Ordering) -> Answer {
    let parts = split(arguments, ',', 2);
    let (a, b) = (checked(nth(&parts, 0))?, checked(nth(&parts, 1))?);
    Ok(if a.compare(b) == Some(wanted) { a } else { b }.to_string())
}

fn checked(text: &str) -> Result<Number, String> {
    let bare = text.trim().trim_start_matches(['-', '+']);
    let numeric = !bare.is_empty() && bare.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    numeric.then(|| Number::parse(text)).ok_or_else(|| format!("'{text}' is no number"))
}

/// `SPRINTF(format,argument,…)` with C's conversions.
pub(super) fn format_text(_: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 64);
    let mut given = parts.iter().skip(1);
    let mut out = String::new();
    let mut rest = nth(&parts, 0);
    while let Some(percent) = rest.find('%') {
        out.push_str(&rest[..percent]);
        rest = &rest[percent + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'l' | 'h'));
        let end = end.ok_or("a '%' without a conversion")?;
        let conversion = rest[end..].chars().next().unwrap_or('s');
        let argument = given.next().ok_or_else(|| format!("no argument left for '%{}'", &rest[..=end]))?;
        out.push_str(&converted(rest[..end].trim_end_matches(['l', 'h']), conversion, argument)?);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Widest field and finest precision honoured.
const WIDEST: usize = 512;

fn converted(spec: &str, conversion: char, argument: &str) -> Answer {
    let flags_end = spec.find(|c: char| !"-+ 0#".contains(c)).unwrap_or(spec.len());
    let (flags, sizes) = spec.split_at(flags_end);
    let (width, precision) = match sizes.split_once('.') {
        Some((width, precision)) => (width, Some(precision.parse::<usize>().unwrap_or(0).min(WIDEST))),
        None => (sizes, None),
    };
    let width = width.parse::<usize>().unwrap_or(0).min(WIDEST);
    let float = || argument.trim().parse::<f64>().map_err(|_| format!("'{argument}' is no number"));
    let integer = || leading_integer(argument).ok_or_else(|| format!("'{argument}' is no number"));
    let body = match conversion {
        'd' | 'i' => format!("{:0>1$}", integer()?.unsigned_abs(), precision.unwrap_or(1)),
        'u' => format!("{:0>1$}", integer()? as u64, precision.unwrap_or(1)),
        'x' => format!("{:0>1$}", format!("{:x}", integer()?), precision.unwrap_or(1)),
        'X' => format!("{:0>1$}", format!("{:X}", integer()?), precision.unwrap_or(1)),
        'o' => format!("{:0>1$}", format!("{:o}", integer()?), precision.unwrap_or(1)),
        'c' => argument.chars().next().map(String::from).unwrap_or_default(),
        's' => argument.chars().take(precision.unwrap_or(usize::MAX)).collect(),
        'f' | 'F' => format!("{:.1$}", float()?.abs(), precision.unwrap_or(6)),
        'e' | 'E' => exponent(float()?.abs(), precision.unwrap_or(6), conversion),
        'g' | 'G' => Number::Float(float()?.abs()).to_string(),
        other => return Err(format!("'%{other}' is no conversion")),
    };
    let sign = match conversion {
        'd' | 'i' if integer()? < 0 => "-",
        'f' | 'F' | 'e' | 'E' | 'g' | 'G' if float()? < 0.0 => "-",
        'd' | 'i' | 'f' | 'F' | 'e' | 'E' | 'g' | 'G' if flags.contains('+') => "+",
        'd' | 'i' | 'f' | 'F' | 'e' | 'E' | 'g' | 'G' if flags.contains(' ') => " ",
        'x' if flags.contains('#') => "0x",
        _ => "",
    };
    let missing = width.saturating_sub(body.chars().count() + sign.len());
    Ok(if flags.contains('-') {
        format!("{sign}{body}{}", " ".repeat(missing))
    } else if flags.contains('0') && !matches!(conversion, 's' | 'c') {
        format!("{sign}{}{body}", "0".repeat(missing))
    } else {
        format!("{}{sign}{body}", " ".repeat(missing))
    })
}

fn exponent(value: f64, precision: usize, letter: char) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}{letter}{sign}{:02}", power.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;

    #[test]
    fn arithmetic_functions_do_as_asterisks() {
        Bench::new(&[("n", "5"), ("new", "")]).check(&[
            ("${MATH(1+2)}", "3.000000"),
            ("${MATH(7/2,int)}", "3"),
            ("${MATH(123%16,i)}", "11"),
            ("${MATH(-3*-4,int)}", "12"),
            ("${MATH(2^10,i)}", "1024"),
            ("${MATH(10-3,int)}", "7"),
            ("${MATH(-10--3,int)}", "-7"),
            ("${MATH(8>>1,int)}${MATH(1<<3,int)}", "48"),
            ("${MATH(6AND3,int)}${MATH(6OR1,int)}${MATH(6XOR3,int)}", "275"),
            ("${MATH(2>1)}${MATH(2<=1)}${MATH(2==2)}", "TRUEFALSETRUE"),
            ("${MATH(200+55,hex)}${MATH(64+1,char)}", "ffA"),
            ("${INC(n)}${INC(n)}${DEC(n)}${n}", "6766"),
            ("${INC(new)}", "1"),
            ("${ABS(-13.5)}", "13.5"),
            ("${MIN(10,7)}${MAX(10,7)}", "710"),
            ("${RAND(4,4)}", "4"),
        ]);
        let mut bench = Bench::new(&[]);
        for _ in 0..50 {
            let n: i64 = bench.expand("${RAND(-2,2)}").parse().expect("a number");
            assert!((-2..=2).contains(&n));
        }
    }

    #[test]
    fn sprintf_formats_as_c_does() {
        Bench::new(&[]).check(&[
            ("${SPRINTF(%03d,7)}", "007"),
            ("${SPRINTF(%5d|%-5d|%+d,-42,42,42)}", "  -42|42   |+42"),
            ("${SPRINTF(%x %X %o %#x,255,255,8,16)}", "ff FF 10 0x10"),
            ("${SPRINTF(%.2f %e,3.14159,12345.678)}", "3.14 1.234568e+04"),
            ("${SPRINTF(%s-%.2s-%c,ab,cdef,xyz)}", "ab-cd-x"),
            ("${SPRINTF(100%%)}", "100%"),
            ("${SPRINTF(%ld,5)}", "5"),
        ]);
    }

    #[test]
    fn what_is_no_number_is_told() {
        Bench::new(&[("t", "abc")]).check_faulty(&[
            ("${MATH(1)}", ""),
            ("${MATH(a+1)}", ""),
            ("${MATH(1/0)}", ""),
            ("${MATH(1%0)}", ""),
            ("${MATH(1+1,q)}", ""),
            ("${INC(t)}", ""),
            ("${ABS(x)}", ""),
            ("${SPRINTF(%d)}", ""),
            ("${SPRINTF(%d,x)}", ""),
            ("${SPRINTF(%q,1)}", ""),
        ]);
    }
}
