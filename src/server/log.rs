//! The log: a thread of its own behind a bounded queue, so that a slow disk or terminal never stops SIP. What does not
//! fit is counted and said once there is room.

use super::capture::Capture;
use super::clock::Clock;
use super::log_sink::{Sink, SinkOptions};
use super::zone;
use crate::admin::events;
use crate::admin::log_line::Stamp;
use crate::base::limits;
use crate::base::time::Now;
use crate::switch::view::{Event, Level};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
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

/// A way to the log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    queue: SyncSender<Item>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    dropped: AtomicU64,
    /// `core set verbose` and `core set debug`.
    verbose: AtomicU8,
    debug: AtomicU8,
    /// Whether messages of `pjsip set logger` are kept out of the log (`pjsip set logger verbose off`).
    silent_messages: AtomicBool,
}

#[derive(Debug)]
enum Item {
    Event(Now, Event),
    /// Files were rotated: open them again.
    Reopen,
    /// Messages go to this capture file, too; or to none any more.
    Capture(Option<Capture>),
    /// `logger.conf` says something else now.
    Sinks(Vec<SinkOptions>),
}

impl Log {
    /// Starts the log's thread; it ends, everything written, when the last [`Log`] is dropped.
    ///
    /// # Errors
    /// No thread can be started. A file that cannot be opened is told in the log itself.
    pub fn start(
        sinks: Vec<SinkOptions>,
        (verbose, debug): (u8, u8),
    ) -> std::io::Result<(Log, JoinHandle<()>)> {
        let (queue, items) = sync_channel(limits::LOG_LINES);
        let shared = Arc::new(Shared { verbose: verbose.into(), debug: debug.into(), ..Shared::default() });
        let worker = Worker {
            items,
            shared: Arc::clone(&shared),
            clock: Clock::new(),
            sinks: Vec::new(),
            capture: None,
            pid: std::process::id(),
        };
        let thread = std::thread::Builder::new().name("log".into()).spawn(move || worker.run(sinks))?;
        Ok((Log { queue, shared }, thread))
    }

    /// Queues an event; counted and dropped when the queue is full.
    pub fn event(&self, now: Now, event: Event) {
        if self.queue.try_send(Item::Event(now, event)).is_err() {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Queues a line.
    pub fn line(&self, now: Now, level: Level, origin: &'static str, text: &str) {
        self.event(now, Event::Log { level, origin, text: text.to_owned() });
    }

    /// Opens the files again, after a rotation.
    pub fn reopen(&self) {
        self.order(Item::Reopen);
    }

    /// Writes to these from now on.
    pub fn replace(&self, sinks: Vec<SinkOptions>) {
        self.order(Item::Sinks(sinks));
    }

    /// `pjsip set logger pcap FILE`; `None` ends the capture.
    pub fn capture(&self, to: Option<Capture>) {
        self.order(Item::Capture(to));
    }

    /// Orders are few and wait for room.
    fn order(&self, item: Item) {
        // It fails only when the thread is gone, and then there is no log.
        let _ = self.queue.send(item);
    }

    /// `core set verbose` and `core set debug`: the levels now.
    pub fn levels(&self) -> (u8, u8) {
        (self.shared.verbose.load(Ordering::Relaxed), self.shared.debug.load(Ordering::Relaxed))
    }

    /// Sets the levels.
    pub fn set_levels(&self, (verbose, debug): (u8, u8)) {
        self.shared.verbose.store(verbose, Ordering::Relaxed);
        self.shared.debug.store(debug, Ordering::Relaxed);
    }

    /// `pjsip set logger verbose on|off`.
    pub fn set_messages(&self, on: bool) {
        self.shared.silent_messages.store(!on, Ordering::Relaxed);
    }
}

/// The least grave level that anybody reads: lines below it need not be made.
pub fn wanted_level(sinks: &[SinkOptions], (verbose, debug): (u8, u8)) -> Level {
    let by_console = match (debug > 0, verbose > 0) {
        (true, _) => Level::Debug,
        (false, true) => Level::Verbose,
        _ => Level::Notice,
    };
    sinks.iter().filter_map(SinkOptions::least).fold(by_console, Level::min)
}

struct Worker {
    items: Receiver<Item>,
    shared: Arc<Shared>,
    clock: Clock,
    sinks: Vec<Sink>,
    capture: Option<Capture>,
    pid: u32,
}

impl Worker {
    fn run(mut self, sinks: Vec<SinkOptions>) {
        self.open(sinks);
        while let Ok(item) = self.items.recv() {
            self.take(item);
            // What has piled up is written together.
            for _ in 0..limits::LOG_LINES {
                let Ok(item) = self.items.try_recv() else { break };
                self.take(item);
            }
            let lost = self.shared.dropped.swap(0, Ordering::Relaxed);
            if lost > 0 {
                self.say(format!("{lost} log lines were lost: the log is written too slowly"));
            }
            let mut faults = Vec::new();
            for sink in &mut self.sinks {
                faults.extend(sink.flush());
            }
            if let Some(Err(error)) = self.capture.as_mut().map(Capture::flush) {
                self.capture = None;
                faults.push(format!("The capture file cannot be written, and ends: {error}"));
            }
            faults.into_iter().for_each(|fault| self.say(fault));
        }
        for sink in &mut self.sinks {
            // The last words; nobody is left to be told of a failure.
            let _ = sink.flush();
        }
    }

    fn take(&mut self, item: Item) {
        match item {
            Item::Event(now, event) => self.write(now, &event),
            Item::Reopen => {
                let options = self.sinks.drain(..).map(Sink::into_options).collect();
                self.open(options);
            }
            Item::Sinks(options) => self.open(options),
            // The old one is flushed as it goes.
            Item::Capture(capture) => self.capture = capture,
        }
    }

    fn open(&mut self, options: Vec<SinkOptions>) {
        let mut faults = Vec::new();
        // The old ones are flushed and closed first: two handles on one file could tear lines.
        for sink in &mut self.sinks {
            faults.extend(sink.flush());
        }
        self.sinks.clear();
        for one in options {
            let (sink, fault) = Sink::open(one);
            faults.extend(fault);
            self.sinks.push(sink);
        }
        faults.into_iter().for_each(|fault| self.say(fault));
    }

    fn say(&mut self, text: String) {
        let event = Event::Log { level: Level::Warning, origin: "logger.c", text };
        self.write(self.clock.now(), &event);
    }

    fn write(&mut self, now: Now, event: &Event) {
        if let (Event::Message { sent, address, bytes, .. }, Some(capture)) = (event, &mut self.capture) {
            // What cannot be written is told when it is flushed.
            let _ = capture.write(now.wall, *sent, *address, bytes);
        }
        let silent =
            matches!(event, Event::Message { .. }) && self.shared.silent_messages.load(Ordering::Relaxed);
        if silent {
            return;
        }
        let console =
            (self.shared.verbose.load(Ordering::Relaxed), self.shared.debug.load(Ordering::Relaxed));
        let stamp = Stamp { at: now.wall, offset_secs: zone::offset_secs(now.wall), pid: self.pid };
        let (mut text, mut json) = (None, None);
        for sink in self.sinks.iter_mut().filter(|sink| sink.wants(event, console)) {
            let line = match sink.form() {
                LogForm::Text => text.get_or_insert_with(|| events::text(event, stamp)),
                LogForm::Json => json.get_or_insert_with(|| events::json_line(event, stamp)),
            };
            sink.put(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::log_sink::{Levels, Target};
    use super::*;
    use crate::switch::view::Security;
    use std::path::{Path, PathBuf};

    fn dir(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("jackfield-log-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a directory");
        dir
    }

    fn sink(path: &Path, levels: &str, form: LogForm) -> SinkOptions {
        SinkOptions { target: Target::File(path.to_owned()), levels: Levels::read(levels).0, form }
    }

    fn read(path: &Path) -> Vec<String> {
        std::fs::read_to_string(path).expect("a file").lines().map(str::to_owned).collect()
    }

    fn security() -> Event {
        let address = "192.0.2.1:5060".parse().expect("address");
        Event::Security(Box::new(Security {
            event: "InvalidAccountID",
            account: "x".into(),
            session: "c".into(),
            local: address,
            remote: address,
            protocol: "UDP",
            fields: Vec::new(),
        }))
    }

    #[test]
    fn each_file_gets_its_levels_and_rotation_loses_nothing() {
        let dir = dir("levels");
        let (full, security_file, json) = (dir.join("full"), dir.join("security"), dir.join("full.json"));
        let sinks = vec![
            sink(&full, "notice,warning,error", LogForm::Text),
            sink(&security_file, "security", LogForm::Text),
            sink(&json, "*", LogForm::Json),
        ];
        assert_eq!(wanted_level(&sinks, (0, 0)), Level::Debug);
        let (log, thread) = Log::start(sinks, (0, 0)).expect("a thread");
        let now = Clock::new().now();
        log.line(now, Level::Notice, "a.c", "one");
        log.line(now, Level::Verbose, "a.c", "two");
        log.event(now, security());
        log.reopen();
        log.line(now, Level::Error, "a.c", "three");
        drop(log);
        thread.join().expect("no panic");
        let full = read(&full);
        assert_eq!(full.len(), 2, "{full:?}");
        assert!(full[0].contains("] NOTICE[") && full[0].ends_with("] a.c: one"), "{full:?}");
        assert!(full[1].ends_with("] a.c: three"));
        let security_lines = read(&security_file);
        assert_eq!(security_lines.len(), 1);
        assert!(security_lines[0].contains("SECURITY[") && security_lines[0].contains("InvalidAccountID"));
        assert_eq!(read(&json).len(), 4);
        std::fs::remove_dir_all(dir).expect("removed");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_told_in_the_others() {
        let dir = dir("fault");
        let good = dir.join("good");
        let sinks = vec![sink(&dir.join("none/file"), "*", LogForm::Text), sink(&good, "*", LogForm::Text)];
        let (log, thread) = Log::start(sinks, (0, 0)).expect("a thread");
        drop(log);
        thread.join().expect("no panic");
        let lines = read(&good);
        assert!(lines[0].contains("WARNING[") && lines[0].contains("none/file"), "{lines:?}");
        std::fs::remove_dir_all(dir).expect("removed");
    }
}
