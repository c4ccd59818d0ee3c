//! `--json`: the same values under stable names.

use super::probe;
use jackfield::admin::cli::{Parsed, parse};
use jackfield::admin::{Answer, Format, print};
use jackfield::base::time::WallTime;
use jackfield::switch::view::{HistoryView, Reply, StatusView};
use serde_json::Value;

fn answer(line: &str, reply: Reply) -> Answer {
    let Parsed::Ask(_, shape) = parse(line, Format::PLAIN) else { panic!("{line} asks nothing") };
    print(vec![reply], &shape)
}

fn value(line: &str, reply: Reply) -> Value {
    let answer = answer(line, reply);
    assert!(answer.text.ends_with("}\n") && answer.text.lines().count() == 1, "{}", answer.text);
    serde_json::from_str(&answer.text).expect("JSON")
}

#[test]
fn objects_have_the_documented_names() {
    let mut endpoint = probe::endpoint("bob");
    endpoint.options = vec![("allow", "(ulaw|alaw)".into()), ("direct_media", "false".into())];
    let json = value("pjsip show endpoint bob --json", Reply::Endpoints(vec![endpoint]));
    let bob = &json["endpoint"];
    assert_eq!(bob["name"], "bob");
    assert_eq!(bob["state"], "Not in use");
    assert_eq!(bob["options"]["direct_media"], "false");
    assert_eq!(bob["aors"][0]["contacts"][1]["uri"], "sip:bob@127.0.0.1:7201");
    assert_eq!(bob["aors"][0]["contacts"][1]["rtt_micros"], Value::Null);
    let json = value("show endpoints like ^b --json", Reply::Endpoints(probe::endpoints()));
    assert_eq!(json["endpoints"].as_array().map(Vec::len), Some(1));
}

#[test]
fn options_given_twice_are_lists() {
    let mut aor = probe::aor("bob", 2);
    aor.options = vec![
        ("contact", "sip:a".into()),
        ("contact", "sip:b".into()),
        ("contact", "sip:c".into()),
        ("mailboxes", "".into()),
    ];
    let json = value("pjsip show aor bob --json", Reply::Aors(vec![aor]));
    assert_eq!(json["aor"]["options"]["contact"], serde_json::json!(["sip:a", "sip:b", "sip:c"]));
    assert_eq!(json["aor"]["options"]["mailboxes"], "");
}

#[test]
fn what_is_not_there_or_refused_is_an_error() {
    let none = answer("pjsip show identify x --json", Reply::Identifies(Vec::new()));
    assert_eq!((none.text.as_str(), none.failed), ("{\"error\":\"Unable to find object x.\"}\n", true));
    let refused = answer("pjsip qualify x --json", Reply::Refused("Unable to retrieve endpoint x".into()));
    assert_eq!(
        (refused.text.as_str(), refused.failed),
        ("{\"error\":\"Unable to retrieve endpoint x\"}\n", true)
    );
    let empty = answer("pjsip list contacts --json", Reply::Contacts(Vec::new()));
    assert_eq!((empty.text.as_str(), empty.failed), ("{\"contacts\":[]}\n", false));
}

#[test]
fn status_settings_and_history() {
    let status = StatusView {
        counters: vec![("calls", 7)],
        stores: vec![("a".into(), "Ok".into())],
        ..StatusView::default()
    };
    let json = value("show status --json", Reply::Status(Box::new(status)));
    assert_eq!(json["status"]["counters"]["calls"], 7);
    assert_eq!(json["status"]["stores"]["a"], "Ok");
    let json = value(
        "pjsip show settings --json",
        Reply::Options(vec![("global".into(), vec![("debug", "no".into())])]),
    );
    assert_eq!(json["settings"]["global"]["debug"], "no");
    let kept = HistoryView {
        number: 0,
        at: WallTime(1_795_207_462_000_001),
        sent: false,
        address: "192.0.2.1:5060".parse().expect("address"),
        protocol: "UDP",
        message: b"OPTIONS sip:x SIP/2.0\r\n\xff".to_vec(),
    };
    let json = value("pjsip show history --json", Reply::History(vec![kept]));
    assert_eq!(json["history"][0]["message"], "OPTIONS sip:x SIP/2.0\r\n\u{fffd}");
    assert_eq!(json["history"][0]["at"], 1_795_207_462_000_001_u64);
}

/// Every key of `value` that is a field of a view, not the name of an option.
fn keys(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                out.push(name.clone());
                if !matches!(name.as_str(), "options" | "objects" | "counters" | "stores" | "fields") {
                    keys(value, out);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, out)),
        _ => {}
    }
}

#[test]
fn every_field_is_documented() {
    use jackfield::switch::view::{
        BridgeView, Explanation, HintView, MailboxView, MaintenanceView, StateView, Step, UnidentifiedView,
    };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
    let documented = std::fs::read_to_string(path).expect("docs/cli.md");
    let step = Step { outcome: "pass", what: String::new(), culprit: String::new() };
    let source = std::net::IpAddr::from([192, 0, 2, 1]);
    for (line, reply) in [
        ("show endpoints", Reply::Endpoints(probe::endpoints())),
        ("show aors", Reply::Aors(probe::aors())),
        ("show contacts", Reply::Contacts(probe::contacts())),
        ("show auths", Reply::Auths(probe::auths())),
        ("show transports", Reply::Transports(probe::transports())),
        ("show identifies", Reply::Identifies(vec![probe::identify()])),
        ("show registrations", Reply::Registrations(vec![probe::registration()])),
        ("show channels", Reply::Channels(probe::channels())),
        ("pjsip show channelstats", Reply::ChannelStats(probe::stats())),
        ("show bridges", Reply::Bridges(vec![BridgeView::default()])),
        ("show subscriptions", Reply::Subscriptions(vec![probe::subscription()])),
        ("dialplan show", Reply::Dialplan(Box::default())),
        ("mailbox show", Reply::Mailboxes(vec![MailboxView::default()])),
        ("devstate list", Reply::DeviceStates(vec![StateView::default()])),
        ("core show hints", Reply::Hints(vec![HintView::default()])),
        (
            "pjsip show maintenance",
            Reply::Maintenance(vec![MaintenanceView { endpoint: "a".into(), enabled: true }]),
        ),
        ("pjsip show identifiers", Reply::Identifiers(vec!["ip"])),
        (
            "pjsip show unidentified_requests",
            Reply::Unidentified(vec![UnidentifiedView { source, count: 1, age_secs: 0.5 }]),
        ),
        ("show status", Reply::Status(Box::default())),
        ("explain auth a", Reply::Explanation(Explanation { steps: vec![step], ..Explanation::default() })),
    ] {
        let json = value(&format!("{line} --json"), reply);
        let mut names = Vec::new();
        keys(&json, &mut names);
        assert!(!names.is_empty());
        for name in names {
            assert!(documented.contains(&format!("`{name}`")), "`{name}` of '{line}' is not in docs/cli.md");
        }
    }
}
