//! Whether an INVITE can be taken at all (RFC 3261 8.2.2, 8.2.3), and what an endpoint's options mean for it.

use super::reply::{ALLOW, SDP, line, supported};
use crate::config::model::Endpoint;
use crate::config::model::endpoint_words::{Rel100, Timers};
use crate::sdp::Description;
use crate::sip::dialog::rel100::{self, Choice};
use crate::sip::dialog::session_timer::{self, Answer, Wish};
use crate::sip::wire::multipart::Parts;
use crate::sip::wire::{Header, Message};

/// Option tags of extensions we know: what a Require may hold.
pub const EXTENSIONS: [&str; 5] = ["100rel", "timer", "replaces", "norefersub", "histinfo"];

/// What an INVITE asks for, all of which we can do.
#[derive(Debug)]
pub(super) struct Checked {
    pub reliable: bool,
    pub timer: Answer,
    pub offer: Option<Description>,
}

/// Why not: the response.
#[derive(Debug)]
pub(super) struct Unfit {
    pub code: u16,
    /// Header lines that go with it.
    pub lines: Vec<u8>,
    pub why: String,
}

impl Unfit {
    pub fn new(code: u16, why: impl Into<String>) -> Unfit {
        Unfit { code, lines: Vec::new(), why: why.into() }
    }

    fn with(mut self, header: Header, value: &[u8]) -> Unfit {
        line(&mut self.lines, header, value);
        self
    }
}

/// `timers`, `timers_sess_expires`, `timers_min_se`.
pub(super) fn wish(endpoint: &Endpoint) -> Wish {
    let policy = match endpoint.options.timers {
        Timers::Yes => session_timer::Policy::Supported,
        Timers::No => session_timer::Policy::Off,
        Timers::Required => session_timer::Policy::Required,
        Timers::Always => session_timer::Policy::Always,
    };
    Wish {
        policy,
        expires_secs: endpoint.options.timers_sess_expires_secs,
        min_secs: endpoint.options.timers_min_se_secs,
    }
}

/// `100rel`.
pub(super) fn reliability(endpoint: &Endpoint) -> rel100::Policy {
    match endpoint.options.rel100 {
        Rel100::Yes => rel100::Policy::Supported,
        Rel100::No => rel100::Policy::Off,
        Rel100::Required => rel100::Policy::Required,
        Rel100::PeerSupported => rel100::Policy::PeerSupported,
    }
}

/// Checks an INVITE outside a dialog.
pub(super) fn invite(message: &Message<'_>, endpoint: &Endpoint) -> Result<Checked, Unfit> {
    required(message)?;
    let reliable = match rel100::choose(reliability(endpoint), message) {
        Choice::Unreliable => false,
        Choice::Reliable => true,
        Choice::BadExtension => {
            return Err(
                Unfit::new(420, "it requires 100rel, and 100rel=no").with(Header::Unsupported, b"100rel")
            );
        }
        Choice::ExtensionRequired => {
            let why = "100rel=required, and the caller does not support it";
            return Err(Unfit::new(421, why).with(Header::Require, b"100rel"));
        }
    };
    let timer = timer(message, endpoint)?;
    Ok(Checked { reliable, timer, offer: description(message, endpoint)? })
}

/// Require: what we do not know.
pub(super) fn required(message: &Message<'_>) -> Result<(), Unfit> {
    let known = |tag: &&[u8]| EXTENSIONS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(tag));
    let unknown: Vec<&[u8]> = message.values(Header::Require).filter(|tag| !known(tag)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let unknown = unknown.join(&b", "[..]);
    let why = format!("it requires {}", String::from_utf8_lossy(&unknown));
    Err(Unfit::new(420, why).with(Header::Unsupported, &unknown))
}

/// The session timer of an INVITE or UPDATE.
pub(super) fn timer(message: &Message<'_>, endpoint: &Endpoint) -> Result<Answer, Unfit> {
    match session_timer::answer(&wish(endpoint), message) {
        Answer::BadExtension => {
            Err(Unfit::new(420, "it requires timer, and timers=no").with(Header::Unsupported, b"timer"))
        }
        Answer::ExtensionRequired => {
            let why = "timers=required, and the peer does not support them";
            Err(Unfit::new(421, why).with(Header::Require, b"timer"))
        }
        Answer::TooSmall { min_secs } => {
            let why = format!("Session-Expires below timers_min_se={min_secs}");
            Err(Unfit::new(422, why).with(Header::MinSe, min_secs.to_string().as_bytes()))
        }
        answer => Ok(answer),
    }
}

/// The description of an INVITE, UPDATE or PRACK; `None` when there is none.
pub(super) fn description(message: &Message<'_>, endpoint: &Endpoint) -> Result<Option<Description>, Unfit> {
    let Some(part) = message.part(SDP) else {
        return match message.whole_body() {
            Some(body) if !body.is_optional() && !is_optional(message) => {
                Err(not_understood(Unfit::new(415, "a body that is no description")))
            }
            _ => acceptable(message, endpoint).map(|()| None),
        };
    };
    let others = message.whole_body().and_then(|body| Parts::new(body.content_type, body.body));
    let strange = |part: crate::sip::wire::Part<'_>| {
        let disposition = part.header("Content-Disposition").unwrap_or_default();
        !part.is(SDP) && disposition.to_ascii_lowercase().windows(17).any(|w| w == b"handling=required")
    };
    if others.is_some_and(|mut parts| parts.any(strange)) {
        return Err(not_understood(Unfit::new(415, "a part that must be understood and is not")));
    }
    acceptable(message, endpoint)?;
    match Description::parse(part.body) {
        Ok(description) => Ok(Some(description)),
        Err(fault) => Err(Unfit::new(400, format!("bad description: {fault}"))),
    }
}

/// Whether the whole body may be passed over (`Content-Disposition: …;handling=optional`).
fn is_optional(message: &Message<'_>) -> bool {
    message
        .other(b"Content-Disposition")
        .any(|value| value.to_ascii_lowercase().windows(17).any(|w| w == b"handling=optional"))
}

fn not_understood(unfit: Unfit) -> Unfit {
    unfit.with(Header::Accept, SDP.as_bytes())
}

/// Accept: whether the peer takes descriptions at all.
fn acceptable(message: &Message<'_>, endpoint: &Endpoint) -> Result<(), Unfit> {
    if message.header(Header::Accept).is_none() {
        return Ok(());
    }
    let takes = |value: &[u8]| {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let kind = value[..end].trim_ascii();
        [SDP, "application/*", "*/*"].iter().any(|known| kind.eq_ignore_ascii_case(known.as_bytes()))
    };
    // Any part of a list will do; some phones list sdp only inside multipart/mixed.
    if message.values(Header::Accept).any(|value| takes(value) || value.starts_with(b"multipart/")) {
        return Ok(());
    }
    let unfit = Unfit::new(406, "Accept leaves out application/sdp");
    Err(unfit
        .with(Header::Allow, ALLOW.as_bytes())
        .with(Header::Supported, supported(endpoint, false).as_bytes()))
}
