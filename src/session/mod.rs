//! Rank 3: calls with one peer. A [`Session`] is one INVITE session with one phone: its dialogs, offers and answers,
//! early media, reliable provisional responses, session timer, re-INVITE and UPDATE, CANCEL and BYE, REFER, INFO and
//! MESSAGE. It decides SIP; whoever owns it decides why.
//!
//! ```text
//!  INVITE in ──► Session::incoming ─┐                     ┌─► Effects: respond, request, ACK, cancel, enter, leave
//!  call out ───► Session::outgoing ─┤ request, cancelled  │   (carried out in order, by whoever owns the transactions)
//!                                   │ response, failed ──►│
//!  commands: ring, answer, hangup …─┤ acknowledged        └─► Events: ringing, answered, media, digits, hung up
//!  time ──► expire (at deadline) ───┘ provide
//! ```
//!
//! # The life of a session
//! ```text
//!   Incoming ──answer──► Up ──hangup, BYE──► Ending ──nothing outstanding──► Ended
//!   Calling ─18x─► Early ─2xx─► Up               ▲
//!      └──────────────┴── hangup, refusal ───────┘
//! ```
//! Each call borrows a [`Cx`]: time, randomness, and the two lists it writes. Commands are legal in any state; what
//! makes no sense now does nothing and says why ([`NotNow`]). After [`Effect::Ended`] the session may be dropped.
//!
//! # Media
//! Ports are opened elsewhere and later: [`Event::PortsNeeded`] asks, [`Session::provide`] answers, and only what needs a
//! description waits for it. A stream that stops gives its place back: should it start again, it is asked for anew.
//! Calls we make name their places in [`Outgoing::proposals`]. The peer's own re-INVITE is answered by the session
//! alone; [`Event::Media`] tells what changed since the first agreement. T.38 is asked about ([`Event::FaxOffered`]).
//!
//! # Hold
//! A re-INVITE without description is offered all we are willing to do (`sendrecv` unless we hold the call), and does
//! not change whether the peer holds us: only its answer, in the ACK, does (RFC 3264 8.4, RFC 6337 3.1; S3-34, S3-35).
//!
//! Deliberately absent: transactions, sockets, DNS, identification of the peer, who talks to whom.

mod auth;
mod cause;
mod check;
mod clock;
mod confirm;
mod ending;
mod events;
mod forks;
mod in_dialog;
mod info;
mod media;
mod offered;
mod places;
mod refer;
mod reoffer;
mod reply;
mod requests;
mod streams;
mod target;
mod types;
mod uac;
mod uas;

pub use auth::Credentials;
pub use cause::Cause;
pub use check::EXTENSIONS;
pub use events::*;
pub use in_dialog::Own;
pub use refer::Refer;
pub use reply::ALLOW;
pub use streams::MediaChange;
pub use types::*;

use crate::base::time::Moment;
use crate::config::model::Endpoint;
use crate::sdp::{Agreement, Description, Format, Local};
use crate::sip::dialog::repeat::Accepted;
use crate::sip::dialog::{Dialog, DialogId, Role};
use crate::sip::flow::Arrival;
use crate::sip::method::Method;
use crate::sip::transaction::Target;
use crate::sip::wire::ViaStamp;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

/// How far a session is, with what only that stage has.
#[derive(Debug)]
enum Stage {
    Incoming(Box<uas::Callee>),
    Calling,
    Early { media: bool },
    Up,
    Ending(ending::Ending),
    Ended,
}

/// One INVITE session with one peer.
#[derive(Debug)]
pub struct Session {
    role: Role,
    endpoint: Arc<Endpoint>,
    contact: Arc<str>,
    stage: Stage,
    /// The call's dialog: from the INVITE we got, or the 2xx that came first.
    dialog: Option<Dialog>,
    /// Dialogs the directory knows.
    entered: Vec<DialogId>,
    caller: Option<Box<uac::Caller>>,
    /// The INVITE as it came.
    invite: Box<[u8]>,
    /// Whether the peer may turn recording on, and off.
    may_record: [bool; 2],
    media: media::Media,
    peer: target::Peer,
    auths: Vec<Credentials>,
    requests: Vec<requests::Request>,
    next_request: u32,
    acks: Vec<requests::KeptAck>,
    /// Our 2xx that waits for its ACK.
    accepted: Option<Accepted>,
    /// The first ACK came.
    established: bool,
    offered: Option<offered::Offered>,
    queue: VecDeque<reoffer::Queued>,
    retry_at: Option<Moment>,
    timer: Option<clock::Refreshing>,
    transfers: refer::Transfers,
    /// Why we hung up a call that was not answered.
    last_cause: Cause,
}

impl Session {
    fn new(role: Role, endpoint: Arc<Endpoint>, contact: Arc<str>, media: media::Media) -> Session {
        Session {
            may_record: [false; 2],
            role,
            endpoint,
            contact,
            stage: Stage::Calling,
            dialog: None,
            entered: Vec::new(),
            caller: None,
            invite: Box::default(),
            media,
            peer: target::Peer::default(),
            auths: Vec::new(),
            requests: Vec::new(),
            next_request: 0,
            acks: Vec::new(),
            accepted: None,
            established: role == Role::Uac,
            offered: None,
            queue: VecDeque::new(),
            retry_at: None,
            timer: None,
            transfers: refer::Transfers::default(),
            last_cause: Cause::NORMAL,
        }
    }

    /// How far it is.
    pub fn state(&self) -> State {
        match &self.stage {
            Stage::Incoming(callee) => State::Incoming { ringing: callee.ringing },
            Stage::Calling => State::Calling,
            Stage::Early { media } => State::Early { media: *media },
            Stage::Up => State::Up { acknowledged: self.established },
            Stage::Ending(_) => State::Ending,
            Stage::Ended => State::Ended,
        }
    }

    /// Whether it is answered and not hung up.
    pub fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Up)
    }

    /// Who called: us, or the peer.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The peer.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// The call's dialog. Of a call we make, only once it is answered.
    pub fn dialog(&self) -> Option<&Dialog> {
        self.dialog.as_ref()
    }

    /// The streams in use, as an offer of ours would repeat them.
    pub fn streams_in_use(&self) -> Vec<crate::sdp::Proposal> {
        self.media.proposals(None, self.media.willing())
    }

    /// What is agreed about media; `None` before the first answer.
    pub fn agreement(&self) -> Option<&Agreement> {
        self.media.agreement()
    }

    /// Whether the peer holds the call (S3-16, S3-17).
    pub fn is_held_by_peer(&self) -> bool {
        self.media.agreement().is_some_and(Agreement::is_remotely_held)
    }

    /// The peer's offer, while it waits for our answer: what the other leg's offer is made from.
    pub fn offer(&self) -> Option<&Description> {
        self.media.offered()
    }

    /// What their waiting offer and all codecs of the endpoint have in common.
    pub fn prospect(&self) -> Option<Cow<'_, Agreement>> {
        self.media.prospect()
    }

    /// Our place of a stream, as the next description will say it.
    pub fn local(&self, stream: usize) -> Option<&Local> {
        self.media.local(stream)
    }

    /// Changes what later descriptions say about a stream: the other phone's address for direct media. Nothing is sent.
    pub fn set_local(&mut self, stream: usize, local: Local) {
        self.media.set_local(stream, local);
    }

    /// Our own place of a stream whose descriptions name another phone's: a peer that holds is told it.
    pub fn set_home(&mut self, home: Option<(usize, Local)>) {
        self.media.set_home(home);
    }

    /// Limits the codecs of answers to the peer's later offers to those of the other leg; `None`: all of the endpoint's.
    pub fn set_only(&mut self, only: Option<Vec<Format>>) {
        self.media.set_only(only);
    }

    /// What we are willing to do on every stream, for answers to the peer's later offers.
    pub fn set_willing(&mut self, willing: crate::sdp::Direction) {
        self.media.set_willing(willing);
    }

    /// Whether the peer's Allow names a method.
    pub fn peer_allows(&self, method: Method) -> bool {
        self.peer.allows(method)
    }

    /// Whether the peer's Supported names an extension.
    pub fn peer_supports(&self, extension: &str) -> bool {
        self.peer.supports(extension)
    }

    /// The INVITE as the peer sent it (`PJSIP_HEADER(read)`); empty for a call we made.
    pub fn invite_text(&self) -> &[u8] {
        &self.invite
    }

    /// Where the first INVITE goes ([`Hop::First`]); empty for a call that came in.
    pub fn targets(&self) -> &[Target] {
        self.caller.as_ref().map_or(&[], |caller| &caller.targets)
    }

    fn stamp(&self, arrival: &Arrival) -> ViaStamp {
        ViaStamp { source: arrival.source, force_rport: self.endpoint.options.force_rport }
    }

    /// Our tag in the call's dialogs.
    fn local_tag(&self) -> Option<Vec<u8>> {
        self.entered.first().map(|id| id.key().local_tag.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred thousand calls at once must fit into memory next to everything else.
    #[test]
    fn a_session_is_small() {
        assert!(size_of::<Session>() <= 1_280, "{} bytes", size_of::<Session>());
    }
}
