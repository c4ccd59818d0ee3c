//! Values that an administrator sees and the orders he gives. CLI, JSON, AMI and metrics print the same values;
//! none of them touches live state.

use crate::base::ids::Name;
use crate::base::time::WallTime;
use serde::Serialize;
use std::net::SocketAddr;

/// A question or an order from an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Every object of a kind, or the one with that name, with what hangs below it.
    Show {
        /// Which kind.
        kind: Kind,
        /// One object's name; all when `None`.
        name: Option<String>,
    },
    /// Counters and states of the whole server.
    Status,
    /// Sources whose requests matched no endpoint.
    UnidentifiedRequests,
    /// The identifiers in the order they are tried.
    Identifiers,
    /// Which endpoint a request would be given, and why.
    ExplainIdentify(Box<IdentifyQuestion>),
    /// Why a user is challenged or refused.
    ExplainAuth {
        /// The endpoint or user name.
        name: String,
    },
    /// OPTIONS now to every contact of an endpoint.
    Qualify {
        /// The endpoint.
        endpoint: String,
    },
    /// Print every message (`pjsip set logger`).
    Logger(Logger),
    /// Start, stop or clear the history ring (`pjsip set history`).
    History(HistoryOrder),
    /// The history ring (`pjsip show history`).
    ShowHistory,
    /// Refuse an endpoint's new requests with 503 (`pjsip set maintenance`).
    Maintenance {
        /// The endpoint, or `all`.
        endpoint: String,
        /// On or off.
        on: bool,
    },
    /// Forget one contact or all of an aor.
    RemoveContact {
        /// The aor.
        aor: String,
        /// The contact's URI; all when `None`.
        uri: Option<String>,
    },
}

/// Kinds of object that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "each is the object kind of its own name")]
pub enum Kind {
    Endpoint,
    Aor,
    Auth,
    Contact,
    Transport,
    Identify,
    Registration,
    Channel,
    Acl,
    DomainAlias,
    Global,
    System,
}

/// What `pjsip set logger` can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Logger {
    /// Everything.
    On,
    /// Nothing.
    Off,
    /// Only messages to or from these addresses; replaces the list, or adds to it.
    Host {
        /// An address or network.
        host: String,
        /// Add to the list.
        add: bool,
    },
    /// Only these methods; replaces the list, or adds to it.
    Method {
        /// The method.
        method: String,
        /// Add to the list.
        add: bool,
    },
}

/// What `pjsip set history` can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryOrder {
    /// Keep messages.
    On,
    /// Stop keeping them.
    Off,
    /// Forget them.
    Clear,
}

/// The request of `explain identify`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifyQuestion {
    /// The From URI.
    pub from: String,
    /// The packet's source.
    pub source: SocketAddr,
    /// A whole message to judge instead of one made from the fields here.
    pub packet: Option<Vec<u8>>,
    /// Further headers, `Name: value`.
    pub headers: Vec<String>,
    /// The request URI; the From URI's host when `None`.
    pub request_uri: Option<String>,
}

/// The answer to a [`Command`].
#[derive(Clone, Debug)]
pub enum Reply {
    /// Objects, sorted by name. An unknown single name gives an empty list.
    Endpoints(Vec<EndpointView>),
    /// Aors.
    Aors(Vec<AorView>),
    /// Auths.
    Auths(Vec<AuthView>),
    /// Contacts.
    Contacts(Vec<ContactView>),
    /// Transports.
    Transports(Vec<TransportView>),
    /// Identifies.
    Identifies(Vec<IdentifyView>),
    /// Outbound registrations.
    Registrations(Vec<RegistrationView>),
    /// Channels.
    Channels(Vec<ChannelView>),
    /// Option tables of `global` and `system`, or of an acl or domain alias.
    Options(Vec<(String, Options)>),
    /// The server.
    Status(Box<StatusView>),
    /// Unmatched sources.
    Unidentified(Vec<UnidentifiedView>),
    /// A judgement, line by line.
    Explanation(Explanation),
    /// Messages kept.
    History(Vec<HistoryView>),
    /// Done; a sentence to print.
    Done(String),
    /// Not done; a sentence that says what to do.
    Refused(String),
}

/// An object's options in alphabetical order, values as Asterisk prints them.
pub type Options = Vec<(&'static str, String)>;

/// An endpoint with everything that hangs below it.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointView {
    /// Its name.
    pub name: Name,
    /// Number of its `callerid`, empty when none.
    pub callerid_number: String,
    /// `Not in use`, `Unavailable`, …
    pub state: &'static str,
    /// Channels it has.
    pub active_channels: usize,
    /// `device_state_busy_at`; 0 prints as `inf`.
    pub busy_at: u32,
    /// Outbound auths, then inbound ones.
    pub outbound_auths: Vec<AuthView>,
    /// Inbound auths.
    pub inbound_auths: Vec<AuthView>,
    /// Its aors, in its own order.
    pub aors: Vec<AorView>,
    /// Pinned transport.
    pub transport: Option<TransportView>,
    /// Identify sections that lead to it.
    pub identifies: Vec<IdentifyView>,
    /// Its channels.
    pub channels: Vec<ChannelView>,
    /// Its options; empty in lists.
    pub options: Options,
}

/// An aor and its contacts.
#[derive(Clone, Debug, Serialize)]
pub struct AorView {
    /// Its name.
    pub name: Name,
    /// `max_contacts`.
    pub max_contacts: u32,
    /// Static and dynamic contacts, sorted by id.
    pub contacts: Vec<ContactView>,
    /// Its options; empty in lists.
    pub options: Options,
}

/// A contact, static or registered.
#[derive(Clone, Debug, Serialize)]
pub struct ContactView {
    /// Its aor.
    pub aor: Name,
    /// Its URI.
    pub uri: String,
    /// MD5 of the URI, 32 hexadecimal digits.
    pub hash: String,
    /// Whether it was registered (false: a static `contact` of the aor).
    pub dynamic: bool,
    /// Short status: `Avail`, `Unavail`, `Unknown`, `NonQual`, `Removed`.
    pub status: &'static str,
    /// Round trip of the last qualify in microseconds, when available.
    pub rtt_micros: Option<u64>,
    /// When it expires; `None` for static ones.
    pub expires: Option<WallTime>,
    /// Further fields of `show contact`, as an option table.
    pub options: Options,
    /// Where it came from, for "who holds the slots".
    pub source: Option<SocketAddr>,
    /// User-Agent.
    pub user_agent: String,
}

/// An auth. Secrets are in `options`, as Asterisk prints them; lists have none.
#[derive(Clone, Debug, Serialize)]
pub struct AuthView {
    /// Its name.
    pub name: Name,
    /// Its `username`.
    pub username: String,
    /// Its options; empty in lists.
    pub options: Options,
}

/// A transport.
#[derive(Clone, Debug, Serialize)]
pub struct TransportView {
    /// Its name.
    pub name: Name,
    /// `udp`, `tcp`, …
    pub protocol: &'static str,
    /// `cos`.
    pub cos: u8,
    /// `tos`, 0 to 255.
    pub tos: u8,
    /// Where it listens, or would.
    pub bind: String,
    /// Whether its socket is open; else why not.
    pub fault: Option<String>,
    /// Its options; empty in lists.
    pub options: Options,
}

/// An identify section.
#[derive(Clone, Debug, Serialize)]
pub struct IdentifyView {
    /// Its name.
    pub name: Name,
    /// The endpoint it leads to.
    pub endpoint: Name,
    /// `10.0.0.0/8`, `!10.1.0.0/16`, …
    pub matches: Vec<String>,
    /// `match_header`, empty when none.
    pub header: String,
    /// `match_request_uri`, empty when none.
    pub request_uri: String,
    /// Its options; empty in lists.
    pub options: Options,
}

/// An outbound registration.
#[derive(Clone, Debug, Serialize)]
pub struct RegistrationView {
    /// Its name.
    pub name: Name,
    /// Where it registers.
    pub server_uri: String,
    /// First outbound auth.
    pub auth: Option<Name>,
    /// `Registered`, `Unregistered`, `Rejected`.
    pub status: &'static str,
    /// Seconds until the next timer; negative when past.
    pub next_secs: Option<i64>,
    /// Why it is in that state and what comes next.
    pub why: String,
    /// Its options; empty in lists.
    pub options: Options,
}

/// A channel: one leg of a call.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelView {
    /// `PJSIP/100-00000001`.
    pub name: String,
    /// The dialplan application it runs.
    pub application: String,
    /// `Up`, `Ring`, …
    pub state: &'static str,
    /// Seconds since it was made.
    pub duration_secs: u64,
    /// The dialled extension.
    pub extension: String,
    /// Connected line name and number.
    pub connected: (String, String),
}

/// The whole server at a glance.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StatusView {
    /// Version of the program.
    pub version: &'static str,
    /// Seconds since the switch was made.
    pub uptime_secs: u64,
    /// Objects loaded, by kind.
    pub objects: Vec<(&'static str, usize)>,
    /// Dynamic contacts.
    pub contacts: usize,
    /// Server and client transactions alive.
    pub transactions: usize,
    /// REGISTERs waiting for their commit.
    pub held_registers: usize,
    /// Dialogs alive.
    pub dialogs: usize,
    /// Counters since start, by stable name.
    pub counters: Vec<(&'static str, u64)>,
    /// What the store and the realtime source say; `Ok` or since when and why not.
    pub stores: Vec<(String, String)>,
    /// Configuration findings that stand, as text lines.
    pub findings: Vec<String>,
}

/// One source whose requests matched nobody.
#[derive(Clone, Debug, Serialize)]
pub struct UnidentifiedView {
    /// Its address.
    pub source: std::net::IpAddr,
    /// How many requests.
    pub count: u32,
    /// Seconds since the first, with milliseconds.
    pub age_secs: f64,
}

/// A judgement with its reasons, in the order they were considered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Explanation {
    /// The outcome in one sentence.
    pub verdict: String,
    /// Each step: what was asked, and what it said.
    pub steps: Vec<Step>,
    /// What would change the outcome, smallest change first.
    pub advice: Vec<String>,
}

/// One step of an [`Explanation`].
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// `match`, `pass`, `fail`, `skip`.
    pub outcome: &'static str,
    /// What was looked at.
    pub what: String,
    /// The object and option behind it, with `file:line`, when there is one.
    pub culprit: String,
}

/// One kept message.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryView {
    /// Its place.
    pub number: usize,
    /// When.
    pub at: WallTime,
    /// Whether we sent it.
    pub sent: bool,
    /// The peer.
    pub address: SocketAddr,
    /// Transport token.
    pub protocol: &'static str,
    /// The message.
    pub message: Vec<u8>,
}

/// How grave a log line is; Asterisk's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[allow(missing_docs, reason = "each is the log level of its own name")]
pub enum Level {
    Debug,
    Verbose,
    Notice,
    Warning,
    Error,
}

/// Something worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A log line in Asterisk's words.
    Log {
        /// How grave.
        level: Level,
        /// The Asterisk source file it is known by (`res_pjsip_registrar.c`), for tools that match on it.
        origin: &'static str,
        /// The text.
        text: String,
    },
    /// A security event (behaviour-cli-ami 4.3).
    Security(Box<Security>),
    /// A message for `pjsip set logger`.
    Message {
        /// Whether we sent it.
        sent: bool,
        /// `UDP`, `TCP`, …
        protocol: &'static str,
        /// The peer.
        address: SocketAddr,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// A security event's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// `ChallengeSent`, `SuccessfulAuth`, `ChallengeResponseFailed`, `InvalidAccountID`, `FailedACL`,
    /// `RequestNotSupported`, …
    pub event: &'static str,
    /// Endpoint name, or `<unknown>`.
    pub account: String,
    /// Call-ID.
    pub session: String,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address, always the packet's source.
    pub remote: SocketAddr,
    /// `UDP`, …
    pub protocol: &'static str,
    /// Further fields: `Challenge`, `Response`, `ACLName`, …
    pub fields: Vec<(&'static str, String)>,
}
