//! A binding as a `ps_contacts` row: which column holds what, and how Asterisk writes it.

use super::fault::{Fault, FaultKind, quoted};
use super::ps_row::{Spelling, Values, spell};
use super::record::Names;
use super::schema;
use crate::base::ids::Name;
use crate::base::time::WallTime;
use crate::registrar::binding::Binding;
use foldhash::fast::FixedState;
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, Row};
use std::borrow::Cow;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::SocketAddr;

/// What a contact copies from its aor when it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct AorColumns {
    /// `qualify_frequency`, seconds.
    pub qualify_frequency: u32,
    /// `qualify_timeout`, seconds.
    pub qualify_timeout: f64,
    /// `qualify_2xx_only`.
    pub qualify_2xx_only: bool,
    /// `authenticate_qualify`.
    pub authenticate_qualify: bool,
    /// `outbound_proxy`, empty when none.
    pub outbound_proxy: Name,
}

impl Default for AorColumns {
    fn default() -> Self {
        AorColumns {
            qualify_frequency: 0,
            qualify_timeout: 3.0,
            qualify_2xx_only: false,
            authenticate_qualify: false,
            outbound_proxy: Name::from(""),
        }
    }
}

/// The columns we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Id,
    Uri,
    ExpirationTime,
    QualifyFrequency,
    OutboundProxy,
    Path,
    UserAgent,
    QualifyTimeout,
    RegServer,
    AuthenticateQualify,
    ViaAddr,
    ViaPort,
    CallId,
    Endpoint,
    PruneOnBoot,
    Qualify2xxOnly,
    Q,
    Cseq,
    Instance,
    RegId,
    Transport,
    Source,
}

/// Asterisk's columns, then ours (see `schema/sqlite/0003_contact_details.sql`).
const COLUMNS: &[(Column, &str)] = &[
    (Column::Id, "id"),
    (Column::Uri, "uri"),
    (Column::ExpirationTime, "expiration_time"),
    (Column::QualifyFrequency, "qualify_frequency"),
    (Column::OutboundProxy, "outbound_proxy"),
    (Column::Path, "path"),
    (Column::UserAgent, "user_agent"),
    (Column::QualifyTimeout, "qualify_timeout"),
    (Column::RegServer, "reg_server"),
    (Column::AuthenticateQualify, "authenticate_qualify"),
    (Column::ViaAddr, "via_addr"),
    (Column::ViaPort, "via_port"),
    (Column::CallId, "call_id"),
    (Column::Endpoint, "endpoint"),
    (Column::PruneOnBoot, "prune_on_boot"),
    (Column::Qualify2xxOnly, "qualify_2xx_only"),
    (Column::Q, "jf_q"),
    (Column::Cseq, "jf_cseq"),
    (Column::Instance, "jf_instance"),
    (Column::RegId, "jf_reg_id"),
    (Column::Transport, "jf_transport"),
    (Column::Source, "jf_source"),
];

/// Without these a contact cannot be kept.
const NEEDED: &[Column] = &[Column::Id, Column::Uri, Column::ExpirationTime];

/// What a refresh writes, as Asterisk's does.
const REFRESHED: &[Column] = &[
    Column::ExpirationTime,
    Column::QualifyFrequency,
    Column::AuthenticateQualify,
    Column::Qualify2xxOnly,
    Column::Cseq,
];

impl Column {
    fn name(self) -> &'static str {
        COLUMNS.iter().find(|(column, _)| *column == self).map_or("", |(_, name)| name)
    }

    /// The key.
    pub(super) fn is_id(self) -> bool {
        self == Column::Id
    }

    fn is_copied_from_aor(self) -> bool {
        matches!(
            self,
            Column::QualifyFrequency
                | Column::OutboundProxy
                | Column::QualifyTimeout
                | Column::AuthenticateQualify
                | Column::Qualify2xxOnly
        )
    }
}

/// A table's columns, as found.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    present: Vec<Column>,
    pub(super) spelling: Spelling,
    /// The statements, made once.
    pub(super) insert: String,
    pub(super) update: String,
    pub(super) refresh: String,
    pub(super) delete: String,
    pub(super) exists: String,
    pub(super) select: String,
}

impl Shape {
    /// Looks at the table. What is missing is named once, in `notes`.
    pub(super) fn probe(conn: &Connection, table: &str, notes: &mut Vec<String>) -> Result<Shape, Fault> {
        let found = schema::columns(conn, table)?;
        if found.is_empty() {
            return Err(Fault::new(FaultKind::Schema, format!("there is no table {table}")));
        }
        let has = |name: &str| found.iter().any(|(column, _)| column.eq_ignore_ascii_case(name));
        let (present, missing): (Vec<_>, Vec<_>) = COLUMNS.iter().partition(|(_, name)| has(name));
        if let Some((_, name)) = missing.iter().find(|(column, _)| NEEDED.contains(column)) {
            return Err(Fault::new(FaultKind::Schema, format!("table {table} has no column {name}")));
        }
        if !missing.is_empty() {
            let names: Vec<_> = missing.iter().map(|(_, name)| *name).collect();
            notes.push(format!("table {table} lacks {}; these are not stored", names.join(", ")));
        }
        let unknown: Vec<_> =
            found.iter().map(|(name, _)| name.as_str()).filter(|name| !is_known(name)).collect();
        if !unknown.is_empty() {
            notes.push(format!("table {table} has columns of others, left alone: {}", unknown.join(", ")));
        }
        Ok(Shape::of(table, present.into_iter().map(|(column, _)| column).collect(), has_rowid(conn, table)))
    }

    fn of(table: &str, present: Vec<Column>, has_rowid: bool) -> Shape {
        let table = quoted(table);
        let names: Vec<_> = present.iter().map(|column| quoted(column.name())).collect();
        let places: Vec<_> = (1..=present.len()).map(|n| format!("?{n}")).collect();
        let sets = |columns: &mut dyn Iterator<Item = Column>| {
            let sets: Vec<_> =
                columns.zip(2..).map(|(column, n)| format!("{} = ?{n}", quoted(column.name()))).collect();
            format!("UPDATE {table} SET {} WHERE id = ?1", sets.join(", "))
        };
        let cursor = if has_rowid { "rowid" } else { "id" };
        let all = names.join(", ");
        Shape {
            insert: format!("INSERT INTO {table} ({all}) VALUES ({})", places.join(", ")),
            update: sets(&mut present.iter().copied().filter(|column| !column.is_id())),
            refresh: sets(&mut REFRESHED.iter().copied().filter(|column| present.contains(column))),
            delete: format!("DELETE FROM {table} WHERE id = ?1"),
            exists: format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE id = ?1)"),
            select: format!(
                "SELECT {cursor}, {all} FROM {table} WHERE {cursor} > ?1 ORDER BY {cursor} LIMIT ?2"
            ),
            spelling: Spelling::Verbatim,
            present,
        }
    }

    /// The columns of the table, `id` included.
    pub(super) fn present(&self) -> &[Column] {
        &self.present
    }

    /// Those of them that a refresh writes.
    pub(super) fn refreshed(&self) -> impl Iterator<Item = Column> + '_ {
        REFRESHED.iter().copied().filter(|column| self.present.contains(column))
    }

    /// The row's id: `<aor>;@<hash>`.
    pub(super) fn id(&self, aor: &str, hash: &[u8; 16]) -> String {
        let mut id = String::with_capacity(aor.len() + 36);
        id.push_str(&spell(Cow::Borrowed(aor), self.spelling));
        id.push_str(if self.spelling == Spelling::Encoded { "^3B@" } else { ";@" });
        for byte in hash {
            id.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
            id.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        }
        id
    }

    /// The value of a column, as Asterisk writes it: an absent text is empty, not NULL.
    pub(super) fn value<'a>(
        &self,
        column: Column,
        binding: &'a Binding,
        aor: &'a AorColumns,
    ) -> ToSqlOutput<'a> {
        let text: Cow<'a, str> = match column {
            Column::Id => return owned(self.id(&binding.aor, &binding.hash)),
            Column::Uri => Cow::Borrowed(&binding.uri),
            Column::ExpirationTime => return whole(binding.expires.secs()),
            Column::Path => Cow::Borrowed(&binding.path),
            Column::UserAgent => Cow::Borrowed(&binding.user_agent),
            Column::RegServer => Cow::Borrowed(&binding.reg_server),
            Column::ViaAddr => Cow::Borrowed(&binding.via.0),
            Column::ViaPort => return whole(binding.via.1.into()),
            Column::CallId => Cow::Borrowed(&binding.call_id),
            Column::Endpoint => Cow::Borrowed(&binding.endpoint),
            Column::PruneOnBoot => Cow::Borrowed(yes_no(binding.prune_on_boot)),
            Column::Q => return whole(binding.q.into()),
            Column::Cseq => return whole(binding.cseq.into()),
            Column::Instance => Cow::Borrowed(&binding.instance),
            Column::RegId => return whole(binding.reg_id.into()),
            Column::Transport => Cow::Borrowed(&binding.transport),
            Column::Source => return owned(SocketAddr::from(binding.source).to_string()),
            copied => return self.copied(copied, aor),
        };
        match spell(text, self.spelling) {
            Cow::Borrowed(text) => ToSqlOutput::Borrowed(text.into()),
            Cow::Owned(text) => owned(text),
        }
    }

    /// The value of a column that a refresh writes.
    pub(super) fn refreshed_value<'a>(
        &self,
        column: Column,
        (expires, cseq): (WallTime, u32),
        aor: &'a AorColumns,
    ) -> ToSqlOutput<'a> {
        match column {
            Column::ExpirationTime => whole(expires.secs()),
            Column::Cseq => whole(cseq.into()),
            copied => self.copied(copied, aor),
        }
    }

    fn copied<'a>(&self, column: Column, aor: &'a AorColumns) -> ToSqlOutput<'a> {
        match column {
            Column::QualifyFrequency => whole(aor.qualify_frequency.into()),
            Column::QualifyTimeout => owned(format!("{:.6}", aor.qualify_timeout)),
            Column::Qualify2xxOnly => {
                ToSqlOutput::Borrowed(if aor.qualify_2xx_only { "true" } else { "false" }.into())
            }
            Column::AuthenticateQualify => ToSqlOutput::Borrowed(yes_no(aor.authenticate_qualify).into()),
            _ => owned(spell(Cow::Borrowed(&aor.outbound_proxy), self.spelling).into_owned()),
        }
    }

    /// A number that differs when anything but the expiry differs in what the table holds of a binding.
    pub(super) fn print(&self, binding: &Binding) -> u64 {
        let mut hasher = FixedState::default().build_hasher();
        for column in &self.present {
            match column {
                Column::Id | Column::ExpirationTime | Column::Cseq => {}
                copied if copied.is_copied_from_aor() => {}
                Column::Uri => binding.uri.hash(&mut hasher),
                Column::Path => binding.path.hash(&mut hasher),
                Column::UserAgent => binding.user_agent.hash(&mut hasher),
                Column::RegServer => binding.reg_server.hash(&mut hasher),
                Column::ViaAddr => binding.via.0.hash(&mut hasher),
                Column::ViaPort => binding.via.1.hash(&mut hasher),
                Column::CallId => binding.call_id.hash(&mut hasher),
                Column::Endpoint => binding.endpoint.hash(&mut hasher),
                Column::PruneOnBoot => binding.prune_on_boot.hash(&mut hasher),
                Column::Q => binding.q.hash(&mut hasher),
                Column::Instance => binding.instance.hash(&mut hasher),
                Column::RegId => binding.reg_id.hash(&mut hasher),
                Column::Transport => binding.transport.hash(&mut hasher),
                _ => binding.source.hash(&mut hasher),
            }
        }
        hasher.finish()
    }

    /// The binding of a row of [`Shape::select`], and how its id is spelled; `None` for a row that is none of ours: its
    /// id has not the form `<aor>;@<hash>`, or it has no URI.
    pub(super) fn read(&self, row: &Row<'_>, names: &mut Names) -> Option<(Binding, Spelling)> {
        let mut values = Values::default();
        for (index, column) in self.present.iter().enumerate() {
            values.take(*column, row.get_ref(index + 1).ok()?);
        }
        values.binding(names)
    }
}

fn is_known(name: &str) -> bool {
    COLUMNS.iter().any(|(_, known)| known.eq_ignore_ascii_case(name))
}

/// Whether the table can be walked by `rowid`: not one made WITHOUT ROWID, not a view.
fn has_rowid(conn: &Connection, table: &str) -> bool {
    conn.prepare(&format!("SELECT rowid FROM {} LIMIT 0", quoted(table))).is_ok()
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn whole(number: u64) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
}

fn owned(text: String) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Text(text))
}
