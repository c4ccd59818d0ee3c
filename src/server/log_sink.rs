//! Where log lines go: standard error and files, each with the levels it wants.

use super::log::LogForm;
use crate::base::limits;
use crate::switch::view::{Event, Level};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// What one destination is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkOptions {
    /// Where.
    pub target: Target,
    /// What.
    pub levels: Levels,
    /// How.
    pub form: LogForm,
}

/// Where lines are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard error: the console, or the journal. Takes verbose and debug lines when `core set` turned them on.
    Console,
    /// A file, appended to.
    File(PathBuf),
}

/// A set of levels, by the names of `logger.conf`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels(u8);

impl Levels {
    const SECURITY: u8 = 1 << 7;

    /// What the console and the journal get unless `logger.conf` says otherwise.
    pub fn usual() -> Levels {
        Levels::read("notice,warning,error").0
    }

    /// The words that may stand in `logger.conf`.
    pub const WORDS: &[&str] =
        &["debug", "trace", "verbose", "notice", "warning", "error", "security", "dtmf", "fax", "*"];

    /// Reads `notice,warning,verbose(3),security,*`; the words it does not know come back.
    pub fn read(text: &str) -> (Levels, Vec<String>) {
        let (mut levels, mut unknown) = (Levels::default(), Vec::new());
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let name = word.split('(').next().unwrap_or_default().to_ascii_lowercase();
            levels.0 |= match name.as_str() {
                "debug" | "trace" => bit(Level::Debug),
                "verbose" => bit(Level::Verbose),
                "notice" => bit(Level::Notice),
                "warning" => bit(Level::Warning),
                "error" => bit(Level::Error),
                "security" => Levels::SECURITY,
                "*" => u8::MAX,
                // Levels of Asterisk at which we never say anything.
                "dtmf" | "fax" => 0,
                _ => {
                    unknown.push(word.to_owned());
                    0
                }
            };
        }
        (levels, unknown)
    }

    fn has(self, event: &Event) -> bool {
        let wanted = match event {
            Event::Log { level, .. } => bit(*level),
            Event::Security(_) => Levels::SECURITY,
            Event::RequestFailed(_) => bit(Level::Notice),
            Event::Message { .. } => bit(Level::Verbose),
        };
        self.0 & wanted != 0
    }

    /// Whether security events are among them.
    pub fn security(self) -> bool {
        self.0 & Levels::SECURITY != 0
    }
}

fn bit(level: Level) -> u8 {
    1 << level as u8
}

impl SinkOptions {
    /// The least grave level it takes; `None` for security events only.
    pub(super) fn least(&self) -> Option<Level> {
        [Level::Debug, Level::Verbose, Level::Notice, Level::Warning, Level::Error]
            .into_iter()
            .find(|level| self.levels.0 & bit(*level) != 0)
    }
}

/// An open destination with what was not yet written to it.
#[derive(Debug)]
pub(super) struct Sink {
    options: SinkOptions,
    file: Option<File>,
    waiting: String,
    failing: bool,
}

impl Sink {
    /// Opens it; a file that cannot be opened takes nothing, and the fault is a sentence.
    pub(super) fn open(options: SinkOptions) -> (Sink, Option<String>) {
        let (file, fault) = match &options.target {
            Target::Console => (None, None),
            Target::File(path) => match OpenOptions::new().create(true).append(true).mode(0o640).open(path) {
                Ok(file) => (Some(file), None),
                Err(error) => (None, Some(format!("Unable to open log file '{}': {error}", path.display()))),
            },
        };
        (Sink { options, file, waiting: String::new(), failing: false }, fault)
    }

    pub(super) fn into_options(mut self) -> SinkOptions {
        // A failure here is found again at the next line.
        let _ = self.flush();
        self.options
    }

    pub(super) fn form(&self) -> LogForm {
        self.options.form
    }

    /// Whether it takes that event, given the console's `(verbose, debug)` levels.
    pub(super) fn wants(&self, event: &Event, (verbose, debug): (u8, u8)) -> bool {
        if self.options.levels.has(event) {
            return true;
        }
        // Messages were asked for at the console (`pjsip set logger on`), whatever the level.
        self.options.target == Target::Console
            && match event {
                Event::Log { level: Level::Verbose, .. } => verbose > 0,
                Event::Log { level: Level::Debug, .. } => debug > 0,
                Event::Message { .. } => true,
                _ => false,
            }
    }

    pub(super) fn put(&mut self, line: &str) {
        self.waiting.push_str(line);
        if self.waiting.len() > limits::LOG_CHUNK_BYTES {
            // Told by the flush that ends the batch.
            self.failing |= self.write_out().is_err();
        }
    }

    /// Writes what waits. A failure is a sentence, once until it works again.
    pub(super) fn flush(&mut self) -> Option<String> {
        let was_failing = self.failing;
        match self.write_out() {
            Ok(()) => {
                self.failing = false;
                None
            }
            Err(error) => {
                self.failing = true;
                let Target::File(path) = &self.options.target else { return None };
                (!was_failing).then(|| format!("Unable to write to log file '{}': {error}", path.display()))
            }
        }
    }

    fn write_out(&mut self) -> std::io::Result<()> {
        let text = std::mem::take(&mut self.waiting);
        if text.is_empty() {
            return Ok(());
        }
        let result = match (&self.options.target, &mut self.file) {
            (Target::Console, _) => std::io::stderr().lock().write_all(text.as_bytes()),
            (Target::File(_), Some(file)) => file.write_all(text.as_bytes()),
            (Target::File(_), None) => Ok(()),
        };
        // The memory is kept for the next lines.
        self.waiting = text;
        self.waiting.clear();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: Level) -> Event {
        Event::Log { level, origin: "a.c", text: String::new() }
    }

    #[test]
    fn levels_are_read_by_their_names() {
        let (levels, unknown) = Levels::read(" notice , Warning,verbose(3),dtmf,wrong");
        assert_eq!(unknown, ["wrong"]);
        assert!(levels.has(&line(Level::Verbose)) && levels.has(&line(Level::Notice)));
        assert!(!levels.has(&line(Level::Error)) && !levels.has(&line(Level::Debug)) && !levels.security());
        assert!(Levels::read("*").0.security());
    }

    #[test]
    fn the_console_takes_more_when_it_is_told_to() {
        let options = SinkOptions { target: Target::Console, levels: Levels::usual(), form: LogForm::Text };
        assert_eq!(options.least(), Some(Level::Notice));
        let sink = Sink::open(options).0;
        assert!(!sink.wants(&line(Level::Verbose), (0, 0)) && sink.wants(&line(Level::Verbose), (3, 0)));
        assert!(!sink.wants(&line(Level::Debug), (3, 0)) && sink.wants(&line(Level::Debug), (0, 1)));
        let address = "127.0.0.1:5060".parse().expect("address");
        let message = Event::Message { sent: true, protocol: "UDP", address, bytes: Vec::new() };
        assert!(sink.wants(&message, (0, 0)));
    }
}
