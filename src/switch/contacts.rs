//! What follows when contacts come and go: log lines, qualify, answers that were waiting.

use super::Switch;
use super::counters::Counter;
use super::io::Actions;
use super::view::Level;
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::outbound::qualify::{ContactKey, First, Settings, Status};
use crate::registrar::{ContactChange, Ended, Happened};
use std::time::Duration;

const REGISTRAR: &str = "res_pjsip_registrar.c";

impl Switch {
    /// Tells what happened to contacts since the last call, and starts or stops qualifying them.
    pub(super) fn tell_contacts(&mut self, now: Now, out: &mut Actions) {
        let mut happened = std::mem::take(&mut self.happened);
        for event in happened.drain(..) {
            match &event {
                Happened::Added(binding) => {
                    self.contacts_touch(&binding.aor);
                    self.mailboxes_for(now, (binding.aor.clone(), binding.hash));
                }
                Happened::Refreshed(aor, hash, _) => self.mailboxes_for(now, (aor.clone(), *hash)),
                Happened::Gone(binding, _) => self.contacts_touch(&binding.aor),
            }
            match event {
                Happened::Added(binding) => {
                    self.ears.log(out, Level::Verbose, REGISTRAR, || {
                        let secs = binding.expires.secs_after(now.wall);
                        format!(
                            "Added contact '{}' to AOR '{}' with expiration of {secs} seconds",
                            binding.uri, binding.aor
                        )
                    });
                    self.qualify_contact(now, (&binding.aor, binding.hash), First::Registered);
                }
                Happened::Refreshed(aor, hash, secs) => {
                    self.ears.log(out, Level::Debug, REGISTRAR, || {
                        let uri =
                            self.registrar.contacts(&aor).find(|b| b.hash == hash).map(|b| b.uri.clone());
                        let uri = uri.unwrap_or_default();
                        format!(
                            "Refreshed contact '{uri}' on AOR '{aor}' with new expiration of {secs} seconds"
                        )
                    });
                }
                Happened::Gone(binding, why) => {
                    if why == Ended::Expiration {
                        self.counters.count(Counter::Expired);
                    }
                    self.ears.log(out, Level::Verbose, REGISTRAR, || {
                        format!(
                            "Removed contact '{}' from AOR '{}' due to {}",
                            binding.uri,
                            binding.aor,
                            why.word()
                        )
                    });
                    self.qualify.remove(&(binding.aor, binding.hash));
                }
            }
        }
        self.happened = happened;
    }

    /// Another node or program changed contacts in a shared store: what it says holds, and is not committed again.
    pub(super) fn contacts_changed(&mut self, now: Now, changes: Vec<ContactChange>, out: &mut Actions) {
        for change in changes {
            match change {
                ContactChange::Put(binding) => {
                    self.qualify_contact(now, (&binding.aor, binding.hash), First::Registered);
                    self.contacts_touch(&binding.aor);
                    self.registrar.restore(now, *binding);
                }
                ContactChange::Refresh { aor, hash, expires, cseq } => {
                    if let Some(mut binding) = self.registrar.forget(&aor, &hash) {
                        binding.expires = expires;
                        binding.cseq = cseq;
                        self.registrar.restore(now, binding);
                    }
                }
                ContactChange::Remove { aor, hash } => {
                    if let Some(binding) = self.registrar.forget(&aor, &hash) {
                        self.happened.push(Happened::Gone(Box::new(binding), Ended::Removed));
                    }
                }
            }
        }
        self.tell_contacts(now, out);
    }

    /// The store could not keep what these answers promise: each is turned into a 503, so that the phone tries again.
    pub(super) fn commit_failed(&mut self, now: Now, sequence: u64, why: &str, out: &mut Actions) {
        self.counters.count(Counter::CommitFailed);
        self.ears.log(out, Level::Error, REGISTRAR, || {
            format!("Contacts could not be stored: {why}. Phones are told to try again")
        });
        for (tx, to, bytes) in self.transactions.servers.revoke(sequence) {
            let rest = memchr::memchr(b'\n', &bytes).map_or(&[][..], |end| &bytes[end + 1..]);
            let write = |arena: &mut Vec<u8>| {
                arena.extend_from_slice(b"SIP/2.0 503 Service Unavailable\r\nRetry-After: 5\r\n");
                arena.extend_from_slice(rest);
            };
            let sent = self.transactions.servers.respond(now.at, tx, 503, to, &mut out.outbox, write);
            if sent.is_ok() {
                self.told(out, to.remote);
            }
        }
    }

    /// Shows answers released at once to whoever listens.
    pub(super) fn told_since(&mut self, before: usize, out: &mut Actions) {
        if !self.ears.messages() {
            return;
        }
        let sent: Vec<_> = out.outbox.iter().skip(before).map(|(to, bytes)| (to, bytes.to_vec())).collect();
        for (to, bytes) in sent {
            self.ears.message(out, self.now.wall, (true, to.protocol, to.remote), &bytes);
        }
    }

    /// An aor came, went or changed: its contacts follow.
    pub(super) fn aor_changed(&mut self, now: Now, aor: &Name) {
        if self.directory.aor(aor).is_none() {
            self.registrar.remove(aor, None, &mut self.changes, &mut self.happened);
        }
        for key in self.contact_keys(aor) {
            self.qualify_contact(now, (&key.0, key.1), self.first_at_start());
        }
    }

    /// Every contact of an aor, registered and static.
    pub(super) fn contact_keys(&self, aor: &Name) -> Vec<ContactKey> {
        let dynamic = self.registrar.contacts(aor).map(|binding| (aor.clone(), binding.hash));
        let fixed =
            self.directory.aor(aor).into_iter().flat_map(|aor| {
                aor.contact.iter().map(|uri| (aor.name.clone(), md5::compute(uri.as_bytes()).0))
            });
        dynamic.chain(fixed).collect()
    }

    /// Contacts known at start are asked at a random time, so that a restart does not ask all at once.
    pub(super) fn first_at_start(&self) -> First {
        let secs = self.directory.objects.global.max_initial_qualify_time_secs;
        First::AtStart { within: Duration::from_secs(u64::from(secs)) }
    }

    pub(super) fn qualify_contact(&mut self, now: Now, (aor, hash): (&Name, [u8; 16]), first: First) {
        let Some(config) = self.directory.aor(aor) else { return };
        let settings = Settings {
            every: Duration::from_secs(u64::from(config.options.qualify_frequency_secs)),
            timeout: config.options.qualify_timeout,
            only_2xx: config.options.qualify_2xx_only,
        };
        if settings.every.is_zero() && self.qualify.is_empty() {
            return;
        }
        self.qualify.set(now.at, &mut self.rng, (aor.clone(), hash), settings, first);
    }

    /// Whether an aor can be reached: one with any available contact, or any at all when it is not qualified.
    pub(super) fn aor_reachable(&self, aor: &Name) -> bool {
        let qualified = self.directory.aor(aor).is_some_and(|aor| aor.options.qualify_frequency_secs > 0);
        self.contact_keys(aor)
            .iter()
            .any(|key| !qualified || matches!(self.qualify.status(key), Status::Available(_)))
    }

    /// Whether an aor has `support_path`: requests to its contacts say that we do.
    pub(super) fn supports_path(&self, aor: &str) -> bool {
        self.directory.aor(aor).is_some_and(|aor| aor.options.support_path)
    }
}
