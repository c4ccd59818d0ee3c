//! `sorcery.conf` and `extconfig.conf`: which objects live in files and which in tables.

use std::collections::BTreeMap;

use super::conf::{self, Section};
use super::draft::Setting;
use super::files::Files;
use super::finding::Finding;
use super::kind::Kind;
use super::origin::{Origin, Sources};
use super::suggest;

/// Where objects of a kind are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A `.conf` file.
    Config {
        /// Its name.
        file: String,
    },
    /// A table, by its family in `extconfig.conf`.
    Realtime {
        /// The family.
        family: String,
    },
    /// The server's own store.
    Astdb,
    /// Nowhere: objects live as long as the process.
    Memory,
}

/// A line of `extconfig.conf`: which driver reads a family from which database and table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// `odbc`, `pgsql`, `sqlite3`, `mysql`, `curl`, …
    pub driver: String,
    /// The DSN or path that the driver knows.
    pub database: String,
    /// The table; the family's name where none is written.
    pub table: String,
    /// Where it was written.
    pub at: Origin,
}

/// Both files.
#[derive(Clone, Debug, Default)]
pub struct Mappings {
    /// Back ends by kind, in the order in which they are asked. A kind that is absent is read from `pjsip.conf`.
    pub backends: BTreeMap<Kind, Vec<(Backend, Origin)>>,
    /// Families by name.
    pub families: BTreeMap<String, Family>,
}

/// A table to read objects from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealtimeTable {
    /// The kind of its rows.
    pub kind: Kind,
    /// Driver, database and table.
    pub family: Family,
}

/// Before the names of families that TOML files make: no line of `extconfig.conf` can have such a name.
const REALTIME_TOML: &str = "[realtime]/";

/// The sections of `sorcery.conf` and the kinds they may map.
const MODULES: &[(&str, &[Kind])] = &[
    (
        "res_pjsip",
        &[
            Kind::Endpoint,
            Kind::Aor,
            Kind::Auth,
            Kind::DomainAlias,
            Kind::Contact,
            Kind::Global,
            Kind::System,
            Kind::Transport,
        ],
    ),
    ("res_pjsip_endpoint_identifier_ip", &[Kind::Identify]),
    ("res_pjsip_outbound_registration", &[Kind::Registration]),
    ("res_pjsip_outbound_publish", &[Kind::OutboundPublish]),
    ("res_pjsip_pubsub", &[Kind::ResourceList, Kind::SubscriptionPersistence, Kind::InboundPublication]),
    ("res_pjsip_publish_asterisk", &[Kind::AsteriskPublication]),
    ("res_pjsip_acl", &[Kind::Acl]),
    ("res_pjsip_phoneprov_provider", &[Kind::Phoneprov]),
];

impl Mappings {
    /// Reads both files; either may be missing.
    pub fn read(files: &dyn Files, sources: &mut Sources, findings: &mut Vec<Finding>) -> Mappings {
        let mut mappings = Mappings::default();
        if let Some(tree) = conf::read_optional(files, "extconfig.conf", sources, findings)
            && let Some(section) = tree.section("settings")
        {
            mappings.families(section);
        }
        if let Some(tree) = conf::read_optional(files, "sorcery.conf", sources, findings) {
            for section in tree.sections().filter(|section| !section.is_template()) {
                mappings.module(section, findings);
            }
        }
        mappings.check_families(findings);
        mappings
    }

    /// Whether objects of a kind are looked for in this file.
    pub fn reads_file(&self, kind: Kind, file: &str) -> bool {
        match self.backends.get(&kind) {
            None => true,
            Some(backends) => backends
                .iter()
                .any(|(backend, _)| matches!(backend, Backend::Config { file: own } if own == file)),
        }
    }

    /// The tables to read, in the order of kinds.
    pub fn tables(&self) -> Vec<RealtimeTable> {
        let mut tables = Vec::new();
        for (kind, backends) in &self.backends {
            for (backend, _) in backends {
                let Backend::Realtime { family } = backend else { continue };
                if let Some(family) = self.families.get(family) {
                    tables.push(RealtimeTable { kind: *kind, family: family.clone() });
                }
            }
        }
        tables
    }

    /// `[realtime]` of a TOML file. Objects written in files go before rows of the same name.
    pub(super) fn toml(&mut self, settings: &[Setting<'_>], findings: &mut Vec<Finding>) {
        let said = |option: &str| settings.iter().rev().find(|setting| setting.option == option);
        let database = said("database");
        for setting in settings {
            let (name, part) = setting.option.split_once('/').unwrap_or((&setting.option, ""));
            if name == "database" {
                continue;
            }
            let Some(kind) = Kind::of_type(name).filter(|kind| kind.table().is_some()) else {
                let message = format!("'{name}' is no type of object that has a table");
                let mut finding = Finding::error("unknown-type", setting.at, message);
                let tables = Kind::all().filter(|kind| kind.table().is_some()).map(Kind::type_name);
                let near = suggest::nearest(name, tables.chain(["database"]));
                finding.help = near.map(|near| format!("did you mean '{near}'?"));
                findings.push(finding);
                continue;
            };
            if !matches!(part, "" | "table" | "database") {
                let message = format!("[realtime.{name}] has no '{part}'");
                findings.push(
                    Finding::error("unknown-option", setting.at, message).help("it has database and table"),
                );
                continue;
            }
            if self
                .backends
                .get(&kind)
                .is_some_and(|all| all.iter().any(|(_, at)| at.source == setting.at.source))
            {
                continue;
            }
            let own = |part: &str| said(&format!("{name}/{part}"));
            let table = match (setting.value.as_ref(), part) {
                ("no", "") => continue,
                ("yes", "") => None,
                (table, "") => Some(table),
                _ => own("table").map(|table| &*table.value),
            };
            let Some(path) =
                own("database").or(database).map(|path| &*path.value).filter(|path| !path.is_empty())
            else {
                let message = format!("no database is named for {kind}");
                let help = "add database = \"FILE\" to [realtime]";
                findings.push(Finding::error("missing-option", setting.at, message).help(help));
                continue;
            };
            let table =
                table.filter(|table| !table.is_empty()).or(kind.table()).unwrap_or_default().to_owned();
            let database = if path.contains('/') { path.to_owned() } else { format!("./{path}") };
            let family = format!("{REALTIME_TOML}{name}");
            let files = self.backends.entry(kind).or_default();
            if files.is_empty() {
                files.push((Backend::Config { file: super::load::PJSIP_CONF.to_owned() }, setting.at));
            }
            files.push((Backend::Realtime { family: family.clone() }, setting.at));
            self.families
                .insert(family, Family { driver: "sqlite3".into(), database, table, at: setting.at });
        }
    }

    fn families(&mut self, section: Section<'_>) {
        for entry in section.entries() {
            // `family => driver,database[,table[,priority]]`; the database may stand in quotes.
            let mut parts = entry.value.split(',').map(|part| part.trim().trim_matches('"'));
            let driver = parts.next().unwrap_or_default().to_owned();
            let database = parts.next().unwrap_or_default().to_owned();
            let table = parts.next().filter(|table| !table.is_empty()).unwrap_or(entry.name).to_owned();
            self.families.insert(entry.name.to_owned(), Family { driver, database, table, at: entry.at });
        }
    }

    fn module(&mut self, section: Section<'_>, findings: &mut Vec<Finding>) {
        let Some((_, kinds)) = MODULES.iter().find(|(module, _)| *module == section.name()) else {
            if section.name().starts_with("res_pjsip") {
                let message = format!("[{}] is no module that keeps objects", section.name());
                let mut finding = Finding::warning("unknown-module", section.at(), message);
                let near = suggest::nearest(section.name(), MODULES.iter().map(|(module, _)| *module));
                finding.help = near.map(|near| format!("did you mean [{near}]?"));
                findings.push(finding);
            }
            return;
        };
        for entry in section.entries() {
            let (name, cache) = match entry.name.split_once('/') {
                Some((name, option)) => (name, option),
                None => (entry.name, ""),
            };
            // Tables are cached whole here: `endpoint/cache = memory_cache,…` has nothing to govern.
            if cache.starts_with("cache") {
                continue;
            }
            let Some(kind) = Kind::of_type(name) else {
                let message = format!("'{name}' is no type of object");
                let mut finding = Finding::error("unknown-type", entry.at, message);
                let near = suggest::nearest(name, kinds.iter().map(|kind| kind.type_name()));
                finding.help = near.map(|near| format!("did you mean '{near}'?"));
                findings.push(finding);
                continue;
            };
            if !kinds.contains(&kind) {
                findings.push(wrong_module(kind, section, entry.at));
                continue;
            }
            match backend(entry.value) {
                Some(backend) => {
                    let told = unobeyed(&backend, kind, entry.value);
                    findings
                        .extend(told.map(|message| Finding::warning("not-yet-obeyed", entry.at, message)));
                    self.backends.entry(kind).or_default().push((backend, entry.at));
                }
                None => {
                    let at = entry.at.at_column(entry.value_column);
                    let message = format!("'{}' is no back end", entry.value);
                    let help = "there are config,FILE · realtime,FAMILY · astdb,FAMILY · memory";
                    findings.push(Finding::error("bad-value", at, message).option(entry.name).help(help));
                }
            }
        }
    }

    fn check_families(&self, findings: &mut Vec<Finding>) {
        for (kind, backends) in &self.backends {
            for (backend, at) in backends {
                let Backend::Realtime { family } = backend else { continue };
                if self.families.contains_key(family) {
                    continue;
                }
                let message =
                    format!("{kind} is to come from realtime family '{family}', which extconfig.conf lacks");
                let near = suggest::nearest(family, self.families.keys().map(String::as_str));
                let help = match near {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("add '{family} => DRIVER,DATABASE' to [settings] of extconfig.conf"),
                };
                findings.push(Finding::error("dangling-reference", *at, message).help(help));
            }
        }
    }
}

/// S4-43.
fn wrong_module(kind: Kind, section: Section<'_>, at: Origin) -> Finding {
    let right = MODULES.iter().find(|(_, kinds)| kinds.contains(&kind)).map_or("", |(module, _)| *module);
    let message = format!("'{kind}' cannot be mapped in [{}]: the line has no effect", section.name());
    Finding::error("wrong-module", at, message)
        .option(kind.type_name())
        .help(format!("put it into [{right}]"))
}

fn backend(value: &str) -> Option<Backend> {
    let (wizard, rest) = value.split_once(',').unwrap_or((value, ""));
    let first = rest.split(',').next().unwrap_or_default().trim().to_owned();
    match wizard.trim() {
        "config" if !first.is_empty() => Some(Backend::Config { file: first }),
        "realtime" if !first.is_empty() => Some(Backend::Realtime { family: first }),
        "astdb" => Some(Backend::Astdb),
        "memory" | "memory_cache" => Some(Backend::Memory),
        _ => None,
    }
}

/// What of a line of `sorcery.conf` is read but not done.
fn unobeyed(backend: &Backend, kind: Kind, value: &str) -> Option<String> {
    let usual = format!("criteria=type={kind}");
    let mut options = value.split(',').skip(2).map(str::trim).filter(|option| !option.is_empty());
    match backend {
        // Written by the server itself; where, is its own business.
        Backend::Astdb if matches!(kind, Kind::Contact | Kind::SubscriptionPersistence) => None,
        Backend::Memory if kind == Kind::Contact => {
            Some("contacts are kept on disk all the same: 'memory' is not obeyed".to_owned())
        }
        Backend::Memory | Backend::Astdb => Some(format!("no {kind} is read from there")),
        Backend::Config { .. } => options
            .find(|option| *option != usual)
            .map(|option| format!("'{option}' is not obeyed: every section of type={kind} counts")),
        // Whether all rows may be asked for at once has nothing to govern: they are.
        Backend::Realtime { .. } => options
            .find(|option| !option.starts_with("allow_unqualified_fetch="))
            .map(|option| format!("'{option}' is not obeyed: every row counts")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::MemoryFiles;

    fn read(sorcery: &str, extconfig: &str) -> (Mappings, Vec<Finding>) {
        let files = MemoryFiles::new().with("sorcery.conf", sorcery).with("extconfig.conf", extconfig);
        let mut findings = Vec::new();
        let mappings = Mappings::read(&files, &mut Sources::new(), &mut findings);
        (mappings, findings)
    }

    /// S4-42, S4-44.
    #[test]
    fn tables_are_found_through_both_files() {
        let (mappings, findings) = read(
            "[res_pjsip]\nendpoint=realtime,ps_endpoints\nendpoint=config,pjsip.conf,criteria=type=endpoint\n\
             auth=realtime,ps_auths\nendpoint/cache=memory_cache,expire_on_reload=yes\n\
             [res_pjsip_endpoint_identifier_ip]\nidentify = realtime,ps_endpoint_id_ips\n",
            "[settings]\nps_endpoints => odbc,asterisk\nps_auths => sqlite3,\"/var/lib/a.db\",auths\n\
             ps_endpoint_id_ips => odbc\n",
        );
        assert_eq!(findings, []);
        let tables: Vec<(Kind, String)> =
            mappings.tables().into_iter().map(|t| (t.kind, t.family.table)).collect();
        assert_eq!(
            tables,
            [
                (Kind::Endpoint, "ps_endpoints".to_owned()),
                (Kind::Auth, "auths".to_owned()),
                (Kind::Identify, "ps_endpoint_id_ips".to_owned())
            ]
        );
        assert!(mappings.reads_file(Kind::Endpoint, "pjsip.conf"));
        assert!(!mappings.reads_file(Kind::Auth, "pjsip.conf"));
        assert!(mappings.reads_file(Kind::Aor, "pjsip.conf"), "what is not mapped stays in the file");
    }

    #[test]
    fn what_a_line_asks_for_in_vain_is_told() {
        let (mappings, findings) = read(
            "[res_pjsip]\nendpoint=realtime,ps_endpoints,allow_unqualified_fetch=no\ncontact=astdb,registrar\n\
             aor=config,pjsip.conf,criteria=type=aor,criteria=tenant=1\nauth=realtime,ps_endpoints,tenant=1\n\
             domain_alias=memory\n",
            "[settings]\nps_endpoints => sqlite3,x\n",
        );
        let told: Vec<_> = findings.iter().map(|f| f.message.as_str()).collect();
        assert_eq!(
            told,
            [
                "'criteria=tenant=1' is not obeyed: every section of type=aor counts",
                "'tenant=1' is not obeyed: every row counts",
                "no domain_alias is read from there",
            ]
        );
        assert_eq!(mappings.backends.len(), 5);
    }

    /// S4-43.
    #[test]
    fn identify_in_the_wrong_section_is_told() {
        let (mappings, findings) = read(
            "[res_pjsip]\nidentify = realtime,ps_endpoint_id_ips\n",
            "[settings]\nps_endpoint_id_ips => odbc\n",
        );
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].help.as_deref(), Some("put it into [res_pjsip_endpoint_identifier_ip]"));
        assert!(mappings.tables().is_empty());
    }

    #[test]
    fn a_family_that_is_missing_is_told() {
        let (_, findings) =
            read("[res_pjsip]\nendpoint=realtime,ps_endpoint\n", "[settings]\nps_endpoints => odbc,x\n");
        assert_eq!(findings[0].help.as_deref(), Some("did you mean 'ps_endpoints'?"));
    }
}
