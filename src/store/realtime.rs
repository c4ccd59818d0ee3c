//! Realtime tables read whole: every row becomes a [`Draft`], with its text borrowed from SQLite.
//!
//! Whatever schema is found serves: columns that are missing leave their options at their defaults; columns that are
//! no options are named once per table and passed over, as Asterisk does.

use super::fault::{Fault, FaultKind, quoted};
use super::row_batch::{self, Batch};
use super::schema;
use crate::config::draft::{Draft, Setting};
use crate::config::hints::option_names;
use crate::config::kind::Kind;
use crate::config::model::other::is_legal;
use crate::config::origin::{Origin, SourceId};
use foldhash::fast::FixedState;
use rusqlite::Connection;
use rusqlite::types::Value;
use std::borrow::Cow;
use std::hash::BuildHasher;

/// A table to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What its rows describe.
    pub kind: Kind,
    /// Its name in the database.
    pub table: String,
    /// Its name among the configuration's sources, for the place of each setting.
    pub source: SourceId,
}

impl Wanted {
    /// The table as a place, for what is said about it as a whole.
    pub fn at(&self) -> Origin {
        Origin::new(self.source, 0, 0)
    }
}

/// A table as found.
#[derive(Clone, Debug)]
pub struct Table {
    wanted: Wanted,
    pub(super) columns: Vec<Column>,
    /// The columns in the order of `columns`, for SELECTs: the id first.
    list: String,
    has_rowid: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its place in the table, from 1.
    pub(super) place: u16,
}

impl Table {
    /// Looks at the table's columns. What is worth knowing about them goes to `notes`.
    ///
    /// # Errors
    /// The database cannot be read, or there is no such table, or it has no `id`.
    pub fn probe(conn: &Connection, wanted: &Wanted, notes: &mut Vec<String>) -> Result<Table, Fault> {
        let name = &wanted.table;
        let found = schema::columns(conn, name)?;
        if found.is_empty() {
            return Err(Fault::new(FaultKind::Schema, format!("there is no table {name}")));
        }
        let options = option_names(wanted.kind);
        let is_option = |column: &str| {
            options.is_empty()
                || options.iter().any(|option| option.eq_ignore_ascii_case(column))
                || is_legal(wanted.kind, column)
        };
        let (mut columns, mut strange, mut id) = (Vec::new(), Vec::new(), None);
        for (place, (column, _)) in (1u16..).zip(&found) {
            if column.eq_ignore_ascii_case("id") {
                id = Some(column.clone());
            } else if is_option(column) || column.starts_with('@') {
                columns.push(Column { name: column.clone(), place });
            } else if !schema::is_standard(name, column) {
                strange.push(column.as_str());
            }
        }
        let Some(id) = id else {
            return Err(Fault::new(FaultKind::Schema, format!("table {name} has no column id")));
        };
        if !strange.is_empty() {
            let (kind, strange) = (wanted.kind, strange.join(", "));
            notes.push(format!("columns of {name} that are no options of {kind} are passed over: {strange}"));
        }
        let list: Vec<_> =
            std::iter::once(&id).chain(columns.iter().map(|c| &c.name)).map(|c| quoted(c)).collect();
        let has_rowid = conn.prepare(&format!("SELECT rowid FROM {} LIMIT 0", quoted(name))).is_ok();
        Ok(Table { wanted: wanted.clone(), columns, list: list.join(", "), has_rowid })
    }

    /// What was asked for.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Hands every row to `each`, in the order of the table. Returns how many there were.
    ///
    /// # Errors
    /// The table cannot be read to its end; rows before that have been handed over.
    pub fn read(&self, conn: &Connection, each: &mut dyn FnMut(&Draft<'_>, RowPrint)) -> Result<u32, Fault> {
        row_batch::read(self, conn.prepare(&self.select_all())?.query([])?, each)
    }

    /// The same, where `each` may run on a second thread beside the reading.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn read_ahead(
        &self,
        conn: &Connection,
        each: &mut (dyn FnMut(&Draft<'_>, RowPrint) + Send),
    ) -> Result<u32, Fault> {
        row_batch::read_ahead(self, conn.prepare(&self.select_all())?.query([])?, each)
    }

    fn select_all(&self) -> String {
        // The order of a table with rowid is that of insertion, and free of cost.
        let order = if self.has_rowid { "rowid" } else { "id" };
        format!("SELECT {} FROM {} ORDER BY {order}", self.list, quoted(&self.wanted.table))
    }

    /// Hands the row of one id to `each`; false when there is none.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn read_one(
        &self,
        conn: &Connection,
        id: &Value,
        each: &mut dyn FnMut(&Draft<'_>, RowPrint),
    ) -> Result<bool, Fault> {
        let sql = format!("SELECT {} FROM {} WHERE id = ?1", self.list, quoted(&self.wanted.table));
        let mut statement = conn.prepare_cached(&sql)?;
        let mut rows = statement.query([id])?;
        let Some(row) = rows.next()? else { return Ok(false) };
        let mut batch = Batch::default();
        batch.take(self, row);
        batch.replay(self, each);
        Ok(true)
    }
}

/// Hashes of a row's id and of everything in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowPrint {
    /// Of the id.
    pub id: u64,
    /// Of all values.
    pub row: u64,
}

/// The hash of an id, as in [`RowPrint`].
pub fn id_print(id: &str) -> u64 {
    FixedState::default().hash_one(id)
}

/// The same draft, owning its text.
pub fn owned(draft: &Draft<'_>) -> Draft<'static> {
    Draft {
        kind: draft.kind,
        id: Cow::Owned(draft.id.clone().into_owned()),
        at: draft.at,
        settings: draft
            .settings
            .iter()
            .map(|setting| Setting {
                option: Cow::Owned(setting.option.clone().into_owned()),
                value: Cow::Owned(setting.value.clone().into_owned()),
                at: setting.at,
                value_column: setting.value_column,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(kind: Kind, table: &str) -> Wanted {
        Wanted { kind, table: table.into(), source: SourceId(3) }
    }

    fn read(conn: &Connection, kind: Kind, table: &str) -> (Vec<Draft<'static>>, Vec<String>) {
        let mut notes = Vec::new();
        let table = Table::probe(conn, &wanted(kind, table), &mut notes).expect("probes");
        let mut drafts = Vec::new();
        table.read(conn, &mut |draft, _| drafts.push(owned(draft))).expect("reads");
        (drafts, notes)
    }

    fn settings(draft: &Draft<'_>) -> Vec<(String, String)> {
        draft.settings.iter().map(|s| (s.option.to_string(), s.value.to_string())).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    fn full() -> Connection {
        let mut conn = Connection::open_in_memory().expect("memory");
        schema::migrate_connection(&mut conn, schema::STEPS).expect("migrates");
        conn
    }

    #[test]
    fn null_and_empty_are_not_set_and_columns_apply_from_left_to_right() {
        let conn = full();
        conn.execute_batch(
            "INSERT INTO ps_endpoints (id, allow, disallow, context, transport, mailboxes, device_state_busy_at)
             VALUES ('100', 'ulaw', 'all', NULL, '', ' ', 2)",
        )
        .expect("sql");
        let (drafts, notes) = read(&conn, Kind::Endpoint, "ps_endpoints");
        assert_eq!(drafts[0].id, "100");
        assert_eq!(
            settings(&drafts[0]),
            pairs(&[
                ("disallow", "all"),
                ("allow", "ulaw"),
                ("mailboxes", ""),
                ("device_state_busy_at", "2")
            ])
        );
        assert_eq!(drafts[0].settings[0].at, Origin::new(SourceId(3), 0, 6), "table and column");
        assert_eq!(notes, Vec::<String>::new());
    }

    #[test]
    fn older_and_newer_schemas_serve_and_strange_columns_are_named_once() {
        let conn = Connection::open_in_memory().expect("memory");
        conn.execute_batch(
            "CREATE TABLE aors (max_contacts TEXT, ID TEXT, vendor_note TEXT, qualify_timeout FLOAT, tenant INTEGER);
             INSERT INTO aors VALUES ('3', 'a', 'x', 3, 1), (NULL, 'b', 'y', 2.5, 1), ('1', NULL, '', NULL, 0);",
        )
        .expect("sql");
        let (drafts, notes) = read(&conn, Kind::Aor, "aors");
        assert_eq!(
            notes,
            ["columns of aors that are no options of aor are passed over: vendor_note, tenant"]
        );
        let got: Vec<_> = drafts.iter().map(|d| (d.id.to_string(), settings(d))).collect();
        assert_eq!(
            got,
            [
                ("a".to_owned(), pairs(&[("max_contacts", "3"), ("qualify_timeout", "3.0")])),
                ("b".to_owned(), pairs(&[("qualify_timeout", "2.5")])),
            ],
            "a row without id names nothing"
        );
    }

    #[test]
    fn a_table_that_is_missing_or_has_no_id_is_told() {
        let conn = Connection::open_in_memory().expect("memory");
        let mut notes = Vec::new();
        let fault = Table::probe(&conn, &wanted(Kind::Aor, "ps_aors"), &mut notes).expect_err("missing");
        assert_eq!(fault.words, "there is no table ps_aors");
        conn.execute_batch("CREATE TABLE ps_aors (name TEXT)").expect("sql");
        let fault = Table::probe(&conn, &wanted(Kind::Aor, "ps_aors"), &mut notes).expect_err("no id");
        assert_eq!(fault.words, "table ps_aors has no column id");
    }

    #[test]
    fn views_and_tables_without_rowid_are_read_too() {
        let conn = Connection::open_in_memory().expect("memory");
        conn.execute_batch(
            "CREATE TABLE t (id TEXT PRIMARY KEY, username TEXT) WITHOUT ROWID;
             INSERT INTO t VALUES ('b', 'u'), ('a', 'v');
             CREATE VIEW v AS SELECT id, username FROM t;",
        )
        .expect("sql");
        for table in ["t", "v"] {
            let ids: Vec<_> = read(&conn, Kind::Auth, table).0.into_iter().map(|d| d.id).collect();
            assert_eq!(ids, ["a", "b"], "{table}");
        }
    }

    #[test]
    fn text_that_is_not_utf_8_is_read_as_well_as_can_be() {
        let conn = full();
        conn.execute("INSERT INTO ps_endpoints (id, callerid) VALUES ('1', CAST(x'4DFC6C' AS TEXT))", [])
            .expect("sql");
        let (drafts, _) = read(&conn, Kind::Endpoint, "ps_endpoints");
        assert_eq!(settings(&drafts[0]), pairs(&[("callerid", "M\u{fffd}l")]));
    }

    #[test]
    fn a_print_differs_when_any_value_differs() {
        let conn = full();
        conn.execute_batch("INSERT INTO ps_aors (id, max_contacts, mailboxes) VALUES ('1', 12, NULL)")
            .expect("sql");
        let table = Table::probe(&conn, &wanted(Kind::Aor, "ps_aors"), &mut Vec::new()).expect("probes");
        let print = || {
            let mut print = None;
            let id = Value::Text("1".into());
            assert!(table.read_one(&conn, &id, &mut |_, p| print = Some(p)).expect("reads"));
            print.expect("a row")
        };
        let first = print();
        assert_eq!(first.id, id_print("1"));
        for change in ["max_contacts = 13", "mailboxes = 'x'", "mailboxes = NULL, contact = 'x'"] {
            conn.execute_batch(&format!("UPDATE ps_aors SET {change}")).expect("sql");
            assert_ne!(print(), first, "{change}");
        }
        conn.execute_batch("UPDATE ps_aors SET max_contacts = 12, contact = NULL").expect("sql");
        assert_eq!(print(), first);
    }
}
