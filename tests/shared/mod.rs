//! What several test programs use: sound as numbers, messages as text.

pub mod message;
pub mod sound;
