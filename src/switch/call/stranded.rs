//! Who was being transferred when his transferer hung up before anybody answered: he hears ringing.
//!
//! ```text
//! stranded ─┬─ the target answers ──────────────────────────────────► they talk
//!           └─ busy, no answer ─► who transferred is called back ─┬─► they talk
//!                   (atxferdropcall: hung up instead)  ▲          └─ no answer ─► atxferloopdelay ─┐
//!                                                      └─────────── atxfercallbackretries ◄────────┘
//! ```

use super::channel::{ChannelId, Doing, Side};
use super::features::FEATURES;
use super::service::What;
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::dialplan::apps::dial::DialOptions;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

/// Who waits, and for what.
#[derive(Debug)]
pub(super) struct Stranded {
    /// Who is called for it; `None`: nobody at the moment.
    pub leg: Option<ChannelId>,
    /// Who was called last: its own `Dial`, if it has one, takes him for who answered.
    last: ChannelId,
    /// Who transferred it, to be called back; `None`: nobody is.
    back_to: Option<Name>,
    /// How often yet.
    attempts: u32,
    /// Whether the one called is he.
    recalls: bool,
    /// The letters of the bridge that follows: its own are the caller's.
    options: DialOptions,
}

impl Switch {
    /// Who transferred is gone before anybody answered.
    pub(super) fn strand(
        &mut self,
        now: Now,
        (id, transferee, leg): (ChannelId, ChannelId, ChannelId),
        options: DialOptions,
        out: &mut Actions,
    ) {
        let features = self.features_of(id);
        let (drops, attempts, patience) =
            (features.attended_drops, features.attended_retries, features.attended_no_answer);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let phone = channel.local.is_none().then(|| channel.endpoint.name.clone());
        let has_media = channel.early.take() == Some(leg);
        let back_to = phone.filter(|_| !drops);
        self.take_over(transferee, id, leg);
        let stranded = Stranded { leg: Some(leg), last: leg, back_to, attempts, recalls: false, options };
        self.begin_service(transferee, What::Stranded(Box::new(stranded)));
        if let Some(service) = self.service_mut(transferee) {
            service.until = Some(now.at + patience);
        }
        self.called_for(leg, transferee, out);
        self.target_rings(transferee, leg, has_media, out);
    }

    fn called_for(&mut self, leg: ChannelId, caller: ChannelId, out: &mut Actions) {
        if let Some(leg) = self.calls.channels.get_mut(&leg) {
            leg.side = Side::Called(Some(caller));
        }
        self.sound_follows([leg; 2], out);
    }

    /// Who is called is picked up by another one.
    pub(super) fn called_instead(
        &mut self,
        id: ChannelId,
        ringing: ChannelId,
        picker: ChannelId,
        out: &mut Actions,
    ) {
        if let Some(Doing::Dialling(dialling)) = self.calls.channels.get_mut(&id).map(|c| &mut c.doing)
            && let Some(answered) = dialling.answered.as_mut().filter(|answered| answered.channel == ringing)
        {
            answered.channel = picker;
        }
        if let Some(stranded) = self.stranded_mut(id).filter(|stranded| stranded.leg == Some(ringing)) {
            (stranded.leg, stranded.last) = (Some(picker), picker);
        }
        self.sound_follows([picker; 2], out);
    }

    /// Somebody answered.
    pub(super) fn rescued(&mut self, now: Now, id: ChannelId, leg: ChannelId, out: &mut Actions) {
        let Some(What::Stranded(stranded)) = self.end_service(id, out) else { return };
        self.bridge_up(now, [id, leg], (stranded.options, None), out);
        self.introduce_each_other(now, [id, leg], out);
    }

    /// It hung up itself, or goes elsewhere.
    pub(super) fn stranded_leaves(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        if let Some(What::Stranded(stranded)) = self.end_service(id, out)
            && let Some(leg) = stranded.leg
        {
            self.let_go(now, leg, out);
        }
    }

    fn stranded_mut(&mut self, id: ChannelId) -> Option<&mut Stranded> {
        match &mut self.service_mut(id)?.what {
            What::Stranded(stranded) => Some(stranded),
            _ => None,
        }
    }

    /// Who was called cannot be had, or did not answer in time, or the next attempt is due.
    pub(super) fn recall(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let features = self.features_of(id);
        let (patience, pause) = (features.attended_no_answer, features.attended_loop_delay);
        let Some(stranded) = self.stranded_mut(id) else { return };
        let leg = stranded.leg.take();
        let failed_again = leg.is_some() && stranded.recalls;
        let back_to = stranded.back_to.clone().filter(|_| stranded.attempts > 0);
        if let Some(leg) = leg {
            self.let_go(now, leg, out);
        }
        let Some(back_to) = back_to else {
            self.end_service(id, out);
            return self.hang_up(now, id, 19, out);
        };
        if failed_again {
            return self.recall_at(id, now.at + pause);
        }
        if let Some(stranded) = self.stranded_mut(id) {
            stranded.attempts -= 1;
            stranded.recalls = true;
        }
        match self.place_leg(now, Some(id), ("PJSIP", &back_to), out) {
            Ok(called) => {
                self.ears.log(out, Level::Verbose, FEATURES, || format!("{back_to} is called back"));
                if let Some(stranded) = self.stranded_mut(id) {
                    stranded.leg = Some(called);
                    let last = std::mem::replace(&mut stranded.last, called);
                    self.take_over(id, last, called);
                }
                self.called_for(called, id, out);
                self.recall_at(id, now.at + patience);
            }
            Err((_, why)) => {
                self.ears
                    .log(out, Level::Notice, FEATURES, || format!("{back_to} is not called back: {why}"));
                self.recall_at(id, now.at + pause);
            }
        }
    }

    fn recall_at(&mut self, id: ChannelId, at: crate::base::time::Moment) {
        if let Some(service) = self.service_mut(id) {
            service.until = Some(at);
        }
        self.calls.touched.insert(id);
    }
}
