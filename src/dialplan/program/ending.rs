//! How a run comes to its end: out of priorities, timeouts, the hangup extension and the handlers.

use super::*;
use std::time::Duration;

/// How long a call that fell through hears congestion or busy.
const FAREWELL: Duration = Duration::from_secs(10);

impl Program {
    /// The run is over as far as its own priorities go.
    pub(super) fn end(&mut self, end: End) {
        self.state = State::Ready;
        self.phase = match std::mem::replace(&mut self.phase, Phase::Running) {
            Phase::Running => Phase::Ending(end),
            // A hangup extension or handler that ended: what comes after it.
            Phase::HangupExten(first) | Phase::Handlers(first) | Phase::Ending(first) => {
                Phase::Handlers(first)
            }
            Phase::Over(first) => Phase::Over(first),
        };
        if matches!(self.phase, Phase::Handlers(_)) {
            // No priority: the next step takes the next handler.
            self.memory.place.priority = 0;
        }
    }

    /// A dialplan that loops ends; a hangup extension or handler that does takes those after it along.
    pub(super) fn break_loop(&mut self) -> Option<Step> {
        if let Phase::HangupExten(end) | Phase::Handlers(end) = &self.phase {
            self.phase = Phase::Over(end.clone());
        } else {
            self.end(End::Looped);
        }
        None
    }

    pub(super) fn stop(&mut self, end: End) -> Option<Step> {
        self.end(end);
        None
    }

    /// There is no such priority, or no such extension.
    pub(super) fn out_of_priorities(
        &mut self,
        now: Now,
        plan: &Dialplan,
        host: &mut dyn Host,
        miss: Miss,
    ) -> Option<Step> {
        if let Phase::HangupExten(_) | Phase::Handlers(_) = self.phase {
            return self.next_handler(now, plan, host);
        }
        let exten = self.memory.place.exten.clone();
        if !self.has(&exten, Mode::Match, now, plan, host) {
            return self.invalid(&exten, miss, now, plan, host);
        }
        if !plan.general.auto_fall_through {
            self.state = State::Collecting(Digits { text: String::new(), given: 0 });
            return None;
        }
        let status = self.memory.variables.value("DIALSTATUS").unwrap_or("UNKNOWN").to_owned();
        host.say(Level::Verbose(3), &format!("Auto fallthrough, channel status is '{status}'"));
        let indication = match status.as_str() {
            "CONGESTION" | "CHANUNAVAIL" => Indication::Congestion,
            "BUSY" => Indication::Busy,
            _ => return self.stop(End::OutOfPriorities),
        };
        let app =
            super::super::apps::find(if indication == Indication::Busy { "Busy" } else { "Congestion" });
        let app = app.expect("both are in the table of applications");
        self.act(app, Action::Refuse { indication, until: Some(now.at + FAREWELL) }, false)
    }

    /// To `i`, else `e`, else the end.
    pub(super) fn invalid(
        &mut self,
        tried: &str,
        miss: Miss,
        now: Now,
        plan: &Dialplan,
        host: &mut dyn Host,
    ) -> Option<Step> {
        // A missing i or e must not lead to itself for ever.
        if tried != "i" && self.has("i", Mode::Match, now, plan, host) {
            if let Err(why) = self.memory.variables.set("INVALID_EXTEN", tried) {
                host.say(Level::Warning, &why.to_string());
            }
            return self.go_to("i");
        }
        if tried != "e" && self.has("e", Mode::Match, now, plan, host) {
            return self.raise("INVALID");
        }
        let place = &self.memory.place;
        let text = format!(
            "Channel sent to invalid extension but no invalid handler: context,exten,priority={},{tried},{}: {miss}",
            place.context, place.priority
        );
        host.say(Level::Warning, &text);
        self.stop(End::NoExtension(miss))
    }

    /// `TIMEOUT(absolute)` is over: to `T`, else `e`, else the end.
    pub(super) fn after_absolute_timeout(
        &mut self,
        now: Now,
        plan: &Dialplan,
        host: &mut dyn Host,
    ) -> Option<Step> {
        self.absolute = false;
        self.memory.timeouts.absolute = None;
        if self.has("T", Mode::Match, now, plan, host) {
            return self.go_to("T");
        }
        if self.has("e", Mode::Match, now, plan, host) {
            return self.raise("ABSOLUTETIMEOUT");
        }
        self.stop(End::TimedOut)
    }

    /// The hangup extension of the current context, if there is one and no bridge ran it.
    pub(super) fn begin_ending(&mut self, now: Now, plan: &Dialplan, host: &mut dyn Host) -> Option<Step> {
        let Phase::Ending(end) = self.phase.clone() else { return None };
        self.memory.frames.clear();
        self.memory.loops.clear();
        self.idle_priorities = 0;
        let wanted = !self.hangup_exten_ran && !matches!(end, End::Returned(_));
        if wanted && self.has("h", Mode::Match, now, plan, host) {
            self.phase = Phase::HangupExten(end);
            return self.go_to("h");
        }
        self.phase = Phase::Handlers(end);
        self.next_handler(now, plan, host)
    }

    /// The next hangup handler, last pushed first; after the last one the run is over.
    pub(super) fn next_handler(&mut self, now: Now, plan: &Dialplan, host: &mut dyn Host) -> Option<Step> {
        let (Phase::HangupExten(end) | Phase::Handlers(end)) = self.phase.clone() else { return None };
        self.memory.frames.clear();
        self.memory.loops.clear();
        while let Some(handler) = self.memory.hangup_handlers.pop() {
            let (label, arguments) = match handler.split_once('(') {
                Some((label, rest)) => (label, rest.strip_suffix(')').unwrap_or(rest)),
                None => (handler.as_str(), ""),
            };
            let mut scope = Scope::new(&mut self.memory, plan, host, now);
            let nowhere = Place { priority: 0, ..scope.memory.place.clone() };
            let arguments = super::super::arguments::split_raw(arguments, ',', 100);
            let entered = target(&mut scope, label)
                .and_then(|place| enter(&mut scope, nowhere, &arguments).map(|()| place));
            match entered {
                Ok(place) => {
                    self.memory.place = place;
                    self.phase = Phase::Handlers(end);
                    self.state = State::Ready;
                    return None;
                }
                Err(why) => scope.warn(&format!("hangup handler '{handler}': {why}")),
            }
        }
        self.phase = Phase::Over(end);
        None
    }
}
