//! `Bridge`: another channel is taken from what it does, and both hear each other.
//!
//! ```text
//! bridged ─┬─ the other one leaves ──► BRIDGERESULT=SUCCESS, the dialplan goes on
//!          └─ this one leaves ───────► the other: F its place, x the end, else on with its dialplan; without one the end
//! ```

use super::Work;
use super::channel::{ChannelId, Doing, Side, State};
use super::join::written_at;
use crate::base::time::Now;
use crate::dialplan::apps::bridge::BridgeOptions;
use crate::dialplan::{Outcome, Place};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

const APP_BRIDGE: &str = "features.c";

/// What a channel does when the bridge is over that another one took it into.
#[derive(Clone, Debug)]
pub(super) enum AfterBridge {
    /// It goes there.
    Goes(Place),
    /// It is hung up.
    Ends,
}

impl Switch {
    /// `Bridge`.
    pub(super) fn bridge_with(
        &mut self,
        now: Now,
        id: ChannelId,
        (name, options): (&str, &BridgeOptions),
        out: &mut Actions,
    ) -> Option<Outcome> {
        let status = |word: &str| Some(Outcome::Status(word.to_owned()));
        let Some(other) = self.channel_named(name) else { return status("NONEXISTENT") };
        if other == id {
            return status("LOOP");
        }
        if !self.has_state(other, State::Up) {
            return status("FAILURE");
        }
        if !options.unanswered {
            self.answer_channel(now, id, None, out);
        }
        let after = self.after_bridge(now, other, options, out);
        self.take_out(now, other, out);
        if let Some(channel) = self.calls.channels.get_mut(&other) {
            channel.doing = Doing::Bridged;
            channel.after_bridge = after;
        }
        let place = self.calls.channels.get(&id).and_then(|channel| channel.place());
        let place = place.map(|at| written_at(&at));
        self.begin_limits(now, id, &options.shared);
        self.bridge_up(now, [id, other], (options.shared.clone(), place), out);
        self.introduce_each_other(now, [id, other], out);
        self.limits_begun(id, &options.shared, out);
        if options.tone {
            let beep = self.prompts(other, &["beep".to_owned()], None);
            self.play_over(other, beep, out);
        }
        self.wait(id, Doing::Bridged)
    }

    /// What becomes of the other channel after the bridge; `None`: its dialplan goes on.
    fn after_bridge(
        &self,
        now: Now,
        other: ChannelId,
        options: &BridgeOptions,
        out: &mut Actions,
    ) -> Option<AfterBridge> {
        let channel = self.calls.channels.get(&other)?;
        let Some(here) = channel.place().filter(|_| !options.ends_other) else {
            return Some(AfterBridge::Ends);
        };
        let jump = options.shared.called_continues.as_ref()?;
        let place = match jump {
            None => Ok(Place { priority: here.priority.saturating_add(1), ..here }),
            Some(jump) => self.calls.plan.resolve(jump, &here, &channel.caller.number, now.wall),
        };
        match place {
            Ok(place) => Some(AfterBridge::Goes(place)),
            Err(why) => {
                self.ears.log(out, Level::Warning, APP_BRIDGE, || {
                    format!("Bridge: option F leads nowhere: {why}")
                });
                None
            }
        }
    }

    /// Takes a channel out of its call. Whom it leaves sees it as hung up.
    pub(super) fn take_out(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let left = self.partner(id);
        let side = self.calls.channels.get(&id).map(|channel| channel.side);
        if let Some(Side::Called(Some(caller))) = side {
            self.leg_ended(now, id, caller, 16, out);
        }
        self.detach(now, id, out);
        if let Some(left) = left
            && let Some(channel) = self.calls.channels.get_mut(&left)
            && channel.bridge.is_none()
            && channel.program.is_none()
        {
            self.hang_up(now, left, 16, out);
        }
    }

    /// The bridge that another channel made is over. Whether that decides what this one does now.
    pub(super) fn bridge_left(&mut self, now: Now, id: ChannelId, out: &mut Actions) -> bool {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return false };
        match channel.after_bridge.take() {
            None => return false,
            Some(_) if channel.hung_up => {}
            Some(AfterBridge::Ends) => self.hang_up(now, id, 16, out),
            Some(AfterBridge::Goes(place)) => {
                channel.doing = Doing::Nothing;
                channel.send_to(place);
                self.calls.work.push_back(Work::Run(id));
                self.calls.touched.insert(id);
            }
        }
        true
    }
}
