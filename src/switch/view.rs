//! Values that an administrator sees and the orders he gives. CLI, JSON, AMI and metrics print the same values;
//! none of them touches live state.

mod calls;
mod conferences;
mod events;
mod judgement;
mod objects;
mod orders;
mod questions;
mod trace;

pub use calls::{
    BridgeView, ChannelStatsView, ChannelView, DialplanView, HintView, MailboxView, MaintenanceView,
    PublicationView, StateView, StreamStats, SubscriptionView,
};
pub use conferences::{ConferenceOrder, ConferencePartyView, ConferenceView};
pub use events::{Event, HistoryView, Level, RequestFailed, Security};
pub use judgement::{Explanation, Step};
pub use objects::{
    AorView, AuthView, ContactView, EndpointView, IdentifyView, Options, RegistrationView, TimerView,
    TransportView,
};

pub use orders::{DatabaseOrder, HistoryOrder, Logger, OriginateTo, VariableOrder, VoicemailOrder};
pub use trace::{TraceLeg, TraceStep, TraceView, Traced};

pub use questions::{DirectMediaQuestion, IdentifyQuestion, NotifyTarget};

use crate::base::ids::Name;
use serde::Serialize;

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
    /// The objects of these names, in this order, as [`Command::Show`] without a name shows them. An edge that asks for
    /// very many asks for some at a time, so that requests are served in between. Contacts are those of aors.
    ShowSome {
        /// Which kind: endpoint, aor, auth or contact.
        kind: Kind,
        /// Their names.
        names: Vec<Name>,
    },
    /// Counters and states of the whole server.
    Status,
    /// How many endpoints are in which state; looks at all of them, so none are counted when there are very many.
    EndpointStates,
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
    /// What is remembered of a call (`trace`).
    Trace {
        /// Its channel, endpoint, unique id or Call-ID.
        key: String,
    },
    /// Refuse an endpoint's new requests with 503 (`pjsip set maintenance`).
    Maintenance {
        /// The endpoint, or `all`.
        endpoint: String,
        /// On or off.
        on: bool,
    },
    /// Which endpoints refuse new requests (`pjsip show maintenance`); all that do when `None`.
    ShowMaintenance {
        /// One endpoint.
        endpoint: Option<String>,
    },
    /// REGISTER now, or take the registration down and stop (`pjsip send register`, `pjsip send unregister`).
    Register {
        /// The `type=registration` section, or `*all`.
        registration: String,
        /// Register; else unregister.
        on: bool,
    },
    /// Registrations that gave up begin anew: their module was reloaded.
    RetryRegistrations,
    /// Send a NOTIFY of `pjsip_notify.conf` (`pjsip send notify`).
    Notify {
        /// The section of `pjsip_notify.conf`.
        kind: String,
        /// To whom.
        to: NotifyTarget,
    },
    /// Send a MESSAGE (`message send`).
    Message {
        /// To whom, as `MessageSend` takes it; `pjsip:` may be left out.
        to: String,
        /// From whom; empty for the endpoint's own.
        from: String,
        /// The text.
        body: String,
    },
    /// What runs on a timer (`pjsip show scheduled_tasks`).
    Timers,
    /// RTP counters of every channel (`pjsip show channelstats`).
    ChannelStats,
    /// Subscriptions we hold (inbound) or made (outbound).
    Subscriptions {
        /// Those we made.
        outbound: bool,
    },
    /// Conferences (`confbridge …`).
    Conference(ConferenceOrder),
    /// Mailboxes of `voicemail.conf` (`voicemail …`).
    Voicemail(VoicemailOrder),
    /// Bridges (`bridge show all`).
    Bridges,
    /// Codes of features.conf (`features show`).
    Features,
    /// Parking lots (`parking show`), or one with its calls.
    Parking {
        /// Its name.
        lot: Option<String>,
    },
    /// The dialplan (`dialplan show`); all of it when neither is given.
    Dialplan {
        /// One context.
        context: Option<String>,
        /// Only extensions that match this.
        exten: Option<String>,
    },
    /// Hang up a channel (`channel request hangup`).
    Hangup {
        /// Its name; all channels when `None`.
        channel: Option<String>,
        /// The Q.850 cause.
        cause: u8,
    },
    /// Call somebody for nobody (`channel originate`).
    Originate {
        /// Before the first `/`.
        technology: String,
        /// After it.
        resource: String,
        /// What the channel does once it is answered.
        to: OriginateTo,
    },
    /// The dialplan's key store (`database …`).
    Database(DatabaseOrder),
    /// Global variables and those of a channel.
    Variables(VariableOrder),
    /// Hints and their states (`core show hints`).
    Hints,
    /// Publications of other servers with us, or of ours with others.
    Publications {
        /// Ours.
        outbound: bool,
    },
    /// Mailboxes (`mailbox show`).
    Mailboxes {
        /// One; all when `None`.
        name: Option<String>,
    },
    /// Set the counts of a mailbox (`mailbox set`).
    SetMailbox {
        /// `box@context`; without a context it is in `default`.
        name: String,
        /// Messages not yet heard.
        new: u32,
        /// Messages heard.
        old: u32,
    },
    /// `Custom:` devices (`devstate list`).
    DeviceStates,
    /// Set a `Custom:` device (`devstate change`).
    SetDeviceState {
        /// `Custom:x`
        device: String,
        /// `INUSE`, …
        state: String,
    },
    /// `CustomPresence:` providers (`presencestate list`).
    PresenceStates,
    /// Set a presence (`presencestate change`).
    SetPresence {
        /// `CustomPresence:x`
        provider: String,
        /// `state,subtype,message[,options]`
        presence: String,
    },
    /// Whether two legs may exchange media directly, condition by condition.
    ExplainDirectMedia(DirectMediaQuestion),
    /// Why a phone's lamp is dark, or lit.
    ExplainSubscription {
        /// The phone.
        endpoint: String,
        /// What it watches.
        exten: String,
    },
    /// Sources that are barred (`security show bans`).
    Bans,
    /// Lift a ban (`security unban`).
    Unban {
        /// Whose; every ban when `None`.
        source: Option<std::net::IpAddr>,
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
    /// Device states, and how many endpoints are in each.
    EndpointStates(Vec<(&'static str, usize)>),
    /// Unmatched sources.
    Unidentified(Vec<UnidentifiedView>),
    /// A judgement, line by line.
    Explanation(Explanation),
    /// Messages kept.
    History(Vec<HistoryView>),
    /// A call.
    Trace(Box<TraceView>),
    /// Names of the identifiers in the order they are tried; empty for one without a name.
    Identifiers(Vec<&'static str>),
    /// Endpoints and whether they are in maintenance.
    Maintenance(Vec<MaintenanceView>),
    /// RTP counters, sorted by bridge.
    ChannelStats(Vec<ChannelStatsView>),
    /// Subscriptions.
    Subscriptions(Vec<SubscriptionView>),
    /// Conferences, by name.
    Conferences(Vec<ConferenceView>),
    /// Bridges.
    Bridges(Vec<BridgeView>),
    /// The dialplan, or what was asked for of it.
    Dialplan(Box<DialplanView>),
    /// Hints.
    Hints(Vec<HintView>),
    /// Publications.
    Publications(Vec<PublicationView>),
    /// Mailboxes, by name.
    Mailboxes(Vec<MailboxView>),
    /// Device states that were set.
    DeviceStates(Vec<StateView>),
    /// Presences that were set.
    PresenceStates(Vec<StateView>),
    /// Timers, by name.
    Timers(Vec<TimerView>),
    /// Bans, the one that lasts longest first.
    Bans(Vec<BanView>),
    /// Done; a sentence to print.
    Done(String),
    /// Not done; a sentence that says what to do.
    Refused(String),
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

/// A source that is barred.
#[derive(Clone, Debug, Serialize)]
pub struct BanView {
    /// Its address, or the /64 network of an IPv6 one.
    pub source: std::net::IpAddr,
    /// Seconds until the ban ends.
    pub left_secs: u64,
    /// What the last of its offences was.
    pub reason: &'static str,
    /// Packets dropped since.
    pub dropped: u64,
}
