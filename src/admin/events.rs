//! Events as lines of a log: Asterisk's text, or one JSON object each.

use super::log_line::{self, Stamp};
use super::security;
use super::trace_text::{self, Secrets};
use crate::switch::view::{Event, Level};
use serde_json::json;

/// The line, or for a message the lines, with line end.
pub fn text(event: &Event, stamp: Stamp) -> String {
    match event {
        Event::Log { level, origin, text } => log_line::line(stamp, *level, origin, text),
        Event::Security(event) => security::event_line(event, stamp),
        Event::RequestFailed(failed) => security::request_failed_line(failed, stamp),
        Event::Message { sent, protocol, address, bytes } => {
            let text = trace_text::message(*sent, protocol, *address, bytes, Secrets::Shown);
            log_line::verbose_block(stamp, "res_pjsip_logger.c", &text)
        }
    }
}

/// One JSON object with line end: `at` (microseconds since 1970), `level`, and what the event holds.
pub fn json_line(event: &Event, stamp: Stamp) -> String {
    let at = stamp.at;
    let value = match event {
        Event::Log { level, origin, text } => {
            json!({ "at": at, "level": log_line::level_name(*level), "origin": origin, "text": text })
        }
        Event::Security(event) => {
            let mut object = security::event_object(event, at, stamp.offset_secs);
            object.insert("at".into(), json!(at));
            object.insert("level".into(), json!("SECURITY"));
            object.into()
        }
        Event::RequestFailed(failed) => json!({
            "at": at,
            "level": log_line::level_name(Level::Notice),
            "method": failed.method,
            "from": failed.from,
            "source": failed.source,
            "call_id": failed.call_id,
            "reason": failed.reason,
            "tries": failed.tries.map(|tries| tries.0),
        }),
        Event::Message { sent, protocol, address, bytes } => json!({
            "at": at,
            "level": log_line::level_name(Level::Verbose),
            "sent": sent,
            "protocol": protocol,
            "address": address,
            "message": String::from_utf8_lossy(bytes),
        }),
    };
    format!("{value}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::WallTime;

    const STAMP: Stamp = Stamp { at: WallTime(1_795_207_456_123_456), offset_secs: 0, pid: 7 };

    #[test]
    fn each_event_has_its_line() {
        let log =
            Event::Log { level: Level::Warning, origin: "res_pjsip_registrar.c", text: "AOR 'a'\nb".into() };
        assert_eq!(text(&log, STAMP), "[Nov 20 20:44:16] WARNING[7] res_pjsip_registrar.c: AOR 'a'\\x0ab\n");
        let address = "192.0.2.1:5060".parse().expect("address");
        let message = Event::Message {
            sent: true,
            protocol: "UDP",
            address,
            bytes: b"SIP/2.0 200 OK\r\n\r\n".to_vec(),
        };
        let shown = text(&message, STAMP);
        assert!(shown.starts_with(
            "[Nov 20 20:44:16] VERBOSE[7] res_pjsip_logger.c: <--- Transmitting SIP response (18"
        ));
        for event in [log, message] {
            let line = json_line(&event, STAMP);
            assert_eq!(line.matches('\n').count(), 1);
            let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            assert_eq!(value["at"], 1_795_207_456_123_456_u64);
        }
    }
}
