//! Rank 5: SQLite.
//!
//! | file | what |
//! |---|---|
//! | [`contacts`] | the store of registered contacts: a thread that commits in groups and reports what is on disk |
//! | [`committer`] | its decisions: group commit, retry, reports |
//! | [`journal`] | its file: journal rows, folded now and then into a table; how contacts are written is in [`record`] |
//! | [`shared`] | or the journal before a `ps_contacts` table that others use too ([`ps_contacts`]) |
//! | [`lamps`] | subscriptions, mailboxes and states that outlive a restart |
//! | [`voicemail`] | voicemail directories, looked at for messages |
//! | [`mail`] | the thread that reads and writes mailboxes for calls, and tells their owners |
//! | [`database`] | the dialplan's key store, on disk |
//! | [`extensions`] | dialplans in tables |
//! | [`map`] | which table of which database file holds what |
//! | [`realtime`] | the `ps_*` tables read whole |
//! | [`watch`], [`watcher`] | what other programs change in them, and the thread that looks |
//! | [`schema`] | the `ps_*` tables, by numbered steps |
//! | [`files`] | configuration files on disk |
//! | [`fault`] | what can go wrong with a database file, in words, and since when |
//!
//! Nothing here runs in the request path: contacts are handed over by a queue and answered by a report; tables are
//! read whole and re-read when they change.

pub mod committer;
mod compare;
pub mod contacts;
pub mod database;
pub mod extensions;
pub mod fault;
pub mod files;
pub mod journal;
mod journal_file;
pub mod lamps;
mod lamps_read;
pub mod mail;
pub mod map;
pub mod ps_columns;
pub mod ps_contacts;
pub mod ps_objects;
mod ps_row;
pub mod ps_write;
pub mod realtime;
pub mod record;
mod row_batch;
pub mod schema;
pub mod shared;
mod states;
#[cfg(test)]
pub(crate) mod testing;
pub mod voicemail;
pub mod watch;
pub mod watcher;
