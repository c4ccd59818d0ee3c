//! Channels, bridges and statistics as an administrator sees them, and why media goes the way it goes.

use super::channel::{Channel, ChannelId, Side};
use super::facts::limit_of;
use super::features::hooks_of;
use super::ports::SlotState;
use crate::base::time::Now;
use crate::bridge::{self, BridgeKind, Condition, Facts, Plan, PortId, Verdict};
use crate::dialplan::apps::dial::DialOptions;
use crate::dialplan::show;
use crate::switch::Switch;
use crate::switch::io::{Action, Actions};
use crate::switch::view::{
    BridgeView, ChannelStatsView, ChannelView, DialplanView, DirectMediaQuestion, Explanation, Reply, Step,
    StreamStats,
};
use std::collections::BTreeSet;

impl Switch {
    /// All channels in the order they were made, or the one of that name.
    pub(in crate::switch) fn channel_views(&self, now: Now, name: Option<&str>) -> Vec<ChannelView> {
        let wanted = |channel: &&Channel| name.is_none_or(|name| channel.name.eq_ignore_ascii_case(name));
        self.calls.channels.values().filter(wanted).map(|channel| self.channel_view(now, channel)).collect()
    }

    /// Channels of an endpoint, oldest first: those that lamps count.
    pub(in crate::switch) fn channels_of(&self, now: Now, endpoint: &str) -> Vec<ChannelView> {
        let of_it = self.lamps.devices.of(endpoint);
        let channels = of_it.filter_map(|(id, _)| self.calls.channels.get(&ChannelId(id)));
        channels.map(|channel| self.channel_view(now, channel)).collect()
    }

    fn channel_view(&self, now: Now, channel: &Channel) -> ChannelView {
        let running = channel.program.as_ref().and_then(|program| program.running());
        let (application, data) = match (running, channel.side) {
            (Some((application, data)), _) => (application.to_owned(), data.to_owned()),
            (None, Side::Called(_)) => ("AppDial".to_owned(), "(Outgoing Line)".to_owned()),
            (None, Side::Caller) => (String::new(), String::new()),
        };
        let place = channel.program.as_ref().map(|program| program.place());
        let bridge = channel.bridge.and_then(|bridge| self.calls.bridges.get(&bridge));
        ChannelView {
            name: channel.name.to_string(),
            application,
            data,
            state: channel.state.word(),
            duration_secs: now.at.since(channel.made.at).as_secs(),
            context: place.map_or_else(
                || channel.endpoint.options.context.to_string(),
                |place| place.context.to_string(),
            ),
            extension: place.map(|place| place.exten.to_string()).unwrap_or_default(),
            priority: place.map_or(1, |place| u32::try_from(place.priority).unwrap_or(0)),
            caller: (channel.caller.name.clone(), channel.caller.number.clone()),
            connected: (channel.connected.name.clone(), channel.connected.number.clone()),
            account_code: channel.settings.account_code.clone(),
            bridge: bridge.map(|bridge| bridge.unique_id.clone()).unwrap_or_default(),
            unique_id: channel.unique_id.to_string(),
            codecs: channel.codec_names().into_iter().map(str::to_owned).collect(),
        }
    }

    /// All bridges, with why each is what it is.
    pub(in crate::switch) fn bridge_views(&self, now: Now) -> Vec<BridgeView> {
        let names = |legs: [super::channel::ChannelId; 2]| {
            legs.iter().filter_map(|leg| self.calls.channels.get(leg)).map(|c| c.name.to_string()).collect()
        };
        let views = self.calls.bridges.values().map(|bridge| BridgeView {
            id: bridge.unique_id.clone(),
            name: String::new(),
            channels: names(bridge.legs),
            kind: "basic",
            technology: bridge.asterisk_name(),
            duration_secs: now.at.since(bridge.made.at).as_secs(),
            why: bridge.why.as_ref().map(ToString::to_string).unwrap_or_default(),
        });
        views.chain(self.room_views(now)).collect()
    }

    /// Asks every open port for its counters; the answer to `token` follows the last of them.
    pub(in crate::switch) fn ask_channel_stats(&mut self, now: Now, token: u64, out: &mut Actions) {
        let slots = self.calls.channels.values().flat_map(|channel| channel.slots.iter());
        let open = slots.filter(|slot| matches!(slot.state, SlotState::Open { .. })).map(|slot| slot.port);
        let ports: BTreeSet<PortId> = open.collect();
        out.queue.extend(ports.iter().map(|port| Action::Media(Plan::Report { port: *port })));
        self.calls.counting.push((token, ports));
        self.stats_told(now, out);
    }

    /// A port has told its counters, or is closed.
    pub(super) fn counted(&mut self, now: Now, port: PortId, out: &mut Actions) {
        for (_, missing) in &mut self.calls.counting {
            missing.remove(&port);
        }
        self.stats_told(now, out);
    }

    fn stats_told(&mut self, now: Now, out: &mut Actions) {
        let told = self.calls.counting.extract_if(.., |(_, missing)| missing.is_empty());
        let tokens: Vec<u64> = told.map(|(token, _)| token).collect();
        for token in tokens {
            let reply = Reply::ChannelStats(self.channel_stats(now));
            out.queue.push(Action::Reply { token, reply });
        }
    }

    /// RTP counters, sorted by bridge and name; those of the last report.
    fn channel_stats(&self, now: Now) -> Vec<ChannelStatsView> {
        let mut views: Vec<ChannelStatsView> = self
            .calls
            .channels
            .values()
            .filter(|channel| channel.session.is_some())
            .map(|channel| {
                let bridge = channel.bridge.and_then(|bridge| self.calls.bridges.get(&bridge));
                let report = channel.slots.first().and_then(|slot| slot.report.as_deref()).copied();
                let report = report.unwrap_or_default();
                ChannelStatsView {
                    bridge: bridge.map(|bridge| bridge.unique_id.clone()).unwrap_or_default(),
                    channel: channel.name.to_string(),
                    duration_secs: now.at.since(channel.made.at).as_secs(),
                    codec: channel.codec_names().first().copied().unwrap_or_default().to_owned(),
                    direct_media: self.direct_peer(channel).is_some(),
                    received: StreamStats {
                        packets: report.received,
                        lost: report.lost,
                        jitter_secs: report.jitter.as_secs_f64(),
                    },
                    sent: StreamStats {
                        packets: report.sent,
                        lost: report.sent_lost,
                        jitter_secs: report.sent_jitter.as_secs_f64(),
                    },
                    round_trip_secs: report.round_trip.as_secs_f64(),
                }
            })
            .collect();
        views.sort_by(|a, b| (&a.bridge, &a.channel).cmp(&(&b.bridge, &b.channel)));
        views
    }

    /// `dialplan show`
    pub(in crate::switch) fn show_dialplan(&self, context: Option<&str>, exten: Option<&str>) -> Reply {
        let shown = show::Shown { context, exten };
        match show::text(&self.calls.plan, shown) {
            Ok(text) => {
                let contexts = show::json(&self.calls.plan, shown);
                Reply::Dialplan(Box::new(DialplanView { text, contexts }))
            }
            Err(not_there) => Reply::Refused(not_there.0.trim_end().to_owned()),
        }
    }

    /// Calls that were made since start, and those alive: the lines under `core show channels`.
    pub(in crate::switch) fn call_counts(&self) -> (usize, u64) {
        let calls = self.calls.channels.values().filter(|channel| channel.is_caller()).count();
        (calls, self.calls.processed)
    }

    /// `explain direct-media`: every condition with its outcome, for a running call or for two endpoints.
    pub(in crate::switch) fn explain_direct_media(&self, question: &DirectMediaQuestion) -> Reply {
        match question {
            DirectMediaQuestion::Call { channel } => {
                let found = self.channel_named(channel).and_then(|id| self.calls.channels.get(&id));
                let Some(found) = found else {
                    return Reply::Refused(format!(
                        "There is no channel '{channel}'; 'core show channels' lists those there are"
                    ));
                };
                if let Some(facts) = self.room_facts(found) {
                    return Reply::Explanation(explanation(&facts));
                }
                let Some(bridge) = found.bridge.and_then(|bridge| self.calls.bridges.get(&bridge)) else {
                    return self.explain_alone(found);
                };
                match self.facts(bridge) {
                    Some(facts) => Reply::Explanation(explanation(&facts)),
                    None => Reply::Refused(format!("The call of channel '{}' is ending", found.name)),
                }
            }
            DirectMediaQuestion::Between { caller, callee, dial_options } => {
                self.explain_between(caller, callee, dial_options)
            }
        }
    }

    /// A channel without a partner: what it is at.
    fn explain_alone(&self, channel: &Channel) -> Reply {
        if channel.uses.is_empty() {
            return Reply::Refused(format!("Channel '{}' is in no bridge", channel.name));
        }
        let leg = self.configured_leg(&channel.endpoint, channel.name.clone(), channel.dtmf_mode());
        let leg = crate::bridge::Leg { is_up: channel.is_up(), uses: channel.uses.clone(), ..leg };
        Reply::Explanation(explanation(&Facts {
            legs: vec![leg],
            kind: BridgeKind::Basic,
            local_channel: None,
        }))
    }

    fn explain_between(&self, caller: &str, callee: &str, dial_options: &str) -> Reply {
        let mut faults = Vec::new();
        let options = DialOptions::parse(dial_options, &mut faults);
        if !faults.is_empty() {
            return Reply::Refused(faults.join("; "));
        }
        let mut legs = Vec::new();
        for (name, is_caller) in [(caller, true), (callee, false)] {
            let Some(endpoint) = self.directory.endpoint(name) else {
                return Reply::Refused(format!("There is no endpoint '{name}'"));
            };
            let mut leg = self.configured_leg(endpoint, endpoint.name.clone(), endpoint.options.dtmf_mode);
            leg.is_outgoing = !is_caller;
            leg.hooks = hooks_of(&options, is_caller, &self.services.features, None);
            leg.uses.extend(limit_of(&options, is_caller, None));
            legs.push(leg);
        }
        let facts = Facts { legs, kind: BridgeKind::Basic, local_channel: None };
        // What only a call can tell is left out rather than failed.
        let mut explained = explanation_without(&facts, &ONLY_IN_CALLS);
        let open = explained.steps.iter().filter(|step| step.outcome == "fail").count();
        explained.verdict = match open {
            0 => format!(
                "Nothing configured keeps the media of {caller} and {callee} from going direct; \
                 codecs, addresses and NAT are judged in the call"
            ),
            n => format!("{n} setting(s) keep the media of {caller} and {callee} from going direct"),
        };
        Reply::Explanation(explained)
    }
}

/// Conditions that need a call to be judged.
const ONLY_IN_CALLS: [Condition; 6] = [
    Condition::MediaOnBoth,
    Condition::CommonCodec,
    Condition::SameNumbers,
    Condition::SamePackets,
    Condition::Reachable,
    Condition::Answered,
];

/// The judgement of every condition.
fn explanation(facts: &Facts) -> Explanation {
    explanation_without(facts, &[])
}

/// The same, without these where they fail.
fn explanation_without(facts: &Facts, left_out: &[Condition]) -> Explanation {
    let (technology, why) = bridge::choose(facts);
    let mut advice = Vec::new();
    let judged = why.judged.iter().filter(|(condition, verdict)| {
        !(matches!(verdict, Verdict::Fail(_)) && left_out.contains(condition))
    });
    let steps = judged.map(|(condition, verdict)| match verdict {
        Verdict::Fail(fault) => {
            advice.push(fault.remedy.to_string());
            Step {
                outcome: "fail",
                what: condition.to_string(),
                culprit: format!("{}: {}", fault.says, fault.culprit),
            }
        }
        _ => Step { outcome: "pass", what: condition.to_string(), culprit: String::new() },
    });
    let steps = steps.collect();
    advice.dedup();
    Explanation { verdict: format!("{technology}: {why}"), steps, advice }
}
