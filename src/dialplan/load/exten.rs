//! `exten => EXTEN[/CALLER],PRIORITY[+N][(LABEL)],APP[(ARGUMENTS)]`, and `same =>`.

use super::*;

/// A line taken apart, still as text.
struct Parts<'t> {
    priority: &'t str,
    label: Option<&'t str>,
    plus: i32,
    application: &'t str,
    /// Bytes from the beginning of the value to the priority and to the application.
    priority_at: usize,
    application_at: usize,
}

impl Loader<'_> {
    pub(super) fn exten(&mut self, index: usize, line: &Line<'_>, last: &mut Last) {
        let (exten, used) = first_field(&line.value);
        let exten = self.expand(exten, line.value_at);
        if exten.is_empty() {
            self.findings.error("no-extension", line.value_at, "the line names no extension and is ignored");
            return;
        }
        last.exten = Some(exten.clone());
        self.entry(index, &exten, used, line, last);
    }

    pub(super) fn same(&mut self, index: usize, line: &Line<'_>, last: &mut Last) {
        match last.exten.clone() {
            Some(exten) => self.entry(index, &exten, 0, line, last),
            None => {
                let name = &self.contexts[index].name;
                let message = format!(
                    "'same' is the first entry of context '{name}': there is no extension it could mean"
                );
                self.findings.error("same-first", line.at, message);
            }
        }
    }

    /// One priority of `exten`, from what follows byte `from` of the value.
    fn entry(&mut self, index: usize, exten: &str, from: usize, line: &Line<'_>, last: &mut Last) {
        let Some(key) = self.key(exten, line) else { return };
        let parts = match parts(&line.value, from) {
            Ok(parts) => parts,
            Err(message) => return self.findings.error("priority", line.place(from), message),
        };
        let at = line.place(parts.priority_at);
        let Some(number) = self.number(index, &key, &parts, last, at) else { return };
        let number = number.saturating_add(parts.plus);
        // After a hint, `n` is 0: Asterisk drops such a line without a word.
        let dropped = number == 0;
        last.priority = Some(number);
        if dropped {
            let message = "'n' after a hint has no number, so the line is ignored; write priority 1";
            return self.findings.error("n-after-hint", at, message);
        }
        let Some((application, arguments)) = self.application(number, &parts, line) else { return };
        let priority = Priority {
            number,
            label: parts.label.map(Into::into),
            known: if number == HINT { None } else { apps::find(application) },
            application: self.shared(application),
            expands: arguments.contains("${") || arguments.contains("$["),
            arguments: arguments.into(),
            at: line.at,
        };
        if number != HINT {
            let offset = line.place(parts.application_at);
            let mut judge = check::Judge { findings: &mut self.findings, done: self.done };
            judge.priority(&priority, &line.value, parts.application_at, offset);
        }
        self.add(index, key, priority, at);
    }

    fn key(&mut self, exten: &str, line: &Line<'_>) -> Option<Key> {
        let (name, caller) = match exten.split_once('/') {
            Some((name, caller)) => (name, Some(shrunk(caller))),
            None => (exten, None),
        };
        let mut read = |text: &str| match Exten::parse(text) {
            Ok(exten) => Some(exten),
            Err(why) => {
                self.findings.error(
                    "pattern",
                    line.value_at,
                    format!("'{text}': {why}; the line is ignored"),
                );
                None
            }
        };
        let exten = read(name)?;
        let caller = match caller {
            Some(caller) => Some(read(&caller)?),
            None => None,
        };
        if let Some(tail) = exten.idle_tail() {
            let message = format!("nothing after the wildcard counts: '{}' is never compared", &name[tail..]);
            self.findings.warn("pattern-tail", line.value_at, message);
        }
        if matches!(name, "_." | "_!") {
            let message =
                format!("'{name}' matches everything, also the special extensions h, i, t and the like");
            let finding = Finding::warning("matches-everything", line.value_at, message);
            self.findings.add(finding.help("write '_X.' for numbers"));
        }
        Some(Key { exten, caller })
    }

    /// The number a priority means.
    fn number(&mut self, index: usize, key: &Key, parts: &Parts<'_>, last: &Last, at: Origin) -> Option<i32> {
        match parts.priority {
            "hint" => Some(HINT),
            "n" | "next" | "s" | "same" => match last.priority {
                Some(before) => {
                    Some(if parts.priority.starts_with('n') { before.saturating_add(1) } else { before })
                }
                None => {
                    let message = format!(
                        "'{}' is the first entry of its context; the line is ignored",
                        parts.priority
                    );
                    self.findings.error("n-first", at, message);
                    None
                }
            },
            text => {
                let number = text.parse::<i32>().ok().filter(|number| *number >= 1);
                let number = number.or_else(|| {
                    let known = self.contexts[index].extensions.get(key)?;
                    known
                        .iter()
                        .find(|priority| priority.label.as_deref() == Some(text))
                        .map(|priority| priority.number)
                });
                if number.is_none() {
                    let message =
                        format!("'{text}' is no priority and no label of the extension; the line is ignored");
                    self.findings.error("priority", at, message);
                }
                number
            }
        }
    }

    /// Application and arguments; a text with `${` or `$[` before its parenthesis, as hints have, stays whole.
    fn application<'t>(
        &mut self,
        number: i32,
        parts: &Parts<'t>,
        line: &Line<'_>,
    ) -> Option<(&'t str, &'t str)> {
        let text = parts.application;
        let at = line.place(parts.application_at);
        let Some((name, rest)) =
            text.split_once('(').filter(|(name, _)| !name.contains("${") && !name.contains("$["))
        else {
            if text.is_empty() {
                self.findings.error("no-application", at, "the line names no application and is ignored");
                return None;
            }
            return Some((text.trim(), ""));
        };
        match rest.rsplit_once(')') {
            Some((arguments, behind)) => {
                if !behind.trim().is_empty() && number != HINT {
                    let message = format!("'{}' follows the last parenthesis and is ignored", behind.trim());
                    let at = right(at, text.len() - behind.len());
                    self.findings.warn("after-parenthesis", at, message);
                }
                Some((name.trim(), arguments))
            }
            None => {
                let message = format!(
                    "no closing parenthesis after '{}('; all that follows is taken as arguments",
                    name.trim()
                );
                self.findings.error("parenthesis", at, message);
                Some((name.trim(), rest))
            }
        }
    }

    fn add(&mut self, index: usize, key: Key, priority: Priority, at: Origin) {
        let draft = &mut self.contexts[index];
        let name = key.exten.text().clone();
        let list = draft.extensions.entry(key).or_default();
        let place = list.partition_point(|known| known.number < priority.number);
        let place_of = |origin: Origin| self.plan.sources.place(origin).to_string();
        if let Some(first) = list.get(place).filter(|known| known.number == priority.number) {
            let what = if priority.number == HINT {
                "the hint".into()
            } else {
                format!("priority {}", priority.number)
            };
            let message = format!(
                "{what} of '{name}' in context '{}' stands at {} already; that one stays",
                draft.name,
                place_of(first.at)
            );
            return self.findings.error("duplicate-priority", at, message);
        }
        if let Some(first) = list.iter().find(|known| known.label.is_some() && known.label == priority.label)
        {
            let message = format!(
                "label '{}' of '{name}' in context '{}' stands at {} already; this line is ignored",
                priority.label.as_deref().unwrap_or_default(),
                draft.name,
                place_of(first.at)
            );
            return self.findings.error("duplicate-label", at, message);
        }
        list.insert(place, priority);
    }
}

/// The extension of a line, and where the rest begins. A comma inside `[ ]` belongs to a pattern, a backslash keeps the
/// next character.
fn first_field(value: &str) -> (&str, usize) {
    let mut brackets = 0u32;
    let mut escaped = false;
    for (at, c) in value.bytes().enumerate() {
        match c {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'[' => brackets += 1,
            b']' => brackets = brackets.saturating_sub(1),
            b',' if brackets == 0 => return (value[..at].trim(), at + 1),
            _ => {}
        }
    }
    (value.trim(), value.len())
}

fn parts(value: &str, from: usize) -> Result<Parts<'_>, String> {
    let rest = &value[from..];
    let (field, application) = rest.split_once(',').unwrap_or((rest, ""));
    let priority_at = from + (field.len() - field.trim_start().len());
    let application_at = value.len() - application.trim_start().len();
    let (priority, label) = match field.trim().split_once('(') {
        Some((priority, label)) => {
            let label =
                label.split_once(')').ok_or_else(|| format!("the label of '{}' has no ')'", field.trim()))?.0;
            (priority.trim(), Some(label))
        }
        None => (field.trim(), None),
    };
    let (priority, plus) = match priority.split_once('+') {
        Some((priority, plus)) => {
            let plus =
                plus.trim().parse().map_err(|_| format!("'{}' after '+' is no number", plus.trim()))?;
            (priority.trim(), plus)
        }
        None => (priority, 0),
    };
    if priority.is_empty() {
        return Err("the line has no priority and is ignored".into());
    }
    Ok(Parts { priority, label, plus, application: application.trim_start(), priority_at, application_at })
}

/// A caller's number without what people write between digits: blanks, parentheses, dashes, points.
fn shrunk(number: &str) -> String {
    let mut brackets = 0u32;
    let last = number.len().saturating_sub(1);
    let keep = |(at, c): (usize, char)| {
        match c {
            '[' => brackets += 1,
            ']' => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        let filler = match c {
            '-' => brackets == 0,
            '.' => brackets == 0 && at != last,
            ' ' | '(' | ')' => true,
            _ => false,
        };
        (!filler).then_some(c)
    };
    number.char_indices().filter_map(keep).collect()
}
