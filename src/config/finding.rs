//! What is wrong with a configuration: one finding per fault, each with its place, its reason and the way out.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;

use super::kind::Kind;
use super::origin::{Origin, Sources};
use crate::base::ids::Name;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// It loads, but hardly as meant.
    Warning,
    /// Something written does not take effect.
    Error,
}

/// What became of the object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is loaded (or the finding is about no object).
    #[default]
    Loaded,
    /// It is not loaded.
    NotLoaded,
    /// It is not loaded; its last good version stays in force.
    KeptLastGood,
}

/// One fault or remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Stable identifier, for tools and for the documentation.
    pub code: &'static str,
    /// Where.
    pub at: Origin,
    /// The object, if it is about one.
    pub object: Option<(Kind, Name)>,
    /// The option, as written.
    pub option: Option<Name>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// What Asterisk would have logged, for tools that look for its words.
    pub log: Option<String>,
    /// What became of the object.
    pub effect: Effect,
}

impl Finding {
    /// A finding about a place.
    pub fn new(severity: Severity, code: &'static str, at: Origin, message: impl Into<String>) -> Finding {
        Finding {
            severity,
            code,
            at,
            object: None,
            option: None,
            message: message.into(),
            help: None,
            log: None,
            effect: Effect::Loaded,
        }
    }

    /// An error at a place.
    pub fn error(code: &'static str, at: Origin, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Error, code, at, message)
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, at: Origin, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Warning, code, at, message)
    }

    /// A note at a place.
    pub fn note(code: &'static str, at: Origin, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Note, code, at, message)
    }

    /// About this object.
    #[must_use]
    pub fn about(mut self, kind: Kind, name: &Name) -> Finding {
        self.object = Some((kind, name.clone()));
        self
    }

    /// About this option.
    #[must_use]
    pub fn option(mut self, option: &str) -> Finding {
        self.option = Some(Name::from(option));
        self
    }

    /// With a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// With Asterisk's log line.
    #[must_use]
    pub fn log(mut self, line: impl Into<String>) -> Finding {
        self.log = Some(line.into());
        self
    }

    /// `file:line:column: error[unknown-option]: …`, and a help line where there is one.
    pub fn text<'a>(&'a self, sources: &'a Sources) -> FindingText<'a> {
        FindingText { finding: self, sources }
    }

    /// The same for programs.
    pub fn json<'a>(&'a self, sources: &'a Sources) -> FindingJson<'a> {
        FindingJson {
            severity: self.severity,
            code: self.code,
            file: sources.name(self.at.source),
            line: self.at.line,
            column: self.at.column,
            kind: self.object.as_ref().map(|(kind, _)| kind.type_name()),
            object: self.object.as_ref().map(|(_, name)| &**name),
            option: self.option.as_deref(),
            message: &self.message,
            help: self.help.as_deref(),
            effect: self.effect,
        }
    }
}

/// Prints a finding for people.
#[derive(Clone, Copy, Debug)]
pub struct FindingText<'a> {
    finding: &'a Finding,
    sources: &'a Sources,
}

impl fmt::Display for FindingText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finding = self.finding;
        write!(f, "{}: {}[{}]: ", self.sources.place(finding.at), word(finding.severity), finding.code)?;
        if let Some((kind, name)) = &finding.object {
            write!(f, "{kind} '{name}': ")?;
        }
        f.write_str(&finding.message)?;
        match finding.effect {
            Effect::Loaded => {}
            Effect::NotLoaded => f.write_str(" (object not loaded)")?,
            Effect::KeptLastGood => f.write_str(" (last good version stays)")?,
        }
        if let Some(help) = &finding.help {
            write!(f, "\n    help: {help}")?;
        }
        Ok(())
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// A finding as JSON sees it.
#[derive(Clone, Debug, Serialize)]
pub struct FindingJson<'a> {
    severity: Severity,
    code: &'static str,
    file: &'a str,
    line: u32,
    column: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    option: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    effect: Effect,
}

/// Worst first within a place, places in order of source, line and column: the order in which people fix things.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| a.at.cmp(&b.at).then(b.severity.cmp(&a.severity)).then(a.code.cmp(b.code)));
}

/// Asterisk's own log lines for these findings, in order: one for each fault it has words for, then one for each
/// object that was not created (`Could not create an object of type …`).
pub fn log_lines(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut created: HashSet<(Kind, &Name)> = HashSet::new();
    for (index, finding) in findings.iter().enumerate() {
        if let Some(line) = &finding.log {
            lines.push(line.clone());
        }
        let Some((kind, name)) = &finding.object else { continue };
        if finding.effect == Effect::Loaded || created.contains(&(*kind, name)) {
            continue;
        }
        // The object's line comes after the last of its faults.
        let more = findings[index + 1..]
            .iter()
            .take_while(|next| next.object == finding.object)
            .any(|next| next.effect != Effect::Loaded);
        if more {
            continue;
        }
        created.insert((*kind, name));
        lines.push(format!(
            "Could not create an object of type '{kind}' with id '{name}' from configuration file 'pjsip.conf'"
        ));
        if finding.effect == Effect::KeptLastGood {
            lines.push(format!(
                "Retaining existing configuration for object of type '{kind}' with id '{name}'"
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_prints_place_reason_and_way_out() {
        let mut sources = Sources::new();
        let file = sources.intern("pjsip.conf");
        let finding = Finding::error("unknown-option", Origin::new(file, 4, 1), "no option 'setvar'")
            .about(Kind::Endpoint, &Name::from("100"))
            .option("setvar")
            .help("did you mean 'set_var'?");
        assert_eq!(
            finding.text(&sources).to_string(),
            "pjsip.conf:4:1: error[unknown-option]: endpoint '100': no option 'setvar'\n    \
             help: did you mean 'set_var'?"
        );
        let json = serde_json::to_string(&finding.json(&sources)).expect("plain data");
        assert!(
            json.starts_with(r#"{"severity":"error","code":"unknown-option","file":"pjsip.conf","line":4"#)
        );
    }
}
