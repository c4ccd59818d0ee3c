//! From a matched line to what it means.

use super::modules::{MODULES, Reload, reload};
use super::order::{Scope, ServerOrder, When};
use super::words::Word;
use super::{Parsed, history_filter};
use crate::admin::shape::{Answer, CoreChannels, Format, Layout, Like, Pick, Shape};
use crate::admin::text;
use crate::switch::view::{Command, HistoryOrder, Kind, Logger, NotifyTarget};

/// A line whose command is known.
pub(super) struct Call<'a> {
    /// As typed, without `--json`.
    pub line: &'a str,
    /// All its words.
    pub words: &'a [Word],
    /// How many are the command's name.
    pub used: usize,
    /// Which of the name's `{a|b}` was typed.
    pub choice: &'static str,
    /// Text or JSON.
    pub format: Format,
}

/// Why a line cannot be carried out.
#[derive(Debug)]
pub(super) enum Fault {
    /// Print the usage.
    Usage,
    /// A sentence; `Command '…' failed.` follows it.
    Failed(String),
}

pub(super) type Built = Result<Parsed, Fault>;

impl Call<'_> {
    /// The words behind the name.
    pub fn rest(&self) -> &[Word] {
        &self.words[self.used..]
    }

    /// A single argument, which must be the only one.
    pub fn only(&self) -> Result<&str, Fault> {
        match self.rest() {
            [word] => Ok(&word.text),
            _ => Err(Fault::Usage),
        }
    }

    /// No argument.
    pub fn nothing(&self) -> Result<(), Fault> {
        if self.rest().is_empty() { Ok(()) } else { Err(Fault::Usage) }
    }

    pub fn shape(&self, layout: Layout, like: Option<Like>) -> Shape {
        Shape { line: self.line.to_owned(), layout, like, format: self.format }
    }

    pub fn ask(&self, command: Command, layout: Layout) -> Built {
        Ok(Parsed::Ask(vec![command], self.shape(layout, None)))
    }

    /// An order whose reply is a sentence.
    pub fn order(&self, command: Command) -> Built {
        self.ask(command, Layout::Order)
    }

    pub fn server(&self, order: ServerOrder) -> Built {
        Ok(Parsed::Server(order, self.shape(Layout::Order, None)))
    }

    /// `[like PATTERN]`.
    pub fn like(&self) -> Result<Option<Like>, Fault> {
        match self.rest() {
            [] => Ok(None),
            [like, pattern] if like.is("like") => Like::new(&pattern.text).map(Some).map_err(Fault::Failed),
            _ => Err(Fault::Usage),
        }
    }
}

/// `pjsip list …`.
pub(super) fn list(call: &Call<'_>, kind: Kind) -> Built {
    let shape = call.shape(Layout::List(kind), call.like()?);
    Ok(Parsed::Ask(vec![Command::Show { kind, name: None }], shape))
}

/// `pjsip show …s`.
pub(super) fn show(call: &Call<'_>, kind: Kind) -> Built {
    let shape = call.shape(Layout::Show(kind), call.like()?);
    Ok(Parsed::Ask(vec![Command::Show { kind, name: None }], shape))
}

/// `pjsip show … X`.
pub(super) fn one(call: &Call<'_>, kind: Kind) -> Built {
    match call.rest() {
        [] => Err(Fault::Failed("No object specified.".into())),
        [name] => {
            let name = name.text.clone();
            // Our plain words begin with `show`, Asterisk's with `pjsip`.
            let notes = call.words.first().is_some_and(|word| word.is("show"));
            call.ask(Command::Show { kind, name: Some(name.clone()) }, Layout::One { kind, name, notes })
        }
        _ => Err(Fault::Usage),
    }
}

/// `pjsip show qualify {endpoint|aor} X`.
pub(super) fn show_qualify(call: &Call<'_>, kind: Kind) -> Built {
    let name = call.only()?.to_owned();
    call.ask(Command::Show { kind, name: Some(name) }, Layout::Qualify)
}

/// `pjsip reload qualify {endpoint|aor} X`.
pub(super) fn reload_qualify(call: &Call<'_>, endpoint: bool) -> Built {
    let name = call.only()?.to_owned();
    call.server(ServerOrder::Reload { scope: Scope::Qualify { name, endpoint }, plan: false })
}

/// `pjsip show settings`: both objects.
pub(super) fn settings(call: &Call<'_>) -> Built {
    call.nothing()?;
    let ask = |kind| Command::Show { kind, name: None };
    Ok(Parsed::Ask(vec![ask(Kind::Global), ask(Kind::System)], call.shape(Layout::Settings, None)))
}

/// `pjsip show history [entry N | where …]`.
pub(super) fn show_history(call: &Call<'_>) -> Built {
    let pick = match call.rest() {
        [] => Pick::All,
        [entry, number] if entry.is("entry") => match number.text.parse() {
            Ok(number) => Pick::Entry(number),
            Err(_) => return Err(Fault::Failed(format!("'{}' is not a valid entry number", number.text))),
        },
        [place, _, ..] if place.is("where") => {
            let filter = history_filter::Filter::parse(&call.line[place.end..]).map_err(Fault::Failed)?;
            Pick::Where(filter)
        }
        _ => return Err(Fault::Usage),
    };
    call.ask(Command::ShowHistory, Layout::History(pick))
}

/// `pjsip set history {on|off|clear}`.
pub(super) fn set_history(call: &Call<'_>) -> Built {
    call.nothing()?;
    call.order(Command::History(match call.choice {
        "on" => HistoryOrder::On,
        "off" => HistoryOrder::Off,
        _ => HistoryOrder::Clear,
    }))
}

/// `pjsip set logger {on|off|host|add|method|methodadd|verbose|pcap}`.
pub(super) fn set_logger(call: &Call<'_>) -> Built {
    if matches!(call.choice, "on" | "off") {
        call.nothing()?;
        return call.order(Command::Logger(if call.choice == "on" { Logger::On } else { Logger::Off }));
    }
    let value = call.only()?.to_owned();
    match call.choice {
        "host" | "add" => {
            call.order(Command::Logger(Logger::Host { host: value, add: call.choice == "add" }))
        }
        "method" | "methodadd" => {
            let method = value.to_ascii_uppercase();
            call.order(Command::Logger(Logger::Method { method, add: call.choice == "methodadd" }))
        }
        "verbose" if value.eq_ignore_ascii_case("on") => call.server(ServerOrder::LoggerVerbose(true)),
        "verbose" if value.eq_ignore_ascii_case("off") => call.server(ServerOrder::LoggerVerbose(false)),
        "pcap" => call.server(ServerOrder::LoggerPcap { file: value }),
        _ => Err(Fault::Usage),
    }
}

/// `pjsip set maintenance {on|off} X`.
pub(super) fn set_maintenance(call: &Call<'_>) -> Built {
    match call.rest() {
        [switch, endpoint] if switch.is("on") || switch.is("off") => {
            call.order(Command::Maintenance { endpoint: endpoint.text.clone(), on: switch.is("on") })
        }
        _ => Err(Fault::Usage),
    }
}

/// `security unban {X|all}`.
pub(super) fn unban(call: &Call<'_>) -> Built {
    let source = match call.only()? {
        "all" => None,
        address => Some(address.parse().map_err(|_| Fault::Usage)?),
    };
    call.order(Command::Unban { source })
}

/// `pjsip show maintenance [X]`.
pub(super) fn show_maintenance(call: &Call<'_>) -> Built {
    let endpoint = match call.rest() {
        [] => None,
        [name] => Some(name.text.clone()),
        _ => return Err(Fault::Usage),
    };
    call.ask(Command::ShowMaintenance { endpoint }, Layout::Maintenance)
}

/// `pjsip send {register|unregister} X`.
pub(super) fn register(call: &Call<'_>, on: bool) -> Built {
    call.order(Command::Register { registration: call.only()?.to_owned(), on })
}

/// `pjsip send notify TYPE {endpoint|uri|channel} X [X…]`.
pub(super) fn notify(call: &Call<'_>) -> Built {
    let [kind, target, names @ ..] = call.rest() else { return Err(Fault::Usage) };
    if names.is_empty() {
        return Err(Fault::Usage);
    }
    let names = names.iter().map(|word| word.text.clone()).collect();
    let to = match target.text.to_ascii_lowercase().as_str() {
        "endpoint" => NotifyTarget::Endpoints(names),
        "uri" => NotifyTarget::Uris(names),
        "channel" => NotifyTarget::Channels(names),
        _ => return Err(Fault::Usage),
    };
    call.order(Command::Notify { kind: kind.text.clone(), to })
}

/// `pjsip {show|list} subscriptions {inbound|outbound} [like]`; both words may be missing in the plain form.
pub(super) fn subscriptions(call: &Call<'_>, layout: Layout) -> Built {
    let command = Command::Subscriptions { outbound: call.choice == "outbound" };
    Ok(Parsed::Ask(vec![command], call.shape(layout, call.like()?)))
}

/// `pjsip show subscription {inbound|outbound} CALLID`.
pub(super) fn subscription(call: &Call<'_>) -> Built {
    let call_id = call.only()?.to_owned();
    call.ask(Command::Subscriptions { outbound: call.choice == "outbound" }, Layout::Subscription { call_id })
}

/// `channel request hangup <channel>|all [<cause>]`.
pub(super) fn hangup(call: &Call<'_>) -> Built {
    let (channel, cause) = match call.rest() {
        [channel] => (channel, 16),
        [channel, cause] => (channel, cause.text.parse().map_err(|_| Fault::Usage)?),
        _ => return Err(Fault::Usage),
    };
    let channel = (!channel.is("all")).then(|| channel.text.clone());
    call.ask(Command::Hangup { channel, cause }, Layout::Order)
}

/// `core show channels [concise|verbose|count]`.
pub(super) fn core_channels(call: &Call<'_>) -> Built {
    let form = match call.rest() {
        [] => CoreChannels::Table,
        [form] if form.is("concise") => CoreChannels::Concise,
        [form] if form.is("verbose") => CoreChannels::Verbose,
        [form] if form.is("count") => CoreChannels::Count,
        _ => return Err(Fault::Usage),
    };
    core_counts(call, form)
}

/// The channels, and the status for the count of calls so far.
pub(super) fn core_counts(call: &Call<'_>, form: CoreChannels) -> Built {
    let commands = vec![Command::Show { kind: Kind::Channel, name: None }, Command::Status];
    Ok(Parsed::Ask(commands, call.shape(Layout::CoreChannels(form), None)))
}

/// `core show channel X`.
pub(super) fn core_channel(call: &Call<'_>) -> Built {
    let name = call.only()?.to_owned();
    call.ask(Command::Show { kind: Kind::Channel, name: Some(name.clone()) }, Layout::CoreChannel { name })
}

/// `core set {verbose|debug} [atleast] N`.
pub(super) fn level(call: &Call<'_>, debug: bool) -> Built {
    let (word, at_least) = match call.rest() {
        [level] => (level, false),
        [word, level] if word.is("atleast") => (level, true),
        _ => return Err(Fault::Usage),
    };
    let level = if word.is("off") { 0 } else { word.text.parse().map_err(|_| Fault::Usage)? };
    call.server(match debug {
        true => ServerOrder::Debug { level, at_least },
        false => ServerOrder::Verbose { level, at_least },
    })
}

/// `core stop {now|gracefully|when convenient}`.
pub(super) fn stop(call: &Call<'_>, when: When) -> Built {
    call.nothing()?;
    call.server(ServerOrder::Stop(when))
}

/// `core restart …`: refused, with the way that works.
pub(super) fn restart(_: &Call<'_>) -> Built {
    Err(Fault::Failed(
        "Jackfield does not restart itself: 'core stop gracefully' ends it, and its service manager starts it again \
         (systemctl restart jackfield). 'core reload' takes over a changed configuration without a restart."
            .into(),
    ))
}

/// `core reload`, `reload [--plan]`.
pub(super) fn reload_all(call: &Call<'_>) -> Built {
    let plan = match call.rest() {
        [] => false,
        [word] if word.text == "--plan" => true,
        _ => return Err(Fault::Usage),
    };
    call.server(ServerOrder::Reload { scope: Scope::All, plan })
}

/// `module reload [X]`.
pub(super) fn module_reload(call: &Call<'_>) -> Built {
    let scope = match call.rest() {
        [] => Scope::All,
        [name] => match reload(&name.text) {
            Reload::Scope(scope) => scope,
            Reload::Unsupported => {
                let text = format!("The module '{}' does not support reloads.\n", name.text);
                return Ok(Parsed::Text(Answer::bad(text)));
            }
            Reload::Unknown => {
                return Ok(Parsed::Text(Answer::bad(format!("No such module '{}'\n", name.text))));
            }
        },
        _ => return Err(Fault::Usage),
    };
    call.server(ServerOrder::Reload { scope, plan: false })
}

/// `module show [like X]`.
pub(super) fn module_show(call: &Call<'_>) -> Built {
    let like = match call.rest() {
        [] => None,
        [like, part] if like.is("like") => Some(part.text.as_str()),
        _ => return Err(Fault::Usage),
    };
    Ok(Parsed::Text(Answer::good(text::modules(MODULES, like))))
}

/// `dialplan show [[EXTEN@]CONTEXT]`.
pub(super) fn dialplan_show(call: &Call<'_>) -> Built {
    let (extension, context) = match call.rest() {
        [] => (None, None),
        [word] => match word.text.split_once('@') {
            Some((extension, "")) => (Some(extension.to_owned()), None),
            Some((extension, context)) => (Some(extension.to_owned()), Some(context.to_owned())),
            None => (None, Some(word.text.clone())),
        },
        _ => return Err(Fault::Usage),
    };
    call.ask(Command::Dialplan { context, exten: extension }, Layout::Dialplan)
}

/// `pjsip show scheduled_tasks [like X]`, without regard to case as Asterisk has it here.
pub(super) fn scheduled_tasks(call: &Call<'_>) -> Built {
    call.server(ServerOrder::ScheduledTasks { like: any_case(call)? })
}

/// `pjsip show transport-monitors [like X]`, likewise.
pub(super) fn transport_monitors(call: &Call<'_>) -> Built {
    call.server(ServerOrder::TransportMonitors { like: any_case(call)? })
}

fn any_case(call: &Call<'_>) -> Result<Option<Like>, Fault> {
    match call.rest() {
        [] => Ok(None),
        [like, pattern] if like.is("like") => Like::any_case(&pattern.text).map(Some).map_err(Fault::Failed),
        _ => Err(Fault::Usage),
    }
}

/// `pjsip show version` and `core show version`.
pub(super) fn version(call: &Call<'_>, core: bool) -> Built {
    call.nothing()?;
    let version = env!("CARGO_PKG_VERSION");
    let text = match core {
        true => format!("Jackfield {version} on a {} running {}\n", std::env::consts::ARCH, system()),
        false => format!("PJPROJECT version currently running against: none (Jackfield {version})\n"),
    };
    Ok(Parsed::Text(Answer::good(text)))
}

fn system() -> &'static str {
    match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "Darwin",
        other => other,
    }
}

/// `remove contact AOR [URI]`: our own.
pub(super) fn remove_contact(call: &Call<'_>) -> Built {
    let (aor, uri) = match call.rest() {
        [aor, all] if all.text == "--all" => (aor.text.clone(), None),
        [aor, uri] => (aor.text.clone(), Some(uri.text.clone())),
        _ => return Err(Fault::Usage),
    };
    call.order(Command::RemoveContact { aor, uri })
}
