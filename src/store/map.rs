//! Which table of which database file holds what: the mapping of `sorcery.conf` and `extconfig.conf`, with database
//! names looked up in `res_config_sqlite3.conf`.

use super::realtime::Wanted;
use super::watch::Watch;
use crate::config::conf::{Tree, read_optional};
use crate::config::files::Files;
use crate::config::finding::Finding;
use crate::config::kind::Kind;
use crate::config::mapping::{Backend, Family, Mappings, RealtimeTable};
use crate::config::origin::Sources;
use crate::config::suggest;
use std::path::{Path, PathBuf};

/// The file that names SQLite databases.
pub const SQLITE3_CONF: &str = "res_config_sqlite3.conf";

/// One database file and the tables of it that hold objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// The file.
    pub path: PathBuf,
    /// Its tables.
    pub tables: Vec<Wanted>,
}

/// Where registered contacts are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Contacts {
    /// In our own file: nothing is mapped, or `contact=astdb,…`.
    #[default]
    Own,
    /// In a table that others use as well, behind our journal: `contact=realtime,FAMILY`.
    Shared {
        /// The database file.
        path: PathBuf,
        /// The table.
        table: String,
    },
    /// Nowhere: `contact=memory`.
    Memory,
}

/// What comes from databases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RealtimeMap {
    /// Objects, by database.
    pub databases: Vec<Database>,
    /// Contacts.
    pub contacts: Contacts,
    /// Some table could not be mapped: objects that are absent may only be unreadable.
    pub incomplete: bool,
}

impl RealtimeMap {
    /// Resolves what `sorcery.conf` and `extconfig.conf` say. A relative `dbfile` lies below `root`. What cannot be
    /// resolved is told in `findings`, and the rest is used.
    pub fn read(
        mappings: &Mappings,
        files: &dyn Files,
        root: &Path,
        sources: &mut Sources,
        findings: &mut Vec<Finding>,
    ) -> RealtimeMap {
        let tables = mappings.tables();
        let mut map = RealtimeMap { contacts: contacts(mappings), ..RealtimeMap::default() };
        if tables.is_empty() {
            return map;
        }
        let names = read_optional(files, SQLITE3_CONF, sources, findings);
        for RealtimeTable { kind, family } in tables {
            let path = match database(&family, names.as_ref()) {
                Ok(path) => root.join(path),
                Err(fault) => {
                    map.incomplete |= kind != Kind::Contact;
                    // One line per fault, however many tables share it.
                    if !findings.iter().any(|found| found.at == fault.at && found.message == fault.message) {
                        findings.push(*fault);
                    }
                    continue;
                }
            };
            match kind {
                Kind::Contact => map.contacts = Contacts::Shared { path, table: family.table },
                // Ours alone to write; nothing of it is configuration.
                Kind::SubscriptionPersistence => {}
                _ => map.add(path, kind, &family, sources),
            }
        }
        map
    }

    fn add(&mut self, path: PathBuf, kind: Kind, family: &Family, sources: &mut Sources) {
        let source = sources.intern(&family.table);
        let wanted = Wanted { kind, table: family.table.clone(), source };
        match self.databases.iter_mut().find(|database| database.path == path) {
            Some(database) => database.tables.push(wanted),
            None => self.databases.push(Database { path, tables: vec![wanted] }),
        }
    }

    /// A watch for each database, in order.
    pub fn watches(&self) -> Vec<Watch> {
        self.databases.iter().map(|database| Watch::new(&database.path, database.tables.clone())).collect()
    }
}

/// What is said of contacts when no table is.
fn contacts(mappings: &Mappings) -> Contacts {
    match mappings.backends.get(&Kind::Contact).and_then(|backends| backends.first()) {
        Some((Backend::Memory, _)) => Contacts::Memory,
        _ => Contacts::Own,
    }
}

/// The file behind a family.
pub(super) fn database(family: &Family, names: Option<&Tree>) -> Result<PathBuf, Box<Finding>> {
    let error = |code, message: String| Box::new(Finding::error(code, family.at, message));
    if family.driver != "sqlite3" {
        let message = format!("driver '{}' is not among those that tables are read by", family.driver);
        let help = "'sqlite3' is: FAMILY => sqlite3,NAME[,TABLE], and [NAME] with dbfile => PATH in res_config_sqlite3.conf";
        return Err(Box::new((*error("unknown-driver", message)).help(help)));
    }
    if family.database.is_empty() {
        let message = format!("no database is named for table '{}'", family.table);
        return Err(Box::new((*error("missing-option", message)).help("write FAMILY => sqlite3,NAME")));
    }
    if let Some(section) = names.and_then(|names| named(names, &family.database)) {
        return match section.value("dbfile").filter(|path| !path.is_empty()) {
            Some(path) => Ok(PathBuf::from(path)),
            None => {
                let message = format!("[{}] of {SQLITE3_CONF} has no dbfile", section.name());
                Err(Box::new(Finding::error("missing-option", section.at(), message).option("dbfile")))
            }
        };
    }
    // Not Asterisk's grammar, but nothing else can be meant.
    if family.database.contains('/') {
        return Ok(PathBuf::from(&family.database));
    }
    let message = format!("there is no database '{}' in {SQLITE3_CONF}", family.database);
    let near = names
        .and_then(|names| suggest::nearest(&family.database, names.sections().map(|section| section.name())));
    let help = match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("add [{}] with dbfile => PATH to {SQLITE3_CONF}", family.database),
    };
    Err(Box::new((*error("dangling-reference", message)).help(help)))
}

/// Database names are compared without regard to case, as Asterisk does.
fn named<'a>(names: &'a Tree, database: &str) -> Option<crate::config::conf::Section<'a>> {
    names.sections().find(|section| !section.is_template() && section.name().eq_ignore_ascii_case(database))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::MemoryFiles;

    const SORCERY: &str = "[res_pjsip]\nendpoint=realtime,ps_endpoints\naor=realtime,ps_aors\nauth=realtime,ps_auths\n\
        contact=realtime,ps_contacts\n[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ps_endpoint_id_ips\n";

    fn read(sorcery: &str, extconfig: &str, sqlite: &str) -> (RealtimeMap, Vec<Finding>) {
        let files = MemoryFiles::new()
            .with("sorcery.conf", sorcery)
            .with("extconfig.conf", extconfig)
            .with(SQLITE3_CONF, sqlite);
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let mappings = Mappings::read(&files, &mut sources, &mut findings);
        let map = RealtimeMap::read(&mappings, &files, Path::new("/etc/x"), &mut sources, &mut findings);
        (map, findings)
    }

    /// S4-42, S4-44: Asterisk's three files, unchanged.
    #[test]
    fn three_files_name_the_table_of_every_kind() {
        let (map, findings) = read(
            SORCERY,
            "[settings]\nps_endpoints => sqlite3,asterisk\nps_aors => sqlite3,asterisk,my_aors\n\
             ps_auths => sqlite3,other\nps_contacts => sqlite3,ASTERISK\nps_endpoint_id_ips => sqlite3,asterisk\n",
            "[asterisk]\ndbfile => /var/lib/realtime.sqlite3\ndebug=no\n[other]\ndbfile => auths.db\n",
        );
        assert_eq!(findings, []);
        let found: Vec<_> = map
            .databases
            .iter()
            .map(|d| {
                (d.path.clone(), d.tables.iter().map(|t| (t.kind, t.table.as_str())).collect::<Vec<_>>())
            })
            .collect();
        let realtime = PathBuf::from("/var/lib/realtime.sqlite3");
        assert_eq!(
            found,
            [
                (
                    realtime.clone(),
                    vec![
                        (Kind::Endpoint, "ps_endpoints"),
                        (Kind::Aor, "my_aors"),
                        (Kind::Identify, "ps_endpoint_id_ips")
                    ]
                ),
                (PathBuf::from("/etc/x/auths.db"), vec![(Kind::Auth, "ps_auths")]),
            ]
        );
        assert_eq!(map.contacts, Contacts::Shared { path: realtime, table: "ps_contacts".into() });
        assert!(!map.incomplete);
        assert_eq!(map.watches().len(), 2);
    }

    #[test]
    fn what_cannot_be_resolved_is_told_and_the_rest_is_used() {
        let (map, findings) = read(
            SORCERY,
            "[settings]\nps_endpoints => odbc,asterisk\nps_aors => sqlite3,astersk\nps_auths => sqlite3,empty\n\
             ps_contacts => sqlite3\nps_endpoint_id_ips => sqlite3,/srv/a.db\n",
            "[asterisk]\ndbfile => /var/lib/a.db\n[empty]\n",
        );
        let mut codes: Vec<_> =
            findings.iter().map(|f| (f.code, f.help.clone().unwrap_or_default())).collect();
        codes.sort();
        assert_eq!(codes.len(), 4, "{findings:?}");
        assert_eq!(codes[0], ("dangling-reference", "did you mean 'asterisk'?".to_owned()));
        assert_eq!(
            (codes[1].0, codes[2].0, codes[3].0),
            ("missing-option", "missing-option", "unknown-driver")
        );
        assert!(map.incomplete);
        assert_eq!(map.databases.len(), 1);
        assert_eq!(map.databases[0].path, Path::new("/srv/a.db"));
        assert_eq!(map.contacts, Contacts::Own);
    }

    #[test]
    fn contacts_stay_in_our_own_file_unless_something_else_is_said() {
        assert_eq!(read("", "", "").0.contacts, Contacts::Own);
        assert_eq!(read("[res_pjsip]\ncontact=astdb,registrar\n", "", "").0.contacts, Contacts::Own);
        assert_eq!(read("[res_pjsip]\ncontact=memory\n", "", "").0.contacts, Contacts::Memory);
    }
}
