//! What a running server can be asked for: answers through the switch, reload, levels, stop.

use super::capture::Capture;
use super::clock::Clock;
use super::layout::Layout;
use super::log::{Log, LogForm};
use super::metrics::Metrics;
use super::names::Hosts;
use super::realtime::{Realtime, health_words};
use super::shard::Order;
use super::stop::Stop;
use super::transports::{TransportFault, Transports};
use crate::admin::cli::{self, Parsed, Scope, ServerOrder, When, level_changed};
use crate::admin::text::MonitorView;
use crate::admin::{self, Answer, Format};
use crate::base::ids::{Name, TransportId};
use crate::base::time::Moment;
use crate::config::{Finding, Snapshot};
use crate::net::resolve::Resolver;
use crate::net::stream;
use crate::net::wait::Waker;
use crate::store::contacts::{ContactStore, Status};
use crate::store::fault::Health;
use crate::store::lamps::LampStore;
use crate::switch::view::{Command, ContactView, Kind, Level, Logger, Reply, StatusView};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// The parts that commands reach.
#[derive(Debug)]
pub struct Server {
    /// Where everything is.
    pub layout: Layout,
    /// How log lines are written where `logger.conf` does not say.
    pub log_form: LogForm,
    /// Time.
    pub clock: Clock,
    /// When it started.
    pub started: Moment,
    /// The way to the switch.
    pub orders: mpsc::Sender<Order>,
    /// Wakes the switch's thread.
    pub waker: Waker,
    /// The log.
    pub log: Log,
    /// The contact store.
    pub store: ContactStore,
    /// Subscriptions, mailboxes and states.
    pub lamps: LampStore,
    /// What is in force, and what was found when it was read.
    pub current: Arc<Mutex<InForce>>,
    /// Realtime tables.
    pub realtime: Realtime,
    /// The dialplan in force, and the watch on its tables.
    pub extensions: super::extensions::Extensions,
    /// Sockets. Locked for the whole of a reload, so that there is one at a time.
    pub served: tokio::sync::Mutex<Served>,
    /// What connections share.
    pub streams: stream::Shared,
    /// Names to addresses.
    pub resolver: Resolver,
    /// Host names of identify sections.
    pub hosts: watch::Sender<Hosts>,
    /// Who answers scrapes.
    pub metrics: tokio::sync::Mutex<Metrics>,
    /// Told when the switch has ended.
    pub ended: Arc<Notify>,
}

/// Transports and the tasks of their listeners.
#[derive(Debug)]
pub struct Served {
    /// What is open.
    pub transports: Transports,
    /// Who accepts.
    pub listeners: HashMap<TransportId, JoinHandle<()>>,
}

/// The configuration in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The objects.
    pub objects: Snapshot,
    /// What stands to be said about the files.
    pub findings: Arc<[Finding]>,
    /// Transports that are not open as written.
    pub transport_faults: Arc<[TransportFault]>,
    /// When it was read.
    pub at: Moment,
}

/// Days before its end from which a certificate is spoken of.
const CERTIFICATE_DAYS: i64 = 14;

impl Server {
    /// Queues an order. `false` when the switch is gone.
    pub async fn order(&self, order: Order) -> bool {
        let sent = self.orders.send(order).await.is_ok();
        self.waker.wake();
        sent
    }

    /// Asks the switch. What may be very much is asked for some at a time, so that requests are served in between.
    pub async fn ask(&self, commands: Vec<Command>) -> Option<Vec<Reply>> {
        let many = |command: &Command| match command {
            Command::Show { kind, name: None } => large(*kind),
            _ => false,
        };
        if !commands.iter().any(many) {
            return self.ask_at_once(commands).await;
        }
        let mut replies = Vec::with_capacity(commands.len());
        for command in commands {
            match command {
                Command::Show { kind, name: None } if large(kind) => replies.push(self.ask_all(kind).await?),
                other => replies.extend(self.ask_at_once(vec![other]).await?),
            }
        }
        Some(replies)
    }

    /// Every object of a kind, sorted.
    async fn ask_all(&self, kind: Kind) -> Option<Reply> {
        let (names, identifies) = {
            let objects = self.in_force().objects;
            let mut names: Vec<Name> = match kind {
                Kind::Endpoint => objects.endpoints.keys().cloned().collect(),
                Kind::Auth => objects.auths.keys().cloned().collect(),
                _ => objects.aors.keys().cloned().collect(),
            };
            names.sort_unstable();
            (names, objects.identifies.len())
        };
        // Every endpoint is compared with every identify.
        let most =
            if kind == Kind::Endpoint { (SHOWN_AT_ONCE * 64 / (identifies + 1)).max(1) } else { usize::MAX };
        let mut all: Option<Reply> = None;
        let mut slices = names.chunks(SHOWN_AT_ONCE.min(most));
        loop {
            let names = slices.next().unwrap_or_default().to_vec();
            let last = names.is_empty();
            let some = self.ask_at_once(vec![Command::ShowSome { kind, names }]).await?.pop()?;
            match (&mut all, some) {
                (None, some) => all = Some(some),
                (Some(Reply::Endpoints(all)), Reply::Endpoints(some)) => all.extend(some),
                (Some(Reply::Aors(all)), Reply::Aors(some)) => all.extend(some),
                (Some(Reply::Auths(all)), Reply::Auths(some)) => all.extend(some),
                (Some(Reply::Contacts(all)), Reply::Contacts(some)) => all.extend(some),
                (Some(_), other) => return Some(other),
            }
            if last {
                break;
            }
        }
        if let Some(Reply::Contacts(all)) = &mut all {
            tokio::task::block_in_place(|| all.sort_by_cached_key(ContactView::id));
        }
        all
    }

    pub(super) async fn ask_at_once(&self, commands: Vec<Command>) -> Option<Vec<Reply>> {
        let (to, reply) = oneshot::channel();
        self.order(Order::Ask(commands, to)).await;
        reply.await.ok()
    }

    /// A log line, now.
    pub fn say(&self, level: Level, origin: &'static str, text: &str) {
        self.log.line(self.clock.now(), level, origin, text);
    }

    /// What is in force now.
    pub fn in_force(&self) -> InForce {
        self.lock().clone()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, InForce> {
        // It is only ever replaced whole.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one line of the command language.
    pub async fn answer(self: &Arc<Server>, line: &str, format: Format) -> Answer {
        match cli::parse(line, format) {
            Parsed::Text(answer) => answer,
            Parsed::Ask(commands, shape) => {
                if commands.contains(&Command::Logger(Logger::Off)) {
                    self.log.capture(None);
                }
                match self.ask(commands).await {
                    Some(mut replies) => {
                        self.complete(&mut replies).await;
                        admin::print(replies, &shape)
                    }
                    None => Answer::bad("The server is stopping.\n"),
                }
            }
            Parsed::Server(order, shape) => {
                let reply = self.obey(&order, line).await;
                admin::print(vec![reply], &shape)
            }
        }
    }

    /// What only the server knows is added to what the switch said.
    pub(super) async fn complete(&self, replies: &mut [Reply]) {
        for reply in replies {
            match reply {
                Reply::Status(status) => self.complete_status(status).await,
                Reply::Transports(all) => {
                    let faults = self.in_force().transport_faults;
                    for transport in all.iter_mut() {
                        if let Some(fault) = faults.iter().find(|fault| fault.name == transport.name) {
                            transport.fault = Some(fault.text.clone());
                        }
                    }
                }
                _ => {}
            }
        }
    }

    async fn complete_status(&self, status: &mut StatusView) {
        status.stores.push(("contacts".into(), words(&self.store.status())));
        status.stores.extend(self.realtime.status());
        let current = self.in_force();
        let sources = &current.objects.sources;
        status.findings = current.findings.iter().map(|finding| finding.text(sources).to_string()).collect();
        status.findings.extend(current.transport_faults.iter().map(|fault| fault.text.clone()));
        // A reload that is under way holds the transports; what it changes is seen next time.
        if let Ok(served) = self.served.try_lock() {
            status.findings.extend(self.certificates(&served.transports));
        }
        let gate = self.streams.gate();
        status.counters.push(("connections", gate.open() as u64));
        status.counters.push(("connections_silent", gate.silent() as u64));
        status.counters.push(("names_resolved", self.resolver.len() as u64));
    }

    /// A sentence for each certificate that ends soon or has ended.
    pub(super) fn certificates(&self, transports: &Transports) -> Vec<String> {
        let now = self.clock.now().wall;
        let mut sentences = Vec::new();
        for (name, tls) in transports.tls() {
            let Some(days) = tls.certificate().map(|facts| facts.days_left(now)) else { continue };
            match days {
                ..0 => sentences.push(format!("Transport '{name}': its certificate has ended")),
                0..CERTIFICATE_DAYS => {
                    sentences.push(format!("Transport '{name}': its certificate ends in {days} days"));
                }
                _ => {}
            }
        }
        sentences
    }

    async fn obey(self: &Arc<Server>, order: &ServerOrder, line: &str) -> Reply {
        match order {
            ServerOrder::Uptime { seconds } => {
                let now = self.clock.now().at;
                let up = now.since(self.started).as_secs();
                let reloaded = now.since(self.in_force().at).as_secs();
                Reply::Done(admin::text::uptime(up, reloaded, *seconds))
            }
            ServerOrder::Verbose { level, at_least } => {
                let (old, debug) = self.log.levels();
                let new = if *at_least { old.max(*level) } else { *level };
                self.set_levels((new, debug)).await;
                Reply::Done(level_changed("Console verbose", old, new))
            }
            ServerOrder::Debug { level, at_least } => {
                let (verbose, old) = self.log.levels();
                let new = if *at_least { old.max(*level) } else { *level };
                self.set_levels((verbose, new)).await;
                Reply::Done(level_changed("Core debug", old, new))
            }
            ServerOrder::Reload { scope: Scope::Dialplan, plan: false } => {
                self.reload_dialplan(&order.said(line)).await
            }
            ServerOrder::Reload { scope: scope @ (Scope::All | Scope::Pjsip), plan } => {
                let reply = self.reload(*plan, &order.said(line)).await;
                if *scope == Scope::All && !*plan {
                    self.reload_dialplan("").await;
                    self.reload_notify("").await;
                }
                reply
            }
            ServerOrder::Reload { scope: Scope::Registrations, plan } => {
                let reply = self.reload(*plan, &order.said(line)).await;
                // S4-161: whoever reloads the module wants what gave up to be tried again.
                if !*plan {
                    self.ask_at_once(vec![Command::RetryRegistrations]).await;
                }
                reply
            }
            ServerOrder::Reload { scope: Scope::Notify, plan: false } => {
                self.reload_notify(&order.said(line)).await
            }
            ServerOrder::Reload { scope: Scope::Services, plan: false } => {
                self.reload_services().await;
                Reply::Done(order.said(line))
            }
            ServerOrder::Stop(When::Now) => self.stop(Stop::Now).await,
            ServerOrder::Stop(When::Gracefully) => self.stop(Stop::Drain(None)).await,
            ServerOrder::Stop(When::Convenient) => self.stop(Stop::WhenIdle).await,
            ServerOrder::AbortStop => self.stop(Stop::Abort).await,
            ServerOrder::LogReopen => {
                self.log.reopen();
                Reply::Done(String::new())
            }
            ServerOrder::CoreSettings => Reply::Done(admin::text::core_settings(&self.core_settings())),
            ServerOrder::LoggerPcap { file } => {
                let path = self.layout.log_dir.join(file);
                match tokio::task::block_in_place(|| Capture::create(&path)) {
                    Ok(capture) => {
                        self.log.capture(Some(capture));
                        Reply::Done(order.said(line))
                    }
                    Err(error) => Reply::Refused(format!("{}: {error}; name another file", path.display())),
                }
            }
            ServerOrder::LoggerVerbose(on) => {
                self.log.set_messages(*on);
                Reply::Done(order.said(line))
            }
            ServerOrder::ScheduledTasks { like } => self.scheduled_tasks(like.as_ref()).await,
            ServerOrder::TransportMonitors { like } => match self.monitors().await {
                Some(all) => Reply::Done(admin::text::transport_monitors(&all, like.as_ref())),
                None => Reply::Refused("The server is stopping.".into()),
            },
            ServerOrder::WaitFullyBooted => Reply::Done(order.said(line)),
            _ => Reply::Refused(format!("'{line}' is not served by this version")),
        }
    }

    /// Ends, or goes on; says so in the log.
    pub async fn stop(&self, stop: Stop) -> Reply {
        let (line, answer) = stop.words();
        self.say(Level::Notice, "asterisk.c", line);
        self.order(Order::Stop(stop)).await;
        Reply::Done(answer.to_owned())
    }

    async fn set_levels(&self, levels: (u8, u8)) {
        self.log.set_levels(levels);
        self.tell_ears().await;
    }

    async fn monitors(&self) -> Option<Vec<MonitorView>> {
        let (to, facts) = oneshot::channel();
        self.order(Order::Connections(to)).await;
        let mut all: Vec<MonitorView> = facts
            .await
            .ok()?
            .into_iter()
            .map(|facts| MonitorView {
                remote: facts.remote.to_string(),
                state: match (facts.closing, facts.up) {
                    (true, _) => "SHUTDOWN",
                    (false, true) => "ACTIVE",
                    (false, false) => "CONNECTING",
                },
                outgoing: !facts.inbound,
                object: facts
                    .host
                    .map_or_else(|| facts.flow.to_string(), |host| format!("{} ({host})", facts.flow)),
                ..MonitorView::default()
            })
            .collect();
        all.sort_by(|a, b| (&a.remote, &a.object).cmp(&(&b.remote, &b.object)));
        Some(all)
    }
}

/// Kinds of which there may be a million.
fn large(kind: Kind) -> bool {
    matches!(kind, Kind::Endpoint | Kind::Aor | Kind::Auth | Kind::Contact)
}

/// Objects asked for at a time: about a millisecond of the switch.
const SHOWN_AT_ONCE: usize = 128;

fn words(status: &Status) -> String {
    let counters = &status.counters;
    match &status.health {
        Health::Working => format!("Ok, {} changes in {} commits", counters.changes, counters.commits),
        failing => {
            format!("{}; {} changes wait", health_words(failing, "not writing"), counters.waiting)
        }
    }
}
