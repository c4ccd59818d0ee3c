//! Building everything, in the order that loses least when a step fails: nothing is listened to before the
//! configuration is read, nothing is answered before every stored contact is back.

use super::clock::Clock;
use super::control;
use super::database;
use super::dialplan;
use super::heartbeat::{Heartbeat, Pulse};
use super::log::{Log, wanted_level};
use super::logger_conf::LoggerConf;
use super::names::{self, Names, hosts_of};
use super::notify;
use super::realtime::{self, Realtime};
use super::reload::{finding_lines, pace, transport_lines};
use super::runtime::{InForce, Served, Server};
use super::shard::{Order, Shard};
use super::transports::{InUse, Outcome, Transports};
use super::{RunOptions, random};
use crate::base::limits;
use crate::config::load::Loaded;
use crate::config::{Objects, Snapshot};
use crate::media::Media;
use crate::net::resolve::{Resolver, SystemDns};
use crate::net::stream::{Shared, Streams};
use crate::net::wait::{Poller, Waker};
use crate::store::lamps::LampStore;
use crate::store::mail::MailStore;
use crate::store::map::Contacts;
use crate::store::voicemail::Spool;
use crate::store::watch::Watch;
use crate::switch::io::{Actions, Input};
use crate::switch::view::Level;
use crate::switch::{Seed, Switch};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc, watch};

/// What is there once the sockets are open and the user was changed.
#[derive(Debug)]
pub(super) struct Prepared {
    pub objects: Snapshot,
    loaded: Loaded,
    watches: Vec<Watch>,
    contacts: Contacts,
    transports: Transports,
    outcome: Outcome,
}

/// Reads the configuration and opens the sockets: what may need root's rights.
///
/// # Errors
/// There is nothing to run, or nothing listens.
pub(super) fn prepare(dir: &Path) -> Result<Prepared, String> {
    let realtime::Read { mut loaded, watches, contacts } = realtime::read(dir, None);
    if loaded.findings.iter().any(|finding| finding.code == "missing-file") {
        return Err(format!("there is no configuration in {}: nothing to run", dir.display()));
    }
    let mut transports = Transports::new(dir);
    let outcome = transports.apply(&loaded.objects);
    if transports.in_use().bound.is_empty() {
        let mut why: Vec<String> = outcome.faults.iter().map(|fault| fault.text.clone()).collect();
        why.extend(
            finding_lines(&loaded.findings, &loaded.objects.sources).into_iter().map(|(.., text)| text),
        );
        if why.is_empty() {
            why.push("no type=transport is configured".to_owned());
        }
        return Err(format!("no transport listens:\n  {}", why.join("\n  ")));
    }
    let objects = Arc::new(std::mem::take(&mut loaded.objects));
    Ok(Prepared { objects, loaded, watches, contacts, transports, outcome })
}

/// Everything that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub server: Arc<Server>,
    pub switch: JoinHandle<()>,
    /// A media thread ended by a fault.
    pub media_died: Arc<AtomicBool>,
}

/// Starts all threads and tasks.
///
/// # Errors
/// A sentence about the step that failed.
pub(super) fn start(
    options: &RunOptions,
    prepared: Prepared,
    (clock, log, logger): (Clock, &Log, &LoggerConf),
    runtime: &Runtime,
) -> Result<Running, String> {
    let Prepared { objects, loaded, watches, contacts, transports, mut outcome } = prepared;
    let now = clock.now();
    for (level, origin, text) in finding_lines(&loaded.findings, &objects.sources) {
        log.line(now, level, origin, &text);
    }
    for (level, text) in transport_lines(&outcome) {
        log.line(now, level, "config_transport.c", text);
    }
    let (poller, waker) = Poller::new().map_err(|error| format!("no epoll: {error}"))?;
    let (orders, order_queue) = mpsc::channel(limits::SWITCH_QUEUE);
    let (to_switch, knock) = (orders.clone(), waker.clone());
    let current = Arc::new(Mutex::new(InForce {
        objects: objects.clone(),
        findings: loaded.findings.into(),
        transport_faults: std::mem::take(&mut outcome.faults).into(),
        at: now.at,
    }));
    let own = options.layout.state_dir.join("contacts.sqlite");
    let report = move |report| {
        // The switch never waits for the store's thread, so waiting here for room in its queue cannot lock up.
        if to_switch.blocking_send(Order::Store(report)).is_ok() {
            knock.wake();
        }
    };
    let (shared, stream_events) = Shared::new(waker.clone(), pace(&objects));
    let streams = Streams::new(runtime.handle().clone(), shared.clone());
    let dns = Arc::new(SystemDns::new(Vec::new()).map_err(|fault| fault.to_string())?);
    let resolver = Resolver::new(Arc::clone(&dns) as _, random::number()?);

    let in_use = transports.in_use();
    let listening = listening(&in_use);
    let mut switch = Switch::new(Seed {
        now,
        random: random::number()?,
        key: random::bytes()?,
        systemname: options.layout.systemname.clone(),
    });
    switch.set_machine(super::entity::of_machine());
    let (lamps, kept) = {
        let log = log.clone();
        let path = options.layout.state_dir.join("lamps.sqlite");
        let complain = move |text: String| log.line(clock.now(), Level::Error, "res_pjsip_pubsub.c", &text);
        LampStore::open(&path, complain).map_err(|fault| fault.to_string())?
    };
    let ears = switch.ears();
    (ears.level, ears.security) = (wanted_level(&logger.sinks, log.levels()), logger.security());
    let mut actions = Actions::default();
    switch.handle(now, Input::Transports(&in_use.bound), &mut actions);
    // A million contacts take as long to read as a million objects to take over.
    let opened = std::thread::scope(|scope| {
        let opening = scope.spawn(|| realtime::open_contacts(contacts, &own, &current, report));
        switch.load(now, Objects::clone(&objects), &mut actions);
        opening.join()
    });
    let (store, stored, contacts) = match opened {
        Ok(opened) => opened.map_err(|fault| fault.words)?,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    stored.notes.iter().for_each(|note| log.line(now, Level::Warning, "contacts", note));
    let bound = stored.bindings.len();
    let mut plan = dialplan::read(&options.layout.config_dir, now);
    for (level, origin, text) in dialplan::lines(&plan) {
        log.line(now, level, origin, &text);
    }
    switch.handle(now, Input::Dialplan(plan.dialplan.clone()), &mut actions);
    let (services, said) = dialplan::read_services(&options.layout.config_dir);
    for (level, origin, text) in said {
        log.line(now, level, origin, &text);
    }
    switch.handle(now, Input::Services(services), &mut actions);
    let (notify, lines) = notify::read(&options.layout.config_dir);
    for text in lines {
        log.line(now, Level::Warning, notify::ORIGIN, &text);
    }
    switch.handle(now, Input::NotifyConf(notify), &mut actions);
    let database = database::open(&options.layout.state_dir, (clock, log), &mut switch, &mut actions);
    switch.restore(now, stored.bindings.into_iter(), &mut actions);
    switch.restore_lamps(now, kept, &mut actions);
    let bell = waker.clone();
    let end = Arc::new(Notify::new());
    let media_died = Arc::new(AtomicBool::new(false));
    let (died, told) = (Arc::clone(&media_died), Arc::clone(&end));
    let died = move || {
        died.store(true, Ordering::Release);
        told.notify_one();
    };
    let (media, media_events) = Media::start_waking(
        media_threads(),
        random::number()?,
        (Arc::new(move || bell.wake()), Arc::new(died)),
        options.layout.sound_directories(),
    )
    .map_err(|error| format!("no media thread: {error}"))?;
    let mut shard = Shard {
        switch,
        clock,
        poller,
        streams,
        stream_events,
        orders: order_queue,
        store: store.writer(0),
        lamps: lamps.writer(),
        database,
        names: Names {
            resolver: resolver.clone(),
            runtime: runtime.handle().clone(),
            orders: orders.clone(),
            waker: waker.clone(),
            routes: in_use.routes.into(),
        },
        media,
        media_events,
        log: log.clone(),
        heartbeat: Heartbeat::default(),
        mail: start_mail(options, (&orders, &waker))?,
    };
    let heartbeat = shard.heartbeat.clone();
    shard.streams.configure(in_use.dialers);
    let udp = in_use.udp;
    let ended = Arc::clone(&end);
    let thread = std::thread::Builder::new().name("switch".into()).spawn(move || {
        // Told however the thread ends.
        let _ended = Tell(ended);
        shard.run(udp, actions);
    });
    let switch = thread.map_err(|error| format!("no thread: {error}"))?;

    let (hosts, hosts_wanted) = watch::channel(hosts_of(&objects));
    let text = format!(
        "Jackfield {} Ready: {} endpoints, {bound} contacts, listening on {listening}",
        env!("CARGO_PKG_VERSION"),
        objects.endpoints.len(),
    );
    // From here on changed rows are put into it without a copy.
    drop(objects);
    let server = Arc::new(Server {
        layout: options.layout.clone(),
        log_form: options.log,
        clock,
        started: now.at,
        orders,
        waker,
        log: log.clone(),
        store,
        lamps,
        current,
        realtime: Realtime::new(loaded.rows, contacts),
        extensions: Default::default(),
        served: tokio::sync::Mutex::new(Served { transports, listeners: Default::default() }),
        streams: shared,
        resolver,
        hosts,
        metrics: Default::default(),
        ended: end,
    });
    runtime.block_on(attach(&server, outcome, heartbeat, hosts_wanted, dns))?;
    server.watch_tables(watches);
    {
        let _inside = runtime.enter();
        server.take_dialplan(&mut plan);
    }
    log.line(now, Level::Notice, "asterisk.c", &text);
    Ok(Running { server, switch, media_died })
}

/// The thread of the mailboxes.
fn start_mail(
    options: &RunOptions,
    (orders, waker): (&mpsc::Sender<Order>, &Waker),
) -> Result<MailStore, String> {
    let (orders, waker) = (orders.clone(), waker.clone());
    let tell = Box::new(move |token, told| {
        // It fails only when the switch is gone.
        let _ = orders.blocking_send(Order::Mail { token, told: Box::new(told) });
        waker.wake();
    });
    let spool = options.layout.spool_dir.join("voicemail");
    MailStore::start(spool, options.layout.config_dir.clone(), tell)
        .map_err(|error| format!("no thread: {error}"))
}

/// Tells when it goes.
struct Tell(Arc<Notify>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// Half of the cores relay media, one at least: signalling and the system need the others.
fn media_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}

/// Starts the tasks around the switch.
async fn attach(
    server: &Arc<Server>,
    outcome: Outcome,
    heartbeat: Heartbeat,
    hosts: watch::Receiver<names::Hosts>,
    dns: Arc<SystemDns>,
) -> Result<(), String> {
    let control = control::listen(&server.layout.run_dir)
        .map_err(|error| format!("control socket in {}: {error}", server.layout.run_dir.display()))?;
    tokio::spawn(control::serve(control, Arc::clone(server)));
    {
        let mut served = server.served.lock().await;
        for listener in outcome.listeners {
            served.listeners.insert(listener.id(), server.serve(listener));
        }
    }
    server.serve_metrics().await;
    tokio::spawn(server.resolver.clone().keep_fresh());
    let (log, clock) = (server.log.clone(), server.clock);
    let say =
        move |level, text: String| log.line(clock.now(), level, "res_pjsip_endpoint_identifier_ip.c", &text);
    let (orders, waker) = (server.orders.clone(), server.waker.clone());
    tokio::spawn(names::keep_hosts(server.resolver.clone(), hosts, orders, waker, say));
    let (log, clock) = (server.log.clone(), server.clock);
    let pulse = move |pulse| match pulse {
        Pulse::Stuck(time) => {
            let text = format!("The switch has not turned for {} s: SIP is not answered", time.as_secs());
            log.line(clock.now(), Level::Error, "switch", &text);
        }
        Pulse::Back => log.line(clock.now(), Level::Notice, "switch", "The switch turns again"),
    };
    tokio::spawn(heartbeat.watch(server.waker.clone(), pulse));
    tokio::spawn(Arc::clone(server).watch_certificates());
    tokio::spawn(Arc::clone(server).reload_for_tables());
    tokio::spawn(give_back());
    tokio::spawn(watch_voicemail(Arc::clone(server)));
    tokio::spawn(watch_dns_files(Arc::clone(server), dns));
    Ok(())
}

/// What reading the configuration took is free by now, but the allocator gives memory back to the system only when
/// something large is freed later on.
async fn give_back() {
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(std::hint::black_box(vec![1u8; GIVE_BACK_BYTES]));
    }
}

/// Large enough to be a mapping of its own.
const GIVE_BACK_BYTES: usize = 4 << 20;

/// Looks at voicemail directories every second.
async fn watch_voicemail(server: Arc<Server>) {
    let mut spool = Spool::new(&server.layout.spool_dir.join("voicemail"));
    loop {
        let looked = tokio::task::spawn_blocking(move || {
            let changed = spool.look();
            (spool, changed)
        });
        // A look that panicked ends the watch; the panic is told by its thread.
        let Ok((back, changed)) = looked.await else { return };
        spool = back;
        match spool.fault() {
            Some(Some(fault)) => {
                let text = format!("Voicemail cannot be read ({fault}); its message lights stay as they are");
                server.say(Level::Warning, "app_voicemail.c", &text);
            }
            Some(None) => server.say(Level::Notice, "app_voicemail.c", "All voicemail can be read again"),
            None => {}
        }
        for some in changed.chunks(limits::BATCH) {
            if !server.order(Order::Mailboxes(some.to_vec())).await {
                return;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Looks at `/etc/resolv.conf` and `/etc/hosts` from time to time.
async fn watch_dns_files(server: Arc<Server>, dns: Arc<SystemDns>) {
    loop {
        tokio::time::sleep(Duration::from_secs(limits::CERTIFICATE_LOOK_SECS)).await;
        let dns = Arc::clone(&dns);
        let looked = tokio::task::spawn_blocking(move || dns.refresh()).await;
        if let Ok(Err(fault)) = looked {
            server.say(Level::Warning, "dns.c", &format!("{fault}; the former settings stay"));
        }
    }
}

fn listening(in_use: &InUse) -> String {
    let each = |bound: &crate::switch::io::BoundTransport| format!("{} {}", bound.name, bound.bound);
    in_use.bound.iter().map(each).collect::<Vec<_>>().join(", ")
}
