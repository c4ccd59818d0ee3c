//! Printing, in the line order of RFC 8866 5, each line ended by CR LF.

use super::attribute::Attributes;
use super::description::{Address, Connection, Description, Line, Media, MediaFormat};
use crate::base::digits::{push_decimal, push_ip};

impl Description {
    /// Appends the text of this description. What was left out and must not be (`s=`, `t=`) is written as `-` and `0 0`.
    pub fn print(&self, out: &mut Vec<u8>) {
        self.print_as(out, self.origin.id, self.origin.version);
    }

    /// [`Description::print`] with another id and version.
    pub(super) fn print_as(&self, out: &mut Vec<u8>, id: u64, version: u64) {
        let o = &self.origin;
        out.extend_from_slice(b"v=0\r\no=");
        put(out, &o.user);
        out.push(b' ');
        push_decimal(out, id);
        out.push(b' ');
        push_decimal(out, version);
        out.extend_from_slice(b" IN ");
        address(out, &o.address);
        out.extend_from_slice(b"\r\n");
        line(out, b's', if self.session_name.is_empty() { "-" } else { &self.session_name });
        others(out, &self.other, "iuep");
        connections(out, self.connection.as_slice());
        lines(out, b'b', &self.bandwidth);
        if self.timing.is_empty() {
            line(out, b't', "0 0");
        }
        lines(out, b't', &self.timing);
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
    out.extend_from_slice(b"m=");
    put(out, m.kind.as_str());
    out.push(b' ');
    push_decimal(out, m.port.into());
    if m.port_count > 1 {
        out.push(b'/');
        push_decimal(out, m.port_count.into());
    }
    out.push(b' ');
    put(out, m.transport.as_str());
    for format in &m.formats {
        out.push(b' ');
        match format {
            MediaFormat::Payload(number) => push_decimal(out, (*number).into()),
            MediaFormat::Token(token) => put(out, token),
        }
    }
    out.extend_from_slice(b"\r\n");
    others(out, &m.other, "iuep");
    connections(out, &m.connections);
    lines(out, b'b', &m.bandwidth);
    others(out, &m.other, "rzk");
    attributes(out, &m.attributes);
}

fn attributes(out: &mut Vec<u8>, attributes: &Attributes) {
    for a in &attributes.0 {
        line(out, b'a', a.as_str());
    }
}

fn others(out: &mut Vec<u8>, some: &[Line], letters: &str) {
    for l in some.iter().filter(|l| letters.contains(l.letter)) {
        // One of those letters, all of them ASCII.
        line(out, l.letter as u8, &l.value);
    }
}

fn connections(out: &mut Vec<u8>, some: &[Connection]) {
    for c in some {
        out.extend_from_slice(b"c=IN ");
        address(out, &c.address);
        put(out, &c.suffix);
        out.extend_from_slice(b"\r\n");
    }
}

fn address(out: &mut Vec<u8>, address: &Address) {
    let ip6 = match address {
        Address::Ip(ip) => ip.is_ipv6(),
        Address::Name { ip6, .. } => *ip6,
    };
    out.extend_from_slice(if ip6 { b"IP6 " } else { b"IP4 " });
    match address {
        Address::Ip(ip) => push_ip(out, *ip),
        Address::Name { host, .. } => put(out, host),
    }
}

fn lines(out: &mut Vec<u8>, letter: u8, values: &[Box<str>]) {
    for value in values {
        line(out, letter, value);
    }
}

fn line(out: &mut Vec<u8>, letter: u8, value: &str) {
    out.extend_from_slice(&[letter, b'=']);
    put(out, value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a piece of a line. A line end inside it (from a configured name, say) becomes a space, so that no value can
/// add a line of its own.
fn put(out: &mut Vec<u8>, text: &str) {
    let start = out.len();
    out.extend_from_slice(text.as_bytes());
    for byte in &mut out[start..] {
        if matches!(byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
}
