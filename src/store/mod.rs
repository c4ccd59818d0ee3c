//! Rank 5: SQLite.
