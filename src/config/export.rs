//! Objects as text again: `.conf`, TOML, rows of tables. What is read back gives the same objects.

use std::borrow::Cow;
use std::fmt::Write;

use super::draft::{Draft, RowStyle, Setting, encode};
use super::kind::Kind;
use super::model::Object;
use super::objects::{Objects, Stored, Table, VisitKinds, visit_kinds};
use super::origin::Origin;

/// The drafts of all objects, kind by kind, sorted by name: only options that differ from their defaults.
pub fn drafts(objects: &Objects) -> Vec<Draft<'static>> {
    let mut exporter = Exporter { objects, drafts: Vec::new() };
    visit_kinds(&mut exporter);
    let mut drafts = exporter.drafts;
    for ((kind, name), other) in &objects.others {
        let mut draft = Draft::new(*kind, name.to_string(), Origin::BUILT_IN);
        for (option, value) in &other.settings {
            draft.settings.push(Setting::new(option.to_string(), value.to_string(), Origin::BUILT_IN));
        }
        drafts.push(draft);
    }
    drafts
}

struct Exporter<'a> {
    objects: &'a Objects,
    drafts: Vec<Draft<'static>>,
}

impl VisitKinds for Exporter<'_> {
    fn visit<T: Stored>(&mut self) {
        let blank = T::blank(crate::base::ids::Name::default());
        let mut drafts: Vec<Draft<'static>> =
            T::table(self.objects).all().map(|object| draft(&**object, &blank)).collect();
        drafts.sort_by(|a, b| a.id.cmp(&b.id));
        self.drafts.append(&mut drafts);
    }
}

/// One object as a draft.
fn draft<T: Object>(object: &T, blank: &T) -> Draft<'static> {
    let mut draft = Draft::new(T::KIND, object.name().to_string(), Origin::BUILT_IN);
    let (mut lines, mut defaults) = (Vec::new(), Vec::new());
    for spec in T::specs().iter() {
        (spec.write)(object, &mut lines);
        (spec.write)(blank, &mut defaults);
        if lines != defaults {
            let settings = lines.drain(..).map(|line| Setting::new(spec.name, line, Origin::BUILT_IN));
            draft.settings.extend(settings);
        }
        lines.clear();
        defaults.clear();
    }
    draft
}

/// A draft as a section of `pjsip.conf`, or of the file its kind has of its own: `acl.conf`, `asterisk.conf`, `rtp.conf`,
/// `jackfield.conf`.
pub fn conf(draft: &Draft<'_>) -> String {
    if draft.kind == Kind::Asterisk {
        // Two sections share this object.
        let of = |directories: bool| {
            let settings =
                draft.settings.iter().filter(|setting| setting.option.starts_with("ast") == directories);
            settings.map(|setting| format!("{}={}\n", setting.option, setting.value)).collect::<String>()
        };
        return format!("[directories]\n{}[options]\n{}", of(true), of(false));
    }
    let mut out = match draft.kind {
        Kind::Rtp | Kind::Jackfield => "[general]\n".to_owned(),
        _ => format!("[{}]\n", draft.id),
    };
    if !draft.kind.has_own_file() {
        let _ = writeln!(out, "type={}", draft.kind);
    }
    for setting in &draft.settings {
        // A semicolon would begin a comment.
        let value = setting.value.replace(';', "\\;");
        let _ = writeln!(out, "{}={value}", setting.option);
    }
    out
}

/// A draft as a table of a TOML file. Repeated options become arrays.
pub fn toml(draft: &Draft<'_>) -> String {
    let mut out = match draft.kind {
        Kind::Global | Kind::System | Kind::Asterisk | Kind::Rtp | Kind::Jackfield => {
            format!("[{}]\n", draft.kind)
        }
        kind => format!("[{kind}.{}]\n", toml_text(&draft.id)),
    };
    let mut done: Vec<&str> = Vec::new();
    for setting in &draft.settings {
        let option = &*setting.option;
        if done.contains(&option) {
            continue;
        }
        done.push(option);
        let values: Vec<String> = draft
            .settings
            .iter()
            .filter(|other| other.option == option)
            .map(|other| toml_text(&other.value))
            .collect();
        let value = if values.len() == 1 { values[0].clone() } else { format!("[{}]", values.join(", ")) };
        let _ = writeln!(out, "{} = {value}", toml_key(option));
    }
    out
}

fn toml_key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { key.to_owned() } else { toml_text(key) }
}

/// A basic string of TOML.
fn toml_text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A row of a realtime table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The table.
    pub table: &'static str,
    /// Columns and values, `id` first. Absent ones are NULL.
    pub columns: Vec<(String, String)>,
}

impl Row {
    /// The row as the reader of tables makes a draft of it.
    pub fn draft(&self) -> Draft<'_> {
        let kind = Kind::of_table(self.table).expect("rows are made for tables of kinds");
        let id = self.columns.first().map_or("", |(_, id)| id.as_str());
        let columns = self
            .columns
            .iter()
            .map(|(name, value)| (Cow::Borrowed(name.as_str()), Some(Cow::Borrowed(value.as_str()))));
        Draft::row(kind, id, Origin::BUILT_IN.source, 0, columns, RowStyle::Verbatim)
    }
}

/// A draft as a row. `None` for a kind that has no table, and for one that the style cannot hold: without encoding a
/// column takes several values only joined by commas.
pub fn row(draft: &Draft<'_>, style: RowStyle) -> Option<Row> {
    let table = draft.kind.table()?;
    let mut columns = vec![("id".to_owned(), draft.id.to_string())];
    for setting in &draft.settings {
        let option = &*setting.option;
        let value: Cow<'_, str> = match style {
            RowStyle::Verbatim if setting.value.is_empty() => Cow::Borrowed(" "),
            RowStyle::Verbatim => Cow::Borrowed(&setting.value),
            RowStyle::Encoded => encode(&setting.value),
        };
        match columns.iter_mut().find(|(column, _)| column == option) {
            None => columns.push((option.to_owned(), value.into_owned())),
            Some((_, known)) => {
                if style == RowStyle::Verbatim && option == "set_var" {
                    return None;
                }
                known.push(if style == RowStyle::Encoded { ';' } else { ',' });
                known.push_str(&value);
            }
        }
    }
    Some(Row { table, columns })
}
