//! `URIENCODE URIDECODE BASE64_ENCODE BASE64_DECODE MD5 SHA1 UUID`.

use super::super::scope::Scope;
use super::Answer;

/// Everything but letters, digits and RFC 2396's marks becomes `%XX`.
pub(super) fn uri_encode(_: &mut Scope<'_>, text: &str) -> Answer {
    let mut out = String::with_capacity(text.len());
    for c in text.bytes() {
        if c.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&c) {
            out.push(char::from(c));
        } else {
            out.push_str(&format!("%{c:02X}"));
        }
    }
    Ok(out)
}

pub(super) fn uri_decode(_: &mut Scope<'_>, text: &str) -> Answer {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648 section 4.
pub(super) fn base64_encode(_: &mut Scope<'_>, text: &str) -> Answer {
    let mut out = String::with_capacity(text.len().div_ceil(3) * 4);
    for group in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let six = (bits >> (18 - 6 * place) & 63) as usize;
            out.push(if place <= group.len() { char::from(BASE64[six]) } else { '=' });
        }
    }
    Ok(out)
}

pub(super) fn base64_decode(_: &mut Scope<'_>, text: &str) -> Answer {
    let (mut bits, mut count, mut out) = (0u32, 0, Vec::new());
    for c in text.bytes().filter(|c| !c.is_ascii_whitespace() && *c != b'=') {
        let six = BASE64.iter().position(|known| *known == c).ok_or("the text is not base 64")?;
        bits = bits << 6 | six as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

pub(super) fn md5(_: &mut Scope<'_>, text: &str) -> Answer {
    Ok(format!("{:x}", md5::compute(text)))
}

/// FIPS 180-4. Here as a fingerprint the dialplan may compare, not as a defence.
pub(super) fn sha1(_: &mut Scope<'_>, text: &str) -> Answer {
    let mut message = text.as_bytes().to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend((text.len() as u64 * 8).to_be_bytes());
    let mut h: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in message.chunks_exact(64) {
        let mut w = [0u32; 80];
        for (word, four) in w.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes([four[0], four[1], four[2], four[3]]);
        }
        for t in 16..80 {
            w[t] = (w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = h;
        for (t, word) in w.iter().enumerate() {
            let (f, k) = match t {
                0..20 => (b & c | !b & d, 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => (b & c | b & d | c & d, 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6u32),
            };
            let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, part) in h.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(part);
        }
    }
    Ok(h.iter().map(|word| format!("{word:08x}")).collect())
}

/// RFC 9562 version 4.
pub(super) fn uuid(scope: &mut Scope<'_>, _: &str) -> Answer {
    Ok(crate::base::digits::uuid(scope.host.random(), scope.host.random()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;

    #[test]
    fn encodings_and_digests_agree_with_their_standards() {
        Bench::new(&[]).check(&[
            ("${URIENCODE(a b&c+ü)}", "a%20b%26c%2B%C3%BC"),
            ("${URIDECODE(a%20b%26%C3%BC%zz%4)}", "a b&ü%zz%4"),
            ("${BASE64_ENCODE(f)} ${BASE64_ENCODE(fo)} ${BASE64_ENCODE(foo)}", "Zg== Zm8= Zm9v"),
            ("${BASE64_DECODE(Zm9vYmE=)}", "fooba"),
            ("${MD5(abc)}", "900150983cd24fb0d6963f7d28e17f72"),
            ("${SHA1(abc)}", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("${SHA1()}", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ]);
        let mut bench = Bench::new(&[]);
        let id = bench.expand("${UUID()}");
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        bench.check_faulty(&[("${BASE64_DECODE(?)}", "")]);
    }
}
