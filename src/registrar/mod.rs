//! Rank 3: contacts of aors: who is reachable where, until when, and who holds the slots.

pub mod binding;
