//! A whole configuration directory: which files are read, in which order, and what of them counts.

use super::compile::Compiler;
use super::conf::{self, Tree};
use super::draft::Draft;
use super::files::{FileFault, Files};
use super::finding::Finding;
use super::kind::Kind;
use super::mapping::Mappings;
use super::objects::Objects;
use super::origin::{SourceId, Sources};
use super::rows::Rows;
use super::wizard::{self, WizardHint};
use super::{pjsip_conf, toml_file};

/// Reads the files of a directory, then takes rows of tables, then gives the objects.
#[derive(Debug)]
pub struct Loader<'g> {
    compiler: Compiler<'g>,
    sources: Sources,
    /// Which objects live in tables.
    pub mappings: Mappings,
    hints: Vec<WizardHint>,
}

/// A loaded configuration.
#[derive(Debug)]
pub struct Loaded {
    /// The objects, with the names of their sources.
    pub objects: Objects,
    /// What is wrong or worth knowing.
    pub findings: Vec<Finding>,
    /// Which objects live in tables.
    pub mappings: Mappings,
    /// Hints that wizards ask for.
    pub hints: Vec<WizardHint>,
    /// What later changes of rows need to know.
    pub rows: Rows,
}

/// The file with the objects.
pub const PJSIP_CONF: &str = "pjsip.conf";
/// The file with the wizards.
pub const WIZARD_CONF: &str = "pjsip_wizard.conf";
/// The file with the named lists.
pub const ACL_CONF: &str = "acl.conf";
/// The file with directories and options of the process.
pub const ASTERISK_CONF: &str = "asterisk.conf";
/// The file with what holds for all media.
pub const RTP_CONF: &str = "rtp.conf";
/// The file with what Asterisk has no option for.
pub const JACKFIELD_CONF: &str = "jackfield.conf";
/// The same objects in TOML.
pub const TOML_FILE: &str = "pjsip.toml";

impl<'g> Loader<'g> {
    /// Reads `sorcery.conf`, `extconfig.conf`, `acl.conf`, `asterisk.conf`, `rtp.conf`, `jackfield.conf`,
    /// `pjsip.conf`, `pjsip_wizard.conf` and `pjsip.toml`. At least one of the last three must be there, unless everything comes from tables.
    pub fn new(files: &dyn Files, last_good: Option<&'g Objects>) -> Loader<'g> {
        let sources = last_good.map(|good| good.sources.clone()).unwrap_or_default();
        let mut loader = Loader {
            compiler: Compiler::new(last_good),
            sources,
            mappings: Mappings::default(),
            hints: Vec::new(),
        };
        let mut findings = Vec::new();
        loader.mappings = Mappings::read(files, &mut loader.sources, &mut findings);
        loader.report(findings);
        loader.acl_conf(files);
        loader.asterisk_conf(files);
        loader.general_of(files, RTP_CONF, Kind::Rtp);
        loader.general_of(files, JACKFIELD_CONF, Kind::Jackfield);
        let any = [loader.pjsip_conf(files), loader.wizard_conf(files), loader.toml(files)].contains(&true);
        if !any && loader.mappings.tables().is_empty() {
            let at = super::origin::Origin::new(loader.sources.intern(PJSIP_CONF), 0, 0);
            let message = format!("there is no {PJSIP_CONF}, {WIZARD_CONF} or {TOML_FILE}");
            loader.compiler.mark_incomplete();
            loader.compiler.report(Finding::error("missing-file", at, message));
        }
        loader.compiler.rows = Rows::new(&loader.mappings, &mut loader.sources);
        loader
    }

    /// The id of a table's name, for the drafts of its rows.
    pub fn source(&mut self, name: &str) -> SourceId {
        self.sources.intern(name)
    }

    /// Resolves the mappings further; what is wrong with them becomes part of the findings.
    pub fn resolve<T>(&mut self, how: impl FnOnce(&Mappings, &mut Sources, &mut Vec<Finding>) -> T) -> T {
        let mut findings = Vec::new();
        let resolved = how(&self.mappings, &mut self.sources, &mut findings);
        self.report(findings);
        resolved
    }

    /// Room for so many more objects of a kind.
    pub fn reserve(&mut self, kind: Kind, rows: usize) {
        self.compiler.reserve(kind, rows);
    }

    /// Takes a row.
    pub fn row(&mut self, draft: &Draft<'_>) {
        self.compiler.add(draft, &self.sources);
    }

    /// A table could not be read in full: what is absent stays.
    pub fn mark_incomplete(&mut self) {
        self.compiler.mark_incomplete();
    }

    /// Adds a fault found elsewhere.
    pub fn report_one(&mut self, finding: Finding) {
        self.compiler.report(finding);
    }

    /// All is in.
    pub fn finish(self) -> Loaded {
        let (objects, findings, rows) = self.compiler.finish_with_rows(self.sources);
        Loaded { objects, findings, mappings: self.mappings, hints: self.hints, rows }
    }

    fn report(&mut self, findings: Vec<Finding>) {
        findings.into_iter().for_each(|finding| self.compiler.report(finding));
    }

    /// A `.conf` file that may be missing.
    fn tree(&mut self, files: &dyn Files, path: &str) -> Option<Tree> {
        let mut findings = Vec::new();
        let tree = conf::read_optional(files, path, &mut self.sources, &mut findings)?;
        if !tree.is_complete() {
            self.compiler.mark_incomplete();
        }
        self.report(findings);
        Some(tree)
    }

    fn acl_conf(&mut self, files: &dyn Files) {
        let Some(tree) = self.tree(files, ACL_CONF) else { return };
        for section in tree.sections().filter(|section| !section.is_template() && section.name() != "general")
        {
            let mut draft = Draft::new(Kind::NamedAcl, section.name(), section.at());
            draft.settings.extend(section.entries().map(pjsip_conf::setting));
            self.compiler.add(&draft, &self.sources);
        }
    }

    fn asterisk_conf(&mut self, files: &dyn Files) {
        let Some(tree) = self.tree(files, ASTERISK_CONF) else { return };
        let sections: Vec<_> =
            ["directories", "options"].iter().filter_map(|name| tree.section(name)).collect();
        let Some(first) = sections.first() else { return };
        let mut draft = Draft::new(Kind::Asterisk, "asterisk", first.at());
        draft.settings.extend(sections.iter().flat_map(|section| section.entries()).map(pjsip_conf::setting));
        self.compiler.add(&draft, &self.sources);
    }

    /// A file whose section `[general]` is one object.
    fn general_of(&mut self, files: &dyn Files, path: &str, kind: Kind) {
        let Some(tree) = self.tree(files, path) else { return };
        let Some(section) = tree.section("general") else { return };
        let mut draft = Draft::new(kind, kind.type_name(), section.at());
        draft.settings.extend(section.entries().map(pjsip_conf::setting));
        self.compiler.add(&draft, &self.sources);
    }

    fn pjsip_conf(&mut self, files: &dyn Files) -> bool {
        let Some(tree) = self.tree(files, PJSIP_CONF) else { return false };
        let mut unread: Vec<(Kind, super::Origin)> = Vec::new();
        let mut findings = Vec::new();
        for section in tree.sections() {
            let Some(draft) = pjsip_conf::draft(section, &self.sources, &mut findings) else {
                if !section.is_template() && !pjsip_conf::has_type(section) {
                    self.compiler.add_untyped(section.name());
                }
                continue;
            };
            if self.mappings.reads_file(draft.kind, PJSIP_CONF) {
                self.compiler.add(&draft, &self.sources);
            } else if !unread.iter().any(|(kind, _)| *kind == draft.kind) {
                unread.push((draft.kind, draft.at));
            }
        }
        self.report(findings);
        for (kind, at) in unread {
            let message =
                format!("sections of type={kind} are not read: sorcery.conf takes them from elsewhere");
            let help =
                format!("add '{kind}=config,pjsip.conf,criteria=type={kind}' there to read them as well");
            self.compiler.report(Finding::warning("unread-sections", at, message).help(help));
        }
        true
    }

    fn wizard_conf(&mut self, files: &dyn Files) -> bool {
        let Some(tree) = self.tree(files, WIZARD_CONF) else { return false };
        let mut findings = Vec::new();
        for section in tree.sections().filter(|section| !section.is_template()) {
            if section.value("type") != Some("wizard") {
                let message =
                    format!("[{}] is not type=wizard: the whole section is passed over", section.name());
                findings.push(Finding::warning("no-type", section.at(), message).help("add type=wizard"));
                continue;
            }
            let mut draft = Draft::new(Kind::Wizard, section.name(), section.at());
            let settings = section.entries().filter(|entry| !entry.name.eq_ignore_ascii_case("type"));
            draft.settings.extend(settings.map(pjsip_conf::setting));
            self.wizard(&draft, &mut findings);
        }
        self.report(findings);
        true
    }

    fn wizard(&mut self, draft: &Draft<'_>, findings: &mut Vec<Finding>) {
        let expanded = wizard::expand(draft, findings);
        for draft in &expanded.drafts {
            self.compiler.add(draft, &self.sources);
        }
        self.hints.extend(expanded.hint);
    }

    fn toml(&mut self, files: &dyn Files) -> bool {
        let bytes = match files.read(TOML_FILE) {
            Ok(bytes) => bytes,
            Err(FileFault::Missing) => return false,
            Err(FileFault::Unreadable(why)) => {
                let at = super::Origin::new(self.sources.intern(TOML_FILE), 0, 0);
                self.compiler.mark_incomplete();
                let message = format!("file '{TOML_FILE}' cannot be read: {why}");
                self.compiler.report(Finding::error("missing-file", at, message));
                return true;
            }
        };
        let mut findings = Vec::new();
        let source = self.sources.intern(TOML_FILE);
        let text = super::files::decode(bytes).0;
        let Some(toml) = toml_file::read(&text, source, &mut findings) else {
            self.compiler.mark_incomplete();
            self.report(findings);
            return true;
        };
        self.mappings.toml(&toml.realtime, &mut findings);
        for draft in &toml.drafts {
            if draft.kind == Kind::Wizard {
                self.wizard(draft, &mut findings);
            } else {
                self.compiler.add(draft, &self.sources);
            }
        }
        self.report(findings);
        true
    }
}

/// Reads a directory without tables.
pub fn load(files: &dyn Files, last_good: Option<&Objects>) -> Loaded {
    Loader::new(files, last_good).finish()
}
