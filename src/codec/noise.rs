//! Comfort noise (RFC 3389): soft noise of a told level, so that a line does not sound dead.

/// Makes noise.
#[derive(Clone, Debug)]
pub struct Noise {
    state: u32,
    last: i32,
}

impl Default for Noise {
    fn default() -> Noise {
        Noise { state: 0x9e37_79b9, last: 0 }
    }
}

impl Noise {
    /// Fills `out` with noise of so many decibels below the overload point (the byte of RFC 3389).
    pub fn fill(&mut self, decibels_below: u8, out: &mut [i16]) {
        let size = 32_768.0 * 10f64.powf(-f64::from(decibels_below.min(127)) / 20.0);
        // Uniform noise has a mean square of a third of its peak's; smoothing takes some more.
        let peak = (size * 2.2) as i32;
        for sample in out {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 17;
            self.state ^= self.state << 5;
            let white = ((i64::from(self.state as i32) * i64::from(peak)) >> 31) as i32;
            self.last = (self.last + white) / 2;
            *sample = self.last.clamp(-32_768, 32_767) as i16;
        }
    }
}
