//! Sixteen-bit arithmetic with saturation (GSM 06.10 5.1).

#[inline]
pub(super) fn add(a: i16, b: i16) -> i16 {
    a.saturating_add(b)
}

#[inline]
pub(super) fn sub(a: i16, b: i16) -> i16 {
    a.saturating_sub(b)
}

#[inline]
pub(super) fn abs(a: i16) -> i16 {
    a.saturating_abs()
}

#[inline]
pub(super) fn mult(a: i16, b: i16) -> i16 {
    if a == i16::MIN && b == i16::MIN { i16::MAX } else { ((i32::from(a) * i32::from(b)) >> 15) as i16 }
}

#[inline]
pub(super) fn mult_r(a: i16, b: i16) -> i16 {
    if a == i16::MIN && b == i16::MIN {
        return i16::MAX;
    }
    ((i32::from(a) * i32::from(b) + 16_384) >> 15) as i16
}

/// Shifts left; a negative count shifts right.
#[inline]
pub(super) fn asl(a: i16, by: i16) -> i16 {
    match by {
        16.. => 0,
        0..16 => a << by,
        -15..0 => a >> -by,
        _ => -i16::from(a < 0),
    }
}

/// Shifts right; a negative count shifts left.
#[inline]
pub(super) fn asr(a: i16, by: i16) -> i16 {
    asl(a, -by)
}

/// Left shifts until a number that is not 0 fills its 32 bits.
#[inline]
pub(super) fn norm(a: i32) -> i16 {
    let a = if a < 0 { !a } else { a };
    if a == 0 { 31 } else { a.leading_zeros() as i16 - 1 }
}

/// `a / b` as a fraction, for `0 <= a <= b`.
pub(super) fn div(a: i16, b: i16) -> i16 {
    if b <= 0 || a >= b {
        return i16::MAX;
    }
    ((i32::from(a) << 15) / i32::from(b)) as i16
}
