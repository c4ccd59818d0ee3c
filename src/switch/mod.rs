//! Rank 4: the whole machine, where the rooms meet.
//!
//! The contract: `handle(now, input)` once, then drain [`io::Actions`] fully, then the next input; sleep until
//! `next_deadline`. Nothing here reads a clock, opens a socket or waits.

pub mod io;
pub mod view;
