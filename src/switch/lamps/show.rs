//! Subscriptions and hints as values to print.

use super::devices::custom_presence;
use crate::base::device::DeviceState;
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::pubsub::{Life, Package, Resource, Subscription};
use crate::switch::Switch;
use crate::switch::view::{HintView, SubscriptionView};

impl Switch {
    /// `pjsip show subscriptions inbound`
    pub(in crate::switch) fn subscription_views(&self, now: Now) -> Vec<SubscriptionView> {
        let mut all: Vec<SubscriptionView> = self
            .lamps
            .subscriptions
            .iter()
            .map(|(_, subscription)| self.subscription_view(now, subscription))
            .collect();
        all.sort_by(|a, b| {
            (&a.endpoint, &a.resource, a.event.as_str(), &a.call_id).cmp(&(
                &b.endpoint,
                &b.resource,
                &b.event,
                &b.call_id,
            ))
        });
        all
    }

    fn subscription_view(&self, now: Now, subscription: &Subscription) -> SubscriptionView {
        let number = self
            .directory
            .endpoint(&subscription.endpoint)
            .map(|endpoint| endpoint.callerid.number().to_owned())
            .unwrap_or_default();
        SubscriptionView {
            endpoint: subscription.endpoint.to_string(),
            callerid_number: number,
            resource: subscription.resource.to_string(),
            event: subscription.package.name().to_owned(),
            expires_secs: subscription.left_secs(now.at),
            call_id: String::from_utf8_lossy(subscription.dialog.id().key().call_id).into_owned(),
            state: match subscription.life {
                Life::Active => "Active",
                Life::Ending(_) => "Terminated",
            },
            fields: self.subscription_fields(subscription),
        }
    }

    fn subscription_fields(&self, subscription: &Subscription) -> Vec<(&'static str, String)> {
        match (&subscription.watches, subscription.package) {
            (Resource::Mailboxes { names, .. }, _) => {
                let names: Vec<&str> = names.iter().map(|name| &**name).collect();
                vec![("SubscriptionType", "mwi".into()), ("Mailboxes", names.join(","))]
            }
            (Resource::List(list), _) => {
                let names: Vec<&str> = list.leaves().iter().map(|leaf| &*leaf.name).collect();
                vec![("SubscriptionType", "list".into()), ("Members", names.join(","))]
            }
            (Resource::Hint(hint), Package::Presence | Package::Dialog | Package::MessageSummary) => {
                let state = self.lamps.index.shows(*hint).map_or("", |(state, ..)| state.text());
                vec![
                    ("SubscriptionType", "extension_state".into()),
                    ("Extension", subscription.resource.to_string()),
                    ("ExtensionStates", state.to_owned()),
                ]
            }
        }
    }

    /// `core show hints`: all that are written, and those of patterns that are watched.
    pub(in crate::switch) fn hint_views(&self) -> Vec<HintView> {
        let mut views: Vec<HintView> = Vec::new();
        for hint in self.calls.plan().hints() {
            let devices: Vec<Name> = hint.devices.iter().map(|device| Name::from(device.as_str())).collect();
            let text = hint.text.clone();
            views.push(self.hint_view(
                (&hint.context, &hint.exten),
                text,
                &devices,
                hint.presence.as_deref(),
            ));
        }
        for (what, watchers) in self.lamps.index.hints() {
            let known =
                views.iter_mut().find(|view| view.extension == *what.exten && view.context == *what.context);
            match known {
                Some(view) => view.watchers = watchers,
                None => {
                    let mut text = what.devices.join("&");
                    if let Some(presence) = &what.presence {
                        text = format!("{text},{presence}");
                    }
                    let presence = what.presence.as_deref();
                    views.push(self.hint_view((&what.context, &what.exten), text, &what.devices, presence));
                }
            }
        }
        views
    }

    fn hint_view(
        &self,
        (context, exten): (&Name, &Name),
        hint: String,
        devices: &[Name],
        presence: Option<&str>,
    ) -> HintView {
        let state = DeviceState::aggregate(devices.iter().map(|device| self.state_of_device(device)));
        let presence = presence.and_then(custom_presence).and_then(|name| self.lamps.presences.get(name));
        HintView {
            extension: exten.to_string(),
            context: context.to_string(),
            hint,
            state: state.of_extension().text(),
            presence: presence.map_or("not_set", |presence| presence.state.word()),
            watchers: self.lamps.index.watchers(context, exten),
        }
    }
}
