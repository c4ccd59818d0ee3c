//! Fields of a line as C's `printf` lays them out, and the tab stop that all PJSIP tables share.

/// The column where the flexible field of a line ends.
pub(super) const TAB_STOP: isize = 62;

/// Columns of the title at a level: objects asked for are level 0, what hangs below them one deeper each.
pub(super) fn indent(level: isize) -> isize {
    9 + 2 * level
}

/// `%-W.Ws`: left-justified and cut. A negative width does what C does with it: nothing is cut, and the field is
/// `-width` wide.
pub(super) fn cell(out: &mut String, text: &str, width: isize) {
    let field = width.unsigned_abs();
    let keep = if width < 0 { usize::MAX } else { field };
    let mut used = 0;
    for c in text.chars().take(keep) {
        out.push(printable(c));
        used += 1;
    }
    spaces(out, field.saturating_sub(used));
}

/// `%-Ws`: left-justified, never cut.
pub(super) fn left(out: &mut String, text: &str, width: usize) {
    let mut used = 0;
    for c in text.chars() {
        out.push(printable(c));
        used += 1;
    }
    spaces(out, width.saturating_sub(used));
}

/// `%Ws`: right-justified, never cut.
pub(super) fn right(out: &mut String, text: &str, width: usize) {
    spaces(out, width.saturating_sub(text.chars().count()));
    out.extend(text.chars().map(printable));
}

/// A title with its colon: `%*s:`.
pub(super) fn title(out: &mut String, name: &str, level: isize) {
    right(out, name, indent(level).unsigned_abs());
    out.push(':');
}

/// `<label....>`, `width` columns wide.
pub(super) fn label(out: &mut String, name: &str, width: isize) {
    out.push('<');
    out.push_str(name);
    for _ in name.chars().count() + 2..width.unsigned_abs() {
        out.push('.');
    }
    out.push('>');
}

fn spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

/// Text of a peer may hold control characters; a terminal must not obey them, nor a table break.
pub(super) fn printable(c: char) -> char {
    if c.is_control() { '?' } else { c }
}

/// `hh:mm:ss`.
pub(super) fn clock(secs: u64) -> String {
    format!("{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(f: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        f(&mut out);
        out
    }

    #[test]
    fn fields_are_cut_and_filled_as_printf_does() {
        assert_eq!(made(|o| cell(o, "abc", 5)), "abc  ");
        assert_eq!(made(|o| cell(o, "abcdef", 5)), "abcde");
        assert_eq!(made(|o| cell(o, "abcdef", 0)), "");
        assert_eq!(made(|o| cell(o, "abcdef", -8)), "abcdef  ");
        assert_eq!(made(|o| cell(o, "abcdef", -2)), "abcdef");
        assert_eq!(made(|o| right(o, "7", 3)), "  7");
        assert_eq!(made(|o| label(o, "Aor", 8)), "<Aor...>");
        assert_eq!(made(|o| cell(o, "a\x1b[31m\n", 9)), "a?[31m?  ");
        assert_eq!(clock(360_061), "100:01:01");
    }
}
