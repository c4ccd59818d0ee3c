//! Comparing realtime tables with what is known of them: by the change log where there is one, else row by row.

use super::fault::{Fault, ask};
use super::realtime::{Table, id_print, owned};
use super::schema::columns;
use crate::base::limits::REALTIME_CHANGES;
use crate::config::draft::Draft;
use crate::config::rows::Gone;
use foldhash::fast::RandomState;
use rusqlite::Connection;
use rusqlite::types::Value;
use std::collections::HashMap;

/// A table, and what is known of it.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) table: Table,
    /// What is known of its rows; `None` when the change log speaks of them.
    pub(super) prints: Option<Prints>,
}

/// Rows by the hash of their id.
pub(super) type Prints = HashMap<u64, Known, RandomState>;

/// A row, where rows must be compared.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) row: u64,
    pub(super) id: Box<str>,
}

/// What comparing the tables found.
pub(super) enum Compared {
    /// Nothing.
    Same,
    /// These rows.
    Rows { changed: Vec<Draft<'static>>, removed: Vec<Gone> },
    /// More than can be told row by row.
    TooMuch,
}

/// Runs reads on one snapshot of the database.
pub(super) fn snapshot<T>(
    conn: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    // Dropped at the end, which rolls back: nothing was written.
    let transaction = conn.unchecked_transaction()?;
    read(&transaction)
}

/// A number that differs when others have committed; where it comes from is part of it.
pub(super) fn version(conn: &Connection, counted: Option<u64>) -> Result<(bool, i64), Fault> {
    match counted {
        Some(count) => Ok((true, count.cast_signed())),
        None => {
            let version = conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
            Ok((false, version))
        }
    }
}

/// Whether insertions, updates and deletions of a table are all logged.
pub(super) fn is_logged(conn: &Connection, table: &str) -> Result<bool, Fault> {
    let sql = "SELECT count(*) FROM sqlite_master
               WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE AND sql LIKE '%INSERT INTO jackfield_changes%'";
    let count: i64 = conn.query_row(sql, [table], |row| row.get(0))?;
    Ok(count >= 3 && !columns(conn, "jackfield_changes")?.is_empty())
}

/// 0 when there is no log, or nothing in it.
pub(super) fn newest_log_entry(conn: &Connection) -> Result<i64, Fault> {
    if columns(conn, "jackfield_changes")?.is_empty() {
        return Ok(0);
    }
    if columns(conn, "sqlite_sequence")?.is_empty() {
        return ask(conn, "SELECT coalesce(max(seq), 0) FROM jackfield_changes");
    }
    // The table may be empty because someone emptied it; numbers go on nevertheless.
    ask(conn, "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'jackfield_changes'), 0)")
}

/// What differs in the tables, and from now on is known.
pub(super) fn compare_tables(
    conn: &Connection,
    tables: &mut [Watched],
    log_seq: &mut i64,
) -> Result<Compared, Fault> {
    let (mut changed, mut removed) = (Vec::new(), Vec::new());
    let newest = newest_log_entry(conn)?;
    let entries = if newest == *log_seq { Some(Vec::new()) } else { log_entries(conn, *log_seq, newest)? };
    let Some(entries) = entries else {
        // The log does not reach back to what we know. All prints must be right for the next comparison.
        for watched in tables.iter_mut() {
            compare_rows(conn, watched, &mut Vec::new(), &mut Vec::new())?;
        }
        *log_seq = newest;
        return Ok(Compared::TooMuch);
    };
    for watched in tables.iter_mut() {
        if watched.prints.is_some() {
            compare_rows(conn, watched, &mut changed, &mut removed)?;
            continue;
        }
        let (wanted, table) = (watched.table.wanted(), &watched.table);
        for (_, id) in entries.iter().filter(|(table, _)| table.eq_ignore_ascii_case(&wanted.table)) {
            if !table.read_one(conn, id, &mut |draft, _| changed.push(owned(draft)))? {
                removed.push(Gone { kind: wanted.kind, source: wanted.source, id: text(id) });
            }
        }
    }
    *log_seq = newest;
    Ok(match changed.len() + removed.len() {
        0 => Compared::Same,
        1..=REALTIME_CHANGES => Compared::Rows { changed, removed },
        _ => Compared::TooMuch,
    })
}

/// The rows that the log names after `from`, each once; `None` when there are too many, or some are no longer there.
fn log_entries(conn: &Connection, from: i64, newest: i64) -> Result<Option<Vec<(String, Value)>>, Fault> {
    let sql = "SELECT count(*) FROM jackfield_changes WHERE seq > ?1";
    let there: i64 = conn.prepare_cached(sql)?.query_row([from], |row| row.get(0))?;
    // Fewer than were ever written: some were trimmed, or someone emptied the log.
    if there < newest - from || there > i64::try_from(REALTIME_CHANGES).unwrap_or(i64::MAX) {
        return Ok(None);
    }
    let sql = "SELECT tbl, id FROM jackfield_changes WHERE seq > ?1 AND id IS NOT NULL GROUP BY tbl, id ORDER BY min(seq)";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([from], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Some(rows.collect::<Result<_, _>>()?))
}

/// Reads a table again and finds the rows that differ from what is known of them.
fn compare_rows(
    conn: &Connection,
    watched: &mut Watched,
    changed: &mut Vec<Draft<'static>>,
    removed: &mut Vec<Gone>,
) -> Result<(), Fault> {
    let Some(old) = &watched.prints else { return Ok(()) };
    let mut new = Prints::with_capacity_and_hasher(old.len(), RandomState::default());
    watched.table.read(conn, &mut |draft, print| {
        if old.get(&print.id).is_none_or(|known| known.row != print.row) && changed.len() <= REALTIME_CHANGES
        {
            changed.push(owned(draft));
        }
        new.insert(print.id, Known { row: print.row, id: draft.id.as_ref().into() });
    })?;
    let (kind, source) = (watched.table.wanted().kind, watched.table.wanted().source);
    let gone = old.values().filter(|known| !new.contains_key(&id_print(&known.id)));
    removed.extend(gone.take(REALTIME_CHANGES + 1).map(|known| Gone {
        kind,
        source,
        id: known.id.to_string(),
    }));
    watched.prints = Some(new);
    Ok(())
}

fn text(id: &Value) -> String {
    match id {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Null => String::new(),
    }
}
