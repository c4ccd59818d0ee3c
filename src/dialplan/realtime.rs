//! `switch => Realtime[/[context@]family[/options]]`: extensions from the rows of a table. The rows are in memory; an
//! edge reads the table and hands over a new [`Table`] when it changes, so that no call waits for a database.

use super::apps::{self, App};
use super::pattern::{Exten, Mode, Reach};
use std::collections::HashMap;
use std::sync::Arc;

/// One row of an extensions table.
#[derive(Clone, Debug)]
pub struct Row {
    /// `context`
    pub context: Arc<str>,
    /// `exten`: a name, or a pattern beginning with `_`.
    pub exten: Arc<str>,
    /// `priority`: a number; realtime has no labels and no hints.
    pub priority: i32,
    /// `app`
    pub application: Arc<str>,
    /// The application it names.
    pub known: Option<&'static App>,
    /// `appdata`, expanded when it runs.
    pub arguments: Arc<str>,
}

impl Row {
    /// A row from its five columns.
    pub fn new(context: &str, exten: &str, priority: i32, application: &str, arguments: &str) -> Row {
        Row {
            context: context.into(),
            exten: exten.into(),
            priority,
            application: application.into(),
            known: apps::find(application),
            arguments: arguments.into(),
        }
    }
}

/// The rows of one family, ready to be searched.
#[derive(Debug, Default)]
pub struct Table {
    /// Rows by context; in each, names in order of their text, patterns with the longest text first.
    contexts: HashMap<Arc<str>, Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    names: Vec<Row>,
    patterns: Vec<(Exten, Row)>,
}

impl Table {
    /// Sorts the rows. A pattern that cannot be read is left out and told in the second value.
    pub fn new(rows: impl IntoIterator<Item = Row>) -> (Table, Vec<String>) {
        let mut table = Table::default();
        let mut faults = Vec::new();
        for row in rows {
            let of_context = table.contexts.entry(row.context.clone()).or_default();
            if row.known.is_none() {
                let nearest = apps::nearest(&row.application);
                let text = format!(
                    "{}@{}: there is no application '{}'{nearest}",
                    row.exten, row.context, row.application
                );
                faults.push(text);
            }
            if !row.exten.starts_with('_') {
                of_context.names.push(row);
                continue;
            }
            match Exten::parse(&row.exten) {
                Ok(pattern) => of_context.patterns.push((pattern, row)),
                Err(why) => faults.push(format!("{}@{}: {why}; the row is left out", row.exten, row.context)),
            }
        }
        for rows in table.contexts.values_mut() {
            rows.names.sort_by(|a, b| (&a.exten, a.priority).cmp(&(&b.exten, b.priority)));
            rows.patterns.sort_by_key(|(_, row)| std::cmp::Reverse(row.exten.len()));
        }
        (table, faults)
    }

    /// The row for these digits: the exact one, else the first pattern that fits.
    pub fn find(
        &self,
        context: &str,
        exten: &str,
        priority: i32,
        mode: Mode,
        patterns: bool,
    ) -> Option<&Row> {
        let rows = self.contexts.get(context)?;
        let first = rows.names.partition_point(|row| &*row.exten < exten);
        let near = rows.names[first..].iter().take_while(|row| row.exten.starts_with(exten));
        let named = near.filter(|row| row.priority == priority).find(|row| match mode {
            Mode::Match => *row.exten == *exten,
            Mode::CanMatch => true,
            Mode::MatchMore => row.exten.len() > exten.len(),
        });
        if named.is_some() || !patterns {
            return named;
        }
        let fits = |pattern: &Exten| match pattern.reach(exten, mode) {
            Reach::No => false,
            Reach::Yes => true,
            Reach::Early => mode != Mode::MatchMore,
        };
        rows.patterns
            .iter()
            .find(|(pattern, row)| row.priority == priority && fits(pattern))
            .map(|(_, row)| row)
    }
}

/// The data of a `Realtime` switch, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `context@`: read these rows, whatever the context of the call.
    pub context: Option<String>,
    /// The family, by default `extensions`.
    pub family: String,
    /// Whether patterns are looked at; option `p` says no.
    pub patterns: bool,
}

impl Target {
    /// Reads `[context@]family[/options]`.
    pub fn parse(data: &str) -> Target {
        let (data, options) = data.split_once('/').unwrap_or((data, ""));
        let (context, family) = match data.split_once('@') {
            Some((context, family)) => (Some(context.to_owned()).filter(|c| !c.is_empty()), family),
            None => (None, data),
        };
        let family = if family.is_empty() { "extensions" } else { family };
        Target { context, family: family.to_owned(), patterns: !options.contains('p') }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let rows = [
            Row::new("in", "100", 1, "Dial", "PJSIP/100,30"),
            Row::new("in", "100", 2, "Hangup", ""),
            Row::new("in", "1000", 1, "NoOp", ""),
            Row::new("in", "_1XX", 1, "NoOp", "short"),
            Row::new("in", "_[1-9]XX", 1, "NoOp", "long text"),
            Row::new("in", "_9[", 1, "NoOp", ""),
            Row::new("in", "200", 1, "Dail", ""),
        ];
        let (table, faults) = Table::new(rows);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults.iter().any(|f| f.contains("(nearest: Dial)")), "{faults:?}");
        table
    }

    #[test]
    fn exact_rows_come_before_patterns_and_the_longest_text_first() {
        let table = table();
        let find = |exten, priority, mode| {
            table.find("in", exten, priority, mode, true).map(|row| row.arguments.to_string())
        };
        assert_eq!(find("100", 1, Mode::Match).as_deref(), Some("PJSIP/100,30"));
        assert_eq!(find("123", 1, Mode::Match).as_deref(), Some("long text"));
        assert_eq!(find("100", 3, Mode::Match), None);
        assert!(find("10", 1, Mode::MatchMore).is_some());
        assert!(find("1000", 1, Mode::MatchMore).is_none());
        assert!(find("", 1, Mode::CanMatch).is_some());
        assert!(table.find("in", "123", 1, Mode::Match, false).is_none());
        assert!(table.find("out", "100", 1, Mode::Match, true).is_none());
    }

    #[test]
    fn the_target_names_context_family_and_options() {
        let all = |context: Option<&str>, family: &str, patterns| Target {
            context: context.map(Into::into),
            family: family.into(),
            patterns,
        };
        assert_eq!(Target::parse(""), all(None, "extensions", true));
        assert_eq!(Target::parse("fam"), all(None, "fam", true));
        assert_eq!(Target::parse("ctx@fam/p"), all(Some("ctx"), "fam", false));
        assert_eq!(Target::parse("ctx@"), all(Some("ctx"), "extensions", true));
    }
}
