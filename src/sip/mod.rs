//! Rank 1: SIP as bytes and rules. [`wire`] reads and prints messages, [`flow`] names where they came from and go to.

pub mod answers;
pub mod dialog;
pub mod digest;
pub mod flow;
pub mod method;
pub mod mint;
pub mod nat;
pub mod outbox;
pub mod status;
pub mod transaction;
pub mod wire;
