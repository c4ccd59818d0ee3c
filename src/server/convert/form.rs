//! Objects as files and rows.

use crate::config::Objects;
use crate::config::draft::{Draft, RowStyle};
use crate::config::export::{self, Row};
use crate::config::kind::Kind;
use crate::config::load::{ACL_CONF, ASTERISK_CONF, JACKFIELD_CONF, PJSIP_CONF, RTP_CONF, TOML_FILE};

/// What a configuration can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `pjsip.conf`, and `acl.conf`, `asterisk.conf`, `rtp.conf` where there is something for them.
    Conf,
    /// `pjsip.toml`.
    Toml,
    /// `ps_*` tables in a SQLite database, `pjsip.conf` for the rest, and the three files that name the tables.
    Sqlite,
}

/// The database's file name.
pub(super) const DATABASE: &str = "pjsip.sqlite";

/// Kinds that go into tables, with the section of `sorcery.conf` that maps them. Transports, `global` and `system` stay
/// in the file: they are needed before a database can be asked, and a locked one must not keep the server from
/// listening.
const IN_TABLES: &[(Kind, &str)] = &[
    (Kind::Endpoint, "res_pjsip"),
    (Kind::Auth, "res_pjsip"),
    (Kind::Aor, "res_pjsip"),
    (Kind::DomainAlias, "res_pjsip"),
    (Kind::Identify, "res_pjsip_endpoint_identifier_ip"),
    (Kind::Registration, "res_pjsip_outbound_registration"),
];

/// Ready to be written.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    /// Name and text.
    pub files: Vec<(&'static str, String)>,
    /// Files of which an administrator may have his own already.
    pub mapping: Vec<(&'static str, String)>,
    /// Rows of the database.
    pub rows: Vec<Row>,
}

pub(super) fn render(objects: &Objects, form: Form) -> Rendered {
    let drafts = export::drafts(objects);
    match form {
        Form::Conf => Rendered { files: conf_files(&drafts), ..Rendered::default() },
        Form::Toml => {
            let text: Vec<String> = drafts.iter().map(export::toml).collect();
            Rendered { files: vec![(TOML_FILE, text.join("\n"))], ..Rendered::default() }
        }
        Form::Sqlite => tables(drafts),
    }
}

fn conf_files(drafts: &[Draft<'_>]) -> Vec<(&'static str, String)> {
    let file_of = |kind| match kind {
        Kind::NamedAcl => ACL_CONF,
        Kind::Asterisk => ASTERISK_CONF,
        Kind::Rtp => RTP_CONF,
        Kind::Jackfield => JACKFIELD_CONF,
        _ => PJSIP_CONF,
    };
    let mut files = vec![(PJSIP_CONF, String::new())];
    for draft in drafts {
        let name = file_of(draft.kind);
        let place = files.iter().position(|(file, _)| *file == name).unwrap_or_else(|| {
            files.push((name, String::new()));
            files.len() - 1
        });
        let text = &mut files[place].1;
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&export::conf(draft));
    }
    files
}

fn tables(drafts: Vec<Draft<'static>>) -> Rendered {
    let mut rendered = Rendered::default();
    let mut rest = Vec::new();
    for draft in drafts {
        let row = IN_TABLES.iter().any(|(kind, _)| *kind == draft.kind);
        match row.then(|| export::row(&draft, RowStyle::Verbatim)).flatten() {
            Some(row) => rendered.rows.push(row),
            // No table, or one that cannot hold it: two variables do not fit one column of SQLite.
            None => rest.push(draft),
        }
    }
    let (mut sorcery, mut extconfig) = (String::new(), "[settings]\n".to_owned());
    let mut section = "";
    for (kind, module) in IN_TABLES {
        let table = kind.table().expect("IN_TABLES has kinds with tables only");
        if section != *module {
            section = module;
            sorcery.push_str(&format!("[{module}]\n"));
        }
        sorcery.push_str(&format!("{kind}=realtime,{table}\n"));
        if rest.iter().any(|draft| draft.kind == *kind) {
            sorcery.push_str(&format!("{kind}=config,{PJSIP_CONF},criteria=type={kind}\n"));
        }
        extconfig.push_str(&format!("{table} => sqlite3,pjsip\n"));
    }
    rendered.files = conf_files(&rest);
    rendered.mapping = vec![
        ("sorcery.conf", sorcery),
        ("extconfig.conf", extconfig),
        ("res_config_sqlite3.conf", format!("[pjsip]\ndbfile => {DATABASE}\n")),
    ];
    rendered
}
