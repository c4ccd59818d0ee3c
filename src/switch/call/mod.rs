//! Calls: where sessions, the dialplan, the bridge and the media plans meet.
//!
//! ```text
//! INVITE ─ arrive ─► Channel ─ run ─► dialplan::Program ─ Action ─► act ─┬─ dial ─► Channel (called) ─ INVITE
//!                       ▲                                               └─ wait, echo, hangup …
//! session::Effect ─ carry ─► transactions, media                 answered ─► join ─► bridge::choose ─► plans, re-INVITEs
//! session::Event  ─ hear ──► dial, join, ending
//! ```
//! One thing happens at a time: whatever a step leads to is queued as `Work` and done before the switch takes its next
//! input, so no step ever sees another half done. A channel is removed when its session has ended, its dialplan is over
//! and its ports are closed.

mod act;
mod announce;
mod arrive;
mod bridging;
mod call_off;
mod capability;
mod carry;
mod channel;
mod channel_fields;
mod codes;
mod conference;
mod connected;
mod consult;
mod core;
mod database;
mod dial;
mod dial_end;
mod dial_options;
mod dialogs;
mod dynamic;
mod early;
mod ending;
mod extension;
mod facts;
mod fax;
mod features;
mod forward;
mod functions;
mod headers;
mod hear;
mod hold;
mod holding;
mod host;
mod identity;
mod jitter;
mod join;
mod lent;
mod local;
mod loud;
mod mail;
mod mail_begin;
mod mail_fields;
mod message;
mod music;
mod note;
mod originate;
mod others;
mod out;
mod page;
mod park;
mod party;
mod party_fields;
mod patience;
mod periodic;
mod pjsip_fields;
mod place;
mod ports;
mod prompt;
mod record;
mod redirect;
mod redirecting;
mod refer;
mod replace;
mod run;
mod screen;
mod seating;
mod sending;
mod service;
mod show;
mod sound;
mod spy;
mod stranded;
mod subroutine;
mod threeway;
mod touch;
mod transfer;
mod trouble;
mod unparked;
mod variables;

use super::Switch;
use super::io::Actions;
use crate::base::limits;
use crate::base::shelf::Shelf;
use crate::base::time::{Moment, Now};
use crate::bridge::{PortId, SoundId};
use crate::config::services::Services;
use crate::dialplan::database::Database;
use crate::dialplan::{Dialplan, Globals};
use crate::session;
use crate::sip::dialog;
use channel::{Channel, ChannelId};
use join::{Bridge, BridgeId};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

pub use functions::does;
pub(super) use place::{Destination, Located};

/// Both sides of a call that rings: name and number, where they may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ringing {
    /// Who calls.
    pub caller: Option<(String, String)>,
    /// Who is called.
    pub called: Option<(String, String)>,
}

/// Something a step led to.
#[derive(Debug)]
enum Work {
    /// A session tells something.
    Event(ChannelId, session::Event),
    /// A channel's dialplan can go on.
    Run(ChannelId),
    /// A session ended.
    Over(ChannelId),
    /// A dialplan changed a channel's connected line: its phone is told.
    Connected(ChannelId),
    /// A fact about a bridge changed: choose again.
    Choose(BridgeId),
    /// Sounds of a channel that could not begin.
    Unsound(ChannelId),
    /// A called channel that needs no way and no ports can call.
    CallOut(ChannelId),
}

/// All calls of one switch.
#[derive(Debug)]
pub(super) struct Calls {
    channels: Shelf<ChannelId, Channel>,
    bridges: Shelf<BridgeId, Bridge>,
    dialogs: dialog::Directory<ChannelId>,
    ports: HashMap<PortId, ChannelId, foldhash::fast::RandomState>,
    /// The dialplan as it is written.
    written: Arc<Dialplan>,
    /// The same with the extensions of parking lots.
    plan: Arc<Dialplan>,
    /// Parked calls by lot.
    lots: BTreeMap<String, park::Lot>,
    globals: Globals,
    database: Database,
    work: VecDeque<Work>,
    /// Channels whose deadline may have changed.
    touched: BTreeSet<ChannelId>,
    deadlines: BTreeSet<(Moment, ChannelId)>,
    next_channel: u64,
    next_name: u32,
    /// Local channels are counted apart, as in Asterisk.
    next_local: u32,
    next_port: u64,
    next_bridge: u64,
    next_sound: u64,
    /// Calls that ever came or were made, for `core show channels`.
    processed: u64,
    /// Sounds that phones play for halves of Local channels.
    lent: BTreeMap<SoundId, lent::Lent>,
    /// Questions for RTP counters, and the ports that have not told theirs yet.
    counting: Vec<(u64, BTreeSet<PortId>)>,
    conferences: BTreeMap<String, conference::Conference>,
    /// Messages whose caller has hung up, by the recording that is being completed.
    completing: BTreeMap<SoundId, mail::Mailing>,
    /// Passwords of mailboxes that were changed since `voicemail.conf` was read.
    passwords: BTreeMap<String, String>,
    /// Halves of Local channels that sit in a room.
    lent_seats: Vec<ChannelId>,
    /// Bridges of `BridgeWait`.
    holding: BTreeMap<String, holding::HoldingBridge>,
    /// Channels that listen in on others.
    spies: Vec<ChannelId>,
    /// Channels that left a bridge with their media elsewhere: it must come back, if they live on without another bridge.
    homeward: Vec<ChannelId>,
    effects: Vec<session::Effect>,
    events: Vec<session::Event>,
}

impl Calls {
    /// No calls and an empty dialplan.
    pub fn new(seed: u64) -> Calls {
        Calls {
            channels: Shelf::default(),
            bridges: Shelf::default(),
            dialogs: dialog::Directory::new(seed),
            ports: HashMap::default(),
            written: Arc::default(),
            plan: Arc::default(),
            lots: BTreeMap::new(),
            globals: Globals::default(),
            database: Database::default(),
            work: VecDeque::new(),
            touched: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            next_channel: 0,
            next_name: 0,
            next_local: 0,
            next_port: 0,
            next_bridge: 0,
            next_sound: 0,
            processed: 0,
            lent: BTreeMap::new(),
            counting: Vec::new(),
            conferences: BTreeMap::new(),
            completing: BTreeMap::new(),
            passwords: BTreeMap::new(),
            lent_seats: Vec::new(),
            holding: BTreeMap::new(),
            spies: Vec::new(),
            homeward: Vec::new(),
            effects: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Takes another dialplan over.
    pub fn set_plan(&mut self, plan: Arc<Dialplan>, services: &Services) {
        self.globals.load(&plan);
        self.written = plan;
        self.add_parking(services);
    }

    /// Gives the dialplan the extensions of parking lots.
    fn add_parking(&mut self, services: &Services) {
        self.plan = match &unparked::extensions(services)[..] {
            [] => self.written.clone(),
            added => Arc::new(self.written.with_added(added)),
        };
    }

    /// The dialplan in force.
    pub fn plan(&self) -> &Dialplan {
        &self.plan
    }

    /// A channel that rings: who calls and who is called.
    pub fn ringing(&self, channel: u64) -> Option<Ringing> {
        let channel = self.channels.get(&ChannelId(channel))?;
        let seen = |party: &channel::Party| {
            let named = (party.name.clone(), party.number.clone());
            (party.is_shown() && !party.number.is_empty()).then_some(named)
        };
        Some(Ringing { caller: seen(&channel.connected), called: seen(&channel.caller) })
    }

    /// Whether no call is alive.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// Dialogs alive.
    pub fn dialogs(&self) -> usize {
        self.dialogs.len()
    }

    /// When [`Switch::calls_due`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(at, _)| *at)
    }
}

impl Switch {
    /// Does what earlier steps led to, until nothing is left. Every entry into this room ends with it.
    fn settle(&mut self, now: Now, out: &mut Actions) {
        for _ in 0..limits::CALL_STEPS {
            let Some(work) = self.calls.work.pop_front() else {
                if self.calls.homeward.is_empty() {
                    break;
                }
                self.bring_home(now, out);
                continue;
            };
            match work {
                Work::Event(channel, event) => self.hear(now, channel, event, out),
                Work::Run(channel) => self.run(now, channel, out),
                Work::Connected(channel) => self.tell_connected(now, channel, out),
                Work::Over(channel) => self.session_over(now, channel, out),
                Work::Choose(bridge) => self.choose(now, bridge, out),
                Work::Unsound(channel) => self.unsound(now, channel, out),
                Work::CallOut(channel) => self.predial(now, channel, out),
            }
        }
        while let Some(id) = self.calls.touched.pop_first() {
            self.schedule(id);
        }
        if !self.calls.work.is_empty() {
            // The rest goes on in the next turn: no call may keep the others waiting.
            let id = match self.calls.work.front() {
                Some(
                    Work::Event(id, _)
                    | Work::Run(id)
                    | Work::Over(id)
                    | Work::Connected(id)
                    | Work::CallOut(id)
                    | Work::Unsound(id),
                ) => *id,
                // Whoever it is: a turn is what is wanted.
                Some(Work::Choose(_)) | None => ChannelId(0),
            };
            self.calls.deadlines.insert((now.at, id));
        }
    }

    /// Brings a channel's deadline up to date, and removes a channel that is over.
    fn schedule(&mut self, id: ChannelId) {
        self.show_lamp(id);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let next = channel.next_deadline();
        if let Some(before) = std::mem::replace(&mut channel.scheduled, next) {
            self.calls.deadlines.remove(&(before, id));
        }
        if let Some(at) = next {
            self.calls.deadlines.insert((at, id));
        }
        if channel.is_over() {
            self.calls.channels.remove(&id);
            if let Some(at) = next {
                self.calls.deadlines.remove(&(at, id));
            }
        }
    }

    /// Tells the lamps when a channel shows something else than before.
    fn show_lamp(&mut self, id: ChannelId) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let shown = channel.shown();
        if channel.lamp != shown {
            channel.lamp = shown;
            let endpoint = channel.endpoint.name.clone();
            self.channel_shows(&endpoint, id.0, shown);
        }
    }

    /// Timers of calls.
    pub(super) fn calls_due(&mut self, now: Now, out: &mut Actions) {
        for _ in 0..limits::BATCH * 16 {
            let Some((at, id)) = self.calls.deadlines.first().copied() else { break };
            if at > now.at {
                break;
            }
            self.calls.deadlines.remove(&(at, id));
            if let Some(channel) = self.calls.channels.get_mut(&id) {
                channel.scheduled = None;
            }
            self.channel_due(now, id, out);
            self.calls.touched.insert(id);
            self.settle(now, out);
        }
    }
}
