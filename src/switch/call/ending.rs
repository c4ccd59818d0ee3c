//! How a channel ends: by its phone, by the dialplan, by the other leg, by an administrator.

use super::Work;
use super::channel::{ChannelId, Doing, Side};
use crate::base::time::Now;
use crate::session::Cause;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Reply;

impl Switch {
    /// Hangs a channel up, whatever it does: CANCEL, BYE or a final response, as its session stands.
    pub(in crate::switch) fn hang_up(&mut self, now: Now, id: ChannelId, cause: u8, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.hung_up {
            return;
        }
        if channel.cause == 0 || !channel.is_caller() {
            channel.cause = cause;
        }
        self.with_session(now, id, out, |session, cx| session.hangup(cx, Cause(cause)));
        self.channel_gone(now, id, cause, out);
    }

    /// A channel's call is over, by either side: its legs, its bridge and its dialplan follow.
    pub(super) fn channel_gone(&mut self, now: Now, id: ChannelId, cause: u8, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if std::mem::replace(&mut channel.hung_up, true) {
            return;
        }
        if channel.cause == 0 {
            channel.cause = cause;
        }
        let name = channel.name.clone();
        self.decided(id, || format!("{name} ends (cause {cause})"));
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.placing = None;
        self.leave_service(now, id, out);
        self.leave_mail(now, id, out);
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let side = channel.side;
        self.transfer_progress(now, id, 503, out);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let mut goes_on = None;
        match std::mem::take(&mut channel.doing) {
            Doing::Dialling(dialling) => {
                let elsewhere = if dialling.dial.options.cancel_elsewhere { 26 } else { cause };
                self.end_legs(now, &dialling, elsewhere, out);
                goes_on = self.called_continues(now, id, &dialling, out);
                self.end_unjoined(now, &dialling, cause, out);
            }
            // The media threads remove a recording whose port closes.
            Doing::Introducing(introducing) => self.end_introduction(id, *introducing, out),
            _ => {}
        }
        self.out_of_rooms(now, id, out);
        let dials_it = self.partner(id).filter(|partner| self.dials(*partner, id));
        self.leave_bridge(now, id, out);
        if let Some(called) = goes_on {
            self.continue_called(called);
        }
        self.close_ports(id, out);
        self.local_gone(id, cause, out);
        self.origin_gone(id, cause);
        let caller = match side {
            Side::Called(caller) => caller,
            // It picked the call up: the caller's `Dial` ends with it, too.
            Side::Caller => dials_it,
        };
        if let Some(caller) = caller {
            self.leg_ended(now, id, caller, cause, out);
        }
        if let Some(place) = self.calls.channels.get_mut(&id).and_then(|channel| channel.hangup_place.take())
        {
            self.run_hangup_exten(id, place);
        }
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        match &mut channel.program {
            Some(program) => {
                channel.sending = None;
                program.hung_up();
                self.calls.work.push_back(Work::Run(id));
            }
            None => channel.ended = channel.session.is_none(),
        }
        self.calls.touched.insert(id);
    }

    /// A channel that is gone is in no conference, and nobody listens in on it.
    fn out_of_rooms(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.attending.is_some()
            && let Some(program) = &mut channel.program
        {
            // Its `h` extension sees how it ended; a channel with as many variables as it may have goes without.
            let _ = program.set_variable("CONFBRIDGE_RESULT", "HANGUP");
        }
        self.leave_rooms(now, id, out);
        self.spied_gone(now, id, out);
        self.hooks_over(now, id, out);
    }

    /// Whether a channel's `Dial` was answered by `leg`.
    fn dials(&self, caller: ChannelId, leg: ChannelId) -> bool {
        match self.calls.channels.get(&caller).map(|channel| &channel.doing) {
            Some(Doing::Dialling(dialling)) => {
                dialling.answered.as_ref().is_some_and(|answered| answered.channel == leg)
            }
            _ => false,
        }
    }

    /// A session ended, with all its requests.
    pub(super) fn session_over(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.session = None;
        channel.requests.clear();
        if !channel.hung_up {
            self.channel_gone(now, id, 16, out);
        }
        self.close_ports(id, out);
        if let Some(channel) = self.calls.channels.get_mut(&id)
            && channel.program.is_none()
        {
            channel.ended = true;
        }
        self.calls.touched.insert(id);
    }

    /// The channel of that name.
    pub(in crate::switch) fn channel_named(&self, name: &str) -> Option<ChannelId> {
        self.calls
            .channels
            .values()
            .find(|channel| channel.name.eq_ignore_ascii_case(name))
            .map(|channel| channel.id)
    }

    /// All channels of a device: `PJSIP/100` has `PJSIP/100-00000001`.
    pub(super) fn channels_of_device(&self, device: &str) -> Vec<ChannelId> {
        let of = |name: &str| name.rsplit_once('-').is_some_and(|(own, _)| own.eq_ignore_ascii_case(device));
        let channels = self.calls.channels.values().filter(|channel| of(&channel.name));
        channels.map(|channel| channel.id).collect()
    }

    /// `channel request hangup`
    pub(in crate::switch) fn hang_up_named(
        &mut self,
        now: Now,
        name: Option<&str>,
        cause: u8,
        out: &mut Actions,
    ) -> Reply {
        let ids: Vec<ChannelId> = match name {
            Some(name) => self.channel_named(name).into_iter().collect(),
            None => self.calls.channels.keys().copied().collect(),
        };
        let names = ids.iter().filter_map(|id| self.calls.channels.get(id));
        let asked: Vec<String> = names.map(|c| format!("Requested Hangup on channel '{}'", c.name)).collect();
        for id in ids {
            self.hang_up(now, id, cause, out);
        }
        self.settle(now, out);
        match (asked.is_empty(), name) {
            (true, Some(name)) => Reply::Refused(format!("{name} is not a known channel")),
            (true, None) => Reply::Done("No channels to hang up".to_owned()),
            (false, _) => Reply::Done(asked.join("\n")),
        }
    }

    /// Hangs all calls up: the server stops.
    pub(in crate::switch) fn hang_up_all(&mut self, now: Now, out: &mut Actions) {
        let all: Vec<ChannelId> = self.calls.channels.keys().copied().collect();
        for id in all {
            self.hang_up(now, id, 16, out);
        }
        self.settle(now, out);
    }
}
