//! Which digits are a code: pure. Digits that are none, and cannot begin one, pass; those that may still become one wait.
//!
//! With codes `*` and `*1`, `*` waits for what follows: `*1` is the second code, `*5` is the first one and a digit, and
//! `*` alone is the first one when the time is over.

/// What becomes of the first of the digits pressed so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is no code: it goes to the other party.
    Pass(char),
    /// It begins a code, whole: the one at this place.
    Run(usize),
}

/// Takes the first step out of `digits`; `None`: nothing is left, or more must be heard first. `late`: no more come.
pub(super) fn next(digits: &mut String, codes: &[&str], late: bool) -> Option<Step> {
    let first = digits.chars().next()?;
    if !late && codes.iter().any(|code| code.len() > digits.len() && code.starts_with(digits.as_str())) {
        return None;
    }
    let whole = codes.iter().enumerate().filter(|(_, code)| !code.is_empty() && digits.starts_with(**code));
    // Of two equal ones the first.
    let longest = whole.reduce(|best, other| if other.1.len() > best.1.len() { other } else { best });
    let step = match longest {
        Some((at, code)) => (Step::Run(at), code.len()),
        None => (Step::Pass(first), first.len_utf8()),
    };
    digits.drain(..step.1);
    Some(step.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of digits pressed one after the other, and at last of the time: codes in brackets, `|` the time.
    fn heard(codes: &[&str], pressed: &str) -> String {
        let (mut digits, mut heard) = (String::new(), String::new());
        for c in pressed.chars() {
            if c != '|' {
                digits.push(c);
            }
            while let Some(step) = next(&mut digits, codes, c == '|') {
                match step {
                    Step::Pass(c) => heard.push(c),
                    Step::Run(at) => heard.push_str(&format!("[{}]", codes[at])),
                }
            }
        }
        if !digits.is_empty() {
            heard.push_str(&format!("…{digits}"));
        }
        heard
    }

    /// S4-126: digits that match no code are passed on late but whole.
    #[test]
    fn codes_are_found_and_the_rest_passes() {
        let usual = &["#", "*"][..];
        assert_eq!(heard(usual, "12#3*"), "12[#]3[*]");
        let long = &["##", "*2", "*21"][..];
        for (pressed, came) in [
            ("##", "[##]"),
            ("#", "…#"),
            ("#|", "#"),
            ("#5", "#5"),
            ("#*2|", "#[*2]"),
            ("1##", "1[##]"),
            ("*2", "…*2"),
            ("*2|", "[*2]"),
            ("*21", "[*21]"),
            ("*25", "[*2]5"),
            ("**21", "*[*21]"),
            ("###", "[##]…#"),
            ("*|2", "*2"),
        ] {
            assert_eq!(heard(long, pressed), came, "{pressed}");
        }
        assert_eq!(heard(&["*", "*1"], "*1*5*|"), "[*1][*]5[*]");
        assert_eq!(heard(&["", "#"], "1#"), "1[#]", "no code is none");
        assert_eq!(heard(&["#", "#"], "#"), "[#]");
        assert_eq!(heard(&[], "1#"), "1#");
    }
}
