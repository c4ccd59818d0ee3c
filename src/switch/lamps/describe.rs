//! The facts behind a NOTIFY's body, from the hint that is watched and the calls that ring there.

use super::devices::{Kind, Shown, kind_of};
use crate::pubsub::body::{self, End, Facts};
use crate::pubsub::{BodyType, HintId, List, Resource, SlotId, Subscription};
use crate::sip::wire::{NameAddr, Uri};
use crate::switch::Switch;
use crate::switch::call::Ringing;
use std::borrow::Cow;

/// What was written.
pub(super) struct Body {
    /// Its Content-Type.
    pub kind: Cow<'static, str>,
    /// Not all had room: another must follow.
    pub more: bool,
}

/// The URIs and the version of a document about a hint that is published.
pub(in crate::switch) struct Published<'a> {
    /// Whose state it is.
    pub local: &'a str,
    /// To whom it is told.
    pub remote: &'a str,
    /// Of a dialog-info document.
    pub version: u32,
}

impl Switch {
    /// Appends the body of a subscription's next NOTIFY and counts it. What is watched may be gone already: the last
    /// body then says that nobody is there.
    pub(super) fn write_body(&mut self, id: SlotId, out: &mut String) -> Option<Body> {
        let seed = self.rng.next_u64();
        let one = self.lamps.subscriptions.get_mut(id)?;
        let version = one.version;
        one.version = version.wrapping_add(1);
        if let Resource::List(list) = &mut one.watches {
            let blank = List { name: list.name.clone(), full_state: false, version: 0, members: Vec::new() };
            let mut list = std::mem::replace(&mut **list, blank);
            let one = self.lamps.subscriptions.get(id)?;
            let written = self.write_list(one, &mut list, seed, out);
            let one = self.lamps.subscriptions.get_mut(id)?;
            one.watches = Resource::List(Box::new(list));
            return Some(Body { kind: written.content_type.into(), more: written.more });
        }
        let one = self.lamps.subscriptions.get(id)?;
        self.write_resource(one, (&one.resource, &one.watches), version, out);
        Some(Body { kind: one.body.name().into(), more: false })
    }

    /// Appends the document about one resource.
    pub(super) fn write_resource(
        &self,
        one: &Subscription,
        (name, watches): (&str, &Resource),
        version: u32,
        out: &mut String,
    ) {
        match watches {
            Resource::Hint(hint) => self.write_hint(one, (name, *hint), version, out),
            Resource::Mailboxes { names, account } => {
                let counts = self.lamps.mailboxes.sum(names.iter());
                let local = uri_of(one.dialog.local());
                let host = host_of(&local);
                let account =
                    if account.is_empty() { String::new() } else { format!("sip:{account}@{host}") };
                body::summary(out, counts, &account);
            }
            // A leaf is never a list.
            Resource::List(_) => {}
        }
    }

    fn write_hint(
        &self,
        subscription: &Subscription,
        (exten, hint): (&str, HintId),
        version: u32,
        out: &mut String,
    ) {
        let (local, remote) = (uri_of(subscription.dialog.local()), uri_of(subscription.dialog.remote()));
        // A member of a list has a URI of its own.
        let own = matches!(subscription.watches, Resource::Hint(_));
        let entity = if own { local.clone() } else { Cow::Owned(format!("sip:{exten}@{}", host_of(&local))) };
        let options = self.directory.endpoint(&subscription.endpoint).map(|endpoint| &endpoint.options);
        let early = options.is_some_and(|options| options.notify_early_inuse_ringing);
        let ends = Published { local: &entity, remote: &remote, version };
        self.write_state(subscription.body, (exten, hint), (&ends, early, subscription.digium), out);
    }

    /// Appends the document about a hint that is published.
    pub(super) fn write_published(
        &self,
        kind: BodyType,
        (exten, hint): (&str, HintId),
        ends: &Published<'_>,
        out: &mut String,
    ) {
        self.write_state(kind, (exten, hint), (ends, false, false), out);
    }

    fn write_state(
        &self,
        kind: BodyType,
        (exten, hint): (&str, HintId),
        (ends, early_beside_call, digium): (&Published<'_>, bool, bool),
        out: &mut String,
    ) {
        let host = host_of(ends.local);
        let nobody = crate::pubsub::Presence::default();
        let gone = (crate::base::device::ExtensionState::Unavailable, &nobody);
        let shows = self.lamps.index.shows(hint);
        let (state, presence) = shows.map_or(gone, |(state, presence, _)| (state, presence));
        let wants_caller = kind == BodyType::DialogInfo && state.rings();
        let ringing = shows.filter(|_| wants_caller).and_then(|(_, _, what)| self.ringing_at(&what.devices));
        let parties = ringing.map(|ringing| (end_of(&ringing, true, host), end_of(&ringing, false, host)));
        let facts = Facts {
            exten,
            local: ends.local,
            remote: ends.remote,
            state,
            presence,
            ringing: parties.as_ref().map(|(caller, called)| (caller, called)),
            early_beside_call,
            digium,
            version: ends.version,
        };
        match kind {
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
pub(super) fn uri_of(value: &[u8]) -> Cow<'_, str> {
    let uri = NameAddr::parse(value).map(|address| address.uri_text).unwrap_or_default();
    String::from_utf8_lossy(uri)
}

/// The host of a URI as written.
pub(super) fn host_of(uri: &str) -> &str {
    let Ok(parsed) = Uri::parse(uri.as_bytes()) else { return "" };
    let host = parsed.host.to_string();
    // The text itself, so that nothing is copied.
    uri.find(host.as_str()).map_or("", |at| &uri[at..at + host.len()])
}
