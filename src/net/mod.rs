//! Rank 5: sockets.
