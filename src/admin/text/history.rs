//! `pjsip show history`: the ring as a table, one message in full.

use super::columns::{cell, left};
use crate::admin::shape::{Answer, Pick, Shape};
use crate::admin::trace_text;
use crate::switch::view::{HistoryView, Reply};

/// The ring, one entry, or what an expression holds for. A single match prints in full.
pub(super) fn print(reply: &Reply, pick: &Pick, shape: &Shape) -> Answer {
    let Reply::History(all) = reply else { return Answer::bad("No answer.\n") };
    let chosen: Vec<&HistoryView> = match pick {
        Pick::All => all.iter().collect(),
        Pick::Entry(number) => match all.iter().find(|entry| entry.number == *number) {
            Some(entry) => vec![entry],
            None => return super::refused(&format!("Entry '{number}' does not exist"), shape),
        },
        Pick::Where(filter) => all.iter().filter(|entry| filter.holds(entry)).collect(),
    };
    let mut out = String::new();
    match chosen.as_slice() {
        [entry] => whole(&mut out, entry),
        entries => table(&mut out, entries),
    }
    Answer::good(out)
}

fn whole(out: &mut String, entry: &HistoryView) {
    let direction = if entry.sent { "Sent to" } else { "Received from" };
    let secs = entry.at.secs();
    out.push_str(&format!(
        "<--- History Entry {} {direction} {} at {secs:<10} --->\n",
        entry.number, entry.address
    ));
    trace_text::body(out, &entry.message);
    out.push('\n');
}

fn table(out: &mut String, entries: &[&HistoryView]) {
    out.push_str("No.   Timestamp  (Dir) Address                  SIP Message                        \n");
    out.push_str("===== ========== ============================== ===================================\n");
    for entry in entries {
        out.push_str(&format!("{:05} {:<10} ", entry.number, entry.at.secs()));
        out.push_str(if entry.sent { "* ==> " } else { "* <== " });
        cell(out, &entry.address.to_string(), 24);
        out.push(' ');
        let first = entry.message.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        left(out, &String::from_utf8_lossy(first), 0);
        out.push('\n');
    }
}
