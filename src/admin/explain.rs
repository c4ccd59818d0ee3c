//! Judgements as a report: the verdict, each step with what is behind it, and what would change the outcome.
//!
//! ```text
//! 'alice' is not endpoint 'trunk': no identify matched.
//!
//!   skip   identifier ip      no network holds 192.0.2.9            identify 'trunk' match, pjsip.conf:88
//! To change this:
//!   1. add match=192.0.2.9 to [trunk] (pjsip.conf:86)
//! ```

use crate::switch::view::{Explanation, Step};

/// Columns a line may take before the culprit moves to a line of its own.
const WIDTH: usize = 110;
/// Columns of the outcome.
const OUTCOME: usize = 5;

/// Prints a judgement. Colours only where asked for: the reader sits at a terminal.
pub fn print(out: &mut String, explanation: &Explanation, colour: bool) {
    out.push_str(&painted(&clean(&explanation.verdict), "1", colour));
    out.push('\n');
    steps(out, &explanation.steps, colour);
    if !explanation.advice.is_empty() {
        out.push_str("\nTo change this:\n");
        for (place, advice) in explanation.advice.iter().enumerate() {
            out.push_str(&format!("  {}. {}\n", place + 1, clean(advice)));
        }
    }
}

fn steps(out: &mut String, steps: &[Step], colour: bool) {
    if steps.is_empty() {
        return;
    }
    out.push('\n');
    let texts: Vec<(String, String)> =
        steps.iter().map(|step| (clean(&step.what), clean(&step.culprit))).collect();
    let wide = |texts: &[(String, String)], place: fn(&(String, String)) -> &str| {
        texts.iter().map(|text| place(text).chars().count()).max().unwrap_or(0)
    };
    let what = wide(&texts, |text| &text.0);
    let culprit = wide(&texts, |text| &text.1);
    let beside = OUTCOME + what + culprit + 6 <= WIDTH;
    for (step, (text, by)) in steps.iter().zip(&texts) {
        let outcome = format!("{:<OUTCOME$}", step.outcome);
        out.push_str("  ");
        out.push_str(&painted(&outcome, shade(step.outcome), colour));
        out.push_str("  ");
        out.push_str(text);
        if !by.is_empty() {
            match beside {
                true => out.extend(std::iter::repeat_n(' ', what - text.chars().count() + 2)),
                false => {
                    out.push('\n');
                    out.extend(std::iter::repeat_n(' ', OUTCOME + 6));
                }
            }
            out.push_str(by);
        }
        out.push('\n');
    }
}

fn shade(outcome: &str) -> &'static str {
    match outcome {
        "match" | "pass" => "32",
        "fail" => "31",
        _ => "90",
    }
}

fn painted(text: &str, code: &str, colour: bool) -> String {
    match colour {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// What a peer wrote may stand in a step; a terminal must not obey it.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(outcome: &'static str, what: &str, culprit: &str) -> Step {
        Step { outcome, what: what.into(), culprit: culprit.into() }
    }

    fn sample() -> Explanation {
        Explanation {
            verdict: "The request would be given to endpoint 'trunk'.".into(),
            steps: vec![
                step("skip", "ip: no network holds 127.0.0.2", "identify 'office' match, pjsip.conf:70"),
                step("match", "ip: 127.0.0.2 lies in 127.0.0.2/32", "identify 'trunk' match, pjsip.conf:88"),
            ],
            advice: vec!["remove match=127.0.0.2 from [trunk] (pjsip.conf:88)".into()],
        }
    }

    #[test]
    fn a_report_is_aligned() {
        let mut out = String::new();
        print(&mut out, &sample(), false);
        assert_eq!(
            out,
            "\
The request would be given to endpoint 'trunk'.

  skip   ip: no network holds 127.0.0.2      identify 'office' match, pjsip.conf:70
  match  ip: 127.0.0.2 lies in 127.0.0.2/32  identify 'trunk' match, pjsip.conf:88

To change this:
  1. remove match=127.0.0.2 from [trunk] (pjsip.conf:88)
"
        );
    }

    #[test]
    fn what_is_too_wide_stands_below() {
        let mut wide = sample();
        wide.steps[0].what.push_str(&" and more".repeat(12));
        wide.steps[1].what.push('\x1b');
        let mut out = String::new();
        print(&mut out, &wide, false);
        assert!(out.contains("127.0.0.2/32?\n           identify 'trunk' match, pjsip.conf:88\n"), "{out}");
        assert!(!out.contains('\x1b'));
    }

    #[test]
    fn colours_only_for_terminals() {
        let mut out = String::new();
        print(&mut out, &sample(), true);
        assert!(out.contains("\x1b[32mmatch\x1b[0m  ip"), "{out}");
    }
}
