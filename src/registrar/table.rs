//! All dynamic contacts, by aor, with their expiries.
//!
//! ```text
//!              REGISTER                    REGISTER expires=0, *, pruned, replaced
//!   (absent) ───────────► bound ──────────────────────────────────────────────► (absent)
//!                          │  ▲ refresh                    expiry reached ──────►
//!                          └──┘
//! ```
//! A request is planned whole ([`super::plan`]) before anything changes; then it is applied whole, and every change is
//! handed out to be committed.

use super::binding::{Binding, ContactChange};
use super::plan::{self, Plan};
use super::refusal::Refusal;
use super::request::{Policy, Registrant, Wish};
use crate::base::ids::{FlowId, Name};
use crate::base::time::{Moment, Now, WallTime};
use crate::base::wheel::{TimerId, Wheel};
use crate::sip::wire::{Envelope, Message};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::time::Duration;

/// Why a contact ended; Asterisk's words in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its time was up.
    Expiration,
    /// The phone asked.
    Request,
    /// `remove_existing` made room.
    RemoveExisting,
    /// `remove_unavailable` made room.
    RemoveUnavailable,
    /// The same phone came back from another address.
    Moved,
    /// Its connection closed.
    Shutdown,
    /// An administrator removed it, or its aor is gone.
    Removed,
}

impl Ended {
    /// The word in the log.
    pub fn word(self) -> &'static str {
        match self {
            Ended::Expiration => "expiration",
            Ended::Request => "request",
            Ended::RemoveExisting => "remove existing",
            Ended::RemoveUnavailable => "remove unavailable",
            // Asterisk has no word of its own for it.
            Ended::Moved => "remove existing",
            Ended::Shutdown => "shutdown",
            Ended::Removed => "removed",
        }
    }
}

/// What happened to a contact, for the log, qualify and the lamps.
#[derive(Clone, Debug)]
pub enum Happened {
    /// It is new.
    Added(Box<Binding>),
    /// It was refreshed; granted seconds.
    Refreshed(Name, [u8; 16], u32),
    /// It is gone.
    Gone(Box<Binding>, Ended),
}

#[derive(Debug)]
struct Bound {
    binding: Binding,
    timer: TimerId,
}

/// The table. One owner: the switch.
#[derive(Debug)]
pub struct Registrar {
    aors: HashMap<Name, Vec<Bound>, RandomState>,
    by_flow: HashMap<FlowId, Vec<(Name, [u8; 16])>, RandomState>,
    expiries: Wheel<(Name, [u8; 16])>,
    count: usize,
}

impl Registrar {
    /// An empty table at `start`.
    pub fn new(start: Moment) -> Registrar {
        Registrar {
            aors: HashMap::default(),
            by_flow: HashMap::default(),
            expiries: Wheel::new(start, Duration::from_secs(1), 8192),
            count: 0,
        }
    }

    /// Dynamic contacts in all.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The dynamic contacts of an aor, oldest first.
    pub fn contacts(&self, aor: &str) -> impl ExactSizeIterator<Item = &Binding> + '_ {
        self.aors.get(aor).map(Vec::as_slice).unwrap_or_default().iter().map(|b| &b.binding)
    }

    /// Every aor that has contacts.
    pub fn aors(&self) -> impl Iterator<Item = &Name> + '_ {
        self.aors.keys()
    }

    /// Every dynamic contact.
    pub fn all(&self) -> impl Iterator<Item = &Binding> + '_ {
        self.aors.values().flatten().map(|bound| &bound.binding)
    }

    /// Room for contacts of so many more aors, so that the table need not grow step by step.
    pub fn reserve(&mut self, aors: usize) {
        self.aors.reserve(aors);
    }

    /// Takes a stored contact in, at start or from another node; a known one is replaced. Nothing is committed.
    pub fn restore(&mut self, now: Now, binding: Binding) {
        self.unlink(&binding.aor.clone(), &binding.hash);
        self.insert(now, binding);
    }

    /// Forgets a contact another node removed. Nothing is committed.
    pub fn forget(&mut self, aor: &str, hash: &[u8; 16]) -> Option<Binding> {
        self.unlink(aor, hash)
    }

    /// Handles one REGISTER that passed authentication: all of it or nothing. Changes to commit are appended to
    /// `changes`, what happened to `happened`.
    ///
    /// # Errors
    /// The refusal; the table is as before.
    pub fn register(
        &mut self,
        now: Now,
        (message, envelope): (&Message<'_>, &Envelope<'_>),
        (policy, who): (&Policy, &Registrant<'_>),
        unavailable: &dyn Fn(&Binding) -> bool,
        changes: &mut Vec<ContactChange>,
        happened: &mut Vec<Happened>,
    ) -> Result<(), Refusal> {
        if policy.max_contacts == 0 {
            return Err(Refusal::NotPermitted);
        }
        let wish = super::request::read(message, policy, who)?;
        if self.prolong(now, &wish, (message, envelope), (policy, who), changes, happened) {
            return Ok(());
        }
        let existing: Vec<&Binding> = self.contacts(who.aor).filter(|b| b.expires > now.wall).collect();
        if let Wish::Query = wish {
            return Ok(());
        }
        let plan = plan::plan(&existing, &wish, (message, envelope), now.wall, (policy, who), unavailable)?;
        self.apply(now, who.aor, plan, changes, happened);
        Ok(())
    }

    /// The everyday case, without a plan: one contact that only gets a new expiry.
    fn prolong(
        &mut self,
        now: Now,
        wish: &Wish<'_>,
        (message, envelope): (&Message<'_>, &Envelope<'_>),
        (policy, who): (&Policy, &Registrant<'_>),
        changes: &mut Vec<ContactChange>,
        happened: &mut Vec<Happened>,
    ) -> bool {
        let Wish::Contacts(wanted) = wish else { return false };
        let ([want], Some(bound)) = (wanted.as_slice(), self.aors.get_mut(who.aor)) else { return false };
        if bound.len() > policy.max_contacts as usize {
            return false;
        }
        let known = bound.iter_mut().find(|bound| {
            bound.binding.expires > now.wall
                && want.only_prolongs(&bound.binding, message, envelope, policy, who)
        });
        let Some(known) = known else { return false };
        let secs = want.expires_secs;
        let expires = WallTime::from_secs(now.wall.secs() + u64::from(secs));
        let (aor, hash, cseq) = (who.aor.clone(), known.binding.hash, envelope.cseq.number);
        (known.binding.expires, known.binding.cseq) = (expires, cseq);
        self.expiries.cancel(known.timer);
        let left = Duration::from_micros(expires.0.saturating_sub(now.wall.0));
        known.timer = self.expiries.insert(now.at + left, (aor.clone(), hash));
        changes.push(ContactChange::Refresh { aor: aor.clone(), hash, expires, cseq });
        happened.push(Happened::Refreshed(aor, hash, secs));
        true
    }

    fn apply(
        &mut self,
        now: Now,
        aor: &Name,
        plan: Plan,
        changes: &mut Vec<ContactChange>,
        happened: &mut Vec<Happened>,
    ) {
        for (hash, why) in plan.remove {
            self.end(aor, &hash, why, changes, happened);
        }
        for update in plan.refresh {
            let secs = update.expires.secs_after(now.wall);
            let hash = update.hash;
            if let Some(old) = self.replace(now, update.clone()) {
                changes.push(if old.same_but_expiry(&update) {
                    let (expires, cseq) = (update.expires, update.cseq);
                    ContactChange::Refresh { aor: aor.clone(), hash, expires, cseq }
                } else {
                    ContactChange::Put(Box::new(update))
                });
            }
            happened.push(Happened::Refreshed(aor.clone(), hash, u32::try_from(secs).unwrap_or(u32::MAX)));
        }
        for binding in plan.add {
            changes.push(ContactChange::Put(Box::new(binding.clone())));
            happened.push(Happened::Added(Box::new(binding.clone())));
            self.insert(now, binding);
        }
    }

    /// Ends contacts whose time is up, at most `limit` per call.
    pub fn expire(
        &mut self,
        now: Now,
        limit: usize,
        changes: &mut Vec<ContactChange>,
        happened: &mut Vec<Happened>,
    ) {
        let mut due = Vec::new();
        self.expiries.expire(now.at, limit, &mut due);
        for (aor, hash) in due {
            let expires = self.aors.get(&aor).and_then(|all| all.iter().find(|b| b.binding.hash == hash));
            let Some(expires) = expires.map(|b| b.binding.expires) else { continue };
            if expires <= now.wall {
                self.end(&aor, &hash, Ended::Expiration, changes, happened);
            } else if let Some(binding) = self.unlink(&aor, &hash) {
                // The wall clock was set back: wait again.
                self.insert(now, binding);
            }
        }
    }

    /// When to call [`Registrar::expire`] next.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.expiries.next_deadline()
    }

    /// Ends contacts that live and die with a connection that closed.
    pub fn flow_closed(
        &mut self,
        flow: FlowId,
        changes: &mut Vec<ContactChange>,
        happened: &mut Vec<Happened>,
    ) {
        for (aor, hash) in self.by_flow.remove(&flow).unwrap_or_default() {
            let bound =
                self.aors.get_mut(&aor).and_then(|all| all.iter_mut().find(|b| b.binding.hash == hash));
            match bound {
                Some(bound) if bound.binding.flow == flow && bound.binding.prune_on_boot => {
                    self.end(&aor, &hash, Ended::Shutdown, changes, happened);
                }
                Some(bound) if bound.binding.flow == flow => bound.binding.flow = FlowId::DATAGRAM,
                _ => {}
            }
        }
    }

    /// Ends every contact of an aor, or the one with that URI.
    pub fn remove(
        &mut self,
        aor: &Name,
        uri: Option<&str>,
        changes: &mut Vec<ContactChange>,
        happened: &mut Vec<Happened>,
    ) {
        let hashes: Vec<_> =
            self.contacts(aor).filter(|b| uri.is_none_or(|uri| *b.uri == *uri)).map(|b| b.hash).collect();
        for hash in hashes {
            self.end(aor, &hash, Ended::Removed, changes, happened);
        }
    }

    /// The server `before` is called otherwise now (`systemname`): its contacts are its own still.
    pub fn rename_server(&mut self, before: &Name, name: &Name, changes: &mut Vec<ContactChange>) {
        for bound in self.aors.values_mut().flatten().filter(|bound| bound.binding.reg_server == *before) {
            bound.binding.reg_server = name.clone();
            changes.push(ContactChange::Put(Box::new(bound.binding.clone())));
        }
    }

    fn end(
        &mut self,
        aor: &Name,
        hash: &[u8; 16],
        why: Ended,
        changes: &mut Vec<ContactChange>,
        happened: &mut Vec<Happened>,
    ) {
        if let Some(binding) = self.unlink(aor, hash) {
            changes.push(ContactChange::Remove { aor: aor.clone(), hash: *hash });
            happened.push(Happened::Gone(Box::new(binding), why));
        }
    }

    fn insert(&mut self, now: Now, binding: Binding) {
        let left = Duration::from_micros(binding.expires.0.saturating_sub(now.wall.0));
        let key = (binding.aor.clone(), binding.hash);
        let timer = self.expiries.insert(now.at + left, key.clone());
        if binding.flow.is_connection() {
            self.by_flow.entry(binding.flow).or_default().push(key.clone());
        }
        self.aors.entry(key.0).or_insert_with(|| Vec::with_capacity(1)).push(Bound { binding, timer });
        self.count += 1;
    }

    /// Puts new fields into a known binding, which keeps its place; gives the old ones back.
    fn replace(&mut self, now: Now, binding: Binding) -> Option<Binding> {
        let all = self.aors.get_mut(&binding.aor)?;
        let place = all.iter().position(|bound| bound.binding.hash == binding.hash)?;
        let key = binding.aor.clone();
        let old = self.unlink(&key, &binding.hash)?;
        self.insert(now, binding);
        if let Some(all) = self.aors.get_mut(&key) {
            all[place..].rotate_right(1);
        }
        Some(old)
    }

    fn unlink(&mut self, aor: &str, hash: &[u8; 16]) -> Option<Binding> {
        let all = self.aors.get_mut(aor)?;
        let at = all.iter().position(|b| b.binding.hash == *hash)?;
        let Bound { binding, timer } = all.remove(at);
        if all.is_empty() {
            self.aors.remove(aor);
        }
        self.expiries.cancel(timer);
        if binding.flow.is_connection()
            && let Some(keys) = self.by_flow.get_mut(&binding.flow)
        {
            keys.retain(|(_, theirs)| theirs != hash);
            if keys.is_empty() {
                self.by_flow.remove(&binding.flow);
            }
        }
        self.count -= 1;
        Some(binding)
    }
}
