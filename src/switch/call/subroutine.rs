//! Subroutines that `Dial` runs beside the dialplan: `B` on the caller before anybody is called, `b` on each called
//! channel before its INVITE, `U` on the called side before it is joined with the caller.

use super::Work;
use super::channel::{Channel, ChannelId, Doing};
use super::host::ChannelHost;
use super::screen::Screening;
use crate::base::time::Now;
use crate::dialplan::apps::dial::{Dial, GosubResult, Jump};
use crate::dialplan::{After, DialStatus, Outcome, Place, Program};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::sync::Arc;

/// What follows a subroutine.
#[derive(Debug)]
pub(super) enum Then {
    /// The `Dial` begins.
    Dial(Box<Dial>, Option<Box<Screening>>),
    /// The called channel's INVITE goes out.
    CallOut,
    /// The called channel is joined with that caller.
    Join(ChannelId),
    /// An application of features.conf: the bridge goes on, where that channel waits.
    Bridge(ChannelId),
    /// A party of a conference comes back (`dialplan_exec`).
    Conference,
}

/// A dialplan that waits for a subroutine, if there is one, and what follows.
#[derive(Debug)]
pub(super) struct Suspended {
    program: Option<Program>,
    doing: Doing,
    pub then: Then,
}

impl Suspended {
    pub fn new(program: Option<Program>, doing: Doing, then: Then) -> Suspended {
        Suspended { program, doing, then }
    }
}

impl Switch {
    /// Runs a subroutine on a channel. `false` when there is no such place: what follows is done without it.
    pub(super) fn call_subroutine(
        &mut self,
        now: Now,
        id: ChannelId,
        (jump, here): (&Jump, &Place),
        then: Then,
        out: &mut Actions,
    ) -> Result<(), Then> {
        let Some(channel) = self.calls.channels.get(&id) else { return Err(then) };
        let (caller, name) = (channel.caller.number.clone(), channel.name.clone());
        let plan = Arc::clone(&self.calls.plan);
        let place = match plan.resolve(jump, here, &caller, now.wall) {
            Ok(place) => place,
            Err(why) => {
                self.ears
                    .log(out, Level::Warning, "app_stack.c", || format!("{name}: no subroutine at {why}"));
                return Err(then);
            }
        };
        let Some(channel) = self.calls.channels.get_mut(&id) else { return Err(then) };
        let variables = match &mut channel.program {
            Some(program) => program.take_variables(),
            None => std::mem::take(&mut channel.variables),
        };
        let program = {
            let mut host = ChannelHost { switch: self, out, id, now };
            Program::subroutine(place, (&jump.arguments, variables), &plan, &mut host, now)
        };
        let Some(channel) = self.calls.channels.get_mut(&id) else { return Err(then) };
        let before = channel.program.replace(program);
        let doing = std::mem::take(&mut channel.doing);
        channel.suspended = Some(Box::new(Suspended { program: before, doing, then }));
        self.calls.work.push_back(Work::Run(id));
        self.calls.touched.insert(id);
        Ok(())
    }

    /// A subroutine ended, by Return or otherwise: its channel goes on with what waited. `ends`: by
    /// `Hangup`.
    pub(super) fn subroutine_over(&mut self, now: Now, id: ChannelId, ends: bool, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(suspended) = channel.suspended.take() else { return };
        let result = channel.program.as_ref().and_then(|program| program.variables().value("GOSUB_RESULT"));
        let result = GosubResult::parse(result.unwrap_or_default());
        let hung_up = channel.hung_up;
        let variables = channel.program.as_mut().map(Program::take_variables).unwrap_or_default();
        channel.program = suspended.program;
        match &mut channel.program {
            Some(program) => program.inherit(variables),
            None => channel.variables = variables,
        }
        channel.doing = suspended.doing;
        if hung_up {
            if let Then::Dial(_, Some(screening)) = &suspended.then {
                self.forget_introduction(screening, out);
            }
            let Some(channel) = self.calls.channels.get_mut(&id) else { return };
            if let Some(program) = &mut channel.program {
                program.hung_up();
                self.calls.work.push_back(Work::Run(id));
            } else {
                channel.ended = channel.session.is_none();
            }
            return;
        }
        match suspended.then {
            Then::Dial(dial, screening) => {
                if let Some(outcome) = self.dial_targets(now, id, (dial, screening), out) {
                    self.resume(id, outcome);
                }
            }
            Then::CallOut => self.call_out(now, id, out),
            Then::Bridge(waits) => self.application_over(now, (id, waits), ends, out),
            Then::Conference => self.back_in_conference(now, id, out),
            Then::Join(caller) => self.after_screening(now, id, caller, &result, out),
        }
    }

    /// Drops the subroutine that a channel runs, and what should follow it: the channel goes elsewhere.
    pub(super) fn leave_subroutine(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(suspended) = channel.suspended.take() else { return };
        self.leave_mail(now, id, out);
        self.stop_doing(id, out);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let variables = channel.program.as_mut().map(Program::take_variables).unwrap_or_default();
        channel.program = suspended.program;
        match &mut channel.program {
            Some(program) => program.inherit(variables),
            None => channel.variables = variables,
        }
        channel.doing = suspended.doing;
        match suspended.then {
            Then::Dial(_, Some(screening)) => self.forget_introduction(&screening, out),
            Then::Bridge(waits) => self.application_ends((id, waits), out),
            Then::Dial(_, None) | Then::CallOut | Then::Join(_) | Then::Conference => {}
        }
    }

    /// What the subroutine of option `U` decided.
    fn after_screening(
        &mut self,
        now: Now,
        leg: ChannelId,
        caller: ChannelId,
        result: &GosubResult,
        out: &mut Actions,
    ) {
        let (status, after) = match result {
            GosubResult::Bridge => return self.connect(now, leg, caller, out),
            GosubResult::Abort => {
                self.hang_up(now, leg, 16, out);
                return self.hang_up(now, caller, 16, out);
            }
            GosubResult::Congestion => (DialStatus::Congestion, After::GoOn),
            GosubResult::Busy => (DialStatus::Busy, After::GoOn),
            GosubResult::Continue => {
                // With the next priority, as if option g were set.
                let next = self.calls.channels.get(&caller).and_then(Channel::place);
                let next = next.map(|here| Place { priority: here.priority + 1, ..here });
                (DialStatus::Answer, next.map_or(After::GoOn, After::Goto))
            }
            GosubResult::Goto(jump) => {
                let here = self.calls.channels.get(&caller).and_then(Channel::place);
                let number = self.calls.channels.get(&caller).map(|c| c.caller.number.clone());
                let place = here.and_then(|here| {
                    self.calls.plan.resolve(jump, &here, &number.unwrap_or_default(), now.wall).ok()
                });
                (DialStatus::Answer, place.map_or(After::GoOn, After::Goto))
            }
        };
        let Some(channel) = self.calls.channels.get_mut(&caller) else { return };
        let Doing::Dialling(dialling) = std::mem::take(&mut channel.doing) else { return };
        if let Some(leg) = self.calls.channels.get_mut(&leg) {
            leg.side = super::channel::Side::Called(None);
        }
        self.hang_up(now, leg, 16, out);
        let outcome = Outcome::Dialled(Box::new(dialling.result(now.at, status, after)));
        self.resume(caller, outcome);
    }
}
