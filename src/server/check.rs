//! `jackfield check`: everything that is wrong with a tree, at once, without running it.
//!
//! | exit status | |
//! |---|---|
//! | 0 | nothing is wrong; with `--strict`, there are no warnings either |
//! | 1 | with `--strict`, there are warnings; or the answer could not be printed |
//! | 2 | there are errors: something that is written does not take effect |

use super::clock::Clock;
use super::layout::{Given, Layout};
use super::log::LogForm;
use super::logger_conf::LoggerConf;
use crate::config::check::{Report, check_loaded};
use crate::config::finding::{Finding, Severity, sort};
use crate::config::origin::Sources;
use crate::config::services::Services;
use crate::store::files::ConfigDir;
use std::collections::HashSet;
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

/// Everything that is to be said about the tree in `dir`: objects, dialplan, media services, log files, NOTIFYs.
pub fn report(dir: &Path) -> Report {
    let files = ConfigDir::new(dir);
    let mut report = check_loaded(&files, super::realtime::read(dir, None).loaded);
    let mut sources = std::mem::take(&mut report.objects.sources);
    let dialplan = dialplan(dir, &mut sources);
    merge_dialplan(&mut report.findings, dialplan);
    // Tones, music, conferences, features, parking lots: what is wrong in their files.
    let _ = Services::read(&files, &mut sources, &mut report.findings);
    let layout = Layout::of_dir(dir, &Given::default());
    let logger = LoggerConf::read(&files, &layout.log_dir, LogForm::Text, &mut sources);
    report.findings.extend(logger.faults);
    report.findings.extend(super::notify::judge(&files, &mut sources).1);
    sort(&mut report.findings);
    report.findings.dedup();
    report.objects.sources = sources;
    report
}

/// Prints the findings about the tree in `dir`; gives the exit status.
///
/// # Errors
/// `out` cannot be written.
pub fn print(dir: &Path, options: CheckOptions, out: &mut dyn Write) -> io::Result<u8> {
    let report = report(dir);
    let status = report.exit_status(options.strict);
    if options.json {
        writeln!(out, "{}", report.json())?;
        return Ok(status);
    }
    let least = if options.notes { Severity::Note } else { Severity::Warning };
    write!(out, "{}", report.text(least))?;
    let (objects, counts) = (&report.objects, report.counts());
    writeln!(
        out,
        "{}: {} endpoints, {} aors, {} auths, {} identifies, {} transports{}",
        dir.display(),
        objects.endpoints.len(),
        objects.aors.len(),
        objects.auths.len(),
        objects.identifies.len(),
        objects.transports.len(),
        if counts.errors + counts.warnings == 0 { "; nothing is wrong" } else { "" },
    )?;
    let later = |finding: &&Finding| finding.severity == Severity::Note && NOT_DONE.contains(&finding.code);
    match report.findings.iter().filter(later).count() {
        0 => {}
        _ if options.notes => {}
        remarks => writeln!(out, "{remarks} things in it are not done by this version; --notes names them")?,
    }
    Ok(status)
}

/// What the dialplan's own reader finds, its places named by our sources.
fn dialplan(dir: &Path, sources: &mut Sources) -> Vec<Finding> {
    let read = super::dialplan::read(dir, Clock::new().now());
    let mut findings = read.findings;
    for finding in &mut findings {
        finding.at.source = sources.intern(read.sources.name(finding.at.source));
    }
    findings
}

/// Adds the dialplan's findings to those about objects, which look at the same lines: each fault is told once.
fn merge_dialplan(findings: &mut Vec<Finding>, dialplan: Vec<Finding>) {
    let line = |finding: &Finding| (finding.at.source, finding.at.line);
    // `SIP/name` is told with the endpoint that may be meant.
    let old: HashSet<_> =
        findings.iter().filter(|finding| finding.code == "old-technology").map(line).collect();
    let rest = dialplan.into_iter().filter(|one| one.code != "technology" || !old.contains(&line(one)));
    findings.extend(rest);
}

/// What a tree may say that is right, but not done here.
const NOT_DONE: &[&str] = &["not-yet-obeyed", "later-application", "later-function", "later-option"];

#[cfg(test)]
mod tests {
    use super::*;

    fn run(files: &[(&str, &str)], options: CheckOptions) -> (u8, String) {
        let dir = std::env::temp_dir().join(format!(
            "jackfield-check-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        std::fs::create_dir_all(&dir).expect("a directory");
        for (name, text) in files {
            std::fs::write(dir.join(name), text).expect("a file");
        }
        let mut out = Vec::new();
        let status = print(&dir, options, &mut out).expect("memory");
        std::fs::remove_dir_all(&dir).expect("removed");
        (status, String::from_utf8(out).expect("text"))
    }

    const SOUND: &str = "[t]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5999\n";

    #[test]
    fn every_fault_is_printed_and_decides_the_status() {
        let broken = [("pjsip.conf", "[a]\ntype=endpoint\naor=a\n")];
        let (status, text) = run(&broken, CheckOptions::default());
        assert_eq!(status, 2);
        assert!(text.contains("pjsip.conf:3:") && text.contains("aors"), "{text}");
        let (status, json) = run(&broken, CheckOptions { json: true, ..CheckOptions::default() });
        let document: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((status, &document["findings"][0]["line"]), (2, &serde_json::json!(3)));
        let (status, text) = run(&[("pjsip.conf", SOUND)], CheckOptions::default());
        assert_eq!(status, 0, "{text}");
        assert!(text.contains("1 transports; nothing is wrong"), "{text}");
    }

    #[test]
    fn notifys_are_looked_at_too() {
        let files = [("pjsip.conf", SOUND), ("pjsip_notify.conf", "[a]\nEvent=x\nVia=y\n")];
        let (status, text) = run(&files, CheckOptions::default());
        assert_eq!(status, 0);
        assert!(
            text.contains("pjsip_notify.conf:3:1: warning[ignored-header]: [a]: Via is ignored"),
            "{text}"
        );
    }

    #[test]
    fn warnings_count_only_where_that_is_asked_for() {
        let files = [("pjsip.conf", SOUND), ("logger.conf", "[logfiles]\nconsole => notice,warnin\n")];
        let (status, text) = run(&files, CheckOptions::default());
        assert_eq!(status, 0);
        assert!(
            text.contains("logger.conf:2:12: warning[log-level]: there is no log level 'warnin'"),
            "{text}"
        );
        assert!(text.contains("did you mean 'warning'?") && !text.contains("nothing is wrong"), "{text}");
        assert_eq!(run(&files, CheckOptions { strict: true, ..CheckOptions::default() }).0, 1);
        let (_, json) = run(&files, CheckOptions { json: true, ..CheckOptions::default() });
        assert!(json.contains("\"file\":\"logger.conf\",\"line\":2"), "{json}");
    }

    /// S4-89: two readers look at the line, one of them tells.
    #[test]
    fn the_dialplan_is_checked_with_the_objects_and_each_fault_told_once() {
        let pjsip =
            format!("{SOUND}[200]\ntype=endpoint\naors=200\ncontext=in\n[200]\ntype=aor\nmax_contacts=1\n");
        let extensions = "[in]\nexten => 1,1,Dial(SIP/200)\nexten => 2,1,Dail(PJSIP/200)\n                          exten => 3,1,Goto(nowhere,1,1)\nexten => 4,1,Queue(a)\nexten => 5,1,Queue(b)\n                          exten => 6,1,NoOp(${ECHO(a)})\ninclude => in-custom\ninclude => absent\n";
        let files = [("pjsip.conf", pjsip.as_str()), ("extensions.conf", extensions)];
        let (status, text) = run(&files, CheckOptions { notes: true, ..CheckOptions::default() });
        assert_eq!(status, 2);
        let about = |line: u32| -> Vec<&str> {
            text.lines().filter(|l| l.starts_with(&format!("extensions.conf:{line}:"))).collect()
        };
        assert!(matches!(about(2)[..], [one] if one.contains("old-technology")), "{text}");
        assert!(matches!(about(3)[..], [one] if one.contains("error[unknown-application]")), "{text}");
        assert!(text.contains("did you mean 'Dial'?"), "{text}");
        assert!(matches!(about(4)[..], [one] if one.contains("there is no context 'nowhere'")), "{text}");
        assert!(
            matches!(about(5)[..], [one] if one.contains("note[later-application]") && one.contains("elsewhere"))
        );
        assert_eq!(about(6), Vec::<&str>::new(), "said once");
        assert!(matches!(about(7)[..], [one] if one.contains("error[unknown-function]")), "{text}");
        assert!(matches!(about(8)[..], [one] if one.contains("note[unknown-context]")), "{text}");
        assert!(matches!(about(9)[..], [one] if one.contains("warning[unknown-context]")), "{text}");
    }

    /// A lot's context is made by the lot; what is wrong with features.conf is said with its line.
    #[test]
    fn features_and_parking_lots_are_checked() {
        let files = [
            ("pjsip.conf", SOUND),
            ("extensions.conf", "[in]\nexten => 1,1,Park()\ninclude => parkedcalls\ninclude => absent\n"),
            ("res_parking.conf", "[default]\nparkext=700\n"),
            ("features.conf", "[featuremap]\nblindxfer=x#\n"),
        ];
        let (_, text) = run(&files, CheckOptions { notes: true, ..CheckOptions::default() });
        assert!(!text.contains("'parkedcalls'") && text.contains("'absent'"), "{text}");
        assert!(text.contains("features.conf:2"), "{text}");
    }

    #[test]
    fn a_zone_of_the_system_is_known() {
        if !Path::new("/usr/share/zoneinfo/Europe/Berlin").is_file() {
            return;
        }
        let extensions = "[in]\ninclude => day,9:00-17:00,mon-fri,*,*,Europe/Berlin\n                          include => night,9:00-17:00,mon-fri,*,*,Europe/Bonn\n[day]\n[night]\n";
        let (_, text) =
            run(&[("pjsip.conf", SOUND), ("extensions.conf", extensions)], CheckOptions::default());
        assert!(text.contains("'Europe/Bonn'") && !text.contains("Berlin"), "{text}");
    }
}
