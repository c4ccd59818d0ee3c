//! Rank 5: files on disk, SQLite.

pub mod files;
