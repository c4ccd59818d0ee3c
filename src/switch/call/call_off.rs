//! Transfers by code that come to nothing because somebody says so: the transferer (`atxferabort`), or the time of the call.

use super::channel::ChannelId;
use super::consult::Stage;
use super::service::What;
use crate::base::time::Now;
use crate::switch::Switch;
use crate::switch::io::Actions;

impl Switch {
    /// `atxferabort`: the target goes, and the two that talked before talk again.
    pub(super) fn abort_consultation(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(What::Consult(consult)) = self.end_service(id, out) else { return };
        let talks_to = self.partner(id);
        let target = match &consult.stage {
            Stage::Swapped(target, _) => {
                let target = *target;
                self.set_waiting(target, None, out);
                if let Some(channel) = self.calls.channels.get_mut(&id) {
                    channel.doing = consult.doing;
                }
                return self.let_go(now, target, out);
            }
            Stage::Calling(leg) => Some(*leg),
            Stage::Talking => talks_to,
            Stage::Together(three) => {
                self.part_three(three, [id, consult.transferee], out);
                Some(three.target)
            }
        };
        if let Some(bridge) = self.calls.channels.get(&id).and_then(|channel| channel.bridge) {
            self.dissolve(now, bridge, out);
        }
        if let Some(target) = target {
            self.let_go(now, target, out);
        }
        self.bridge_again(now, id, *consult, out);
    }

    /// Ends whatever transfer a channel is in, as who transfers or as who is transferred: its call is what it was before.
    /// One whose transferer is gone has nobody left but the target, who goes with it.
    pub(super) fn call_off(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let transferer = self.calls.channels.get(&id).and_then(|channel| channel.transferred_by);
        // While the target waits instead, who transfers it is its partner.
        let partner = self.partner(id);
        let partner = partner
            .filter(|partner| self.consult_mut(*partner).is_some_and(|consult| consult.transferee == id));
        for consults in [transferer, partner, Some(id)].into_iter().flatten() {
            if self.consult_mut(consults).is_some() {
                self.abort_consultation(now, consults, out);
            }
        }
        if let Some(What::Stranded(_)) = self.service_mut(id).map(|service| &service.what) {
            self.stranded_leaves(now, id, out);
        }
    }
}
