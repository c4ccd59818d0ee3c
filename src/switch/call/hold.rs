//! A phone holds the call, and resumes it (`behaviour-media` 3.6): what the other side hears or is told.

use super::channel::ChannelId;
use crate::base::time::Now;
use crate::sdp::Direction;
use crate::session::{RefreshWith, Reoffer, Why};
use crate::switch::Switch;
use crate::switch::io::Actions;

impl Switch {
    /// A channel's phone holds or resumes the call: with `moh_passthrough` the other phone is told, else it hears music.
    pub(super) fn hold_changed(&mut self, now: Now, id: ChannelId, held: bool, out: &mut Actions) {
        let holder = self.calls.channels.get(&id).map(|channel| channel.endpoint.clone());
        if holder.as_ref().is_some_and(|holder| holder.options.suppress_moh_on_sendonly) {
            // `suppress_moh_on_sendonly`: nobody is told that it holds.
            return;
        }
        let Some(other) = self.partner(id).and_then(|other| self.media_of(other)) else { return };
        let Some(channel) = self.calls.channels.get_mut(&other) else { return };
        channel.is_told_to_hold = held;
        self.calls.touched.insert(other);
        let Some(channel) = self.calls.channels.get_mut(&other) else { return };
        if !channel.passes_music() {
            let suggested = holder.map(|holder| holder.options.moh_suggest.clone()).unwrap_or_default();
            return self.hold_music(other, held.then_some(&suggested), out);
        }
        let direction = if held { Direction::SendOnly } else { Direction::SendRecv };
        let why = if held { Why::Hold } else { Why::Unhold };
        let reoffer = Reoffer { direction: Some(direction), ..Reoffer::new(RefreshWith::Invite, why) };
        self.with_session(now, other, out, |session, cx| session.reoffer(cx, reoffer));
    }

    /// Who held a channel is gone from its bridge, or it is: no music, and its phone is told where it was told to hold.
    pub(super) fn hold_over(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let told = std::mem::take(&mut channel.is_told_to_hold);
        let resumes = told && channel.passes_music() && !channel.hung_up;
        self.hold_music(id, None, out);
        if resumes {
            let direction = Some(Direction::SendRecv);
            let reoffer = Reoffer { direction, ..Reoffer::new(RefreshWith::Invite, Why::Unhold) };
            self.with_session(now, id, out, |session, cx| session.reoffer(cx, reoffer));
        }
        self.calls.touched.insert(id);
    }

    /// Music to a channel that is held (`class` as the holder suggests), or no more. Its own class goes first. Direct
    /// media brings the held side home by itself, and leaves the holder's where it is.
    pub(super) fn hold_music(&mut self, id: ChannelId, class: Option<&str>, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if class.is_none() && channel.is_told_to_hold {
            // Its partner's phone holds it, whatever else made it wait.
            return;
        }
        let plays = std::mem::replace(&mut channel.sound.is_held, class.is_some());
        let Some(class) = class else {
            if plays {
                self.hush(id, out);
            }
            return;
        };
        let own = channel.settings.music_class.clone();
        let class = if self.services.music.contains_key(&own) { &own } else { class };
        if let (false, Some(music)) = (plays, self.music(id, class)) {
            self.play_behind(id, music, out);
        }
    }

    /// Something else was heard by who is held: the music is heard again.
    pub(super) fn hold_music_again(&mut self, id: ChannelId, out: &mut Actions) {
        let holder = self.partner(id).and_then(|holder| self.calls.channels.get(&holder));
        let class = holder.map(|holder| holder.endpoint.options.moh_suggest.clone()).unwrap_or_default();
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let busy = channel.suspended.is_some() || channel.service.is_some() || channel.bridge.is_none();
        if channel.sound.is_held && channel.sound.background.is_none() && !busy {
            channel.sound.is_held = false;
            self.hold_music(id, Some(&class), out);
        }
    }
}
