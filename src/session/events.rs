//! What comes out of a session: what is to be done, and what the call layer is told.

use super::cause::Cause;
use super::refer::Refer;
use super::streams::MediaChange;
use super::types::{Reoffered, RequestId, Why};
use crate::base::ids::Name;
use crate::sdp::{Attributes, Description, MediaKind};
use crate::sip::dialog::DialogId;
use crate::sip::flow::Destination;
use crate::sip::transaction::ServerTx;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hop {
    /// To the targets of [`super::Outgoing`], see [`super::Session::targets`].
    First,
    /// To the address of this URI (RFC 3261 8.1.2), which is looked up.
    Uri(Box<[u8]>),
}

/// What a session wants done. To be carried out in order.
#[derive(Debug)]
pub enum Effect {
    /// Answer a server transaction.
    Respond {
        /// Which.
        tx: ServerTx,
        /// The status code.
        code: u16,
        /// Where the response goes.
        to: Destination,
        /// The whole response.
        text: Vec<u8>,
    },
    /// Send without a transaction: a 2xx or a reliable provisional response (again), an ACK again.
    Repeat {
        /// Where to.
        to: Destination,
        /// The whole message.
        bytes: Vec<u8>,
    },
    /// Send a request in a client transaction, whose responses come to [`super::Session::response`]. When it cannot be
    /// sent: [`super::Session::failed`].
    Request {
        /// Its number.
        id: RequestId,
        /// All of it but Via and Contact.
        text: Vec<u8>,
        /// Where to.
        hop: Hop,
    },
    /// Send the ACK of a 2xx, alone; then [`super::Session::acknowledged`].
    Ack {
        /// All of it but Via and Contact.
        text: Vec<u8>,
        /// Where to.
        hop: Hop,
        /// The dialog's remote tag, to be given back.
        remote_tag: Box<[u8]>,
    },
    /// Cancel our INVITE of that number; goes out once a provisional response came.
    Cancel {
        /// The INVITE.
        id: RequestId,
        /// Whole header lines of the CANCEL.
        extra: Vec<u8>,
    },
    /// A dialog of this session begins: requests inside it come to [`super::Session::request`].
    Enter(DialogId),
    /// It ends: requests inside it find nothing (481).
    Leave(DialogId),
    /// The session is over, with all its requests and repetitions, and may be dropped.
    Ended,
}

/// How the peer, or time, ended a call that was not hung up by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// BYE.
    Bye,
    /// CANCEL.
    Cancel,
    /// Nobody answered before the INVITE's own Expires was over.
    Expired,
    /// 481 or 408 to a re-INVITE or UPDATE of ours.
    Timeout,
    /// Nobody refreshed the session (RFC 4028 10).
    TimerExpired,
    /// Our 2xx was never acknowledged.
    AckMissing,
    /// A reliable provisional response was never acknowledged.
    PrackMissing,
    /// The answer to our offer cannot be used.
    NoMedia,
}

/// Whom the peer says it is; values raw, as they stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectedLine {
    /// P-Asserted-Identity values.
    pub asserted: Vec<Box<[u8]>>,
    /// Remote-Party-ID values.
    pub remote_party: Vec<Box<[u8]>>,
    /// Privacy.
    pub privacy: Option<Box<[u8]>>,
}

/// What the call layer is told.
#[derive(Debug)]
pub enum Event {
    /// These streams run and have no place of ours: open ports, then [`super::Session::provide`] each.
    PortsNeeded {
        /// Position and kind.
        streams: Vec<(usize, MediaKind)>,
    },
    /// 180 without a description.
    Ringing,
    /// 181 or 182.
    Forwarded {
        /// The code.
        code: u16,
    },
    /// 183, or 180 with a description.
    Progress {
        /// Whether media is agreed now, so that early media can flow.
        media: bool,
    },
    /// 2xx to our INVITE, media agreed; its ACK is among the effects.
    Answered,
    /// Our 2xx was acknowledged.
    Acknowledged,
    /// What is agreed about media changed.
    Media(MediaChange),
    /// 3xx to our INVITE, to be followed by the call layer. The session is over.
    Redirected {
        /// 300 … 399.
        code: u16,
        /// Contact URIs in order.
        contacts: Vec<Box<[u8]>>,
        /// Diversion values.
        diversion: Vec<Box<[u8]>>,
    },
    /// The call never came to be: our INVITE was refused, or theirs could not be answered.
    Failed {
        /// The code.
        code: u16,
        /// The phrase.
        reason: Box<str>,
        /// The cause: of the Reason header, else of the code.
        cause: Cause,
    },
    /// The call ended, and not by our command.
    HungUp {
        /// The cause: of the Reason header, else normal.
        cause: Cause,
        /// How.
        by: By,
    },
    /// A digit by INFO.
    Digit {
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
        /// How long it was pressed.
        duration_ms: u32,
    },
    /// Hook flash by INFO.
    Flash,
    /// `Record: on` or `off` by INFO; only with `one_touch_recording`.
    Record(bool),
    /// A whole picture is asked for.
    FastUpdate,
    /// A transfer is asked for: [`super::Session::answer_refer`].
    Refer(Refer),
    /// How the REFER we sent goes on at the peer: a status from its NOTIFY, or its refusal.
    ReferProgress {
        /// The status.
        code: u16,
        /// No more will follow.
        over: bool,
    },
    /// The peer was told the end of the transfer it asked for, or cannot be told.
    TransferTold,
    /// A re-offer of ours ended.
    ReofferDone {
        /// What it was for.
        why: Why,
        /// How it ended.
        result: Reoffered,
    },
    /// A request of [`super::Session::send`] was answered.
    RequestDone {
        /// Which.
        id: RequestId,
        /// With this code.
        code: u16,
    },
    /// The peer says who it is; only where the endpoint is trusted (`trust_connected_line`, `trust_id_inbound`), and
    /// only when it changed.
    ConnectedLine(ConnectedLine),
    /// MESSAGE in the dialog, answered 202.
    Text {
        /// Content-Type as written.
        content_type: Box<[u8]>,
        /// The body.
        body: Box<[u8]>,
    },
    /// The peer's own offer in a running session was answered; the change, if any, came before as [`Event::Media`].
    Offered,
    /// The peer wants T.38: [`super::Session::accept_fax`] or [`super::Session::refuse_fax`]. Nobody deciding within
    /// 5 s is a refusal.
    FaxOffered {
        /// Its parameters, to be passed on as they are.
        attributes: Attributes,
        /// The whole description.
        offer: Box<Description>,
    },
    /// Said once for the log: something the peer does against the rules that was put up with.
    Oddity {
        /// Whose endpoint.
        endpoint: Name,
        /// What.
        what: &'static str,
    },
}
