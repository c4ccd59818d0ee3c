//! What goes into a session: messages, commands, and what it is lent.

use super::auth::Credentials;
use super::events::{Effect, Event};
use crate::base::rng::Rng;
use crate::base::time::Now;
use crate::config::model::Endpoint;
use crate::sdp::{Capabilities, Direction, Format, Identity, Local, Proposal};
use crate::sip::flow::{Arrival, Destination};
use crate::sip::method::Method;
use crate::sip::mint::Shard;
use crate::sip::transaction::{ServerTx, Target, Timers};
use crate::sip::wire::{Envelope, Message};
use std::fmt;
use std::sync::Arc;

/// The number of a request of ours within its session. It stays good for as long as its transaction can hear responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u32);

/// What a session is lent for one call: time, randomness, and where its decisions go.
#[derive(Debug)]
pub struct Cx<'a> {
    /// Both clocks.
    pub now: Now,
    /// For tags, Call-IDs and back-off.
    pub rng: &'a mut Rng,
    /// Whose mark our tags bear.
    pub shard: Shard,
    /// T1, T2, T4 and 64·T1.
    pub timers: Timers,
    /// `user_agent`: value of User-Agent and Server.
    pub user_agent: &'a str,
    /// `norefersub`: announced in Supported.
    pub norefersub: bool,
    /// `max_forwards` of our requests.
    pub max_forwards: u32,
    /// The system's `follow_early_media_fork`, without which an endpoint's is nothing.
    pub follow_early_media_fork: bool,
    /// The same for `accept_multiple_sdp_answers`.
    pub accept_multiple_sdp_answers: bool,
    /// What is to be done, in this order.
    pub effects: &'a mut Vec<Effect>,
    /// What the call layer is told, in this order.
    pub events: &'a mut Vec<Event>,
}

/// What describes our side of the media.
#[derive(Clone, Debug)]
pub struct MediaSetup {
    /// Who our descriptions are from.
    pub identity: Identity,
    /// What the endpoint may negotiate.
    pub capabilities: Capabilities,
    /// `all_codecs_on_empty_reinvite`: a re-INVITE without SDP is offered all of the endpoint's codecs, not only those
    /// in use.
    pub all_codecs_on_empty_reinvite: bool,
}

/// An INVITE outside any dialog, identified, authenticated and routed.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// The INVITE.
    pub request: &'a Message<'a>,
    /// Its envelope.
    pub envelope: &'a Envelope<'a>,
    /// Its transaction.
    pub tx: ServerTx,
    /// Where its responses go.
    pub to: Destination,
    /// How it came.
    pub arrival: Arrival,
    /// Value of our Contact in responses.
    pub contact: Arc<str>,
    /// Whose it is.
    pub endpoint: Arc<Endpoint>,
    /// Our side of the media.
    pub media: MediaSetup,
}

/// An INVITE refused before it became a session; the response is among the effects already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status code.
    pub code: u16,
    /// Why, for log and trace.
    pub why: Box<str>,
}

/// A call to be made.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Who is called.
    pub endpoint: Arc<Endpoint>,
    /// The request URI.
    pub request_uri: Box<[u8]>,
    /// Route values in order (`outbound_proxy`, Path of the contact).
    pub routes: Vec<Box<[u8]>>,
    /// Value of From, without tag.
    pub from: Box<[u8]>,
    /// Value of To.
    pub to: Box<[u8]>,
    /// Value of our Contact, for responses to the peer's requests. Requests bring their [`Target`]'s.
    pub contact: Arc<str>,
    /// Whether the INVITE goes over TLS (for `sips:` dialogs).
    pub secure: bool,
    /// Whether the aor that is called has `support_path`, and the INVITE says so.
    pub path: bool,
    /// Where it goes, resolved, in order of trial.
    pub targets: Vec<Target>,
    /// Whole header lines made by the call layer: identity, Diversion, `PJSIP_HEADER(add)` …
    pub extra: Vec<u8>,
    /// The offer's streams with their places; at least one.
    pub proposals: Vec<Proposal>,
    /// Our side of the media.
    pub media: MediaSetup,
    /// Credentials of `outbound_auth`.
    pub auths: Vec<Credentials>,
}

/// A request inside one of this session's dialogs, or a CANCEL of one of its INVITEs.
#[derive(Debug)]
pub struct InDialog<'a> {
    /// The request.
    pub message: &'a Message<'a>,
    /// Its envelope.
    pub envelope: &'a Envelope<'a>,
    /// Its method.
    pub method: Method,
    /// Its transaction; `None` for an ACK.
    pub tx: Option<ServerTx>,
    /// Where its responses go.
    pub to: Destination,
    /// How it came.
    pub arrival: Arrival,
}

/// Why a request of ours got no final response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answered in 64·T1: counts as 408.
    Timeout,
    /// It could not be sent, or its connection broke: counts as 503.
    Transport,
    /// Its hop leads nowhere; why. Counts as 503.
    NoWay(String),
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The peer called and has no final answer yet.
    Incoming {
        /// A 180 or 183 was sent.
        ringing: bool,
    },
    /// We called and heard nothing, or only 100.
    Calling,
    /// We called and heard 18x.
    Early {
        /// With a description.
        media: bool,
    },
    /// Answered with a 2xx.
    Up {
        /// The 2xx was acknowledged.
        acknowledged: bool,
    },
    /// Hung up; CANCEL or BYE is on its way.
    Ending,
    /// Over.
    Ended,
}

/// Why a command did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// The call is hung up, or being hung up.
    Over,
    /// Only a call that came in can do this.
    NotIncoming,
    /// The call is answered already, or about to be.
    Answered,
    /// The call is not answered yet.
    NotAnswered,
    /// No dialog yet, so nowhere to send it.
    NoDialog,
    /// Too many changes wait already, see [`crate::base::limits::SESSION_REOFFERS`].
    TooMany,
    /// There is nothing it could belong to: no REFER, no fax offer.
    NothingPending,
    /// No digit, or none that can be sent so.
    NoSuchDigit,
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotNow::Over => "the call is over",
            NotNow::NotIncoming => "the call did not come in",
            NotNow::Answered => "the call is answered",
            NotNow::NotAnswered => "the call is not answered",
            NotNow::NoDialog => "there is no dialog yet",
            NotNow::TooMany => "too many changes wait already",
            NotNow::NothingPending => "nothing waits for it",
            NotNow::NoSuchDigit => "no such digit",
        })
    }
}

/// Result of a command.
pub type Done = Result<(), NotNow>;

/// How ringing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingWith {
    /// 180 without a description.
    Plain180,
    /// 183 with our description: the ring tone is in the media (`inband_progress`).
    Progress183,
}

/// How a call is answered.
#[derive(Clone, Debug, Default)]
pub struct AnswerWith {
    /// Whole header lines of the 200.
    pub extra: Vec<u8>,
    /// Take only these codecs: those the other leg can carry. Without effect on a description sent before.
    pub only: Option<Vec<Format>>,
}

/// Which request carries a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshWith {
    /// A re-INVITE.
    Invite,
    /// An UPDATE; a re-INVITE when the peer does not allow UPDATE.
    Update,
}

/// What a re-offer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Media moves between the phones, or back to us.
    DirectMedia,
    /// The other leg holds the call.
    Hold,
    /// The other leg resumes the call.
    Unhold,
    /// T.38, or back from it.
    Fax,
    /// Another set of codecs or streams.
    Codecs,
    /// The session timer.
    Refresh,
    /// The identity of the other leg changed: an UPDATE has no description.
    ConnectedLine,
}

/// A change of a running session that we ask for. It is queued behind what is under way, sent again after a 491 with
/// the back-off of our role, and reported by [`Event::ReofferDone`].
#[derive(Clone, Debug)]
pub struct Reoffer {
    /// How.
    pub method: RefreshWith,
    /// What for.
    pub why: Why,
    /// New places of streams, by position; the others keep theirs.
    pub locals: Vec<(usize, Local)>,
    /// Offer only these codecs (of those the endpoint allows, in its order); `None`: those in use.
    pub formats: Option<Vec<Format>>,
    /// What we want to do from now on; `None`: as before.
    pub direction: Option<Direction>,
    /// Whole streams instead of those in use: a fax, a stream more. Takes precedence over `locals` and `formats`.
    pub proposals: Option<Vec<Proposal>>,
    /// Whole header lines: identity.
    pub extra: Vec<u8>,
}

impl Reoffer {
    /// One that changes nothing yet.
    pub fn new(method: RefreshWith, why: Why) -> Reoffer {
        Reoffer {
            method,
            why,
            locals: Vec::new(),
            formats: None,
            direction: None,
            proposals: None,
            extra: Vec::new(),
        }
    }
}

/// How a re-offer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reoffered {
    /// Taken; [`super::Session::agreement`] says how.
    Ok,
    /// Refused with this code; what was agreed before holds (RFC 3261 14.1).
    Refused(u16),
    /// The session ended before.
    Ended,
}
