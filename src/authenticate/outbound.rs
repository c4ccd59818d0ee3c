//! Answering challenges to our own requests: [`crate::sip::answers`], where every room can reach it.

pub use crate::sip::answers::{Answers, Login, Stop, Subject};
