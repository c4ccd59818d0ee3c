//! x
use crate::switch::view::Explanation;
/// x
pub fn print(_o: &mut String, _m: &Explanation, _c: bool) {}
