//! Rank 6: builds the rooms, runs them, reloads, shuts down.
//!
//! | thread | what it does |
//! |---|---|
//! | `switch` | owns the switch and the UDP sockets ([`shard`]); resolves names through [`names`] |
//! | `media-N` | RTP ports and relays ([`crate::media`]) |
//! | `contacts` | commits contact changes, grouped |
//! | `realtime` | looks at realtime tables every 50 ms, compiles changed rows ([`realtime`]) |
//! | `log` | writes lines ([`log`], [`logger_conf`]) |
//! | tokio workers | stream connections, control socket, signals, certificates, DNS, watchdog ([`heartbeat`]) |
//!
//! ```text
//! layout ─ lock ─ configuration ─ transports ─ user ─ log ─ contacts ─ switch ─ control socket ─ ready
//! ```

pub mod asked;
pub mod asterisk;
pub mod capture;
pub mod check;
pub mod clock;
pub mod control;
pub mod convert;
mod database;
pub mod dialplan;
mod entity;
pub mod extensions;
pub mod heartbeat;
pub mod interface;
pub mod layout;
pub mod lock;
pub mod log;
pub mod log_sink;
pub mod logger_conf;
pub mod metrics;
pub mod names;
mod notify;
pub mod order;
mod random;
pub mod realtime;
mod reload;
pub mod runtime;
pub mod schema;
mod settings;
pub mod shard;
mod start;
pub mod stop;
pub mod tasks;
mod transports;
pub mod user;
mod zone;

use crate::config::Sources;
use crate::store::files::ConfigDir;
use crate::switch::view::Level;
use clock::Clock;
use layout::Layout;
use lock::TreeLock;
use log::{Log, LogForm};
use log_sink::Target;
use logger_conf::LoggerConf;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use runtime::Server;
use sd_notify::NotifyState;
use shard::Order;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use stop::Stop;
use user::Identity;

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Where everything is.
    pub layout: Layout,
    /// How log lines are written where `logger.conf` does not say.
    pub log: LogForm,
    /// How much of it: verbose and debug levels of the console, 0 is off.
    pub levels: (u8, u8),
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// A sentence that says why it cannot start and what to do.
pub fn run(options: &RunOptions) -> Result<(), String> {
    let clock = Clock::new();
    let layout = &options.layout;
    let identity = layout.run_as.find().map_err(|fault| fault.to_string())?;
    make_dir("run directory", "--run-dir", &layout.run_dir, &identity)?;
    make_dir("state directory", "--state-dir", &layout.state_dir, &identity)?;
    let lock = TreeLock::take(&layout.run_dir).map_err(|fault| fault.to_string())?;
    let prepared = start::prepare(&layout.config_dir)?;
    let mut sources = Sources::new();
    let files = ConfigDir::new(&layout.config_dir);
    let logger = LoggerConf::read(&files, &layout.log_dir, options.log, &mut sources);
    if logger.sinks.iter().any(|sink| matches!(sink.target, Target::File(_))) {
        // Whoever cannot have it finds the reason in the log's first lines.
        let _ = make_dir("log directory", "astlogdir", &layout.log_dir, &identity);
    }
    // From here on with the user's own rights.
    identity.become_it().map_err(|fault| fault.to_string())?;
    raise_descriptor_limit();
    let (log, log_thread) =
        Log::start(logger.sinks.clone(), options.levels).map_err(|error| format!("no thread: {error}"))?;
    let told = logger.faults.iter().map(|fault| fault.text(&sources).to_string());
    for fault in layout.faults.iter().cloned().chain(told) {
        log.line(clock.now(), Level::Warning, "config", &fault);
    }
    let result = run_with(options, prepared, (clock, &log, &logger));
    drop(log);
    // Everything queued is written before we leave.
    let _ = log_thread.join();
    drop(lock);
    result
}

fn run_with(
    options: &RunOptions,
    prepared: start::Prepared,
    (clock, log, logger): (Clock, &Log, &LoggerConf),
) -> Result<(), String> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 4);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("edge")
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    let running = start::start(options, prepared, (clock, log, logger), &runtime)?;
    // Outside systemd nobody listens.
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    let outcome = runtime.block_on(attend(Arc::clone(&running.server)));
    running.server.stop_watching();
    running.server.stop_watching_extensions();
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    // Without signals to wait for, it cannot run; otherwise the switch has ended already.
    runtime.block_on(running.server.order(Order::Stop(Stop::Now)));
    if running.switch.join().is_err() {
        log.line(clock.now(), Level::Error, "switch", "The switch ended by a fault of the program");
    }
    runtime.shutdown_timeout(Duration::from_secs(1));
    let _ = std::fs::remove_file(control::socket_path(&options.layout.run_dir));
    if let Ok(server) = Arc::try_unwrap(running.server)
        && let Err(fault) = server.store.close()
    {
        log.line(clock.now(), Level::Error, "contacts", &fault.words);
    }
    outcome
}

/// How long SIGTERM waits for calls to end: as long as a transaction lives. The service's unit waits longer.
const PATIENCE: Duration = Duration::from_secs(32);

/// Waits for the end of the switch. SIGTERM and SIGINT drain, a second one ends at once; SIGHUP reloads, and opens log
/// files again.
async fn attend(server: Arc<Server>) -> Result<(), String> {
    use tokio::signal::unix::{SignalKind, signal};
    let hear = |kind| signal(kind).map_err(|error| format!("no signals: {error}"));
    let (mut term, mut int, mut hup) =
        (hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?, hear(SignalKind::hangup())?);
    let mut told = false;
    loop {
        let signal = async {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        };
        tokio::select! {
            () = server.ended.notified() => return Ok(()),
            () = signal => {
                // Outside systemd nobody listens.
                let _ = sd_notify::notify(&[NotifyState::Stopping]);
                server.stop(if told { Stop::Now } else { Stop::Drain(Some(PATIENCE)) }).await;
                told = true;
            }
            _ = hup.recv() => {
                // In a task of its own, so that a slow reload cannot hold up a stop.
                let server = Arc::clone(&server);
                tokio::spawn(async move { server.reload(false, "").await });
            }
        }
    }
}

fn make_dir(what: &str, option: &str, path: &Path, identity: &Identity) -> Result<(), String> {
    if path.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(path)
        .map_err(|error| format!("{what} {}: {error}; choose another with {option}", path.display()))?;
    identity.own(path).map_err(|fault| fault.to_string())
}

/// As many descriptors as we may have: each connection and each RTP port is one.
fn raise_descriptor_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // What the system refuses, we do without.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
