//! Digits in a bridge: those that are a code of features.conf, for who may use it (`h H t T k K x X` of `Dial`,
//! `BRIDGE_FEATURES`, `DYNAMIC_FEATURES`), and those that are passed on.
//!
//! ```text
//! digit ─ a service runs? ─ yes ─► it hears the digit (an extension is being dialled)
//!                └ no ─ codes ─┬─ whole ──► disconnect, blindxfer, atxfer, parkcall, automixmon, an application
//!                              ├─ begun ──► wait featuredigittimeout
//!                              └─ none ───► passed to the other leg, as its dtmf_mode says
//! ```

use super::channel::{Channel, ChannelId};
use super::codes::{self, Step};
use super::functions::{Answer, failed};
use super::host::ChannelHost;
use super::join::Bridge;
use super::service::What;
use crate::base::ids::Name;
use crate::base::limits::DYNAMIC_FEATURES;
use crate::base::time::{Moment, Now};
use crate::bridge::DigitHook;
use crate::config::services::Features;
use crate::dialplan::apps::dial::{DialOptions, Sides};
use crate::dialplan::host::Unavailable;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::time::Duration;

/// Length of a digit that is passed on.
pub(super) const PRESS: Duration = Duration::from_millis(160);

pub(super) const FEATURES: &str = "features.c";

/// Digits that may become a code.
#[derive(Debug, Default)]
pub(super) struct Pressed {
    digits: String,
    /// When they are what they are.
    pub until: Option<Moment>,
}

impl Switch {
    /// What features.conf says for a channel, with what `FEATURE()` and `FEATUREMAP()` changed there.
    pub(super) fn features_of(&self, id: ChannelId) -> &Features {
        let own = self.calls.channels.get(&id).and_then(|channel| channel.own_features.as_deref());
        own.unwrap_or(&self.services.features)
    }

    /// A digit in a bridge.
    pub(super) fn digit_in_bridge(&mut self, now: Now, id: ChannelId, digit: char, out: &mut Actions) {
        if self.digit_for_service(now, id, digit, out) {
            return;
        }
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.pressed.digits.push(digit);
        self.weigh_digits(now, id, false, out);
    }

    /// Takes out of the digits pressed what is clear by now; `late`: all of it.
    pub(super) fn weigh_digits(&mut self, now: Now, id: ChannelId, late: bool, out: &mut Actions) {
        let hooks = self.hooks_of_leg(id);
        let hooks: Vec<&DigitHook> = hooks.iter().filter(|hook| hook.code.is_some()).collect();
        let codes: Vec<&str> = hooks.iter().filter_map(|hook| hook.code.as_deref()).collect();
        let patience = self.features_of(id).code_digits;
        loop {
            let Some(channel) = self.calls.channels.get_mut(&id) else { return };
            match codes::next(&mut channel.pressed.digits, &codes, late) {
                None => {
                    let waits = !channel.pressed.digits.is_empty();
                    channel.pressed.until = waits.then(|| now.at + patience);
                    self.calls.touched.insert(id);
                    return;
                }
                Some(Step::Pass(digit)) => self.pass_digit(now, id, digit, out),
                Some(Step::Run(at)) => {
                    let rest = std::mem::take(&mut channel.pressed).digits;
                    self.run_feature(now, id, hooks[at], out);
                    for digit in rest.chars() {
                        self.digit(now, id, digit, out);
                    }
                    return;
                }
            }
        }
    }

    /// A code was dialled by who may.
    pub(super) fn run_feature(&mut self, now: Now, id: ChannelId, hook: &DigitHook, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let name = channel.name.clone();
        let (function, option) = (hook.function, hook.option.clone());
        self.decided(id, || format!("{name} dialled the code of {function}"));
        let asked_by = option.clone();
        self.ears.log(out, Level::Verbose, FEATURES, || {
            format!("{name} dialled the code of {function} (option {asked_by})")
        });
        match function {
            "disconnect" => {
                let legs = [Some(id), self.partner(id)].into_iter().flatten();
                let called = legs
                    .into_iter()
                    .find(|leg| self.calls.channels.get(leg).is_some_and(|channel| !channel.is_caller()));
                self.hang_up(now, called.unwrap_or(id), 16, out);
            }
            "blindxfer" => self.begin_transfer(now, id, false, out),
            "atxfer" => self.begin_transfer(now, id, true, out),
            "parkcall" => self.park_partner(now, id, "", out),
            "automixmon" | "automon" => self.touch_recording(now, id, function, out),
            "atxferabort" => self.abort_consultation(now, id, out),
            "atxfercomplete" => self.complete_consultation(now, id, out),
            "atxferswap" => self.swap_consultation(now, id, out),
            "atxferthreeway" => self.join_three(now, id, out),
            // Only features.conf's own applications are left.
            _ => self.run_application(id, &option, out),
        }
    }

    /// The relay passes RFC 4733 itself where both legs agreed on it and nobody listens; else we do.
    pub(super) fn pass_digit(&mut self, now: Now, id: ChannelId, digit: char, out: &mut Actions) {
        use crate::config::model::endpoint_words::DtmfMode;
        let Some(other) = self.partner(id) else { return self.digit_of_three(now, id, digit, out) };
        if let Some(local) = self.calls.channels.get(&other).and_then(|other| other.local) {
            // What a half is told, the other half hears.
            return self.digit(now, local.peer, digit, out);
        }
        let Some(id) = self.media_of(id) else { return self.send_digit(now, other, digit, PRESS, out) };
        let by_info = |id| self.calls.channels.get(&id).is_some_and(|c| c.dtmf_mode() == DtmfMode::Info);
        let tones = |id| self.calls.channels.get(&id).is_some_and(Channel::presses_tones);
        if tones(id) && tones(self.media_of(other).unwrap_or(other)) {
            // What one hears of the other holds the tone already.
            return;
        }
        let agreed = self.digits_agreed(id) && self.digits_agreed(other);
        if by_info(id) || by_info(other) || !agreed || self.is_listened_to(id) || self.is_mixed(id) {
            self.send_digit(now, other, digit, PRESS, out);
        }
    }

    /// Whether a feature listens for digits of a channel.
    pub(super) fn is_listened_to(&self, id: ChannelId) -> bool {
        let Some(channel) = self.calls.channels.get(&id) else { return false };
        let Some(bridge) = channel.bridge.and_then(|bridge| self.calls.bridges.get(&bridge)) else {
            return false;
        };
        let other = bridge.legs.iter().find(|leg| **leg != id).and_then(|leg| self.calls.channels.get(leg));
        let behind = other.and_then(|other| other.local);
        // Behind a Local channel another bridge may listen.
        channel.service.is_some()
            || self.hooks_of_leg(id).iter().any(|hook| hook.code.is_some())
            || behind.is_some_and(|local| self.is_listened_to(local.peer))
    }

    fn digits_agreed(&self, id: ChannelId) -> bool {
        let channel = self.calls.channels.get(&id);
        channel.and_then(Channel::audio).is_some_and(|audio| !audio.events.is_empty())
    }

    /// What a channel's digits may ask for in its bridge, or while it consults.
    pub(super) fn hooks_of_leg(&self, id: ChannelId) -> Vec<DigitHook> {
        if let Some(hooks) = self.hooks_of_three(id).or_else(|| self.consult_hooks(id)) {
            return hooks;
        }
        let bridge = self.calls.channels.get(&id).and_then(|channel| channel.bridge);
        let Some(bridge) = bridge.and_then(|bridge| self.calls.bridges.get(&bridge)) else {
            return Vec::new();
        };
        bridge.legs.iter().position(|leg| *leg == id).map(|at| self.hooks(bridge, at)).unwrap_or_default()
    }

    /// Digits that we listen for on who consults.
    fn consult_hooks(&self, id: ChannelId) -> Option<Vec<DigitHook>> {
        let service = self.calls.channels.get(&id)?.service.as_ref()?;
        let What::Consult(_) = service.what else { return None };
        let features = self.features_of(id);
        let hook = |function| DigitHook {
            option: Name::from("features.conf"),
            function,
            code: features.code(function).map(Name::from),
            place: None,
        };
        Some(["atxferabort", "atxfercomplete", "atxferswap", "atxferthreeway"].map(hook).into())
    }

    /// Digits that we listen for on one side of a bridge: the caller's is the first.
    pub(super) fn hooks(&self, bridge: &Bridge, at: usize) -> Vec<DigitHook> {
        let id = bridge.legs[at];
        if let Some(hooks) = self.consult_hooks(id) {
            return hooks;
        }
        let features = self.features_of(id);
        let Some(channel) = self.calls.channels.get(&id) else { return Vec::new() };
        let mut hooks = hooks_of(&bridge.options, at == 0, features, bridge.place.as_ref());
        let dynamic = channel.variables().value("DYNAMIC_FEATURES").unwrap_or_default();
        for (name, code) in dynamic_features(features, dynamic) {
            hooks.push(DigitHook {
                option: name.into(),
                function: "application",
                code: Some(code.into()),
                place: Some("DYNAMIC_FEATURES".into()),
            });
        }
        hooks
    }
}

impl ChannelHost<'_> {
    /// `FEATURE(option)`, `FEATUREMAP(function)`: what holds for the channel.
    pub(super) fn feature_field(&self, function: &str, arguments: &str) -> Answer {
        let features = self.switch.features_of(self.id);
        let name = arguments.trim().to_ascii_lowercase();
        let value = match function {
            "FEATUREMAP" => {
                Features::is_mapped(&name).then(|| features.code(&name).unwrap_or_default().into())
            }
            _ => features.option(&name),
        };
        value.ok_or_else(|| failed(format!("features.conf knows no '{name}' for {function}()")))
    }

    /// The same, written: for this channel only.
    pub(super) fn set_feature_field(
        &mut self,
        function: &str,
        arguments: &str,
        value: &str,
    ) -> Result<(), Unavailable> {
        let of_all = self.switch.features_of(self.id).clone();
        let channel = self.channel_mut().ok_or_else(|| failed("the channel is gone"))?;
        let own = channel.own_features.get_or_insert_with(|| Box::new(of_all));
        let name = arguments.trim().to_ascii_lowercase();
        let done = match function {
            "FEATUREMAP" => own.set_mapped(&name, value),
            _ => own.set_option(&name, value),
        };
        done.map_err(failed)
    }
}

/// Applications that `DYNAMIC_FEATURES` names (`name#name#group`), with their codes.
fn dynamic_features<'f>(features: &'f Features, names: &str) -> Vec<(&'f str, &'f str)> {
    let mut found = Vec::new();
    for name in names.split('#').filter(|name| !name.is_empty()).take(DYNAMIC_FEATURES) {
        let single = features.applications.get_key_value(name);
        found.extend(single.map(|(name, app)| (name.as_str(), app.code.as_str())));
        let group = features.groups.get(name).into_iter().flatten();
        found.extend(group.filter_map(|(name, code)| {
            let (name, app) = features.applications.get_key_value(name)?;
            Some((name.as_str(), code.as_deref().unwrap_or(&app.code)))
        }));
    }
    found
}

/// Digit hooks that letters of `Dial` or `Bridge` put on one side, with the codes of features.conf.
pub(super) fn hooks_of(
    options: &DialOptions,
    caller: bool,
    features: &Features,
    place: Option<&Name>,
) -> Vec<DigitHook> {
    let mut hooks = Vec::new();
    let mut add = |sides: &Sides, letters: [&str; 2], functions: &[&'static str]| {
        if if caller { sides.caller } else { sides.called } {
            hooks.extend(functions.iter().map(|function| DigitHook {
                option: letters[usize::from(caller)].into(),
                function,
                code: features.code(function).map(Name::from),
                place: place.cloned(),
            }));
        }
    };
    add(&options.disconnect, ["h", "H"], &["disconnect"]);
    add(&options.transfer, ["t", "T"], &["blindxfer", "atxfer"]);
    add(&options.park, ["k", "K"], &["parkcall"]);
    add(&options.mix_monitor, ["x", "X"], &["automixmon"]);
    add(&options.monitor, ["w", "W"], &["automon"]);
    hooks
}

/// `BRIDGE_FEATURES`: letters beside those of `Dial`, capitals for the caller.
pub(super) fn add_letters(options: &mut DialOptions, letters: &str) {
    for letter in letters.chars() {
        let sides = match letter.to_ascii_lowercase() {
            'h' => &mut options.disconnect,
            't' => &mut options.transfer,
            'k' => &mut options.park,
            'w' => &mut options.monitor,
            'x' => &mut options.mix_monitor,
            _ => continue,
        };
        match letter.is_ascii_uppercase() {
            true => sides.caller = true,
            false => sides.called = true,
        }
    }
}

/// What one side of a bridge may do by digits, given to a side of another one.
pub(super) fn allow(to: &mut DialOptions, caller: bool, from: &DialOptions, was_caller: bool) {
    let pairs = [
        (&mut to.disconnect, &from.disconnect),
        (&mut to.transfer, &from.transfer),
        (&mut to.park, &from.park),
        (&mut to.monitor, &from.monitor),
        (&mut to.mix_monitor, &from.mix_monitor),
    ];
    for (to, from) in pairs {
        let may = if was_caller { from.caller } else { from.called };
        *(if caller { &mut to.caller } else { &mut to.called }) = may;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S4-126 … S4-129: letters ask for functions; those without a code listen for nothing.
    #[test]
    fn letters_are_functions_with_the_codes_of_features_conf() {
        let mut options = DialOptions::default();
        add_letters(&mut options, "tTkHxWq");
        let mut features = Features::default();
        let told = |features: &Features, caller| -> Vec<String> {
            let hooks = hooks_of(&options, caller, features, None);
            let text = |hook: &DigitHook| {
                format!("{} {} {}", hook.option, hook.function, hook.code.as_deref().unwrap_or("-"))
            };
            hooks.iter().map(text).collect()
        };
        assert_eq!(told(&features, false), ["t blindxfer #", "t atxfer -", "k parkcall -", "x automixmon -"]);
        assert_eq!(told(&features, true), ["H disconnect *", "T blindxfer #", "T atxfer -", "W automon -"]);
        features.set_mapped("atxfer", "*2").expect("a code");
        assert_eq!(told(&features, true)[2], "T atxfer *2");
    }

    #[test]
    fn dynamic_features_are_named_alone_or_in_groups() {
        let mut features = Features::default();
        let app = crate::config::services::FeatureApp {
            code: "9".into(),
            on_peer: false,
            application: "NoOp".into(),
            arguments: String::new(),
            music: String::new(),
        };
        features.applications.insert("a".into(), app.clone());
        features.applications.insert("b".into(), app);
        let group = vec![("b".to_owned(), Some("77".to_owned())), ("none".to_owned(), None)];
        features.groups.insert("g".into(), group);
        assert_eq!(dynamic_features(&features, "a#g#x"), [("a", "9"), ("b", "77")]);
        assert!(dynamic_features(&features, "").is_empty());
    }
}
