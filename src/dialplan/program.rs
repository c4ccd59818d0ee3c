//! The execution of a dialplan on one channel, resumable at every action.
//!
//! ```text
//!          step            Do(action)             resume(outcome)
//! Ready ─────────▶ run ───────────────▶ Waiting ───────────────────▶ Ready
//!   │               │ 256 priorities, none an action                  ▲
//!   │               └──────────▶ Yield ────────────────────────────────┘
//!   │ no further priority, Hangup(), hung_up()
//!   └──▶ Ending ──▶ h extension ──▶ hangup handlers ──▶ Finished(why)
//! ```
//! Every priority is looked up afresh, so a reload takes effect at the next one, and an extension dialled or jumped to
//! may run one priority from one pattern and the next from another, as in Asterisk.

mod digits;
mod ending;
mod outcome;
mod run;

use super::action::{Action, DialStatus, Indication, Outcome};
use super::apps::{App, Flow, enter, target};
use super::end::End;
use super::host::{Host, Level};
use super::pattern::Mode;
use super::plan::{Dialplan, Hit, Miss, Query, Wanted};
use super::scope::{Exception, Memory, Place, Scope};
use super::variables::{TooMany, Variables};
use crate::base::limits::PRIORITIES_PER_WAKE;
use crate::base::time::{Moment, Now};

/// What a channel's dialplan wants next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Do this, then call [`Program::resume`].
    Do(Action),
    /// The last action is still under way.
    Waiting,
    /// It has run long enough for one wake-up; call [`Program::step`] again when others had their turn.
    Yield,
    /// It is over, hangup extension and handlers included; hang up the channel.
    Finished(End),
}

/// A dialplan running on one channel.
#[derive(Clone, Debug)]
pub struct Program {
    memory: Memory,
    phase: Phase,
    state: State,
    /// Whether `TIMEOUT(absolute)` is to be obeyed at the next step.
    absolute: bool,
    /// Whether a bridge already ran the `h` extension.
    hangup_exten_ran: bool,
    /// Priorities run since the last action that took time.
    idle_priorities: u32,
    /// Priorities that may still run in this wake-up.
    budget: u32,
    /// One application in place of priorities: what it is, until it has run.
    only: Option<(&'static App, String)>,
    /// Whether the run ends with the application it began with.
    is_single: bool,
    /// A variable that found no room where nobody could be told: the next step says so.
    unset: Option<(&'static str, TooMany)>,
}

/// Which part of its life a program is in.
#[derive(Clone, Debug)]
enum Phase {
    Running,
    /// The end is certain; the `h` extension has not begun yet.
    Ending(End),
    HangupExten(End),
    /// Handlers that were pushed, still to run.
    Handlers(End),
    Over(End),
}

#[derive(Clone, Debug)]
enum State {
    Ready,
    Waiting(Pending),
    /// The outcome came; the next step acts on it.
    Resumed(Pending, Box<Outcome>),
    /// More digits may come.
    Collecting(Digits),
    /// No more digits come.
    Dialled(Digits),
}

/// Digits of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Digits {
    /// All of them.
    text: String,
    /// How many bytes were there before anything was collected: what `Incomplete` began with.
    given: usize,
}

/// What an outcome is for.
#[derive(Clone, Debug)]
struct Pending {
    app: &'static App,
    why: Awaits,
    /// `TryExec`: a failure does not end the run.
    trying: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Awaits {
    /// The end of an application.
    Application,
    /// The end of a `Dial` that goes on after the bridge (`g`).
    DialThatGoesOn,
    /// The end of an application after which the call ends, with this cause.
    LastWords(Option<u8>),
    /// The next digit of an extension, after these.
    Digit(Digits),
}

impl Program {
    /// A run from a place; an empty extension means `s`.
    pub fn new(place: Place) -> Program {
        let place =
            if place.exten.is_empty() { Place { exten: "s".into(), priority: 1, ..place } } else { place };
        Program {
            memory: Memory::at(place),
            phase: Phase::Running,
            state: State::Ready,
            absolute: false,
            hangup_exten_ran: false,
            idle_priorities: 0,
            budget: PRIORITIES_PER_WAKE,
            only: None,
            is_single: false,
            unset: None,
        }
    }

    /// A run of one application, as `channel originate … application` wants it. Where that jumps to, priorities run.
    pub fn application(place: Place, app: &'static App, arguments: String) -> Program {
        Program { only: Some((app, arguments)), is_single: true, ..Program::new(place) }
    }

    /// One subroutine on a channel, as `Dial`'s options `b`, `B` and `U` run it: it ends with [`End::Returned`]. The
    /// hangup extension is not run. The variables are the channel's.
    pub fn subroutine(
        place: Place,
        (arguments, variables): (&[String], Variables),
        plan: &Dialplan,
        host: &mut dyn Host,
        now: Now,
    ) -> Program {
        let mut program = Program::new(place);
        program.hangup_exten_ran = true;
        program.memory.variables = variables;
        let nowhere = Place { priority: 0, ..program.memory.place.clone() };
        let mut scope = Scope::new(&mut program.memory, plan, host, now);
        if let Err(why) = enter(&mut scope, nowhere, arguments) {
            scope.warn(&why);
        }
        program
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.memory.place
    }

    /// The application that runs, and its arguments.
    pub fn running(&self) -> Option<(&'static str, &str)> {
        self.memory.running.as_ref().map(|(name, arguments)| (*name, arguments.as_str()))
    }

    /// The application whose end it waits for.
    pub fn awaits(&self) -> Option<&'static str> {
        match &self.state {
            State::Waiting(pending) => Some(pending.app.name),
            _ => None,
        }
    }

    /// The channel's variables.
    pub fn variables(&self) -> &Variables {
        &self.memory.variables
    }

    /// Sets a channel variable, as `set_var` of an endpoint or the AMI does.
    pub fn set_variable(&mut self, name: &str, value: &str) -> Result<(), TooMany> {
        self.memory.variables.set(name, value)
    }

    /// Gives a new channel the variables it inherits.
    pub fn inherit(&mut self, variables: Variables) {
        self.memory.variables = variables;
    }

    /// Takes the variables out, when the run is over.
    pub fn take_variables(&mut self) -> Variables {
        std::mem::take(&mut self.memory.variables)
    }

    /// `TIMEOUT(absolute)`: when to call [`Program::absolute_timeout`].
    pub fn absolute_deadline(&self) -> Option<Moment> {
        self.memory.timeouts.absolute
    }

    /// The absolute timeout is over: whatever runs is interrupted, and the next step goes to `T`.
    pub fn absolute_timeout(&mut self) {
        if matches!(self.phase, Phase::Running) {
            self.absolute = true;
            self.state = State::Ready;
        }
    }

    /// Sends the channel elsewhere, whatever runs: AMI Redirect, a transfer.
    pub fn redirect(&mut self, place: Place) {
        if matches!(self.phase, Phase::Running) {
            self.memory.place = place;
            self.state = State::Ready;
            self.idle_priorities = 0;
            (self.only, self.is_single) = (None, false);
        }
    }

    /// The application under way begins anew, with the arguments it had: another phone has taken the call over.
    pub fn begin_again(&mut self) {
        let running = self.memory.running.take();
        if let (State::Waiting(_), Phase::Running, Some((name, arguments))) =
            (&self.state, &self.phase, running)
            && let Some(app) = super::apps::find(name)
        {
            (self.only, self.state) = (Some((app, arguments)), State::Ready);
        }
    }

    /// The channel hung up: whatever runs is interrupted; the next step runs the hangup extension. A `Dial` that was
    /// under way leaves `DIALSTATUS=CANCEL`, unless the variable says already that it was answered.
    pub fn hung_up(&mut self) {
        if matches!(self.phase, Phase::Running) {
            let dials = matches!(&self.state, State::Waiting(pending) if pending.app.name == "Dial");
            if dials && self.memory.variables.value("DIALSTATUS").is_none_or(str::is_empty) {
                self.set_or_tell("DIALSTATUS", DialStatus::Cancel.word());
            }
            self.end(End::ChannelGone);
        }
    }

    /// Tells what came of the action under way. Without one, nothing happens.
    pub fn resume(&mut self, outcome: Outcome) {
        let state = std::mem::replace(&mut self.state, State::Ready);
        self.state = match state {
            State::Waiting(pending) => State::Resumed(pending, Box::new(outcome)),
            other => other,
        };
    }

    /// A bridge ran the `h` extension already; it is not run again.
    pub fn hangup_exten_ran(&mut self) {
        self.hangup_exten_ran = true;
    }

    /// Runs up to the next action. Call it after each [`Program::resume`].
    pub fn step(&mut self, now: Now, plan: &Dialplan, host: &mut dyn Host) -> Step {
        while self.budget > 0 {
            self.budget -= 1;
            if let Some((name, full)) = self.unset.take() {
                host.say(Level::Warning, &format!("{name} is not set: {full}"));
            }
            let step = match (&self.phase, std::mem::replace(&mut self.state, State::Ready)) {
                (Phase::Over(end), _) => return Step::Finished(end.clone()),
                (_, State::Waiting(pending)) => {
                    self.state = State::Waiting(pending);
                    return Step::Waiting;
                }
                (Phase::Ending(_), _) => self.begin_ending(now, plan, host),
                (_, State::Resumed(pending, outcome)) => self.resumed(pending, *outcome, now, plan, host),
                (Phase::Running, State::Ready) if self.absolute => {
                    self.after_absolute_timeout(now, plan, host)
                }
                (_, State::Collecting(digits)) => self.collect(digits, now, plan, host),
                (_, State::Dialled(digits)) => self.dialled(digits, now, plan, host),
                (_, State::Ready) => self.priority(now, plan, host),
            };
            if let Some(step) = step {
                return step;
            }
        }
        self.budget = PRIORITIES_PER_WAKE;
        Step::Yield
    }

    fn set_or_tell(&mut self, name: &'static str, value: &str) {
        if let Err(full) = self.memory.variables.set(name, value) {
            self.unset = Some((name, full));
        }
    }

    fn look<'p>(
        &self,
        now: Now,
        plan: &'p Dialplan,
        host: &mut dyn Host,
        wanted: Wanted<'_>,
    ) -> Result<Hit<'p>, Miss> {
        let caller = host.caller_number();
        let place = &self.memory.place;
        let query = Query { context: &place.context, exten: &place.exten, caller: &caller, now: now.wall };
        let mut memory = None;
        let mut expand = |text: &str| {
            let memory = memory.get_or_insert_with(|| self.memory.clone());
            Scope::new(memory, plan, host, now).expand(text)
        };
        plan.look(query, Mode::Match, wanted, &mut expand)
    }

    /// Whether an extension of the current context exists with priority 1.
    fn has(&self, exten: &str, mode: Mode, now: Now, plan: &Dialplan, host: &dyn Host) -> bool {
        let caller = host.caller_number();
        let query = Query { context: &self.memory.place.context, exten, caller: &caller, now: now.wall };
        plan.look(query, mode, Wanted::Priority(1), &mut |text| text.to_owned()).is_ok()
    }

    fn go_to(&mut self, exten: &str) -> Option<Step> {
        self.memory.place.exten = exten.into();
        self.memory.place.priority = 1;
        self.state = State::Ready;
        None
    }

    /// To `e`, with a reason for `EXCEPTION()`.
    fn raise(&mut self, reason: &str) -> Option<Step> {
        self.memory.exception = Some(Exception { reason: reason.into(), place: self.memory.place.clone() });
        self.go_to("e")
    }
}

#[cfg(test)]
mod tests;
