//! One-touch recording: `automixmon` (and `automon`) by code, or by INFO with `Record: on` where the endpoint has
//! `one_touch_recording`. The same again ends it.

use super::channel::ChannelId;
use super::features::FEATURES;
use crate::base::time::Now;
use crate::bridge::{DigitHook, Feature};
use crate::dialplan::sound::MixMonitor;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

/// What one-touch recording is known by: the function, what it uses, its variables' prefix.
fn kind(function: &str) -> (&'static str, Feature, &'static str) {
    match function {
        "automon" => ("automon", Feature::Monitor, "TOUCH_MONITOR"),
        _ => ("automixmon", Feature::MixMonitor, "TOUCH_MIXMONITOR"),
    }
}

/// A caller id as part of a file's name.
fn in_file_name(number: &str) -> String {
    number.chars().map(|c| if c.is_ascii_alphanumeric() || "+-_.".contains(c) { c } else { '-' }).collect()
}

impl Switch {
    /// Begins to record the call, or ends that.
    pub(super) fn touch_recording(&mut self, now: Now, id: ChannelId, function: &str, out: &mut Actions) {
        let (name, feature, _) = kind(function);
        let legs: Vec<ChannelId> =
            [Some(id), self.partner(id)].into_iter().flatten().filter_map(|leg| self.media_of(leg)).collect();
        let mut stopped = false;
        for leg in &legs {
            let records = |channel: &super::channel::Channel| {
                channel.sound.recordings.iter().any(|recording| recording.id == name)
            };
            if self.calls.channels.get(leg).is_some_and(records) {
                self.stop_monitor(*leg, name, feature, out);
                stopped = true;
            }
        }
        let done = stopped || self.start_touch(now, (id, &legs), function, out);
        let sounds = &self.features_of(id).sounds;
        let sound = if done { sounds.courtesy.clone() } else { sounds.recording_failed.clone() };
        let hear = if done { &legs[..] } else { &legs[..legs.len().min(1)] };
        for leg in hear {
            self.chime(*leg, &sound, out);
        }
    }

    fn start_touch(
        &mut self,
        now: Now,
        (id, legs): (ChannelId, &[ChannelId]),
        function: &str,
        out: &mut Actions,
    ) -> bool {
        let (name, feature, prefix) = kind(function);
        let Some(first) = legs.first() else { return false };
        let Some(channel) = self.calls.channels.get(&id) else { return false };
        let set =
            |suffix: &str| channel.variables().value(&format!("{prefix}{suffix}")).filter(|v| !v.is_empty());
        let format = set("_FORMAT").unwrap_or("wav").to_owned();
        let begin = set("_PREFIX").unwrap_or("auto");
        let who = match set("") {
            Some(named) => named.to_owned(),
            None => {
                let numbers = legs.iter().filter_map(|leg| self.calls.channels.get(leg));
                let numbers: Vec<String> = numbers
                    .map(|channel| match channel.caller.number.is_empty() {
                        false => in_file_name(&channel.caller.number),
                        true => in_file_name(&channel.endpoint.name),
                    })
                    .collect();
                numbers.join("-")
            }
        };
        let file = format!("{begin}-{}-{who}.{format}", now.wall.secs());
        let channel_name = channel.name.clone();
        self.ears.log(out, Level::Verbose, FEATURES, || format!("{channel_name} records the call to {file}"));
        let order = MixMonitor {
            is_monitor: feature == Feature::Monitor,
            file: file.clone(),
            only_bridged: true,
            ..MixMonitor::default()
        };
        let first = *first;
        let begun = self.begin_monitor(first, &order, name, out);
        if begun {
            let variable = format!("{prefix}_OUTPUT");
            for leg in legs {
                self.set_variables(*leg, [(&*variable, &*file)], out);
            }
        }
        begun
    }

    /// The feature that `Record: on` or `off` of a channel's phone runs, when its call lets it.
    fn record_hook(&self, id: ChannelId, on: bool) -> Option<DigitHook> {
        let options = &self.calls.channels.get(&id)?.endpoint.options;
        let name = if on { &options.record_on_feature } else { &options.record_off_feature };
        let wanted = |hook: &DigitHook| {
            hook.function == &**name || (hook.function == "application" && hook.option == *name)
        };
        self.hooks_of_leg(id).into_iter().find(|hook| hook.code.is_some() && wanted(hook))
    }

    /// Whether a phone may ask for recording by INFO: on, off. Asterisk refuses with 403 what has no code; so is what the
    /// letters of the call do not allow.
    pub(super) fn may_record(&self, id: ChannelId) -> [bool; 2] {
        [true, false].map(|on| self.record_hook(id, on).is_some())
    }

    /// `Record: on` and `off` by INFO. What is on already stays, and what is off.
    pub(super) fn record_asked(&mut self, now: Now, id: ChannelId, on: bool, out: &mut Actions) {
        let Some(hook) = self.record_hook(id, on) else { return };
        let name = hook.function;
        let legs = [Some(id), self.partner(id)].into_iter().flatten();
        let is_on = legs
            .filter_map(|leg| self.calls.channels.get(&self.media_of(leg)?))
            .any(|channel| channel.sound.recordings.iter().any(|recording| recording.id == name));
        if name == "application" || is_on != on {
            self.run_feature(now, id, &hook, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_makes_no_path() {
        assert_eq!(in_file_name("+49/../etc 5"), "+49-..-etc-5");
    }
}
