//! Lines that ban tools read: Asterisk's form, the source from the socket, nothing a peer can forge.

use jackfield::admin::log_line::Stamp;
use jackfield::admin::security::{event, event_line, event_object, request_failed, request_failed_line};
use jackfield::base::time::WallTime;
use jackfield::switch::view::{RequestFailed, Security};
use regex::Regex;

const AT: WallTime = WallTime(1_795_207_456_123_456);
const STAMP: Stamp = Stamp { at: AT, offset_secs: 0, pid: 1234 };

fn security(name: &'static str) -> Security {
    Security {
        event: name,
        account: "<unknown>".into(),
        session: "0daa13a8811eba02@phone".into(),
        local: "127.0.0.1:5060".parse().expect("address"),
        remote: "192.0.2.7:40000".parse().expect("address"),
        protocol: "UDP",
        fields: Vec::new(),
    }
}

fn failed(from: &str, call_id: &str) -> RequestFailed {
    RequestFailed {
        method: "REGISTER".into(),
        from: from.into(),
        source: "192.0.2.7:40000".parse().expect("address"),
        call_id: call_id.into(),
        reason: "No matching endpoint found",
        tries: None,
    }
}

/// The `failregex` of the filter we ship, as a Rust pattern. fail2ban takes the date out of a line first and leaves
/// its brackets.
fn shipped() -> Regex {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/fail2ban/filter.d/jackfield.conf");
    let text = std::fs::read_to_string(path).expect("the filter");
    let pattern = text.lines().find_map(|line| line.strip_prefix("failregex = ")).expect("a failregex");
    let pattern =
        pattern.replace("%(__prefix_line)s", r"\[\]\s*").replace("<HOST>", r"(?P<host>[0-9A-Fa-f:.]+)");
    Regex::new(&pattern).expect("a pattern Rust can read too")
}

/// What the stock filter takes of PJSIP's lines (fail2ban 1.0, `filter.d/asterisk.conf`), more loosely than it does:
/// the event's list of fields, and the NOTICE of a refused request.
fn stock() -> [Regex; 2] {
    [
        r#"SecurityEvent="\w+".*?,RemoteAddress="\w+/\w+/(?P<host>[0-9A-Fa-f:.]+)/\d+"(?:,\w+="[^"]*")*$"#,
        r"Request '.*?' from '.*?' failed for '\[?(?P<host>[0-9A-Fa-f:.]+?)\]?(?::\d+)?' \(callid: [^)]*\) - No matching endpoint found$",
    ]
    .map(|rest| Regex::new(&format!(r"^\[\] (?:NOTICE|SECURITY)\[\d+\] [^:]+:\d*(?:(?: in)? [^:]+:)? {rest}")).expect("a pattern"))
}

/// A line as fail2ban matches it: the date gone.
fn dateless(line: &str) -> String {
    assert!(
        line.starts_with("[Nov 20 20:44:16] ") && line.ends_with('\n') && line.matches('\n').count() == 1,
        "{line:?}"
    );
    line.replacen("Nov 20 20:44:16", "", 1).trim_end_matches('\n').to_owned()
}

fn host(pattern: &Regex, line: &str) -> Option<String> {
    pattern.captures(line).map(|found| found["host"].to_owned())
}

#[test]
fn events_have_asterisks_fields_in_asterisks_order() {
    assert_eq!(
        event(&security("InvalidAccountID"), AT, 3600),
        "SecurityEvent=\"InvalidAccountID\",EventTV=\"2026-11-20T21:44:16.123+0100\",Severity=\"Error\",\
         Service=\"PJSIP\",EventVersion=\"1\",AccountID=\"<unknown>\",SessionID=\"0daa13a8811eba02@phone\",\
         LocalAddress=\"IPV4/UDP/127.0.0.1/5060\",RemoteAddress=\"IPV4/UDP/192.0.2.7/40000\""
    );
    let mut wrong = security("ChallengeResponseFailed");
    wrong.fields = vec![("Response", "0123".into()), ("Challenge", "1795207456/ab".into())];
    assert!(
        event(&wrong, AT, 0)
            .ends_with(",Challenge=\"1795207456/ab\",Response=\"0123\",ExpectedResponse=\"\"")
    );
    let mut good = security("SuccessfulAuth");
    good.fields = vec![("UsingPassword", "1".into())];
    let text = event(&good, AT, 0);
    assert!(text.contains("Severity=\"Informational\"") && text.ends_with(",UsingPassword=\"1\""), "{text}");
    let mut acl = security("FailedACL");
    acl.remote = "[2001:db8::7]:5061".parse().expect("address");
    acl.protocol = "TLS";
    acl.fields = vec![("ACLName", "registrar".into())];
    assert!(
        event(&acl, AT, 0).ends_with("RemoteAddress=\"IPV6/TLS/2001:db8::7/5061\",ACLName=\"registrar\"")
    );
    assert_eq!(event_object(&acl, AT, 0)["ACLName"], "registrar");
}

#[test]
fn the_shipped_filter_and_the_stock_one_find_the_source() {
    for name in ["InvalidAccountID", "ChallengeResponseFailed", "FailedACL"] {
        let mut event = security(name);
        event.fields = vec![("ACLName", "a".into())];
        let line = dateless(&event_line(&event, STAMP));
        for pattern in [shipped(), stock()[0].clone()] {
            assert_eq!(host(&pattern, &line).as_deref(), Some("192.0.2.7"), "{line}");
        }
    }
    for name in ["ChallengeSent", "SuccessfulAuth"] {
        let line = dateless(&event_line(&security(name), STAMP));
        assert_eq!(host(&shipped(), &line), None, "a phone that registers must never be banned: {line}");
    }
    let line = dateless(&request_failed_line(&failed("\"Al\" <sip:al@198.51.100.1>;tag=1", "abc"), STAMP));
    assert_eq!(host(&stock()[1], &line).as_deref(), Some("192.0.2.7"), "{line}");
}

#[test]
fn refused_requests_read_as_asterisks_notice() {
    assert_eq!(
        request_failed(&failed("<sip:al@198.51.100.1>;tag=1", "abc")),
        "Request 'REGISTER' from '<sip:al@198.51.100.1>;tag=1' failed for '192.0.2.7:40000' (callid: abc) - No \
         matching endpoint found"
    );
    let mut counted = failed("<sip:al@198.51.100.1>", "abc");
    counted.tries = Some((6, 12.3456));
    assert!(request_failed(&counted).ends_with("No matching endpoint found after 6 tries in 12.346 ms"));
    counted.source = "[::ffff:192.0.2.9]:5060".parse().expect("address");
    assert!(request_failed(&counted).contains("failed for '192.0.2.9:5060'"));
}

#[test]
fn no_peer_names_another_as_the_culprit() {
    let tricks = [
        "a\",RemoteAddress=\"IPV4/UDP/198.51.100.1/5060",
        "a\",RemoteAddress=\"IPV4/UDP/198.51.100.1/5060\"\n[Nov 20 20:44:16] SECURITY[1] res_security_log.c: \
         SecurityEvent=\"InvalidAccountID\"",
        "a' failed for '198.51.100.1:5060' (callid: x) - No matching endpoint found",
        "a' failed for '198.51.100.1:5060' (callid: ",
        "a\n[Nov 20 20:44:16] NOTICE[1] res_pjsip.c: Request 'REGISTER' from 'b' failed for '198.51.100.1:5060' \
         (callid: x) - No matching endpoint found",
        "a: b <sip:a@198.51.100.1>: c",
        "a:",
        "a\r\u{85}\u{2028}Host 198.51.100.1 failed to authenticate as 'b'",
    ];
    for trick in tricks {
        let mut forged = security("InvalidAccountID");
        forged.account = trick.into();
        forged.session = trick.into();
        let line = dateless(&event_line(&forged, STAMP));
        for pattern in [shipped(), stock()[0].clone()] {
            assert_eq!(host(&pattern, &line).as_deref(), Some("192.0.2.7"), "{line}");
        }
        for (from, call_id) in [(trick, "abc"), ("b", trick), (trick, trick)] {
            let mut failed = failed(from, call_id);
            let line = dateless(&request_failed_line(&failed, STAMP));
            assert_eq!(host(&stock()[1], &line).as_deref(), Some("192.0.2.7"), "{line}");
            failed.method = trick.into();
            let line = dateless(&request_failed_line(&failed, STAMP));
            assert_eq!(host(&stock()[1], &line).as_deref(), Some("192.0.2.7"), "{line}");
        }
    }
}

/// Writes the lines of these tests to the file named by `BAN_LINES`, for `fail2ban-regex` itself.
#[test]
fn lines_for_the_ban_tool_itself() {
    let mut lines = String::new();
    for name in
        ["InvalidAccountID", "ChallengeResponseFailed", "FailedACL", "ChallengeSent", "SuccessfulAuth"]
    {
        lines.push_str(&event_line(&security(name), STAMP));
    }
    lines.push_str(&request_failed_line(&failed("<sip:al@198.51.100.1>", "a"), STAMP));
    lines.push_str(&request_failed_line(&failed("a' failed for '198.51.100.1:5060' (callid: ", "a"), STAMP));
    assert_eq!(lines.lines().count(), 7);
    if let Some(path) = std::env::var_os("BAN_LINES") {
        std::fs::write(path, lines).expect("written");
    }
}
