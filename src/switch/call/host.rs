//! One channel as its dialplan sees it.

use super::channel::{Channel, ChannelId, State};
use crate::base::limits::TRACE_STEPS;
use crate::base::time::Now;
use crate::dialplan::Place;
use crate::dialplan::host::{Host, Level as Said, Unavailable};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

/// A channel's way to the switch while its dialplan runs. Its program is not in the channel meanwhile.
pub(super) struct ChannelHost<'a> {
    pub switch: &'a mut Switch,
    pub out: &'a mut Actions,
    pub id: ChannelId,
    pub now: Now,
}

impl ChannelHost<'_> {
    pub fn channel(&self) -> Option<&Channel> {
        self.switch.calls.channels.get(&self.id)
    }

    pub fn channel_mut(&mut self) -> Option<&mut Channel> {
        self.switch.calls.channels.get_mut(&self.id)
    }
}

impl Host for ChannelHost<'_> {
    fn builtin(&self, name: &str) -> Option<String> {
        let channel = self.channel()?;
        Some(match name {
            "CHANNEL" => channel.name.to_string(),
            "UNIQUEID" => channel.unique_id.to_string(),
            "HANGUPCAUSE" => channel.cause.to_string(),
            "CALLINGPRES" => super::functions::presentation_number(channel.caller.presentation).to_string(),
            "CALLINGANI2" | "CALLINGTON" | "CALLINGTNS" => "0".to_owned(),
            "SYSTEMNAME" => self.switch.systemname.to_string(),
            _ => return None,
        })
    }

    fn caller_number(&self) -> String {
        self.channel().map(|channel| channel.caller.number.clone()).unwrap_or_default()
    }

    fn is_up(&self) -> bool {
        self.channel().is_some_and(|channel| channel.state == State::Up)
    }

    fn global(&self, name: &str) -> Option<String> {
        self.switch.calls.globals.value(name).map(str::to_owned)
    }

    fn set_global(&mut self, name: &str, value: Option<&str>) {
        if let Err(full) = self.switch.calls.globals.set(name, value) {
            let text = format!("Global variable {name} is not set: {full}");
            self.say(Said::Warning, &text);
        }
    }

    fn read(&mut self, function: &str, arguments: &str) -> Result<String, Unavailable> {
        self.read_function(function, arguments)
    }

    fn write(&mut self, function: &str, arguments: &str, value: &str) -> Result<(), Unavailable> {
        self.write_function(function, arguments, value)
    }

    fn random(&mut self) -> u64 {
        self.switch.rng.next_u64()
    }

    fn verbosity(&self) -> u8 {
        // Lines are made where somebody listens at all; the console's own level filters them.
        if Level::Verbose >= self.switch.ears.level { 3 } else { 0 }
    }

    fn executes(&mut self, place: &Place, application: &'static str, arguments: &str) {
        let Some(channel) = self.switch.calls.channels.get_mut(&self.id) else { return };
        channel.steps = channel.steps.saturating_add(1);
        let (linked, trace) = (&channel.linked_id, &mut self.switch.trace);
        match channel.steps {
            steps if steps <= TRACE_STEPS => {
                trace.step(self.now.wall, linked, place, (application, arguments));
            }
            steps if steps == TRACE_STEPS + 1 => {
                let words = format!("(further steps of {}'s dialplan are not kept)", channel.name);
                trace.decision(self.now.wall, linked, &words);
            }
            _ => {}
        }
    }

    fn say(&mut self, level: Said, text: &str) {
        let level = match level {
            Said::Verbose(_) => Level::Verbose,
            Said::Debug | Said::Dtmf => Level::Debug,
            Said::Notice => Level::Notice,
            Said::Warning => Level::Warning,
            Said::Error => Level::Error,
        };
        self.switch.ears.log(self.out, level, "pbx.c", || text.to_owned());
    }
}
