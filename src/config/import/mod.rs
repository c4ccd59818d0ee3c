//! `sip.conf` of chan_sip as objects of `pjsip.conf`, with a word on every line: taken over, changed in meaning, or
//! dropped.

mod general;
mod peer;
mod table;

use super::conf::{Entry, Section, Tree};
use super::draft::{Draft, Setting};
use super::finding::Finding;
use super::kind::Kind;
use super::origin::Origin;
use crate::base::ids::Name;

/// What became of a `sip.conf`.
#[derive(Debug, Default)]
pub struct Imported {
    /// The objects.
    pub drafts: Vec<Draft<'static>>,
    /// A word on every line: a note for one taken over, a warning for one that changes or goes.
    pub findings: Vec<Finding>,
}

/// Reads the objects of a `sip.conf`.
pub fn sip_conf(tree: &Tree) -> Imported {
    let mut import = Import::default();
    let general = tree.section("general");
    if let Some(general) = general {
        import.general(general);
    }
    import.transports();
    for section in tree.sections() {
        if !section.is_template() && !matches!(section.name(), "general" | "authentication") {
            import.peer(section, general);
        }
    }
    Imported { drafts: import.drafts, findings: import.findings }
}

/// What is gathered on the way.
#[derive(Debug, Default)]
struct Import {
    drafts: Vec<Draft<'static>>,
    findings: Vec<Finding>,
    /// Settings of transports, all of them and by protocol.
    shared: Vec<Setting<'static>>,
    udp: Vec<Setting<'static>>,
    tcp: Vec<Setting<'static>>,
    tls: Vec<Setting<'static>>,
    tcp_enabled: bool,
    tls_enabled: bool,
    /// `realm`: what digests were made with.
    realm: Option<String>,
    general_at: Origin,
    registrations: usize,
}

impl Import {
    /// A line taken over.
    fn taken(&mut self, section: Section<'_>, entry: Entry<'_>, into: &str) {
        let message = format!("{}={} becomes {into}", entry.name, entry.value);
        let finding = Finding::note("import-taken", entry.at, message).option(entry.name);
        self.findings.push(about(finding, section));
    }

    /// A line whose meaning changes.
    fn changed(&mut self, section: Section<'_>, entry: Entry<'_>, into: &str, how: &str) {
        let message = format!("{}={} becomes {into}: {how}", entry.name, entry.value);
        let finding = Finding::warning("import-changed", entry.at, message).option(entry.name);
        self.findings.push(about(finding, section));
    }

    /// A line that goes.
    fn dropped(&mut self, section: Section<'_>, entry: Entry<'_>, why: &str) {
        let message = format!("{}={} is dropped: {why}", entry.name, entry.value);
        let finding = Finding::warning("import-dropped", entry.at, message).option(entry.name);
        self.findings.push(about(finding, section));
    }
}

fn about(finding: Finding, section: Section<'_>) -> Finding {
    match section.name() {
        "general" => finding,
        name => finding.about(Kind::Endpoint, &Name::from(name)),
    }
}

/// A setting that stands where the line stood.
fn setting(entry: Entry<'_>, option: &str, value: impl Into<String>) -> Setting<'static> {
    let mut setting = Setting::new(option.to_owned(), value.into(), entry.at);
    setting.value_column = entry.value_column;
    setting
}

/// An object made from a section.
fn draft(kind: Kind, name: impl Into<String>, at: Origin, settings: Vec<Setting<'static>>) -> Draft<'static> {
    let mut draft = Draft::new(kind, name.into(), at);
    draft.settings = settings;
    draft
}
