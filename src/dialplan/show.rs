//! `dialplan show`: as Asterisk's text, and as JSON.

use super::pattern::{Exten, Mode, Reach};
use super::plan::{Context, Dialplan, Extension, HINT, Priority};
use crate::base::limits::INCLUDED_CONTEXTS;
use crate::config::origin::Origin;
use serde_json::{Value, json};
use std::fmt::Write;

/// What to show: everything, one context, or one extension of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown<'a> {
    /// Only this context.
    pub context: Option<&'a str>,
    /// Only extensions that match this.
    pub exten: Option<&'a str>,
}

impl<'a> Shown<'a> {
    /// Reads `[[exten@]context]`.
    pub fn parse(text: &'a str) -> Shown<'a> {
        let given = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        match text.split_once('@') {
            Some((exten, context)) => Shown { context: given(context), exten: given(exten) },
            None => Shown { context: given(text), exten: None },
        }
    }
}

/// Why nothing can be shown; the text is Asterisk's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotThere(pub String);

#[derive(Default)]
struct Counts {
    contexts: usize,
    extensions: usize,
    priorities: usize,
    context_there: bool,
}

/// `Dialplan` as text, line by line as Asterisk prints it; the last context of the file comes first.
pub fn text(plan: &Dialplan, shown: Shown<'_>) -> Result<String, NotThere> {
    let mut out = String::new();
    let mut counts = Counts::default();
    contexts(plan, shown, &mut Vec::new(), &mut counts, &mut out);
    if let Some(context) = shown.context.filter(|_| !counts.context_there) {
        return Err(NotThere(format!("There is no existence of '{context}' context\n")));
    }
    if let Some(exten) = shown.exten.filter(|_| counts.extensions == 0) {
        return Err(NotThere(match shown.context {
            Some(context) => format!("There is no existence of {exten}@{context} extension\n"),
            None => format!("There is no existence of '{exten}' extension in all contexts\n"),
        }));
    }
    let plural = |count: usize, one: &'static str, many: &'static str| if count == 1 { one } else { many };
    line(
        &mut out,
        format_args!(
            "-= {} {} ({} {}) in {} {}. =-",
            counts.extensions,
            plural(counts.extensions, "extension", "extensions"),
            counts.priorities,
            plural(counts.priorities, "priority", "priorities"),
            counts.contexts,
            plural(counts.contexts, "context", "contexts")
        ),
    );
    Ok(out)
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

fn contexts<'a>(
    plan: &'a Dialplan,
    shown: Shown<'a>,
    including: &mut Vec<&'a str>,
    counts: &mut Counts,
    out: &mut String,
) {
    for context in
        plan.contexts().rev().filter(|context| shown.context.is_none_or(|name| *name == *context.name))
    {
        counts.context_there = true;
        one_context(plan, context, shown, including, counts, out);
    }
}

fn one_context<'a>(
    plan: &'a Dialplan,
    context: &'a Context,
    shown: Shown<'a>,
    including: &mut Vec<&'a str>,
    counts: &mut Counts,
    out: &mut String,
) {
    let included = !including.is_empty();
    let matching: Vec<&Extension> = context
        .extensions
        .iter()
        .filter(|extension| shown.exten.is_none_or(|exten| fits(&extension.exten, exten)))
        .collect();
    let headed = shown.exten.is_none() || !matching.is_empty();
    if headed {
        counts.contexts += 1;
        let which = if included { "Included context" } else { "Context" };
        line(out, format_args!("[ {which} '{}' created by 'pbx_config' ]", context.name));
        if context.auto_hints && !included {
            line(out, format_args!("Autohints support enabled"));
        }
    }
    for extension in matching {
        counts.extensions += 1;
        counts.priorities += extension.priorities.len();
        one_extension(plan, extension, out);
    }
    for include in &context.includes {
        if shown.exten.is_none() {
            line(out, format_args!("  Include =>        {:<45} [pbx_config]", format!("'{}'", include.text)));
        } else if including.len() < INCLUDED_CONTEXTS && !including.contains(&&*include.context) {
            including.push(&include.context);
            contexts(plan, Shown { context: Some(&include.context), ..shown }, including, counts, out);
            including.pop();
        }
    }
    for (pattern, _) in &context.ignore_patterns {
        let kept =
            shown.exten.is_none_or(|exten| exten.starts_with(&**pattern) && exten.len() > pattern.len());
        if kept {
            line(out, format_args!("  Ignore pattern => {:<45} [pbx_config]", format!("'{pattern}'")));
        }
    }
    if !included {
        for switch in &context.switches {
            let text = format!("'{}/{}'", switch.name, switch.data);
            line(out, format_args!("  Alt. Switch =>    {text:<45} [pbx_config]"));
        }
    }
    if headed {
        out.push('\n');
    }
}

fn fits(exten: &Exten, asked: &str) -> bool {
    exten.reach(asked, Mode::Match) != Reach::No || **exten.text() == *asked
}

fn one_extension(plan: &Dialplan, extension: &Extension, out: &mut String) {
    for (at, priority) in extension.priorities.iter().enumerate() {
        let left = match (at, &extension.caller) {
            (0, None) => format!("'{}' =>", extension.exten.text()),
            (0, Some(caller)) => format!("'{}' (CID match '{}') => ", extension.exten.text(), caller.text()),
            _ => priority.label.as_ref().map_or_else(String::new, |label| format!("   [{label}]")),
        };
        let place = place(plan, priority.at);
        line(out, format_args!("  {left:<17} {:<45} [{place}]", does(priority)));
    }
}

fn does(priority: &Priority) -> String {
    match priority.number {
        HINT => format!("hint: {}", priority.application),
        number => format!("{number}. {}({})", priority.application, priority.arguments),
    }
}

/// `file:line`, as Asterisk has it; the column stays out.
fn place(plan: &Dialplan, at: Origin) -> String {
    plan.sources.place(Origin { column: 0, ..at }).to_string()
}

/// The same for programs.
pub fn json(plan: &Dialplan, shown: Shown<'_>) -> Value {
    let contexts = plan.contexts().filter(|context| shown.context.is_none_or(|name| *name == *context.name));
    let contexts = contexts.map(|context| {
        let fitting = context.extensions.iter().filter(|e| shown.exten.is_none_or(|exten| fits(&e.exten, exten)));
        let extensions: Vec<Value> = fitting.map(|extension| json_extension(plan, extension)).collect();
        json!({
            "context": &*context.name,
            "autohints": context.auto_hints,
            "extensions": extensions,
            "includes": context.includes.iter().map(|include| json!({
                "context": &*include.context, "text": &*include.text, "at": plan.sources.place(include.at).to_string(),
            })).collect::<Vec<_>>(),
            "switches": context.switches.iter().map(|switch| json!({
                "name": &*switch.name, "data": &*switch.data, "evaluated": switch.evaluated,
            })).collect::<Vec<_>>(),
            "ignorepat": context.ignore_patterns.iter().map(|(pattern, _)| &**pattern).collect::<Vec<_>>(),
        })
    });
    json!({ "contexts": contexts.collect::<Vec<_>>() })
}

fn json_extension(plan: &Dialplan, extension: &Extension) -> Value {
    let priorities = extension.priorities.iter().map(|priority| {
        json!({
            "priority": if priority.number == HINT { json!("hint") } else { json!(priority.number) },
            "label": priority.label.as_deref(),
            "application": &*priority.application,
            "arguments": &*priority.arguments,
            "at": plan.sources.place(priority.at).to_string(),
        })
    });
    json!({
        "extension": &**extension.exten.text(),
        "callerid": extension.caller.as_ref().map(|caller| caller.text().to_string()),
        "priorities": priorities.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::{load, load_with_findings};
    use super::*;

    /// The reference material, where it is there.
    fn recording(name: &str) -> Option<String> {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/recordings");
        std::fs::read_to_string(dir.join(name)).ok()
    }

    /// S4-78: `dialplan show <context>`, byte for byte what Asterisk printed for the same file.
    #[test]
    fn a_context_prints_as_asterisk_printed_it() {
        let (Some(conf), Some(cli)) = (recording("probe/extensions.conf"), recording("cli.txt")) else {
            return;
        };
        let (plan, _) = load_with_findings(&conf);
        let printed =
            cli.split("##### dialplan show probe\n").nth(1).and_then(|rest| rest.split("##### ").next());
        let printed = printed.expect("the recording has it");
        let ours = text(&plan, Shown::parse("probe")).expect("the context exists");
        assert_eq!(ours.trim_end(), printed.trim_end());
    }

    const PLAN: &str = "[a]\nautohints=yes\nexten => 100,1,NoOp()\n same => n(here),Hangup()\nexten => 100/555,1,NoOp()\n\
                        include => b\ninclude => c,09:00-17:00\nignorepat => 9\nswitch => Realtime/x@fam\n\
                        [b]\nexten => _1XX,1,NoOp(b)\ninclude => a\n[c]\n";

    #[test]
    fn everything_shows_with_includes_labels_callers_and_switches() {
        let ours = text(&load(PLAN), Shown::parse("")).expect("there is something");
        let expected = "\
[ Context 'c' created by 'pbx_config' ]

[ Context 'b' created by 'pbx_config' ]
  '_1XX' =>         1. NoOp(b)                                    [extensions.conf:11]
  Include =>        'a'                                           [pbx_config]

[ Context 'a' created by 'pbx_config' ]
Autohints support enabled
  '100' (CID match '555') =>  1. NoOp()                                     [extensions.conf:5]
  '100' =>          1. NoOp()                                     [extensions.conf:3]
     [here]         2. Hangup()                                   [extensions.conf:4]
  Include =>        'b'                                           [pbx_config]
  Include =>        'c,09:00-17:00'                               [pbx_config]
  Ignore pattern => '9'                                           [pbx_config]
  Alt. Switch =>    'Realtime/x@fam'                              [pbx_config]

-= 3 extensions (4 priorities) in 3 contexts. =-
";
        assert_eq!(ours, expected);
    }

    #[test]
    fn one_extension_shows_where_it_is_found_through_includes() {
        let plan = load(PLAN);
        let ours = text(&plan, Shown::parse("100@a")).expect("it exists");
        assert!(ours.contains("[ Included context 'b' created by 'pbx_config' ]\n  '_1XX' =>"), "{ours}");
        assert!(ours.ends_with("-= 5 extensions (7 priorities) in 3 contexts. =-\n"), "{ours}");
        assert!(!text(&plan, Shown::parse("100@c")).is_ok_and(|text| !text.is_empty()), "c includes nothing");
    }

    #[test]
    fn what_is_not_there_is_said_in_asterisks_words() {
        let plan = load(PLAN);
        let not = |what| text(&plan, Shown::parse(what)).unwrap_err().0;
        assert_eq!(not("nope"), "There is no existence of 'nope' context\n");
        assert_eq!(not("999@a"), "There is no existence of 999@a extension\n");
        assert_eq!(not("999@"), "There is no existence of '999' extension in all contexts\n");
    }

    #[test]
    fn json_has_the_same_with_columns() {
        let value = json(&load(PLAN), Shown::parse("a"));
        let context = &value["contexts"][0];
        assert_eq!(context["extensions"][1]["priorities"][1]["label"], "here");
        assert_eq!(context["extensions"][1]["priorities"][0]["at"], "extensions.conf:3:1");
        assert_eq!(context["extensions"][0]["callerid"], "555");
        assert_eq!(context["includes"][1]["text"], "c,09:00-17:00");
        assert_eq!(context["switches"][0]["data"], "x@fam");
    }
}
