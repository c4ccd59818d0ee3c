//! Rank 6: builds the rooms, runs them, reloads, shuts down.
