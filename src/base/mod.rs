//! Rank 0: the words every room uses. Identifiers, time as a value, limits with their reasons, seeded randomness.
//! Deliberately absent: clocks, sockets, files, locks, logging.

pub mod device;
pub mod digits;
pub mod ids;
pub mod limits;
pub mod party;
pub mod rng;
pub mod shelf;
pub mod time;
pub mod wheel;
