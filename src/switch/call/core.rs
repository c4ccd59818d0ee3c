//! Bridges whose sound passes through us opened up: a room instead of joins.

use super::channel::{Channel, ChannelId};
use super::join::BridgeId;
use crate::bridge::{Condition, Over, RoomId, Seat, SoundOrder, SoundSource, Technology, Why};
use crate::codec::{Coding, ToneList};
use crate::sdp::{CodecKind, Format};
use crate::switch::Switch;
use crate::switch::io::Actions;
use std::time::Duration;

/// Whether a codec's sound can be opened up.
pub(super) fn opens(format: &Format) -> bool {
    Coding::from_name(format.codec.name()).is_some()
}

/// Whether what fails asks for the samples themselves; otherwise packets pass unopened.
pub(super) fn must_open(why: &Why) -> bool {
    why.failed().any(|(condition, fault)| match condition {
        Condition::NotUsed(feature) => !feature.is_served_by_relay(),
        _ => fault.needs_core,
    })
}

/// What to answer a caller with when the called side agreed to `called`: what both have, else the caller's own codecs
/// that can be converted, those first that lose nothing and cost least. `None`: whatever the caller's options say.
pub(super) fn answer_with(caller: &[Format], called: &[Format]) -> Option<Vec<Format>> {
    let both = called.iter().filter(|theirs| caller.iter().any(|own| own.codec == theirs.codec));
    if both.clone().any(|format| format.codec.kind() == CodecKind::Audio) {
        return Some(called.to_vec());
    }
    let target = called.iter().find_map(|format| Coding::from_name(format.codec.name()))?;
    let mut own: Vec<(u32, &Format)> = caller
        .iter()
        .filter_map(|format| {
            let coding = Coding::from_name(format.codec.name())?;
            let loss = target.sample_rate().saturating_sub(coding.sample_rate());
            // From law to law of G.711 the packets are not even opened.
            let g711 = |coding| matches!(coding, Coding::Ulaw | Coding::Alaw);
            let cost = if g711(target) && g711(coding) { 0 } else { coding.cost() };
            Some((loss * 1_000 + cost, format))
        })
        .collect();
    own.sort_by_key(|(cost, _)| *cost);
    let others = both.filter(|format| format.codec.kind() != CodecKind::Audio).cloned();
    Some(own.into_iter().map(|(_, format)| format.clone()).chain(others).collect())
}

impl Switch {
    /// Whether the sound of both legs can be opened up.
    pub(super) fn can_open(&self, legs: [ChannelId; 2]) -> bool {
        let opened = |id| {
            let phone = self.media_of(id).and_then(|id| self.calls.channels.get(&id));
            let audio = phone.and_then(Channel::audio);
            audio.is_some_and(|audio| crate::bridge::StreamCoding::of(audio).is_some())
        };
        legs.into_iter().all(opened)
    }

    /// Puts both legs of a bridge into a room when its technology asks for it, and takes them out when no more. Whether
    /// they are in one.
    pub(super) fn mix(&mut self, id: BridgeId, out: &mut Actions) -> bool {
        let Some(bridge) = self.calls.bridges.get(&id) else { return false };
        let (legs, room) = (bridge.legs, bridge.room);
        // A Local channel's sound is that of the phone behind it.
        let phones = legs.map(|leg| self.media_of(leg).unwrap_or(leg));
        let opened =
            bridge.technology == Some(Technology::Core) && bridge.why.as_ref().is_some_and(must_open);
        let wanted = opened && self.can_open(legs);
        match (wanted, room) {
            (true, None) => {
                let room = self.same_phones(id, phones).unwrap_or_else(|| {
                    let room = RoomId(self.calls.next_sound);
                    self.calls.next_sound += 1;
                    for leg in phones {
                        self.order_sound(leg, SoundOrder::Enter { room, seat: Seat::FULL }, out);
                    }
                    room
                });
                if let Some(bridge) = self.calls.bridges.get_mut(&id) {
                    bridge.room = Some(room);
                    // Their ports are not joined any more: a later relay orders it again.
                    bridge.joined.clear();
                }
            }
            (false, Some(room)) => {
                if let Some(bridge) = self.calls.bridges.get_mut(&id) {
                    bridge.room = None;
                }
                self.leave_shared_room(room, phones, out);
            }
            _ => {}
        }
        for leg in phones {
            self.listen_for_tones(leg, out);
        }
        wanted || self.same_phones(id, phones).is_some()
    }

    /// Whether a channel's sound is opened up in its bridge.
    pub(super) fn is_mixed(&self, id: ChannelId) -> bool {
        let bridge = self.calls.channels.get(&id).and_then(|channel| channel.bridge);
        bridge.and_then(|bridge| self.calls.bridges.get(&bridge)).is_some_and(|bridge| bridge.room.is_some())
    }

    /// A digit as tones in the sound (`dtmf_mode=inband`).
    pub(super) fn send_tones(&mut self, id: ChannelId, digit: char, length: Duration, out: &mut Actions) {
        const LOW: [u32; 4] = [697, 770, 852, 941];
        const HIGH: [u32; 4] = [1209, 1336, 1477, 1633];
        let Some(at) = "123A456B789C*0#D".find(digit.to_ascii_uppercase()) else { return };
        let millis = length.as_millis().clamp(40, 10_000);
        let text = format!("!{}+{}/{millis},!0/60", LOW[at / 4], HIGH[at % 4]);
        if let Ok(list) = ToneList::parse(&text) {
            self.play(id, SoundSource::Tones(list), Over::Replaces, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Codec;

    fn formats(names: &[&str]) -> Vec<Format> {
        names.iter().filter_map(|name| Codec::from_name(name)).map(Format::of).collect()
    }

    fn answered(caller: &[&str], called: &[&str]) -> Vec<&'static str> {
        let with = answer_with(&formats(caller), &formats(called)).expect("an answer");
        with.iter().map(|format| format.codec.name()).collect()
    }

    /// What both have goes through as it is; else the caller's own that loses least and costs least.
    #[test]
    fn the_caller_is_answered_with_the_least_cost() {
        assert_eq!(answered(&["g722", "ulaw", "alaw"], &["alaw", "ulaw"]), ["alaw", "ulaw"]);
        assert_eq!(answered(&["ulaw", "g722"], &["slin16"]), ["g722", "ulaw"]);
        assert_eq!(answered(&["g722", "ulaw", "slin"], &["alaw"]), ["ulaw", "slin", "g722"]);
        assert_eq!(answer_with(&formats(&["ulaw"]), &formats(&["g729"])), None);
    }
}
