//! Text functions: `LEN CUT FIELDQTY FIELDNUM FILTER REGEX REPLACE STRREPLACE STRBETWEEN TRIM TOUPPER QUOTE …`.

use super::super::arguments::{nth, split, split_raw};
use super::super::expr::regex;
use super::super::scope::Scope;
use super::{Answer, delimiter, named, unescaped};

pub(super) fn len(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(text.len().to_string())
}

pub(super) fn to_upper(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(text.to_ascii_uppercase())
}

pub(super) fn to_lower(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(text.to_ascii_lowercase())
}

pub(super) fn trim(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(text.trim().to_owned())
}

pub(super) fn left_trim(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(text.trim_start().to_owned())
}

pub(super) fn right_trim(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(text.trim_end().to_owned())
}

pub(super) fn pass_through(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(text.to_owned())
}

pub(super) fn reverse(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(text.chars().rev().collect())
}

/// `QUOTE(text)`: in quotes, with quotes and backslashes escaped.
pub(super) fn quote(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// `CSV_QUOTE(text)`: in quotes, with quotes doubled.
pub(super) fn csv_quote(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(format!("\"{}\"", text.replace('"', "\"\"")))
}

/// `CUT(variable,delimiter,fields)`: fields `2`, `1-3`, `-2`, `4-`, joined by `&`.
pub(super) fn cut(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 3);
    if parts.len() < 3 {
        return Err("three arguments are needed: CUT(variable,delimiter,fields)".into());
    }
    let value = named(scope, &parts[0]);
    let delimiter = delimiter(&parts[1], '-');
    let fields: Vec<&str> = value.split(delimiter).collect();
    let mut taken: Vec<&str> = Vec::new();
    for range in parts[2].split('&') {
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first, 1)?, number(last, fields.len())?),
            None => (number(range, 1)?, number(range, 1)?),
        };
        let first = first.max(1);
        taken.extend(fields.iter().take(last).skip(first - 1));
        if taken.len() > crate::base::limits::EXPANSION_BYTES {
            return Err("too many fields".into());
        }
    }
    Ok(taken.join(&delimiter.to_string()))
}

fn number(text: &str, otherwise: usize) -> Result<usize, String> {
    match text.trim() {
        "" => Ok(otherwise),
        text => text.parse().map_err(|_| format!("'{text}' is no field number")),
    }
}

/// `FIELDQTY(variable,delimiter)`; an empty value has no field.
pub(super) fn field_quantity(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 2);
    let value = named(scope, nth(&parts, 0));
    if value.is_empty() {
        return Ok("0".into());
    }
    Ok(value.split(delimiter(nth(&parts, 1), '-')).count().to_string())
}

/// `FIELDNUM(variable,delimiter,value)`: its place from 1, 0 when absent.
pub(super) fn field_number(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 3);
    if parts.len() < 3 {
        return Err("three arguments are needed: FIELDNUM(variable,delimiter,value)".into());
    }
    let value = named(scope, &parts[0]);
    let at = value.split(delimiter(&parts[1], '-')).position(|field| field == parts[2]);
    Ok(at.map_or(0, |at| at + 1).to_string())
}

/// `FILTER(allowed,text)`: the characters of `text` that are allowed; `a-z` is a range, `\-` a dash.
pub(super) fn filter(_: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split_raw(arguments, ',', 2);
    if parts.len() < 2 {
        return Err("two arguments are needed: FILTER(allowed,text)".into());
    }
    let allowed = allowed_chars(&parts[0]);
    Ok(parts[1].chars().filter(|c| allowed.iter().any(|(first, last)| (first..=last).contains(&c))).collect())
}

/// Ranges of characters, with escapes resolved one character at a time so that `\-` is no range.
fn allowed_chars(text: &str) -> Vec<(char, char)> {
    let mut out = Vec::new();
    let mut rest = text;
    let next = |rest: &mut &str| -> Option<char> {
        let bytes = match rest.strip_prefix('\\') {
            Some(escape) if escape.starts_with('x') => {
                2 + escape[1..].chars().take(2).take_while(char::is_ascii_hexdigit).count()
            }
            Some(escape) => 1 + escape.chars().next().map_or(0, char::len_utf8),
            None => rest.chars().next()?.len_utf8(),
        };
        let (one, after) = rest.split_at(bytes.min(rest.len()));
        *rest = after;
        Some(unescaped(one).chars().next().unwrap_or('\\'))
    };
    while let Some(first) = next(&mut rest) {
        match rest.strip_prefix('-').filter(|after| !after.is_empty()) {
            Some(after) => {
                rest = after;
                out.extend(next(&mut rest).map(|last| (first, last)));
            }
            None => out.push((first, first)),
        }
    }
    out
}

/// `REGEX("pattern" text)`: 1 or 0. The pattern is POSIX extended.
pub(super) fn regular_expression(_: &mut Scope<'_>, arguments: &str) -> Answer {
    let rest = arguments.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
    let (pattern, text) = rest.ok_or("the form is REGEX(\"pattern\" text)")?;
    let text = text.strip_prefix(' ').unwrap_or(text);
    let regex = regex(pattern, false).map_err(|why| format!("bad pattern '{pattern}': {why}"))?;
    Ok(u8::from(regex.is_match(text.as_bytes())).to_string())
}

/// `REPLACE(variable,characters[,replacement])`: each of the characters becomes the replacement, or goes.
pub(super) fn replace(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 3);
    if parts.len() < 2 || parts[1].is_empty() {
        return Err("the form is REPLACE(variable,characters[,replacement])".into());
    }
    let value = named(scope, &parts[0]);
    let characters = unescaped(&parts[1]);
    let replacement = unescaped(nth(&parts, 2)).chars().next();
    let swap = |c| if characters.contains(c) { replacement } else { Some(c) };
    Ok(value.chars().filter_map(swap).collect())
}

/// `STRREPLACE(variable,text[,replacement[,most]])`
pub(super) fn string_replace(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 4);
    if parts.len() < 2 || parts[1].is_empty() {
        return Err("the form is STRREPLACE(variable,text[,replacement[,most]])".into());
    }
    let value = named(scope, &parts[0]);
    let most = nth(&parts, 3).parse().unwrap_or(usize::MAX);
    Ok(value.replacen(&parts[1], nth(&parts, 2), most))
}

/// `STRBETWEEN(text,separator)`: the separator after each character but the last.
pub(super) fn string_between(_: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 2);
    let characters: Vec<String> = nth(&parts, 0).chars().map(String::from).collect();
    Ok(characters.join(nth(&parts, 1)))
}

/// `KEYPADHASH(text)`: the digits on which a keypad has the letters.
pub(super) fn keypad_hash(_: &mut Scope<'_>, text: &str) -> Answer {
    let key = |c: char| match c.to_ascii_uppercase() {
        '1' => Some('1'),
        'A'..='C' | '2' => Some('2'),
        'D'..='F' | '3' => Some('3'),
        'G'..='I' | '4' => Some('4'),
        'J'..='L' | '5' => Some('5'),
        'M'..='O' | '6' => Some('6'),
        'P'..='S' | '7' => Some('7'),
        'T'..='V' | '8' => Some('8'),
        'W'..='Z' | '9' => Some('9'),
        '0' => Some('0'),
        _ => None,
    };
    Ok(text.chars().filter_map(key).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;

    #[test]
    fn text_functions_do_as_asterisks() {
        let variables = [
            ("ch", "PJSIP/alice-00000001"),
            ("csv", "a,b,c,d"),
            ("path", "x/y/z"),
            ("empty", ""),
            ("s", "Hello World"),
            ("tab", "a\tb"),
            ("n", "+49 (30) 12-34"),
        ];
        Bench::new(&variables).check(&[
            ("${LEN(${s})}", "11"),
            ("${LEN()}", "0"),
            ("${LEN(größe)}", "7"),
            ("${CUT(ch,-,1)}", "PJSIP/alice"),
            ("${CUT(ch,/,2)}", "alice-00000001"),
            ("${CUT(csv,\\,,2)}", "b"),
            ("${CUT(csv,\",\",2-3)}", "b,c"),
            ("${CUT(path,/,2-)}", "y/z"),
            ("${CUT(path,/,-2)}", "x/y"),
            ("${CUT(path,/,1&3)}", "x/z"),
            ("${CUT(path,/,9)}", ""),
            ("${CUT(tab,\\\\t,2)}", "b"),
            ("${CUT(TOUPPER(path),/,1)}", "PATH"),
            ("${FIELDQTY(path,/)}", "3"),
            ("${FIELDQTY(csv,\\,)}", "4"),
            ("${FIELDQTY(empty,/)}", "0"),
            ("${FIELDNUM(path,/,z)}", "3"),
            ("${FIELDNUM(path,/,q)}", "0"),
            ("${FILTER(0-9,${n})}", "49301234"),
            ("${FILTER(0-9+\\-,${n})}", "+493012-34"),
            ("${FILTER(a-zA-Z\\x20,H3llo W0rld)}", "Hllo Wrld"),
            ("${REGEX(\"^[0-9]+$\" 123)}", "1"),
            ("${REGEX(\"^[0-9]+$\" 12a)}", "0"),
            ("${REGEX(\"a b\" xa bx)}", "1"),
            ("${REPLACE(n, ()-,)}", "+49301234"),
            ("${REPLACE(path,/,_)}", "x_y_z"),
            ("${STRREPLACE(s,World,Moon)}", "Hello Moon"),
            ("${STRREPLACE(path,/,--,1)}", "x--y/z"),
            ("${STRBETWEEN(123,w)}", "1w2w3"),
            ("${TOUPPER(abcß)}", "ABCß"),
            ("${TOLOWER(ABC)}", "abc"),
            ("[${TRIM( a b )}]", "[a b]"),
            ("[${LTRIM( a )}]", "[a ]"),
            ("[${RTRIM( a )}]", "[ a]"),
            ("${QUOTE(a \"b\" c)}", "\"a \\\"b\\\" c\""),
            ("${CSV_QUOTE(a \"b\",c)}", "\"a \"\"b\"\",c\""),
            ("${PASSTHRU(${s})}", "Hello World"),
            ("${KEYPADHASH(Les)}", "537"),
        ]);
    }

    #[test]
    fn wrong_arguments_are_told() {
        Bench::new(&[("a", "1-2")]).check_faulty(&[
            ("${CUT(a,-)}", ""),
            ("${CUT(a,-,x)}", ""),
            ("${FILTER(0-9)}", ""),
            ("${REGEX([0-9] 1)}", ""),
            ("${REGEX(\"(\" 1)}", ""),
            ("${REPLACE(a)}", ""),
        ]);
    }
}
