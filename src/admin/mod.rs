//! Rank 5: what an administrator reads and types. Prints values of `switch::view`, never live state.
