//! `PERIODIC_HOOK`: every so often an extension runs beside a call, and both sides hear what it plays.
//!
//! ```text
//! due ─► Local/exten@context;1 ═ ;2 runs the extension ─ plays ─► both phones, beside what they say
//! ```
//! The media is here as long as a hook is on (S4-121).

use super::channel::ChannelId;
use super::functions::{Answer, failed};
use super::host::ChannelHost;
use super::local::Local;
use crate::base::limits;
use crate::base::time::{Moment, Now};
use crate::bridge::{Feature, Over, SoundId, SoundOrder};
use crate::dialplan::host::Unavailable;
use crate::dialplan::{Match, Place, Query};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::time::Duration;

const FUNCTION: &str = "func_periodic_hook.c";
/// The longest time between two runs.
const MOST_SECS: u64 = 86_400;

/// A channel's hooks, or whose hook it is.
#[derive(Debug, Default)]
pub(super) struct Periodic {
    hooks: Vec<Hook>,
    /// It is the Local channel of a hook: that channel's call hears it.
    pub of: Option<ChannelId>,
}

/// One hook.
#[derive(Debug)]
struct Hook {
    id: u64,
    context: String,
    exten: String,
    every: Duration,
    /// When it runs next; `None`: it is off.
    next: Option<Moment>,
    /// The half that runs it now.
    running: Option<ChannelId>,
}

impl Periodic {
    /// When the first of them is due.
    pub fn next(&self) -> Option<Moment> {
        self.hooks.iter().filter_map(|hook| hook.next).min()
    }
}

impl Switch {
    /// Runs the hooks of a channel that are due, those that do not run yet.
    pub(super) fn hooks_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let up = channel.is_up();
        let mut due = Vec::new();
        for hook in &mut channel.periodic.hooks {
            if let Some(next) = hook.next.as_mut().filter(|next| **next <= now.at) {
                *next = now.at + hook.every;
                due.push((hook.id, hook.context.clone(), hook.exten.clone(), hook.running));
            }
        }
        for (hook, context, exten, running) in due.into_iter().filter(|_| up) {
            let runs =
                running.and_then(|half| self.calls.channels.get(&half)).is_some_and(|half| !half.hung_up);
            if !runs {
                self.run_hook(now, (id, hook), (&context, &exten), out);
            }
        }
    }

    fn run_hook(
        &mut self,
        now: Now,
        (id, hook): (ChannelId, u64),
        (context, exten): (&str, &str),
        out: &mut Actions,
    ) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let name = channel.name.clone();
        let query = Query { context, exten, caller: &channel.caller.number, now: now.wall };
        if self.calls.plan.find(query) != Match::Found {
            self.ears.log(out, Level::Warning, FUNCTION, || {
                format!("{name}: there is no {exten}@{context} for hook {hook}; it is turned off")
            });
            return self.turn_hook(now, id, hook, false);
        }
        let Some([beside, runs]) = self.local_up(now, &format!("{exten}@{context}/n")) else { return };
        if let Some(beside) = self.calls.channels.get_mut(&beside) {
            beside.periodic.of = Some(id);
        }
        if let Some(runs) = self.calls.channels.get_mut(&runs) {
            // A fresh channel has room for two variables.
            let _ = runs.variables.set("HOOK_CHANNEL", &name);
            let _ = runs.variables.set("HOOK_ID", &hook.to_string());
            runs.send_to(Place::new(context, exten, 1));
        }
        self.calls.work.push_back(super::Work::Run(runs));
        let hooks = self.calls.channels.get_mut(&id).map(|channel| &mut channel.periodic.hooks);
        if let Some(hook) = hooks.into_iter().flatten().find(|known| known.id == hook) {
            hook.running = Some(runs);
        }
    }

    /// Turns a hook on or off.
    fn turn_hook(&mut self, now: Now, id: ChannelId, which: u64, on: bool) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        for hook in channel.periodic.hooks.iter_mut().filter(|hook| hook.id == which) {
            hook.next = on.then(|| hook.next.unwrap_or(now.at + hook.every));
        }
        let needed = channel.periodic.next().is_some();
        if channel.set_use(Feature::PeriodicHook, needed)
            && let Some(bridge) = channel.bridge
        {
            self.choose_later(bridge);
        }
        self.calls.touched.insert(id);
    }

    /// A channel is gone: so are its hooks.
    pub(super) fn hooks_over(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        for hook in std::mem::take(&mut channel.periodic.hooks) {
            if let Some(half) = hook.running {
                self.hang_up(now, half, 16, out);
            }
        }
    }

    /// What a hook plays, both sides of its call hear beside what they say; everything else stays as it is.
    pub(super) fn beside_the_call(
        &mut self,
        id: ChannelId,
        order: SoundOrder,
        out: &mut Actions,
    ) -> SoundOrder {
        let peer =
            self.calls.channels.get(&id).and_then(|channel| channel.local).map(|Local { peer, .. }| peer);
        let call = peer.and_then(|peer| self.calls.channels.get(&peer)?.periodic.of);
        let (Some(call), SoundOrder::Play { .. }) = (call, &order) else { return order };
        let SoundOrder::Play { id: sound, source, .. } = order else { return order };
        if let Some(other) = self.partner(call).and_then(|other| self.media_of(other)) {
            let second = SoundId(self.calls.next_sound);
            self.calls.next_sound += 1;
            // It ends with the half, as the first one does.
            self.lend_beside(id, other, second);
            let again = SoundOrder::Play { id: second, source: source.clone(), over: Over::Mixed };
            self.order_sound(other, again, out);
        }
        SoundOrder::Play { id: sound, source, over: Over::Mixed }
    }
}

impl ChannelHost<'_> {
    /// `PERIODIC_HOOK(context,extension,interval)`: makes a hook, which is on; its id.
    pub(super) fn make_hook(&mut self, arguments: &str) -> Answer {
        let parts: Vec<&str> = arguments.split(',').map(str::trim).collect();
        let [context, exten, interval, ..] = parts[..] else {
            return Err(failed("the form is PERIODIC_HOOK(context,extension,interval)"));
        };
        let every = interval.parse::<u64>().ok().filter(|secs| (1..=MOST_SECS).contains(secs));
        let every =
            every.ok_or_else(|| failed(format!("'{interval}' is no number of seconds, 1 to {MOST_SECS}")))?;
        let (id, now) = (self.id, self.now);
        let hook = self.switch.calls.next_sound;
        self.switch.calls.next_sound += 1;
        let channel = self.channel_mut().ok_or_else(|| failed("the channel is gone"))?;
        if channel.hung_up {
            return Err(failed("the channel is gone"));
        }
        if channel.periodic.hooks.len() >= limits::PERIODIC_HOOKS {
            return Err(failed(format!("a channel has at most {} hooks", limits::PERIODIC_HOOKS)));
        }
        let every = Duration::from_secs(every);
        let (context, exten) = (context.to_owned(), exten.to_owned());
        channel.periodic.hooks.push(Hook { id: hook, context, exten, every, next: None, running: None });
        self.switch.turn_hook(now, id, hook, true);
        Ok(hook.to_string())
    }

    /// `PERIODIC_HOOK(id)=on|off`
    pub(super) fn write_hook(&mut self, which: &str, value: &str) -> Result<(), Unavailable> {
        let on = match value.trim().to_ascii_lowercase().as_str() {
            "on" | "true" | "yes" | "1" => true,
            "off" | "false" | "no" | "0" => false,
            other => return Err(failed(format!("'{other}' is neither on nor off"))),
        };
        let channel = self.channel().ok_or_else(|| failed("the channel is gone"))?;
        let hooks = &channel.periodic.hooks;
        let known = which.trim().parse().ok().filter(|id| hooks.iter().any(|hook| hook.id == *id));
        let hook = known.ok_or_else(|| failed(format!("the channel has no hook '{}'", which.trim())))?;
        let (id, now) = (self.id, self.now);
        self.switch.turn_hook(now, id, hook, on);
        Ok(())
    }
}
