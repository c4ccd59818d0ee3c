//! Every command, once: here those of PJSIP; the others in [`super::table_core`]. The order is that of
//! `core show help`.

use super::build::{self, Built, Call};
use super::complete::Names;
use super::conferences;
use super::lamps;
use super::table_core::{AFTER_PJSIP, BEFORE_CONFERENCES, BEFORE_PJSIP};
use super::voicemail;
use crate::admin::shape::Layout;
use crate::switch::view::{Command, Kind};

/// One command.
pub(super) struct Entry {
    /// Its words: literal, `{a|b}` for one of several, `[like]` for what may follow.
    pub name: &'static str,
    /// What follows, for the usage.
    pub args: &'static str,
    /// One line for the list of commands.
    pub summary: &'static str,
    /// What the usage says beneath its first line.
    pub help: &'static [&'static str],
    /// What completes the word behind the name.
    pub names: Names,
    /// Whether its words must be whole: commands that end something.
    pub whole_words: bool,
    /// What a line means.
    pub build: fn(&Call<'_>) -> Built,
}

impl Entry {
    /// The words a line must begin with.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.name.split(' ').filter(|word| !word.starts_with('['))
    }

    /// The same, with help beneath the usage.
    pub const fn helped(mut self, help: &'static [&'static str]) -> Entry {
        self.help = help;
        self
    }

    /// The same, completed by names.
    pub const fn named(mut self, names: Names) -> Entry {
        self.names = names;
        self
    }

    /// The same, never abbreviated.
    pub const fn whole(mut self) -> Entry {
        self.whole_words = true;
        self
    }
}

pub(super) const fn entry(
    name: &'static str,
    args: &'static str,
    summary: &'static str,
    build: fn(&Call<'_>) -> Built,
) -> Entry {
    Entry { name, args, summary, help: &[], names: Names::None, whole_words: false, build }
}

/// Every command in the order of the help.
pub(super) fn entries() -> impl Iterator<Item = &'static Entry> {
    let before = BEFORE_CONFERENCES.iter().chain(conferences::ENTRIES).chain(BEFORE_PJSIP);
    before.chain(PJSIP).chain(AFTER_PJSIP).chain(voicemail::ENTRIES)
}

const LIKE: &str = "[like <pattern>]";
const FILTERED: &[&str] = &["An optional regular expression keeps only the objects whose id matches."];

static PJSIP: &[Entry] = &[
    entry("pjsip list aors", LIKE, "List PJSIP Aors", |c| build::list(c, Kind::Aor)).helped(FILTERED),
    entry("pjsip list auths", LIKE, "List PJSIP Auths", |c| build::list(c, Kind::Auth)).helped(FILTERED),
    entry("pjsip list channels", LIKE, "List PJSIP Channels", |c| build::list(c, Kind::Channel)).helped(FILTERED),
    entry("pjsip list contacts", LIKE, "List PJSIP Contacts", |c| build::list(c, Kind::Contact)).helped(FILTERED),
    entry("pjsip list endpoints", LIKE, "List PJSIP Endpoints", |c| build::list(c, Kind::Endpoint)).helped(FILTERED),
    entry("pjsip list identifies", LIKE, "List PJSIP Identifies", |c| build::list(c, Kind::Identify)).helped(FILTERED),
    entry("pjsip list registrations", LIKE, "List PJSIP Registrations", |c| build::list(c, Kind::Registration))
        .helped(FILTERED),
    entry(
        "pjsip list subscriptions {inbound|outbound} [like]",
        "<pattern>",
        "List active inbound/outbound subscriptions",
        |c| build::subscriptions(c, Layout::SubscriptionList),
    )
    .helped(&["An optional regular expression is matched with the printed text of each."]),
    entry("pjsip list transports", LIKE, "List PJSIP Transports", |c| build::list(c, Kind::Transport))
        .helped(FILTERED),
    entry("pjsip qualify", "<endpoint>", "Send an OPTIONS request to a PJSIP endpoint", |c| {
        c.order(Command::Qualify { endpoint: c.only()?.to_owned() })
    })
    .helped(&["Sends OPTIONS to every contact of the endpoint now."])
    .named(Names::Kind(Kind::Endpoint)),
    entry("pjsip reload qualify aor", "<id>", "Synchronize the PJSIP Aor qualify options", |c| {
        build::reload_qualify(c, false)
    })
    .helped(&["Reads the qualify options of the aor again."])
    .named(Names::Kind(Kind::Aor)),
    entry(
        "pjsip reload qualify endpoint",
        "<id>",
        "Synchronize the qualify options for all Aors on the PJSIP endpoint",
        |c| build::reload_qualify(c, true),
    )
    .helped(&["Reads the qualify options of the endpoint's aors again."])
    .named(Names::Kind(Kind::Endpoint)),
    entry("pjsip send notify", "<type> {endpoint|uri|channel} <name> [<name>...]", "Send a NOTIFY", build::notify)
        .helped(&["Sends the NOTIFY that section <type> of pjsip_notify.conf describes."]),
    entry("pjsip send register", "<registration>|*all", "Registers an outbound registration target", |c| {
        build::register(c, true)
    })
    .helped(&["Unregisters the target and registers it again at once; *all for every target."])
    .named(Names::Kind(Kind::Registration)),
    entry("pjsip send unregister", "<registration>|*all", "Unregisters outbound registration target", |c| {
        build::register(c, false)
    })
    .helped(&["Unregisters the target and stops its periodic registration."])
    .named(Names::Kind(Kind::Registration)),
    entry("pjsip set history {on|off|clear}", "", "Enable/Disable PJSIP History", build::set_history).helped(&[
        "Starts or stops keeping messages in memory, or forgets those kept.",
        "Stopping keeps what is there. The oldest go when the ring is full.",
    ]),
    entry(
        "pjsip set logger {on|off|host|add|method|methodadd|verbose|pcap}",
        "[<argument>]",
        "Enable/Disable PJSIP Logger Output",
        build::set_logger,
    )
    .helped(&[
        "on|off                  print every SIP message, or none",
        "host <address>          only messages to or from this address or network",
        "add <address>           this one too",
        "method <method>         only messages of this method",
        "methodadd <method>      this one too",
        "verbose on|off          whether they go to the verbose log",
        "pcap <file>             write them to a capture file as well",
    ]),
    entry("pjsip set maintenance", "{on|off} {<endpoint>|all}", "Set PJSIP endpoint maintenance mode", |c| {
        build::set_maintenance(c)
    })
    .helped(&["An endpoint in maintenance gets 503 for new requests; calls that are up go on."]),
    entry("pjsip show aors", LIKE, "Show PJSIP Aors", |c| build::show(c, Kind::Aor)).helped(FILTERED),
    entry("pjsip show aor", "<id>", "Show PJSIP Aor", |c| build::one(c, Kind::Aor))
        .helped(&["Show the configured PJSIP Aor"])
        .named(Names::Kind(Kind::Aor)),
    entry("pjsip show auths", LIKE, "Show PJSIP Auths", |c| build::show(c, Kind::Auth)).helped(FILTERED),
    entry("pjsip show auth", "<id>", "Show PJSIP Auth", |c| build::one(c, Kind::Auth))
        .helped(&["Show the configured PJSIP Auth"])
        .named(Names::Kind(Kind::Auth)),
    entry("pjsip show channels", LIKE, "Show PJSIP Channels", |c| build::show(c, Kind::Channel))
        .helped(&["An optional regular expression is matched with the channel's name or application."]),
    entry("pjsip show channel", "<id>", "Show PJSIP Channel", |c| build::one(c, Kind::Channel))
        .helped(&["List the active PJSIP channel"])
        .named(Names::Kind(Kind::Channel)),
    entry("pjsip show channelstats", LIKE, "Show PJSIP Channel Stats", |c| {
        let shape = c.shape(Layout::ChannelStats, c.like()?);
        Ok(super::Parsed::Ask(vec![Command::ChannelStats], shape))
    })
    .helped(&["RTP counters of each channel; partners of one bridge stand together."]),
    entry("pjsip show contacts", LIKE, "Show PJSIP Contacts", |c| build::show(c, Kind::Contact)).helped(FILTERED),
    entry("pjsip show contact", "<id>", "Show PJSIP Contact", |c| build::one(c, Kind::Contact))
        .helped(&["Show the configured PJSIP contact; its id is aor/uri."])
        .named(Names::Kind(Kind::Contact)),
    entry("pjsip show endpoints", LIKE, "Show PJSIP Endpoints", |c| build::show(c, Kind::Endpoint)).helped(FILTERED),
    entry("pjsip show endpoint", "<id>", "Show PJSIP Endpoint", |c| build::one(c, Kind::Endpoint))
        .helped(&["Show the configured PJSIP endpoint"])
        .named(Names::Kind(Kind::Endpoint)),
    entry("pjsip show history", "[entry <number>|where <expression>]", "Display PJSIP History", build::show_history)
        .helped(&[
            "Without argument every message kept, one line each; a single one in full.",
            "Fields: number, timestamp, addr, sip.msg.request.method, sip.msg.call-id",
            "Operators: = != < > <= >= like, and, or, not, parentheses",
            "Example: pjsip show history where number > 5 and (addr = \"192.168.0.3:5060\" or addr = 192.168.0.5)",
        ]),
    entry("pjsip show identifiers", "", "List registered endpoint identifiers", |c| {
        c.nothing()?;
        c.ask(Command::Identifiers, Layout::Identifiers)
    })
    .helped(&["Names of the endpoint identifiers in the order they are tried."]),
    entry("pjsip show identifies", LIKE, "Show PJSIP Identifies", |c| build::show(c, Kind::Identify)).helped(FILTERED),
    entry("pjsip show identify", "<id>", "Show PJSIP Identify", |c| build::one(c, Kind::Identify))
        .helped(&["Show the configured PJSIP Identify"])
        .named(Names::Kind(Kind::Identify)),
    entry("pjsip show maintenance", "[<endpoint>]", "Show PJSIP endpoint maintenance status", build::show_maintenance)
        .named(Names::Kind(Kind::Endpoint)),
    entry("pjsip show qualify aor", "<id>", "Show the PJSIP Aor current qualify options", |c| {
        build::show_qualify(c, Kind::Aor)
    })
    .named(Names::Kind(Kind::Aor)),
    entry(
        "pjsip show qualify endpoint",
        "<id>",
        "Show the current qualify options for all Aors on the PJSIP endpoint",
        |c| build::show_qualify(c, Kind::Endpoint),
    )
    .named(Names::Kind(Kind::Endpoint)),
    entry(
        "pjsip show publications {inbound|outbound}",
        "",
        "Show publications of other servers here, or ours elsewhere",
        lamps::publications,
    ),
    entry("pjsip show registrations", LIKE, "Show PJSIP Registrations", |c| build::show(c, Kind::Registration))
        .helped(FILTERED),
    entry("pjsip show registration", "<id>", "Show PJSIP Registration", |c| build::one(c, Kind::Registration))
        .helped(&["Show the configured PJSIP Registration"])
        .named(Names::Kind(Kind::Registration)),
    entry("pjsip show scheduled_tasks", LIKE, "Show pjsip scheduled tasks", build::scheduled_tasks),
    entry("pjsip show settings", "", "Show global and system configuration options", build::settings),
    entry("pjsip show subscription {inbound|outbound}", "<call-id>", "Show active subscription details", |c| {
        build::subscription(c)
    })
    .named(Names::Subscriptions),
    entry(
        "pjsip show subscriptions {inbound|outbound} [like]",
        "<pattern>",
        "Show active inbound/outbound subscriptions",
        |c| build::subscriptions(c, Layout::Subscriptions),
    )
    .helped(&["An optional regular expression is matched with the printed text of each."]),
    entry("pjsip show transport-monitors", LIKE, "Show pjsip transport monitors", build::transport_monitors),
    entry("pjsip show transports", LIKE, "Show PJSIP Transports", |c| build::show(c, Kind::Transport))
        .helped(FILTERED),
    entry("pjsip show transport", "<id>", "Show PJSIP Transport", |c| build::one(c, Kind::Transport))
        .helped(&["Show the configured PJSIP Transport"])
        .named(Names::Kind(Kind::Transport)),
    entry("pjsip show unidentified_requests", "", "Show PJSIP Unidentified Requests", |c| {
        c.nothing()?;
        c.ask(Command::UnidentifiedRequests, Layout::Unidentified)
    })
    .helped(&["Sources whose requests matched no endpoint."]),
    entry("security show bans", "", "Show sources that are barred", |c| {
        c.nothing()?;
        c.ask(Command::Bans, Layout::Bans)
    })
    .helped(&["What barred each, for how long still, and how many packets of it were dropped. See jackfield.conf."]),
    entry("security unban", "{<address>|all}", "Lift the ban on a source", build::unban)
        .helped(&["Its score begins at nothing again. To keep it from being barred, add it to ban_exempt."]),
    entry("pjsip show version", "", "Show the version of pjproject in use", |c| build::version(c, false)),
];
