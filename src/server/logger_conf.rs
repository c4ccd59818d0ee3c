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
use crate::config::conf;
use crate::config::files::{FileFault, Files};
use crate::config::origin::Sources;
use std::path::Path;

/// The file's name.
const LOGGER_CONF: &str = "logger.conf";

/// What the file says, and what is wrong with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LoggerConf {
    /// Where lines go; never empty.
    pub sinks: Vec<SinkOptions>,
    /// A sentence for each thing that is not obeyed.
    pub faults: Vec<String>,
}

impl LoggerConf {
    /// Reads the file below `files`. Without it, notices and worse go to the console. `form` is that of lines for which
    /// the file names none; relative names lie in `log_dir`.
    pub fn read(files: &dyn Files, log_dir: &Path, form: LogForm) -> LoggerConf {
        let mut read = LoggerConf::default();
        if files.read(LOGGER_CONF) != Err(FileFault::Missing) {
            let (mut sources, mut findings) = (Sources::new(), Vec::new());
            let tree = conf::read(files, LOGGER_CONF, &mut sources, &mut findings);
            read.faults.extend(findings.iter().map(|finding| finding.text(&sources).to_string()));
            for section in
                tree.sections().filter(|section| section.name() == "logfiles" && !section.is_template())
            {
                for entry in section.entries() {
                    let place = format!("{LOGGER_CONF}:{}", entry.at.line);
                    read.entry(entry.name, entry.value, (log_dir, form), &place);
                }
            }
        }
        // Somebody has to hear that files cannot be written.
        if !read.sinks.iter().any(|sink| sink.target == Target::Console) {
            read.sinks.push(SinkOptions { target: Target::Console, levels: Levels::usual(), form });
        }
        read
    }

    fn entry(&mut self, name: &str, value: &str, (log_dir, form): (&Path, LogForm), place: &str) {
        let (form, levels) = match value.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((kind, levels)) if kind.eq_ignore_ascii_case("json") => (LogForm::Json, levels),
            Some(("default" | "plain", levels)) => (LogForm::Text, levels),
            Some((kind, levels)) => {
                self.faults.push(format!("{place}: there is no format '{kind}', lines are written as text"));
                (LogForm::Text, levels)
            }
            None => (form, value),
        };
        let (levels, unknown) = Levels::read(levels);
        self.faults.extend(unknown.iter().map(|word| format!("{place}: there is no log level '{word}'")));
        let target = match name {
            "console" => Target::Console,
            name if name.starts_with("syslog") => {
                let text = "syslog is not written to; the journal reads the console";
                self.faults.push(format!("{place}: {text}"));
                return;
            }
            name => Target::File(log_dir.join(name)),
        };
        if self.sinks.iter().any(|sink| sink.target == target) {
            self.faults.push(format!("{place}: '{name}' is given twice, the first one counts"));
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
        let read = LoggerConf::read(&files, Path::new("/logs"), LogForm::Text);
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
        assert_eq!(
            read.faults,
            [
                "logger.conf:5: there is no log level 'loud'",
                "logger.conf:7: syslog is not written to; the journal reads the console",
                "logger.conf:8: 'full' is given twice, the first one counts",
            ]
        );
    }

    #[test]
    fn without_the_file_the_console_gets_notices_and_worse() {
        let read = LoggerConf::read(&MemoryFiles::new(), Path::new("/logs"), LogForm::Json);
        assert_eq!(
            read.sinks,
            [SinkOptions { target: Target::Console, levels: Levels::usual(), form: LogForm::Json }]
        );
        assert!(read.faults.is_empty() && !read.security());
    }
}
