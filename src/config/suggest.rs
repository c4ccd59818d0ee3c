//! "Did you mean …?": the nearest right name, by edit distance and by the names people bring from elsewhere.

/// The candidate nearest to `wrong`, if one is near enough to be what was meant: at most one edit in short names,
/// a third of the length in long ones. Swapped neighbours count as one edit; case, `-` and `_` count as nothing.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = normal(wrong);
    if wrong.is_empty() || wrong.len() > MAX_NAME {
        return None;
    }
    let limit = (wrong.len() / 3).clamp(1, 4);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.len() > MAX_NAME || candidate.len().abs_diff(wrong.len()) > limit + 2 {
            continue;
        }
        let distance = distance(&wrong, &normal(candidate));
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Longer names are not compared: the work grows with the square of the length.
const MAX_NAME: usize = 80;

fn normal(name: &str) -> Vec<u8> {
    name.bytes().filter(|b| !matches!(b, b'-' | b'_')).map(|b| b.to_ascii_lowercase()).collect()
}

/// Edits (insert, delete, replace, swap neighbours) that turn `a` into `b`.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let width = b.len() + 1;
    let mut before = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; width];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row[j] = least;
        }
        before = last;
        last = row;
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["set_var", "aors", "auth", "mailboxes", "direct_media", "context"];
        assert_eq!(nearest("setvar", names), Some("set_var"));
        assert_eq!(nearest("aor", names), Some("aors"));
        assert_eq!(nearest("mailbox", names), Some("mailboxes"));
        assert_eq!(nearest("DirectMedia", names), Some("direct_media"));
        assert_eq!(nearest("contxet", names), Some("context"));
        assert_eq!(nearest("awesomeness", names), None);
        assert_eq!(nearest("", names), None);
    }
}
