//! `match_header` and `match_request_uri` against a message.

use crate::config::model::identify::{HeaderMatch, Pattern};
use crate::sip::wire::{Header, Message, text};

/// Whether any field of that name fits; compact forms of the message match their long name.
pub(super) fn header_fits(rule: &HeaderMatch, message: &Message<'_>) -> bool {
    match Header::from_name(rule.header.as_bytes()) {
        Header::Other => message.other(rule.header.as_bytes()).any(|value| fits(&rule.value, value)),
        kind => message.headers(kind).any(|value| fits(&rule.value, value)),
    }
}

/// Whether a value fits, white space around it left out.
pub(super) fn fits(pattern: &Pattern, value: &[u8]) -> bool {
    pattern.matches(&String::from_utf8_lossy(text::trim(value)))
}
