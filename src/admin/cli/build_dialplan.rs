//! Commands about the dialplan and what it remembers: `channel originate`, `database …`, `dialplan set|show …`,
//! `core show application|function …`.

use super::Parsed;
use super::build::{Built, Call, Fault};
use crate::admin::shape::{Answer, Layout};
use crate::dialplan::{apps, functions};
use crate::switch::call::does;
use crate::switch::view::{Command, DatabaseOrder, OriginateTo, VariableOrder};
use std::fmt::Write as _;

/// `channel originate <tech/data> application <app> [data]`, `… extension [<exten>@][<context>]`.
pub(super) fn originate(call: &Call<'_>) -> Built {
    let [channel, kind, rest @ ..] = call.rest() else { return Err(Fault::Usage) };
    let Some((technology, resource)) = channel.text.split_once('/') else { return Err(Fault::Usage) };
    let to = match rest {
        [name, data @ ..] if kind.is("application") => {
            // As typed: an application's arguments may have blanks in them.
            let data = data.first().map_or("", |first| &call.line[first.start.min(call.line.len())..]);
            OriginateTo::Application { name: name.text.clone(), data: data.to_owned() }
        }
        [] if kind.is("extension") => extension(""),
        [place] if kind.is("extension") => extension(&place.text),
        _ => return Err(Fault::Usage),
    };
    call.order(Command::Originate { technology: technology.to_owned(), resource: resource.to_owned(), to })
}

/// `[exten@][context]`, by default `s@default`.
fn extension(place: &str) -> OriginateTo {
    let (exten, context) = place.split_once('@').unwrap_or((place, ""));
    let or = |text: &str, otherwise: &str| if text.is_empty() { otherwise } else { text }.to_owned();
    OriginateTo::Extension { context: or(context, "default"), exten: or(exten, "s"), priority: 1 }
}

/// `database show [family [key]]`, `showkey`, `get`, `put`, `del`, `deltree`.
pub(super) fn database(call: &Call<'_>) -> Built {
    let words: Vec<&str> = call.rest().iter().map(|word| &*word.text).collect();
    let joined = |words: &[&str]| words.join("/");
    let order = match (call.choice, &words[..]) {
        ("show", some @ ([] | [_] | [_, _])) => DatabaseOrder::Show { prefix: joined(some) },
        ("showkey", [key]) => DatabaseOrder::ShowKey { key: (*key).to_owned() },
        ("get", key @ [_, _]) => DatabaseOrder::Get { key: joined(key) },
        ("put", [family, key, value]) => {
            DatabaseOrder::Put { key: format!("{family}/{key}"), value: (*value).to_owned() }
        }
        ("del", key @ [_, _]) => DatabaseOrder::Delete { key: joined(key) },
        ("deltree", some @ ([_] | [_, _])) => DatabaseOrder::DeleteTree { prefix: joined(some) },
        _ => return Err(Fault::Usage),
    };
    call.order(Command::Database(order))
}

/// `dialplan show globals|chanvar X`, `dialplan set global|chanvar …`.
pub(super) fn variables(call: &Call<'_>, set: bool) -> Built {
    let words: Vec<&str> = call.rest().iter().map(|word| &*word.text).collect();
    let own = |text: &str| text.to_owned();
    let order = match (set, call.choice, &words[..]) {
        (false, "globals", []) => VariableOrder::ShowGlobals,
        (false, "chanvar", [channel]) => VariableOrder::ShowChannel { channel: own(channel) },
        (true, "global", [name, value]) => VariableOrder::SetGlobal { name: own(name), value: own(value) },
        (true, "chanvar", [channel, name, value]) => {
            VariableOrder::SetChannel { channel: own(channel), name: own(name), value: own(value) }
        }
        _ => return Err(Fault::Usage),
    };
    call.ask(Command::Variables(order), Layout::Order)
}

fn does_application(app: &apps::App) -> bool {
    !app.is_later() || does(app.name)
}

fn does_function(function: &functions::Function) -> bool {
    !function.needs_host() || does(function.name)
}

const UNDONE: &str = "known by name, not done by this version";

/// `core show applications [like X]`
pub(super) fn applications(call: &Call<'_>) -> Built {
    let like = part(call)?;
    let mut text = String::from("    -= Registered Asterisk Applications =-\n");
    let wanted = |app: &&apps::App| app.name.to_ascii_lowercase().contains(&like);
    let mut count = 0;
    for app in apps::all().iter().filter(wanted) {
        count += 1;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:>20}: {}", app.name, if does_application(app) { "done" } else { UNDONE });
    }
    let _ = writeln!(text, "    -= {count} Applications Registered =-");
    Ok(Parsed::Text(Answer::good(text)))
}

/// `core show application X`
pub(super) fn application(call: &Call<'_>) -> Built {
    let name = call.only()?;
    let Some(app) = apps::find(name) else {
        let text = format!("Your application(s) is (are) not registered{}", apps::nearest(name));
        return Err(Fault::Failed(text));
    };
    let (least, most) = app.arguments;
    let mut text = format!("\n  -= Info about Application '{}' =- \n\n", app.name);
    let _ = writeln!(text, "[State]\n{}\n", if does_application(app) { "done" } else { UNDONE });
    let most = if most > 90 { "any number".to_owned() } else { most.to_string() };
    let _ = writeln!(text, "[Arguments]\nat least {least}, at most {most}, separated by commas\n");
    if let Some((argument, letters)) = app.options {
        let done = |letter: &char| does(&format!("{}({letter})", app.name));
        let undone: String = letters.chars().filter(|letter| app.name == "Dial" && !done(letter)).collect();
        let _ = writeln!(text, "[Options] (argument {})\n{letters}\n", argument + 1);
        if !undone.is_empty() {
            let _ = writeln!(text, "Not obeyed by this version: {undone}\n");
        }
    }
    if let Some((variable, failed)) = app.status {
        let _ = writeln!(text, "[Status]\n{variable}; {failed} after a failure\n");
    }
    Ok(Parsed::Text(Answer::good(text)))
}

/// `core show functions [like X]`
pub(super) fn functions_all(call: &Call<'_>) -> Built {
    let like = part(call)?;
    let mut text = String::from("Installed Custom Functions:\n");
    text.push_str(&"-".repeat(80));
    text.push('\n');
    let mut count = 0;
    for function in functions::all().iter().filter(|f| f.name.to_ascii_lowercase().contains(&like)) {
        count += 1;
        let access = access(function);
        let state = if does_function(function) { "done" } else { UNDONE };
        let _ = writeln!(text, "{:<26}  {access:<12}  {state}", function.name);
    }
    let _ = writeln!(
        text,
        "{count} {}custom functions installed.",
        if like.is_empty() { "" } else { "matching " }
    );
    Ok(Parsed::Text(Answer::good(text)))
}

fn access(function: &functions::Function) -> &'static str {
    match (function.is_readable(), function.is_writable()) {
        (true, true) => "read, write",
        (true, false) => "read",
        _ => "write",
    }
}

/// `core show function X`
pub(super) fn function(call: &Call<'_>) -> Built {
    let name = call.only()?.to_ascii_uppercase();
    let Some(function) = functions::find(&name) else {
        let text = format!("No function by that name registered.{}", functions::nearest(&name));
        return Err(Fault::Failed(text));
    };
    let mut text = format!("\n  -= Info about function '{}' =- \n\n", function.name);
    let _ = writeln!(text, "[State]\n{}\n", if does_function(function) { "done" } else { UNDONE });
    let _ = writeln!(text, "[Access]\n{}\n", access(function));
    if !function.first.is_empty() {
        let _ = writeln!(text, "[First argument]\n{}\n", function.first.join(" "));
    }
    Ok(Parsed::Text(Answer::good(text)))
}

/// `[like X]`, X anywhere in the name.
fn part(call: &Call<'_>) -> Result<String, Fault> {
    match call.rest() {
        [] => Ok(String::new()),
        [like, part] if like.is("like") => Ok(part.text.to_ascii_lowercase()),
        _ => Err(Fault::Usage),
    }
}
