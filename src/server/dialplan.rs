//! Reading `extensions.conf` (or `extensions.toml`) for the switch.

use super::runtime::Server;
use super::shard::Order;
use crate::config::conf;
use crate::config::files::{FileFault, Files, MemoryFiles};
use crate::config::finding::{Finding, Severity};
use crate::config::origin::{Origin, Sources};
use crate::config::services::Services;
use crate::dialplan::realtime::Table;
use crate::dialplan::zone::{Zone, Zones};
use crate::dialplan::{Dialplan, Loaded, Surroundings, line, load, toml_file};
use crate::store::extensions::{self, Content, Wanted};
use crate::store::fault::Fault;
use crate::store::files::ConfigDir;
use crate::switch::call;
use crate::switch::view::{Level, Reply};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// A dialplan that was read, what is wrong with it, and the files it stands in.
#[derive(Debug)]
pub struct Read {
    /// The dialplan; without any file an empty one.
    pub dialplan: Arc<Dialplan>,
    /// Faults and suspicions.
    pub findings: Vec<Finding>,
    /// The names of its files.
    pub sources: Sources,
    /// Whether all of it could be read. When not, what is missing may only be unreadable.
    pub is_complete: bool,
    /// Tables it comes from, each with the hash of what was read.
    pub tables: Vec<(Wanted, Option<u64>)>,
}

/// Reads the files of the media services.
pub fn read_services(dir: &Path) -> (Arc<Services>, Vec<(Level, &'static str, String)>) {
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let services = Services::read(&ConfigDir::new(dir), &mut sources, &mut findings);
    let level = |severity| match severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
        Severity::Note => Level::Verbose,
    };
    let lines = findings
        .iter()
        .map(|f| (level(f.severity), "loader.c", f.text(&sources).to_string().replace('\n', ";")));
    (Arc::new(services), lines.collect())
}

/// What is to be logged about it: level, Asterisk's name of the source file, text.
pub fn lines(read: &Read) -> Vec<(Level, &'static str, String)> {
    let level = |severity| match severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
        Severity::Note => Level::Verbose,
    };
    // What is not done is one line, not one for each use.
    let names: BTreeSet<&str> =
        read.findings.iter().filter(|f| is_later(f)).filter_map(|f| f.message.split(' ').next()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let later = (!names.is_empty()).then(|| {
        let text = format!(
            "The dialplan uses what this version does not do; calls go on as if it failed: {} (see jackfield check --notes)",
            names.join(", ")
        );
        (Level::Warning, "pbx_config.c", text)
    });
    let line = |f: &Finding| {
        (level(f.severity), "pbx_config.c", f.text(&read.sources).to_string().replace('\n', ";"))
    };
    read.findings.iter().map(line).chain(later).collect()
}

fn is_later(finding: &Finding) -> bool {
    matches!(finding.code, "later-application" | "later-function" | "later-option")
}

/// Says what is not done once for each name, and as no fault: nothing in the file is wrong. An include of a context
/// that does not exist is a warning as in Asterisk, and for the `-custom` ones that control panels write not even that.
fn tidy(findings: Vec<Finding>) -> Vec<Finding> {
    const ELSEWHERE: &str = ", here and elsewhere";
    let (mut tidied, mut later): (Vec<Finding>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
    for mut finding in findings {
        if is_later(&finding) {
            finding.severity = Severity::Note;
            if let Some(first) = later.get(&finding.message).and_then(|place| tidied.get_mut(*place)) {
                if !first.message.ends_with(ELSEWHERE) {
                    first.message.push_str(ELSEWHERE);
                }
                continue;
            }
            later.insert(finding.message.clone(), tidied.len());
        } else if finding.code == "unknown-context" && finding.message.contains(" includes ") {
            let custom = finding.message.contains("-custom'");
            finding.severity = if custom { Severity::Note } else { Severity::Warning };
        }
        tidied.push(finding);
    }
    tidied
}

/// Includes of contexts that parking lots make are no faults.
fn without_lots(mut findings: Vec<Finding>, files: &ConfigDir) -> Vec<Finding> {
    if findings.iter().any(|finding| finding.code == "unknown-context") {
        // What is wrong with those files is told when they are read for themselves.
        let services = Services::read(files, &mut Sources::new(), &mut Vec::new());
        let made = |finding: &Finding| {
            let named = |context: &str| finding.message.contains(&format!("'{context}'"));
            finding.code == "unknown-context" && services.parking.values().any(|lot| named(&lot.context))
        };
        findings.retain(|finding| !made(finding));
    }
    findings
}

/// Reads the dialplan of a configuration directory: `extensions.conf` (or its table, where `extconfig.conf` maps the
/// file), `extensions.toml` where there is no `.conf`, and the tables of its realtime switches.
pub fn read(dir: &Path, now: crate::base::time::Now) -> Read {
    let files = ConfigDir::new(dir);
    let (mut sources, mut findings, mut tables) = (Sources::new(), Vec::new(), Vec::new());
    let mut is_complete;
    let mapped =
        extensions::wanted(&["extensions.conf".to_owned()], (&files, dir), &mut sources, &mut findings);
    let toml = files.read("extensions.toml").ok().filter(|_| is_missing(&files, "extensions.conf"));
    let Loaded { dialplan, findings: told } = match (mapped.into_iter().next(), toml.map(String::from_utf8)) {
        (Some(wanted), _) => {
            let name = format!("extensions.conf in table {} of {}", wanted.table, wanted.path.display());
            let text = table_text(&wanted, &mut sources, &mut findings);
            is_complete = text.is_some();
            tables.push((wanted, text.as_ref().map(|(_, print)| *print)));
            let text = text.map(|(text, _)| text).unwrap_or_default();
            let tree = conf::read(&MemoryFiles::new().with(&name, text), &name, &mut sources, &mut findings);
            load(&line::sections(&tree), &surroundings(&sources, now))
        }
        (None, Some(Ok(text))) => {
            let source = sources.intern("extensions.toml");
            let sections = toml_file::sections(&text, source, &mut findings);
            is_complete = sections.is_some();
            let sections = sections.unwrap_or_default();
            load(&sections, &surroundings(&sources, now))
        }
        _ => {
            let tree = conf::read_optional(&files, "extensions.conf", &mut sources, &mut findings);
            is_complete = tree.as_ref().is_none_or(|tree| tree.is_complete());
            let sections = tree.as_ref().map(line::sections).unwrap_or_default();
            load(&sections, &surroundings(&sources, now))
        }
    };
    findings.extend(without_lots(tidy(told), &files));
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut dialplan = dialplan.with_environment(Arc::new(environment.collect()));
    let (wanted, unmapped) = families(&dialplan, (&files, dir), &mut sources, &mut findings);
    findings.extend(unmapped);
    for wanted in wanted {
        let read = extensions::read(&wanted);
        let print = read.as_ref().ok().map(|read| read.print);
        match read.map(|read| read.content) {
            Ok(Content::Rows(rows)) => {
                let (table, faults) = Table::new(rows);
                let at = Origin::new(sources.intern(&wanted.table), 0, 0);
                findings.extend(faults.into_iter().map(|fault| Finding::warning("realtime-row", at, fault)));
                dialplan = dialplan.with_realtime(&wanted.family, Arc::new(table));
            }
            // A family of extensions is read as rows.
            Ok(Content::Text(_)) => {}
            Err(fault) => {
                is_complete = false;
                findings.push(unreadable(&wanted, &fault, &mut sources));
            }
        }
        tables.push((wanted, print));
    }
    Read { dialplan: Arc::new(dialplan), findings, sources, is_complete, tables }
}

/// The text of a file in a table, and the hash to know it by.
fn table_text(wanted: &Wanted, sources: &mut Sources, findings: &mut Vec<Finding>) -> Option<(String, u64)> {
    match extensions::read(wanted).map(|read| (read.content, read.print)) {
        Ok((Content::Text(text), print)) => Some((text, print)),
        // What is mapped as a file is read as one.
        Ok((Content::Rows(_), _)) => None,
        Err(fault) => {
            findings.push(unreadable(wanted, &fault, sources));
            None
        }
    }
}

fn unreadable(wanted: &Wanted, fault: &Fault, sources: &mut Sources) -> Finding {
    let at = Origin::new(sources.intern("extconfig.conf"), 0, 0);
    let message = format!("table {} cannot be read: {fault}", wanted.table);
    Finding::error("unreadable-table", at, message).help("it is read again as soon as that works")
}

/// The tables of the families that its switches read, and what is said of families that no file maps.
fn families(
    dialplan: &Dialplan,
    (files, dir): (&ConfigDir, &Path),
    sources: &mut Sources,
    findings: &mut Vec<Finding>,
) -> (Vec<Wanted>, Vec<Finding>) {
    let named = dialplan.realtime_families();
    let faults = findings.len();
    let wanted = extensions::wanted(&named, (files, dir), sources, findings);
    let told = findings.len() > faults;
    let missing = named.iter().filter(|name| !told && !wanted.iter().any(|wanted| wanted.family == **name));
    let at = Origin::new(sources.intern("extensions.conf"), 0, 0);
    let unmapped = missing.map(|name| {
        let message =
            format!("switch Realtime: extconfig.conf maps no family '{name}': it has no extensions");
        Finding::warning("unmapped-family", at, message)
            .help(format!("add {name} => sqlite3,NAME to [settings]"))
    });
    let unmapped = unmapped.collect();
    (wanted, unmapped)
}

fn is_missing(files: &ConfigDir, path: &str) -> bool {
    matches!(files.read(path), Err(FileFault::Missing))
}

fn surroundings(sources: &Sources, now: crate::base::time::Now) -> Surroundings<'_> {
    Surroundings {
        sources,
        zones: Arc::new(zones()),
        environment: &|name| std::env::var(name).ok(),
        done: &call::does,
        now,
    }
}

/// The machine's zone and all that its data base has: a few hundred small files, read once.
fn zones() -> Zones {
    let local = std::fs::read("/etc/localtime").ok().and_then(|bytes| Zone::parse(&bytes));
    let mut named = BTreeMap::new();
    let table = std::fs::read_to_string("/usr/share/zoneinfo/tzdata.zi").unwrap_or_default();
    // Zone lines (`Z Europe/Berlin …`) and links (`L target name`) name them all.
    for line in table.lines() {
        let mut words = line.split(' ');
        let name = match words.next() {
            Some("Z") => words.next(),
            Some("L") => words.nth(1),
            _ => None,
        };
        let file = name.and_then(|name| std::fs::read(Path::new("/usr/share/zoneinfo").join(name)).ok());
        if let (Some(name), Some(zone)) = (name, file.and_then(|bytes| Zone::parse(&bytes))) {
            named.insert(name.to_owned(), zone);
        }
    }
    Zones { local: local.unwrap_or_default(), named }
}

impl Server {
    /// Reads tones, music and other services again.
    pub(super) async fn reload_services(&self) {
        let dir = self.layout.config_dir.clone();
        let Ok((services, lines)) = tokio::task::spawn_blocking(move || read_services(&dir)).await else {
            return;
        };
        for (level, origin, text) in lines {
            self.say(level, origin, &text);
        }
        self.order(Order::Services(services)).await;
    }

    /// `dialplan reload`: the next priority of every call is looked up in the new one.
    pub(super) async fn reload_dialplan(self: &Arc<Server>, said: &str) -> Reply {
        let (dir, now) = (self.layout.config_dir.clone(), self.clock.now());
        let Ok(mut read) = tokio::task::spawn_blocking(move || read(&dir, now)).await else {
            return Reply::Refused("The dialplan could not be read: this is a fault of the program.".into());
        };
        let mut text = said.to_owned();
        for (level, origin, line) in lines(&read) {
            self.say(level, origin, &line);
            if level != Level::Verbose {
                text.push_str(&format!("\n{line}"));
            }
        }
        if !read.is_complete {
            let kept = "The dialplan could not be read whole: the one in force stays.";
            self.say(Level::Error, "pbx_config.c", kept);
            return Reply::Refused(format!("{text}\n{kept}"));
        }
        self.take_dialplan(&mut read);
        self.order(Order::Dialplan(read.dialplan)).await;
        self.reload_services().await;
        Reply::Done(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Now;

    #[test]
    fn a_file_that_cannot_be_read_whole_is_known_as_such() {
        let dir = std::env::temp_dir().join(format!("jackfield-dialplan-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        assert!(read(&dir, Now::default()).is_complete, "no dialplan is a whole one");
        let write = |text: &str| std::fs::write(dir.join("extensions.conf"), text).expect("a file");
        write("[a]\nexten => 1,1,NoOp()\n");
        assert!(read(&dir, Now::default()).is_complete);
        write("#include missing.conf\n[a]\nexten => 1,1,NoOp()\n");
        let broken = read(&dir, Now::default());
        assert!(!broken.is_complete && !broken.findings.is_empty());
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}
