//! x
/// x
pub fn body(_o: &mut String, _m: &[u8]) {}
