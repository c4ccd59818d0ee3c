//! Arguments of applications, as far as they are written out.

use super::super::apps::{self, App, Kind, cause, dial};
use super::super::line::{Findings, meant, right};
use super::super::timing::Timing;
use super::Judge;
use crate::config::finding::Finding;
use crate::config::origin::Origin;

impl Judge<'_> {
    /// Judges the arguments of one application, which begin at `at`.
    pub(super) fn arguments(&mut self, app: &'static App, text: &str, at: Origin) {
        let findings = &mut *self.findings;
        let parts = cut(text);
        let given = if text.is_empty() { 0 } else { parts.len() };
        if given < usize::from(app.arguments.0) {
            let message = format!("{} needs at least {} argument(s)", app.name, app.arguments.0);
            findings.error("arguments", at, message);
        }
        let most = usize::from(app.arguments.1);
        // A text in a variable may hold commas that belong to it.
        if given > most && most < 90 && !text.contains('$') {
            let message = match most {
                0 => format!("{} takes no arguments; '{text}' has no effect", app.name),
                _ => format!("{} takes at most {most} argument(s); what follows is ignored", app.name),
            };
            findings.warn("arguments", at, message);
        }
        if let Some((place, letters)) = app.options
            && let Some((from, options)) = parts.get(usize::from(place))
        {
            option_letters(app, options, letters, right(at, *from), findings);
            undone_options(app, options, right(at, *from), self.done, findings);
        }
        match app.kind {
            Kind::Dial | Kind::Bridge => destinations(app, &parts, at, findings),
            Kind::Set => self.assignment(text, at),
            Kind::MSet => parts.iter().for_each(|(from, pair)| self.assignment(pair, right(at, *from))),
            Kind::Hangup => hangup_cause(text.trim(), at, findings),
            Kind::Wait | Kind::WaitExten => seconds(app, &parts, at, findings),
            Kind::StreamEcho => stream_echo(&parts, at, self.done, findings),
            Kind::GotoIfTime | Kind::ExecIfTime => times(text, at, findings),
            Kind::Exec | Kind::TryExec => self.command(text, at),
            Kind::ExecIf => self.commands(text, at),
            _ => {}
        }
    }

    fn assignment(&mut self, text: &str, at: Origin) {
        let Some((name, _)) = text.split_once('=') else {
            if !text.contains('$') {
                self.findings.error("assignment", at, format!("there is no '=' in '{text}'; nothing is set"));
            }
            return;
        };
        if let Some((function, rest)) = name.split_once('(') {
            if !function.contains('$') {
                self.function(function, rest, at, true);
            }
        } else if name.contains(' ') {
            let message = format!(
                "the blank belongs to the variable's name: '{name}' is set, '{}' is not",
                name.trim()
            );
            self.findings.warn("assignment", at, message);
        }
    }

    /// `condition?application(arguments)[:application(arguments)]`
    fn commands(&mut self, text: &str, at: Origin) {
        let parts = cut_at(text, '?');
        let Some((from, branches)) = parts.get(1) else {
            self.findings.error("branches", at, "there is no '?' after the condition; nothing is ever run");
            return;
        };
        for (offset, branch) in cut_at(branches, ':').into_iter().take(2) {
            self.command(branch, right(at, from + offset));
        }
    }

    /// `application(arguments)` named in an argument.
    fn command(&mut self, text: &str, at: Origin) {
        let name = text.split('(').next().unwrap_or_default().trim();
        if name.is_empty() || name.contains('$') {
            return;
        }
        let Some(app) = apps::find(name) else {
            let message = format!("there is no application '{name}'; a call that comes here ends");
            let finding = Finding::error("unknown-application", at, message);
            self.findings.add(meant(finding, name, apps::all().iter().map(|app| app.name)));
            return;
        };
        self.later(app, at);
        if let Some((name, rest)) = text.split_once('(')
            && !matches!(app.kind, Kind::Exec | Kind::TryExec | Kind::ExecIf)
        {
            let arguments = rest.rsplit_once(')').map_or(rest, |(arguments, _)| arguments);
            self.arguments(app, arguments, right(at, name.len() + 1));
        }
    }
}

fn hangup_cause(text: &str, at: Origin, findings: &mut Findings) {
    if !text.contains('$') && !matches!(text, "" | "0") && cause::parse(text).is_none() {
        findings.error("hangup-cause", at, format!("'{text}' is no hangup cause (1–127, or a name)"));
    }
}

/// The arguments and where each begins, cut at commas outside `( )`, `[ ]`, `{ }` and `" "`.
pub(super) fn cut(text: &str) -> Vec<(usize, &str)> {
    cut_at(text, ',')
}

fn cut_at(text: &str, delimiter: char) -> Vec<(usize, &str)> {
    let mut out = Vec::new();
    let (mut depth, mut quoted, mut escaped, mut from) = (0i32, false, false, 0);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            c if c == delimiter && depth <= 0 && !quoted => {
                out.push((from, &text[from..at]));
                from = at + 1;
            }
            _ => {}
        }
    }
    out.push((from, &text[from..]));
    out
}

/// Letters that do not exist, each with its column.
fn option_letters(app: &App, options: &str, letters: &str, at: Origin, findings: &mut Findings) {
    let (mut depth, mut last) = (0u32, None);
    let mut chars = options.char_indices().peekable();
    while let Some((from, c)) = chars.next() {
        match c {
            // What a variable will hold is not known; neither is what follows it.
            '$' if depth == 0 => return,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ' ' | '"' => {}
            _ if depth > 0 => {}
            c if !letters.contains(c) => {
                let message = format!("{} has no option '{c}'", app.name);
                findings.error("unknown-option", right(at, from), message);
            }
            c => {
                let has_argument = chars.peek().is_some_and(|(_, next)| *next == '(');
                if app.kind == Kind::Dial && !has_argument && dial::NEED_ARGUMENT.contains(c) {
                    let message = format!("option {c} of {} needs an argument in parentheses", app.name);
                    findings.error("option-argument", right(at, from), message);
                }
                last = Some(from);
            }
        }
    }
    if depth > 0 {
        let message = format!("a parenthesis of the options of {} is not closed", app.name);
        findings.error("option-argument", right(at, last.unwrap_or(0)), message);
    }
}

/// Letters that exist and are not obeyed by this switch, each with its column. It is asked for `Name(letter)`, and for
/// `Name(letter:)` where the letter has more than one value.
fn undone_options(
    app: &App,
    options: &str,
    at: Origin,
    done: &dyn Fn(&str) -> bool,
    findings: &mut Findings,
) {
    let letters = super::super::arguments::letters(options).unwrap_or_else(|read| read);
    let known = app.options.map_or("", |(_, letters)| letters);
    for option in letters.iter().take_while(|option| option.letter != '$') {
        let mut name = format!("{}({})", app.name, option.letter);
        let mut undone = known.contains(option.letter) && !done(&name);
        if !undone && option.argument.as_ref().is_some_and(|argument| argument.contains(':')) {
            name.insert(name.len() - 1, ':');
            undone = known.contains(option.letter) && !done(&name);
        }
        if undone {
            let message =
                format!("{name} is known, but not obeyed by this version: the call goes on without it");
            findings.warn("later-option", right(at, option.at), message);
        }
    }
}

/// Destinations without a technology, or with one that belongs to another channel driver (S4-89).
fn destinations(app: &App, parts: &[(usize, &str)], at: Origin, findings: &mut Findings) {
    if app.kind != Kind::Dial {
        return;
    }
    let Some((_, list)) = parts.first() else { return };
    let mut from = 0;
    for target in list.split('&') {
        let place = right(at, from);
        from += target.len() + 1;
        let target = target.trim();
        if target.is_empty() || target.starts_with('$') {
            continue;
        }
        match target.split_once('/') {
            Some((technology, _)) if technology.contains('$') => {}
            Some((technology, _))
                if ["PJSIP", "Local"].iter().any(|t| t.eq_ignore_ascii_case(technology)) => {}
            Some((technology, resource)) => {
                let message =
                    format!("'{target}': there are no {technology} channels here; it is never reached");
                let finding = Finding::error("technology", place, message);
                findings.add(match technology.eq_ignore_ascii_case("SIP") {
                    true => finding.help(format!("SIP/ was chan_sip; write 'PJSIP/{resource}'")),
                    false => meant(finding, technology, ["PJSIP", "Local"]),
                });
            }
            None if target.contains('$') => {}
            None => {
                let message = format!("'{target}' is not of the form TECHNOLOGY/resource and is not dialled");
                findings.add(
                    Finding::error("technology", place, message).help(format!("write 'PJSIP/{target}'")),
                );
            }
        }
    }
    if let Some((from, timeout)) = parts.get(1).filter(|(_, timeout)| !timeout.contains('$')) {
        for part in timeout.split('^').filter(|part| !part.trim().is_empty()) {
            if part.trim().parse::<f64>().is_err() {
                let message = format!("'{part}' is no timeout in seconds; none is set");
                findings.error("timeout", right(at, *from), message);
            }
        }
    }
}

fn seconds(app: &App, parts: &[(usize, &str)], at: Origin, findings: &mut Findings) {
    if let Some((from, text)) =
        parts.first().filter(|(_, text)| !text.contains('$') && !text.trim().is_empty())
        && text.trim().parse::<f64>().is_err()
    {
        let message = format!("'{text}' is no number of seconds; {} does not wait", app.name);
        findings.error("seconds", right(at, *from), message);
    }
}

/// `StreamEcho(n)`: a switch may echo the streams there are, and make no further ones.
fn stream_echo(parts: &[(usize, &str)], at: Origin, done: &dyn Fn(&str) -> bool, findings: &mut Findings) {
    let Some((from, streams)) = parts.first().filter(|(_, streams)| !streams.trim().is_empty()) else {
        return;
    };
    if !done("StreamEcho(streams)") {
        let message = format!(
            "StreamEcho({}): the number of streams is known, but not obeyed by this version: the streams the caller has are echoed",
            streams.trim()
        );
        findings.warn("later-option", right(at, *from), message);
    }
}

fn times(text: &str, at: Origin, findings: &mut Findings) {
    let Some((times, _)) = text.split_once('?') else {
        findings.error("times", at, "there is no '?' after the times");
        return;
    };
    if times.contains('$') {
        return;
    }
    let mut faults = Vec::new();
    Timing::parse(times, &mut faults);
    for fault in faults {
        findings.error("times", at, fault);
    }
}
