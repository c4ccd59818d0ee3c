//! Why a lamp is dark: every condition between a SUBSCRIBE and what the phone is told, with what decides it.

use super::devices::{Kind, kind_of};
use crate::base::device::DeviceState;
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::config::model::{Endpoint, Object};
use crate::config::suggest;
use crate::pubsub::{Life, Notifying, Subscription, Watched};
use crate::switch::Switch;
use crate::switch::view::{Explanation, Reply, Step};

impl Switch {
    /// `explain subscription ENDPOINT EXTEN`
    pub(in crate::switch) fn explain_subscription(&self, now: Now, name: &str, exten: &str) -> Reply {
        let mut told = Explanation::default();
        let Some(endpoint) = self.directory.endpoint(name) else {
            told.verdict =
                format!("there is no endpoint '{name}': its SUBSCRIBE is challenged and never let in");
            let names = self.directory.objects.endpoints.keys().map(|name| &**name);
            if let Some(near) = suggest::nearest(name, names) {
                told.advice.push(format!("did you mean '{near}'?"));
            }
            return Reply::Explanation(told);
        };
        told.steps.push(step("match", format!("endpoint '{name}' exists"), String::new()));
        let allowed = endpoint.options.allow_subscribe;
        let outcome = if allowed { "pass" } else { "fail" };
        told.steps.push(step(
            outcome,
            "allow_subscribe".to_owned(),
            self.of_option(endpoint, "allow_subscribe"),
        ));
        let hint = self.explain_hint(now, endpoint, exten, &mut told);
        let refused = self.lamps.refused.get(&(endpoint.name.clone(), Name::from(exten)));
        if let Some(refused) = refused {
            told.steps.push(step(
                "fail",
                format!("its last SUBSCRIBE was refused with {}: {}", refused.0, refused.1),
                String::new(),
            ));
        }
        let watching = self.explain_watching(now, endpoint, exten, &mut told);
        told.verdict = match (allowed, &hint, watching) {
            (false, ..) => {
                told.advice.push(format!("set allow_subscribe=yes on endpoint '{name}'"));
                "dark: the endpoint may not subscribe, and gets 603".to_owned()
            }
            (_, None, _) => format!("dark: SUBSCRIBE to {exten} is answered 404, because there is no hint"),
            (_, Some(_), 0) => {
                told.advice.push(match refused {
                    Some((489, _)) => "let the phone ask for event 'dialog' or 'presence', and accept application/dialog-info+xml or application/pidf+xml".to_owned(),
                    _ => format!("configure a key of the phone to watch {exten}; it has not subscribed, or its subscription ended"),
                });
                "dark: the phone has no subscription to it".to_owned()
            }
            (_, Some(state), _) => format!("lit as {}: the phone is told", state.of_extension().text()),
        };
        Reply::Explanation(told)
    }

    fn explain_hint(
        &self,
        now: Now,
        endpoint: &Endpoint,
        exten: &str,
        told: &mut Explanation,
    ) -> Option<DeviceState> {
        let own = !endpoint.options.subscribe_context.is_empty();
        let option = if own { "subscribe_context" } else { "context" };
        let context = endpoint.subscribe_context();
        let culprit = self.of_option(endpoint, option);
        let plan = self.calls.plan();
        if plan.context(context).is_none() {
            told.steps.push(step("fail", format!("context '{context}' is in the dialplan"), culprit));
            told.advice.push(format!(
                "add [{context}] to extensions.conf, or set {option} to a context that exists"
            ));
            return None;
        }
        told.steps.push(step("pass", format!("context '{context}' is in the dialplan"), culprit));
        let Some(found) = self.hint_of(now, context, &Name::from(exten)) else {
            told.steps.push(step("fail", format!("extension {exten} has a hint there"), String::new()));
            let elsewhere = plan.contexts().map(|context| context.name.clone());
            let elsewhere = elsewhere.filter(|other| self.hint_of(now, other, &Name::from(exten)).is_some());
            match elsewhere.collect::<Vec<_>>().first() {
                Some(other) => told.advice.push(format!(
                    "context '{other}' has a hint for {exten}: set subscribe_context={other} on endpoint '{}'",
                    endpoint.name
                )),
                None => told.advice.push(format!(
                    "add 'exten => {exten},hint,PJSIP/…' to [{context}] in extensions.conf, then 'dialplan reload'"
                )),
            }
            return None;
        };
        let line = plan
            .hint(context, exten, now.wall)
            .map(|hint| plan.sources.place(hint.at.at_column(0)).to_string());
        let what = format!("extension {exten} has a hint there: {}", found.devices.join("&"));
        told.steps.push(step("match", what, line.unwrap_or_default()));
        Some(self.explain_devices(&found, told))
    }

    /// Each device's state, and why.
    fn explain_devices(&self, found: &Watched, told: &mut Explanation) -> DeviceState {
        for device in &found.devices {
            let state = self.state_of_device(device);
            let (why, advice) = self.why_state(device, state);
            let outcome = if state == DeviceState::Invalid { "fail" } else { "match" };
            told.steps.push(step(outcome, format!("{device} is {}: {why}", state.word()), String::new()));
            told.advice.extend(advice);
        }
        DeviceState::aggregate(found.devices.iter().map(|device| self.state_of_device(device)))
    }

    fn why_state(&self, device: &str, state: DeviceState) -> (String, Option<String>) {
        let Some((kind, name)) = kind_of(device) else {
            return (
                "no such kind of device".into(),
                Some(format!("write PJSIP/, Custom:, MWI:, Local/ or park: in place of '{device}'")),
            );
        };
        match (kind, state) {
            (Kind::Pjsip, DeviceState::Invalid) => {
                let names = self.directory.objects.endpoints.keys().map(|name| &**name);
                let near = suggest::nearest(name, names);
                ("there is no such endpoint".into(), near.map(|near| format!("did you mean PJSIP/{near}?")))
            }
            (Kind::Pjsip, DeviceState::Unavailable) => (
                "no contact of its aors can be reached".into(),
                Some(format!("register '{name}', or see 'show endpoint {name}'")),
            ),
            (Kind::Pjsip, DeviceState::NotInUse) => ("registered, and in no call".into(), None),
            (Kind::Pjsip, DeviceState::OnHold) => ("the other side of its call holds".into(), None),
            (Kind::Pjsip, _) => (format!("{} channels", self.lamps.devices.of(name).count()), None),
            (Kind::Custom, DeviceState::Unknown) => {
                ("it was never set".into(), Some(format!("devstate change {device} INUSE")))
            }
            (Kind::Custom, _) => ("as it was set".into(), None),
            (Kind::Mailbox, _) => ("by the messages that wait".into(), None),
            (Kind::Park, DeviceState::Invalid) => {
                ("no parking lot of res_parking.conf has that space".into(), None)
            }
            (Kind::Park, _) => ("whether somebody is parked there".into(), None),
            (Kind::Local, _) => ("whether that extension exists".into(), None),
        }
    }

    /// Subscriptions of the endpoint to the extension; how many live.
    fn explain_watching(&self, now: Now, endpoint: &Endpoint, exten: &str, told: &mut Explanation) -> usize {
        let is_its = |one: &&Subscription| one.endpoint == endpoint.name && *one.resource == *exten;
        let mut living = 0;
        for one in self.lamps.subscriptions.iter().map(|(_, one)| one).filter(is_its) {
            let waits = match one.notifying {
                Notifying::Idle => "the phone has answered its last NOTIFY",
                Notifying::Seeking { .. } => "its host name is being looked up",
                Notifying::Sent { .. } => "a NOTIFY is not answered yet",
            };
            let (event, body) = (one.package.name(), one.body.name());
            let left = one.left_secs(now.at);
            living += usize::from(one.life == Life::Active);
            told.steps.push(step(
                if one.life == Life::Active { "pass" } else { "fail" },
                format!("subscribed to {event} as {body} for {left} s more; {waits}"),
                String::new(),
            ));
        }
        if living == 0 {
            told.steps.push(step(
                "fail",
                format!("endpoint '{}' has a subscription to {exten}", endpoint.name),
                String::new(),
            ));
        }
        living
    }

    /// `allow_subscribe of endpoint '100' at pjsip.conf:7`
    fn of_option(&self, endpoint: &Endpoint, option: &str) -> String {
        let value = endpoint.option(option).unwrap_or_default();
        format!(
            "{option}={value} of endpoint '{}' at {}",
            endpoint.name,
            self.place(endpoint.origin_of(option))
        )
    }
}

fn step(outcome: &'static str, what: String, culprit: String) -> Step {
    Step { outcome, what, culprit }
}
