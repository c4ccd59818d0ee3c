//! The facts behind a NOTIFY's body, from the hint that is watched and the calls that ring there.

use super::devices::{Kind, Shown, kind_of};
use crate::pubsub::body::{self, End, Facts};
use crate::pubsub::{BodyType, HintId, Resource, SlotId, Subscription};
use crate::sip::wire::{NameAddr, Uri};
use crate::switch::Switch;
use crate::switch::call::Ringing;
use std::borrow::Cow;

impl Switch {
    /// Appends the body of a subscription's next NOTIFY and counts it. What is watched may be gone already: the last
    /// body then says that nobody is there.
    pub(super) fn write_body(&mut self, id: SlotId, out: &mut String) {
        let Some(subscription) = self.lamps.subscriptions.get(id) else { return };
        match &subscription.watches {
            Resource::Hint(hint) => self.write_hint(subscription, *hint, out),
            Resource::Mailboxes { names, account } => {
                let counts = self.lamps.mailboxes.sum(names.iter());
                let local = uri_of(subscription.dialog.local());
                let host = host_of(&local);
                let account =
                    if account.is_empty() { String::new() } else { format!("sip:{account}@{host}") };
                body::summary(out, counts, &account);
            }
        }
        if let Some(subscription) = self.lamps.subscriptions.get_mut(id) {
            subscription.version = subscription.version.wrapping_add(1);
        }
    }

    fn write_hint(&self, subscription: &Subscription, hint: HintId, out: &mut String) {
        let (local, remote) = (uri_of(subscription.dialog.local()), uri_of(subscription.dialog.remote()));
        let nobody = crate::pubsub::Presence::default();
        let gone = (crate::base::device::ExtensionState::Unavailable, &nobody);
        let shows = self.lamps.index.shows(hint);
        let (state, presence) = shows.map_or(gone, |(state, presence, _)| (state, presence));
        let options = self.directory.endpoint(&subscription.endpoint).map(|endpoint| &endpoint.options);
        let wants_caller = subscription.body == BodyType::DialogInfo && state.rings();
        let ringing = shows.filter(|_| wants_caller).and_then(|(_, _, what)| self.ringing_at(&what.devices));
        let host = host_of(&local);
        let ends = ringing.map(|ringing| (end_of(&ringing, true, host), end_of(&ringing, false, host)));
        let facts = Facts {
            exten: &subscription.resource,
            local: &local,
            remote: &remote,
            state,
            presence,
            ringing: ends.as_ref().map(|(caller, called)| (caller, called)),
            early_beside_call: options.is_some_and(|options| options.notify_early_inuse_ringing),
            digium: subscription.digium,
            version: subscription.version,
        };
        match subscription.body {
            BodyType::DialogInfo => body::dialog_info(out, &facts),
            BodyType::Pidf => body::pidf(out, &facts),
            BodyType::Xpidf | BodyType::CpimPidf => body::xpidf(out, &facts),
            // Never negotiated for an extension.
            BodyType::Summary => {}
        }
    }

    /// The oldest call that rings at any of these devices.
    fn ringing_at(&self, devices: &[crate::base::ids::Name]) -> Option<Ringing> {
        let endpoints = devices.iter().filter_map(|device| match kind_of(device)? {
            (Kind::Pjsip, name) => Some(name),
            _ => None,
        });
        let rings = |endpoint| self.lamps.devices.of(endpoint).find(|(_, shown)| *shown == Shown::Ringing);
        let oldest = endpoints.filter_map(rings).map(|(channel, _)| channel).min()?;
        self.calls.ringing(oldest)
    }
}

/// One side of a ringing call. Who may not be seen is anonymous.
fn end_of(ringing: &Ringing, caller: bool, host: &str) -> End {
    let party = if caller { &ringing.caller } else { &ringing.called };
    match party {
        None => End { display: "Anonymous".into(), uri: "sip:anonymous@anonymous.invalid".into() },
        Some((display, number)) => End { display: display.clone(), uri: format!("sip:{number}@{host}") },
    }
}

/// The URI of a From or To value.
fn uri_of(value: &[u8]) -> Cow<'_, str> {
    let uri = NameAddr::parse(value).map(|address| address.uri_text).unwrap_or_default();
    String::from_utf8_lossy(uri)
}

/// The host of a URI as written.
fn host_of(uri: &str) -> &str {
    let Ok(parsed) = Uri::parse(uri.as_bytes()) else { return "" };
    let host = parsed.host.to_string();
    // The text itself, so that nothing is copied.
    uri.find(host.as_str()).map_or("", |at| &uri[at..at + host.len()])
}
