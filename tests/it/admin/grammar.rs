//! The command language: Asterisk's words, unique beginnings, sentences for what is wrong.

use jackfield::admin::cli::{Names, Parsed, Scope, ServerOrder, When, complete, parse};
use jackfield::admin::{Answer, Format, Layout, Shape};
use jackfield::switch::view::{
    Command, DirectMediaQuestion, HistoryOrder, HistoryView, Kind, Logger, NotifyTarget, Reply,
};

fn asked(line: &str) -> (Vec<Command>, Shape) {
    match parse(line, Format::PLAIN) {
        Parsed::Ask(commands, shape) => (commands, shape),
        other => panic!("{line}: {other:?}"),
    }
}

fn told(line: &str) -> Answer {
    match parse(line, Format::PLAIN) {
        Parsed::Text(answer) => answer,
        other => panic!("{line}: {other:?}"),
    }
}

fn ordered(line: &str) -> (ServerOrder, Shape) {
    match parse(line, Format::PLAIN) {
        Parsed::Server(order, shape) => (order, shape),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn every_kind_is_listed_and_shown() {
    let kinds = [
        ("endpoints", "endpoint", Kind::Endpoint),
        ("aors", "aor", Kind::Aor),
        ("auths", "auth", Kind::Auth),
        ("contacts", "contact", Kind::Contact),
        ("transports", "transport", Kind::Transport),
        ("identifies", "identify", Kind::Identify),
        ("registrations", "registration", Kind::Registration),
        ("channels", "channel", Kind::Channel),
    ];
    for (plural, singular, kind) in kinds {
        for verb in ["pjsip list", "pjsip show", "show"] {
            let (commands, shape) = asked(&format!("{verb} {plural}").replace("show list", "list"));
            assert_eq!(commands, [Command::Show { kind, name: None }]);
            assert!(shape.like.is_none());
        }
        let (_, shape) = asked(&format!("PJSIP Show {plural} LIKE ^a"));
        assert!(shape.like.expect("a pattern").holds("alice"));
        for verb in ["pjsip show", "show"] {
            let (commands, shape) = asked(&format!("{verb} {singular} x/y"));
            assert_eq!(commands, [Command::Show { kind, name: Some("x/y".into()) }]);
            assert!(matches!(shape.layout, Layout::One { .. }));
        }
        let none = told(&format!("pjsip show {singular}"));
        assert_eq!(none.text, format!("No object specified.\nCommand 'pjsip show {singular}' failed.\n"));
    }
}

#[test]
fn orders_of_the_guides_are_understood() {
    // S4-1, S4-2, S4-3, S4-91, S4-161, S4-169
    assert!(matches!(ordered("core set verbose 4").0, ServerOrder::Verbose { level: 4, at_least: false }));
    assert!(matches!(ordered("core set debug atleast 4").0, ServerOrder::Debug { level: 4, at_least: true }));
    assert!(matches!(ordered("core set verbose off").0, ServerOrder::Verbose { level: 0, .. }));
    assert_eq!(asked("pjsip set logger on").0, [Command::Logger(Logger::On)]);
    for module in ["res_pjsip_registrar.so", "res_pjsip_outbound_registration.so", "res_pjsip_registrar"] {
        let line = format!("module reload {module}");
        let (order, _) = ordered(&line);
        assert!(matches!(order, ServerOrder::Reload { scope: Scope::Registrations, plan: false }));
        assert_eq!(order.said(&line), format!("Module '{module}' reloaded successfully."));
    }
    assert!(matches!(ordered("dialplan reload").0, ServerOrder::Reload { scope: Scope::Dialplan, .. }));
    assert!(matches!(ordered("core reload").0, ServerOrder::Reload { scope: Scope::All, plan: false }));
    assert!(matches!(ordered("reload --plan").0, ServerOrder::Reload { scope: Scope::All, plan: true }));
    assert!(matches!(ordered("core stop gracefully").0, ServerOrder::Stop(When::Gracefully)));
    assert!(matches!(ordered("core stop when convenient").0, ServerOrder::Stop(When::Convenient)));
    assert!(matches!(ordered("core waitfullybooted").0, ServerOrder::WaitFullyBooted));
    let (order, _) = ordered("pjsip reload qualify aor trunk");
    assert_eq!(order.said("pjsip reload qualify aor trunk"), "Synchronizing AOR 'trunk'");
    assert_eq!(
        asked("pjsip send register *all").0,
        [Command::Register { registration: "*all".into(), on: true }]
    );
    assert_eq!(told("module reload nosuch.so").text, "No such module 'nosuch.so'\n");
    assert!(told("module reload res_pjsip_path.so").text.contains("does not support reloads"));
}

#[test]
fn loggers_history_maintenance_and_notify() {
    let host = |add| Command::Logger(Logger::Host { host: "192.0.2.1".into(), add });
    assert_eq!(asked("pjsip set logger host 192.0.2.1").0, [host(false)]);
    assert_eq!(asked("pjsip set logger add 192.0.2.1").0, [host(true)]);
    let method = Command::Logger(Logger::Method { method: "INVITE".into(), add: true });
    assert_eq!(asked("pjsip set logger methodadd invite").0, [method]);
    assert!(matches!(ordered("pjsip set logger verbose off").0, ServerOrder::LoggerVerbose(false)));
    assert!(matches!(ordered("pjsip set logger pcap /tmp/x.pcap").0, ServerOrder::LoggerPcap { .. }));
    assert!(told("pjsip set logger on please").text.starts_with("Usage: pjsip set logger {on|off|host|add|"));
    assert_eq!(asked("pjsip set history clear").0, [Command::History(HistoryOrder::Clear)]);
    assert_eq!(
        asked("pjsip set maintenance on alice").0,
        [Command::Maintenance { endpoint: "alice".into(), on: true }]
    );
    let to = NotifyTarget::Endpoints(vec!["alice".into(), "bob".into()]);
    assert_eq!(
        asked("pjsip send notify polycom-check-cfg endpoint alice bob").0,
        [Command::Notify { kind: "polycom-check-cfg".into(), to }]
    );
    assert!(told("pjsip send notify x").failed);
}

#[test]
fn unknown_commands_are_told_in_asterisks_words() {
    let words = |line: &str| {
        format!("No such command '{line}' (type 'core show help {line}' for other possible commands)\n")
    };
    for line in ["nonsense", "pjsip show nonsense", "pjsip", "core restart"] {
        let answer = told(line);
        assert!(answer.failed);
        assert_eq!(answer.text, words(line));
    }
    let near = [
        ("pjsip show endpints", "pjsip show endpoints"),
        ("pjsip shwo endpoint alice", "pjsip show endpoint"),
        ("core relaod", "core reload"),
        // S1-52, S5-16: what older guides say.
        ("sip show peers", "pjsip show contacts"),
        ("sip debug", "pjsip set logger on"),
        ("pjsip reload", "module reload res_pjsip.so"),
        ("pjsip show registration-s", "pjsip show registrations"),
    ];
    for (line, name) in near {
        assert_eq!(told(line).text, format!("{}Did you mean '{name}'?\n", words(line)));
    }
}

#[test]
fn unique_beginnings_are_taken_but_never_for_the_end() {
    assert_eq!(asked("pj sh endpoint alice").0, asked("pjsip show endpoint alice").0);
    assert_eq!(asked("pjsip set log on").0, [Command::Logger(Logger::On)]);
    assert!(matches!(ordered("co sh up").0, ServerOrder::Uptime { seconds: false }));
    assert!(
        told("pjsip show endp alice").text.contains("may mean: pjsip show endpoints, pjsip show endpoint\n")
    );
    assert!(told("core stop n").text.starts_with("No such command"));
    assert!(told("core st now").text.starts_with("No such command"));
    // `host` is whole, though no other word of the list begins so; `method` begins `methodadd` too.
    assert_eq!(
        asked("pjsip set logger method INVITE").0,
        [Command::Logger(Logger::Method { method: "INVITE".into(), add: false })]
    );
    assert!(told("pjsip set logger o").text.starts_with("No such command"), "on or off");
}

#[test]
fn restart_is_refused_with_the_way_that_works() {
    let answer = told("core restart now");
    assert!(answer.failed && answer.text.contains("systemctl restart jackfield"), "{}", answer.text);
    assert!(answer.text.ends_with("Command 'core restart now' failed.\n"));
}

#[test]
fn explain_reads_its_flags() {
    let line = "explain identify --from sip:alice@example.com --source [2001:db8::1] --header \"X-Line: 4\" --header A:b";
    let Command::ExplainIdentify(question) = asked(line).0.remove(0) else { panic!("a question") };
    assert_eq!(question.from, "sip:alice@example.com");
    assert_eq!(question.source, "[2001:db8::1]:5060".parse().expect("address"));
    assert_eq!(question.headers, ["X-Line: 4", "A:b"]);
    let Command::ExplainIdentify(question) =
        asked("explain identify --source 192.0.2.1:5070 --packet-hex 4F50").0.remove(0)
    else {
        panic!("a question")
    };
    assert_eq!(question.packet.as_deref(), Some(&b"OP"[..]));
    for (line, why) in [
        ("explain identify --from sip:a@b", "--source is missing"),
        ("explain identify --source 192.0.2.1", "--from is missing"),
        ("explain identify --source nowhere --from sip:a@b", "'nowhere' is not an address"),
        ("explain identify --from", "'--from' needs a value"),
        ("explain identify --colour red", "'--colour' is not an option"),
        ("explain identify --packet-hex 4F5", "pairs of hexadecimal digits"),
        ("explain identify --packet-hex zz", "pairs of hexadecimal digits"),
    ] {
        assert!(told(line).text.contains(why), "{line}: {}", told(line).text);
    }
    assert_eq!(
        asked("explain direct-media --between alice bob --dial-options tT").0,
        [Command::ExplainDirectMedia(DirectMediaQuestion::Between {
            caller: "alice".into(),
            callee: "bob".into(),
            dial_options: "tT".into()
        })]
    );
    assert!(told("explain direct-media --between alice").text.starts_with("Usage: explain direct-media"));
}

fn kept(number: usize, address: &str, message: &str) -> HistoryView {
    HistoryView {
        number,
        at: jackfield::base::time::WallTime::from_secs(1_795_207_462),
        sent: number % 2 == 1,
        address: address.parse().expect("address"),
        protocol: "UDP",
        message: message.as_bytes().to_vec(),
    }
}

fn ring() -> Vec<HistoryView> {
    let via = "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n";
    let message = |first: &str, id: &str, method: &str| {
        format!("{first}\r\n{via}Call-ID: {id}\r\nCSeq: 1 {method}\r\n\r\n")
    };
    vec![
        kept(0, "192.0.2.1:5060", &message("REGISTER sip:b SIP/2.0", "one", "REGISTER")),
        kept(1, "192.0.2.1:5060", &message("SIP/2.0 200 OK", "one", "REGISTER")),
        kept(2, "192.0.2.2:5062", &message("INVITE sip:600@b SIP/2.0", "two", "INVITE")),
    ]
}

fn history(rest: &str) -> Answer {
    let (commands, shape) = asked(&format!("pjsip show history{rest}"));
    assert_eq!(commands, [Command::ShowHistory]);
    jackfield::admin::print(vec![Reply::History(ring())], &shape)
}

#[test]
fn the_history_is_a_table_and_one_match_prints_whole() {
    assert_eq!(
        history("").text,
        "No.   Timestamp  (Dir) Address                  SIP Message                        \n\
         ===== ========== ============================== ===================================\n\
         00000 1795207462 * <== 192.0.2.1:5060           REGISTER sip:b SIP/2.0\n\
         00001 1795207462 * ==> 192.0.2.1:5060           SIP/2.0 200 OK\n\
         00002 1795207462 * <== 192.0.2.2:5062           INVITE sip:600@b SIP/2.0\n"
    );
    let one = history(" entry 1").text;
    assert!(
        one.starts_with("<--- History Entry 1 Sent to 192.0.2.1:5060 at 1795207462 --->\nSIP/2.0 200 OK\r\n"),
        "{one}"
    );
    let none = history(" entry 7");
    assert!(none.failed);
    assert_eq!(none.text, "Entry '7' does not exist\nCommand 'pjsip show history entry 7' failed.\n");
}

#[test]
fn the_history_is_filtered() {
    let numbers = |rest: &str| {
        let text = history(&format!(" where {rest}")).text;
        match text.strip_prefix("<--- History Entry ") {
            Some(one) => one[..1].to_owned(),
            None => text.lines().skip(2).map(|line| line[4..5].to_owned()).collect::<String>(),
        }
    };
    for (filter, want) in [
        ("number >= 1", "12"),
        ("number=0", "0"),
        ("addr = 192.0.2.1", "01"),
        ("addr != \"192.0.2.1:5060\"", "2"),
        ("sip.msg.request.method = INVITE", "2"),
        ("sip.msg.request.method != INVITE", "0"),
        ("sip.msg.call-id like ^o", "01"),
        ("number > 0 and (addr = 192.0.2.2 or sip.msg.call-id = one)", "12"),
        ("not (number < 2)", "2"),
        ("not number < 1 && ! number > 1", "1"),
        ("number = 0 or number = 1 and addr = 192.0.2.2", "0"),
        ("timestamp > 1795207461", "012"),
    ] {
        assert_eq!(numbers(filter), want, "{filter}");
    }
    for (filter, why) in [
        ("colour = red", "Unknown or unrecognized field: colour"),
        ("number = x", "Unable to extract field 'x': not an integer"),
        ("number like 1", "Cannot evaluate field 'number': invalid type for operator 'like'"),
        ("addr = here", "Unable to convert field 'here': not an IPv4 or IPv6 address"),
        ("addr > 192.0.2.1", "invalid type for operator '>'"),
        ("(number = 1", "Unbalanced '(' parentheses in expression!"),
        ("number = 1)", "Unbalanced ')' parentheses in expression!"),
        ("number = 1 number = 2", "Expected 'and' or 'or' before 'number'"),
        ("number", "an operator is missing"),
        ("number = \"1", "A quotation mark is not closed"),
        ("sip.msg.call-id like (", "Expected a value before '('"),
        (&"(".repeat(5_000), "nests deeper than 32"),
    ] {
        let line = format!("pjsip show history where {filter}");
        assert!(told(&line).text.contains(why), "{}", told(&line).text);
    }
}

#[test]
fn help_is_asterisks() {
    assert_eq!(
        told("core show help pjsip show endpoint").text,
        "Usage: pjsip show endpoint <id>\n       Show the configured PJSIP endpoint\n"
    );
    assert!(told("core show help pjsip set logger").text.starts_with("Usage: pjsip set logger {on|off|"));
    assert_eq!(told("core show help nosuch").text, "No such command 'nosuch'.\n");
    assert!(told("help").text.lines().count() > 80);
    for (name, want) in [("show status", "show status"), ("explain", "explain identify")] {
        assert!(told(&format!("help {name}")).text.contains(want));
    }
}

/// Commands of the recorded `core show help pjsip` that this program has no use for.
const WITHOUT: [&str; 3] = ["pjsip dump endpt", "pjsip export config_wizard", "pjsip list ciphers"];

#[test]
fn every_recorded_command_is_there_with_its_summary() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/reference/recordings/cli.txt");
    let Ok(recording) = std::fs::read_to_string(path) else { return };
    let (_, rest) = recording.split_once("##### core show help pjsip\n").expect("recorded");
    let recorded: Vec<&str> = rest.lines().take_while(|line| !line.is_empty()).collect();
    assert!(recorded.len() > 40);
    let ours = told("core show help pjsip").text;
    let mut last = 0;
    for line in recorded.iter().filter(|line| !WITHOUT.iter().any(|name| line.starts_with(name))) {
        let place =
            ours.lines().position(|own| own == *line).unwrap_or_else(|| panic!("{line} is not in:\n{ours}"));
        assert!(place >= last, "{line} stands in another order");
        last = place;
    }
}

#[test]
fn the_tab_key_offers_words_and_names() {
    let mut names = |kind: Names| match kind {
        Names::Kind(Kind::Endpoint) => vec!["alice".to_owned(), "bob".to_owned()],
        Names::Contexts => vec!["probe".to_owned()],
        _ => Vec::new(),
    };
    let mut offered = |line: &str| complete(line, &mut names).join(" ");
    assert_eq!(offered("pjs"), "pjsip");
    assert_eq!(offered("pjsip "), "list qualify reload send set show");
    assert_eq!(offered("pjsip set logger m"), "method methodadd");
    assert_eq!(offered("pjsip show endpoint"), "endpoint endpoints");
    assert_eq!(offered("pjsip show endpoint "), "alice bob");
    assert_eq!(offered("PJSIP show endpoint B"), "bob");
    assert_eq!(offered("pjsip show endpoint alice "), "");
    assert_eq!(offered("pjsip show endpoints l"), "like");
    assert_eq!(offered("core show help pjsip q"), "qualify");
    assert_eq!(offered("dialplan show "), "chanvar globals probe");
    assert_eq!(offered("module reload res_pjsip_reg"), "res_pjsip_registrar.so");
    assert_eq!(offered("explain identify --from sip:a@b --so"), "--source");
    assert!(complete("", &mut names).contains(&"show".to_owned()));
}

#[test]
fn any_line_is_answered_and_none_panics() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % bound as u64).expect("small")
    };
    let words = [
        "pjsip",
        "show",
        "list",
        "endpoint",
        "endpoints",
        "like",
        "(",
        "\"",
        "\\",
        "where",
        "history",
        "number",
        "=",
        "1",
        "and",
        "not",
        "core",
        "set",
        "verbose",
        "999",
        "explain",
        "identify",
        "--source",
        "--json",
        "\u{e9}\u{301}",
        "é",
        "subscriptions",
        "inbound",
        "help",
        "module",
        "reload",
        "x",
        "",
        " ",
    ];
    for _ in 0..4_000 {
        let line: Vec<&str> = (0..next(8)).map(|_| words[next(words.len())]).collect();
        let line = line.join(" ");
        let _ = parse(&line, Format::PLAIN);
        let _ = complete(&line, &mut |_| vec!["alice".into()]);
    }
    assert!(told(&"x".repeat(200_000)).failed);
}
