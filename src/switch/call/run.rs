//! Running a channel's dialplan: one priority after the other until it must wait.

use super::Work;
use super::channel::{Channel, ChannelId, Doing};
use super::host::ChannelHost;
use super::message::receive_is_over;
use crate::base::time::{Moment, Now};
use crate::dialplan::{End, Outcome, Program, Step};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::sync::Arc;

impl Switch {
    /// Runs a channel's dialplan up to its next wait.
    pub(super) fn run(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(mut program) = channel.program.take() else { return };
        let plan = Arc::clone(&self.calls.plan);
        let step = {
            let mut host = ChannelHost { switch: self, out, id, now };
            program.step(now, &plan, &mut host)
        };
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.program = Some(program);
        self.calls.touched.insert(id);
        match step {
            Step::Waiting => {}
            Step::Yield => self.calls.work.push_back(Work::Run(id)),
            Step::Finished(end) => self.dialplan_over(now, id, &end, out),
            Step::Do(action) => {
                if let Some(outcome) = self.act(now, id, action, out) {
                    self.resume(id, outcome);
                }
            }
        }
    }

    /// Tells a channel's dialplan what came of its action; it goes on with the next round of work.
    pub(super) fn resume(&mut self, id: ChannelId, outcome: Outcome) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.doing = Doing::Nothing;
        if let Some(program) = &mut channel.program {
            program.resume(outcome);
            self.calls.work.push_back(Work::Run(id));
        }
        self.calls.touched.insert(id);
    }

    /// The dialplan ended: so does the call.
    fn dialplan_over(&mut self, now: Now, id: ChannelId, end: &End, out: &mut Actions) {
        if self.calls.channels.get(&id).is_some_and(|channel| channel.suspended.is_some()) {
            return self.subroutine_over(now, id, matches!(end, End::Hangup { .. }), out);
        }
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.program = None;
        channel.doing = Doing::Nothing;
        if channel.hung_up {
            channel.ended = channel.session.is_none();
            return;
        }
        let name = channel.name.clone();
        let cause = end.cause().unwrap_or(match channel.cause {
            0 => 16,
            cause => cause,
        });
        if let End::NoExtension(_) | End::UnknownApplication(_) | End::Failed { .. } | End::Looped = end {
            self.ears.log(out, Level::Warning, "pbx.c", || format!("{name}: {end}; the call ends"));
        }
        self.hang_up(now, id, cause, out);
    }

    /// What a channel waits for is over, or its session has something to do.
    pub(super) fn channel_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let due = |session: &crate::session::Session| session.deadline().is_some_and(|at| at <= now.at);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.session.as_deref().is_some_and(due) {
            self.with_session(now, id, out, |session, cx| session.expire(cx));
        }
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if let Some(program) = &mut channel.program
            && program.absolute_deadline().is_some_and(|at| at <= now.at)
        {
            program.absolute_timeout();
            self.interrupt(now, id, out);
            self.calls.work.push_back(Work::Run(id));
            return;
        }
        self.service_due(now, id, out);
        self.redirect_due(now, id);
        self.origin_due(now, id, out);
        self.sending_due(now, id, out);
        self.limits_due(now, id, out);
        self.patience_due(now, id);
        self.hooks_due(now, id, out);
        let Some(channel) = self.calls.channels.get(&id) else { return };
        match &channel.doing {
            Doing::Answering { until, .. } | Doing::Waiting(until) | Doing::Sending(until)
                if *until <= now.at =>
            {
                self.resume(id, Outcome::Done);
            }
            Doing::Transferring(until) if *until <= now.at => {
                self.resume(id, Outcome::Transferred { status: "FAILURE", protocol: 408 });
            }
            Doing::Digit(Some(until)) if *until <= now.at => self.resume(id, Outcome::TimedOut),
            Doing::Refusing(Some(until)) if *until <= now.at => self.resume(id, Outcome::Done),
            Doing::Dialling(_) => self.dial_due(now, id, out),
            Doing::Parked(_) => self.parking_due(now, id, out),
            Doing::Sounding(sounding) if sounding.until.is_some_and(|until| until <= now.at) => {
                self.sounding_due(now, id, out);
            }
            Doing::Introducing(introducing) if introducing.until.is_some_and(|until| until <= now.at) => {
                self.introduction_found(now, id, false, out);
            }
            Doing::Conference => self.conference_due(now, id, out),
            Doing::Held => self.holding_due(now, id, out),
            Doing::Mail(mailing) if mailing.until.is_some_and(|until| until <= now.at) => {
                self.mail_due(now, id, out);
            }
            Doing::Spying => self.spying_due(now, id, out),
            doing if receive_is_over(doing, now.at) => {
                self.resume(id, Outcome::Status("FAILURE".into()));
            }
            _ => {}
        }
    }

    /// Ends what a channel does, without an outcome: its dialplan goes elsewhere.
    pub(super) fn interrupt(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        self.leave_service(now, id, out);
        self.leave_mail(now, id, out);
        self.stop_doing(id, out);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if let Doing::Dialling(dialling) = std::mem::take(&mut channel.doing) {
            self.end_legs(now, &dialling, 16, out);
            self.end_unjoined(now, &dialling, 16, out);
        }
        self.leave_rooms(now, id, out);
        self.leave_bridge(now, id, out);
    }

    /// Ends what a channel's application does with its sound. What is a matter of its call (`Dial`, a bridge, a room) or
    /// of a message that it leaves stays as it is.
    pub(super) fn stop_doing(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        match std::mem::take(&mut channel.doing) {
            Doing::Echo => self.unjoin_all(id, out),
            Doing::Introducing(introducing) => self.end_introduction(id, *introducing, out),
            Doing::Sounding(sounding) => {
                self.hush(id, out);
                if let Some(sound) = sounding.playing {
                    self.stop_sound(id, sound, out);
                }
            }
            // What is heard meanwhile: `m` and `d` of `WaitExten`, the tone of `Busy`.
            Doing::Digit(_) | Doing::Refusing(_) => self.hush(id, out),
            Doing::Sending(_) => channel.sending = None,
            Doing::Nothing
            | Doing::Answering { .. }
            | Doing::Waiting(_)
            | Doing::Transferring(_)
            | Doing::Text(_)
            | Doing::Originating => {}
            doing @ (Doing::Dialling(_)
            | Doing::Bridged
            | Doing::Parked(_)
            | Doing::Conference
            | Doing::Held
            | Doing::Mail(_)
            | Doing::Spying) => channel.doing = doing,
        }
    }

    /// Takes a channel out of what is more than a bridge of two: a conference, a holding bridge, listening in.
    pub(super) fn leave_rooms(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        self.leave_mail(now, id, out);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if let Doing::Conference | Doing::Held | Doing::Spying = channel.doing {
            channel.doing = Doing::Nothing;
        }
        self.leave_conference(now, id, out);
        self.leave_holding(id, out);
        self.leave_spying(id, out);
    }

    /// A digit was pressed.
    pub(super) fn digit(&mut self, now: Now, id: ChannelId, digit: char, out: &mut Actions) {
        self.volume_digit(id, digit, out);
        if self.screening_digit(now, id, digit, out) {
            return;
        }
        if self.three_with(id).is_some() {
            return self.digit_in_bridge(now, id, digit, out);
        }
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        match &channel.doing {
            Doing::Conference => self.conference_digit(now, id, digit, out),
            Doing::Spying => self.spy_digit(now, id, digit, out),
            Doing::Mail(_) => self.mail_digit(now, id, digit, out),
            Doing::Digit(_) => self.resume(id, Outcome::Digit(digit)),
            Doing::Sounding(_) => self.digit_while_sounding(now, id, digit, out),
            Doing::Introducing(_) => self.introduction_digit(id, digit, out),
            Doing::Echo if digit == '#' => {
                self.unjoin_all(id, out);
                self.resume(id, Outcome::Done);
            }
            _ if channel.bridge.is_some() || channel.service.is_some() => {
                self.digit_in_bridge(now, id, digit, out);
            }
            Doing::Dialling(_) => self.digit_while_dialling(now, id, digit, out),
            _ if channel.digits.len() < crate::base::limits::CHANNEL_DIGITS => channel.digits.push(digit),
            _ => {}
        }
    }
}

impl Channel {
    /// When it has something to do next.
    pub fn next_deadline(&self) -> Option<Moment> {
        let doing = match &self.doing {
            Doing::Answering { until: at, .. }
            | Doing::Waiting(at)
            | Doing::Sending(at)
            | Doing::Transferring(at) => Some(*at),
            Doing::Digit(at) | Doing::Refusing(at) | Doing::Text(at) => *at,
            Doing::Dialling(dialling) => dialling.next_deadline(),
            Doing::Sounding(sounding) => sounding.until,
            Doing::Introducing(introducing) => introducing.until,
            Doing::Parked(parked) => parked.until,
            Doing::Mail(mailing) => mailing.until,
            Doing::Nothing | Doing::Echo | Doing::Bridged | Doing::Originating => None,
            Doing::Conference => self.attending.as_ref().and_then(|attending| attending.next_deadline()),
            Doing::Held => self.held.as_ref().and_then(|held| held.until),
            Doing::Spying => self.spying.as_ref().and_then(|spying| spying.look),
        };
        let session = self.session.as_ref().and_then(|session| session.deadline());
        let absolute = self.program.as_ref().and_then(Program::absolute_deadline);
        let service = self.service.as_ref().and_then(|service| service.until);
        let origin = self.origin.as_ref().and_then(|origin| origin.deadline);
        let (sending, hook) = (self.sending.as_ref().map(|sending| sending.next), self.periodic.next());
        let limits = self.limits.as_ref().map(|limits| limits.next());
        let more = [origin, sending, hook, self.redirect_at, self.pressed.until, limits, self.sound.patience];
        [doing, session, absolute, service].into_iter().chain(more).flatten().min()
    }
}
