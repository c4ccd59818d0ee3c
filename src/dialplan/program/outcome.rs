//! What the outcome of an action does to the run.

use super::super::action::{After, Dialled};
use super::*;
use std::time::Duration;

impl Program {
    /// Acts on an outcome: status variables, then where to go on.
    pub(super) fn resumed(
        &mut self,
        pending: Pending,
        outcome: Outcome,
        now: Now,
        plan: &Dialplan,
        host: &mut dyn Host,
    ) -> Option<Step> {
        let Pending { app, why, trying } = pending;
        let outcome = match outcome {
            Outcome::HungUp => {
                // Of a hangup extension, only what the channel was needed for is over.
                return if matches!(self.phase, Phase::Running) {
                    self.stop(End::ChannelGone)
                } else {
                    self.next()
                };
            }
            outcome => outcome,
        };
        if let Awaits::Digit(digits) = why {
            self.state = match outcome {
                Outcome::Digit(digit) => {
                    State::Collecting(Digits { text: format!("{}{digit}", digits.text), given: digits.given })
                }
                _ => State::Dialled(digits),
            };
            return None;
        }
        if let Awaits::LastWords(cause) = why {
            return self.stop(End::Hangup { application: app.name, cause });
        }
        let flow = self.concluded(app, &why, outcome, now, plan, host);
        self.follow(app, if trying { Flow::Try(Box::new(flow)) } else { flow }, trying)
    }

    fn concluded(
        &mut self,
        app: &'static App,
        why: &Awaits,
        outcome: Outcome,
        now: Now,
        plan: &Dialplan,
        host: &mut dyn Host,
    ) -> Flow {
        match outcome {
            Outcome::Dialled(dialled) => self.after_dial(*dialled, *why == Awaits::DialThatGoesOn, host),
            Outcome::Digit(digit) if app.name == "WaitDigit" => {
                self.set(host, "WAITDIGITSTATUS", "DTMF");
                self.set(host, "WAITDIGITRESULT", &digit.to_string());
                Flow::Next
            }
            Outcome::Digit(digit) => Flow::Collect { digits: digit.to_string(), given: false },
            Outcome::TimedOut if app.name == "WaitExten" => self.no_digit(now, plan, host),
            Outcome::TimedOut => {
                if app.name == "WaitDigit" {
                    self.set(host, "WAITDIGITSTATUS", "TIMEOUT");
                    self.set(host, "WAITDIGITRESULT", "");
                }
                Flow::Next
            }
            Outcome::Variables { set, then } => {
                for (name, value) in set {
                    self.set(host, &name, &value);
                }
                self.concluded(app, why, *then, now, plan, host)
            }
            // The call that it made went on without its Dial and is over.
            Outcome::Status(_) if app.name == "Dial" && *why != Awaits::DialThatGoesOn => {
                Flow::End(End::Hangup { application: app.name, cause: None })
            }
            Outcome::Status(word) => {
                if let Some((variable, _)) = app.status {
                    self.set(host, variable, &word);
                }
                Flow::Next
            }
            Outcome::Transferred { status, protocol } => {
                self.set(host, "TRANSFERSTATUS", status);
                self.set(host, "TRANSFERSTATUSPROTOCOL", &protocol.to_string());
                Flow::Next
            }
            Outcome::Done if app.name == "Incomplete" => {
                Flow::Collect { digits: self.memory.place.exten.to_string(), given: true }
            }
            Outcome::Done => Flow::Next,
            Outcome::Failed(why) => Flow::End(End::Failed { application: app.name, why }),
            Outcome::Unsupported => self.unsupported(app, host),
            // Taken out by the caller.
            Outcome::HungUp => Flow::End(End::ChannelGone),
        }
    }

    /// An application this switch does not do: its status variable tells the failure, and the dialplan goes on.
    fn unsupported(&mut self, app: &'static App, host: &mut dyn Host) -> Flow {
        let place = self.memory.place.clone();
        let text =
            format!("[{}@{}:{}] {} is not done here", place.exten, place.context, place.priority, app.name);
        host.say(Level::Warning, &text);
        if let Some((variable, failed)) = app.status {
            self.set(host, variable, failed);
        }
        Flow::Next
    }

    /// `WaitExten` in vain: the next priority if there is one, else `t`, `e`, the end.
    fn no_digit(&mut self, now: Now, plan: &Dialplan, host: &mut dyn Host) -> Flow {
        let next = Wanted::Priority(self.memory.place.priority.saturating_add(1));
        if self.look(now, plan, host, next).is_ok() {
            return Flow::Next;
        }
        // Nothing dialled and nothing more to wait for: the same as an empty collection that is over.
        self.state = State::Dialled(Digits { text: String::new(), given: 0 });
        Flow::Stay
    }

    fn after_dial(&mut self, dialled: Dialled, goes_on: bool, host: &mut dyn Host) -> Flow {
        self.set(host, "DIALSTATUS", dialled.status.word());
        self.set(host, "DIALEDPEERNAME", &dialled.peer_name);
        self.set(host, "DIALEDPEERNUMBER", &dialled.peer_number);
        let times = [
            ("DIALEDTIME", Some(dialled.dialled)),
            ("ANSWEREDTIME", dialled.answered),
            ("RINGTIME", dialled.ringing),
            ("PROGRESSTIME", dialled.progress),
        ];
        for (name, time) in times {
            self.set_time(host, name, time);
        }
        match dialled.after {
            After::HungUp => Flow::End(End::ChannelGone),
            After::Goto(place) => Flow::Jump(place),
            After::Digit(digit) => {
                let context =
                    self.memory.variables.value("EXITCONTEXT").filter(|context| !context.is_empty());
                let context = context.unwrap_or(&self.memory.place.context);
                Flow::Jump(Place::new(context, &digit.to_string(), 1))
            }
            After::GoOn if dialled.status == DialStatus::Answer && !goes_on => {
                Flow::End(End::Hangup { application: "Dial", cause: None })
            }
            After::GoOn => Flow::Next,
        }
    }

    fn set_time(&mut self, host: &mut dyn Host, name: &str, time: Option<Duration>) {
        let (secs, millis) = match time {
            Some(time) => (time.as_secs().to_string(), time.as_millis().to_string()),
            None => Default::default(),
        };
        self.set(host, name, &secs);
        self.set(host, &format!("{name}_MS"), &millis);
    }

    fn set(&mut self, host: &mut dyn Host, name: &str, value: &str) {
        if let Err(why) = self.memory.variables.set(name, value) {
            host.say(Level::Warning, &format!("{name} is not set: {why}"));
        }
    }
}
