//! Two channels in a bridge: which way their media takes, and what is done about it.

use super::channel::{Channel, ChannelId, Doing};
use super::features::Pressed;
use super::ports::SlotState;
use super::service::What;
use crate::base::digits;
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::bridge::direct::Target;
use crate::bridge::{self, Direct, Path, Plan, PortId, RoomId, Technology, Why};
use crate::dialplan::apps::dial::DialOptions;
use crate::dialplan::{DialStatus, Dialled, Outcome};
use crate::sdp::{MediaKind, RtpStream};
use crate::session::MediaChange;
use crate::switch::Switch;
use crate::switch::io::{Action, Actions};
use crate::switch::view::Level;

/// A bridge's number. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::switch) struct BridgeId(pub u64);

/// Two channels that hear each other.
#[derive(Debug)]
pub(super) struct Bridge {
    /// What an administrator knows it by.
    pub unique_id: String,
    pub legs: [ChannelId; 2],
    pub made: Now,
    /// What the phones were told.
    pub direct: Direct,
    pub technology: Option<Technology>,
    pub why: Option<Why>,
    /// Ports that are joined, with the paths ordered.
    pub joined: Vec<Join>,
    /// The room its legs are in, when their sound is opened up.
    pub room: Option<RoomId>,
    /// The letters of `Dial`.
    pub options: DialOptions,
    /// Where they are written.
    pub place: Option<Name>,
}

/// Two ports that pass packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Join {
    pub kind: MediaKind,
    pub ports: [PortId; 2],
    pub paths: [Path; 2],
}

impl Switch {
    /// Joins a caller with who answered.
    pub(super) fn join(&mut self, now: Now, caller: ChannelId, called: ChannelId, out: &mut Actions) {
        let (options, place) = match self.calls.channels.get(&caller) {
            Some(Channel { doing: Doing::Dialling(dialling), program, .. }) => {
                let place = program.as_ref().map(|program| {
                    let at = program.place();
                    Name::from(format!("{}@{}:{}", at.exten, at.context, at.priority))
                });
                (dialling.dial.options.clone(), place)
            }
            Some(_) => (DialOptions::default(), None),
            None => return,
        };
        self.bridge_up(now, [caller, called], (options, place), out);
    }

    /// Makes a bridge of two channels.
    pub(super) fn bridge_up(
        &mut self,
        now: Now,
        legs: [ChannelId; 2],
        (options, place): (DialOptions, Option<Name>),
        out: &mut Actions,
    ) {
        let id = BridgeId(self.calls.next_bridge);
        self.calls.next_bridge += 1;
        let unique_id = digits::uuid(self.rng.next_u64(), self.rng.next_u64());
        for leg in legs {
            self.leave_bridge(now, leg, out);
            self.hush(leg, out);
            if let Some(channel) = self.calls.channels.get_mut(&leg) {
                channel.bridge = Some(id);
                channel.early = None;
                let name = channel.name.clone();
                self.ears.log(out, Level::Verbose, "bridge_channel.c", || {
                    format!("Channel {name} joined 'simple_bridge' basic-bridge <{unique_id}>")
                });
            }
        }
        for leg in legs {
            self.transfer_progress(now, leg, 200, out);
        }
        let told = legs.map(|leg| {
            self.calls.channels.get_mut(&leg).map_or(Target::Ours, |leg| std::mem::take(&mut leg.told))
        });
        for leg in legs.into_iter().zip(told).filter(|(_, told)| *told != Target::Ours) {
            self.media_bypasses(leg.0, true, out);
            self.set_place(leg.0, leg.1);
        }
        self.calls.bridges.insert(
            id,
            Bridge {
                unique_id,
                legs,
                made: now,
                direct: Direct::already(told),
                technology: None,
                why: None,
                joined: Vec::new(),
                room: None,
                options,
                place,
            },
        );
        self.sound_through(legs, out);
        self.seats_follow(out);
        self.choose_later(id);
        self.optimise(now, id, out);
        self.end_ring(now, id, out);
    }

    /// Ends a bridge whose channels go on elsewhere at once.
    pub(super) fn dissolve(&mut self, id: BridgeId, out: &mut Actions) -> Option<Bridge> {
        let bridge = self.calls.bridges.remove(&id)?;
        self.keep_told(bridge.legs, &bridge.direct);
        for join in &bridge.joined {
            out.queue.push(Action::Media(Plan::Unjoin { port: join.ports[0] }));
        }
        if let Some(room) = bridge.room {
            self.leave_shared_room(room, bridge.legs, out);
        }
        for leg in bridge.legs {
            if let Some(channel) = self.calls.channels.get_mut(&leg) {
                channel.bridge = None;
            }
        }
        self.seats_follow(out);
        self.spies_follow(out);
        Some(*bridge)
    }

    /// Chooses a bridge's technology again, and acts where the answer differs.
    pub(super) fn choose(&mut self, now: Now, id: BridgeId, out: &mut Actions) {
        let Some(mut bridge) = self.calls.bridges.remove(&id) else { return };
        let Some(facts) = self.facts(&bridge) else {
            // One is gone, or a Local channel leads to nobody yet.
            self.calls.bridges.insert(id, bridge);
            return;
        };
        let (technology, why) = bridge::choose(&facts);
        if bridge.technology != Some(technology) {
            self.decided(bridge.legs[0], || format!("media: {technology}: {why}"));
            self.ears.log(out, Level::Verbose, "bridge.c", || {
                let (before, now) = (bridge.asterisk_name(), technology.asterisk_name());
                let (id, same) = (&bridge.unique_id, before == now);
                match same {
                    true => format!("Bridge {id}: stays {now}, {technology}: {why}"),
                    false => format!(
                        "Bridge {id}: switching from {before} technology to {now}, {technology}: {why}"
                    ),
                }
            });
            if technology == Technology::Core && super::core::must_open(&why) && !self.can_open(bridge.legs) {
                self.ears.log(out, Level::Warning, "bridge.c", || {
                    format!(
                        "Bridge {}: {why}; a codec of these is passed on but not opened here",
                        bridge.unique_id
                    )
                });
            }
        }
        let steps = bridge.direct.steps(&facts, technology, why.direct.as_ref());
        bridge.technology = Some(technology);
        bridge.why = Some(why);
        let legs = bridge.legs;
        for (at, leg) in legs.iter().enumerate() {
            if let Some(channel) = self.calls.channels.get_mut(leg) {
                channel.redirect_at = match bridge.direct.is_waiting(at) {
                    true => {
                        let patience = bridge::direct::patience(channel.is_caller());
                        channel.redirect_at.or(Some(now.at + patience))
                    }
                    false => None,
                };
                self.calls.touched.insert(*leg);
            }
        }
        self.calls.bridges.insert(id, bridge);
        self.relay(id, out);
        self.spies_follow(out);
        for step in steps {
            self.redirect_media(now, legs[step.leg], &step, out);
        }
    }

    /// Orders the joins that a bridge's agreements give, where they differ from those ordered. They stand while the
    /// phones talk directly too: packets on their way are not lost, and falling back needs no order.
    fn relay(&mut self, id: BridgeId, out: &mut Actions) {
        let Some(legs) = self.calls.bridges.get(&id).map(|bridge| bridge.legs) else { return };
        let mixed = self.mix(id, out);
        let mut joins = self.joins(legs);
        if mixed {
            joins.retain(|join| join.kind != MediaKind::Audio);
        }
        let Some(bridge) = self.calls.bridges.get_mut(&id) else { return };
        for join in &joins {
            if !bridge.joined.contains(join) {
                out.queue.push(Action::Media(join.plan()));
            }
        }
        bridge.joined = joins;
    }

    fn joins(&self, legs: [ChannelId; 2]) -> Vec<Join> {
        let [Some(a), Some(b)] = legs.map(|leg| self.calls.channels.get(&self.media_of(leg)?)) else {
            return Vec::new();
        };
        let mut joins: Vec<Join> = Vec::new();
        for slot in &a.slots {
            let SlotState::Open { .. } = slot.state else { continue };
            let agreed = |channel: &Channel, stream: usize| {
                channel.session.as_ref()?.agreement()?.streams.get(stream)?.rtp().cloned()
            };
            let fits = |other: &&super::ports::Slot| {
                let free = joins.iter().all(|join| join.ports[1] != other.port);
                let open = matches!(other.state, SlotState::Open { .. });
                free && open && other.kind == slot.kind && agreed(b, other.stream).is_some()
            };
            let Some(other) = b.slots.iter().find(fits) else { continue };
            let (Some(from), Some(to)) = (agreed(a, slot.stream), agreed(b, other.stream)) else { continue };
            let path = |id: ChannelId, from: &RtpStream, to: &RtpStream| Path {
                numbers: match self.is_listened_to(id) {
                    true => from.translation_without_events(to),
                    false => from.translation(to),
                },
            };
            joins.push(Join {
                kind: slot.kind.clone(),
                ports: [slot.port, other.port],
                paths: [path(a.id, &from, &to), path(b.id, &to, &from)],
            });
        }
        joins.extend(super::fax::join_of(a, b));
        joins
    }

    /// Early media: the called side is heard before the answer.
    pub(super) fn join_early(&mut self, caller: ChannelId, called: ChannelId, out: &mut Actions) {
        if let Some(channel) = self.calls.channels.get_mut(&caller) {
            channel.early = Some(called);
        }
        for join in self.joins([caller, called]) {
            out.queue.push(Action::Media(join.plan()));
        }
    }

    /// What is agreed with a channel changed.
    pub(super) fn media_changed(&mut self, now: Now, id: ChannelId, change: &MediaChange, out: &mut Actions) {
        self.aim(id, out);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.had_fax |= change.fax == Some(true);
        channel.moved |= change.address;
        let Some(bridge) = channel.bridge else { return };
        if let Some(held) = change.held {
            self.hold_changed(now, id, held, out);
        }
        if change.fax == Some(false) {
            self.fax_ended(now, id, out);
        }
        self.choose_later(bridge);
    }

    /// Takes a channel out of its bridge. The survivor's media is brought back here, and it goes on with what its side
    /// of the call says.
    pub(super) fn leave_bridge(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(at) = channel.bridge.take() else { return };
        let name = channel.name.clone();
        let Some(bridge) = self.calls.bridges.remove(&at) else { return };
        self.ears.log(out, Level::Verbose, "bridge_channel.c", || {
            format!("Channel {name} left '{}' basic-bridge <{}>", bridge.asterisk_name(), bridge.unique_id)
        });
        for leg in bridge.legs {
            if let Some(channel) = self.calls.channels.get_mut(&leg) {
                channel.limits = None;
            }
        }
        for join in &bridge.joined {
            out.queue.push(Action::Media(Plan::Unjoin { port: join.ports[0] }));
        }
        if let Some(room) = bridge.room {
            self.leave_shared_room(room, bridge.legs, out);
        }
        self.seats_follow(out);
        self.spies_follow(out);
        let Some(other) = bridge.legs.iter().copied().find(|leg| *leg != id) else { return };
        self.keep_told(bridge.legs, &bridge.direct);
        for leg in bridge.legs {
            if let Some(channel) = self.calls.channels.get_mut(&leg) {
                channel.pressed = Pressed::default();
            }
        }
        if let Some(What::Extension { .. }) = self.service_mut(other).map(|service| &service.what) {
            self.end_service(other, out);
        }
        let Some(survivor) = self.calls.channels.get_mut(&other) else { return };
        survivor.bridge = None;
        for leg in bridge.legs {
            self.hold_over(now, leg, out);
        }
        if self.goes_on_with_waiting(now, other, out) {
            return;
        }
        let Some(survivor) = self.calls.channels.get_mut(&other) else { return };
        let leaves_alone = matches!(survivor.doing, Doing::Bridged);
        if self.bridge_left(now, other, out) {
            return;
        }
        let Some(survivor) = self.calls.channels.get(&other) else { return };
        // Without a dialplan, a called leg's caller was all it had; so was the partner of one that replaced another.
        if survivor.program.is_none() && !survivor.is_kept {
            self.hang_up(now, other, 16, out);
        } else if leaves_alone {
            self.bridge_over(now, other, out);
        }
    }

    /// The bridge of a channel that waited in it is over: its application ends as that one does.
    fn bridge_over(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let awaits = self.calls.channels.get(&id).and_then(|channel| channel.program.as_ref()?.awaits());
        match awaits {
            // Its own call was taken from it by a transfer; only `g` goes on.
            Some("Dial") => {
                let over = Dialled::unanswered(DialStatus::Answer);
                self.resume(id, Outcome::Dialled(Box::new(over)));
            }
            Some("Pickup" | "PickupChan") => self.hang_up(now, id, 16, out),
            _ => self.resume(id, Outcome::Status("SUCCESS".into())),
        }
    }
}

impl Bridge {
    /// Asterisk's name of its technology: that of every bridge until it is chosen.
    pub fn asterisk_name(&self) -> &'static str {
        self.technology.unwrap_or(Technology::Core).asterisk_name()
    }
}

impl Join {
    fn plan(&self) -> Plan {
        let [a_to_b, b_to_a] = self.paths.clone();
        Plan::Join { a: self.ports[0], b: self.ports[1], a_to_b: Box::new(a_to_b), b_to_a: Box::new(b_to_a) }
    }
}
