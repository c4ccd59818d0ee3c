//! Objects of a configuration in a database file, for `import` and `export`: not for the running server, which reads
//! by [`super::realtime`] and writes nothing but contacts.

use super::fault::{Fault, FaultKind, ask, beside, quoted};
use super::realtime::{Table, Wanted};
use super::schema;
use crate::config::draft::Draft;
use crate::config::export::Row;
use crate::config::kind::Kind;
use crate::config::origin::Sources;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params_from_iter};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// How long another program's lock is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes a database with every table of the newest schema and these rows. A file that is there already is a fault.
///
/// # Errors
/// The file is there, or cannot be written.
pub fn create(path: &Path, rows: &[Row]) -> Result<(), Fault> {
    // Passwords are in it.
    let private = OpenOptions::new().write(true).create_new(true).mode(0o640).open(path);
    private.map_err(|error| Fault::new(FaultKind::Io, format!("{}: {error}", path.display())))?;
    schema::migrate(path)?;
    put(path, rows, false)?;
    let conn = Connection::open(path)?;
    // All in one file, so that it can be moved.
    conn.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    Ok(())
}

/// Puts rows into the tables of a database, all or none. A row whose id is there is replaced where `replace` says so.
///
/// # Errors
/// The file cannot be written, lacks a table or column, or has such a row already.
pub fn put(path: &Path, rows: &[Row], replace: bool) -> Result<(), Fault> {
    let mut conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.busy_timeout(PATIENCE)?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for row in rows {
        let table = quoted(row.table);
        let id = &row.columns[0].1;
        let about = || format!("{} '{id}'", row.table);
        let same: u32 = transaction
            .prepare_cached(&format!("SELECT count(*) FROM {table} WHERE id = ?1"))?
            .query_row([id], |row| row.get(0))?;
        if same > 0 && !replace {
            return Err(Fault::new(FaultKind::Schema, format!("{} is there already", about())));
        }
        if same > 0 {
            transaction.prepare_cached(&format!("DELETE FROM {table} WHERE id = ?1"))?.execute([id])?;
        }
        let names: Vec<String> = row.columns.iter().map(|(name, _)| quoted(name)).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let sql = format!("INSERT INTO {table} ({}) VALUES ({marks})", names.join(", "));
        let values = row.columns.iter().map(|(_, value)| value);
        let inserted =
            transaction.prepare_cached(&sql).and_then(|mut sql| sql.execute(params_from_iter(values)));
        inserted.map_err(|error| Fault::from(error).while_doing(&about()))?;
    }
    transaction.commit()?;
    Ok(())
}

/// Reads every object that the database has a table for, under Asterisk's names of tables. Contacts and subscriptions
/// are state, not configuration, and are passed over. What is worth knowing about the tables is returned.
///
/// # Errors
/// The file cannot be read, or has none of the tables.
pub fn read(
    path: &Path,
    sources: &mut Sources,
    each: &mut dyn FnMut(&Draft<'_>, &Sources),
) -> Result<Vec<String>, Fault> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    conn.busy_timeout(PATIENCE)?;
    // Tells a file that is no database by its own words, rather than by missing tables.
    ask::<u32>(&conn, "SELECT count(*) FROM sqlite_master")?;
    let (mut notes, mut any) = (Vec::new(), false);
    // One moment of the database, whatever others write meanwhile.
    conn.execute_batch("BEGIN")?;
    for kind in Kind::all().filter(|kind| !matches!(kind, Kind::Contact | Kind::SubscriptionPersistence)) {
        let Some(table) = kind.table() else { continue };
        if schema::columns(&conn, table)?.is_empty() {
            continue;
        }
        any = true;
        let wanted = Wanted { kind, table: table.to_owned(), source: sources.intern(table) };
        let found = Table::probe(&conn, &wanted, &mut notes)?;
        found.read(&conn, &mut |draft, _| each(draft, sources))?;
    }
    if !any {
        let words = format!("{} has none of Asterisk's tables (ps_endpoints, ps_aors, …)", path.display());
        return Err(Fault::new(FaultKind::Schema, words));
    }
    Ok(notes)
}

/// Takes an unfinished database away, with the files SQLite puts beside it.
pub fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        // What is not there need not go.
        let _ = std::fs::remove_file(beside(path, suffix));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, max_contacts: &str) -> Row {
        let columns = [("id", id), ("max_contacts", max_contacts)];
        Row { table: "ps_aors", columns: columns.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec() }
    }

    fn ids(path: &Path) -> Vec<String> {
        let mut ids = Vec::new();
        let each = &mut |draft: &Draft<'_>, _: &Sources| {
            ids.push(format!("{} {}", draft.id, draft.settings[0].value));
        };
        read(path, &mut Sources::new(), each).expect("reads");
        ids
    }

    #[test]
    fn rows_are_put_all_or_none() {
        let path = std::env::temp_dir().join(format!("jackfield-ps-objects-{}.sqlite", std::process::id()));
        remove(&path);
        create(&path, &[row("a", "1")]).expect("written");
        assert!(create(&path, &[]).is_err(), "nothing is overwritten");
        let fault = put(&path, &[row("b", "1"), row("a", "2")], false).expect_err("a is there");
        assert_eq!(fault.words, "ps_aors 'a' is there already");
        assert_eq!(ids(&path), ["a 1"], "b came with a, and went with it");
        put(&path, &[row("b", "1"), row("a", "2")], true).expect("replaced");
        assert_eq!(ids(&path), ["b 1", "a 2"]);
        remove(&path);
        std::fs::write(&path, "no database at all, but long enough to be taken for one by its size")
            .expect("written");
        assert!(read(&path, &mut Sources::new(), &mut |_, _| {}).is_err());
        remove(&path);
    }
}
