//! What `trace` shall show of a call besides its messages.

use super::channel::ChannelId;
use crate::switch::Switch;

impl Switch {
    /// Notes what was decided about a channel's call.
    pub(super) fn decided(&mut self, channel: ChannelId, words: impl FnOnce() -> String) {
        if let Some(channel) = self.calls.channels.get(&channel) {
            self.trace.decision(self.now.wall, &channel.linked_id, &words());
        }
    }
}
