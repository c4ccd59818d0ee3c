//! How the legs of a `Dial` end: one answers, one is refused, forwarded or gone.

use super::channel::{Channel, ChannelId, Doing, Side, State};
use super::dial::Answered;
use super::subroutine::Then;
use crate::base::time::Now;
use crate::dialplan::{After, DialStatus};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

const APP_DIAL: &str = "app_dial.c";

impl Switch {
    /// A leg answered: the others are hung up, the caller is answered, and both are joined.
    pub(super) fn leg_answered(&mut self, now: Now, leg: ChannelId, caller: ChannelId, out: &mut Actions) {
        let Some(called) = self.calls.channels.get_mut(&leg) else { return };
        called.state = State::Up;
        called.answered = Some(now.at);
        let name = called.name.clone();
        self.aim(leg, out);
        if self.calls_for_transfer(caller, leg) {
            return self.target_answered(now, caller, leg, out);
        }
        let Some(channel) = self.calls.channels.get_mut(&caller) else {
            return self.hang_up(now, leg, 16, out);
        };
        let Doing::Dialling(dialling) = &mut channel.doing else { return self.hang_up(now, leg, 16, out) };
        if dialling.answered.is_some() {
            // Two answered at once; the first one has the caller.
            return self.hang_up(now, leg, 26, out);
        }
        let number = dialling.legs.iter().find(|l| l.channel == Some(leg)).map(|l| l.number.clone());
        let number = number.unwrap_or_default();
        let answered = Answered { channel: leg, at: now.at, name: name.clone(), number: number.clone() };
        dialling.answered = Some(answered);
        let ends_too = dialling.dial.options.hangup_exten_for_called;
        let at_once = dialling.dial.options.answer_at_once;
        let losers: Vec<ChannelId> = dialling.ringing().filter(|other| *other != leg).collect();
        let cause = dialling.dial.options.losers_cause.unwrap_or(Some(26)).unwrap_or(16);
        let here = channel.place();
        if ends_too && let Some(called) = self.calls.channels.get_mut(&leg) {
            called.hangup_place = here;
        }
        let told = [("DIALSTATUS", "ANSWER"), ("DIALEDPEERNAME", &*name), ("DIALEDPEERNUMBER", &*number)];
        self.set_variables(caller, told, out);
        for loser in losers {
            if let Some(channel) = self.calls.channels.get_mut(&loser) {
                channel.side = Side::Called(None);
            }
            self.hang_up(now, loser, cause, out);
        }
        self.keep_cause(leg, (200, "OK", 16));
        self.ears.log(out, Level::Verbose, APP_DIAL, || format!("{name} answered"));
        if at_once {
            self.answer_caller(now, leg, caller, out);
        }
        if !self.ask_called(now, leg, caller, out) {
            self.admit(now, leg, caller, out);
        }
    }

    /// Who answered takes the call: he hears what option `A` announces, if anything.
    pub(super) fn admit(&mut self, now: Now, leg: ChannelId, caller: ChannelId, out: &mut Actions) {
        if !self.announce(now, leg, caller, out) {
            self.welcome(now, leg, caller, out);
        }
    }

    /// Who answered runs the subroutine of option `U`; then both are joined.
    pub(super) fn welcome(&mut self, now: Now, leg: ChannelId, caller: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&caller) else { return };
        let Doing::Dialling(dialling) = &channel.doing else { return };
        if let (Some(jump), Some(here)) = (dialling.dial.options.subroutine.clone(), channel.place()) {
            match self.call_subroutine(now, leg, (&jump, &here), Then::Join(caller), out) {
                Ok(()) => return,
                Err(_) => return self.connect(now, leg, caller, out),
            }
        }
        self.connect(now, leg, caller, out);
    }

    /// Answers the caller and joins both, once the digits of option `D` are out.
    pub(super) fn connect(&mut self, now: Now, leg: ChannelId, caller: ChannelId, out: &mut Actions) {
        let until = self.digits_before_bridge(now, leg, caller, out).filter(|until| *until > now.at);
        if let Some(until) = until
            && let Some(Doing::Dialling(dialling)) =
                self.calls.channels.get_mut(&caller).map(|c| &mut c.doing)
        {
            dialling.joins_at = Some(until);
            self.calls.touched.insert(caller);
            return;
        }
        self.connect_now(now, leg, caller, out);
    }

    pub(super) fn connect_now(&mut self, now: Now, leg: ChannelId, caller: ChannelId, out: &mut Actions) {
        if self.split(now, leg, caller, out) {
            return;
        }
        self.answer_caller(now, leg, caller, out);
        let options = match self.calls.channels.get(&caller).map(|caller| &caller.doing) {
            Some(Doing::Dialling(dialling)) => dialling.dial.options.clone(),
            _ => return self.join(now, caller, leg, out),
        };
        self.begin_limits(now, caller, &options);
        self.join(now, caller, leg, out);
        self.limits_begun(caller, &options, out);
        // Who picked the call up, or has changed since, hears of the caller.
        if let Some(party) = self.calls.channels.get(&caller).map(Channel::own_party) {
            self.connect_line(now, leg, party, out);
        }
    }

    /// A leg ended before anybody answered; when it was the last, so does the `Dial`.
    pub(super) fn leg_ended(
        &mut self,
        now: Now,
        leg: ChannelId,
        caller: ChannelId,
        cause: u8,
        out: &mut Actions,
    ) {
        if self.calls_for_transfer(caller, leg) {
            return self.target_failed(now, caller, out);
        }
        let Some(channel) = self.calls.channels.get_mut(&caller) else { return };
        let Doing::Dialling(dialling) = &mut channel.doing else { return };
        if let Some(entry) = dialling.legs.iter_mut().find(|entry| entry.channel == Some(leg)) {
            entry.cause = Some(cause);
        }
        match &dialling.answered {
            Some(answered) if answered.channel == leg && dialling.screening.is_some() => {
                channel.cause = cause;
                self.turned_away(now, caller, DialStatus::NoAnswer, out);
            }
            Some(answered) if answered.channel == leg => {
                let Doing::Dialling(dialling) = std::mem::take(&mut channel.doing) else { return };
                channel.cause = cause;
                let result = dialling.result(now.at, DialStatus::Answer, After::GoOn);
                self.resume(caller, crate::dialplan::Outcome::Dialled(Box::new(result)));
            }
            Some(_) => {}
            None => {
                channel.cause = cause;
                if dialling.ringing().next().is_none() {
                    let status = DialStatus::from_causes(dialling.legs.iter().filter_map(|leg| leg.cause));
                    self.end_dial(now, caller, status, After::GoOn, out);
                }
            }
        }
    }

    /// A leg that was being placed cannot be called.
    pub(super) fn leg_failed(
        &mut self,
        now: Now,
        leg: ChannelId,
        (cause, why): (u8, String),
        out: &mut Actions,
    ) {
        let Some(channel) = self.calls.channels.get_mut(&leg) else { return };
        channel.placing = None;
        let name = channel.name.clone();
        self.ears.log(out, Level::Warning, APP_DIAL, || format!("{name} cannot be called: {why}"));
        self.channel_gone(now, leg, cause, out);
    }
}
