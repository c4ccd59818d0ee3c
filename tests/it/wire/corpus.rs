//! The message corpora and what they are expected to read as.

use std::fs;
use std::path::{Path, PathBuf};

/// What RFC 3261 asks of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Read right, with the row's values.
    Accept,
    /// The fault is noticed.
    Detect,
    /// Both are right.
    Either,
}

/// One message with its row of `expected.tsv`.
#[derive(Debug)]
pub struct Sample {
    /// `folder/file`.
    pub name: String,
    pub verdict: Verdict,
    /// The eleven value columns, empty where the table gives none.
    pub values: Vec<String>,
    pub bytes: Vec<u8>,
}

fn read_table(folder: &Path, out: &mut Vec<Sample>, wanted: impl Fn(&str) -> bool) {
    let table = fs::read_to_string(folder.join("expected.tsv")).expect("expected.tsv is readable");
    for row in table.lines().skip(1) {
        let mut columns = row.split('\t').map(str::to_owned);
        let name = columns.next().expect("a row starts with its file");
        if !wanted(&name) {
            continue;
        }
        let verdict = match columns.next().as_deref() {
            Some("accept") => Verdict::Accept,
            Some("detect") => Verdict::Detect,
            Some("either") => Verdict::Either,
            other => panic!("{name}: verdict {other:?}"),
        };
        let bytes = fs::read(folder.join(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        out.push(Sample { name, verdict, values: columns.collect(), bytes });
    }
}

/// Where the RFC 4475 messages are, when they are on this machine.
pub fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    folder.join("expected.tsv").exists().then_some(folder)
}

/// Every message there is: 66 of our own, RFC 5118, and RFC 4475 when it is there.
pub fn all() -> Vec<Sample> {
    let mut samples = Vec::new();
    read_table(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"), &mut samples, |_| true);
    match shared() {
        Some(folder) => read_table(&folder, &mut samples, |name| name.starts_with("rfc4475/")),
        None => eprintln!("RFC 4475 messages are not here (../shared/data): {} messages read", samples.len()),
    }
    samples
}
