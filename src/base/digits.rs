//! Numbers and addresses appended as text. `write!` does the same at ten times the cost, which counts where a message
//! has dozens of them.

use std::net::{IpAddr, SocketAddr};

/// A number in decimal, without an allocation.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    /// The digits of `number`.
    pub fn of(number: u64) -> Decimal {
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = number;
        loop {
            start -= 1;
            // A remainder of ten fits.
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                return Decimal { digits, start };
            }
        }
    }

    /// As bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[self.start..]
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("digits are ASCII")
    }
}

/// Appends a number in decimal.
pub fn push_decimal(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(Decimal::of(number).as_bytes());
}

/// Appends an address, without brackets.
pub fn push_ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            // Written here first: to grow the text once instead of up to fifteen times is a third of the cost.
            let (mut text, mut length) = ([0; 15], 0);
            let mut push = |byte| {
                text[length] = byte;
                length += 1;
            };
            for (at, part) in ip.octets().into_iter().enumerate() {
                if at > 0 {
                    push(b'.');
                }
                if part >= 100 {
                    push(b'0' + part / 100);
                }
                if part >= 10 {
                    push(b'0' + part / 10 % 10);
                }
                push(b'0' + part % 10);
            }
            out.extend_from_slice(&text[..length]);
        }
        IpAddr::V6(ip) => out.extend_from_slice(ip.to_string().as_bytes()),
    }
}

/// Appends an address as SIP writes hosts: IPv6 in brackets.
pub fn push_host(out: &mut Vec<u8>, ip: IpAddr) {
    if ip.is_ipv6() {
        out.push(b'[');
        push_ip(out, ip);
        out.push(b']');
    } else {
        push_ip(out, ip);
    }
}

/// [`push_host`] into fresh text.
pub fn host_text(ip: IpAddr) -> String {
    let mut out = Vec::with_capacity(24);
    push_host(&mut out, ip);
    String::from_utf8(out).expect("addresses are ASCII")
}

/// Appends `192.0.2.1:5060`, `[2001:db8::1]:5060`.
pub fn push_socket(out: &mut Vec<u8>, address: SocketAddr) {
    push_host(out, address.ip());
    out.push(b':');
    push_decimal(out, address.port().into());
}

/// A version 4 UUID (RFC 9562), made of 122 of these random bits.
pub fn uuid(a: u64, b: u64) -> String {
    let a = a & !0xf000 | 0x4000;
    let b = b & !(3 << 62) | (2 << 62);
    let hex = |number: u64, at: u32| {
        let digit = (number >> (60 - 4 * at)) & 15;
        char::from_digit(digit as u32, 16).expect("four bits are a digit")
    };
    let mut text = String::with_capacity(36);
    for at in 0..32 {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(if at < 16 { hex(a, at) } else { hex(b, at - 16) });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_display_writes() {
        for number in [0, 1, 9, 10, 99, 100, 65_535, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            push_decimal(&mut out, number);
            assert_eq!(out, number.to_string().into_bytes());
            assert_eq!(Decimal::of(number).as_str(), number.to_string());
        }
        for text in ["0.0.0.0:0", "192.0.2.101:5060", "255.255.255.255:65535", "[2001:db8::1]:5061", "[::]:1"]
        {
            let address: SocketAddr = text.parse().expect("an address");
            let (mut out, mut bare) = (Vec::new(), Vec::new());
            push_socket(&mut out, address);
            push_ip(&mut bare, address.ip());
            assert_eq!((out, bare), (text.as_bytes().to_vec(), address.ip().to_string().into_bytes()));
        }
    }

    #[test]
    fn uuids_say_their_version_and_variant() {
        assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(0x0123_4567_89ab_cdef, u64::MAX), "01234567-89ab-4def-bfff-ffffffffffff");
    }
}
