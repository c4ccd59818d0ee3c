//! Rank 3: extensions.
