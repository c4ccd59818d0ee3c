//! How this room reads files: through a trait, so that it needs no disk. The disk's implementation lives in `store`.

use std::collections::BTreeMap;

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// There is no such file.
    Missing,
    /// It is there, but cannot be read; the system's reason.
    Unreadable(String),
}

/// A directory of configuration files.
pub trait Files {
    /// The bytes of `path`, relative to the configuration directory unless it begins with `/`.
    fn read(&self, path: &str) -> Result<Vec<u8>, FileFault>;

    /// The same, handed to `each` in pieces of whole lines, at least one, with the length of all: so that a large file
    /// need not be in memory beside what is made of it.
    fn pieces(&self, path: &str, each: &mut dyn FnMut(Vec<u8>, usize)) -> Result<(), FileFault> {
        let bytes = self.read(path)?;
        let length = bytes.len();
        each(bytes, length);
        Ok(())
    }

    /// The files that match a pattern with `*`, `?` or `[…]`, sorted, named as `path` of [`Files::read`]. None is not a
    /// fault.
    fn expand(&self, pattern: &str) -> Result<Vec<String>, FileFault>;
}

/// Files in memory, for tests and for text that comes from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<String, Vec<u8>>,
}

impl MemoryFiles {
    /// No files.
    pub fn new() -> MemoryFiles {
        MemoryFiles::default()
    }

    /// With one more file.
    #[must_use]
    pub fn with(mut self, path: &str, text: impl Into<Vec<u8>>) -> MemoryFiles {
        self.files.insert(path.to_owned(), text.into());
        self
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileFault> {
        self.files.get(path).cloned().ok_or(FileFault::Missing)
    }

    fn expand(&self, pattern: &str) -> Result<Vec<String>, FileFault> {
        Ok(self.files.keys().filter(|path| path_matches(pattern, path)).cloned().collect())
    }
}

/// Whether an include names a pattern rather than one file.
pub fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Shell-style match of a whole path; a wildcard never matches `/`, nor a leading dot.
pub fn path_matches(pattern: &str, path: &str) -> bool {
    let mut patterns = pattern.split('/');
    let mut parts = path.split('/');
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if part_matches(pattern, part) => {}
            _ => return false,
        }
    }
}

/// Shell-style match (`*`, `?`, `[a-z]`, `[!a-z]`) of one path component.
pub fn part_matches(pattern: &str, part: &str) -> bool {
    if part.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let part: Vec<char> = part.chars().collect();
    // The classic two-pointer walk: on a mismatch go back to the last star and let it take one more. Linear in
    // pattern × part at worst.
    let (mut p, mut c) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while c < part.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, c));
            p += 1;
            continue;
        }
        if let Some(next) = one_matches(&pattern, p, part[c]) {
            p = next;
            c += 1;
            continue;
        }
        let Some((star_at, taken)) = star else { return false };
        star = Some((star_at, taken + 1));
        p = star_at + 1;
        c = taken + 1;
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

/// Where the pattern goes on after it matched `c` at `p`.
fn one_matches(pattern: &[char], p: usize, c: char) -> Option<usize> {
    match pattern.get(p)? {
        '?' => Some(p + 1),
        '[' => {
            let close = pattern[p + 1..].iter().skip(1).position(|x| *x == ']').map(|at| p + 2 + at);
            let Some(close) = close else { return (c == '[').then_some(p + 1) };
            let set = &pattern[p + 1..close];
            let (negated, set) = match set.split_first() {
                Some(('!' | '^', rest)) => (true, rest),
                _ => (false, set),
            };
            (set_holds(set, c) != negated).then_some(close + 1)
        }
        literal => (*literal == c).then_some(p + 1),
    }
}

fn set_holds(set: &[char], c: char) -> bool {
    let mut at = 0;
    while at < set.len() {
        if at + 2 < set.len() && set[at + 1] == '-' {
            if (set[at]..=set[at + 2]).contains(&c) {
                return true;
            }
            at += 3;
        } else {
            if set[at] == c {
                return true;
            }
            at += 1;
        }
    }
    false
}

/// The text of a file: UTF-8, and any byte that is not, as Latin-1, as older trees have it. `true` when there was one.
pub fn decode(bytes: Vec<u8>) -> (String, bool) {
    let (text, foreign) = match String::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(fault) => {
            let mut text = String::with_capacity(fault.as_bytes().len() + 16);
            for chunk in fault.as_bytes().utf8_chunks() {
                text.push_str(chunk.valid());
                text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
            }
            (text, true)
        }
    };
    match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest.to_owned(), foreign),
        None => (text, foreign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_shell_does() {
        for (pattern, path, yes) in [
            ("pjsip.*.conf", "pjsip.aor.conf", true),
            ("pjsip.*.conf", "pjsip.conf", false),
            ("*", ".hidden", false),
            ("conf.d/*.conf", "conf.d/a.conf", true),
            ("conf.d/*.conf", "conf.d/x/a.conf", false),
            ("a?c", "abc", true),
            ("a[b-d]c", "acc", true),
            ("a[!b-d]c", "acc", false),
            ("a[", "a[", true),
            ("*a*b*c", "xxaxxbxxc", true),
            ("**", "x", true),
        ] {
            assert_eq!(path_matches(pattern, path), yes, "{pattern} {path}");
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_latin1() {
        assert_eq!(decode(b"caf\xe9".to_vec()), ("caf\u{e9}".into(), true));
        assert_eq!(decode(b"\xef\xbb\xbf[a]".to_vec()), ("[a]".into(), false));
    }
}
