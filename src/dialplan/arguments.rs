//! Argument lists as applications and functions cut them: a delimiter counts only outside `( )`, `[ ]` and `" "`.

/// Cuts at `delimiter`, into at most `most` parts (the last keeps the rest as it is). Quotes and backslashes are taken
/// away, a backslash keeps the character after it; Asterisk's `AST_STANDARD_APP_ARGS`.
pub fn split(text: &str, delimiter: char, most: usize) -> Vec<String> {
    cut(text, delimiter, most, true)
}

/// The same, but quotes and backslashes stay where they are; `AST_STANDARD_RAW_ARGS`.
pub fn split_raw(text: &str, delimiter: char, most: usize) -> Vec<String> {
    cut(text, delimiter, most, false)
}

fn cut(text: &str, delimiter: char, most: usize, strip: bool) -> Vec<String> {
    let mut parts = Vec::new();
    let mut chars = text.char_indices();
    let mut ended_by_delimiter = false;
    while parts.len() + 1 < most && !chars.as_str().is_empty() {
        let mut part = String::new();
        ended_by_delimiter = false;
        let (mut parens, mut brackets, mut quoted) = (0u32, 0u32, false);
        while let Some((_, c)) = chars.next() {
            match c {
                '(' => parens += 1,
                ')' => parens = parens.saturating_sub(1),
                '[' => brackets += 1,
                ']' => brackets = brackets.saturating_sub(1),
                '"' if delimiter != '"' => {
                    quoted = !quoted;
                    if strip {
                        continue;
                    }
                }
                '\\' => {
                    if !strip {
                        part.push(c);
                    }
                    part.extend(chars.next().map(|(_, c)| c));
                    continue;
                }
                c if c == delimiter && parens == 0 && brackets == 0 && !quoted => {
                    ended_by_delimiter = true;
                    break;
                }
                _ => {}
            }
            part.push(c);
        }
        parts.push(part);
    }
    let rest = chars.as_str();
    if !rest.is_empty() || ended_by_delimiter {
        parts.push(rest.to_owned());
    }
    parts
}

/// Argument `at`, empty when it was not given.
pub fn nth(parts: &[String], at: usize) -> &str {
    parts.get(at).map_or("", String::as_str)
}

/// One option letter and the text in its parentheses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The letter.
    pub letter: char,
    /// What stood in `( )`; `None` without parentheses.
    pub argument: Option<String>,
    /// Where the letter stands, in bytes.
    pub at: usize,
}

/// Reads option letters: `tTm(class)U(sub^a^b)`. Inside the parentheses, others nest; quotes count only when the
/// argument begins with one; a backslash keeps the next character. `Err` holds what was read before a `(` that is
/// never closed.
pub fn letters(text: &str) -> Result<Vec<Letter>, Vec<Letter>> {
    let mut out = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, letter)) = chars.next() {
        if chars.next_if(|(_, c)| *c == '(').is_none() {
            out.push(Letter { letter, argument: None, at });
            continue;
        }
        let with_quotes = chars.peek().is_some_and(|(_, c)| *c == '"');
        let (mut argument, mut depth, mut quoted) = (String::new(), 1u32, false);
        while let Some((_, c)) = chars.next() {
            match c {
                '(' if !quoted => depth += 1,
                ')' if !quoted => depth -= 1,
                '"' if with_quotes => {
                    quoted = !quoted;
                    continue;
                }
                '\\' => {
                    argument.extend(chars.next().map(|(_, c)| c));
                    continue;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
            argument.push(c);
        }
        let closed = depth == 0;
        out.push(Letter { letter, argument: Some(argument), at });
        if !closed {
            return Err(out);
        }
    }
    Ok(out)
}

/// `pbx_checkcondition`: empty or the number 0 is false; a text without a leading number is true.
pub fn is_true(condition: &str) -> bool {
    !condition.is_empty() && super::expr::leading_integer(condition) != Some(0)
}

/// Blanks and one pair of surrounding quotes taken away; Asterisk's `ast_strip_quoted`.
pub fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_count_outside_brackets_and_quotes() {
        let table: &[(&str, &[&str])] = &[
            ("a,b,c", &["a", "b", "c"]),
            ("", &[]),
            (",", &["", ""]),
            ("a,", &["a", ""]),
            ("f(a,b),c", &["f(a,b)", "c"]),
            ("[1,2],\"x,y\",z", &["[1,2]", "x,y", "z"]),
            ("a\\,b,c", &["a,b", "c"]),
            ("a),b", &["a)", "b"]),
            ("(a,b", &["(a,b"]),
            ("a\\", &["a"]),
        ];
        for (text, parts) in table {
            assert_eq!(split(text, ',', 99), *parts, "{text}");
        }
        assert_eq!(split("a,b,c,d", ',', 2), ["a", "b,c,d"]);
        assert_eq!(split("a,\"b\",c", ',', 2), ["a", "\"b\",c"], "the last part keeps its quotes");
        assert_eq!(split_raw("\"a,b\",c\\,d", ',', 9), ["\"a,b\"", "c\\,d"]);
    }

    #[test]
    fn option_letters_carry_their_arguments() {
        let one =
            |letter, argument: Option<&str>, at| Letter { letter, argument: argument.map(Into::into), at };
        assert_eq!(
            letters("tTm(default)U(sub^a(b)^c)g"),
            Ok(vec![
                one('t', None, 0),
                one('T', None, 1),
                one('m', Some("default"), 2),
                one('U', Some("sub^a(b)^c"), 12),
                one('g', None, 25),
            ])
        );
        assert_eq!(letters("A(\"a)b\")r"), Ok(vec![one('A', Some("a)b"), 0), one('r', None, 8)]));
        assert_eq!(letters("m()"), Ok(vec![one('m', Some(""), 0)]));
        assert_eq!(letters("gm(x"), Err(vec![one('g', None, 0), one('m', Some("x"), 1)]));
        assert_eq!(letters("x(a\\)b)"), Ok(vec![one('x', Some("a)b"), 0)]));
    }

    #[test]
    fn conditions_are_asterisks() {
        for (text, truth) in [
            ("", false),
            ("0", false),
            (" 0", false),
            ("0abc", false),
            ("0.5", false),
            ("1", true),
            ("-1", true),
            ("abc", true),
        ] {
            assert_eq!(is_true(text), truth, "{text:?}");
        }
    }
}
