//! `jackfield check`: everything that is wrong with a tree, at once, without running it.

use super::layout::{Given, Layout};
use super::log::LogForm;
use super::logger_conf::LoggerConf;
use crate::config::Severity;
use crate::config::load::load;
use crate::store::files::ConfigDir;
use std::io::{self, Write};
use std::path::Path;

/// Prints the findings about the tree in `dir`, as text or as one JSON document; `false` when something written there
/// does not take effect.
///
/// # Errors
/// `out` cannot be written.
pub fn print(dir: &Path, json: bool, out: &mut dyn Write) -> io::Result<bool> {
    let files = ConfigDir::new(dir);
    let loaded = load(&files, None);
    let sources = &loaded.objects.sources;
    let count = |severity| loaded.findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    // Files about running, not about SIP: their faults never keep an object from loading.
    let layout = Layout::of_dir(dir, &Given::default());
    let logger = LoggerConf::read(&files, &layout.log_dir, LogForm::Text);
    let others: Vec<&String> = layout.faults.iter().chain(&logger.faults).collect();
    if json {
        let findings: Vec<_> = loaded.findings.iter().map(|finding| finding.json(sources)).collect();
        let document = serde_json::json!({ "findings": findings, "others": others, "errors": errors });
        writeln!(out, "{document}")?;
        return Ok(errors == 0);
    }
    for finding in &loaded.findings {
        writeln!(out, "{}", finding.text(sources))?;
    }
    for other in &others {
        writeln!(out, "{other}")?;
    }
    let objects = &loaded.objects;
    writeln!(
        out,
        "{}: {errors} errors, {} warnings; {} endpoints, {} aors, {} auths, {} identifies, {} transports",
        dir.display(),
        warnings + others.len(),
        objects.endpoints.len(),
        objects.aors.len(),
        objects.auths.len(),
        objects.identifies.len(),
        objects.transports.len(),
    )?;
    Ok(errors == 0)
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
            let good = print(&dir, json, &mut out).expect("memory");
            (good, String::from_utf8(out).expect("text"))
        };
        write("[a]\ntype=endpoint\naor=a\n");
        let (good, text) = run(false);
        assert!(!good);
        assert!(text.contains("pjsip.conf:3:") && text.contains("aors"), "{text}");
        let (_, json) = run(true);
        let document: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(document["findings"][0]["line"], 3);
        write("[t]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5999\n");
        let (good, text) = run(false);
        assert!(good, "{text}");
        assert!(text.contains("0 errors"), "{text}");
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}
