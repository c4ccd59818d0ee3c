//! The one shape that `.conf` sections, TOML tables and SQL rows become before anything is decided about them.

use std::borrow::Cow;

use super::kind::Kind;
use super::origin::{Origin, SourceId};

/// One `option = value`, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<'a> {
    /// The option's name, as written.
    pub option: Cow<'a, str>,
    /// Its value, trimmed.
    pub value: Cow<'a, str>,
    /// Where the option's name stands.
    pub at: Origin,
    /// The column where the value starts, for messages about the value.
    pub value_column: u16,
}

impl<'a> Setting<'a> {
    /// A setting whose value's column is not told apart from its name's.
    pub fn new(option: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>, at: Origin) -> Setting<'a> {
        Setting { option: option.into(), value: value.into(), at, value_column: at.column }
    }

    /// Where the value starts, `offset` bytes in.
    pub fn value_at(&self, offset: usize) -> Origin {
        let chars = self.value.get(..offset).map_or(0, |before| before.chars().count());
        let column = usize::from(self.value_column).saturating_add(chars);
        self.at.at_column(u16::try_from(column).unwrap_or(u16::MAX))
    }
}

/// One object as it was written: settings in the order in which they apply, inherited ones first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub id: Cow<'a, str>,
    /// Where it begins.
    pub at: Origin,
    /// Its settings, without `type`.
    pub settings: Vec<Setting<'a>>,
}

impl<'a> Draft<'a> {
    /// An object without settings.
    pub fn new(kind: Kind, id: impl Into<Cow<'a, str>>, at: Origin) -> Draft<'a> {
        Draft { kind, id: id.into(), at, settings: Vec::new() }
    }

    /// With one more setting.
    #[must_use]
    pub fn with(mut self, option: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Draft<'a> {
        let at = self.at;
        self.settings.push(Setting::new(option, value, at));
        self
    }

    /// The draft of a table row. Columns apply left to right; NULL and `''` mean "not set". `source` names the table,
    /// `row` counts from 1, and a column's number becomes the setting's column.
    pub fn row(
        kind: Kind,
        id: impl Into<Cow<'a, str>>,
        source: SourceId,
        row: u32,
        columns: impl IntoIterator<Item = (Cow<'a, str>, Option<Cow<'a, str>>)>,
        style: RowStyle,
    ) -> Draft<'a> {
        let mut draft = Draft::new(kind, id, Origin::new(source, row, 0));
        for (number, (column, value)) in columns.into_iter().enumerate() {
            let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
            if column.eq_ignore_ascii_case("id") {
                continue;
            }
            let place = u16::try_from(number + 1).unwrap_or(u16::MAX);
            let at = Origin::new(source, row, place);
            // An extended field (`@body`) is kept as it is.
            if style == RowStyle::Verbatim || column.starts_with('@') {
                draft.settings.push(Setting::new(column, unblank(value), at));
                continue;
            }
            for part in value.split(';').map(str::trim).filter(|part| !part.is_empty()) {
                draft.settings.push(Setting::new(column.clone(), decode(part), at));
            }
        }
        draft
    }
}

/// Options whose lines add up. Of any other option the last line holds. An array in TOML becomes one setting per
/// element for these, and a comma list for others.
pub const REPEATED: &[&str] = &[
    "acl",
    "allow",
    "contact",
    "contact_acl",
    "contact_deny",
    "contact_permit",
    "deny",
    "directmedia_acl",
    "directmedia_deny",
    "directmedia_permit",
    "disallow",
    "list_item",
    "local_net",
    "match",
    "md5_cred",
    "password_digest",
    "permit",
    "set_var",
];

/// How a database driver of Asterisk stores values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowStyle {
    /// SQLite: values as they are; a single space stands for "set to the empty text".
    Verbatim,
    /// ODBC and PostgreSQL: `;` separates several values of one column, `^3B` and `^5E` stand for `;` and `^`.
    Encoded,
}

fn unblank(value: Cow<'_, str>) -> Cow<'_, str> {
    if value == " " { Cow::Borrowed("") } else { value }
}

fn decode(part: &str) -> Cow<'static, str> {
    if !part.contains('^') {
        return Cow::Owned(part.to_owned());
    }
    Cow::Owned(part.replace("^3B", ";").replace("^3b", ";").replace("^5E", "^").replace("^5e", "^"))
}

/// `text` as the ODBC and PostgreSQL drivers store it: `;` as `^3B`, `^` as `^5E`.
pub fn encode(text: &str) -> Cow<'_, str> {
    if !text.contains([';', '^']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('^', "^5E").replace(';', "^3B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(style: RowStyle, columns: &[(&'static str, Option<&'static str>)]) -> Vec<(String, String)> {
        let columns = columns.iter().map(|(c, v)| (Cow::Borrowed(*c), v.map(Cow::Borrowed)));
        let draft = Draft::row(Kind::Aor, "100", SourceId(1), 7, columns, style);
        draft.settings.iter().map(|s| (s.option.to_string(), s.value.to_string())).collect()
    }

    #[test]
    fn null_and_empty_columns_are_not_set() {
        let got =
            row(RowStyle::Verbatim, &[("id", Some("100")), ("max_contacts", None), ("mailboxes", Some(""))]);
        assert!(got.is_empty());
    }

    #[test]
    fn sqlite_keeps_values_and_odbc_cuts_and_decodes_them() {
        let uri = "sip:a@h;transport=tcp";
        assert_eq!(row(RowStyle::Verbatim, &[("contact", Some(uri))]), [("contact".into(), uri.into())]);
        let got = row(RowStyle::Encoded, &[("contact", Some("sip:a@h^3Btransport=tcp; sip:b@h"))]);
        assert_eq!(got, [("contact".into(), uri.into()), ("contact".into(), "sip:b@h".into())]);
        assert_eq!(row(RowStyle::Verbatim, &[("mailboxes", Some(" "))]), [("mailboxes".into(), "".into())]);
    }

    #[test]
    fn encoding_is_the_inverse_of_decoding() {
        for text in ["a;b^c", "^3B", ";;^^", "plain"] {
            assert_eq!(decode(&encode(text)), text);
        }
    }

    #[test]
    fn a_row_knows_its_place() {
        let columns = [(Cow::Borrowed("contact"), Some(Cow::Borrowed("x")))];
        let draft = Draft::row(Kind::Aor, "100", SourceId(1), 7, columns, RowStyle::Verbatim);
        assert_eq!(draft.settings[0].at, Origin::new(SourceId(1), 7, 1));
    }
}
