//! `jackfield check`: everything that is wrong with a tree, at once, without running it.

use super::layout::{Given, Layout};
use super::log::LogForm;
use super::logger_conf::LoggerConf;
use crate::config::Severity;
use crate::config::check::check_loaded;
use crate::store::files::ConfigDir;
use std::io::{self, Write};
use std::path::Path;

/// How to check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// One JSON document instead of text.
    pub json: bool,
    /// Warnings count.
    pub strict: bool,
    /// Notes are printed too.
    pub notes: bool,
}

/// Prints the findings about the tree in `dir`; gives the exit status: 0 when nothing is wrong, 1 for warnings where
/// they count, 2 for errors.
///
/// # Errors
/// `out` cannot be written.
pub fn print(dir: &Path, options: CheckOptions, out: &mut dyn Write) -> io::Result<u8> {
    let files = ConfigDir::new(dir);
    let report = check_loaded(&files, super::realtime::read(dir, None).loaded);
    // About running, not about SIP: its faults keep no object from loading.
    let layout = Layout::of_dir(dir, &Given::default());
    let logger = LoggerConf::read(&files, &layout.log_dir, LogForm::Text);
    let status =
        report.exit_status(options.strict).max(u8::from(options.strict && !logger.faults.is_empty()));
    if options.json {
        writeln!(out, "{}", report.json())?;
        return Ok(status);
    }
    let least = if options.notes { Severity::Note } else { Severity::Warning };
    write!(out, "{}", report.text(least))?;
    for fault in &logger.faults {
        writeln!(out, "{fault}")?;
    }
    let objects = &report.objects;
    writeln!(
        out,
        "{}: {} endpoints, {} aors, {} auths, {} identifies, {} transports{}",
        dir.display(),
        objects.endpoints.len(),
        objects.aors.len(),
        objects.auths.len(),
        objects.identifies.len(),
        objects.transports.len(),
        if status == 0 && logger.faults.is_empty() { "; nothing is wrong" } else { "" },
    )?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_printed_and_decides_the_status() {
        let dir = std::env::temp_dir().join(format!("jackfield-check-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let write = |text: &str| std::fs::write(dir.join("pjsip.conf"), text).expect("a file");
        let run = |json| {
            let mut out = Vec::new();
            let options = CheckOptions { json, ..CheckOptions::default() };
            let status = print(&dir, options, &mut out).expect("memory");
            (status, String::from_utf8(out).expect("text"))
        };
        write("[a]\ntype=endpoint\naor=a\n");
        let (status, text) = run(false);
        assert_eq!(status, 2);
        assert!(text.contains("pjsip.conf:3:") && text.contains("aors"), "{text}");
        let (_, json) = run(true);
        let document: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(document["findings"][0]["line"], 3);
        write("[t]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5999\n");
        let (status, text) = run(false);
        assert_eq!(status, 0, "{text}");
        assert!(text.contains("1 transports"), "{text}");
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}
