//! The console: lines in, answers out; editing, history and the tab key at a terminal.

use super::cli::words::split;
use super::cli::{Names, complete};
use super::shape::{Answer, Format};
use crate::base::limits::{COMPLETIONS, CONSOLE_HISTORY};
use crate::switch::view::Kind;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The way to a running server. The server side reads the line with [`super::cli::parse`].
pub trait Ask {
    /// Sends one line and waits for its answer. An error means that the server is gone.
    fn ask(&mut self, line: &str, format: Format) -> io::Result<Answer>;
}

/// `-rx LINE`: one line, one answer. True when the answer is good: the program's exit status.
pub fn one_shot(server: &mut dyn Ask, line: &str, format: Format, out: &mut dyn Write) -> io::Result<bool> {
    let answer = server.ask(line, format)?;
    written(out, &answer.text)?;
    Ok(!answer.failed)
}

/// Where the history lives: the state folder of the user (XDG), from `XDG_STATE_HOME` and `HOME`. `None` when the
/// user has no home.
pub fn history_file(state_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let base = state_home
        .map(PathBuf::from)
        .and_then(absolute)
        .or_else(|| absolute(PathBuf::from(home?)).map(|home| home.join(".local/state")))?;
    Some(base.join("jackfield/history"))
}

/// The interactive console, until `exit`, `quit`, the end of the input, or the end of the server. `host` stands in
/// the prompt as in Asterisk's. `colour`: the output is a terminal.
pub fn run(
    server: &mut dyn Ask,
    host: &str,
    history: Option<&Path>,
    colour: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .max_history_size(CONSOLE_HISTORY)
        .and_then(|builder| builder.history_ignore_dups(true))
        .map_err(io::Error::other)?
        .history_ignore_space(true)
        .build();
    let mut editor = Editor::with_config(config).map_err(io::Error::other)?;
    editor.set_helper(Some(Tab { server: RefCell::new(server), names: RefCell::default() }));
    if let Some(path) = history {
        // A missing or broken file is an empty history, not a reason to refuse the console.
        let _ = editor.load_history(path);
    }
    let prompt = format!("{host}*CLI> ");
    let result = lines(&mut editor, &prompt, Format::Text { colour }, out);
    if let Some(path) = history
        && let Err(error) = saved(&mut editor, path)
    {
        written(out, &format!("The history could not be saved in {}: {error}\n", path.display()))?;
    }
    result
}

type Line<'a> = Editor<Tab<'a>, rustyline::history::FileHistory>;

fn lines(editor: &mut Line<'_>, prompt: &str, format: Format, out: &mut dyn Write) -> io::Result<()> {
    loop {
        let line = match editor.readline(prompt) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(ReadlineError::Io(error)) => return Err(error),
            Err(error) => return Err(io::Error::other(error)),
        };
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let _ = editor.add_history_entry(line);
        if matches!(line, "exit" | "quit") {
            return Ok(());
        }
        let Some(tab) = editor.helper_mut() else { return Ok(()) };
        tab.names.borrow_mut().clear();
        let answer = tab.server.borrow_mut().ask(line, format);
        match answer {
            Ok(answer) => written(out, &answer.text)?,
            Err(error) => {
                written(out, &format!("Disconnected from the server: {error}\n"))?;
                return Err(error);
            }
        }
    }
}

fn saved(editor: &mut Line<'_>, path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    editor.save_history(path).map_err(io::Error::other)
}

/// Writes and flushes; a reader that went away (`| head`) is no error.
fn written(out: &mut dyn Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// The tab key: words are known here, names come from the server and are kept until the next line.
struct Tab<'a> {
    server: RefCell<&'a mut dyn Ask>,
    names: RefCell<HashMap<String, Vec<String>>>,
}

impl Helper for Tab<'_> {}
impl Highlighter for Tab<'_> {}
impl Validator for Tab<'_> {}
impl Hinter for Tab<'_> {
    type Hint = String;
}

impl Completer for Tab<'_> {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..pos];
        let start = match split(typed).unwrap_or_default().last() {
            Some(word) if !typed.ends_with([' ', '\t']) => word.start,
            _ => pos,
        };
        let found = complete(typed, &mut |names| self.ask_names(names));
        let pairs = found.into_iter().take(COMPLETIONS).map(|name| {
            let mut replacement = escaped(&name);
            replacement.push(' ');
            Pair { display: name, replacement }
        });
        Ok((start, pairs.collect()))
    }
}

impl Tab<'_> {
    fn ask_names(&self, names: Names) -> Vec<String> {
        let Some(line) = question(names) else { return Vec::new() };
        let mut known = self.names.borrow_mut();
        if let Some(list) = known.get(line) {
            return list.clone();
        }
        // A server that does not answer shows itself at the next line.
        let answer = self.server.borrow_mut().ask(line, Format::Json);
        let list = answer.map(|answer| names_in(&answer.text)).unwrap_or_default();
        known.insert(line.to_owned(), list.clone());
        list
    }
}

/// The line whose JSON answer holds the names.
fn question(names: Names) -> Option<&'static str> {
    Some(match names {
        Names::Kind(kind) => match kind {
            Kind::Endpoint => "pjsip list endpoints",
            Kind::Aor => "pjsip list aors",
            Kind::Auth => "pjsip list auths",
            Kind::Contact => "pjsip list contacts",
            Kind::Transport => "pjsip list transports",
            Kind::Identify => "pjsip list identifies",
            Kind::Registration => "pjsip list registrations",
            Kind::Channel => "pjsip list channels",
            Kind::Acl | Kind::DomainAlias | Kind::Global | Kind::System => return None,
        },
        Names::Contexts => "dialplan show",
        Names::Subscriptions => "pjsip list subscriptions inbound",
        Names::None | Names::Modules | Names::Commands | Names::Words(_) => return None,
    })
}

/// Names of the objects in the only list of a JSON answer: `name`, a subscription's `call_id`, a contact's `aor/uri`.
fn names_in(json: &str) -> Vec<String> {
    let Ok(serde_json::Value::Object(map)) = serde_json::from_str(json) else { return Vec::new() };
    let list = map.values().find_map(|value| value.as_array()).into_iter().flatten();
    let text = |one: &serde_json::Value, name: &str| {
        one.get(name).and_then(|value| value.as_str()).map(str::to_owned)
    };
    list.filter_map(|one| match (text(one, "aor"), text(one, "uri")) {
        (Some(aor), Some(uri)) => Some(format!("{aor}/{uri}")),
        _ => text(one, "name").or_else(|| text(one, "call_id")),
    })
    .collect()
}

/// A name as one word of a line.
fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 1);
    for c in name.chars() {
        if matches!(c, ' ' | '\t' | '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustyline::history::DefaultHistory;

    /// A server of two endpoints and one contact.
    struct Fake(Vec<String>);

    impl Ask for Fake {
        fn ask(&mut self, line: &str, format: Format) -> io::Result<Answer> {
            self.0.push(line.to_owned());
            Ok(match (line, format) {
                ("pjsip list endpoints", Format::Json) => {
                    Answer::good(r#"{"endpoints":[{"name":"alice"},{"name":"front desk"}]}"#)
                }
                ("pjsip list contacts", Format::Json) => {
                    Answer::good(r#"{"contacts":[{"aor":"bob","uri":"sip:b@h"}]}"#)
                }
                ("gone", _) => return Err(io::ErrorKind::ConnectionReset.into()),
                ("bad", _) => Answer::bad("No such command\n"),
                _ => Answer::good("hello\n"),
            })
        }
    }

    #[test]
    fn the_tab_key_asks_the_server_once_per_line() {
        let mut fake = Fake(Vec::new());
        let tab = Tab { server: RefCell::new(&mut fake), names: RefCell::default() };
        let history = DefaultHistory::new();
        let offered = |line: &str| {
            let (start, pairs) = tab.complete(line, line.len(), &Context::new(&history)).expect("candidates");
            (start, pairs.into_iter().map(|pair| pair.replacement).collect::<Vec<_>>())
        };
        assert_eq!(offered("pjsip show endpoint f"), (20, vec!["front\\ desk ".to_owned()]));
        assert_eq!(
            offered("pjsip show endpoint "),
            (20, vec!["alice ".to_owned(), "front\\ desk ".to_owned()])
        );
        assert_eq!(offered("pjsip show contact b"), (19, vec!["bob/sip:b@h ".to_owned()]));
        assert_eq!(offered("pjsip se"), (6, vec!["send ".to_owned(), "set ".to_owned()]));
        drop(tab);
        assert_eq!(fake.0, ["pjsip list endpoints", "pjsip list contacts"]);
    }

    #[test]
    fn one_line_has_an_exit_status() {
        let mut out = Vec::new();
        assert!(one_shot(&mut Fake(Vec::new()), "hi", Format::PLAIN, &mut out).expect("answered"));
        assert!(!one_shot(&mut Fake(Vec::new()), "bad", Format::PLAIN, &mut out).expect("answered"));
        assert!(one_shot(&mut Fake(Vec::new()), "gone", Format::PLAIN, &mut out).is_err());
        assert_eq!(out, b"hello\nNo such command\n");
    }

    #[test]
    fn the_history_lives_in_the_state_folder() {
        let file = |state: &str, home: &str| {
            let set = |text: &str| (!text.is_empty()).then(|| OsString::from(text));
            history_file(set(state), set(home)).map(|path| path.display().to_string())
        };
        assert_eq!(file("/s", "/h").as_deref(), Some("/s/jackfield/history"));
        assert_eq!(file("", "/h").as_deref(), Some("/h/.local/state/jackfield/history"));
        assert_eq!(file("relative", "/h").as_deref(), Some("/h/.local/state/jackfield/history"));
        assert_eq!(file("", ""), None);
    }
}
