//! `application/simple-message-summary` (RFC 3842 5.2).

use crate::pubsub::mailbox::Counts;
use std::fmt::Write as _;

/// Appends the lines. `account` is the URI that plays the messages; empty for none.
pub fn summary(out: &mut String, counts: Counts, account: &str) {
    let waiting = if counts.new > 0 { "yes" } else { "no" };
    out.push_str("Messages-Waiting: ");
    out.push_str(waiting);
    out.push_str("\r\n");
    if !account.is_empty() {
        out.push_str("Message-Account: ");
        out.extend(account.chars().filter(|c| !c.is_control()));
        out.push_str("\r\n");
    }
    write!(out, "Voice-Message: {}/{} (0/0)\r\n", counts.new, counts.old)
        .expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_rfc() {
        let (mut some, mut none) = (String::new(), String::new());
        summary(&mut some, Counts { new: 2, old: 1 }, "sip:8500@h\r\nX: y");
        assert_eq!(
            some,
            "Messages-Waiting: yes\r\nMessage-Account: sip:8500@hX: y\r\nVoice-Message: 2/1 (0/0)\r\n"
        );
        summary(&mut none, Counts::default(), "");
        assert_eq!(none, "Messages-Waiting: no\r\nVoice-Message: 0/0 (0/0)\r\n");
    }
}
