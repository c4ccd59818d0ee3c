//! Values of calls and of what rings them: channels, bridges, subscriptions, the dialplan.

use crate::base::ids::Name;
use serde::Serialize;

/// A channel: one leg of a call.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChannelView {
    /// `PJSIP/100-00000001`.
    pub name: String,
    /// The dialplan application it runs, `AppDial` for a called leg.
    pub application: String,
    /// The application's argument; `(Outgoing Line)` for a called leg.
    pub data: String,
    /// `Up`, `Ring`, …
    pub state: &'static str,
    /// Seconds since it was made.
    pub duration_secs: u64,
    /// The context it runs in.
    pub context: String,
    /// The dialled extension; empty for a called leg.
    pub extension: String,
    /// The dialplan priority it stands at.
    pub priority: u32,
    /// Caller id name and number of its own side.
    pub caller: (String, String),
    /// Connected line name and number.
    pub connected: (String, String),
    /// `accountcode`.
    pub account_code: String,
    /// Its bridge's id, empty while it has none.
    pub bridge: String,
    /// Never used twice: `1795207462.0`.
    pub unique_id: String,
    /// Codecs agreed on, first one in use.
    pub codecs: Vec<String>,
}

/// RTP counters of one channel.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChannelStatsView {
    /// Its bridge's id, empty while it has none.
    pub bridge: String,
    /// `PJSIP/100-00000001`.
    pub channel: String,
    /// Seconds since it was made.
    pub duration_secs: u64,
    /// The codec in use.
    pub codec: String,
    /// Whether its media bypasses us, so that there is nothing to count.
    pub direct_media: bool,
    /// What we received.
    pub received: StreamStats,
    /// What we sent, as the peer's reports have it.
    pub sent: StreamStats,
    /// Round trip from the peer's reports, seconds.
    pub round_trip_secs: f64,
}

/// Counters of one direction.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct StreamStats {
    /// Packets.
    pub packets: u64,
    /// Packets lost on the way.
    pub lost: u64,
    /// Interarrival jitter, seconds (RFC 3550 6.4.1).
    pub jitter_secs: f64,
}

/// A bridge: channels that hear each other.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BridgeView {
    /// Its id.
    pub id: String,
    /// Its name, empty when none.
    pub name: String,
    /// Channels in it.
    pub channels: Vec<String>,
    /// `basic`, `holding`, …
    pub kind: &'static str,
    /// `native_rtp`, `simple_bridge`, `softmix`, …
    pub technology: &'static str,
    /// Seconds since it was made.
    pub duration_secs: u64,
    /// Why the technology is what it is.
    pub why: String,
}

/// A subscription.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SubscriptionView {
    /// The endpoint.
    pub endpoint: String,
    /// Number of the endpoint's `callerid`, empty when none.
    pub callerid_number: String,
    /// What is watched: the extension, the mailbox.
    pub resource: String,
    /// Event package.
    pub event: String,
    /// Seconds until it expires.
    pub expires_secs: u64,
    /// Call-ID of its dialog.
    pub call_id: String,
    /// `Active`, `Pending`, `Terminated`.
    pub state: &'static str,
    /// Further fields of `pjsip show subscription`: `SubscriptionType`, `Extension`, `ExtensionStates`, `Mailboxes`.
    pub fields: Vec<(&'static str, String)>,
}

/// Whether an endpoint is in maintenance.
#[derive(Clone, Debug, Serialize)]
pub struct MaintenanceView {
    /// The endpoint.
    pub endpoint: Name,
    /// Whether its new requests are refused.
    pub enabled: bool,
}

/// A dialplan as Asterisk's text and as JSON: the room that holds it prints it, includes and patterns and all.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DialplanView {
    /// Asterisk's text.
    pub text: String,
    /// The same as data.
    pub contexts: serde_json::Value,
}

/// A state that was set: a `Custom:` device or a `CustomPresence:` provider.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StateView {
    /// Its name with its prefix.
    pub name: String,
    /// Its word.
    pub state: String,
    /// What kind of presence; empty for devices.
    pub subtype: String,
    /// The presence's text; empty for devices.
    pub message: String,
}

/// A publication, of ours elsewhere or of another server with us.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PublicationView {
    /// Its section.
    pub name: String,
    /// The endpoint that makes it, or the `server_uri` where we make it.
    pub peer: String,
    /// Its event.
    pub event: String,
    /// The extension it is about, with `multi_user`.
    pub user: String,
    /// `Active`, `Inactive`, `Stopped`.
    pub state: &'static str,
    /// Seconds until it ends (inbound), or until something is sent (outbound).
    pub expires_secs: Option<u64>,
    /// Why it is as it is.
    pub why: String,
}

/// A mailbox.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MailboxView {
    /// `box@context`
    pub name: String,
    /// Messages not yet heard.
    pub new: u32,
    /// Messages heard.
    pub old: u32,
    /// Subscriptions to it.
    pub subscriptions: usize,
    /// Endpoints that are told without asking.
    pub endpoints: Vec<String>,
}

/// One hint.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HintView {
    /// Extension.
    pub extension: String,
    /// Context.
    pub context: String,
    /// What it watches (`PJSIP/alice`).
    pub hint: String,
    /// `Idle`, `InUse`, `Ringing`, …
    pub state: &'static str,
    /// What the person says: `not_set`, `away`, …
    pub presence: &'static str,
    /// Subscriptions to it.
    pub watchers: usize,
}
