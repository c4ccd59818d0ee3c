//! Rank 4: the whole machine, where the rooms meet.
//!
//! The contract: `handle(now, input)` once, then drain [`io::Actions`] fully, then the next input; call
//! [`Switch::expire`] at or after [`Switch::next_deadline`]. Nothing here reads a clock, opens a socket or waits.
//!
//! ```text
//! Input::Sip ─ pipeline ─ dispatch ─┬─ register      (registrar; the 200 is held until Input::Committed)
//!                                   ├─ methods       (OPTIONS, and what nobody takes)
//!                                   └─ …             (calls, subscriptions: rooms of their own)
//! requests of ours:  route ─ Clients::send ─ requests ─ the owner's room (qualify, calls, trunks)
//! Input::Command ─ commands ─ show / explain ─ Action::Reply
//! Input::Config ─ directory ─ qualify, contacts follow
//! ```

mod accounts;
mod acl;
mod advertise;
pub mod call;
mod commands;
mod contacts;
pub mod counters;
mod directory;
pub mod ears;
mod explain;
pub mod guard;
mod guarded;
mod identity;
mod inbound;
pub mod io;
mod judge;
mod lamps;
mod load;
mod methods;
mod pipeline;
mod qualify;
mod register;
mod requests;
mod route;
mod show;
mod timers;
mod trace;
mod trunks;
mod unidentified;
pub mod view;

use crate::authenticate::Nonces;
use crate::base::ids::{Name, TransportId};
use crate::base::limits;
use crate::base::rng::Rng;
use crate::base::time::{Moment, Now};
use crate::config::Change;
use crate::config::model::Transport;
use crate::config::services::Services;
use crate::outbound::qualify::Qualify;
use crate::registrar::{Binding, ContactChange, Happened, Registrar};
use crate::sip::mint::Shard;
use crate::sip::transaction::{self, Timers};
use crate::sip::wire::Index;
use call::Calls;
use counters::{Counter, Counters};
use directory::Directory;
use ears::Ears;
use guarded::Guard;
use io::{Actions, BoundTransport, Input};
use lamps::Lamps;
use qualify::Pings;
use register::DateCache;
use requests::Owner;
use route::Routes;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use trace::Trace;
use trunks::Trunks;
use unidentified::Unidentified;

/// What a switch is made from.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Both clocks.
    pub now: Now,
    /// For tags, branches and jitter.
    pub random: u64,
    /// Secret, from the operating system: nonces are made with it.
    pub key: [u8; 32],
    /// `systemname` of `asterisk.conf`: whose contacts are ours in a shared table.
    pub systemname: Name,
}

/// Everything that decides, in one value with one owner.
#[derive(Debug)]
pub struct Switch {
    now: Now,
    started: Now,
    rng: Rng,
    systemname: Name,
    directory: Directory,
    nonces: Nonces,
    registrar: Registrar,
    qualify: Qualify,
    transactions: transaction::Table<Owner>,
    transaction_events: Vec<transaction::Event<Owner>>,
    pings: Pings,
    routes: Routes,
    contact_names: acl::ContactHosts,
    trunks: Trunks,
    unidentified: Unidentified,
    guard: Guard,
    maintenance: BTreeSet<Name>,
    /// New requests are refused: the server is about to end.
    draining: bool,
    calls: Calls,
    lamps: Lamps,
    services: Arc<Services>,
    transports: HashMap<TransportId, BoundTransport>,
    /// Number of the last contact change handed out.
    sequence: u64,
    /// Number of the last one known to be on disk.
    committed: u64,
    /// When the table of unidentified sources is pruned next.
    prune_at: Moment,
    ears: Ears,
    trace: Trace,
    counters: Counters,
    index: Index,
    /// Where an answer is written before its transaction takes it.
    scratch: Vec<u8>,
    date: DateCache,
    changes: Vec<ContactChange>,
    happened: Vec<Happened>,
}

impl Switch {
    /// An empty switch: no configuration, no contacts, no transports.
    pub fn new(seed: Seed) -> Switch {
        Switch {
            now: seed.now,
            started: seed.now,
            rng: Rng::seeded(seed.random),
            systemname: seed.systemname,
            directory: Directory::new(),
            nonces: Nonces::new(seed.key),
            registrar: Registrar::new(seed.now.at),
            qualify: Qualify::new(seed.now.at),
            transactions: transaction::Table::new(seed.now.at, Timers::default(), Shard(0), seed.random ^ 1),
            transaction_events: Vec::new(),
            pings: Pings::default(),
            routes: Routes::default(),
            contact_names: acl::ContactHosts::default(),
            trunks: Trunks::default(),
            unidentified: Unidentified::default(),
            guard: Guard::default(),
            maintenance: BTreeSet::new(),
            draining: false,
            calls: Calls::new(seed.random ^ 2),
            lamps: Lamps::new(seed.now.at, seed.random ^ 3),
            services: Arc::default(),
            transports: HashMap::new(),
            sequence: 0,
            committed: 0,
            prune_at: seed.now.at + Duration::from_secs(30),
            ears: Ears::default(),
            trace: Trace::default(),
            counters: Counters::default(),
            index: Index::default(),
            scratch: Vec::new(),
            date: DateCache::default(),
            changes: Vec::new(),
            happened: Vec::new(),
        }
    }

    /// Takes stored contacts in, before the first message. Contacts that lived on a connection of the last life of
    /// this server are removed from the store instead.
    pub fn restore(&mut self, now: Now, stored: impl Iterator<Item = Binding>, out: &mut Actions) {
        self.now = now;
        self.registrar.reserve(stored.size_hint().0);
        for binding in stored {
            if binding.prune_on_boot && binding.reg_server == self.systemname || binding.expires <= now.wall {
                let (aor, hash) = (binding.aor, binding.hash);
                self.changes.push(ContactChange::Remove { aor, hash });
            } else {
                self.qualify_contact(now, (&binding.aor, binding.hash), self.first_at_start());
                self.registrar.restore(now, binding);
            }
        }
        self.commit(out);
        self.mailboxes_at_start(now);
    }

    /// One thing happened outside. What is to be done about it is appended to `out`.
    pub fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Actions) {
        let before = out.outbox.len();
        self.take(now, input, out);
        self.trace.sent(now.wall, out.outbox.iter().skip(before));
    }

    fn take(&mut self, now: Now, input: Input<'_>, out: &mut Actions) {
        self.now = now;
        match input {
            Input::Sip { arrival, bytes } => self.receive(now, arrival, bytes, out),
            Input::FlowOpened { arrival, inbound: true }
                if self.guard.bans.bars(now.at, arrival.source.ip()) =>
            {
                self.barred(&arrival, out);
            }
            Input::FlowOpened { .. } | Input::Tick => {}
            Input::Resolved { token, found } => self.resolved(now, token, found, out),
            Input::FlowClosed { flow, named, peer, why: _ } => {
                let (clients, events) = (&mut self.transactions.clients, &mut self.transaction_events);
                clients.flow_closed(now.at, flow, peer, &mut out.outbox, events);
                if let Some(named) = named {
                    clients.flow_closed(now.at, named, None, &mut out.outbox, events);
                }
                self.transactions_due(now, out);
                self.lamps_flow_closed(now, flow, out);
                self.registrations_lost(now, flow, named, out);
                // Contacts that lived on it end now.
                self.registrar.flow_closed(flow, &mut self.changes, &mut self.happened);
                self.commit(out);
                self.tell_contacts(now, out);
            }
            Input::SendFailed { to, why: _ } => {
                self.counters.count(Counter::SendFailed);
                let events = &mut self.transaction_events;
                self.transactions.clients.send_failed(now.at, &to, &mut out.outbox, events);
                self.transactions_due(now, out);
            }
            Input::Committed { sequence } => {
                self.committed = self.committed.max(sequence);
                let before = out.outbox.len();
                self.transactions.servers.release(now.at, sequence, &mut out.outbox);
                self.told_since(before, out);
            }
            Input::CommitFailed { sequence, why } => self.commit_failed(now, sequence, why, out),
            Input::ContactsChanged(changes) => self.contacts_changed(now, changes, out),
            Input::PutAll => {
                self.changes.extend(
                    self.registrar.all().map(|binding| ContactChange::Put(Box::new(binding.clone()))),
                );
                self.commit(out);
            }
            Input::Config { changes, sources } => {
                if sources.grown_since(&self.directory.objects.sources) {
                    self.directory.objects.sources = sources.clone();
                }
                self.reconfigure(now, changes, out);
            }
            Input::Mail { token, told } => self.mail_told(now, token, *told, out),
            Input::HostAddresses(hosts) => {
                self.directory.set_hosts(hosts);
                self.set_bans();
            }
            Input::Transports(bound) => {
                self.transports = bound.iter().map(|transport| (transport.id, transport.clone())).collect();
                self.take_up_waiting(now, out);
            }
            Input::Drain(on) => self.drain(now, on, out),
            Input::HangUpAll => self.hang_up_all(now, out),
            Input::Dialplan(plan) => {
                self.calls.set_plan(plan, &self.services);
                self.hints_changed(now, out);
            }
            Input::Services(services) => {
                self.set_services(services);
                self.hints_changed(now, out);
            }
            Input::NotifyConf(conf) => self.trunks.set_notify(conf),
            Input::Database(entries) => self.load_database(entries),
            Input::Media(event) => self.media_event(now, event, out),
            Input::Mailboxes(all) => self.mailboxes_seen(now, all, out),
            Input::Command { token, command } => self.command(now, token, command, out),
        }
        self.expire(now, out);
    }

    /// Does what is due. Called by [`Switch::handle`] too, so that a busy switch needs no extra call.
    pub fn expire(&mut self, now: Now, out: &mut Actions) {
        let before = out.outbox.len();
        self.take_time(now, out);
        self.trace.sent(now.wall, out.outbox.iter().skip(before));
    }

    fn take_time(&mut self, now: Now, out: &mut Actions) {
        self.now = now;
        if self.registrar.next_deadline().is_some_and(|at| at <= now.at) {
            self.registrar.expire(now, limits::BATCH * 16, &mut self.changes, &mut self.happened);
            self.commit(out);
            self.tell_contacts(now, out);
        }
        if self.qualify.next_deadline().is_some_and(|at| at <= now.at) {
            self.qualify_due(now, out);
        }
        if self.transactions.next_deadline().is_some_and(|at| at <= now.at) {
            self.transactions_due(now, out);
        }
        if self.routes.next_deadline().is_some_and(|at| at <= now.at) {
            self.routes_due(now, out);
        }
        if self.trunks.next_deadline().is_some_and(|at| at <= now.at) {
            self.trunks_due(now, out);
        }
        if self.sum_up_at().is_some_and(|at| at <= now.at) {
            self.sum_up(now, out);
        }
        if self.calls.next_deadline().is_some_and(|at| at <= now.at) {
            self.calls_due(now, out);
        }
        if self.lamps.next_deadline().is_some_and(|at| at <= now.at) {
            self.lamps_due(now, out);
        }
        if self.prune_at <= now.at {
            let interval = self.directory.objects.global.unidentified_request_prune_interval_secs.max(1);
            self.prune_at = now.at + Duration::from_secs(u64::from(interval));
            self.unidentified.prune(now, self.unidentified_policy());
        }
        self.light(now, out);
    }

    /// When [`Switch::expire`] has something to do next.
    pub fn next_deadline(&self) -> Option<Moment> {
        let rooms = [
            self.registrar.next_deadline(),
            self.qualify.next_deadline(),
            self.transactions.next_deadline(),
            self.routes.next_deadline(),
            self.trunks.next_deadline(),
            self.sum_up_at(),
            self.calls.next_deadline(),
            self.lamps.next_deadline(),
        ];
        rooms.into_iter().flatten().chain([self.prune_at]).min()
    }

    /// Which events are made. The edge that prints them sets this.
    pub fn ears(&mut self) -> &mut Ears {
        &mut self.ears
    }

    /// Whether no call is alive, nothing acknowledged waits for its commit and every registrar elsewhere has forgotten
    /// us: a drain lasts until then.
    pub fn is_idle(&self) -> bool {
        self.is_committed() && self.calls.is_empty() && !self.trunks.are_leaving()
    }

    /// Whether nothing acknowledged waits for its commit, and no message for its recording.
    pub fn is_committed(&self) -> bool {
        self.transactions.servers.held() == 0 && self.calls.no_message_waits()
    }

    fn reconfigure(&mut self, now: Now, changes: &[Change], out: &mut Actions) {
        let touched = self.directory.apply(changes);
        self.guard_by(changes);
        if let Err(why) = self.ears.set_debug(&self.directory.objects.global.debug) {
            self.ears.log(out, view::Level::Warning, "res_pjsip_logger.c", || format!("global debug: {why}"));
        }
        let system = &self.directory.objects.system;
        self.transactions.set_timers(Timers {
            t1: Duration::from_millis(u64::from(system.timer_t1_ms)),
            b: Duration::from_millis(u64::from(system.timer_b_ms)),
            ..Timers::default()
        });
        for aor in &touched.aors {
            self.aor_changed(now, aor);
        }
        self.watched_changed(now, &touched, out);
        self.registrations_changed(now, &touched, out);
        self.publications_changed(now, &touched, out);
        if touched.systemname {
            let name = self.directory.objects.asterisk.systemname.clone();
            let before = std::mem::replace(&mut self.systemname, name);
            // What we took stays ours.
            self.registrar.rename_server(&before, &self.systemname, &mut self.changes);
        }
        self.commit(out);
        self.tell_contacts(now, out);
    }

    fn transport_config(&self, id: TransportId) -> Option<&std::sync::Arc<Transport>> {
        self.directory.objects.transports.get(&self.transports.get(&id)?.name)
    }

    fn transport_name(&self, id: TransportId) -> Name {
        self.transports.get(&id).map_or_else(register::no_transport, |transport| transport.name.clone())
    }
}
