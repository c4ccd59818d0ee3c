//! Variables as an administrator reads and sets them, and what becomes of one that has no room.

use super::channel::{Channel, ChannelId};
use super::host::ChannelHost;
use crate::base::time::Now;
use crate::dialplan::variables::TooMany;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::{Level, Reply, VariableOrder};

impl Channel {
    /// Sets a variable of its dialplan, or one kept for it.
    ///
    /// # Errors
    /// It has as many as it may have.
    pub fn set_variable(&mut self, name: &str, value: &str) -> Result<(), TooMany> {
        match &mut self.program {
            Some(program) => program.set_variable(name, value),
            None => self.variables.set(name, value),
        }
    }
}

impl Switch {
    /// Sets variables of a channel. A channel that is full of them goes without, and the log says so: the call is what
    /// counts.
    pub(super) fn set_variables<'v>(
        &mut self,
        id: ChannelId,
        values: impl IntoIterator<Item = (&'v str, &'v str)>,
        out: &mut Actions,
    ) {
        for (name, value) in values {
            let Some(channel) = self.calls.channels.get_mut(&id) else { return };
            if let Err(full) = channel.set_variable(name, value) {
                let channel = channel.name.clone();
                self.ears.log(out, Level::Warning, "pbx_variables.c", || {
                    format!("{channel}: variable {name} is not set: {full}")
                });
            }
        }
    }

    /// Writes a function of a channel, as its dialplan would: `VOLUME(TX)`.
    fn set_function(
        &mut self,
        now: Now,
        (channel, name, value): (&str, &str, &str),
        out: &mut Actions,
    ) -> Reply {
        let Some(id) = self.channel_named(channel) else {
            return Reply::Refused(format!("{channel} is not a known channel"));
        };
        let (function, arguments) = name.split_once('(').unwrap_or((name, ""));
        let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
        let mut host = ChannelHost { switch: self, out, id, now };
        let written = host.write_function(function.trim(), arguments, value);
        self.settle(now, out);
        match written {
            Ok(()) => {
                Reply::Done(format!("    -- Channel variable '{name}' set to '{value}' for '{channel}'"))
            }
            Err(why) => Reply::Refused(format!("{name}: {why}")),
        }
    }

    /// `dialplan show globals|chanvar`, `dialplan set global|chanvar`.
    pub(in crate::switch) fn variable_order(
        &mut self,
        now: Now,
        order: &VariableOrder,
        out: &mut Actions,
    ) -> Reply {
        let unknown = |channel: &str| Reply::Refused(format!("{channel} is not a known channel"));
        match order {
            VariableOrder::ShowGlobals => Reply::Done(self.calls.globals.text().trim_end().to_owned()),
            VariableOrder::SetGlobal { name, value } => match self.calls.globals.set(name, Some(value)) {
                Ok(()) => Reply::Done(format!("    -- Global variable '{name}' set to '{value}'")),
                Err(full) => Reply::Refused(format!("Global variable {name} is not set: {full}")),
            },
            VariableOrder::ShowChannel { channel } => {
                let found = self.channel_named(channel).and_then(|id| self.calls.channels.get(&id));
                let Some(found) = found else { return unknown(channel) };
                let lines = found.variables().iter().map(|(name, value)| format!("{name}={value}"));
                Reply::Done(lines.collect::<Vec<_>>().join("\n"))
            }
            VariableOrder::SetChannel { channel, name, value } if name.contains('(') => {
                self.set_function(now, (channel, name, value), out)
            }
            VariableOrder::SetChannel { channel, name, value } => {
                let found = self.channel_named(channel).and_then(|id| self.calls.channels.get_mut(&id));
                let Some(found) = found else { return unknown(channel) };
                match found.set_variable(name, value) {
                    Ok(()) => Reply::Done(format!(
                        "    -- Channel variable '{name}' set to '{value}' for '{channel}'"
                    )),
                    Err(full) => Reply::Refused(format!("Channel variable {name} is not set: {full}")),
                }
            }
        }
    }
}
