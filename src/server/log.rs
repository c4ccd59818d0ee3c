//! The log: a thread of its own behind a bounded queue, so that a slow disk or terminal never stops SIP. What does not
//! fit is counted and said once there is room.

use super::clock::Clock;
use crate::admin::events;
use crate::admin::log_line::Stamp;
use crate::base::time::Now;
use crate::switch::view::{Event, Level};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogForm {
    /// Asterisk's text.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Lines waiting at most.
const QUEUE: usize = 8_192;

/// A way to the log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    queue: SyncSender<(Now, Event)>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// Starts the log's thread; it ends, everything written, when the last [`Log`] is dropped.
    pub fn start(
        form: LogForm,
        mut to: impl Write + Send + 'static,
    ) -> std::io::Result<(Log, JoinHandle<()>)> {
        let (queue, lines) = sync_channel::<(Now, Event)>(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&dropped);
        let clock = Clock::new();
        let thread = std::thread::Builder::new().name("log".into()).spawn(move || {
            let pid = std::process::id();
            let mut batch = String::new();
            let write = |batch: &mut String, now: Now, event: &Event| {
                let stamp = Stamp { at: now.wall, offset_secs: super::zone::offset_secs(now.wall), pid };
                batch.push_str(&match form {
                    LogForm::Text => events::text(event, stamp),
                    LogForm::Json => events::json_line(event, stamp),
                });
            };
            while let Ok((now, event)) = lines.recv() {
                write(&mut batch, now, &event);
                while batch.len() < 1 << 16
                    && let Ok((now, event)) = lines.try_recv()
                {
                    write(&mut batch, now, &event);
                }
                let lost = lost.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    let text = format!("{lost} log lines were lost: the log is written too slowly");
                    let event = Event::Log { level: Level::Warning, origin: "logger.c", text };
                    write(&mut batch, clock.now(), &event);
                }
                // A log that cannot be written has nobody to tell.
                let _ = to.write_all(batch.as_bytes()).and_then(|()| to.flush());
                batch.clear();
            }
        })?;
        Ok((Log { queue, dropped }, thread))
    }

    /// Queues an event; counted and dropped when the queue is full.
    pub fn event(&self, now: Now, event: Event) {
        if self.queue.try_send((now, event)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Queues a line.
    pub fn line(&self, now: Now, level: Level, origin: &'static str, text: &str) {
        self.event(now, Event::Log { level, origin, text: text.to_owned() });
    }
}
