//! Printing, in the line order of RFC 8866 5, each line ended by CR LF.

use super::attribute::Attributes;
use super::description::{Description, Line, Media};
use std::io::Write;

impl Description {
    /// Appends the text of this description. What was left out and must not be (`s=`, `t=`) is written as `-` and `0 0`.
    pub fn print(&self, out: &mut Vec<u8>) {
        self.print_as(out, self.origin.id, self.origin.version);
    }

    /// [`Description::print`] with another id and version.
    pub(super) fn print_as(&self, out: &mut Vec<u8>, id: u64, version: u64) {
        let o = &self.origin;
        let name: &str = if self.session_name.is_empty() { "-" } else { &self.session_name };
        line(out, format_args!("v=0"));
        line(out, format_args!("o={} {id} {version} IN {}", o.user, o.address));
        line(out, format_args!("s={name}"));
        others(out, &self.other, "iuep");
        if let Some(c) = &self.connection {
            line(out, format_args!("c=IN {}{}", c.address, c.suffix));
        }
        for b in &self.bandwidth {
            line(out, format_args!("b={b}"));
        }
        if self.timing.is_empty() {
            line(out, format_args!("t=0 0"));
        }
        for t in &self.timing {
            line(out, format_args!("t={t}"));
        }
        others(out, &self.other, "rzk");
        attributes(out, &self.attributes);
        for m in &self.media {
            media(out, m);
        }
    }

    /// [`Description::print`] into fresh bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        self.print(&mut out);
        out
    }
}

fn media(out: &mut Vec<u8>, m: &Media) {
    put(out, format_args!("m={} {}", m.kind, m.port));
    if m.port_count > 1 {
        put(out, format_args!("/{}", m.port_count));
    }
    put(out, format_args!(" {}", m.transport.as_str()));
    for format in &m.formats {
        put(out, format_args!(" {format}"));
    }
    out.extend_from_slice(b"\r\n");
    others(out, &m.other, "iuep");
    for c in &m.connections {
        line(out, format_args!("c=IN {}{}", c.address, c.suffix));
    }
    for b in &m.bandwidth {
        line(out, format_args!("b={b}"));
    }
    others(out, &m.other, "rzk");
    attributes(out, &m.attributes);
}

fn attributes(out: &mut Vec<u8>, attributes: &Attributes) {
    for a in &attributes.0 {
        line(out, format_args!("a={}", a.as_str()));
    }
}

fn others(out: &mut Vec<u8>, lines: &[Line], letters: &str) {
    for l in lines.iter().filter(|l| letters.contains(l.letter)) {
        line(out, format_args!("{}={}", l.letter, l.value));
    }
}

fn line(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    put(out, text);
    out.extend_from_slice(b"\r\n");
}

/// Appends a piece of a line. A line end inside it (from a configured name, say) becomes a space, so that no value can
/// add a line of its own.
fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let start = out.len();
    out.write_fmt(text).expect("writing into a Vec cannot fail");
    for byte in &mut out[start..] {
        if matches!(byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
}
