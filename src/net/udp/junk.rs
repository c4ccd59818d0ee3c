//! What a datagram is by its first bytes, before anything is parsed. Ports that speak SIP receive RTP of calls long
//! gone, STUN, keep-alives and scanners' noise; none of it may cost more than its reception.

/// A datagram's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Starts like a SIP message (possibly after blank lines, RFC 3261 7.5).
    Sip,
    /// Nothing but CR, LF, NUL and blanks, or empty: holds a NAT binding open, wants no answer over UDP.
    KeepAlive,
    /// A STUN message (RFC 8489 5).
    Stun,
    /// RTP or RTCP by its version bits (RFC 3550).
    Rtp,
    /// Starts with no byte that a method or `SIP/2.0` may start with.
    Other,
}

/// Tells a datagram's kind; looks at a few bytes.
pub fn classify(bytes: &[u8]) -> Kind {
    let Some(first) = bytes.iter().copied().find(|b| !matches!(b, b'\r' | b'\n' | b' ' | b'\t' | 0)) else {
        return Kind::KeepAlive;
    };
    // The rest of a STUN header holds the length and a fixed cookie, so zero bytes in front are not padding.
    if bytes[0] < 4 && bytes.len() >= 20 && bytes[4..8] == [0x21, 0x12, 0xa4, 0x42] {
        return Kind::Stun;
    }
    match first {
        b if b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b) => Kind::Sip,
        0x80..=0xbf if bytes.len() >= 8 => Kind::Rtp,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_the_kind() {
        let stun = [&[0u8, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        let table: &[(&[u8], Kind)] = &[
            (b"", Kind::KeepAlive),
            (b"\r\n\r\n", Kind::KeepAlive),
            (b"\0\0\0\0", Kind::KeepAlive),
            (b"\r\n\r\nREGISTER sip:h SIP/2.0\r\n", Kind::Sip),
            (b"SIP/2.0 200 OK\r\n", Kind::Sip),
            (b"!interesting-Method0123456789_*+`.%indeed'~ sip:h SIP/2.0\r\n", Kind::Sip),
            (&stun, Kind::Stun),
            (&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], Kind::Rtp),
            (&[0x80, 0], Kind::Other),
            (b"\x16\x03\x01", Kind::Other),
            (b"<xml/>", Kind::Other),
        ];
        for (bytes, kind) in table {
            assert_eq!(classify(bytes), *kind, "{bytes:?}");
        }
    }
}
