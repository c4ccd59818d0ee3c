//! Option tables: `ParameterName : ParameterValue`.

use super::columns::{left, printable};
use crate::switch::view::Options;

/// The table under a single object. Its values are the object's own, so a multi-line one stays one row.
pub(super) fn table(out: &mut String, options: &Options) {
    let name = options.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(13);
    let value = options.iter().map(|(_, value)| value.chars().count()).max().unwrap_or(0).max(14);
    row(out, "ParameterName", "ParameterValue", name);
    out.push(' ');
    out.extend(std::iter::repeat_n('=', name + value + 3));
    out.push('\n');
    for (key, text) in options {
        row(out, key, text, name);
    }
}

fn row(out: &mut String, name: &str, value: &str, width: usize) {
    out.push(' ');
    left(out, name, width);
    out.push_str(" : ");
    out.extend(value.chars().map(printable));
    out.push('\n');
}
