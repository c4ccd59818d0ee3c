//! Commands other than PJSIP's: Asterisk's `core`, `dialplan`, `module`, and our own plain ones.

use super::build::{self, Fault};
use super::complete::Names;
use super::lamps;
use super::order::{Scope, ServerOrder, When};
use super::table::{Entry, entry};
use super::{Parsed, build_dialplan, codecs, explain, help};
use crate::admin::shape::{CoreChannels, Layout};
use crate::switch::view::{Command, Kind};

pub(super) static BEFORE_CONFERENCES: &[Entry] = &[
    entry("bridge show all", "", "List all bridges", |c| {
        c.nothing()?;
        c.ask(Command::Bridges, Layout::Bridges)
    }),
    entry(
        "channel originate",
        "<tech/data> application <application> [<data>] | extension [<exten>@][<context>]",
        "Originate a call",
        build_dialplan::originate,
    )
    .helped(&[
        "Calls, and gives who answers to an application or an extension (s@default where none is given).",
    ]),
    entry(
        "channel request hangup",
        "<channel>|all [<cause>]",
        "Request a hangup on a given channel",
        build::hangup,
    )
    .helped(&["Hangs up a channel, or all of them, with a Q.850 cause; 16 (normal) unless one is given."])
    .named(Names::Kind(Kind::Channel)),
];

pub(super) static BEFORE_PJSIP: &[Entry] = &[
    entry("core abort shutdown", "", "Cancel a running shutdown", |c| {
        c.nothing()?;
        c.server(ServerOrder::AbortStop)
    }),
    entry("core reload", "", "Global reload", build::reload_all).helped(&[
        "Reads the whole configuration again. What is wrong is reported and keeps its last good version.",
    ]),
    entry("core restart gracefully", "", "Restart Jackfield gracefully", build::restart).whole(),
    entry("core restart now", "", "Restart Jackfield immediately", build::restart).whole(),
    entry("core restart when convenient", "", "Restart Jackfield at empty call volume", build::restart)
        .whole(),
    entry("core set debug", "[atleast] <level>|off", "Set level of debug chattiness", |c| {
        build::level(c, true)
    })
    .helped(&["Sets the debug level, 0 to 255; 'atleast' only raises it."]),
    entry("core set verbose", "[atleast] <level>|off", "Set level of verboseness", |c| {
        build::level(c, false)
    })
    .helped(&["Sets the verbose level of the console, 0 to 255; 'atleast' only raises it."]),
    entry(
        "core show application",
        "<application>",
        "Describe a dialplan application",
        build_dialplan::application,
    ),
    entry(
        "core show applications",
        "[like <part>]",
        "Show dialplan applications",
        build_dialplan::applications,
    )
    .helped(&["Every application known by name, and whether this version does it."])
    .named(Names::Words(&["like"])),
    entry("core show calls", "", "Display information on calls", |c| {
        c.nothing()?;
        build::core_counts(c, CoreChannels::Calls)
    }),
    entry(
        "core show channels",
        "[concise|verbose|count]",
        "Display information on channels",
        build::core_channels,
    )
    .helped(&["'concise' separates fields by '!', 'verbose' shows more of them, 'count' only counts."])
    .named(Names::Words(&["concise", "verbose", "count"])),
    entry("core show channel", "<channel>", "Display information on a specific channel", build::core_channel)
        .named(Names::Kind(Kind::Channel)),
    entry("core show codecs", "[audio|video|image|text]", "Displays a list of registered codecs", codecs::codecs)
        .helped(&["Every codec that can be allowed, and whether its sound is opened here or passes through."])
        .named(Names::Words(&["audio", "video", "image", "text"])),
    entry("core show function", "<function>", "Describe a dialplan function", build_dialplan::function),
    entry("core show functions", "[like <part>]", "Show dialplan functions", build_dialplan::functions_all)
        .helped(&["Every function known by name, how it can be used, and whether this version does it."])
        .named(Names::Words(&["like"])),
    entry("core show help", "[topic]", "Display help list, or specific help on a command", |c| {
        Ok(Parsed::Text(help::topic(c.rest())))
    })
    .helped(&["With a topic the usage of that command; without one the list of commands."])
    .named(Names::Commands),
    entry("core show hints", "", "Show dialplan hints", |c| {
        c.nothing()?;
        c.ask(Command::Hints, Layout::Hints)
    }),
    entry("core show hint", "<exten>[@<context>]", "Show a dialplan hint", |c| {
        let name = c.only()?.to_owned();
        c.ask(Command::Hints, Layout::Hint { name })
    }),
    entry("core show settings", "", "Show some core settings", |c| {
        c.nothing()?;
        c.server(ServerOrder::CoreSettings)
    }),
    entry("core show translation", "[paths <codec>]", "Display translation matrix", codecs::translation)
        .helped(&["What it costs to turn one codec into another; with 'paths', the steps from one codec to each."])
        .named(Names::Words(&["paths"])),
    entry("core show uptime", "[seconds]", "Show uptime information", |c| match c.rest() {
        [] => c.server(ServerOrder::Uptime { seconds: false }),
        [word] if word.is("seconds") => c.server(ServerOrder::Uptime { seconds: true }),
        _ => Err(Fault::Usage),
    })
    .named(Names::Words(&["seconds"])),
    entry("core show version", "", "Display version info", |c| build::version(c, true)),
    entry("core stop gracefully", "", "Gracefully shut down Jackfield", |c| build::stop(c, When::Gracefully))
        .helped(&["Takes no new calls and ends when the last one has ended."])
        .whole(),
    entry("core stop now", "", "Shut down Jackfield immediately", |c| build::stop(c, When::Now))
        .helped(&["Hangs up every call and ends."])
        .whole(),
    entry("core stop when convenient", "", "Shut down Jackfield at empty call volume", |c| {
        build::stop(c, When::Convenient)
    })
    .helped(&["Goes on taking calls and ends as soon as there is none."])
    .whole(),
    entry("core waitfullybooted", "", "Wait for Jackfield to be fully booted", |c| {
        c.nothing()?;
        c.server(ServerOrder::WaitFullyBooted)
    }),
    entry(
        "database {del|deltree|get|put|show|showkey}",
        "[<family> [<key> [<value>]]]",
        "Read and change the dialplan's database",
        build_dialplan::database,
    )
    .helped(&[
        "show [<family> [<key>]], showkey <key>, get <family> <key>, put <family> <key> <value>,",
        "del <family> <key>, deltree <family> [<key>].",
    ]),
    entry("devstate change", "<device> <state>", "Change a custom device state", lamps::device_state)
        .helped(&[
            "Sets a Custom: device to UNKNOWN, NOT_INUSE, INUSE, BUSY, INVALID, UNAVAILABLE, RINGING, RINGINUSE or ONHOLD.",
        ]),
    entry("devstate list", "", "List currently known custom device states", |c| {
        c.nothing()?;
        c.ask(Command::DeviceStates, Layout::States)
    }),
    entry("dialplan reload", "", "Reload extensions and *only* extensions", |c| {
        c.nothing()?;
        c.server(ServerOrder::Reload { scope: Scope::Dialplan, plan: false })
    }),
    entry("dialplan set {chanvar|global}", "[<channel>] <name> <value>", "Set a variable", |c| {
        build_dialplan::variables(c, true)
    })
    .helped(&["global <name> <value>, chanvar <channel> <name> <value>."]),
    entry("dialplan show {chanvar|globals}", "[<channel>]", "Show variables", |c| {
        build_dialplan::variables(c, false)
    })
    .helped(&["globals, chanvar <channel>."]),
    entry("dialplan show", "[[<extension>@]<context>]", "Show dialplan", build::dialplan_show)
        .helped(&["Extensions of every context, of one, or one extension; with file and line of each step."])
        .named(Names::Contexts),
    entry("explain auth", "<name>", "Say why a name is challenged or refused", explain::auth)
        .helped(&[
            "Which auth objects would be used, which algorithms offered, and what a wrong answer would give.",
        ])
        .named(Names::Kind(Kind::Endpoint)),
    entry(
        "explain direct-media",
        "<channel> | --between <caller> <callee> [--dial-options <options>]",
        "Say why media goes direct or not",
        explain::direct_media,
    )
    .helped(&["Every condition with pass or fail, and which option of which object is behind it."])
    .named(Names::Kind(Kind::Channel)),
    entry("explain subscription", "<endpoint> <exten>", "Say why a lamp is dark", lamps::explain)
        .helped(&["Every condition from the SUBSCRIBE to the NOTIFY: hint, context, devices, and what the phone subscribed to."])
        .named(Names::Kind(Kind::Endpoint)),
    entry(
        "explain identify",
        "--from <uri> --source <address:port> [--header <name: value>]... [--request-uri <uri>]",
        "Say which endpoint a request would be given",
        explain::identify,
    )
    .helped(&[
        "Every identifier in order with what it looked at and what it said.",
        "--packet-hex <digits> judges a whole message instead of one made from the options.",
    ])
    .named(Names::Words(&["--from", "--source", "--header", "--request-uri", "--packet-hex"])),
    entry("trace", "<channel>|<endpoint>|<Call-ID> [messages]", "Draw a call as a ladder", explain::trace)
        .helped(&[
            "The messages of the latest call that the name fits, and the decisions between them.",
            "messages                every message in full below its arrow",
        ])
        .named(Names::Kind(Kind::Channel)),
    entry("features show", "", "Lists configured features", |c| {
        c.nothing()?;
        c.order(Command::Features)
    })
    .helped(&["The codes of features.conf, its applications and groups."]),
    entry("help", "[topic]", "Display help list, or specific help on a command", |c| {
        Ok(Parsed::Text(help::topic(c.rest())))
    })
    .named(Names::Commands),
    entry("logger reload", "", "Reopen the log files", |c| {
        c.nothing()?;
        c.server(ServerOrder::LogReopen)
    }),
    entry("logger rotate", "", "Reopen the log files", |c| {
        c.nothing()?;
        c.server(ServerOrder::LogReopen)
    })
    .helped(&["Files are renamed by the system's log rotation; this opens them again."]),
    entry("mailbox set", "<box>[@<context>] <new> [<old>]", "Set the messages of a mailbox", lamps::set_mailbox)
        .helped(&["What voicemail of another program tells: lamps and message lights follow, and it outlives a restart."]),
    entry("mailbox show", "[<box>[@<context>]]", "Show mailboxes and who is told of them", lamps::mailboxes),
    entry("message send", "<to> <from> <text>...", "Send a SIP MESSAGE", |c| match c.rest() {
        [_, _] | [_] | [] => Err(Fault::Usage),
        [to, from, words @ ..] => {
            let from = if from.text == "-" { String::new() } else { from.text.clone() };
            let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
            c.order(Command::Message { to: to.text.clone(), from, body: text })
        }
    })
    .helped(&["<to> is what MessageSend takes: an endpoint, endpoint/URI or URI. '-' for <from> is the endpoint's own."]),
    entry("module reload", "[<module>]", "Reload configuration for a given module", build::module_reload)
        .helped(&["Reads again what the Asterisk module of that name would; everything without a name."])
        .named(Names::Modules),
    entry("module show", "[like <part>]", "List modules and info", build::module_show)
        .helped(&["Parts of this program under the names of the Asterisk modules that do the same."])
        .named(Names::Words(&["like"])),
    entry("parking show", "[<lot>]", "Displays configuration options of parking lots", |c| {
        let lot = match c.rest() {
            [] => None,
            [lot] => Some(lot.text.clone()),
            _ => return Err(Fault::Usage),
        };
        c.order(Command::Parking { lot })
    })
    .helped(&["Every lot of res_parking.conf; with its name one lot and the calls parked there."]),
];

pub(super) static AFTER_PJSIP: &[Entry] = &[
    entry(
        "presencestate change",
        "<entity> <state>[,<subtype>[,<message>[,<options>]]]",
        "Change a custom presence state",
        lamps::presence_state,
    )
    .helped(&[
        "Sets a CustomPresence: provider to not_set, unavailable, available, away, xa, chat or dnd.",
        "Option e: subtype and message are Base64.",
    ]),
    entry("presencestate list", "", "List currently known custom presence states", |c| {
        c.nothing()?;
        c.ask(Command::PresenceStates, Layout::States)
    }),
    entry("reload", "[--plan]", "Reload the configuration", build::reload_all)
        .helped(&["--plan only says what a reload would change, and what it would refuse."])
        .named(Names::Words(&["--plan"])),
    entry("remove contact", "<aor> {<uri>|--all}", "Forget a registered contact", build::remove_contact)
        .helped(&["Takes a registration away, here and in the store. The device may register again."])
        .named(Names::Kind(Kind::Aor)),
    entry("show acls", "", "Show named access lists", |c| {
        c.nothing()?;
        build::show(c, Kind::Acl)
    }),
    entry("show acl", "<id>", "Show one access list", |c| build::one(c, Kind::Acl)),
    entry("show aors", "[like <pattern>]", "Show aors and their contacts", |c| build::show(c, Kind::Aor)),
    entry("show aor", "<id>", "Show one aor", |c| build::one(c, Kind::Aor)).named(Names::Kind(Kind::Aor)),
    entry("show auths", "[like <pattern>]", "Show auths", |c| build::show(c, Kind::Auth)),
    entry("show auth", "<id>", "Show one auth", |c| build::one(c, Kind::Auth)).named(Names::Kind(Kind::Auth)),
    entry("show bridges", "", "Show bridges", |c| {
        c.nothing()?;
        c.ask(Command::Bridges, Layout::Bridges)
    }),
    entry("show channels", "[like <pattern>]", "Show channels", |c| build::show(c, Kind::Channel)),
    entry("show channel", "<id>", "Show one channel", |c| build::one(c, Kind::Channel))
        .named(Names::Kind(Kind::Channel)),
    entry("show contacts", "[like <pattern>]", "Show contacts", |c| build::show(c, Kind::Contact)),
    entry("show contact", "<aor/uri>", "Show one contact", |c| build::one(c, Kind::Contact))
        .named(Names::Kind(Kind::Contact)),
    entry("show domain_aliases", "", "Show domain aliases", |c| {
        c.nothing()?;
        build::show(c, Kind::DomainAlias)
    }),
    entry("show endpoints", "[like <pattern>]", "Show endpoints and what belongs to them", |c| {
        build::show(c, Kind::Endpoint)
    }),
    entry("show endpoint", "<id>", "Show one endpoint", |c| build::one(c, Kind::Endpoint))
        .named(Names::Kind(Kind::Endpoint)),
    entry("show identifies", "[like <pattern>]", "Show identify sections", |c| {
        build::show(c, Kind::Identify)
    }),
    entry("show identify", "<id>", "Show one identify section", |c| build::one(c, Kind::Identify))
        .named(Names::Kind(Kind::Identify)),
    entry(
        "show publications {inbound|outbound}",
        "",
        "Show publications with other servers",
        lamps::publications,
    ),
    entry("show registrations", "[like <pattern>]", "Show outbound registrations", |c| {
        build::show(c, Kind::Registration)
    }),
    entry("show registration", "<id>", "Show one outbound registration", |c| {
        build::one(c, Kind::Registration)
    })
    .named(Names::Kind(Kind::Registration)),
    entry("show status", "", "Show the server at a glance", |c| {
        c.nothing()?;
        c.ask(Command::Status, Layout::Status)
    }),
    entry("show subscriptions", "[like <pattern>]", "Show inbound subscriptions", |c| {
        build::subscriptions(c, Layout::Subscriptions)
    }),
    entry("show transports", "[like <pattern>]", "Show transports", |c| build::show(c, Kind::Transport)),
    entry("show transport", "<id>", "Show one transport", |c| build::one(c, Kind::Transport))
        .named(Names::Kind(Kind::Transport)),
];
