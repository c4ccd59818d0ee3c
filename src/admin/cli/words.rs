//! A typed line as words, by Asterisk's rules: blanks separate, `"` keeps blanks, `\` takes the next character as it is.

use crate::base::limits::ADMIN_LINE_WORDS;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Without quotes and escapes.
    pub text: String,
    /// Where it begins in the line, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

impl Word {
    /// Whether it is `other`, without regard to case.
    pub fn is(&self, other: &str) -> bool {
        self.text.eq_ignore_ascii_case(other)
    }
}

/// Cuts `line` into words. The error is a sentence: too many words.
pub fn split(line: &str) -> Result<Vec<Word>, String> {
    let mut words: Vec<Word> = Vec::new();
    let (mut quoted, mut escaped, mut inside) = (false, false, false);
    for (place, c) in line.char_indices() {
        let blank = matches!(c, ' ' | '\t' | '\r' | '\n') && !quoted && !escaped;
        if blank {
            inside = false;
            continue;
        }
        if c == '\\' && !escaped {
            escaped = true;
            continue;
        }
        if !inside {
            if words.len() >= ADMIN_LINE_WORDS {
                return Err(format!("Too many words in one line: {ADMIN_LINE_WORDS} are allowed."));
            }
            // An escape before the first character belongs to the word.
            let start = place - usize::from(escaped);
            words.push(Word { text: String::new(), start, end: place });
            inside = true;
        }
        if let Some(word) = words.last_mut() {
            word.end = place + c.len_utf8();
            if c == '"' && !escaped {
                quoted = !quoted;
            } else {
                word.text.push(c);
            }
        }
        escaped = false;
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).expect("few words").into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_and_backslashes_keep_blanks() {
        assert_eq!(texts("  pjsip\tshow  endpoints "), ["pjsip", "show", "endpoints"]);
        assert_eq!(texts(r#"like "a b" c\ d \"e"#), ["like", "a b", "c d", "\"e"]);
        assert_eq!(texts(r#"x "" y"#), ["x", "", "y"]);
        assert_eq!(texts(r"like a\\.b"), ["like", r"a\.b"]);
        assert!(texts("").is_empty());
        assert_eq!(
            texts("bob/sip:bob@127.0.0.1:7202;transport=udp"),
            ["bob/sip:bob@127.0.0.1:7202;transport=udp"]
        );
    }

    #[test]
    fn words_know_their_place() {
        let line = r#"a "b c" d"#;
        let words = split(line).expect("few words");
        assert_eq!(&line[words[1].start..words[1].end], r#""b c""#);
        assert_eq!(&line[words[2].start..], "d");
    }

    #[test]
    fn a_line_of_a_million_words_is_refused() {
        assert!(split(&"a ".repeat(1_000_000)).is_err());
    }
}
