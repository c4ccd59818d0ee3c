//! `trace`: a call as a ladder, the decisions between the arrows.

use crate::admin::shape::Answer;
use crate::admin::trace_text;
use crate::base::time::WallTime;
use crate::switch::view::{Reply, TraceView, Traced};
use std::net::SocketAddr;

/// Columns before the ladder: the seconds since the first message.
const TIME: usize = 10;
/// Columns between two lines of the ladder.
const APART: usize = 26;
/// Where the first line stands.
const FIRST: usize = TIME + APART / 2;

/// The ladder; with `whole`, each message in full below its arrow.
pub(super) fn print(reply: &Reply, whole: bool) -> Answer {
    let Reply::Trace(view) = reply else { return Answer::bad("No answer.\n") };
    let mut out = String::new();
    heading(&mut out, view);
    let peers = peers(view);
    // The first peer stands left of us, all others right.
    let place = |peer: Option<SocketAddr>| match peer.and_then(|peer| peers.iter().position(|p| *p == peer)) {
        Some(0) => 0,
        Some(n) => n + 1,
        None => 1.min(peers.len()),
    };
    let lines = peers.len() + 1;
    let mut names = vec![' '; TIME + lines * APART];
    for peer in &peers {
        centre(&mut names, place(Some(*peer)), &peer.to_string());
    }
    centre(&mut names, place(None), "Jackfield");
    finish(&mut out, names);
    let start = view.steps.first().map_or(WallTime(0), |step| step.at);
    for step in &view.steps {
        let mut row = vec![' '; TIME + lines * APART];
        for line in 0..lines {
            row[FIRST + line * APART] = '|';
        }
        let since = step.at.0.saturating_sub(start.0);
        put(&mut row, 0, &format!("{:>4}.{:03}", since / 1_000_000, since / 1_000 % 1_000));
        match &step.what {
            Traced::Decision(words) => {
                let from = FIRST + place(None) * APART + 2;
                row.truncate(from);
                row.extend(words.chars().map(|c| if c.is_control() { '?' } else { c }));
                finish(&mut out, row);
            }
            Traced::Message { sent, peer, label, message, .. } => {
                let ends =
                    if *sent { (place(None), place(Some(*peer))) } else { (place(Some(*peer)), place(None)) };
                arrow(&mut row, ends, label);
                finish(&mut out, row);
                if whole {
                    out.push('\n');
                    trace_text::body(&mut out, message);
                    out.push('\n');
                }
            }
        }
    }
    if !view.others.is_empty() {
        out.push_str(&format!("\nEarlier calls of the same name: {}\n", view.others.join(", ")));
    }
    Answer::good(out)
}

fn heading(out: &mut String, view: &TraceView) {
    if view.call.is_empty() {
        out.push_str("No channel was made for these requests.\n");
    } else {
        out.push_str(&format!("Call {}\n", view.call));
    }
    for leg in &view.legs {
        out.push_str(&format!("  {:<28} Call-ID {}\n", leg.channel, leg.call_id));
    }
    out.push('\n');
}

/// In the order of their first message.
fn peers(view: &TraceView) -> Vec<SocketAddr> {
    let mut peers = Vec::new();
    for step in &view.steps {
        if let Traced::Message { peer, .. } = &step.what
            && !peers.contains(peer)
        {
            peers.push(*peer);
        }
    }
    peers
}

fn arrow(row: &mut [char], (from, to): (usize, usize), label: &str) {
    let (left, right) = (FIRST + from.min(to) * APART, FIRST + from.max(to) * APART);
    row[left + 1..right].fill('-');
    if from < to {
        row[right - 1] = '>';
    } else {
        row[left + 1] = '<';
    }
    // Beside us, where the space between two lines is the arrow's own.
    let at = if from < to { from } else { to.max(from - 1) };
    let room = APART - 6;
    let label: String = format!(" {label} ").chars().take(room).collect();
    put(row, FIRST + at * APART + 1 + (APART - 1 - label.chars().count()) / 2, &label);
}

fn centre(row: &mut [char], line: usize, text: &str) {
    let length = text.chars().count();
    put(row, (FIRST + line * APART).saturating_sub(length / 2), text);
}

fn put(row: &mut [char], at: usize, text: &str) {
    for (place, c) in row.iter_mut().skip(at).zip(text.chars()) {
        *place = if c.is_control() { '?' } else { c };
    }
}

fn finish(out: &mut String, row: Vec<char>) {
    let line: String = row.into_iter().collect();
    out.push_str(line.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::switch::view::{TraceLeg, TraceStep};

    #[test]
    fn a_call_of_two_legs_is_a_ladder_of_three_lines() {
        let (a, b) = ("127.0.0.1:5062".parse().expect("address"), "[::1]:5063".parse().expect("address"));
        let message = |at: u64, sent, peer, label: &str| TraceStep {
            at: WallTime(1_000_000 + at * 1_000),
            what: Traced::Message {
                sent,
                protocol: "UDP",
                peer,
                label: label.into(),
                message: b"x\r\n".to_vec(),
            },
        };
        let view = TraceView {
            call: "1.0".into(),
            legs: vec![TraceLeg {
                channel: "PJSIP/100-0".into(),
                endpoint: "100".into(),
                call_id: "c".into(),
            }],
            others: vec!["0.9".into()],
            steps: vec![
                message(0, false, a, "INVITE (SDP)"),
                TraceStep { at: WallTime(1_001_000), what: Traced::Decision("Called PJSIP/101".into()) },
                message(2, true, b, "INVITE (SDP)"),
                message(1_500, false, b, "200 (SDP)"),
                message(1_501, true, a, "200 (SDP)"),
            ],
        };
        let text = print(&Reply::Trace(Box::new(view)), false).text;
        let expected = "\
Call 1.0
  PJSIP/100-0                  Call-ID c

                127.0.0.1:5062             Jackfield                 [::1]:5063
   0.000               |---- INVITE (SDP) ----->|                         |
   0.001               |                         | Called PJSIP/101
   0.002               |                         |----- INVITE (SDP) ---->|
   1.500               |                         |<----- 200 (SDP) -------|
   1.501               |<----- 200 (SDP) -------|                         |

Earlier calls of the same name: 0.9
";
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('-', "");
        assert_eq!(squeezed(&text), squeezed(expected), "{text}");
        let columns =
            |line: &str| line.char_indices().filter(|(_, c)| *c == '|').map(|(at, _)| at).collect::<Vec<_>>();
        let rungs: Vec<_> = text.lines().filter(|line| line.contains('|')).map(columns).collect();
        assert!(rungs.iter().all(|rung| rung.iter().zip(&rungs[0]).all(|(a, b)| a == b)), "{text}");
        assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
    }
}
