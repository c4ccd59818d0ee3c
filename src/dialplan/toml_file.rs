//! The same dialplan in TOML.
//!
//! ```toml
//! [general]
//! autofallthrough = true
//!
//! [globals]
//! TRUNK = "PJSIP/gw"
//!
//! [context.from-internal]
//! include = ["local", "night,22:00-06:00,*,*,*"]
//! "100" = ["Answer()", "ring: Dial(PJSIP/100,30)", "Hangup()"]   # priorities from 1; "label: application"
//! "_0X." = "Dial(${TRUNK}/${EXTEN:1})"                           # one priority
//! "200/5551234" = "Busy()"                                       # for this caller
//!
//! [context.from-internal.hint]
//! "100" = "PJSIP/100"
//! ```
//! `include`, `switch`, `lswitch`, `eswitch` and `ignorepat` take a text or an array, `autohints` a truth value. Every
//! other key of a context is an extension; `+N` and priorities by number exist in `extensions.conf` only.

use super::line::{Line, Section};
use crate::config::finding::Finding;
use crate::config::origin::{Origin, SourceId};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The sections of a TOML text; `None`, and its faults among the findings, when it is not TOML.
pub fn sections(text: &str, source: SourceId, findings: &mut Vec<Finding>) -> Option<Vec<Section<'static>>> {
    let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
    let places = Places { text, source, line_starts: std::iter::once(0).chain(ends).collect() };
    let (document, faults) = DeTable::parse_recoverable(text);
    if !faults.is_empty() {
        for fault in faults {
            let at = places.at(fault.span().map_or(0, |span| span.start));
            findings.push(Finding::error("toml-syntax", at, fault.message()));
        }
        return None;
    }
    let mut reader = Reader { places, findings, sections: Vec::new() };
    reader.document(document.get_ref());
    Some(reader.sections)
}

/// Words of a context that are no extensions.
const WORDS: [&str; 7] = ["include", "switch", "lswitch", "eswitch", "ignorepat", "autohints", "hint"];

struct Places<'t> {
    text: &'t str,
    source: SourceId,
    line_starts: Vec<usize>,
}

impl Places<'_> {
    fn at(&self, byte: usize) -> Origin {
        let line = self.line_starts.partition_point(|start| *start <= byte);
        let start = self.line_starts[line - 1];
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Origin::new(self.source, number(line), u16::try_from(byte - start + 1).unwrap_or(u16::MAX))
    }

    /// The place of the first character of a string: after its quotes.
    fn inside(&self, byte: usize) -> Origin {
        let quotes = self.text[byte..].bytes().take(3).take_while(|c| matches!(c, b'"' | b'\'')).count();
        // An empty string is two quotes, a long one begins with three.
        self.at(byte + if quotes == 3 { 3 } else { quotes.min(1) })
    }
}

struct Reader<'t, 'f> {
    places: Places<'t>,
    findings: &'f mut Vec<Finding>,
    sections: Vec<Section<'static>>,
}

/// A key, where it stands, and its value.
type Pair<'a> = (&'a str, usize, &'a Spanned<DeValue<'a>>);

fn pairs<'a>(table: &'a DeTable<'_>) -> Vec<Pair<'a>> {
    let mut pairs: Vec<Pair<'a>> =
        table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span().start, value)).collect();
    pairs.sort_by_key(|pair| pair.1);
    pairs
}

impl Reader<'_, '_> {
    fn document(&mut self, document: &DeTable<'_>) {
        for (key, at, value) in pairs(document) {
            match (key, value.get_ref()) {
                ("general" | "globals", DeValue::Table(table)) => {
                    let lines = pairs(table)
                        .into_iter()
                        .filter_map(|(key, at, value)| self.scalar(key, at, value))
                        .collect();
                    self.section(key, at, lines);
                }
                ("context", DeValue::Table(contexts)) => {
                    for (name, at, value) in pairs(contexts) {
                        match value.get_ref() {
                            DeValue::Table(table) => self.context(name, at, table),
                            _ => self.fault(at, format!("'{name}' must be a table: [context.{name}]")),
                        }
                    }
                }
                _ => self.fault(
                    at,
                    format!("'{key}': [general], [globals] and [context.NAME] are what a dialplan has"),
                ),
            }
        }
    }

    fn context(&mut self, name: &str, at: usize, table: &DeTable<'_>) {
        let mut lines = Vec::new();
        for (key, at, value) in pairs(table) {
            match key {
                "hint" => self.hints(at, value, &mut lines),
                "autohints" => lines.extend(self.scalar(key, at, value)),
                word if WORDS.contains(&word) => {
                    for (text, value_at) in self.texts(key, value) {
                        lines.push(self.line(key, at, text, value_at, 0));
                    }
                }
                exten => {
                    for (number, (text, value_at)) in self.texts(key, value).into_iter().enumerate() {
                        let (label, application) = labelled(&text);
                        let skipped = text.len() - application.len();
                        let priority = number + 1;
                        let label = label.map_or_else(String::new, |label| format!("({label})"));
                        let implied = format!("{exten},{priority}{label},");
                        let line = format!("{implied}{application}");
                        let value_at = super::line::right(value_at, skipped);
                        lines.push(self.line("exten", at, line, value_at, implied.len()));
                    }
                }
            }
        }
        self.section(name, at, lines);
    }

    fn hints(&mut self, at: usize, value: &Spanned<DeValue<'_>>, lines: &mut Vec<Line<'static>>) {
        let DeValue::Table(hints) = value.get_ref() else {
            return self.fault(
                at,
                "'hint' must be a table: [context.NAME.hint], extensions and their devices in it".into(),
            );
        };
        for (exten, at, value) in pairs(hints) {
            for (devices, value_at) in self.texts(exten, value) {
                let implied = format!("{exten},hint,");
                lines.push(self.line("exten", at, format!("{implied}{devices}"), value_at, implied.len()));
            }
        }
    }

    fn section(&mut self, name: &str, at: usize, lines: Vec<Line<'static>>) {
        self.sections.push(Section { name: name.to_owned().into(), at: self.places.at(at), lines });
    }

    fn line(&self, key: &str, at: usize, value: String, value_at: Origin, implied: usize) -> Line<'static> {
        Line { key: key.to_owned().into(), value: value.into(), at: self.places.at(at), value_at, implied }
    }

    /// A text, number or truth value as a line.
    fn scalar(&mut self, key: &str, at: usize, value: &Spanned<DeValue<'_>>) -> Option<Line<'static>> {
        let start = value.span().start;
        let (text, value_at) = match value.get_ref() {
            DeValue::String(text) => (text.to_string(), self.places.inside(start)),
            DeValue::Integer(number) => (number.as_str().to_owned(), self.places.at(start)),
            DeValue::Boolean(yes) => (if *yes { "yes" } else { "no" }.to_owned(), self.places.at(start)),
            _ => {
                self.fault(start, format!("'{key}' must be a text, a number, true or false"));
                return None;
            }
        };
        Some(self.line(key, at, text, value_at, 0))
    }

    /// A text, or the texts of an array.
    fn texts(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Vec<(String, Origin)> {
        let items: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        let mut texts = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => {
                    texts.push((text.to_string(), self.places.inside(item.span().start)))
                }
                _ => self.fault(item.span().start, format!("'{key}' must be a text or an array of texts")),
            }
        }
        texts
    }

    fn fault(&mut self, at: usize, message: String) {
        self.findings.push(Finding::error("bad-toml", self.places.at(at), message));
    }
}

/// `label: application(…)`
fn labelled(text: &str) -> (Option<&str>, &str) {
    match text.split_once(':') {
        Some((label, application))
            if !label.is_empty()
                && label.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-')) =>
        {
            (Some(label), application.trim_start())
        }
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::{Surroundings, load};
    use super::super::show::{Shown, text};
    use super::*;
    use crate::base::time::Now;
    use crate::config::origin::Sources;
    use std::sync::Arc;

    fn read(toml: &str) -> (super::super::Dialplan, Vec<String>) {
        let mut sources = Sources::new();
        let source = sources.intern("extensions.toml");
        let mut findings = Vec::new();
        let sections = sections(toml, source, &mut findings).unwrap_or_default();
        let around = Surroundings {
            sources: &sources,
            zones: Arc::default(),
            environment: &|_| None,
            done: &|_| true,
            now: Now::default(),
        };
        let loaded = load(&sections, &around);
        findings.extend(loaded.findings);
        (loaded.dialplan, findings.iter().map(|finding| finding.text(&sources).to_string()).collect())
    }

    #[test]
    fn toml_says_the_same_as_conf() {
        let (plan, findings) = read(
            r#"
[general]
autofallthrough = false
[globals]
TRUNK = "PJSIP/gw"
DIGITS = 3
[context.in]
autohints = true
include = ["local", "night,22:00-06:00,*,*,*"]
switch = "Realtime/@fam"
"100" = ["Answer()", "ring: Dial(PJSIP/100,30)", 'Set(x=a:b)']
"_0X." = "Dial(${TRUNK}/${EXTEN:1})"
"200/555" = "Busy()"
[context.in.hint]
"100" = "PJSIP/100"
[context.local]
[context.night]
"#,
        );
        assert_eq!(findings, Vec::<String>::new());
        assert!(!plan.general.auto_fall_through);
        let globals: Vec<_> = plan.globals.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(globals, ["TRUNK=PJSIP/gw", "DIGITS=3"]);
        let shown = text(&plan, Shown::parse("in")).expect("it exists");
        let expected = "\
[ Context 'in' created by 'pbx_config' ]
Autohints support enabled
  '100' =>          hint: PJSIP/100                               [extensions.toml:15]
                    1. Answer()                                   [extensions.toml:11]
     [ring]         2. Dial(PJSIP/100,30)                         [extensions.toml:11]
                    3. Set(x=a:b)                                 [extensions.toml:11]
  '200' (CID match '555') =>  1. Busy()                                     [extensions.toml:13]
  '_0X.' =>         1. Dial(${TRUNK}/${EXTEN:1})                  [extensions.toml:12]
  Include =>        'local'                                       [pbx_config]
  Include =>        'night,22:00-06:00,*,*,*'                     [pbx_config]
  Alt. Switch =>    'Realtime/@fam'                               [pbx_config]

-= 3 extensions (6 priorities) in 1 context. =-
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn mistakes_are_told_where_they_stand() {
        let table = [
            (
                "[context.in]\n\"1\" = [\"Answer()\", \"Dail(PJSIP/1)\"]",
                "extensions.toml:2:21: error[unknown-application]",
            ),
            ("[context.in]\n\"1\" = \"go: Dial(PJSIP/1,,q)\"", "extensions.toml:2:26: error[unknown-option]"),
            ("[context.in]\n\"1\" = 5", "extensions.toml:2:7: error[bad-toml]"),
            ("[context.in]\n\"_9[\" = \"Answer()\"", "extensions.toml:2:10: error[pattern]"),
            ("[context]\nin = 1", "extensions.toml:2:1: error[bad-toml]"),
            ("[contexts.in]", "extensions.toml:1:2: error[bad-toml]"),
            ("[globals]\nx = [1]", "extensions.toml:2:5: error[bad-toml]"),
            ("[context.in]\nhint = 1", "extensions.toml:2:1: error[bad-toml]"),
            ("[context.in]\n1 = ", "extensions.toml:2:5: error[toml-syntax]"),
        ];
        for (text, place) in table {
            let (_, findings) = read(text);
            assert!(findings.iter().any(|finding| finding.starts_with(place)), "{text}: {findings:?}");
        }
    }
}
