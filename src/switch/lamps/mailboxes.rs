//! Mailboxes: who is told of each, by subscription or without being asked (`behaviour-pubsub` 5).

use super::resources::Found;
use super::subscribe::{Asked, Refusal};
use crate::base::ids::Name;
use crate::base::limits;
use crate::base::time::{Moment, Now};
use crate::config::model::{Aor, Endpoint};
use crate::outbound::qualify::ContactKey;
use crate::pubsub::mailbox::full_name;
use crate::pubsub::{Counts, Ended, Kept, Life, Package, SlotId};
use crate::sip::wire::Header;
use crate::switch::Switch;
use crate::switch::inbound::Admitted;
use crate::switch::io::Actions;
use crate::switch::view::{Level, MailboxView};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

const MWI: &str = "res_pjsip_mwi.c";

/// What is to be told to an endpoint that did not ask.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Due {
    pub endpoint: Name,
    /// Only this mailbox; all of them when `None`.
    pub mailbox: Option<Name>,
    /// Only this contact; all of them when `None`.
    pub contact: Option<ContactKey>,
}

/// Who is told of mailboxes.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    /// Subscriptions by mailbox.
    pub asked: HashMap<Name, Vec<u64>, foldhash::fast::RandomState>,
    /// Endpoints that list a mailbox.
    pub unasked: HashMap<Name, BTreeSet<Name>, foldhash::fast::RandomState>,
    /// What each endpoint lists, to take it back.
    listed: HashMap<Name, Box<[Name]>, foldhash::fast::RandomState>,
    queue: VecDeque<Due>,
    queued: HashSet<Due, foldhash::fast::RandomState>,
    /// When the next of the queue go out.
    pub next: Option<Moment>,
    pub lost: u64,
}

impl Listeners {
    /// Puts one into the queue, unless it is there already.
    pub fn push(&mut self, now: Moment, due: Due) {
        if self.queue.len() >= limits::MWI_QUEUED {
            self.lost += 1;
            return;
        }
        if self.queued.insert(due.clone()) {
            self.queue.push_back(due);
            self.next.get_or_insert(now);
        }
    }

    /// Some of the queue; the rest waits a little.
    pub fn take(&mut self, now: Moment) -> Vec<Due> {
        if self.next.is_none_or(|at| at > now) {
            return Vec::new();
        }
        let count = self.queue.len().min(limits::MWI_PER_TURN);
        let some: Vec<Due> = self.queue.drain(..count).collect();
        for due in &some {
            self.queued.remove(due);
        }
        self.next = (!self.queue.is_empty()).then(|| now + Duration::from_millis(limits::MWI_TURN_MILLIS));
        some
    }

    /// What an endpoint lists now; those that are new.
    fn list(&mut self, endpoint: &Name, names: Box<[Name]>) -> bool {
        let before = self.listed.get(endpoint).cloned().unwrap_or_default();
        if before == names {
            return false;
        }
        for name in &before {
            if let Some(endpoints) = self.unasked.get_mut(name) {
                endpoints.remove(endpoint);
                if endpoints.is_empty() {
                    self.unasked.remove(name);
                }
            }
        }
        for name in &names {
            self.unasked.entry(name.clone()).or_default().insert(endpoint.clone());
        }
        match names.is_empty() {
            true => drop(self.listed.remove(endpoint)),
            false => drop(self.listed.insert(endpoint.clone(), names)),
        }
        self.listed.contains_key(endpoint)
    }
}

impl Switch {
    /// The mailboxes that a SUBSCRIBE asks about: those of the named aor, of the endpoint's aor whose
    /// `voicemail_extension` that is, or of all its aors.
    pub(super) fn find_mailboxes(&self, endpoint: &Endpoint, asked: &Asked) -> Result<Found, Refusal> {
        let refuse = |code, level, why: String| Refusal { code, why, level, origin: MWI };
        let aors: Vec<Arc<Aor>> = if asked.resource.is_empty() {
            endpoint.aors.iter().filter_map(|name| self.directory.aor(name)).cloned().collect()
        } else {
            self.aor_of_mailboxes(endpoint, &asked.resource).into_iter().collect()
        };
        let Some(first) = aors.first() else {
            let why = format!("Unable to locate aor {}. MWI subscription failed.", asked.resource);
            return Err(refuse(404, Level::Warning, why));
        };
        let mut names: Vec<Name> = Vec::new();
        for name in aors.iter().flat_map(|aor| aor.mailboxes.iter()) {
            let name = full_name(name);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            let why = format!("AOR {} has no configured mailboxes. MWI subscription failed.", first.name);
            return Err(refuse(404, Level::Warning, why));
        }
        if !endpoint.options.mwi_subscribe_replaces_unsolicited {
            let own = endpoint.mailboxes.iter().find(|own| names.contains(&full_name(own)));
            if let Some(own) = own {
                let why = format!(
                    "Endpoint '{}' already configured for unsolicited MWI for mailbox '{own}'. \
                     Denying MWI subscription to {}",
                    endpoint.name, first.name
                );
                return Err(refuse(500, Level::Notice, why));
            }
        }
        let own = &first.options.voicemail_extension;
        let fallback = &self.directory.objects.global.default_voicemail_extension;
        let account = if own.is_empty() { fallback.clone() } else { own.clone() };
        Ok(Found::Mailboxes { names: names.into(), account })
    }

    fn aor_of_mailboxes(&self, endpoint: &Endpoint, resource: &str) -> Option<Arc<Aor>> {
        let by_extension = || {
            let mut own = endpoint.aors.iter().filter_map(|name| self.directory.aor(name));
            own.find(|aor| *aor.options.voicemail_extension == *resource)
        };
        self.directory.aor(resource).or_else(by_extension).cloned()
    }

    /// Begins to tell a subscription of its mailboxes.
    pub(super) fn listen(&mut self, id: SlotId, names: &[Name]) {
        for name in names {
            self.lamps.listeners.asked.entry(name.clone()).or_default().push(id.number());
        }
    }

    /// A subscription to mailboxes is over. What it replaced is told again.
    pub(super) fn stop_listening(&mut self, now: Now, id: SlotId, (endpoint, names): (&Name, &[Name])) {
        for name in names {
            if let Some(watchers) = self.lamps.listeners.asked.get_mut(name) {
                if let Some(at) = watchers.iter().position(|known| *known == id.number()) {
                    watchers.swap_remove(at);
                }
                if watchers.is_empty() {
                    self.lamps.listeners.asked.remove(name);
                }
            }
            let unasked = self.lamps.listeners.unasked.get(name);
            if unasked.is_some_and(|endpoints| endpoints.contains(endpoint)) {
                let endpoint = endpoint.clone();
                self.lamps.listeners.push(now.at, Due { endpoint, mailbox: None, contact: None });
            }
        }
    }

    /// A NOTIFY outside any dialog: a peer tells of a mailbox of ours (`incoming_mwi_mailbox`). Anything else nobody
    /// asked for.
    pub(in crate::switch) fn hear_notify(
        &mut self,
        now: Now,
        admitted: &Admitted<'_, '_>,
        out: &mut Actions,
    ) {
        let mut request = *admitted.request();
        if !self.begin(now, &mut request, out) {
            return;
        }
        let kind = request.message.header(Header::ContentType).unwrap_or_default();
        let kind = kind.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        if !kind.eq_ignore_ascii_case(b"application/simple-message-summary") {
            return self.refuse(&request, (481, "Subscription does not exist"), out);
        }
        let endpoint = admitted.endpoint();
        let mailbox = &endpoint.extra().incoming_mwi_mailbox;
        let counts = std::str::from_utf8(request.message.body()).ok().and_then(Counts::parse);
        let done = match (mailbox.contains('@'), counts) {
            (true, Some(counts)) => self.set_mailbox(now, mailbox, counts),
            (false, _) => Err("incoming_mwi_mailbox is no box@context".to_owned()),
            (true, None) => Err("its body is no message summary".to_owned()),
        };
        match done {
            Ok(()) => self.refuse(&request, (200, ""), out),
            Err(why) => {
                let name = &endpoint.name;
                self.ears.log(out, Level::Warning, MWI, || {
                    format!("MWI NOTIFY of endpoint '{name}' refused: {why}")
                });
                self.refuse(&request, (404, ""), out);
            }
        }
    }

    /// Sets the counts of a mailbox and tells whoever listens.
    ///
    /// # Errors
    /// Why not, in words.
    pub(in crate::switch) fn set_mailbox(
        &mut self,
        now: Now,
        name: &str,
        counts: Counts,
    ) -> Result<(), String> {
        self.count_mailbox(now, name, counts, None)
    }

    /// The same, by the word of another server where `eid` names one: that is not written down, nor published again.
    pub(super) fn count_mailbox(
        &mut self,
        now: Now,
        name: &str,
        counts: Counts,
        eid: Option<&Name>,
    ) -> Result<(), String> {
        let name = full_name(name);
        if name.len() > limits::MAILBOX_NAME_BYTES
            || name.starts_with('@')
            || name.chars().any(char::is_control)
        {
            return Err(format!("'{name}' is no name of a mailbox; the form is box@context"));
        }
        let changed = self
            .lamps
            .mailboxes
            .set(&name, counts)
            .map_err(|_| format!("{} mailboxes are known already", limits::MAILBOXES))?;
        let moved = eid.is_some() != self.lamps.remote.counts(&name);
        if !changed && !moved {
            return Ok(());
        }
        self.mailbox_counted(&name, eid);
        self.lamps.kept.push(match eid {
            None => Kept::Mailbox { name: name.clone(), counts },
            Some(_) => Kept::ForgetMailbox { name: name.clone() },
        });
        if !changed {
            return Ok(());
        }
        self.lamps.touch(&format!("MWI:{name}"));
        let watchers = self.lamps.listeners.asked.get(&name).cloned().unwrap_or_default();
        self.lamps.told.extend(watchers);
        let endpoints = self.lamps.listeners.unasked.get(&name).cloned().unwrap_or_default();
        for endpoint in endpoints {
            let aggregate =
                self.directory.endpoint(&endpoint).is_none_or(|endpoint| endpoint.options.aggregate_mwi);
            let mailbox = (!aggregate).then(|| name.clone());
            self.lamps.listeners.push(now.at, Due { endpoint, mailbox, contact: None });
        }
        Ok(())
    }

    /// Voicemail directories changed.
    pub(in crate::switch) fn mailboxes_seen(
        &mut self,
        now: Now,
        all: Vec<(String, Counts)>,
        out: &mut Actions,
    ) {
        for (name, counts) in all {
            if let Err(why) = self.set_mailbox(now, &name, counts) {
                self.ears.log(out, Level::Warning, MWI, || format!("Voicemail of {name} is not told: {why}"));
            }
        }
    }

    /// Endpoints came, went or changed: those that list other mailboxes than before are told.
    pub(super) fn mailboxes_changed(&mut self, now: Now, endpoint: &Name, out: &mut Actions) {
        let found = self.directory.endpoint(endpoint).cloned();
        let names = found.as_ref().map(|e| e.mailboxes.iter().map(|name| full_name(name)).collect());
        let news = self.lamps.listeners.list(endpoint, names.unwrap_or_default());
        let Some(config) = found.filter(|_| news) else { return };
        self.lamps.listeners.push(now.at, Due { endpoint: endpoint.clone(), mailbox: None, contact: None });
        if config.options.mwi_subscribe_replaces_unsolicited {
            return;
        }
        let conflicting: Vec<SlotId> = config
            .mailboxes
            .iter()
            .filter_map(|name| self.lamps.listeners.asked.get(&full_name(name)))
            .flatten()
            .map(|number| SlotId::from_number(*number))
            .filter(|id| self.lamps.subscriptions.get(*id).is_some_and(|one| one.endpoint == *endpoint))
            .collect();
        for id in conflicting {
            self.end_subscription(now, id, Ended::Deactivated, out);
        }
    }

    /// The server starts with these endpoints: each is told once, unless that is not wanted.
    pub(in crate::switch) fn mailboxes_at_start(&mut self, now: Now) {
        let mut listing: Vec<(Name, Box<[Name]>)> = self
            .directory
            .objects
            .endpoints
            .values()
            .filter(|endpoint| !endpoint.mailboxes.is_empty())
            .map(|e| (e.name.clone(), e.mailboxes.iter().map(|name| full_name(name)).collect()))
            .collect();
        listing.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let silent = self.directory.objects.global.mwi_disable_initial_unsolicited;
        for (endpoint, names) in listing {
            self.lamps.listeners.list(&endpoint, names);
            if !silent {
                self.lamps.listeners.push(now.at, Due { endpoint, mailbox: None, contact: None });
            }
        }
    }

    /// A contact registered or was renewed: it is told of the mailboxes of its endpoint.
    pub(in crate::switch) fn mailboxes_for(&mut self, now: Now, contact: ContactKey) {
        if self.lamps.listeners.listed.is_empty() {
            return;
        }
        for endpoint in self.directory.users(crate::config::Kind::Aor, &contact.0) {
            if self.lamps.listeners.listed.contains_key(&endpoint) {
                let due = Due { endpoint, mailbox: None, contact: Some(contact.clone()) };
                self.lamps.listeners.push(now.at, due);
            }
        }
    }

    /// Whether an endpoint has a subscription of its own for a mailbox.
    pub(super) fn has_subscribed(&self, endpoint: &Name, mailbox: &Name) -> bool {
        let watchers = self.lamps.listeners.asked.get(mailbox).into_iter().flatten();
        let mut found =
            watchers.filter_map(|number| self.lamps.subscriptions.get(SlotId::from_number(*number)));
        found.any(|one| {
            one.endpoint == *endpoint && one.life == Life::Active && one.package == Package::MessageSummary
        })
    }

    /// The messages of one mailbox.
    pub(in crate::switch) fn counts_of_mailbox(&self, name: &Name) -> Counts {
        self.lamps.mailboxes.of(name)
    }

    /// `mailbox show`: one, or all.
    pub(in crate::switch) fn mailbox_views(&self, name: Option<&str>) -> Vec<MailboxView> {
        let name = name.map(full_name);
        let listeners = &self.lamps.listeners;
        let mut names: BTreeSet<&Name> = self.lamps.mailboxes.iter().map(|(name, _)| name).collect();
        names.extend(listeners.asked.keys().chain(listeners.unasked.keys()));
        let wanted = names.into_iter().filter(|known| name.as_ref().is_none_or(|name| name == *known));
        wanted
            .map(|known| {
                let counts = self.lamps.mailboxes.of(known);
                MailboxView {
                    name: known.to_string(),
                    new: counts.new,
                    old: counts.old,
                    subscriptions: listeners.asked.get(known).map_or(0, Vec::len),
                    endpoints: listeners
                        .unasked
                        .get(known)
                        .into_iter()
                        .flatten()
                        .map(ToString::to_string)
                        .collect(),
                }
            })
            .collect()
    }
}
