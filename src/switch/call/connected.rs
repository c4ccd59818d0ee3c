//! Connected lines: who a channel talks to, as its phone is told (`behaviour-session` 6.3, 6.4).
//!
//! ```text
//! answered by Dial ──► in the 200                    transferred, replaced, picked up ┐
//! phone's own PAI ──► the partner's connected line ──────────────────────────────────┼─► UPDATE, re-INVITE
//! CONNECTEDLINE() ───────────────────────────────────────────────────────────────────┘    not answered: 180, 183
//! ```

use super::channel::{Channel, ChannelId, Doing, Party, Side, State};
use super::identity;
use crate::base::digits;
use crate::base::time::Now;
use crate::config::model::endpoint_words::RefreshMethod;
use crate::session::{ConnectedLine, RefreshWith, Reoffer, RingWith, State as SessionState, Why};
use crate::sip::dialog::Role;
use crate::sip::method::Method;
use crate::switch::Switch;
use crate::switch::io::Actions;

impl Switch {
    /// Another party is at the other end of a channel: kept, and its phone is told where the options want that.
    pub(super) fn connect_line(&mut self, now: Now, id: ChannelId, party: Party, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if party.number.is_empty() || channel.connected.is_same(&party) {
            return;
        }
        channel.connected = party.clone();
        if let Some(local) = channel.local {
            self.known_behind(local.peer, &party);
            if let Some(other) = self.partner(local.peer) {
                self.connect_line(now, other, party, out);
            }
            return;
        }
        self.tell_connected(now, id, out);
    }

    /// Who is behind a Local channel is who its other half is.
    fn known_behind(&mut self, half: ChannelId, party: &Party) {
        if let Some(half) = self.calls.channels.get_mut(&half) {
            half.caller = party.clone();
        }
    }

    /// Both sides of a new bridge hear of each other.
    pub(super) fn introduce_each_other(&mut self, now: Now, legs: [ChannelId; 2], out: &mut Actions) {
        for [id, other] in [legs, [legs[1], legs[0]]] {
            if let Some(party) = self.calls.channels.get(&other).map(Channel::own_party) {
                self.connect_line(now, id, party, out);
            }
        }
    }

    /// Tells a channel's phone whom it is connected to: `send_connected_line`, `send_pai`, `send_rpid`,
    /// `connected_line_method`, `rpid_immediate`.
    pub(super) fn tell_connected(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let options = &channel.endpoint.options;
        let Some(session) = channel.session.as_ref().filter(|_| options.send_connected_line) else { return };
        let lines = channel.identity_lines();
        if lines.is_empty() {
            return;
        }
        let SessionState::Incoming { ringing } = session.state() else {
            // UPDATE wherever it is understood; the option decides for the others, which UPDATE would not reach.
            let method = match (session.peer_allows(Method::Update), options.connected_line_method) {
                (true, _) | (false, RefreshMethod::Update) => RefreshWith::Update,
                (false, RefreshMethod::Invite) => RefreshWith::Invite,
            };
            let reoffer = Reoffer { extra: lines, ..Reoffer::new(method, Why::ConnectedLine) };
            // What cannot be told any more is told to nobody.
            self.with_session(now, id, out, |session, cx| session.reoffer(cx, reoffer));
            return;
        };
        if !options.rpid_immediate {
            return;
        }
        let inband = options.inband_progress;
        self.with_session(now, id, out, |session, cx| match ringing || inband {
            true => session.progress(cx, &lines),
            false => session.ring(cx, RingWith::Plain180, &lines),
        });
    }

    /// Identity of the called party for the caller's 200. A caller answered before is told by himself.
    pub(super) fn connected_lines(
        &mut self,
        now: Now,
        caller: ChannelId,
        leg: ChannelId,
        out: &mut Actions,
    ) -> Vec<u8> {
        let Some(party) = self.calls.channels.get(&leg).map(Channel::own_party) else { return Vec::new() };
        let Some(channel) = self.calls.channels.get_mut(&caller) else { return Vec::new() };
        if channel.state == State::Up {
            self.connect_line(now, caller, party, out);
            return Vec::new();
        }
        if let Doing::Dialling(dialling) = &channel.doing
            && dialling.dial.options.ignore_connected_line
        {
            return Vec::new();
        }
        channel.connected = party.clone();
        if let Some(local) = channel.local {
            self.known_behind(local.peer, &party);
            return Vec::new();
        }
        if !channel.endpoint.options.send_connected_line {
            return Vec::new();
        }
        channel.identity_lines()
    }

    /// The peer says who it is; the session has looked whether it may.
    pub(super) fn connected_line(
        &mut self,
        now: Now,
        id: ChannelId,
        line: &ConnectedLine,
        out: &mut Actions,
    ) {
        let Some(party) = identity::connected_of(line) else { return };
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let party = Party { tag: channel.caller.tag.clone(), ..party };
        if channel.caller.is_same(&party) {
            return;
        }
        let bridge = channel.bridge.and_then(|bridge| self.calls.bridges.get(&bridge));
        if bridge.is_some_and(|bridge| bridge.options.ignore_connected_line) {
            return;
        }
        channel.caller = party.clone();
        let side = channel.side;
        let dials = |caller: &ChannelId| match self.calls.channels.get(caller).map(|c| &c.doing) {
            // With several that ring nobody knows yet who will be connected.
            Some(Doing::Dialling(dialling)) => dialling.answered.is_none() && dialling.legs.len() == 1,
            _ => false,
        };
        let other = match side {
            Side::Called(Some(caller)) if self.partner(id).is_none() => Some(caller).filter(dials),
            _ => self.partner(id),
        };
        if let Some(other) = other {
            self.connect_line(now, other, party, out);
        }
    }
}

impl Channel {
    /// Who it is for its partner: `callerid` of a called endpoint, else what is known of it.
    pub fn own_party(&self) -> Party {
        let configured = &self.endpoint.callerid;
        if self.is_caller() || configured.number().is_empty() {
            return self.caller.clone();
        }
        Party {
            name: configured.name().to_owned(),
            number: configured.number().to_owned(),
            presentation: self.endpoint.options.callerid_privacy,
            ..Party::default()
        }
    }

    /// P-Asserted-Identity and Remote-Party-ID about whom it is connected to.
    pub fn identity_lines(&self) -> Vec<u8> {
        let domain = &self.endpoint.options.from_domain;
        let host = if domain.is_empty() { digits::host_text(self.way.local) } else { domain.to_string() };
        let calling = self.session.as_ref().is_some_and(|session| session.role() == Role::Uac);
        identity::identity_lines(&self.endpoint, &self.connected, &host, calling)
    }
}
