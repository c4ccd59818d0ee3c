//! Questions and orders of an administrator.

use super::Switch;
use super::io::{Action, Actions};
use super::view::{Command, Reply, StatusView};
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::pubsub::Counts;
use crate::pubsub::mailbox::full_name;

impl Switch {
    pub(super) fn command(&mut self, now: Now, token: u64, command: Command, out: &mut Actions) {
        let reply = match command {
            Command::Show { kind, name } => self.show(now, kind, name.as_deref()),
            Command::ShowSome { kind, names } => self.show_some(now, kind, &names),
            Command::Status => Reply::Status(Box::new(self.status(now))),
            Command::EndpointStates => Reply::EndpointStates(self.endpoint_states()),
            Command::UnidentifiedRequests => Reply::Unidentified(self.unidentified.view(now)),
            Command::Identifiers => {
                let names = self.directory.chain.order().iter().map(|by| match by {
                    crate::identify::Identifier::Line => "",
                    named => named.name(),
                });
                Reply::Identifiers(names.collect())
            }
            Command::ExplainIdentify(question) => self.explain_identify(now, &question),
            Command::ExplainAuth { name } => self.explain_auth(&name),
            Command::Qualify { endpoint } => self.qualify_now(&endpoint),
            Command::Logger(order) => match self.ears.set_logger(&order) {
                Ok(text) => Reply::Done(text),
                Err(text) => Reply::Refused(text),
            },
            Command::History(order) => Reply::Done(self.ears.set_history(order)),
            Command::Trace { key } => match self.trace.view(&key) {
                Ok(view) => Reply::Trace(Box::new(view)),
                Err(why) => Reply::Refused(why),
            },
            Command::ShowHistory => Reply::History(self.ears.history()),
            Command::Maintenance { endpoint, on } => self.set_maintenance(&endpoint, on),
            Command::ShowMaintenance { endpoint } => self.show_maintenance(endpoint.as_deref()),
            Command::RemoveContact { aor, uri } => self.remove_contact(now, &aor, uri.as_deref(), out),
            Command::Bans => self.show_bans(now),
            Command::Unban { source } => self.unban(now, source),
            Command::Dialplan { context, exten } => self.show_dialplan(context.as_deref(), exten.as_deref()),
            Command::Hangup { channel, cause } => self.hang_up_named(now, channel.as_deref(), cause, out),
            Command::Subscriptions { outbound: false } => Reply::Subscriptions(self.subscription_views(now)),
            Command::Subscriptions { outbound: true } => Reply::Subscriptions(Vec::new()),
            Command::Hints => Reply::Hints(self.hint_views()),
            Command::ExplainSubscription { endpoint, exten } => {
                self.explain_subscription(now, &endpoint, &exten)
            }
            Command::Publications { outbound: false } => {
                Reply::Publications(self.inbound_publication_views(now))
            }
            Command::Publications { outbound: true } => {
                Reply::Publications(self.outbound_publication_views(now))
            }
            Command::Mailboxes { name } => Reply::Mailboxes(self.mailbox_views(name.as_deref())),
            Command::SetMailbox { name, new, old } => {
                match self.set_mailbox(now, &name, Counts { new, old }) {
                    Ok(()) => Reply::Done(format!("Mailbox {}: {new} new, {old} old", full_name(&name))),
                    Err(why) => Reply::Refused(why),
                }
            }
            Command::DeviceStates => Reply::DeviceStates(self.custom_states()),
            Command::PresenceStates => Reply::PresenceStates(self.presence_states()),
            Command::SetDeviceState { device, state } => {
                let done = self.set_custom_state(&device, &state);
                self.told_state(&device, &state, done)
            }
            Command::SetPresence { provider, presence } => {
                let done = self.set_presence(&provider, &presence);
                self.told_state(&provider, &presence, done)
            }
            Command::Originate { technology, resource, to } => {
                self.originate(now, (&technology, &resource), to, out)
            }
            Command::Database(order) => self.database_order(&order, out),
            Command::Variables(order) => self.variable_order(now, &order, out),
            Command::Features => Reply::Done(self.services.features.text()),
            Command::Parking { lot } => self.show_parking(lot.as_deref()),
            Command::Voicemail(order) => self.voicemail_order(&order),
            Command::Conference(order) => self.conference_order(now, order, out),
            Command::Bridges => Reply::Bridges(self.bridge_views(now)),
            // Answered when the media threads have told their counters.
            Command::ChannelStats => return self.ask_channel_stats(now, token, out),
            Command::ExplainDirectMedia(question) => self.explain_direct_media(&question),
            Command::Register { registration, on } => self.order_registration(now, &registration, on, out),
            Command::Notify { kind, to } => self.order_notify(now, (&kind, &to), out),
            Command::Message { to, from, body } => self.order_message(now, (&to, &from, &body), out),
            Command::Timers => Reply::Timers(self.timer_views(now)),
            Command::RetryRegistrations => {
                Reply::Done(format!("{} given up registration(s) begin anew", self.retry_given_up(now)))
            }
        };
        out.queue.push(Action::Reply { token, reply });
    }

    fn status(&self, now: Now) -> StatusView {
        let objects = &self.directory.objects;
        StatusView {
            version: env!("CARGO_PKG_VERSION"),
            uptime_secs: now.at.since(self.started.at).as_secs(),
            objects: vec![
                ("endpoints", objects.endpoints.len()),
                ("aors", objects.aors.len()),
                ("auths", objects.auths.len()),
                ("identifies", objects.identifies.len()),
                ("transports", objects.transports.len()),
                ("acls", objects.acls.len()),
                ("domain_aliases", objects.domain_aliases.len()),
                ("registrations", objects.registrations.len()),
            ],
            contacts: self.registrar.len(),
            transactions: self.transactions.servers.len() + self.transactions.clients.len(),
            held_registers: self.transactions.servers.held(),
            dialogs: self.calls.dialogs() + self.lamps.subscriptions(),
            counters: self.counters.all().into_iter().chain([("calls", self.call_counts().1)]).collect(),
            ..StatusView::default()
        }
    }

    fn qualify_now(&mut self, endpoint: &str) -> Reply {
        let Some(config) = self.directory.endpoint(endpoint).cloned() else {
            return Reply::Refused(format!("Unable to retrieve endpoint {endpoint}"));
        };
        let mut told = Vec::new();
        for aor in config.aors.iter().filter(|aor| self.directory.aor(aor).is_some()) {
            for key in self.contact_keys(aor) {
                self.qualify.ask_now(&key);
            }
            told.push(format!("Qualifying AOR '{aor}' on endpoint '{endpoint}'"));
        }
        match told.is_empty() {
            true => Reply::Refused(format!("Endpoint {endpoint} has no aors to qualify")),
            false => Reply::Done(told.join("\n")),
        }
    }

    fn set_maintenance(&mut self, endpoint: &str, on: bool) -> Reply {
        let names: Vec<Name> = if endpoint == "all" {
            self.directory.objects.endpoints.keys().cloned().collect()
        } else {
            self.directory.endpoint(endpoint).map(|e| e.name.clone()).into_iter().collect()
        };
        if names.is_empty() {
            return Reply::Refused(format!("Endpoint '{endpoint}' not found"));
        }
        for name in names {
            if on {
                self.maintenance.insert(name);
            } else {
                self.maintenance.remove(&name);
            }
        }
        let state = if on { "enabled" } else { "disabled" };
        Reply::Done(format!("Maintenance mode {state} for {endpoint}"))
    }

    fn show_maintenance(&self, endpoint: Option<&str>) -> Reply {
        let names = match endpoint {
            Some(name) => self.directory.endpoint(name).map(|e| e.name.clone()).into_iter().collect(),
            None => self.maintenance.iter().cloned().collect::<Vec<_>>(),
        };
        let views = names.into_iter().map(|endpoint| super::view::MaintenanceView {
            enabled: self.maintenance.contains(&endpoint),
            endpoint,
        });
        Reply::Maintenance(views.collect())
    }

    fn remove_contact(&mut self, now: Now, aor: &str, uri: Option<&str>, out: &mut Actions) -> Reply {
        let before = self.registrar.len();
        self.registrar.remove(&aor.into(), uri, &mut self.changes, &mut self.happened);
        self.commit(out);
        self.tell_contacts(now, out);
        match before - self.registrar.len() {
            0 => Reply::Refused(format!("AOR '{aor}' has no such registered contact")),
            gone => Reply::Done(format!("Removed {gone} contact(s) from AOR '{aor}'")),
        }
    }
}
