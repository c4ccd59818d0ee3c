//! Words and operators of `$[ ]`, as Asterisk's scanner cuts them.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    Digits(&'t str),
    Word(&'t str),
    Operator(&'static str),
    End,
}

/// Two-character operators before their one-character beginnings.
const OPERATORS: [&str; 25] = [
    "||", "&&", "==", "=~", "~~", ">=", "<=", "!=", "::", "|", "&", "=", ">", "<", "+", ",", "-", "*", "/",
    "%", "?", "!", ":", "(", ")",
];

/// The next token of `text` from `*at` on, and where it begins.
pub(super) fn scan<'t>(text: &'t str, at: &mut usize) -> (Token<'t>, usize) {
    let bytes = text.as_bytes();
    loop {
        let start = *at;
        let rest = &text[start..];
        let Some(first) = rest.chars().next() else { return (Token::End, start) };
        if let Some(operator) = OPERATORS.into_iter().find(|operator| rest.starts_with(operator)) {
            *at += operator.len();
            return (Token::Operator(operator), start);
        }
        if first == '"'
            && let Some(close) = rest[1..].find('"')
        {
            *at += close + 2;
            return (Token::Word(&rest[..close + 2]), start);
        }
        let word = word_len(&bytes[start..]);
        if word > 0 {
            let word_text = &rest[..word];
            *at += word;
            let token =
                if is_plain_number(word_text) { Token::Digits(word_text) } else { Token::Word(word_text) };
            return (token, start);
        }
        // Blanks; and what Asterisk's scanner drops: brackets, braces, a lone quote or tilde.
        *at += first.len_utf8();
    }
}

/// A token as a message names it.
pub(super) fn shown(token: Token<'_>) -> String {
    match token {
        Token::Digits(text) | Token::Word(text) => format!("'{text}'"),
        Token::Operator(text) => format!("'{text}'"),
        Token::End => "the end".into(),
    }
}

/// Bytes of the bare word at the beginning: letters, digits, `.';\_^#@`, anything not ASCII, and `$` with what follows.
fn word_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&c) = bytes.get(at) {
        let next = bytes.get(at + 1);
        match c {
            _ if c.is_ascii_alphanumeric() || b".';\\_^#@".contains(&c) || c >= 0x80 => at += 1,
            b'$' if next.is_some_and(|next| *next != b'{' && next.is_ascii()) => at += 2,
            b'$' if next.is_some_and(|next| *next >= 0x80) => at += 1,
            _ => break,
        }
    }
    at
}

/// `[0-9]+(\.[0-9]+)?`
fn is_plain_number(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    digits(whole) && digits(fraction)
}
