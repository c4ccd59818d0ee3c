//! REFER from a phone: its partner goes elsewhere, and the phone is told how that goes.
//!
//! ```text
//! REFER ─┬─ blind: partner ─► extension, watched ── 180, 183, 200, 486, 503 ─► NOTIFY … NOTIFY (last) ─► BYE
//!        ├─ Replaces of a call of ours: both partners are joined ────────────────► NOTIFY 200 (last) ──► BYE
//!        │  or the partner, through a Local channel, with what the other call runs (a conference, a queue of music)
//!        └─ Replaces of another server's: partner ─► `external_replaces`, watched
//! ```

use super::announce::Limits;
use super::channel::{ChannelId, Doing};
use super::replace::Replaces;
use crate::base::time::Now;
use crate::dialplan::action::Indication;
use crate::dialplan::{Match, Place, Query};
use crate::session::Refer;
use crate::sip::wire::Uri;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

const REFER: &str = "res_pjsip_refer.c";

/// Where the dialplan calls the other server that a Replaces names.
const EXTERNAL: &str = "external_replaces";

/// How a REFER went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    /// It is decided.
    Done(u16),
    /// The partner is on its way: what becomes of it is told later.
    Away(ChannelId),
}

impl Switch {
    /// REFER from a phone: its partner goes elsewhere.
    pub(super) fn transfer_asked(&mut self, now: Now, id: ChannelId, refer: Refer, out: &mut Actions) {
        let target = Uri::parse(&refer.target).ok().filter(Uri::is_sip);
        let went = match (target, &refer.replaces) {
            (None, _) => Went::Done(400),
            (Some(_), Some(replaces)) => self.attended(now, id, replaces, &refer, out),
            (Some(target), None) => self.blind(now, id, (&target.user_text(), None), &refer, out),
        };
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let (name, progress) = (channel.name.clone(), channel.endpoint.options.refer_blind_progress);
        let result = match went {
            Went::Done(code) => code,
            Went::Away(_) => 200,
        };
        self.ears.log(out, Level::Verbose, REFER, || format!("{name}: transfer answered with {result}"));
        let watched = match went {
            Went::Away(other) if refer.subscribes && progress => Some(other),
            _ => None,
        };
        if let Some(other) = watched.and_then(|other| self.calls.channels.get_mut(&other)) {
            other.watcher = Some(id);
        }
        // With a subscription the transfer is accepted first and its result told by NOTIFY (RFC 3515).
        let answer = if refer.subscribes { 202 } else { result };
        self.with_session(now, id, out, |session, cx| {
            // Both fail only for a call that ends meanwhile: its phone asks no more.
            let _ = session.answer_refer(cx, answer);
            if refer.subscribes {
                let code = if watched.is_some() { 100 } else { result };
                let _ = session.notify_sipfrag(cx, code, "", watched.is_none());
            }
        });
        match self.calls.channels.get_mut(&id) {
            // It hears the end of it before it is hung up.
            Some(channel) if result == 200 && refer.subscribes => channel.is_leaving = true,
            Some(_) if result == 200 => self.hang_up(now, id, 16, out),
            _ => {}
        }
    }

    /// A phone was told the end of its transfer: it has nothing more to do here.
    pub(super) fn transfer_told(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        if self.calls.channels.get(&id).is_some_and(|channel| channel.is_leaving) {
            self.hang_up(now, id, 16, out);
        }
    }

    /// What a transferred channel hears, told to who transferred it (`refer_blind_progress`). A final code ends it.
    pub(super) fn transfer_progress(&mut self, now: Now, id: ChannelId, code: u16, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(watcher) = channel.watcher else { return };
        if code >= 200 {
            channel.watcher = None;
        }
        self.with_session(now, watcher, out, |session, cx| {
            // One that has hung up itself wants to know nothing more.
            let _ = session.notify_sipfrag(cx, code, "", code >= 200);
        });
    }

    /// What an indication to a transferred channel means for who transferred it.
    pub(super) fn transfer_indicated(
        &mut self,
        now: Now,
        id: ChannelId,
        indication: Indication,
        out: &mut Actions,
    ) {
        let code = match indication {
            Indication::Ringing => 180,
            Indication::Progress => 183,
            Indication::Proceeding => 100,
            Indication::Busy => 486,
            Indication::Congestion => 503,
        };
        self.transfer_progress(now, id, code, out);
    }

    /// A blind transfer of a channel's partner to an extension, or with `replaces` to another server's call.
    fn blind(
        &mut self,
        now: Now,
        id: ChannelId,
        (exten, replaces): (&str, Option<&[u8]>),
        refer: &Refer,
        out: &mut Actions,
    ) -> Went {
        let Some(other) = self.partner(id) else { return Went::Done(400) };
        let Some(channel) = self.calls.channels.get(&id) else { return Went::Done(500) };
        let context = channel.transfer_context();
        let exten = if exten.is_empty() { "s" } else { exten };
        let caller = self.calls.channels.get(&other).map(|c| c.caller.number.clone()).unwrap_or_default();
        let query = Query { context: &context, exten, caller: &caller, now: now.wall };
        if self.calls.plan.find(query) != Match::Found {
            self.ears.log(out, Level::Notice, REFER, || {
                format!(
                    "Extension '{exten}' does not exist in context '{context}': transfer refused with 404"
                )
            });
            return Went::Done(404);
        }
        self.leaves_soon(id);
        self.send_to(now, other, Place::new(&context, exten, 1), out);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let name = self.calls.channels.get(&id).map(|channel| channel.name.to_string());
        let variables = [
            ("BLINDTRANSFER", name),
            ("SIPTRANSFER", Some("yes".to_owned())),
            ("SIPREFERTOHDR", Some(text(&refer.refer_to))),
            ("SIPREFERRINGCONTEXT", Some(context)),
            ("__SIPREFERREDBYHDR", refer.referred_by.as_deref().map(text)),
            ("__SIPREPLACESHDR", replaces.map(text)),
        ];
        let set = variables.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        self.set_variables(other, set, out);
        Went::Away(other)
    }

    /// Replaces and Referred-By of a transferred caller's INVITE: `SIPREPLACESHDR`, `SIPREFERREDBYHDR`.
    pub(super) fn transfer_lines(&self, id: ChannelId) -> Vec<u8> {
        let caller = self.caller_side(id).and_then(|caller| self.calls.channels.get(&caller));
        let Some(caller) = caller else { return Vec::new() };
        let inherited = caller.variables().inherited();
        let mut lines = Vec::new();
        for (header, variable) in [("Replaces", "SIPREPLACESHDR"), ("Referred-By", "SIPREFERREDBYHDR")] {
            let value = inherited.value(variable).unwrap_or_default();
            // A dialplan can put anything into a variable, but no line of its own into a message.
            if !value.is_empty() && !value.chars().any(char::is_control) {
                lines.extend_from_slice(format!("{header}: {value}\r\n").as_bytes());
            }
        }
        lines
    }

    /// An attended transfer: the partners of both of the transferer's calls are joined.
    fn attended(
        &mut self,
        now: Now,
        id: ChannelId,
        replaces: &[u8],
        refer: &Refer,
        out: &mut Actions,
    ) -> Went {
        let Some(parsed) = Replaces::read(replaces) else { return Went::Done(400) };
        let Some(consulting) = self.channel_of(&parsed) else {
            return self.blind(now, id, (EXTERNAL, Some(replaces)), refer, out);
        };
        let (first, second) = match (self.partner(id), self.partner(consulting)) {
            (Some(first), Some(second)) => (first, second),
            (Some(party), None) => return self.attend_dialplan(now, party, (id, consulting), id, out),
            (None, Some(party)) => return self.attend_dialplan(now, party, (consulting, id), id, out),
            (None, None) => return Went::Done(400),
        };
        // Both halves of one Local channel: it would lead from itself to itself.
        let local = self.calls.channels.get(&first).and_then(|channel| channel.local);
        if first == consulting || first == second || local.is_some_and(|local| local.peer == second) {
            return Went::Done(400);
        }
        let limits = [first, id, second, consulting]
            .map(|leg| self.calls.channels.get_mut(&leg).and_then(|leg| leg.limits.take()));
        for leg in [id, consulting] {
            self.leaves_soon(leg);
        }
        self.detach(now, first, out);
        self.detach(now, second, out);
        // Either may be running a dialplan whose Dial was just taken from it: it waits in the new bridge.
        for leg in [first, second] {
            if let Some(channel) = self.calls.channels.get_mut(&leg) {
                channel.doing = Doing::Bridged;
            }
        }
        self.join(now, first, second, out);
        self.introduce_each_other(now, [first, second], out);
        for leg in [first, second] {
            if let Some(channel) = self.calls.channels.get_mut(&leg) {
                channel.is_kept = false;
            }
        }
        if let Some(first) = self.calls.channels.get_mut(&first) {
            // The time of a call does not become longer by a transfer.
            first.limits = limits.into_iter().fold(None, Limits::stricter);
        }
        self.hang_up(now, consulting, 16, out);
        Went::Done(200)
    }

    /// One of the transferer's calls runs a dialplan alone: who he talks to in the other one goes there, through a Local
    /// channel. `left` is his channel in the call with that party, `taken` the one that runs the dialplan.
    fn attend_dialplan(
        &mut self,
        now: Now,
        party: ChannelId,
        (left, taken): (ChannelId, ChannelId),
        asked_by: ChannelId,
        out: &mut Actions,
    ) -> Went {
        let runs = self.calls.channels.get(&taken).is_some_and(|channel| {
            channel.is_up() && (channel.program.is_some() || channel.parked().is_some())
        });
        // Behind a Local channel may be what this one would lead to: a ring of them has no phone and no end.
        let local = self.calls.channels.get(&party).is_some_and(|channel| channel.local.is_some());
        if !runs || local || self.is_being_transferred(left) || self.is_being_transferred(taken) {
            return Went::Done(400);
        }
        let Some([beside, runner]) = self.local_up(now, "_attended@transfer/n") else {
            return Went::Done(503);
        };
        self.leaves_soon(left);
        self.swap(now, (beside, left), party, out);
        self.take_alone(now, runner, taken, out);
        if self.calls.channels.get(&runner).is_some_and(|runner| matches!(runner.doing, Doing::Echo)) {
            self.echo(runner, out);
        }
        for channel in [left, taken].into_iter().filter(|channel| *channel != asked_by) {
            self.hang_up(now, channel, 16, out);
        }
        Went::Done(200)
    }
}
