//! What half of a Local channel plays and hears: the phone behind it does that in its place, and another phone that comes
//! there goes on with it.
//!
//! ```text
//! half plays ─ a phone behind it? ─ yes ─▶ lent to the phone ─ another one, or none, is there ─▶ stopped, begun there
//!                    └ no ─▶ waiting ─ a phone comes ─▶ lent      └ the phone tells the end ─▶ the half's application
//! ```

use super::channel::ChannelId;
use super::patience::PATIENCE;
use super::sound::begins;
use crate::base::limits;
use crate::bridge::{SoundEnd, SoundId, SoundOrder};
use crate::switch::Switch;
use crate::switch::io::Actions;

/// A sound that a phone plays for half of a Local channel.
#[derive(Debug)]
pub(super) struct Lent {
    half: ChannelId,
    /// Who plays it; `None`: nobody is there at the moment.
    phone: Option<ChannelId>,
    /// How another phone begins it; `None`: it ends with this one, as a recording does, or is being stopped.
    again: Option<Box<SoundOrder>>,
}

impl Switch {
    /// What half of a Local channel would play or hear is played to, and heard from, the phone behind it. Without one it
    /// waits for one.
    pub(super) fn lend_sound(
        &mut self,
        id: ChannelId,
        what: Option<SoundId>,
        order: SoundOrder,
        out: &mut Actions,
    ) {
        let phone = self.media_of(id);
        let order = if phone.is_some() { self.beside_the_call(id, order, out) } else { order };
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if let Some(phone) = phone {
            if let Some(sound) = what {
                let again = matches!(order, SoundOrder::Play { .. }).then(|| Box::new(order.clone()));
                channel.sound.lent.push(sound);
                self.calls.lent.insert(sound, Lent { half: id, phone: Some(phone), again });
            }
            return self.order_sound(phone, order, out);
        }
        if channel.sound.waiting.len() < limits::PLAYERS_PER_PORT {
            channel.sound.patience = Some(self.now.at + PATIENCE);
            channel.sound.waiting.push(order);
            self.calls.touched.insert(id);
        } else {
            self.refuse_sound(id, what, "too many sounds wait for a phone behind it");
        }
    }

    /// A phone beside the one that is lent to plays a sound for a half, too: it ends with the half.
    pub(super) fn lend_beside(&mut self, half: ChannelId, phone: ChannelId, sound: SoundId) {
        if let Some(channel) = self.calls.channels.get_mut(&half) {
            channel.sound.lent.push(sound);
            self.calls.lent.insert(sound, Lent { half, phone: Some(phone), again: None });
        }
    }

    /// Who is in a bridge changed: other phones are behind the Local channels there, or none.
    pub(super) fn sound_follows(&mut self, legs: [ChannelId; 2], out: &mut Actions) {
        for leg in legs {
            let mut at = Some(leg);
            // One Local channel after the other: each half leads to the bridge of the other half.
            for _ in 0..limits::CALL_STEPS {
                let local = at.and_then(|at| self.calls.channels.get(&at)?.local);
                let Some(half) = local.map(|local| local.peer) else { break };
                self.half_follows(half, out);
                at = self.partner(half);
            }
        }
    }

    fn half_follows(&mut self, id: ChannelId, out: &mut Actions) {
        let phone = self.media_of(id);
        let Some(half) = self.calls.channels.get_mut(&id) else { return };
        for sound in half.sound.lent.clone() {
            let Some(lent) = self.calls.lent.get_mut(&sound).filter(|lent| lent.phone != phone) else {
                continue;
            };
            let (left, again) = (lent.phone, lent.again.as_deref().cloned());
            let Some(again) = again else {
                if let Some(left) = left {
                    self.stop_sound(left, sound, out);
                }
                continue;
            };
            lent.phone = phone;
            if let Some(left) = left {
                self.withdraw(left, sound, out);
            }
            if let Some(phone) = phone {
                self.order_sound(phone, again, out);
            }
        }
        let Some(half) = self.calls.channels.get_mut(&id).filter(|_| phone.is_some()) else { return };
        for order in std::mem::take(&mut half.sound.waiting) {
            self.order_sound(id, order, out);
        }
    }

    /// A phone plays a sound no more; it goes on elsewhere, so nobody is told of an end.
    fn withdraw(&mut self, phone: ChannelId, sound: SoundId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&phone) else { return };
        let before = channel.sound.waiting.len();
        channel.sound.waiting.retain(|order| begins(order) != Some(sound));
        if channel.sound.waiting.len() == before && channel.audio_port().is_some() {
            self.order_sound(phone, SoundOrder::Stop { id: sound }, out);
        }
    }

    /// A half stops what a phone plays for it.
    pub(super) fn stop_lent(&mut self, id: ChannelId, sound: SoundId, out: &mut Actions) {
        let Some(lent) = self.calls.lent.get_mut(&sound).filter(|lent| lent.half == id) else { return };
        lent.again = None;
        match lent.phone {
            Some(phone) => self.stop_sound(phone, sound, out),
            None => {
                self.forget_lent(sound);
                self.unheard(id, sound, SoundEnd::Stopped);
            }
        }
    }

    /// A half is gone: what a phone played for it ends.
    pub(super) fn return_sounds(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(half) = self.calls.channels.get_mut(&id) else { return };
        for sound in std::mem::take(&mut half.sound.lent) {
            if let Some(phone) = self.calls.lent.remove(&sound).and_then(|lent| lent.phone) {
                self.stop_sound(phone, sound, out);
            }
        }
    }

    /// Whose a sound is whose end `phone` tells; `None`: another phone plays it by now.
    pub(super) fn told_by(&mut self, phone: Option<ChannelId>, sound: SoundId) -> Option<ChannelId> {
        match self.calls.lent.get(&sound) {
            Some(lent) if phone.is_some() && lent.phone != phone => None,
            Some(_) => self.forget_lent(sound),
            None => phone,
        }
    }

    /// A sound that was lent is over: the half it was for.
    pub(super) fn forget_lent(&mut self, sound: SoundId) -> Option<ChannelId> {
        let half = self.calls.lent.remove(&sound)?.half;
        if let Some(channel) = self.calls.channels.get_mut(&half) {
            channel.sound.lent.retain(|lent| *lent != sound);
        }
        Some(half)
    }
}
