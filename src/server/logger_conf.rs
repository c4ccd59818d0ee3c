//! `logger.conf`: which levels go to which file.
//!
//! ```text
//! [logfiles]
//! console  => notice,warning,error
//! security => security
//! full     => [json]notice,warning,error,verbose
//! ```

use super::log::LogForm;
use super::log_sink::{Levels, SinkOptions, Target};
use crate::config::conf::{self, Entry};
use crate::config::files::{FileFault, Files};
use crate::config::finding::Finding;
use crate::config::origin::Sources;
use crate::config::suggest;
use std::path::Path;

/// The file's name.
const LOGGER_CONF: &str = "logger.conf";

/// What the file says, and what is wrong with it.
#[derive(Debug, Default)]
pub struct LoggerConf {
    /// Where lines go; never empty.
    pub sinks: Vec<SinkOptions>,
    /// A finding for each thing that is not obeyed.
    pub faults: Vec<Finding>,
}

impl LoggerConf {
    /// Reads the file below `files`. Without it, notices and worse go to the console. `form` is that of lines for which
    /// the file names none; relative names lie in `log_dir`.
    pub fn read(files: &dyn Files, log_dir: &Path, form: LogForm, sources: &mut Sources) -> LoggerConf {
        let mut read = LoggerConf::default();
        if files.read(LOGGER_CONF) != Err(FileFault::Missing) {
            let tree = conf::read(files, LOGGER_CONF, sources, &mut read.faults);
            for section in
                tree.sections().filter(|section| section.name() == "logfiles" && !section.is_template())
            {
                for entry in section.entries() {
                    read.entry(entry, (log_dir, form));
                }
            }
        }
        // Somebody has to hear that files cannot be written.
        if !read.sinks.iter().any(|sink| sink.target == Target::Console) {
            read.sinks.push(SinkOptions { target: Target::Console, levels: Levels::usual(), form });
        }
        read
    }

    fn entry(&mut self, entry: Entry<'_>, (log_dir, form): (&Path, LogForm)) {
        let Entry { name, value, at, .. } = entry;
        let at_value = at.at_column(entry.value_column);
        let (form, levels) = match value.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((kind, levels)) if kind.eq_ignore_ascii_case("json") => (LogForm::Json, levels),
            Some(("default" | "plain", levels)) => (LogForm::Text, levels),
            Some((kind, levels)) => {
                let message = format!("there is no format '{kind}': lines are written as text");
                let help = "there are [json], [default] and [plain]";
                self.faults.push(Finding::warning("log-format", at_value, message).help(help));
                (LogForm::Text, levels)
            }
            None => (form, value),
        };
        let (levels, unknown) = Levels::read(levels);
        for word in unknown {
            let finding = Finding::warning("log-level", at_value, format!("there is no log level '{word}'"));
            self.faults.push(match suggest::nearest(&word, Levels::WORDS.iter().copied()) {
                Some(near) => finding.help(format!("did you mean '{near}'?")),
                None => finding,
            });
        }
        let target = match name {
            "console" => Target::Console,
            name if name.starts_with("syslog") => {
                let text = "syslog is not written to; the journal reads the console";
                self.faults.push(Finding::warning("log-target", at, text));
                return;
            }
            name => Target::File(log_dir.join(name)),
        };
        if self.sinks.iter().any(|sink| sink.target == target) {
            let message = format!("'{name}' is given twice: the first one counts");
            self.faults.push(Finding::warning("log-target", at, message));
            return;
        }
        self.sinks.push(SinkOptions { target, levels, form });
    }

    /// Whether anybody wants security events.
    pub fn security(&self) -> bool {
        self.sinks.iter().any(|sink| sink.levels.security())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::MemoryFiles;

    #[test]
    fn files_and_levels_are_those_of_the_file() {
        let text = "[general]\n[logfiles]\nconsole => warning,error\nsecurity => security\n\
                    full => [json]notice,warning,loud\n/else/where => error\nsyslog.local0 => error\nfull => error\n";
        let files = MemoryFiles::new().with(LOGGER_CONF, text);
        let mut sources = Sources::new();
        let read = LoggerConf::read(&files, Path::new("/logs"), LogForm::Text, &mut sources);
        let targets: Vec<_> = read.sinks.iter().map(|sink| (sink.target.clone(), sink.form)).collect();
        let file = |path: &str| Target::File(path.into());
        assert_eq!(
            targets,
            [
                (Target::Console, LogForm::Text),
                (file("/logs/security"), LogForm::Text),
                (file("/logs/full"), LogForm::Json),
                (file("/else/where"), LogForm::Text),
            ]
        );
        assert!(read.security());
        let told: Vec<String> = read.faults.iter().map(|fault| fault.text(&sources).to_string()).collect();
        assert_eq!(
            told,
            [
                "logger.conf:5:9: warning[log-level]: there is no log level 'loud'",
                "logger.conf:7:1: warning[log-target]: syslog is not written to; the journal reads the console",
                "logger.conf:8:1: warning[log-target]: 'full' is given twice: the first one counts",
            ]
        );
    }

    #[test]
    fn without_the_file_the_console_gets_notices_and_worse() {
        let read =
            LoggerConf::read(&MemoryFiles::new(), Path::new("/logs"), LogForm::Json, &mut Sources::new());
        assert_eq!(
            read.sinks,
            [SinkOptions { target: Target::Console, levels: Levels::usual(), form: LogForm::Json }]
        );
        assert!(read.faults.is_empty() && !read.security());
    }
}
