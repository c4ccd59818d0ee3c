//! Rank 6: builds the rooms, runs them, reloads, shuts down.

pub mod heartbeat;
pub mod lock;
pub mod user;
