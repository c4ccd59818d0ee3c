//! Rank 5: SQLite.
//!
//! | file | what |
//! |---|---|
//! | [`schema`] | the `ps_*` tables, by numbered steps |
//! | [`fault`] | what can go wrong with a database file, in words, and since when |
//!
//! Nothing here runs in the request path: contacts are handed over by a queue and answered by a report; tables are
//! read whole and re-read when they change.

pub mod fault;
pub mod schema;
