//! Values of configured objects and of what hangs below them.

use super::ChannelView;
use crate::base::ids::Name;
use crate::base::time::WallTime;
use serde::Serialize;
use std::net::SocketAddr;

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

impl ContactView {
    /// `aor/uri`, by which contacts are named and sorted.
    pub fn id(&self) -> String {
        format!("{}/{}", self.aor, self.uri)
    }
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

/// Something that is done from time to time.
#[derive(Clone, Debug, Serialize)]
pub struct TimerView {
    /// `pjsip/options/AOR/URI`, `pjsip/registration/NAME`, …
    pub name: String,
    /// Seconds between two runs; 0 for a timer that is set anew each time.
    pub interval_secs: u64,
    /// How often it ran; `None` for a timer that is set anew each time.
    pub runs: Option<u64>,
    /// Whether it runs now.
    pub running: bool,
    /// When it was set.
    pub set: WallTime,
    /// When it ran last.
    pub last: Option<WallTime>,
    /// When it runs next.
    pub next: WallTime,
    /// Seconds until then.
    pub next_secs: u64,
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
