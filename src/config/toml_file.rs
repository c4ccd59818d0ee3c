//! The same objects in TOML: `[endpoint.alice]`, `[transport.udp]`, `[global]`, with the option names of `pjsip.conf`.
//!
//! - A list may be an array; `set_var` may be a table; truth values and numbers may be written as such.
//! - `template = "phone"` (or an array of names) takes the options of `[template.phone]` first.
//! - `[wizard.NAME]` is a wizard; `endpoint.context = "x"` in it is `endpoint/context`.
//! - `[named_acl.NAME]` is a section of `acl.conf`.
//! - `[realtime]` maps kinds to tables of a SQLite database: `database = "FILE"`, `endpoint = "TABLE"`, or `true` for
//!   the table of Asterisk's name; `[realtime.auth]` with `database` and `table` names another file.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::draft::{Draft, REPEATED, Setting};
use super::finding::Finding;
use super::kind::Kind;
use super::origin::{Origin, SourceId};
use super::suggest;
use crate::base::limits;

/// The objects of a TOML text, templates filled in. `None`, and every fault of syntax among the findings, when the text
/// is not TOML.
pub fn drafts(text: &str, source: SourceId, findings: &mut Vec<Finding>) -> Option<Vec<Draft<'static>>> {
    read(text, source, findings).map(|document| document.drafts)
}

/// What a TOML text says.
#[derive(Debug)]
pub struct Document {
    /// Its objects, templates filled in.
    pub drafts: Vec<Draft<'static>>,
    /// `[realtime]`: `database`, and for each kind its table; a key of a kind's own table stands behind a `/`.
    pub realtime: Vec<Setting<'static>>,
}

/// The same as [`drafts`], with all that is said besides.
pub fn read(text: &str, source: SourceId, findings: &mut Vec<Finding>) -> Option<Document> {
    let places = Places::new(text, source);
    let (document, faults) = DeTable::parse_recoverable(text);
    if !faults.is_empty() {
        for fault in faults {
            let at = places.at(fault.span().map_or(0, |span| span.start));
            findings.push(Finding::error("toml-syntax", at, fault.message()));
        }
        return None;
    }
    let document = document.into_inner();
    let mut reader =
        Reader { document: &document, places, findings, drafts: Vec::new(), realtime: Vec::new() };
    reader.read();
    Some(Document { drafts: reader.drafts, realtime: reader.realtime })
}

/// The key that names templates, and the table that holds them.
const TEMPLATE: &str = "template";
/// The table that names databases.
const REALTIME: &str = "realtime";

struct Reader<'a, 'i> {
    document: &'a DeTable<'i>,
    places: Places,
    findings: &'a mut Vec<Finding>,
    drafts: Vec<Draft<'static>>,
    realtime: Vec<Setting<'static>>,
}

/// A key with its value, in the order of the text.
type Pair<'a> = (&'a str, usize, &'a Spanned<DeValue<'a>>);

fn pairs<'a>(table: &'a DeTable<'_>) -> Vec<Pair<'a>> {
    let mut pairs: Vec<Pair<'a>> =
        table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span().start, value)).collect();
    pairs.sort_by_key(|pair| pair.1);
    pairs
}

impl Reader<'_, '_> {
    fn read(&mut self) {
        for (key, at, value) in pairs(self.document) {
            let DeValue::Table(table) = value.get_ref() else {
                self.fault("bad-toml", at, format!("'{key}' must be a table of options or of objects"), None);
                continue;
            };
            if key == TEMPLATE {
                continue;
            }
            if key == REALTIME {
                let mut settings = Vec::new();
                self.options(table, "", &mut settings, &mut Vec::new());
                self.realtime.extend(settings);
                continue;
            }
            let Some(kind) = kind_of(key) else {
                let near =
                    suggest::nearest(key, Kind::all().map(Kind::type_name).chain([TEMPLATE, REALTIME]));
                let help = near.map(|near| format!("did you mean '{near}'?"));
                self.fault("unknown-type", at, format!("there is no type '{key}'"), help);
                continue;
            };
            if matches!(kind, Kind::Global | Kind::System | Kind::Asterisk | Kind::Rtp | Kind::Jackfield) {
                self.object(kind, key, at, table);
                continue;
            }
            for (name, at, value) in pairs(table) {
                match value.get_ref() {
                    DeValue::Table(options) => self.object(kind, name, at, options),
                    _ => {
                        let message = format!("'{name}' stands where the name of an object is wanted");
                        self.fault(
                            "bad-toml",
                            at,
                            message,
                            Some(format!("write [{key}.NAME], and options below it")),
                        );
                    }
                }
            }
        }
    }

    fn object(&mut self, kind: Kind, name: &str, at: usize, table: &DeTable<'_>) {
        let mut draft = Draft::new(kind, name.to_owned(), self.places.at(at));
        let mut open = Vec::new();
        self.options(table, "", &mut draft.settings, &mut open);
        self.drafts.push(draft);
    }

    /// The options of a table, those of its templates first.
    fn options(
        &mut self,
        table: &DeTable<'_>,
        prefix: &str,
        into: &mut Vec<Setting<'static>>,
        open: &mut Vec<String>,
    ) {
        let pairs = pairs(table);
        for (key, at, value) in &pairs {
            if prefix.is_empty() && *key == TEMPLATE {
                self.templates(*at, value, into, open);
            }
        }
        for (key, at, value) in pairs {
            if into.len() > limits::SETTINGS_PER_OBJECT {
                return;
            }
            if !(prefix.is_empty() && key == TEMPLATE) {
                self.option(&format!("{prefix}{key}"), at, value, into);
            }
        }
    }

    fn templates(
        &mut self,
        at: usize,
        value: &Spanned<DeValue<'_>>,
        into: &mut Vec<Setting<'static>>,
        open: &mut Vec<String>,
    ) {
        let names: Vec<String> = match value.get_ref() {
            DeValue::Array(names) => {
                names.iter().filter_map(|name| name.get_ref().as_str()).map(str::to_owned).collect()
            }
            other => other.as_str().map(str::to_owned).into_iter().collect(),
        };
        if names.is_empty() {
            self.fault("bad-toml", at, "'template' takes a name or an array of names".to_owned(), None);
        }
        let all = self.document.get(TEMPLATE).and_then(|table| table.get_ref().as_table());
        for name in names {
            let Some(template) =
                all.and_then(|all| all.get(name.as_str())).and_then(|t| t.get_ref().as_table())
            else {
                let known = all.map(pairs).unwrap_or_default();
                let near = suggest::nearest(&name, known.iter().map(|pair| pair.0));
                let help = near.map(|near| format!("did you mean '{near}'?"));
                self.fault("no-such-template", at, format!("there is no [template.{name}]"), help);
                continue;
            };
            if open.contains(&name) || open.len() >= limits::INCLUDE_DEPTH {
                self.fault("template-loop", at, format!("template '{name}' is part of itself"), None);
                continue;
            }
            if into.len() > limits::SETTINGS_PER_OBJECT {
                return;
            }
            open.push(name);
            self.options(template, "", into, open);
            open.pop();
        }
    }

    fn option(
        &mut self,
        option: &str,
        at: usize,
        value: &Spanned<DeValue<'_>>,
        into: &mut Vec<Setting<'static>>,
    ) {
        let place = self.places.at(at);
        let value_at = value.span().start;
        match value.get_ref() {
            DeValue::Array(items) => {
                let mut texts = Vec::new();
                for item in items {
                    match scalar(item.get_ref()) {
                        Some(text) if REPEATED.contains(&option) => {
                            self.push(option, text, place, item.span().start, into)
                        }
                        Some(text) => texts.push(text),
                        None => self.not_a_value(option, item.span().start),
                    }
                }
                if !REPEATED.contains(&option) {
                    self.push(option, texts.join(","), place, value_at, into);
                }
            }
            DeValue::Table(table) if option == "set_var" => {
                for (name, at, value) in pairs(table) {
                    let place = self.places.at(at);
                    match scalar(value.get_ref()) {
                        Some(text) => {
                            self.push(option, format!("{name}={text}"), place, value.span().start, into)
                        }
                        None => self.not_a_value(name, value.span().start),
                    }
                }
            }
            DeValue::Table(table) => self.options(table, &format!("{option}/"), into, &mut Vec::new()),
            other => match scalar(other) {
                Some(text) => self.push(option, text, place, value_at, into),
                None => self.not_a_value(option, value_at),
            },
        }
    }

    fn push(
        &self,
        option: &str,
        text: String,
        at: Origin,
        value_at: usize,
        into: &mut Vec<Setting<'static>>,
    ) {
        let mut setting = Setting::new(option.to_owned(), text, at);
        let value_place = self.places.at(value_at);
        if value_place.line == at.line {
            setting.value_column = value_place.column;
        }
        into.push(setting);
    }

    fn not_a_value(&mut self, option: &str, at: usize) {
        self.fault("bad-toml", at, format!("{option}: a text, a number or a truth value is wanted"), None);
    }

    fn fault(&mut self, code: &'static str, at: usize, message: String, help: Option<String>) {
        let mut finding = Finding::error(code, self.places.at(at), message);
        finding.help = help;
        self.findings.push(finding);
    }
}

fn kind_of(key: &str) -> Option<Kind> {
    Kind::all().find(|kind| kind.type_name() == key)
}

/// A value as `.conf` would have it.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.trim().to_owned()),
        DeValue::Integer(number) => {
            // Read and print again, so that 0x1f and 1_000 are numbers to everyone.
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(if *truth { "yes" } else { "no" }.to_owned()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// Turns bytes of the text into lines and columns.
struct Places {
    source: SourceId,
    line_starts: Vec<usize>,
    text: String,
}

impl Places {
    fn new(text: &str, source: SourceId) -> Places {
        let ends = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        Places { source, line_starts: std::iter::once(0).chain(ends).collect(), text: text.to_owned() }
    }

    fn at(&self, byte: usize) -> Origin {
        let line = self.line_starts.partition_point(|start| *start <= byte);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..byte).map_or(1, |before| before.chars().count() + 1);
        let line = u32::try_from(line.max(1)).unwrap_or(u32::MAX);
        Origin::new(self.source, line, u16::try_from(column).unwrap_or(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let mut findings = Vec::new();
        let drafts = drafts(text, SourceId(1), &mut findings).unwrap_or_default();
        let lines = drafts.iter().flat_map(|draft| {
            draft
                .settings
                .iter()
                .map(move |s| format!("{} {}: {}={}", draft.kind, draft.id, s.option, s.value))
        });
        let findings =
            findings.iter().map(|f| format!("{}:{} {}", f.at.line, f.at.column, f.message)).collect();
        (lines.collect(), findings)
    }

    #[test]
    fn tables_become_drafts() {
        let (lines, findings) = read(
            "[global]\nmax_forwards = 70\n[template.phone]\ncontext = \"internal\"\nallow = [\"ulaw\", \"alaw\"]\n\
             [endpoint.100]\nrtp_symmetric = true\ntemplate = \"phone\"\nauth = [\"a\", \"b\"]\n\
             set_var = { X = 1, Y = \"z\" }\n[wizard.w]\nendpoint.context = \"w\"\n",
        );
        assert_eq!(findings, Vec::<String>::new());
        assert_eq!(
            lines,
            [
                "global global: max_forwards=70",
                "endpoint 100: context=internal",
                "endpoint 100: allow=ulaw",
                "endpoint 100: allow=alaw",
                "endpoint 100: rtp_symmetric=yes",
                "endpoint 100: auth=a,b",
                "endpoint 100: set_var=X=1",
                "endpoint 100: set_var=Y=z",
                "wizard w: endpoint/context=w",
            ]
        );
    }

    #[test]
    fn faults_have_places() {
        assert_eq!(read("a = \n[b\n").1.len(), 2, "all faults of syntax at once");
        let (_, findings) =
            read("[endpont.x]\n[aor]\nmax_contacts = 1\n[aor.y]\ntemplate = \"no\"\ncontact = 1979-05-27\n");
        assert_eq!(
            findings,
            [
                "1:2 there is no type 'endpont'",
                "3:1 'max_contacts' stands where the name of an object is wanted",
                "5:1 there is no [template.no]",
                "6:11 contact: a text, a number or a truth value is wanted",
            ]
        );
    }

    #[test]
    fn templates_that_hold_each_other_end() {
        let (_, findings) = read(
            "[template.a]\ntemplate = \"b\"\n[template.b]\ntemplate = \"a\"\n[aor.x]\ntemplate = \"a\"\n",
        );
        assert_eq!(findings, ["4:1 template 'a' is part of itself"]);
    }
}
