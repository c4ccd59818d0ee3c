//! Rank 4: where the rooms meet.
