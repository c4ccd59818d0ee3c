//! G.711: eight bits a sample, by tables made at build time.

/// One byte of µ-law as a sample.
#[inline]
pub fn ulaw_decode(byte: u8) -> i16 {
    ULAW[usize::from(byte)]
}

/// One byte of A-law as a sample.
#[inline]
pub fn alaw_decode(byte: u8) -> i16 {
    ALAW[usize::from(byte)]
}

/// A sample as µ-law: fourteen bits count.
#[inline]
pub fn ulaw_encode(sample: i16) -> u8 {
    TO_ULAW[usize::from((sample as u16) >> 2)]
}

/// A sample as A-law: thirteen bits count.
#[inline]
pub fn alaw_encode(sample: i16) -> u8 {
    TO_ALAW[usize::from((sample as u16) >> 3)]
}

static ULAW: [i16; 256] = {
    let mut out = [0; 256];
    let mut at = 0;
    while at < 256 {
        out[at] = expand_ulaw(at as u8);
        at += 1;
    }
    out
};
static ALAW: [i16; 256] = {
    let mut out = [0; 256];
    let mut at = 0;
    while at < 256 {
        out[at] = expand_alaw(at as u8);
        at += 1;
    }
    out
};
static TO_ULAW: [u8; 16_384] = {
    let mut out = [0; 16_384];
    let mut at = 0;
    while at < 16_384 {
        // The middle of the four samples that share an entry.
        out[at] = compress_ulaw((((at as u16) << 2) as i16) as i32 + 2);
        at += 1;
    }
    out
};
static TO_ALAW: [u8; 8_192] = {
    let mut out = [0; 8_192];
    let mut at = 0;
    while at < 8_192 {
        out[at] = compress_alaw((((at as u16) << 3) as i16) as i32);
        at += 1;
    }
    out
};

/// µ-law to A-law and back, byte for byte: what decoding and encoding gives.
pub static ULAW_TO_ALAW: [u8; 256] = {
    let mut out = [0; 256];
    let mut at = 0;
    while at < 256 {
        out[at] = TO_ALAW[(expand_ulaw(at as u8) as u16 >> 3) as usize];
        at += 1;
    }
    out
};
/// A-law to µ-law.
pub static ALAW_TO_ULAW: [u8; 256] = {
    let mut out = [0; 256];
    let mut at = 0;
    while at < 256 {
        out[at] = TO_ULAW[(expand_alaw(at as u8) as u16 >> 2) as usize];
        at += 1;
    }
    out
};

/// The step that µ-law adds before it takes the logarithm (G.711 table 2).
const BIAS: i32 = 0x84;

const fn expand_ulaw(byte: u8) -> i16 {
    let byte = !byte;
    let size = ((((byte & 0x0f) as i32) << 3) + BIAS) << ((byte >> 4) & 7);
    let size = (size - BIAS) as i16;
    if byte & 0x80 != 0 { -size } else { size }
}

const fn compress_ulaw(sample: i32) -> u8 {
    let (sign, size) = if sample < 0 { (0x80, -sample) } else { (0, sample) };
    let size = (if size > 32_635 { 32_635 } else { size }) + BIAS;
    let mut segment = 7;
    let mut mask = 0x4000;
    while segment > 0 && size & mask == 0 {
        segment -= 1;
        mask >>= 1;
    }
    !(sign | (segment << 4) | ((size >> (segment + 3)) & 0x0f)) as u8
}

const fn expand_alaw(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let segment = (byte >> 4) & 7;
    let low = ((byte & 0x0f) as i16) << 4;
    let size = match segment {
        0 => low + 8,
        1 => low + 0x108,
        _ => (low + 0x108) << (segment - 1),
    };
    if byte & 0x80 != 0 { size } else { -size }
}

const fn compress_alaw(sample: i32) -> u8 {
    let (sign, size) = if sample < 0 { (0, -sample - 1) } else { (0x80, sample) };
    let size = if size > 32_767 { 32_767 } else { size };
    let (mut segment, mut limit) = (0, 0x100);
    while segment < 7 && size >= limit {
        segment += 1;
        limit <<= 1;
    }
    let low = if segment < 2 { (size >> 4) & 0x0f } else { (size >> (segment + 3)) & 0x0f };
    ((sign | (segment << 4) | low) ^ 0x55) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From law to law a byte is what decoding and encoding makes of it, silence stays silence, and going there and
    /// back a second time changes as good as nothing.
    #[test]
    fn laws_are_exchanged_as_if_decoded() {
        for byte in 0..=255u8 {
            let (to_a, to_u) = (ULAW_TO_ALAW[usize::from(byte)], ALAW_TO_ULAW[usize::from(byte)]);
            assert_eq!(to_a, alaw_encode(ulaw_decode(byte)));
            assert_eq!(to_u, ulaw_encode(alaw_decode(byte)));
            let again = ULAW_TO_ALAW[usize::from(ALAW_TO_ULAW[usize::from(to_a)])];
            assert!((i32::from(alaw_decode(again)) - i32::from(alaw_decode(to_a))).abs() <= 16, "{byte}");
        }
        assert_eq!(ULAW_TO_ALAW[0xff], 0xd5);
    }

    /// Known values of G.711 tables 1 and 2, and each byte comes back.
    #[test]
    fn every_byte_survives_and_known_values_hold() {
        assert_eq!(
            (ulaw_decode(0xff), ulaw_decode(0x7f), ulaw_decode(0x80), ulaw_decode(0)),
            (0, 0, 32_124, -32_124)
        );
        assert_eq!(
            (alaw_decode(0xd5), alaw_decode(0x55), alaw_decode(0xaa), alaw_decode(0x2a)),
            (8, -8, 32_256, -32_256)
        );
        for byte in 0..=255u8 {
            let back = ulaw_encode(ulaw_decode(byte));
            assert!(back == byte || (byte == 0x7f && back == 0xff), "µ-law {byte:#x} became {back:#x}");
            assert_eq!(alaw_encode(alaw_decode(byte)), byte, "A-law {byte:#x}");
        }
        for sample in (i16::MIN..=i16::MAX).step_by(7) {
            let size = f64::from(sample).abs().max(512.0);
            assert!(
                (f64::from(ulaw_decode(ulaw_encode(sample))) - f64::from(sample)).abs() <= size / 16.0,
                "{sample}"
            );
            assert!(
                (f64::from(alaw_decode(alaw_encode(sample))) - f64::from(sample)).abs() <= size / 16.0,
                "{sample}"
            );
        }
    }
}
