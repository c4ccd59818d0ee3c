//! Every message of the corpora reads as its row of `expected.tsv` says.

use super::corpus::{self, Sample, Verdict};
use jackfield::sip::wire::{self, Contact, Fault, Header, Index, Message, Start};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the pipeline reads of a message before anyone decides: everything in here must be sound.
fn values(index: &mut Index, bytes: &[u8]) -> Result<Vec<String>, Fault> {
    let message: Message<'_> = index.scan(bytes)?;
    let envelope = match message.start() {
        Start::Request { .. } => wire::check_request(&message)?,
        Start::Response { .. } => message.envelope()?,
    };
    let from = envelope.from.uri().map_err(|_| Fault::Value(Header::From))?;
    let mut userinfo = text(from.user.unwrap_or_default());
    if let Some(password) = from.password {
        userinfo = format!("{userinfo}:{}", text(password));
    }
    if !from.is_sip() {
        userinfo.clear();
    }
    let contacts: Result<Vec<String>, Fault> = message
        .contacts()
        .map(|contact| {
            contact.map(|c| match c {
                Contact::Star => "*".to_owned(),
                Contact::Address(address) => text(address.uri_text),
            })
        })
        .collect();
    Ok(vec![
        match message.start() {
            Start::Request { method_text, uri, .. } => format!("{} {}", text(method_text), text(uri)),
            Start::Response { code, reason } => format!("{code} {}", text(reason)),
        },
        text(envelope.via.branch().unwrap_or_default()),
        userinfo,
        text(envelope.from.uri_text),
        text(envelope.from.tag().unwrap_or_default()),
        text(envelope.to.uri_text),
        text(envelope.call_id),
        format!("{} {}", envelope.cseq.number, text(envelope.cseq.method_text)),
        message.values(Header::Via).count().to_string(),
        contacts?.join("|"),
        message.body().len().to_string(),
    ])
}

const COLUMNS: [&str; 11] =
    ["start", "branch", "userinfo", "from", "from tag", "to", "call-id", "cseq", "vias", "contacts", "body"];

fn check(sample: &Sample, faults: &mut Vec<String>) {
    match (sample.verdict, values(&mut Index::default(), &sample.bytes)) {
        (Verdict::Accept, Err(fault)) => faults.push(format!("{}: refused: {fault}", sample.name)),
        (Verdict::Detect, Ok(_)) => faults.push(format!("{}: its fault went unnoticed", sample.name)),
        (Verdict::Detect | Verdict::Either, Err(_)) => {}
        (Verdict::Accept | Verdict::Either, Ok(read)) => {
            if sample.values.iter().all(String::is_empty) {
                return;
            }
            for ((column, expected), value) in COLUMNS.iter().zip(&sample.values).zip(&read) {
                // `badaspec.dat` has blanks inside its angle brackets, which are no part of the URI.
                if expected.trim_matches(' ') != value.trim_matches(' ') {
                    faults.push(format!("{}: {column}: expected {expected:?}, read {value:?}", sample.name));
                }
            }
        }
    }
}

#[test]
fn every_message_reads_as_the_table_says() {
    let samples = corpus::all();
    assert!(samples.len() >= 78, "only {} messages", samples.len());
    let mut faults = Vec::new();
    for sample in &samples {
        check(sample, &mut faults);
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), samples.len(), faults.join("\n"));
}
