//! A channel: one leg of a call as an administrator and the dialplan see it.

use super::announce::Limits;
use super::bridging::AfterBridge;
use super::conference::{Attending, Wishes};
use super::dial::Dialling;
use super::features::Pressed;
use super::holding::Held;
use super::join::BridgeId;
use super::local::Local;
use super::mail::Mailing;
use super::message::{QUEUE, TextMessage};
use super::originate::Origin;
use super::out::Placing;
use super::park::Parked;
pub(super) use super::party::{Party, Redirecting};
use super::periodic::Periodic;
use super::pjsip_fields::ParamOf;
use super::ports::Slot;
use super::prompt::Sounding;
use super::screen::Introducing;
use super::seating::Seated;
use super::sending::Sending;
use super::service::Service;
use super::sound::ChannelSound;
use super::spy::Spying;
use super::subroutine::Suspended;
use crate::base::ids::{FlowId, Name, TransportId};
use crate::base::time::{Moment, Now};
use crate::bridge::Target;
use crate::config::model::{Endpoint, endpoint_words::DtmfMode};
use crate::config::services::Features;
use crate::dialplan::{Place, Program, variables::Variables};
use crate::sdp::Format;
use crate::session::{RequestId, Session};
use crate::sip::transaction::ClientTx;
use crate::switch::lamps::Shown;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A channel's number. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::switch) struct ChannelId(pub u64);

/// The states of `core show channels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not yet called.
    Down,
    /// It called us and is not answered.
    Ring,
    /// We called it and it rings.
    Ringing,
    /// Answered.
    Up,
}

impl State {
    /// Asterisk's word.
    pub fn word(self) -> &'static str {
        match self {
            State::Down => "Down",
            State::Ring => "Ring",
            State::Ringing => "Ringing",
            State::Up => "Up",
        }
    }
}

/// What a channel's dialplan waits for.
#[derive(Debug, Default)]
pub(super) enum Doing {
    /// Nothing: it runs, or has none.
    #[default]
    Nothing,
    /// `Answer`: until then, or for the first media.
    Answering {
        /// The end.
        until: Moment,
        /// Whether media ends it.
        for_media: bool,
    },
    /// `Wait`.
    Waiting(Moment),
    /// `WaitExten` and its relatives.
    Digit(Option<Moment>),
    /// `Dial`: the legs that are called, or the bridge that followed.
    Dialling(Box<Dialling>),
    /// `Dial` with `P` or `p`: he is asked for his name before anybody is called.
    Introducing(Box<Introducing>),
    /// `Busy`, `Congestion` after the answer.
    Refusing(Option<Moment>),
    /// `Echo`.
    Echo,
    /// `SendDTMF`: until all digits are sent.
    Sending(Moment),
    /// `Transfer` by REFER.
    Transferring(Moment),
    /// `Bridge`.
    Bridged,
    /// An application that makes sound.
    Sounding(Box<Sounding>),
    /// `ReceiveText`: until text comes, or until then.
    Text(Option<Moment>),
    /// `Park`: until somebody takes it, or its time is over.
    Parked(Box<Parked>),
    /// `Originate`: until the channel it made is answered or gone.
    Originating,
    /// `ConfBridge`; what it is there is in [`Channel::attending`].
    Conference,
    /// `BridgeWait`.
    Held,
    /// `ChanSpy`.
    Spying,
    /// `VoiceMail`, `VoiceMailMain`.
    Mail(Box<Mailing>),
}

/// Which side of a call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// It called us.
    Caller,
    /// We called it, for that channel; `None` once that one has left.
    Called(Option<ChannelId>),
}

/// Where its signalling goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// The transport it came by or goes by.
    pub transport: TransportId,
    /// The connection, if it is one.
    pub flow: FlowId,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Our address of that transport, as the peer reaches it.
    pub local: IpAddr,
}

/// A channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub id: ChannelId,
    /// `PJSIP/100-00000001`.
    pub name: Arc<str>,
    /// `1795207462.0`
    pub unique_id: Box<str>,
    /// The unique id of the call's first channel.
    pub linked_id: Box<str>,
    pub made: Now,
    pub answered: Option<Moment>,
    pub endpoint: Arc<Endpoint>,
    pub way: Way,
    /// `None` before the INVITE goes out, and after the session ended.
    pub session: Option<Box<Session>>,
    /// Our requests that are out.
    pub requests: Vec<(RequestId, ClientTx)>,
    /// Requests whose way is still sought.
    pub waiting: Vec<(RequestId, Vec<u8>)>,
    /// User of the From of a call we made.
    pub own_user: Box<str>,
    /// What is still to be done before its INVITE goes out.
    pub placing: Option<Box<Placing>>,
    /// One per stream.
    pub slots: Vec<Slot>,
    pub state: State,
    pub side: Side,
    pub program: Option<Program>,
    pub doing: Doing,
    pub bridge: Option<BridgeId>,
    pub caller: Party,
    pub connected: Party,
    pub redirecting: Redirecting,
    /// `CALLERID(dnid)`: what was dialled.
    pub dialled: Box<str>,
    /// `accountcode`, `CHANNEL(language)` and other settings of the dialplan.
    pub settings: Settings,
    /// Headers for the next INVITE that this channel's call makes: `PJSIP_HEADER(add,…)` in a pre-dial subroutine.
    pub headers: Vec<(String, String)>,
    /// `HANGUPCAUSE`; 0 while there is none.
    pub cause: u8,
    /// What SIP said last to the legs it called, and the cause that is: `HANGUPCAUSE(channel,tech|ast)`.
    pub causes: Vec<(Arc<str>, u16, String, u8)>,
    /// `CHANNEL(hangupsource)`: who ended the call.
    pub hangup_source: Option<Arc<str>>,
    /// The call is being ended.
    pub hung_up: bool,
    /// Signalling and dialplan are done; ports may still close.
    pub ended: bool,
    /// Its entry in the deadlines.
    pub scheduled: Option<Moment>,
    /// Digits that came while nobody waited.
    pub digits: Vec<char>,
    /// `CALLERID(ani…)`, once it differs from the caller id.
    pub calling: Option<Box<Party>>,
    /// Aor and URI it is called at: `CHANNEL(aor)`, `CHANNEL(contact)`.
    pub called_at: Option<(Name, Name)>,
    /// `PJSIP_HEADER_PARAM(From,…)` for its INVITE.
    pub from_params: Vec<(ParamOf, String, String)>,
    /// `PJSIP_MEDIA_OFFER()` for its next offer.
    pub next_offer: Vec<Format>,
    /// The 200 to its INVITE, where a subroutine may ask for it.
    pub response: Option<Box<[u8]>>,
    /// `GROUP(category)`, and the group.
    pub groups: Vec<(String, String)>,
    /// `SHARED()`: names and values.
    pub shared: Vec<(String, String)>,
    /// `PJSIP_INHERITABLE_HEADER()`.
    pub inheritable: Vec<(String, String)>,
    /// 183 with a description was sent, or is on its way.
    pub early_media: bool,
    /// The other side of its bridge holds: music would be played to it.
    pub is_told_to_hold: bool,
    /// T.38 ran, or was asked for.
    pub had_fax: bool,
    /// It is asked for T.38, because its partner was.
    pub fax: Option<Box<super::fax::FaxAsked>>,
    /// A called channel that stays although its caller left: it was transferred.
    pub is_kept: bool,
    /// Who transferred it and is told how that goes.
    pub watcher: Option<ChannelId>,
    /// It transferred its partner away, and is hung up as soon as it was told how that ended.
    pub is_leaving: bool,
    /// What needs its media here.
    pub uses: Vec<crate::bridge::Use>,
    /// Where its phone was told to send its media; known by its bridge while it is in one.
    pub told: Target,
    /// When it has waited long enough for the other server to redirect it.
    pub redirect_at: Option<Moment>,
    /// Its address changed with the answer that comes next.
    pub moved: bool,
    /// Digits in a bridge that may become a code.
    pub pressed: Pressed,
    /// What it does in mid-call by itself: a transfer by code.
    pub service: Option<Box<Service>>,
    /// It waits while that channel consults for a transfer.
    pub transferred_by: Option<ChannelId>,
    /// features.conf with what `FEATURE()` and `FEATUREMAP()` changed.
    pub own_features: Option<Box<Features>>,
    /// What waits while a subroutine runs.
    pub suspended: Option<Box<Suspended>>,
    /// What lamps were told of it last.
    pub lamp: Option<Shown>,
    /// What sounds on it.
    pub sound: ChannelSound,
    /// What is wrong with its audio, for `show channel` and `explain`.
    pub trouble: Option<String>,
    /// The message that its dialplan reads and writes.
    pub text: Option<Box<TextMessage>>,
    /// It is half of a Local channel, and has no phone.
    pub local: Option<Local>,
    /// The called channel whose early media it is given.
    pub early: Option<ChannelId>,
    /// What it does when the bridge is over that another channel took it into.
    pub after_bridge: Option<AfterBridge>,
    /// When its bridged call ends by itself.
    pub limits: Option<Box<Limits>>,
    /// Priorities that its dialplan has run, for `trace`.
    pub steps: u16,
    /// Its variables while it has no dialplan: those inherited, and those a subroutine left.
    pub variables: Variables,
    /// `CHANNEL(max_forwards)`
    pub forwards_left: u8,
    /// Whose `h` extension runs on it after its end: option `e` of `Dial`.
    pub hangup_place: Option<Place>,
    /// Digits that are being sent to its phone.
    pub sending: Option<Box<Sending>>,
    /// What it does once it is answered, when no channel called it.
    pub origin: Option<Box<Origin>>,
    /// `PERIODIC_HOOK()`
    pub periodic: Periodic,
    /// Its seat in a room.
    pub seated: Option<Seated>,
    /// It is in a conference, also while its menu sent it elsewhere.
    pub attending: Option<Box<Attending>>,
    /// What `CONFBRIDGE()` set.
    pub wishes: Option<Box<Wishes>>,
    /// It is in a holding bridge.
    pub held: Option<Box<Held>>,
    /// It listens in on another one.
    pub spying: Option<Box<Spying>>,
}

/// Settings the dialplan can read and change.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub account_code: String,
    pub language: String,
    pub tone_zone: String,
    pub music_class: String,
    pub user_field: String,
    /// `PJSIP_MOH_PASSTHROUGH()`.
    pub moh_passthrough: Option<bool>,
    /// `PJSIP_DTMF_MODE()`.
    pub dtmf_mode: Option<DtmfMode>,
    /// Everything else that `CHANNEL()` can keep.
    pub others: Vec<(String, String)>,
}

impl Channel {
    /// What lamps see of it; nothing once it is hung up.
    pub fn shown(&self) -> Option<Shown> {
        match self.state {
            // A message is no call, and half of a Local channel no phone's.
            _ if self.hung_up || self.local.is_some() || &*self.name == QUEUE => None,
            _ if self.is_told_to_hold => Some(Shown::Held),
            State::Down => Some(Shown::Down),
            State::Ringing => Some(Shown::Ringing),
            State::Ring | State::Up => Some(Shown::Used),
        }
    }

    /// Whether nothing is left of it.
    pub fn is_over(&self) -> bool {
        self.ended
            && self.session.is_none()
            && self.program.is_none()
            && self.slots.iter().all(Slot::is_closed)
    }

    /// Whether it is answered and not hung up.
    pub fn is_up(&self) -> bool {
        self.state == State::Up && !self.hung_up
    }

    /// `dtmf_mode` in force: the endpoint's, or `PJSIP_DTMF_MODE()`.
    pub fn dtmf_mode(&self) -> DtmfMode {
        self.settings.dtmf_mode.unwrap_or(self.endpoint.options.dtmf_mode)
    }

    /// User of our Contact.
    pub fn contact_user(&self) -> String {
        let own = &self.endpoint.extra().contact_user;
        match own.is_empty() {
            false => own.to_string(),
            true if self.is_caller() => self.dialled.to_string(),
            true => self.own_user.to_string(),
        }
    }

    /// Where its dialplan is.
    pub fn place(&self) -> Option<Place> {
        self.program.as_ref().map(|program| program.place().clone())
    }

    /// Its variables: its dialplan's, or those kept for one.
    pub fn variables(&self) -> &Variables {
        self.program.as_ref().map_or(&self.variables, Program::variables)
    }

    /// A dialplan at that place, with the variables it has so far.
    pub fn send_to(&mut self, place: Place) {
        match &mut self.program {
            Some(program) => program.redirect(place),
            None => {
                let mut program = Program::new(place);
                program.inherit(std::mem::take(&mut self.variables));
                self.program = Some(program);
            }
        }
    }

    /// Where its transfers go: `TRANSFER_CONTEXT`, else the endpoint's context.
    pub fn transfer_context(&self) -> String {
        let set = self.variables().value("TRANSFER_CONTEXT");
        set.map_or_else(|| self.endpoint.options.context.to_string(), str::to_owned)
    }

    /// Whether it called us.
    pub fn is_caller(&self) -> bool {
        self.side == Side::Caller
    }
}
