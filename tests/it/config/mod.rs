//! Configuration: files to objects, every fault with its place and the right name.

mod checklist;
mod conf_dialect;
mod examples_of_faults;
mod freepbx;
mod import_sip_conf;
mod mutation;
mod obeyed_words;
mod printed;
mod reload;
mod round_trip;

use jackfield::config::check::{Report, check};
use jackfield::config::files::MemoryFiles;
use jackfield::config::{Finding, Severity};

/// Checks a single `pjsip.conf`.
fn check_conf(text: &str) -> Report {
    check_calmly(&MemoryFiles::new().with("pjsip.conf", text))
}

/// Checks a tree; what this version does not do yet, and so remarks on, is left out.
fn check_calmly(files: &MemoryFiles) -> Report {
    let mut report = check(files);
    report.findings.retain(|finding| !is_remark(finding));
    report
}

fn is_remark(finding: &Finding) -> bool {
    finding.code == "not-yet-obeyed" && finding.severity == Severity::Note
}

/// The findings of that code as `line:column message | help`.
fn found(report: &Report, code: &str) -> Vec<String> {
    let findings = report.findings.iter().filter(|finding| finding.code == code);
    findings
        .map(|f| {
            let help = f.help.as_deref().unwrap_or("-");
            format!("{}:{} {} | {help}", f.at.line, f.at.column, f.message)
        })
        .collect()
}

/// A phone that is right in every way, and what it needs; faults are put beside it.
const SOUND: &str = "\
[transport-udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n\
[200]\ntype=endpoint\ncontext=internal\ndisallow=all\nallow=ulaw\nauth=200\naors=200\ndirect_media=no\n\
[200]\ntype=auth\nauth_type=userpass\nusername=200\npassword=kai5Ohqu\n\
[200]\ntype=aor\nmax_contacts=1\n";
