//! Rank 1: session descriptions and offer/answer, as values and pure functions.
//!
//! ```text
//! bytes ──parse──▶ Description ──answer / accept_answer──▶ Agreement (streams, payload numbers, addresses, hold)
//! capabilities ──offer──▶ Description ──print──▶ bytes
//! ```

pub mod attribute;
pub mod description;
pub mod parse;
pub mod print;

pub use attribute::{Crypto, Direction, Purpose, RtpMap};
pub use description::*;
pub use parse::SdpError;
