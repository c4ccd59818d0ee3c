//! Rank 3: calls with one peer.
