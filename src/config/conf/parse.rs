//! Reads a `.conf` file and its includes into a [`Tree`]. A fault is reported and reading goes on, so that all faults
//! of a tree come out in one run.

use super::line::{Place, passes, shorten, unquote};
use super::tree::{Full, Line, Section, Tree};
use crate::base::limits;
use crate::config::files::{self, FileFault, Files};
use crate::config::finding::Finding;
use crate::config::origin::{Origin, Sources};

/// Reads `path` and what it includes. A file that is missing or cannot be read is an error among the findings and
/// leaves the tree incomplete.
pub fn read(files: &dyn Files, path: &str, sources: &mut Sources, findings: &mut Vec<Finding>) -> Tree {
    let mut reader = Reader::new(files, sources, findings);
    let at = Origin::new(reader.sources.intern(path), 0, 0);
    reader.file(path, at);
    reader.tree
}

/// The same for a file that may be missing: then there is no tree, and no finding.
pub fn read_optional(
    files: &dyn Files,
    path: &str,
    sources: &mut Sources,
    findings: &mut Vec<Finding>,
) -> Option<Tree> {
    let mut reader = Reader::new(files, sources, findings);
    match reader.text(path) {
        Ok(()) => {}
        Err(FileFault::Missing) => return None,
        Err(fault) => {
            let at = Origin::new(reader.sources.intern(path), 0, 0);
            reader.unreadable(path, at, &fault);
        }
    }
    Some(reader.tree)
}

pub(super) struct Reader<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) sources: &'a mut Sources,
    pub(super) findings: &'a mut Vec<Finding>,
    pub(super) tree: Tree,
    /// The section that lines go to. It stays open over an include, as in Asterisk.
    section: Option<usize>,
    /// Files being read, outermost first: against loops.
    pub(super) open: Vec<String>,
    files_read: usize,
    pub(super) full: bool,
    /// Whether lines without a section have been spoken of.
    skipping: bool,
}

impl<'a> Reader<'a> {
    fn new(files: &'a dyn Files, sources: &'a mut Sources, findings: &'a mut Vec<Finding>) -> Reader<'a> {
        Reader {
            files,
            sources,
            findings,
            tree: Tree::default(),
            section: None,
            open: Vec::new(),
            files_read: 0,
            full: false,
            skipping: false,
        }
    }

    fn file(&mut self, path: &str, asked_at: Origin) {
        if self.open.iter().any(|open| open == path) || self.open.len() >= limits::INCLUDE_DEPTH {
            let chain = self.open.join(" → ");
            self.broken(
                "include-loop",
                asked_at,
                format!("'{path}' is included within itself ({chain})"),
                None,
            );
            return;
        }
        self.files_read += 1;
        if self.files_read > limits::CONF_FILES {
            let message = format!("more than {} files; '{path}' is not read", limits::CONF_FILES);
            self.broken("too-many-files", asked_at, message, None);
            return;
        }
        if let Err(fault) = self.text(path) {
            self.unreadable(path, asked_at, &fault);
        }
    }

    fn unreadable(&mut self, path: &str, at: Origin, fault: &FileFault) {
        let message = match fault {
            FileFault::Missing => format!("file '{path}' not found"),
            FileFault::Unreadable(why) => format!("file '{path}' cannot be read: {why}"),
        };
        let help = (at.line != 0).then_some("'#tryinclude' passes over a missing file");
        let log = format!("Unable to load config file '{path}'");
        self.broken("missing-file", at, message, help);
        if let Some(last) = self.findings.last_mut() {
            last.log = Some(log);
        }
    }

    /// A fault after which part of the configuration is not known.
    pub(super) fn broken(&mut self, code: &'static str, at: Origin, message: String, help: Option<&str>) {
        self.tree.incomplete = true;
        let mut finding = Finding::error(code, at, message);
        finding.help = help.map(str::to_owned);
        self.findings.push(finding);
    }

    pub(super) fn tree_is_full(&mut self, at: Origin) {
        if !self.full {
            self.full = true;
            let message = "the configuration is too large; the rest is not read".to_owned();
            self.broken(
                "too-large",
                at,
                message,
                Some("do sections inherit from each other many times over?"),
            );
        }
    }

    pub(super) fn line(&mut self, text: &str, place: Place<'_>) -> Result<(), Full> {
        match text.as_bytes()[0] {
            b'[' => self.header(text, place),
            b'#' => {
                self.directive(text, place);
                Ok(())
            }
            _ => self.assignment(text, place),
        }
    }

    /// `[name](!,+,parent,…)`.
    fn header(&mut self, text: &str, place: Place<'_>) -> Result<(), Full> {
        self.section = None;
        self.skipping = true;
        let at = place.at(text);
        let Some(close) = text.find(']') else {
            self.broken("no-bracket", at, "section header without ']'".to_owned(), None);
            self.log(format!("parse error: no closing ']', {}", self.asterisk_place(at)));
            return Ok(());
        };
        let name = &text[1..close];
        let rest = &text[close + 1..];
        let (flags, leftover) = match rest.strip_prefix('(').map(|inner| (inner, inner.find(')'))) {
            None => ("", rest),
            Some((inner, Some(end))) => (&inner[..end], &inner[end + 1..]),
            Some((inner, None)) => {
                self.broken("no-bracket", at, format!("'({}' without ')'", shorten(inner)), None);
                self.log(format!("parse error: no closing ')', {}", self.asterisk_place(at)));
                return Ok(());
            }
        };
        let leftover = leftover.trim();
        if !leftover.is_empty() {
            let message = format!("'{}' after the section header is not read", shorten(leftover));
            let mut finding = Finding::warning("text-after-header", place.at(leftover), message);
            if leftover.starts_with('(') {
                finding.help = Some("write '(' directly after ']'".to_owned());
            }
            self.findings.push(finding);
        }
        self.flags(name, flags, at)
    }

    fn flags(&mut self, name: &str, flags: &str, at: Origin) -> Result<(), Full> {
        let items: Vec<&str> = flags.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
        let section = match items.iter().find_map(|item| item.strip_prefix('+')) {
            Some(filter) => match self.addition(name, filter) {
                Some(section) => section,
                None => {
                    let message = format!("'(+)' adds to section '{name}', which does not exist (yet)");
                    self.broken(
                        "no-such-section",
                        at,
                        message,
                        Some("it must stand above, or in an earlier include"),
                    );
                    self.log(format!(
                        "Category addition requested, but category '{name}' does not exist, {}",
                        self.asterisk_place(at)
                    ));
                    return Ok(());
                }
            },
            None => self.tree.open(name, at)?,
        };
        for item in items {
            if item == "!" {
                self.tree.mark_template(section);
            } else if !item.starts_with('+') {
                self.inherit(section, item, at)?;
            }
        }
        self.section = Some(section);
        Ok(())
    }

    fn inherit(&mut self, section: usize, parent: &str, at: Origin) -> Result<(), Full> {
        let found = self.tree.same_name(parent).map(Section::index).find(|index| *index != section);
        let Some(found) = found else {
            let names: Vec<&str> =
                self.tree.sections().filter(|s| s.is_template()).map(Section::name).collect();
            let near =
                crate::config::suggest::nearest(parent, names).map(|near| format!("did you mean '{near}'?"));
            let help =
                near.unwrap_or_else(|| "a template must stand above the sections that use it".to_owned());
            self.broken(
                "no-such-template",
                at,
                format!("template '{parent}' does not exist (yet)"),
                Some(&help),
            );
            self.log(format!(
                "Inheritance requested, but category '{parent}' does not exist, {}",
                self.asterisk_place(at)
            ));
            return Ok(());
        };
        self.tree.inherit(section, found)
    }

    /// The section that `(+)` or `(+filter)` means: the first of that name that the filter lets through.
    fn addition(&self, name: &str, filter: &str) -> Option<usize> {
        let templates = filter.split('&').find_map(|part| part.strip_prefix("TEMPLATES="));
        self.tree
            .same_name(name)
            .filter(|section| match templates {
                Some("restrict") => section.is_template(),
                Some("include") => true,
                // A plain (+) takes templates too: people add to a template's lines with it.
                _ => filter.is_empty() || !section.is_template(),
            })
            .find(|section| {
                filter
                    .split('&')
                    .filter(|part| !part.starts_with("TEMPLATES="))
                    .all(|part| passes(*section, part))
            })
            .map(Section::index)
    }

    fn assignment(&mut self, text: &str, place: Place<'_>) -> Result<(), Full> {
        let at = place.at(text);
        // A leading backslash lets a name begin with '[' or '#', or hold a '=' as its first character.
        let escaped = text.starts_with('\\');
        let text = if escaped { &text[1..] } else { text };
        let search_from = text.char_indices().nth(usize::from(escaped)).map_or(text.len(), |(at, _)| at);
        let Some(equals) = text[search_from..].find('=').map(|at| at + search_from) else {
            let message = format!("no '=' in '{}'", shorten(text));
            self.findings.push(Finding::warning("no-equals", at, message));
            self.log(format!("parse error: No '=' (equal sign) in {}", self.asterisk_place(at)));
            return Ok(());
        };
        let Some(section) = self.section else {
            // The lines below a broken header are passed over without a word each.
            if !self.skipping {
                self.skipping = true;
                self.broken("no-section", at, format!("'{}' stands before any section", shorten(text)), None);
                self.log(format!("parse error: No category context for {}", self.asterisk_place(at)));
            }
            return Ok(());
        };
        let (name, glue) = match text[..equals].strip_suffix('+') {
            Some(name) if !name.is_empty() => (name.trim_end(), true),
            _ => (text[..equals].trim_end(), false),
        };
        let after = &text[equals + 1..];
        let (value, arrow) = match after.strip_prefix('>') {
            Some(value) if !glue => (value, true),
            _ => (after, false),
        };
        let value = value.trim();
        let name = self.tree.name_id(name)?;
        let line = Line {
            name,
            value: self.tree.store_value(name, value)?,
            line: at.line,
            source: at.source,
            column: at.column,
            value_column: place.column(value),
            arrow,
        };
        if glue { self.tree.glue(section, line, value) } else { self.tree.push(section, line) }
    }

    fn directive(&mut self, text: &str, place: Place<'_>) {
        let at = place.at(text);
        let (word, argument) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let argument = argument.trim();
        let path = unquote(argument);
        match word.to_ascii_lowercase().as_str() {
            "#include" | "#tryinclude" if path.is_empty() => {
                self.findings.push(Finding::warning(
                    "no-file-name",
                    at,
                    format!("'{word}' needs a file name"),
                ));
            }
            "#include" => self.include(path, at, true),
            "#tryinclude" => self.include(path, at, false),
            "#exec" => {
                let message = format!(
                    "'#exec {}' is not run: programs are not started from the configuration",
                    shorten(path)
                );
                let help = "write its output to a file, and include that";
                self.broken("exec-not-run", at, message, Some(help));
            }
            other => {
                let near = crate::config::suggest::nearest(other, ["#include", "#tryinclude", "#exec"]);
                let mut finding =
                    Finding::warning("unknown-directive", at, format!("unknown directive '{word}'"));
                finding.help = Some(match near {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => "a comment begins with ';'".to_owned(),
                });
                finding.log = Some(format!("Unknown directive '{word}' at {}", self.asterisk_place(at)));
                self.findings.push(finding);
            }
        }
    }

    fn include(&mut self, path: &str, at: Origin, required: bool) {
        if !files::is_pattern(path) {
            if !required && self.files.read(path) == Err(FileFault::Missing) {
                return;
            }
            return self.file(path, at);
        }
        match self.files.expand(path) {
            Ok(paths) => {
                for path in paths {
                    self.file(&path, at);
                }
            }
            Err(fault) => self.unreadable(path, at, &fault),
        }
    }

    fn log(&mut self, line: String) {
        if let Some(last) = self.findings.last_mut() {
            last.log = Some(line);
        }
    }

    fn asterisk_place(&self, at: Origin) -> String {
        format!("line {} of {}", at.line, self.sources.name(at.source))
    }
}
