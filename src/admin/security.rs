//! Security events and refused requests, in the lines ban tools read. Addresses are always the packet's source.

use super::log_line::{Stamp, iso, line, one_line, security};
use crate::base::party::plain;
use crate::base::time::WallTime;
use crate::switch::view::{Level, RequestFailed, Security};
use std::net::SocketAddr;

/// `SecurityEvent="InvalidAccountID",EventTV="…",Severity="Error",Service="PJSIP",…`: the text of `res_security_log`.
pub fn event(event: &Security, at: WallTime, offset_secs: i32) -> String {
    let mut out = String::with_capacity(384);
    let mut field = |name: &str, value: &str| {
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(name);
        out.push_str("=\"");
        quoted(&mut out, value);
        out.push('"');
    };
    for (name, value) in fields(event, at, offset_secs) {
        field(name, &value);
    }
    out
}

/// A whole line of the log for an event.
pub fn event_line(security_event: &Security, stamp: Stamp) -> String {
    security(stamp, &event(security_event, stamp.at, stamp.offset_secs))
}

/// The same fields as a JSON object.
pub fn event_object(
    event: &Security,
    at: WallTime,
    offset_secs: i32,
) -> serde_json::Map<String, serde_json::Value> {
    fields(event, at, offset_secs).into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// `Request '%s' from '%s' failed for '%s' (callid: %s) - %s`. Apostrophes, brackets and
/// colons before blanks of a peer are shown as `\xNN`: otherwise its From could name another's address as the culprit.
pub fn request_failed(failed: &RequestFailed) -> String {
    let mut out = String::from("Request '");
    apart(&mut out, &failed.method);
    out.push_str("' from '");
    apart(&mut out, &failed.from);
    out.push_str(&format!("' failed for '{}' (callid: ", plain(failed.source)));
    apart(&mut out, &failed.call_id);
    out.push_str(&format!(") - {}", failed.reason));
    if let Some((tries, millis)) = failed.tries {
        out.push_str(&format!(" after {tries} tries in {millis:.3} ms"));
    }
    out
}

/// A whole line of the log for a refused request.
pub fn request_failed_line(failed: &RequestFailed, stamp: Stamp) -> String {
    line(stamp, Level::Notice, "res_pjsip/pjsip_distributor.c", &request_failed(failed))
}

/// Names and values in Asterisk's order: the common ones, those the event must have, the rest.
fn fields(event: &Security, at: WallTime, offset_secs: i32) -> Vec<(&'static str, String)> {
    let severity = match event.event {
        "ChallengeSent" | "SuccessfulAuth" => "Informational",
        _ => "Error",
    };
    let version = if event.event == "InvalidPassword" { "2" } else { "1" };
    let mut all: Vec<(&'static str, String)> = vec![
        ("SecurityEvent", event.event.to_owned()),
        ("EventTV", iso(at, offset_secs)),
        ("Severity", severity.to_owned()),
        ("Service", "PJSIP".to_owned()),
        ("EventVersion", version.to_owned()),
        ("AccountID", event.account.clone()),
        ("SessionID", event.session.clone()),
        ("LocalAddress", address(event.local, event.protocol)),
        ("RemoteAddress", address(event.remote, event.protocol)),
    ];
    for name in required(event.event) {
        let value =
            event.fields.iter().find(|field| field.0 == *name).map_or(String::new(), |field| field.1.clone());
        all.push((name, value));
    }
    let further = event.fields.iter().filter(|field| !required(event.event).contains(&field.0));
    all.extend(further.cloned());
    all
}

/// Fields that an event of a kind always has, in their order; empty when the event has no value for one.
fn required(event: &str) -> &'static [&'static str] {
    match event {
        "ChallengeResponseFailed" => &["Challenge", "Response", "ExpectedResponse"],
        "ChallengeSent" => &["Challenge"],
        "SuccessfulAuth" => &["UsingPassword"],
        "RequestNotSupported" | "RequestNotAllowed" | "RequestBadFormat" => &["RequestType"],
        "AuthMethodNotAllowed" => &["AuthMethod"],
        "UnexpectedAddress" => &["ExpectedAddress"],
        "InvalidTransport" => &["AttemptedTransport"],
        _ => &[],
    }
}

/// `IPV4/UDP/192.0.2.1/5060`.
fn address(address: SocketAddr, protocol: &str) -> String {
    let address = plain(address);
    let family = if address.is_ipv4() { "IPV4" } else { "IPV6" };
    format!("{family}/{protocol}/{}/{}", address.ip(), address.port())
}

/// A value between quotation marks.
fn quoted(out: &mut String, value: &str) {
    for (place, part) in value.split('"').enumerate() {
        if place > 0 {
            out.push_str("\\x22");
        }
        one_line(out, part);
    }
}

/// A value between apostrophes or brackets. Ban tools take what ends in a colon and a blank for the head of the line:
/// a peer's colon before a blank would hide the rest from them.
fn apart(out: &mut String, value: &str) {
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\'' | '(' | ')' => out.push_str(&format!("\\x{:02x}", c as u32)),
            ':' if rest.peek().is_none_or(|next| next.is_whitespace()) => {
                out.push_str(&format!("\\x{:02x}", c as u32))
            }
            c => one_line(out, c.encode_utf8(&mut [0; 4])),
        }
    }
}
