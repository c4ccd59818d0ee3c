//! Dialplans from tables in the running server: read with `extensions.conf`, then watched by a thread of their own.

use super::dialplan::Read;
use super::runtime::Server;
use super::shard::Order;
use crate::dialplan::Dialplan;
use crate::dialplan::realtime::{Row, Table};
use crate::store::extensions::{ExtensionWatch, News};
use crate::switch::view::Level;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::runtime::Handle;

/// The origin of log lines.
const ORIGIN: &str = "pbx_realtime.c";

/// What is in force, and who looks at its tables.
#[derive(Debug, Default)]
pub struct Extensions {
    plan: Mutex<Arc<Dialplan>>,
    watch: Mutex<Option<ExtensionWatch>>,
}

impl Server {
    /// Takes a dialplan over that was read, and watches the tables it needs.
    pub(super) fn take_dialplan(self: &Arc<Server>, read: &mut Read) {
        // The old thread ends before the new plan is known: it changes the old one no more.
        drop(locked(&self.extensions.watch).take());
        *locked(&self.extensions.plan) = read.dialplan.clone();
        let tables = std::mem::take(&mut read.tables);
        if tables.is_empty() {
            return;
        }
        let (server, handle) = (Arc::downgrade(self), Handle::current());
        match ExtensionWatch::start(tables, move |news| hear(&server, &handle, news)) {
            Ok(watch) => *locked(&self.extensions.watch) = Some(watch),
            Err(fault) => {
                let text = format!("Tables of extensions are not watched, changes need a reload: {fault}");
                self.say(Level::Error, ORIGIN, &text);
            }
        }
    }

    /// Nothing is watched any more.
    pub fn stop_watching_extensions(&self) {
        let watch = locked(&self.extensions.watch).take();
        // Waits for the thread, with no lock held.
        drop(watch);
    }

    /// Puts the rows of a family in force.
    fn put_extensions(&self, family: &str, rows: Vec<Row>) {
        let count = rows.len();
        let (table, faults) = Table::new(rows);
        for fault in faults {
            self.say(Level::Warning, ORIGIN, &format!("Realtime family '{family}': {fault}"));
        }
        let mut plan = locked(&self.extensions.plan);
        let next = Arc::new(plan.with_realtime(family, Arc::new(table)));
        *plan = next.clone();
        drop(plan);
        self.say(Level::Verbose, ORIGIN, &format!("Realtime family '{family}' has {count} rows now"));
        // It fails only when the switch is gone.
        let _ = self.orders.blocking_send(Order::Dialplan(next));
        self.waker.wake();
    }
}

/// On the thread that looks.
fn hear(server: &Weak<Server>, handle: &Handle, news: News) {
    // A server that is gone wants no news.
    let Some(server) = server.upgrade() else { return };
    match news {
        News::Rows { family, rows } => server.put_extensions(&family, rows),
        News::Note(text) => server.say(Level::Warning, ORIGIN, &text),
        News::File => {
            handle.spawn(async move {
                server.say(Level::Notice, ORIGIN, "extensions.conf changed in its table: it is read again");
                // What is wrong is in the log.
                server.reload_dialplan("").await;
            });
        }
    }
}

/// What these locks guard is whole at every moment.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
