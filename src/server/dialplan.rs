//! Reading `extensions.conf` (or `extensions.toml`) for the switch.

use super::runtime::Server;
use super::shard::Order;
use crate::config::conf;
use crate::config::files::{FileFault, Files};
use crate::config::finding::{Finding, Severity};
use crate::config::origin::Sources;
use crate::config::services::Services;
use crate::dialplan::zone::{Zone, Zones};
use crate::dialplan::{Dialplan, Loaded, Surroundings, line, load, toml_file};
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

/// Reads the dialplan of a configuration directory: `extensions.conf`, or `extensions.toml` where there is no `.conf`.
pub fn read(dir: &Path, now: crate::base::time::Now) -> Read {
    let files = ConfigDir::new(dir);
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let toml = files.read("extensions.toml").ok().filter(|_| is_missing(&files, "extensions.conf"));
    let is_complete;
    let Loaded { dialplan, findings: told } = match toml.map(String::from_utf8) {
        Some(Ok(text)) => {
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
    findings.extend(tidy(told));
    Read { dialplan: Arc::new(dialplan), findings, sources, is_complete }
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
    pub(super) async fn reload_dialplan(&self, said: &str) -> Reply {
        let (dir, now) = (self.layout.config_dir.clone(), self.clock.now());
        let Ok(read) = tokio::task::spawn_blocking(move || read(&dir, now)).await else {
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
