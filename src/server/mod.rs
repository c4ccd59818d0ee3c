//! Rank 6: builds the rooms, runs them, reloads, shuts down.
//!
//! | thread | what it does |
//! |---|---|
//! | `switch` | owns the switch and the UDP sockets ([`shard`]) |
//! | `contacts` | commits contact changes, grouped |
//! | `log` | writes lines |
//! | tokio workers | stream connections, control socket, signals |

pub mod clock;
pub mod control;
pub mod heartbeat;
pub mod lock;
pub mod log;
pub mod runtime;
pub mod shard;
pub mod transports;
pub mod user;
mod zone;

use crate::base::limits;
use crate::config::load::load;
use crate::config::{Objects, Severity};
use crate::net::stream::{Pace, Shared, Streams, serve};
use crate::net::wait::Poller;
use crate::store::contacts::ContactStore;
use crate::store::files::ConfigDir;
use crate::switch::io::{Action, Actions, Input};
use crate::switch::view::Level;
use crate::switch::{Seed, Switch};
use clock::Clock;
use log::{Log, LogForm};
use runtime::{InForce, Server};
use shard::{Order, Shard};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The configuration directory.
    pub dir: PathBuf,
    /// Where the contact store, the control socket and the lock live; `run` in the configuration directory when `None`.
    pub run_dir: Option<PathBuf>,
    /// How the log is written.
    pub log: LogForm,
    /// How much of it: 0 is notices and worse, 1 verbose lines too, 2 debug lines too.
    pub verbosity: u8,
}

/// The run directory of a configuration directory.
pub fn run_dir(dir: &Path, given: Option<&Path>) -> PathBuf {
    given.map_or_else(|| dir.join("run"), Path::to_path_buf)
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// A sentence that says why it cannot start and what to do.
pub fn run(options: &RunOptions) -> Result<(), String> {
    let clock = Clock::new();
    let run_dir = run_dir(&options.dir, options.run_dir.as_deref());
    let _lock = take_lock(&run_dir)?;
    let (log, log_thread) =
        Log::start(options.log, std::io::stderr()).map_err(|e| format!("no thread: {e}"))?;
    let result = start(options, &run_dir, clock, &log);
    drop(log);
    // Everything queued is written before we leave.
    let _ = log_thread.join();
    result
}

fn start(options: &RunOptions, run_dir: &Path, clock: Clock, log: &Log) -> Result<(), String> {
    let now = clock.now();
    let loaded = load(&ConfigDir::new(&options.dir), None);
    for finding in &loaded.findings {
        let level = match finding.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
            Severity::Note => Level::Verbose,
        };
        if level > Level::Verbose || options.verbosity > 0 {
            log.line(now, level, "config", &finding.text(&loaded.objects.sources).to_string());
        }
    }
    if loaded.findings.iter().any(|finding| finding.code == "missing-file") {
        return Err(format!("there is no configuration in {}: nothing to run", options.dir.display()));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("edge")
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    let running = build(options, run_dir, (clock, log), loaded.objects, loaded.findings, &runtime)?;
    let outcome = runtime.block_on(attend(Arc::clone(&running.server)));
    // The switch drains first, then its contacts are written, then the rest goes.
    let _ = running.server.orders.blocking_send(Order::Stop);
    running.server.waker.wake();
    let _ = running.switch.join();
    runtime.shutdown_timeout(Duration::from_secs(1));
    let _ = std::fs::remove_file(control::socket_path(run_dir));
    if let Ok(server) = Arc::try_unwrap(running.server)
        && let Err(fault) = server.store.close()
    {
        log.line(clock.now(), Level::Error, "contacts", &fault.words);
    }
    outcome
}

struct Running {
    server: Arc<Server>,
    switch: std::thread::JoinHandle<()>,
}

fn build(
    options: &RunOptions,
    run_dir: &Path,
    (clock, log): (Clock, &Log),
    objects: Objects,
    findings: Vec<crate::config::Finding>,
    runtime: &tokio::runtime::Runtime,
) -> Result<Running, String> {
    let (poller, waker) = Poller::new().map_err(|error| format!("no epoll: {error}"))?;
    let opened = transports::open(&objects, &options.dir);
    let now = clock.now();
    opened.faults.iter().for_each(|fault| log.line(now, Level::Error, "config_transport.c", fault));
    opened.notes.iter().for_each(|note| log.line(now, Level::Warning, "config_transport.c", note));
    if opened.bound.is_empty() {
        let why = opened.faults.first().cloned().unwrap_or_else(|| "no type=transport is configured".into());
        return Err(format!("no transport listens: {why}"));
    }
    for (slot, socket) in opened.udp.iter().enumerate() {
        poller.add(socket, slot as u64).map_err(|error| format!("epoll: {error}"))?;
    }
    let (orders, order_queue) = mpsc::channel(limits::SWITCH_QUEUE);
    let (to_switch, knock) = (orders.clone(), waker.clone());
    let (store, stored) = ContactStore::open(&run_dir.join("contacts.sqlite"), move |report| {
        // The switch never waits for the store's thread, so waiting here for room in its queue cannot lock up.
        if to_switch.blocking_send(Order::Store(report)).is_ok() {
            knock.wake();
        }
    })
    .map_err(|fault| fault.words)?;
    stored.notes.iter().for_each(|note| log.line(now, Level::Warning, "contacts", note));
    let ping = u64::from(objects.global.keep_alive_interval_secs);
    let pace = Pace { ping: (ping > 0).then(|| Duration::from_secs(ping)), ..Pace::default() };
    let (shared, stream_events) = Shared::new(waker.clone(), pace);
    let mut streams = Streams::new(runtime.handle().clone(), shared.clone());
    streams.configure(opened.dialers, shared.clone());

    let mut switch = Switch::new(seed(clock)?);
    switch.ears().level = match options.verbosity {
        0 => Level::Notice,
        1 => Level::Verbose,
        _ => Level::Debug,
    };
    let mut writer = store.writer(0);
    let mut actions = Actions::default();
    let changes = Objects::default().plan(&objects).changes;
    switch.handle(now, Input::Config { changes: &changes, sources: &objects.sources }, &mut actions);
    switch.handle(now, Input::Transports(&opened.bound), &mut actions);
    let count = stored.bindings.len();
    switch.restore(now, stored.bindings.into_iter(), &mut actions);
    for action in actions.queue {
        match action {
            Action::Commit { sequence, change } => writer.push(sequence, change),
            Action::Event(event) => log.event(now, *event),
            _ => {}
        }
    }
    let listening: Vec<String> =
        opened.bound.iter().map(|bound| format!("{} {}", bound.name, bound.bound)).collect();
    let text = format!(
        "Jackfield {} Ready: {} endpoints, {count} contacts, listening on {}",
        env!("CARGO_PKG_VERSION"),
        objects.endpoints.len(),
        listening.join(", ")
    );
    let shard = Shard {
        switch,
        clock,
        poller,
        udp: opened.udp,
        streams,
        stream_events,
        orders: order_queue,
        store: writer,
        log: log.clone(),
        turns: Arc::new(AtomicU64::new(0)),
    };
    let thread = std::thread::Builder::new().name("switch".into()).spawn(move || shard.run());
    let switch = thread.map_err(|error| format!("no thread: {error}"))?;
    let current = Mutex::new(InForce { objects, findings, at: now.at });
    let dir = options.dir.clone();
    let (stop, started) = (Notify::new(), now.at);
    let server = Server { dir, clock, started, orders, waker, log: log.clone(), store, current, stop };
    let server = Arc::new(server);
    let _inside = runtime.enter();
    for listener in opened.listeners {
        let (shared, log) = (shared.clone(), log.clone());
        runtime.spawn(async move {
            let name = listener.bound();
            if let Err(error) = serve(listener, shared).await {
                log.line(
                    clock.now(),
                    Level::Error,
                    "config_transport.c",
                    &format!("{name} stopped listening: {error}"),
                );
            }
        });
    }
    let control = control::listen(run_dir)
        .map_err(|error| format!("control socket in {}: {error}", run_dir.display()))?;
    runtime.spawn(control::serve(control, Arc::clone(&server)));
    log.line(now, Level::Notice, "asterisk.c", &text);
    Ok(Running { server, switch })
}

/// Waits for the end: a signal or an order. SIGHUP reloads.
async fn attend(server: Arc<Server>) -> Result<(), String> {
    use tokio::signal::unix::{SignalKind, signal};
    let hear = |kind| signal(kind).map_err(|error| format!("no signals: {error}"));
    let (mut term, mut int, mut hup) =
        (hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?, hear(SignalKind::hangup())?);
    loop {
        tokio::select! {
            _ = term.recv() => return Ok(()),
            _ = int.recv() => return Ok(()),
            () = server.stop.notified() => return Ok(()),
            _ = hup.recv() => {
                server.reload(false).await;
            }
        }
    }
}

/// Randomness from the operating system.
fn seed(clock: Clock) -> Result<Seed, String> {
    let mut bytes = [0u8; 40];
    let mut source = File::open("/dev/urandom").map_err(|error| format!("/dev/urandom: {error}"))?;
    source.read_exact(&mut bytes).map_err(|error| format!("/dev/urandom: {error}"))?;
    let (key, random) = bytes.split_at(32);
    let mut seed = Seed { now: clock.now(), random: 0, key: [0; 32], systemname: "".into() };
    seed.key.copy_from_slice(key);
    seed.random = random.iter().fold(0, |n, b| n << 8 | u64::from(*b));
    Ok(seed)
}

/// One server per run directory: two would fight over contacts and sockets.
fn take_lock(run_dir: &Path) -> Result<nix::fcntl::Flock<File>, String> {
    std::fs::create_dir_all(run_dir).map_err(|error| {
        format!("run directory {}: {error}; choose another with --run-dir", run_dir.display())
    })?;
    let path = run_dir.join("jackfield.pid");
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
    match nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock) {
        Ok(mut file) => {
            // The number is for people; the lock is what counts.
            let _ = file.set_len(0).and_then(|()| writeln!(&mut *file, "{}", std::process::id()));
            Ok(file)
        }
        Err((mut file, _)) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            Err(format!("another server (process {}) runs on {}", pid.trim(), run_dir.display()))
        }
    }
}
