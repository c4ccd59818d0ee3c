//! Every table byte for byte as Asterisk prints it (S4-27…S4-34, S4-71, S4-95, S4-98, S4-104, S4-105, S4-140,
//! S4-141). Short ones stand here; the whole recording is compared where it is on this machine.

use super::probe;
use jackfield::admin::cli::modules::MODULES;
use jackfield::admin::cli::{Parsed, parse};
use jackfield::admin::{Answer, Format, Layout, print, text};
use jackfield::switch::view::{BridgeView, Command, HintView, Kind, Options, Reply, StatusView};

/// What the switch would answer, from the probe's values. Options of single objects come from `options`.
fn answer(command: &Command, options: &Options) -> Reply {
    let is = |name: &Option<String>, own: &str| name.as_deref().is_none_or(|name| name == own);
    let with = |name: &Option<String>| if name.is_some() { options.clone() } else { Options::new() };
    match command {
        Command::Show { kind, name } => match kind {
            Kind::Endpoint => {
                let mut all = probe::endpoints();
                all.retain(|one| is(name, &one.name));
                all.iter_mut().for_each(|one| one.options = with(name));
                Reply::Endpoints(all)
            }
            Kind::Aor => {
                let mut all = probe::aors();
                all.retain(|one| is(name, &one.name));
                all.iter_mut().for_each(|one| one.options = with(name));
                Reply::Aors(all)
            }
            Kind::Auth => {
                let mut all = probe::auths();
                all.retain(|one| is(name, &one.name));
                all.iter_mut().for_each(|one| one.options = with(name));
                Reply::Auths(all)
            }
            Kind::Contact => {
                let mut all = probe::contacts();
                all.retain(|one| is(name, &format!("{}/{}", one.aor, one.uri)));
                all.iter_mut().for_each(|one| one.options = with(name));
                Reply::Contacts(all)
            }
            Kind::Transport => {
                let mut all = probe::transports();
                all.retain(|one| is(name, &one.name));
                all.iter_mut().for_each(|one| one.options = with(name));
                Reply::Transports(all)
            }
            Kind::Identify => {
                let mut one = probe::identify();
                one.options = with(name);
                Reply::Identifies(vec![one])
            }
            Kind::Registration => {
                let mut one = probe::registration();
                one.options = with(name);
                Reply::Registrations(vec![one])
            }
            Kind::Channel => {
                let mut all = probe::channels();
                all.retain(|one| is(name, &one.name));
                Reply::Channels(all)
            }
            Kind::Global => Reply::Options(vec![("global".into(), options.clone())]),
            Kind::System => Reply::Options(vec![("system".into(), SYSTEM.iter().map(row).collect())]),
            Kind::Acl | Kind::DomainAlias => Reply::Options(Vec::new()),
        },
        Command::Status => {
            Reply::Status(Box::new(StatusView { counters: vec![("calls", 1)], ..StatusView::default() }))
        }
        Command::ChannelStats => Reply::ChannelStats(probe::stats()),
        Command::Subscriptions { outbound: false } => Reply::Subscriptions(vec![probe::subscription()]),
        Command::Subscriptions { outbound: true } => Reply::Subscriptions(Vec::new()),
        Command::Identifiers => Reply::Identifiers(vec![
            "",
            "ip",
            "username",
            "anonymous",
            "auth_username",
            "header",
            "request_uri",
        ]),
        Command::UnidentifiedRequests => Reply::Unidentified(Vec::new()),
        Command::Bridges => Reply::Bridges(vec![BridgeView {
            id: "3a3bd5b6-0d17-4f05-85ee-0138e4996451".into(),
            channels: vec![String::new(), String::new()],
            kind: "basic",
            technology: "native_rtp",
            duration_secs: 7,
            ..BridgeView::default()
        }]),
        Command::Hints => Reply::Hints(vec![HintView {
            presence: "not_set",
            extension: "pres".into(),
            context: "probe".into(),
            hint: "PJSIP/alice".into(),
            state: "Idle",
            watchers: 2,
        }]),
        Command::Qualify { endpoint } if endpoint == "trunk" => {
            Reply::Done("Qualifying AOR 'trunk' on endpoint 'trunk'".into())
        }
        Command::Qualify { endpoint } => Reply::Refused(format!("Unable to retrieve endpoint {endpoint}")),
        other => panic!("the probe asks no {other:?}"),
    }
}

const SYSTEM: &[(&str, &str)] = &[
    ("accept_multiple_sdp_answers", "false"),
    ("compact_headers", "false"),
    ("disable_rport", "false"),
    ("disable_tcp_switch", "true"),
    ("follow_early_media_fork", "true"),
    ("taskpool_auto_increment", "1"),
    ("taskpool_idle_timeout", "60"),
    ("taskpool_initial_size", "4"),
    ("taskpool_max_size", "50"),
    ("taskpool_minimum_size", "4"),
    ("threadpool_auto_increment", "1"),
    ("threadpool_idle_timeout", "60"),
    ("threadpool_initial_size", "4"),
    ("threadpool_max_size", "50"),
    ("timer_b", "32000"),
    ("timer_t1", "500"),
];

fn row(row: &(&'static str, &'static str)) -> (&'static str, String) {
    (row.0, row.1.to_owned())
}

fn asked(line: &str, options: &Options) -> Answer {
    match parse(line, Format::PLAIN) {
        Parsed::Ask(commands, shape) => print(commands.iter().map(|c| answer(c, options)).collect(), &shape),
        Parsed::Text(answer) => answer,
        Parsed::Server(order, _) => panic!("{line} is the server's: {order:?}"),
    }
}

fn shown(line: &str) -> String {
    asked(line, &Options::new()).text
}

#[test]
fn endpoints_with_all_that_hangs_below() {
    let text = shown("pjsip show endpoints");
    for part in [
        "
 Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>
    I/OAuth:  <AuthId/UserName...........................................................>
        Aor:  <Aor............................................>  <MaxContact>
      Contact:  <Aor/ContactUri..........................> <Hash....> <Status> <RTT(ms)..>
  Transport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress..................>
   Identify:  <Identify/Endpoint.........................................................>
        Match:  <criteria.........................>
    Channel:  <ChannelId......................................>  <State.....>  <Time.....>
        Exten: <DialedExten...........>  CLCID: <ConnectedLineCID.......>
==========================================================================================

 Endpoint:  alice/100                                            Not in use    0 of inf
     InAuth:  alice/alice
        Aor:  alice                                              1
      Contact:  alice/sip:alice@127.0.0.1:7101             62dd43d083 NonQual         nan

 Endpoint:  bob ",
        "
 Endpoint:  trunk                                                Not in use    0 of inf
        Aor:  trunk                                              0
      Contact:  trunk/sip:127.0.0.1:6070                   411855a282 Avail         0.378
   Identify:  trunk/trunk
        Match: 127.0.0.2/32

",
        "
    Channel: PJSIP/erin-00000000/Dial                            Up            00:00:06   
        Exten: 609                       CLCID: \"\" <609>

",
        "\n        Aor:  twoaor-b                                           1\n\n\nObjects found: 12\n\n",
    ] {
        assert!(text.contains(part), "{part}\n--- is not in ---\n{text}");
    }
}

#[test]
fn the_guides_endpoint_looks_as_the_guide_prints_it() {
    // S4-27…S4-32: david, unavailable, one auth, an aor of ten contacts, a transport, an identify.
    let mut david = probe::endpoint("david");
    david.callerid_number = "6001".into();
    david.inbound_auths = vec![probe::auth("david-auth", "david")];
    david.aors = vec![probe::aor("david", 10)];
    let mut transport = probe::transports().remove(1);
    transport.name = "main-transport".into();
    transport.bind = "0.0.0.0:5060".into();
    david.transport = Some(transport);
    let mut identify = probe::identify();
    identify.name = "david-ident".into();
    identify.endpoint = "david".into();
    identify.matches = vec!["10.24.16.36/32".into(), "!10.24.0.0/16".into()];
    identify.header = "X-Trunk: blue".into();
    identify.request_uri = "/^9/".into();
    david.identifies = vec![identify];
    let Parsed::Ask(_, shape) = parse("pjsip show endpoint david", Format::PLAIN) else { panic!("asks") };
    let text = print(vec![Reply::Endpoints(vec![david])], &shape).text;
    let want = "
 Endpoint:  david/6001                                           Unavailable   0 of inf
     InAuth:  david-auth/david
        Aor:  david                                             10
  Transport:  main-transport            udp      0      0  0.0.0.0:5060
   Identify:  david-ident/david
        Match: 10.24.16.36/32
        Match: !10.24.0.0/16
       Header: X-Trunk: blue
   RequestURI: /^9/

";
    assert!(text.contains(want), "{text}");
}

#[test]
fn one_object_that_is_not_there() {
    // S4-98
    for line in ["pjsip show endpoint nosuch", "pjsip show aor nosuch", "pjsip show contact nosuch"] {
        let answer = asked(line, &Options::new());
        assert_eq!((answer.text.as_str(), answer.failed), ("Unable to find object nosuch.\n\n", true));
    }
    assert_eq!(shown("pjsip show endpoints like ^nosuch"), "No objects found.\n\n");
}

#[test]
fn long_names_push_the_columns_as_printf_does() {
    let mut aor = probe::aor("bob", 2);
    aor.name = "an-aor-with-a-name-that-is-longer-than-its-column-by-far".into();
    let mut contact = probe::contacts().remove(1);
    contact.aor = aor.name.clone();
    contact.uri = "sip:bob@[2001:db8::1]:5060;transport=tcp;line=abcdefghij".into();
    aor.contacts = vec![contact];
    let Parsed::Ask(_, shape) = parse("pjsip show aors", Format::PLAIN) else { panic!("asks") };
    let text = print(vec![Reply::Aors(vec![aor])], &shape).text;
    assert!(
        text.contains("\n      Aor:  an-aor-with-a-name-that-is-longer-than-it            2\n"),
        "{text}"
    );
    // The aor leaves -13 columns for the URI: printf then cuts nothing.
    let want = "
    Contact:  an-aor-with-a-name-that-is-longer-than-its-column-by-far/sip:bob@[2001:db8::1]:5060;transport=tcp;line=abcdefghij 257c9e8d00 NonQual         nan
";
    assert!(text.contains(want), "{text}");
}

#[test]
fn patterns_keep_what_they_match() {
    let count = |line: &str| shown(line).lines().filter(|line| line.contains("/sip:")).count();
    assert_eq!(count("pjsip list contacts like ^bob/"), 0, "the stored contact's other id has no slash");
    assert_eq!(count("pjsip list contacts like bob"), 2);
    assert_eq!(count("pjsip list contacts like ^trunk/"), 1, "a static contact has one id");
    assert!(shown("pjsip list channels like ^AppDial").contains("PJSIP/callee-00000001/AppDial"));
    assert!(shown("pjsip list endpoints like \"^(alice|bob)$\"").contains("Objects found: 2"));
    let bad = asked("pjsip list endpoints like (", &Options::new());
    assert!(
        bad.failed && bad.text.ends_with("Command 'pjsip list endpoints like (' failed.\n"),
        "{}",
        bad.text
    );
}

#[test]
fn an_unfinished_registration_has_no_timer() {
    let mut one = probe::registration();
    one.next_secs = None;
    one.auth = None;
    let mut two = probe::registration();
    two.status = "Registered";
    two.next_secs = Some(3545);
    let Parsed::Ask(_, shape) = parse("pjsip list registrations", Format::PLAIN) else { panic!("asks") };
    let text = print(vec![Reply::Registrations(vec![one, two])], &shape).text;
    let body: Vec<&str> = text.lines().skip(4).take(2).collect();
    assert_eq!(
        body,
        [
            " reg-out/sip:127.0.0.1:6074                              n/a                         Unregistered     0",
            " reg-out/sip:127.0.0.1:6074                              reg-out                     Registered        (exp. 3545s)",
        ]
    );
}

/// A section of the recording: what followed `##### command`.
fn sections() -> Option<Vec<(String, String)>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/reference/recordings/cli.txt");
    let text = std::fs::read_to_string(path).ok()?;
    let mut all: Vec<(String, String)> = Vec::new();
    for part in text.split("##### ").skip(1) {
        let (command, body) = part.split_once('\n')?;
        // The recorder adds one line end to each.
        all.push((command.to_owned(), body.strip_suffix('\n')?.to_owned()));
    }
    Some(all)
}

/// The option rows of a section, leaked: option names are static in the views.
fn options_in(body: &str) -> Options {
    let Some((_, table)) = body.split_once("ParameterName") else { return Options::new() };
    table
        .lines()
        .skip(2)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(" : ").or_else(|| Some((line.strip_suffix(" :")?, ""))))
        .map(|(name, value)| (&*Box::leak(name.trim().to_owned().into_boxed_str()), value.to_owned()))
        .collect()
}

#[test]
fn every_recorded_table_is_printed_byte_for_byte() {
    let Some(sections) = sections() else { return };
    let mut compared = 0;
    for (line, body) in &sections {
        let tables = [
            "pjsip show ",
            "pjsip list ",
            "pjsip qualify ",
            "core show c",
            "core show h",
            "bridge",
            "nonsense",
        ];
        let others =
            ["ciphers", "version", "scheduled", "monitors", "core show channel ", "core show help pjsip"];
        if !tables.iter().any(|t| line.starts_with(t))
            || others.iter().any(|o| line.contains(o))
            || line.len() == 20 && line.ends_with("help pjsip")
        {
            continue;
        }
        let text = asked(line, &options_in(body)).text;
        assert_eq!(&text, body, "##### {line}");
        compared += 1;
    }
    assert!(compared >= 40, "only {compared} sections compared");
}

#[test]
fn timers_and_connections_are_printed_as_recorded() {
    let task = text::TaskView {
        name: "pjsip/distributor-00000030".into(),
        interval_secs: 3,
        runs: Some(4),
        running: false,
        times: ["Fri 20:44:16".into(), "Fri 20:44:26".into(), "Fri 20:44:28".into()],
        next_secs: 0,
    };
    let printed = text::scheduled_tasks(&[task], None);
    let row = "\npjsip/distributor-00000030                               3           4   wait   Fri 20:44:16  Fri 20:44:26  Fri 20:44:28        0\n\nTotal Scheduled Tasks: 1\n\n";
    assert!(printed.ends_with(row), "{printed}");
    assert_eq!(
        text::transport_monitors(&[], None),
        "PJSIP Transport Monitors:\n\n<Remote Host...................................> <State.....> <Direction> <RefCnt> <Monitors> <ObjName............>\n\nTotal Transport Monitors: 0\n\n"
    );
}

#[test]
fn modules_are_shown_under_the_names_guides_use() {
    // S4-25, S4-46, S4-144, S4-163, S4-164, S4-170
    assert_eq!(
        shown("module show like res_pjsip_registrar"),
        "Module                         Description                              Use Count  Status      Support Level\n\
         res_pjsip_registrar.so         PJSIP Registrar Support                  0          Running              core\n\
         1 modules loaded\n"
    );
    for (name, description) in [
        ("res_pjsip_endpoint_identifier_ip.so", "PJSIP IP endpoint identifier"),
        ("res_pjsip_endpoint_identifier_anonymous.so", "PJSIP Anonymous endpoint identifier"),
        ("res_pjsip_pubsub.so", "PJSIP event resource"),
        ("res_pjsip_exten_state.so", "PJSIP Extension State Notifications"),
        ("res_pjsip_mwi.so", "PJSIP MWI resource"),
        ("res_pjsip_mwi_body_generator.so", "PJSIP MWI resource"),
    ] {
        let text = shown(&format!("module show like {name}"));
        let module = MODULES.iter().find(|module| module.name == name).expect("it is listed");
        let (status, count) = if module.running { (" Running ", 1) } else { (" Not Running ", 0) };
        assert!(text.contains(description) && text.contains(status), "{text}");
        assert!(text.ends_with(&format!("{count} modules loaded\n")), "{text}");
    }
}

#[test]
fn layouts_are_of_the_kinds_asked_for() {
    let Parsed::Ask(commands, shape) = parse("pjsip list endpoints", Format::PLAIN) else { panic!("asks") };
    assert_eq!(commands, [Command::Show { kind: Kind::Endpoint, name: None }]);
    assert!(matches!(shape.layout, Layout::List(Kind::Endpoint)));
}

#[test]
fn our_plain_words_say_what_stands_out() {
    // S4-33, S4-71, S4-94, S4-105, S4-142, S4-145, S4-152
    let said = |line: &str, options: &Options| asked(line, options).text;
    let unset: Options = vec![("aors", String::new()), ("auth", String::new()), ("identify_by", "ip".into())];
    let text = said("show endpoint fenced", &unset);
    for note in [
        " * It cannot be called nor register: its option 'aors' is not set.\n",
        " * Its requests are not challenged: its option 'auth' is not set.\n",
        " * Nothing identifies it: 'identify_by' is ip, and no identify section leads to it.\n",
    ] {
        assert!(text.contains(note), "{text}");
        assert!(!said("pjsip show endpoint fenced", &unset).contains(note), "tools read this one");
    }
    assert!(said("show endpoint twoaor", &Options::new()).contains("none of its aors has a contact"));
    let missing: Options = vec![("aors", "nosuch".into()), ("auth", "nosuch-auth".into())];
    let text = said("show endpoint fenced", &missing);
    assert!(
        text.contains("none of its 'aors' (nosuch) is loaded") && text.contains("(nosuch-auth) is loaded"),
        "{text}"
    );
    assert!(said("show aor alice", &Options::new()).contains("The only place of aor 'alice' is taken"));
    assert!(said("show aor dave", &Options::new()).contains("its 'max_contacts' is 0"));
}

#[test]
fn access_lists_are_their_names_and_options() {
    let Parsed::Ask(commands, shape) = parse("show acls", Format::PLAIN) else { panic!("asks") };
    assert_eq!(commands, [Command::Show { kind: Kind::Acl, name: None }]);
    let list =
        ("lan".to_owned(), vec![("deny", "0.0.0.0/0".to_owned()), ("permit", "192.0.2.0/24".to_owned())]);
    let want = "
 lan
 ParameterName : ParameterValue
 ==============================
 deny          : 0.0.0.0/0
 permit        : 192.0.2.0/24


Objects found: 1

";
    assert_eq!(print(vec![Reply::Options(vec![list])], &shape).text, want);
}

/// Fifty thousand phones: a `show` is a burst of text, never a stall.
#[test]
fn many_objects_are_printed_in_reasonable_time() {
    let endpoints: Vec<_> = (0..50_000)
        .map(|number| {
            let mut one = probe::endpoint("bob");
            one.name = format!("phone-{:05}", 50_000 - number).into();
            one
        })
        .collect();
    let Parsed::Ask(_, shape) = parse("pjsip show endpoints", Format::PLAIN) else { panic!("asks") };
    let text = print(vec![Reply::Endpoints(endpoints)], &shape).text;
    assert!(text.ends_with("\nObjects found: 50000\n\n"));
    let place = |name: &str| text.find(name).expect("printed");
    assert!(place("phone-00001") < place("phone-49999"), "sorted by id");
}
