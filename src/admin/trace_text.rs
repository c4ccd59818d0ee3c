//! The packet log: messages under Asterisk's headings (S4-4), safe to print.

use std::net::SocketAddr;

/// Whether secrets in a message are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// The message as it is: what `pjsip set logger` prints.
    Shown,
    /// Digest responses and SRTP keys are replaced by `(hidden)`: for files that leave the house.
    Hidden,
}

/// One message with its heading, as `pjsip set logger` prints it:
/// `<--- Received SIP request (541 bytes) from UDP:127.0.0.1:5061 --->`.
pub fn message(sent: bool, protocol: &str, address: SocketAddr, bytes: &[u8], secrets: Secrets) -> String {
    let kind =
        if bytes.len() >= 4 && bytes[..4].eq_ignore_ascii_case(b"SIP/") { "response" } else { "request" };
    let (verb, way) = if sent { ("Transmitting", "to") } else { ("Received", "from") };
    let mut out = format!("<--- {verb} SIP {kind} ({} bytes) {way} {protocol}:{address} --->\n", bytes.len());
    match secrets {
        Secrets::Shown => body(&mut out, bytes),
        Secrets::Hidden => body(&mut out, &hidden(bytes)),
    }
    out.push('\n');
    out
}

/// A message's bytes as text. Line ends and tabs stay; every other control character and every byte that is not UTF-8
/// is shown as `\xNN`, so that no peer writes to the administrator's terminal.
pub fn body(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' | '\n' | '\t' => out.push(c),
                c if c.is_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
}

const HIDDEN: &[u8] = b"(hidden)";

/// The message without digest responses (`Authorization`, `Proxy-Authorization`) and without SDES keys. What is left
/// is of another length than the heading says, which is that of the wire.
fn hidden(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let credentials =
            [&b"authorization"[..], b"proxy-authorization"].iter().any(|name| begins_with_name(line, name));
        if credentials {
            replace_after(&mut out, line, b"response=", |byte| matches!(byte, b',' | b'\r' | b'\n'));
        } else if begins(line, b"a=crypto:") {
            replace_after(&mut out, line, b"inline:", |byte| matches!(byte, b' ' | b'|' | b'\r' | b'\n'));
        } else {
            out.extend_from_slice(line);
        }
    }
    out
}

fn begins(line: &[u8], with: &[u8]) -> bool {
    line.len() >= with.len() && line[..with.len()].eq_ignore_ascii_case(with)
}

/// Whether a header line has this name (folded lines of it are not followed: no known peer folds credentials).
fn begins_with_name(line: &[u8], name: &[u8]) -> bool {
    begins(line, name) && line[name.len()..].trim_ascii_start().first() == Some(&b':')
}

/// Copies `line` with each value that follows `key` replaced, up to the first byte that `ends` it.
fn replace_after(out: &mut Vec<u8>, line: &[u8], key: &[u8], ends: fn(u8) -> bool) {
    let mut rest = line;
    while let Some(place) = rest.windows(key.len()).position(|part| part.eq_ignore_ascii_case(key)) {
        let (before, after) = rest.split_at(place + key.len());
        out.extend_from_slice(before);
        out.extend_from_slice(HIDDEN);
        let end = after.iter().position(|byte| ends(*byte)).unwrap_or(after.len());
        rest = &after[end..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("address")
    }

    #[test]
    fn headings_are_asterisks() {
        // S4-4
        let invite = format!("INVITE sip:x@127.0.0.1 SIP/2.0\r\n{}", "a".repeat(509));
        let text = message(false, "UDP", address("127.0.0.1:5061"), invite.as_bytes(), Secrets::Shown);
        assert!(text.starts_with(
            "<--- Received SIP request (541 bytes) from UDP:127.0.0.1:5061 --->\nINVITE sip:x@"
        ));
        let text = message(true, "TCP", address("[::1]:5060"), b"SIP/2.0 200 OK\r\n\r\n", Secrets::Shown);
        assert_eq!(
            text,
            "<--- Transmitting SIP response (18 bytes) to TCP:[::1]:5060 --->\nSIP/2.0 200 OK\r\n\r\n\n"
        );
    }

    #[test]
    fn a_message_cannot_reach_the_terminal() {
        let text =
            message(false, "UDP", address("192.0.2.1:5060"), b"A\x1b[2J\x00\xff\xc3\xa9\r\n", Secrets::Shown);
        assert!(text.contains("A\\x1b[2J\\x00\\xff\u{e9}\r\n"), "{text}");
    }

    #[test]
    fn secrets_can_be_hidden() {
        let bytes = b"REGISTER sip:x SIP/2.0\r\nAuthorization: Digest username=\"a\", response=\"0123\", qop=auth\r\n\
            Proxy-Authorization : Digest response=99\r\nX-Note: response=kept\r\n\r\n\
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20|1:4\r\na=x\r\n";
        let text = message(false, "UDP", address("192.0.2.1:5060"), bytes, Secrets::Hidden);
        assert!(text.contains("username=\"a\", response=(hidden), qop=auth\r\n"), "{text}");
        assert!(text.contains("Digest response=(hidden)\r\n"), "{text}");
        assert!(text.contains("X-Note: response=kept\r\n"), "{text}");
        assert!(text.contains("inline:(hidden)|2^20|1:4\r\na=x\r\n"), "{text}");
    }
}
