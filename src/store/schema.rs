//! The tables themselves: numbered steps in the program, applied one by one.
//!
//! A step is SQL that builds on the steps before it. It is run on an empty database in memory, and what that database
//! then has and the real one lacks (tables, columns, indexes, triggers) is added, in one transaction per step. So a
//! step may be applied to tables that Asterisk's own migrations made, older or newer than ours, and may be repeated.
//! Nothing is ever dropped or changed.

use super::fault::{Fault, FaultKind, ask, quoted};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::path::Path;
use std::time::Duration;

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Counted from 1.
    pub number: u32,
    /// For people.
    pub name: &'static str,
    /// Its SQL.
    pub sql: &'static str,
}

/// Every step, in order.
pub const STEPS: &[Step] = &[
    Step { number: 1, name: "tables", sql: include_str!("../../schema/sqlite/0001_tables.sql") },
    Step { number: 2, name: "change log", sql: include_str!("../../schema/sqlite/0002_change_log.sql") },
    Step {
        number: 3,
        name: "contact details",
        sql: include_str!("../../schema/sqlite/0003_contact_details.sql"),
    },
    Step { number: 4, name: "direct media", sql: include_str!("../../schema/sqlite/0004_direct_media.sql") },
];

/// What [`migrate`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// Version before; 0 for a database that no step was applied to.
    pub from: u32,
    /// Version after.
    pub to: u32,
    /// Each thing added or passed over, in words.
    pub done: Vec<String>,
}

/// Brings the database at `path` up to the newest step; creates the file (in WAL mode) when there is none.
///
/// # Errors
/// The file cannot be opened or written, is locked for longer than five seconds, is no database, or was made by a
/// newer version. Steps before the failing one stay applied.
pub fn migrate(path: &Path) -> Result<Migrated, Fault> {
    let mut conn = Connection::open(path)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    if ask::<u32>(&conn, "SELECT count(*) FROM sqlite_master")? == 0 {
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    }
    migrate_connection(&mut conn, STEPS)
}

/// The version of a database: the last step that was applied to it; 0 when none was.
///
/// # Errors
/// The database cannot be read.
pub fn version(conn: &Connection) -> Result<u32, Fault> {
    if kind_of(conn, "jackfield_schema")?.is_none() {
        return Ok(0);
    }
    let version: Option<u32> =
        conn.query_row("SELECT max(version) FROM jackfield_schema", [], |row| row.get(0))?;
    Ok(version.unwrap_or(0))
}

pub(crate) fn migrate_connection(conn: &mut Connection, steps: &[Step]) -> Result<Migrated, Fault> {
    let from = version(conn)?;
    let newest = steps.last().map_or(0, |step| step.number);
    if from > newest {
        let words =
            format!("the database has schema version {from}; this program knows versions up to {newest}");
        return Err(Fault::new(FaultKind::Foreign, words));
    }
    let model = Connection::open_in_memory()?;
    let mut report = Migrated { from, to: from, done: Vec::new() };
    for step in steps {
        model.execute_batch(step.sql).map_err(|e| Fault::from(e).while_doing(step.name))?;
        if step.number <= from {
            continue;
        }
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        add_missing(&model, &transaction, &mut report.done)?;
        transaction.execute_batch(
            "CREATE TABLE IF NOT EXISTS jackfield_schema (version INTEGER PRIMARY KEY, applied TEXT NOT NULL)",
        )?;
        transaction.execute(
            "INSERT OR REPLACE INTO jackfield_schema VALUES (?1, datetime('now'))",
            params![step.number],
        )?;
        transaction.commit()?;
        report.to = step.number;
    }
    Ok(report)
}

/// Adds to `real` every table, column, index and trigger of `model` that it lacks.
fn add_missing(model: &Connection, real: &Connection, done: &mut Vec<String>) -> Result<(), Fault> {
    let mut objects = model.prepare(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
         ORDER BY type <> 'table', rowid",
    )?;
    let mut rows = objects.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, name, table): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let sql: String = row.get(3)?;
        match kind_of(real, &name)?.as_deref() {
            Some("table") if kind == "table" => add_columns(model, real, &name, done)?,
            Some("view") if kind == "table" => {}
            Some(_) => {}
            None if kind != "table" && kind_of(real, &table)?.as_deref() == Some("view") => {
                done.push(format!("{kind} {name} left out: {table} is a view"));
            }
            None => {
                real.execute_batch(&sql).map_err(|e| Fault::from(e).while_doing(&name))?;
                done.push(format!("{kind} {name} created"));
            }
        }
    }
    Ok(())
}

fn add_columns(
    model: &Connection,
    real: &Connection,
    table: &str,
    done: &mut Vec<String>,
) -> Result<(), Fault> {
    let present = columns(real, table)?;
    for (name, declared) in columns(model, table)? {
        if present.iter().any(|(column, _)| column.eq_ignore_ascii_case(&name)) {
            continue;
        }
        let sql = format!("ALTER TABLE {} ADD COLUMN {} {declared}", quoted(table), quoted(&name));
        real.execute_batch(&sql).map_err(|e| Fault::from(e).while_doing(table))?;
        done.push(format!("column {table}.{name} added"));
    }
    Ok(())
}

/// Names and declared types of a table's or view's columns, in order; empty when there is no such table.
///
/// # Errors
/// The database cannot be read.
pub fn columns(conn: &Connection, table: &str) -> Result<Vec<(String, String)>, Fault> {
    let mut statement = conn.prepare("SELECT name, type FROM pragma_table_info(?1) ORDER BY cid")?;
    let rows = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a column belongs to Asterisk's own schema of that table, though it may be no option (`ps_endpoints` has
/// one such), or to ours.
pub fn is_standard(table: &str, column: &str) -> bool {
    column.starts_with("jf_")
        || (table == "ps_endpoints" && column.eq_ignore_ascii_case("external_media_address"))
}

/// `table`, `view`, `index` or `trigger`, if there is something of that name.
fn kind_of(conn: &Connection, name: &str) -> Result<Option<String>, Fault> {
    let sql = "SELECT type FROM sqlite_master WHERE name = ?1 COLLATE NOCASE";
    Ok(conn.query_row(sql, [name], |row| row.get(0)).optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Connection {
        Connection::open_in_memory().expect("memory")
    }

    fn names(conn: &Connection, kind: &str) -> Vec<String> {
        let mut statement = conn.prepare("SELECT name FROM sqlite_master WHERE type = ?1").expect("sql");
        statement.query_map([kind], |row| row.get(0)).expect("sql").map(|n| n.expect("text")).collect()
    }

    #[test]
    fn an_empty_database_gets_every_table_and_the_newest_version() {
        let mut conn = memory();
        let done = migrate_connection(&mut conn, STEPS).expect("migrates");
        assert_eq!((done.from, done.to), (0, STEPS.len() as u32));
        for table in
            ["ps_endpoints", "ps_aors", "ps_auths", "ps_contacts", "ps_endpoint_id_ips", "extensions"]
        {
            assert!(names(&conn, "table").contains(&table.to_owned()), "{table}");
        }
        assert_eq!(columns(&conn, "ps_endpoints").expect("columns").len(), 151);
        assert!(columns(&conn, "ps_contacts").expect("columns").iter().any(|(name, _)| name == "jf_cseq"));
        assert_eq!(version(&conn).expect("version"), done.to);
    }

    #[test]
    fn every_step_can_be_repeated() {
        let mut conn = memory();
        migrate_connection(&mut conn, STEPS).expect("migrates");
        conn.execute_batch("DROP TABLE jackfield_schema").expect("sql");
        let again = migrate_connection(&mut conn, STEPS).expect("migrates again");
        assert_eq!(again.from, 0);
        assert_eq!(again.done, Vec::<String>::new(), "nothing was missing");
    }

    #[test]
    fn steps_are_numbered_and_applied_one_by_one() {
        for (index, step) in STEPS.iter().enumerate() {
            assert_eq!(step.number as usize, index + 1);
        }
        let mut conn = memory();
        assert_eq!(migrate_connection(&mut conn, &STEPS[..1]).expect("first").to, 1);
        assert!(!names(&conn, "table").contains(&"jackfield_changes".to_owned()));
        let rest = migrate_connection(&mut conn, STEPS).expect("rest");
        assert_eq!((rest.from, rest.to), (1, STEPS.len() as u32));
        assert!(rest.done.contains(&"column ps_contacts.jf_q added".to_owned()), "{:?}", rest.done);
    }

    #[test]
    fn an_older_schema_keeps_its_rows_and_gets_the_missing_columns() {
        let mut conn = memory();
        conn.execute_batch(
            "CREATE TABLE ps_aors (id VARCHAR(40) NOT NULL UNIQUE, max_contacts INTEGER, vendor TEXT);
             INSERT INTO ps_aors VALUES ('100', 2, 'x');",
        )
        .expect("sql");
        migrate_connection(&mut conn, STEPS).expect("migrates");
        let row: (String, i64, String, Option<String>) = conn
            .query_row("SELECT id, max_contacts, vendor, remove_existing FROM ps_aors", [], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
            })
            .expect("row");
        assert_eq!(row, ("100".into(), 2, "x".into(), None));
    }

    #[test]
    fn a_view_in_place_of_a_table_is_left_alone() {
        let mut conn = memory();
        conn.execute_batch("CREATE TABLE t (id TEXT); CREATE VIEW ps_auths AS SELECT id FROM t")
            .expect("sql");
        let done = migrate_connection(&mut conn, STEPS).expect("migrates").done;
        assert!(done.iter().any(|line| line.contains("ps_auths is a view")), "{done:?}");
    }

    #[test]
    fn a_newer_database_is_refused_in_words() {
        let mut conn = memory();
        migrate_connection(&mut conn, STEPS).expect("migrates");
        conn.execute_batch("INSERT INTO jackfield_schema VALUES (99, '')").expect("sql");
        let fault = migrate_connection(&mut conn, STEPS).expect_err("newer");
        assert_eq!(fault.kind, FaultKind::Foreign);
        assert!(fault.words.contains("99"));
    }

    #[test]
    fn the_change_log_names_every_row_that_another_program_touches() {
        let mut conn = memory();
        migrate_connection(&mut conn, STEPS).expect("migrates");
        conn.execute_batch(
            "INSERT INTO ps_aors (id) VALUES ('a');
             INSERT OR REPLACE INTO ps_aors (id, max_contacts) VALUES ('a', 2);
             UPDATE ps_aors SET id = 'b' WHERE id = 'a';
             DELETE FROM ps_aors;
             INSERT INTO extensions (context, exten, priority, app, appdata) VALUES ('c', '1', 1, 'NoOp', '');",
        )
        .expect("sql");
        let mut log =
            conn.prepare("SELECT tbl || ':' || id FROM jackfield_changes ORDER BY seq").expect("sql");
        let log: Vec<String> =
            log.query_map([], |r| r.get(0)).expect("rows").map(|r| r.expect("text")).collect();
        assert_eq!(log, ["ps_aors:a", "ps_aors:a", "ps_aors:b", "ps_aors:a", "ps_aors:b", "extensions:1"]);
    }
}
