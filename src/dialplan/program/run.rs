//! One priority: look it up, expand its arguments, run its application, follow where that leads.

use super::super::apps::perform;
use super::*;
use crate::base::limits::{ACTIONS_AFTER_HANGUP, PRIORITIES_WITHOUT_ACTION};
use crate::dialplan::sound::SoundAction;

impl Program {
    /// Runs one priority.
    pub(super) fn priority(&mut self, now: Now, plan: &Dialplan, host: &mut dyn Host) -> Option<Step> {
        self.idle_priorities += 1;
        if self.idle_priorities > PRIORITIES_WITHOUT_ACTION {
            let text = format!("{} is left: {}", self.memory.place, End::Looped);
            host.say(Level::Error, &text);
            return self.break_loop();
        }
        if let Some((app, arguments)) = self.only.take() {
            let mut scope = Scope::new(&mut self.memory, plan, host, now);
            tell(&mut scope, app, &arguments);
            let flow = perform(&mut scope, app, &arguments, 0);
            self.memory.running = Some((app.name, arguments));
            return self.follow(app, flow, false);
        }
        let wanted = Wanted::Priority(self.memory.place.priority);
        let (app, name, template, expands) = match self.look(now, plan, host, wanted) {
            Ok(Hit::Line { priority, .. }) => {
                (priority.known, &priority.application, &priority.arguments, priority.expands)
            }
            Ok(Hit::Row(row)) => (row.known, &row.application, &row.arguments, row.arguments.contains('$')),
            Err(miss) => return self.out_of_priorities(now, plan, host, miss),
        };
        let Some(app) = app else {
            let place = &self.memory.place;
            let text = format!(
                "No application '{name}' for extension ({}, {}, {}){}",
                place.context,
                place.exten,
                place.priority,
                super::super::apps::nearest(name)
            );
            host.say(Level::Warning, &text);
            return self.stop(End::UnknownApplication(name.to_string()));
        };
        let mut scope = Scope::new(&mut self.memory, plan, host, now);
        let arguments = if expands { scope.expand(template) } else { template.to_string() };
        tell(&mut scope, app, &arguments);
        let flow = perform(&mut scope, app, &arguments, 0);
        self.memory.running = Some((app.name, arguments));
        self.follow(app, flow, false)
    }

    /// Does what an application led to.
    pub(super) fn follow(&mut self, app: &'static App, flow: Flow, trying: bool) -> Option<Step> {
        match flow {
            Flow::Next => {
                if trying {
                    self.try_status("SUCCESS");
                }
                self.next()
            }
            Flow::Jump(place) => {
                self.memory.place = place;
                self.is_single = false;
                None
            }
            Flow::Try(flow) => match *flow {
                Flow::End(End::UnknownApplication(_)) => {
                    self.try_status("NOAPP");
                    self.next()
                }
                Flow::End(End::Failed { .. }) => {
                    self.try_status("FAILED");
                    self.next()
                }
                other => self.follow(app, other, true),
            },
            Flow::Collect { digits, given } => {
                let given = if given { digits.len() } else { 0 };
                self.state = State::Collecting(Digits { text: digits, given });
                None
            }
            Flow::Stay => None,
            Flow::End(end) => self.stop(end),
            Flow::Do(action) => self.act(app, action, trying),
        }
    }

    pub(super) fn act(&mut self, app: &'static App, action: Action, trying: bool) -> Option<Step> {
        let ended = !matches!(self.phase, Phase::Running);
        if ended && needs_channel(&action) {
            // A hung up channel fails what would use it, and with it the rest of the hangup extension.
            return self.stop(End::ChannelGone);
        }
        let why = match &action {
            Action::Dial(dial) if dial.options.goes_on => Awaits::DialThatGoesOn,
            Action::Refuse { indication: Indication::Busy, .. } => Awaits::LastWords(Some(17)),
            Action::Refuse { .. } => Awaits::LastWords(Some(34)),
            Action::PjsipHangup { .. } => Awaits::LastWords(None),
            _ => Awaits::Application,
        };
        self.wait_for(app, why, trying, action)
    }

    pub(super) fn wait_for(
        &mut self,
        app: &'static App,
        why: Awaits,
        trying: bool,
        action: Action,
    ) -> Option<Step> {
        if !matches!(self.phase, Phase::Running) {
            // After the hangup nobody can end a loop any more: actions count against its limit.
            self.idle_priorities += PRIORITIES_WITHOUT_ACTION / ACTIONS_AFTER_HANGUP;
        } else if takes_time(&action) {
            self.idle_priorities = 0;
            self.budget = PRIORITIES_PER_WAKE;
        }
        self.state = State::Waiting(Pending { app, why, trying });
        Some(Step::Do(action))
    }

    pub(super) fn next(&mut self) -> Option<Step> {
        if self.is_single {
            return self.stop(End::OutOfPriorities);
        }
        self.memory.place.priority = self.memory.place.priority.saturating_add(1);
        None
    }

    pub(super) fn try_status(&mut self, word: &str) {
        self.set_or_tell("TRYSTATUS", word);
    }
}

/// `Executing [100@in:1] Dial("PJSIP/…", "PJSIP/100,30")`, for those who listen.
fn tell(scope: &mut Scope<'_>, app: &'static App, arguments: &str) {
    const TOLD_AT: u8 = 3;
    scope.host.executes(&scope.memory.place, app.name, arguments);
    if scope.host.verbosity() < TOLD_AT {
        return;
    }
    let place = &scope.memory.place;
    let channel = scope.host.builtin("CHANNEL").unwrap_or_default();
    let text = format!(
        "Executing [{}@{}:{}] {}(\"{channel}\", \"{arguments}\") in new stack",
        place.exten, place.context, place.priority, app.name
    );
    scope.host.say(Level::Verbose(TOLD_AT), &text);
}

/// Whether an action is more than a word to the caller: a dialplan that only ever speaks would never pause.
fn takes_time(action: &Action) -> bool {
    !matches!(
        action,
        Action::Indicate(_) | Action::PlayTones { .. } | Action::StopPlayTones | Action::UserEvent { .. }
    )
}

/// Applications of a switch that are for a call that goes on: after the hangup nobody could end them.
const FOR_CALLS: &[&str] = &[
    "BridgeWait",
    "ChanSpy",
    "ConfBridge",
    "ExtenSpy",
    "Page",
    "Park",
    "ParkAndAnnounce",
    "ParkedCall",
    "ReceiveText",
    "VMAuthenticate",
    "VoiceMail",
    "VoiceMailMain",
    "VoiceMailPlayMsg",
];

/// Whether an action has no meaning on a channel that hung up. What stops something finds nothing to stop there.
fn needs_channel(action: &Action) -> bool {
    match action {
        Action::UserEvent { .. }
        | Action::SoftHangup { .. }
        | Action::ChannelRedirect { .. }
        | Action::Originate(_)
        | Action::StopPlayTones => false,
        Action::Sound(sound) => !matches!(**sound, SoundAction::StopMonitor { .. } | SoundAction::StopMusic),
        Action::Later { application, .. } => FOR_CALLS.contains(&application.name),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn applications_for_calls_are_known() {
        let known = |name: &&str| super::super::super::apps::find(name).is_some();
        assert!(super::FOR_CALLS.iter().all(known));
    }
}
