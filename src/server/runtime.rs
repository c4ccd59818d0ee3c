//! What a running server can be asked for: answers through the switch, reload, stop.

use super::clock::Clock;
use super::log::Log;
use super::shard::Order;
use crate::admin::cli::{self, Parsed, Scope, ServerOrder, When};
use crate::admin::{self, Answer, Format};
use crate::base::time::Moment;
use crate::config::load::{Loaded, load};
use crate::config::{Finding, Objects, Severity};
use crate::net::wait::Waker;
use crate::store::contacts::{ContactStore, Status};
use crate::store::fault::Health;
use crate::store::files::ConfigDir;
use crate::switch::view::{Level, Reply};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc, oneshot};

/// The parts that commands reach.
#[derive(Debug)]
pub struct Server {
    /// The configuration directory.
    pub dir: PathBuf,
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
    /// What is in force, and what was found when it was read.
    pub current: Mutex<InForce>,
    /// Told when the server shall end.
    pub stop: Notify,
}

/// The configuration in force.
#[derive(Debug)]
pub struct InForce {
    /// The objects.
    pub objects: Objects,
    /// What stands to be said about the files.
    pub findings: Vec<Finding>,
    /// When it was read.
    pub at: Moment,
}

impl Server {
    /// Asks the switch.
    pub async fn ask(&self, commands: Vec<crate::switch::view::Command>) -> Option<Vec<Reply>> {
        let (to, reply) = oneshot::channel();
        self.orders.send(Order::Ask(commands, to)).await.ok()?;
        self.waker.wake();
        reply.await.ok()
    }

    /// Answers one line of the command language.
    pub async fn answer(&self, line: &str, format: Format) -> Answer {
        match cli::parse(line, format) {
            Parsed::Text(answer) => answer,
            Parsed::Ask(commands, shape) => match self.ask(commands).await {
                Some(replies) => admin::print(self.complete(replies), &shape),
                None => Answer::bad("The server is stopping.\n"),
            },
            Parsed::Server(order, shape) => {
                let reply = self.obey(&order, line).await;
                admin::print(vec![reply], &shape)
            }
        }
    }

    /// What only the server knows is added to the status.
    fn complete(&self, mut replies: Vec<Reply>) -> Vec<Reply> {
        for reply in &mut replies {
            if let Reply::Status(status) = reply {
                status.stores.push(("contacts".into(), words(&self.store.status())));
                let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
                let sources = &current.objects.sources;
                status.findings = current.findings.iter().map(|f| f.text(sources).to_string()).collect();
            }
        }
        replies
    }

    async fn obey(&self, order: &ServerOrder, line: &str) -> Reply {
        match order {
            ServerOrder::Uptime { seconds } => {
                let now = self.clock.now().at;
                let since_reload = self.current.lock().unwrap_or_else(PoisonError::into_inner).at;
                let up = now.since(self.started).as_secs();
                Reply::Done(admin::text::uptime(up, now.since(since_reload).as_secs(), *seconds))
            }
            ServerOrder::WaitFullyBooted => Reply::Done("Asterisk has fully booted.".into()),
            ServerOrder::Reload { scope: Scope::All | Scope::Pjsip, plan } => self.reload(*plan).await,
            ServerOrder::Stop(When::Now | When::Gracefully | When::Convenient) => {
                self.stop.notify_one();
                Reply::Done("Stopping.".into())
            }
            ServerOrder::LogReopen => {
                Reply::Done("Nothing to open again: the log goes to standard error.".into())
            }
            _ => Reply::Refused(format!("'{line}' is not served by this version")),
        }
    }

    /// Reads the files again and applies what changed; a bad object keeps its last good version. With `only_plan`
    /// nothing is applied.
    pub async fn reload(&self, only_plan: bool) -> Reply {
        let (changes, sources, text, loaded) = {
            let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            let loaded = load(&ConfigDir::new(&self.dir), Some(&current.objects));
            let plan = current.objects.plan(&loaded.objects);
            let mut text = plan.to_string();
            for finding in loaded.findings.iter().filter(|f| f.severity != Severity::Note) {
                text.push_str(&format!("\n{}", finding.text(&loaded.objects.sources)));
            }
            (plan.changes, loaded.objects.sources.clone(), text, loaded)
        };
        if only_plan {
            return Reply::Done(text);
        }
        let (done, applied) = oneshot::channel();
        if self.orders.send(Order::Config(changes, sources, done)).await.is_err() {
            return Reply::Refused("The server is stopping.".into());
        }
        self.waker.wake();
        if applied.await.is_err() {
            return Reply::Refused("The server is stopping.".into());
        }
        let now = self.clock.now();
        self.log.line(now, Level::Notice, "loader.c", "Configuration reloaded");
        let Loaded { objects, findings, .. } = loaded;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) =
            InForce { objects, findings, at: now.at };
        Reply::Done(text)
    }
}

fn words(status: &Status) -> String {
    match &status.health {
        Health::Failing { since, why, .. } => {
            format!(
                "not writing since {} s after 1970: {why}; {} changes wait",
                since.secs(),
                status.counters.waiting
            )
        }
        _ => format!("ok, {} changes in {} commits", status.counters.changes, status.counters.commits),
    }
}

/// Shared with every task.
pub type Shared = Arc<Server>;
