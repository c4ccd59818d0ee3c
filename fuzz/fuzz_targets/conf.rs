//! A file of the `.conf` dialect, read as `pjsip.conf` and as `extensions.conf`, with an include of itself at hand.
#![no_main]

use jackfield::base::time::Now;
use jackfield::config::files::MemoryFiles;
use jackfield::config::load;
use jackfield::config::{Sources, conf};
use jackfield::dialplan::{self, Surroundings, line};
use std::sync::Arc;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let files = MemoryFiles::new().with("pjsip.conf", bytes).with("extensions.conf", bytes);
    let loaded = load::load(&files, None);
    for finding in &loaded.findings {
        let _ = finding.text(&loaded.objects.sources).to_string();
    }
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let tree = conf::read(&files, "extensions.conf", &mut sources, &mut findings);
    let around = Surroundings {
        sources: &sources,
        zones: Arc::default(),
        environment: &|_| None,
        done: &|_| true,
        now: Now::default(),
    };
    let plan = dialplan::load(&line::sections(&tree), &around);
    for finding in findings.iter().chain(&plan.findings) {
        let _ = finding.text(&sources).to_string();
    }
});
