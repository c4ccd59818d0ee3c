//! Takes comments out of lines: `;` to the end, `;-- … --;` nestable and over several lines, `\;` a literal.

use std::borrow::Cow;

/// How deep `;--` may nest. Deeper is taken as text within the comment.
const NESTED_COMMENTS: u32 = 128;

/// Where the reader stands between lines.
#[derive(Debug, Default)]
pub(super) struct Comments {
    depth: u32,
    opened_at: u32,
}

impl Comments {
    /// The line on which a comment began that is still open.
    pub(super) fn open_since(&self) -> Option<u32> {
        (self.depth > 0).then_some(self.opened_at)
    }

    /// What is left of a line.
    pub(super) fn strip<'a>(&mut self, line: &'a str, number: u32) -> Cow<'a, str> {
        if self.depth == 0 {
            let Some(first) = memchr::memchr(b';', line.as_bytes()) else { return Cow::Borrowed(line) };
            let escaped = first > 0 && line.as_bytes()[first - 1] == b'\\';
            if !escaped && !opens_block(&line[first..]) {
                return Cow::Borrowed(&line[..first]);
            }
        }
        Cow::Owned(self.strip_slowly(line, number))
    }

    fn strip_slowly(&mut self, line: &str, number: u32) -> String {
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(at) = rest.find(';') {
            let before = &rest[..at];
            let from_here = &rest[at..];
            if self.depth == 0 {
                if let Some(text) = before.strip_suffix('\\') {
                    out.push_str(text);
                    out.push(';');
                } else if opens_block(from_here) {
                    out.push_str(before);
                    self.depth = 1;
                    self.opened_at = number;
                    rest = &from_here[3..];
                    continue;
                } else {
                    out.push_str(before);
                    return out;
                }
            } else if opens_block(from_here) && self.depth < NESTED_COMMENTS {
                self.depth += 1;
                rest = &from_here[3..];
                continue;
            } else if before.ends_with("--") {
                self.depth -= 1;
            }
            rest = &from_here[1..];
        }
        if self.depth == 0 {
            out.push_str(rest);
        }
        out
    }
}

/// `;--`, but not `;---`, which people draw as a ruler.
fn opens_block(text: &str) -> bool {
    text.starts_with(";--") && !text[3..].starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip(lines: &[&str]) -> Vec<String> {
        let mut comments = Comments::default();
        lines.iter().enumerate().map(|(n, line)| comments.strip(line, n as u32 + 1).into_owned()).collect()
    }

    #[test]
    fn comments_go_and_escaped_semicolons_stay() {
        assert_eq!(
            strip(&["a = b ; c", r"a = b\;c ; d", ";--- ruler ---", "x"]),
            ["a = b ", "a = b;c ", "", "x"]
        );
    }

    #[test]
    fn block_comments_nest_and_span_lines() {
        let got = strip(&["a ;-- one", "two ;-- three --; four", "five --; b = c", "d"]);
        assert_eq!(got, ["a ", "", " b = c", "d"]);
        assert_eq!(strip(&["x ;-- y --; z"]), ["x  z"]);
    }

    #[test]
    fn an_open_comment_is_remembered() {
        let mut comments = Comments::default();
        comments.strip("a", 1);
        assert_eq!(comments.open_since(), None);
        comments.strip("b ;-- c", 2);
        comments.strip("d", 3);
        assert_eq!(comments.open_since(), Some(2));
    }
}
