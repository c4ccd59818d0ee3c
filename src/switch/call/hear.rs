//! What sessions tell, and what the call makes of it.

use super::channel::{ChannelId, Doing, Side, State};
use crate::base::time::Now;
use crate::dialplan::Outcome;
use crate::session::{Event, Reoffered, Why};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::sync::Arc;

const SESSION: &str = "res_pjsip_session.c";

impl Switch {
    pub(super) fn hear(&mut self, now: Now, id: ChannelId, event: Event, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let side = channel.side;
        match event {
            Event::PortsNeeded { streams } => {
                for (stream, kind) in streams {
                    if self.is_opening(id, stream, &kind) {
                        continue;
                    }
                    // A stream that was away has its port still.
                    match self.kept_local(id, stream, &kind) {
                        Some(local) => {
                            self.with_session(now, id, out, |session, cx| {
                                session.provide(cx, stream, Some(local))
                            });
                        }
                        None => self.open_port(id, stream, kind, out),
                    }
                }
            }
            Event::Ringing => {
                self.set_state(id, State::Ringing);
                if let Side::Called(Some(caller)) = side {
                    self.leg_rings(now, id, caller, out);
                }
            }
            Event::Progress { media } => {
                let ignored = !media && channel.endpoint.options.ignore_183_without_sdp;
                if let (Side::Called(Some(caller)), false) = (side, ignored) {
                    self.leg_progresses(now, id, caller, media, out);
                }
            }
            Event::Answered => match side {
                Side::Called(Some(caller)) => self.leg_answered(now, id, caller, out),
                _ => self.originated(now, id, out),
            },
            Event::Acknowledged => self.acknowledged(id, out),
            Event::Media(change) => self.media_changed(now, id, &change, out),
            Event::Redirected { contacts, diversion, .. } => {
                if let Side::Called(Some(caller)) = side {
                    self.leg_redirected(now, id, caller, (&contacts, &diversion), out);
                }
            }
            Event::Failed { code, reason, cause } => self.call_failed(now, id, (code, &reason, cause.0), out),
            Event::HungUp { cause, .. } => {
                let name = channel.name.clone();
                self.ended_by(id, &name);
                self.channel_gone(now, id, cause.0, out);
            }
            Event::Digit { digit, .. } => self.digit(now, id, digit, out),
            Event::ReofferDone { why, result } => self.reoffer_done(now, id, (why, result), out),
            Event::Refer(refer) => self.transfer_asked(now, id, refer, out),
            Event::ReferProgress { code, over } if over => self.refer_over(id, code),
            Event::TransferTold => self.transfer_told(now, id, out),
            Event::ConnectedLine(line) => self.connected_line(now, id, &line, out),
            Event::Text { content_type, body } => {
                self.text_heard(now, id, (&content_type, &body), out);
            }
            Event::FaxOffered { attributes, offer } => {
                self.fax_offered(now, id, (attributes, &offer), out);
            }
            Event::Oddity { endpoint, what } => {
                self.ears.log(out, Level::Warning, SESSION, || format!("Endpoint '{endpoint}': {what}"));
            }
            Event::Forwarded { .. }
            | Event::ReferProgress { .. }
            | Event::RequestDone { .. }
            | Event::FastUpdate => {}
            Event::Record(on) => self.record_asked(now, id, on, out),
            // Like a digit that nobody waits for, it is the other phone's.
            Event::Flash => {
                if let Some(partner) = self.partner(id) {
                    self.send_flash(now, partner, out);
                }
            }
            Event::Offered => self.offered_by_phone(id, out),
        }
        self.calls.touched.insert(id);
    }

    /// A call that came in stands: its media is aimed, and an `Echo` it took over, or came to at once, is joined.
    fn acknowledged(&mut self, id: ChannelId, out: &mut Actions) {
        self.aim(id, out);
        let echoes =
            |id: &ChannelId| self.calls.channels.get(id).is_some_and(|c| matches!(c.doing, Doing::Echo));
        // Behind a Local channel it waits for the same phone.
        let half = self.partner(id).and_then(|other| self.calls.channels.get(&other)?.local);
        let echoing = Some(id).filter(echoes).or(half.map(|half| half.peer).filter(echoes));
        if let Some(echoing) = echoing
            && let Some(outcome) = self.echo(echoing, out)
        {
            self.resume(echoing, outcome);
        }
    }

    fn set_state(&mut self, id: ChannelId, state: State) {
        if let Some(channel) = self.calls.channels.get_mut(&id)
            && channel.state != State::Up
        {
            channel.state = state;
        }
    }

    /// Our INVITE was refused, or theirs could not be answered.
    fn call_failed(
        &mut self,
        now: Now,
        id: ChannelId,
        (code, reason, cause): (u16, &str, u8),
        out: &mut Actions,
    ) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.cause = cause;
        self.keep_cause(id, (code, reason, cause));
        self.channel_gone(now, id, cause, out);
    }

    /// Who ended a channel's call, and with it its partner's.
    pub(super) fn ended_by(&mut self, id: ChannelId, source: &Arc<str>) {
        for id in [Some(id), self.partner(id)].into_iter().flatten() {
            if let Some(channel) = self.calls.channels.get_mut(&id) {
                channel.hangup_source.get_or_insert_with(|| Arc::clone(source));
            }
        }
    }

    /// `HANGUPCAUSE()` of a called leg, kept by its caller.
    pub(super) fn keep_cause(&mut self, leg: ChannelId, (code, reason, cause): (u16, &str, u8)) {
        let Some(channel) = self.calls.channels.get(&leg) else { return };
        let (name, Side::Called(Some(caller))) = (channel.name.clone(), channel.side) else { return };
        let Some(caller) = self.calls.channels.get_mut(&caller) else { return };
        caller.causes.retain(|(known, ..)| *known != name);
        if caller.causes.len() >= crate::base::limits::HANGUP_CAUSES {
            caller.causes.remove(0);
        }
        let reason = reason.chars().take(crate::base::limits::REASON_CHARS).collect();
        caller.causes.push((name, code, reason, cause));
    }

    fn reoffer_done(&mut self, now: Now, id: ChannelId, (why, result): (Why, Reoffered), out: &mut Actions) {
        if why == Why::Fax {
            self.fax_answered(now, id, result, out);
        }
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let moved = std::mem::take(&mut channel.moved);
        let Some(bridge) = channel.bridge else { return };
        if why == Why::DirectMedia {
            self.redirected(bridge, id, result, moved);
        }
        self.choose_later(bridge);
    }

    fn refer_over(&mut self, id: ChannelId, code: u16) {
        let status = if (200..300).contains(&code) { "SUCCESS" } else { "FAILURE" };
        if self
            .calls
            .channels
            .get(&id)
            .is_some_and(|c| matches!(c.doing, super::channel::Doing::Transferring(_)))
        {
            self.resume(id, Outcome::Transferred { status, protocol: code });
        }
    }
}
