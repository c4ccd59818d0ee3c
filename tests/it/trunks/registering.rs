//! `type=registration`: what is sent, what each answer leads to, and what an administrator sees of it.

use super::registrar::*;
use crate::world::{Ask, World, values};
use jackfield::base::ids::{FlowId, TransportId};
use jackfield::sip::flow::{Arrival, Destination, Protocol};
use jackfield::switch::io::{BoundTransport, Input};
use jackfield::switch::view::{Command, Reply};
use std::time::Duration;

const WWW: &str = "WWW-Authenticate: Digest realm=\"home\", nonce=\"n1\", qop=\"auth\"\r\n";

#[test]
fn a_registration_goes_from_its_section_to_a_200_and_is_refreshed_before_it_ends() {
    let mut world = trunk("expiration=600");
    let view = shown(&mut world);
    assert_eq!((view.status, view.why.as_str()), ("Unregistered", "No REGISTER was answered yet"));
    let request = register(&mut world, 11);
    assert_eq!(world.destinations[0].remote.to_string(), REGISTRAR);
    assert!(request.starts_with("REGISTER sip:127.0.0.9 SIP/2.0\r\n"), "{request}");
    assert!(values(&request, "From")[0].starts_with("<sip:me@127.0.0.9>;tag="));
    assert_eq!(values(&request, "To"), ["<sip:me@127.0.0.9>"]);
    assert_eq!(values(&request, "Contact"), ["<sip:s@127.0.0.1:5060>"]);
    assert_eq!(values(&request, "Expires"), ["600"]);
    for absent in ["Supported", "Route", "Authorization"] {
        assert!(values(&request, absent).is_empty(), "{absent}: {request}");
    }
    assert!(shown(&mut world).why.ends_with("; a REGISTER to 127.0.0.9:5060 is out, unanswered yet"));
    assert!(grant(&mut world, &request, 600).is_empty());
    let view = shown(&mut world);
    assert_eq!((view.status, view.next_secs), ("Registered", Some(590)));
    assert_eq!(view.why, "Granted for 600 s by 127.0.0.9:5060");
    assert_eq!(
        told(&world, "Outbound registration to 'sip:127.0.0.9' with client 'sip:me@127.0.0.9' successful"),
        1
    );
    assert!(next(&mut world, 589).is_empty());
    let again = register(&mut world, 2);
    for same in ["From", "Call-ID", "Contact"] {
        assert_eq!(values(&again, same), values(&request, same));
    }
    let cseq = |text: &str| values(text, "CSeq")[0].split(' ').next().and_then(|n| n.parse::<u32>().ok());
    assert_eq!(cseq(&again), cseq(&request).map(|n| n + 1));
}

#[test]
fn every_option_of_the_register_is_written() {
    let mut world = trunk(
        "contact_user=5551234\ncontact_header_params=q=0.5\\;x-mark\nuser_agent=Trunk/1\nsupport_path=yes\n\
         support_outbound=yes\nline=yes\nendpoint=provider\noutbound_proxy=sip:127.0.0.8:5090\\;lr\n\
         [provider]\ntype=endpoint\n",
    );
    let request = register(&mut world, 11);
    assert_eq!(world.destinations[0].remote.to_string(), "127.0.0.8:5090", "by way of the proxy");
    assert!(request.starts_with("REGISTER sip:127.0.0.9 SIP/2.0\r\n"), "{request}");
    assert_eq!(values(&request, "Route"), ["<sip:127.0.0.8:5090;lr>"]);
    assert_eq!(values(&request, "Supported"), ["path, outbound"]);
    assert_eq!(values(&request, "User-Agent"), ["Trunk/1"]);
    let contact = values(&request, "Contact").remove(0);
    let line = contact
        .strip_prefix("<sip:5551234@127.0.0.1:5060;line=")
        .and_then(|rest| rest.strip_suffix(">;q=0.5;x-mark"))
        .unwrap_or_else(|| panic!("{contact}"));
    assert!(line.len() == 7 && line.bytes().all(|b| b.is_ascii_lowercase()), "{line}");
}

/// Several realms, each by the auth that fits it; wrong passwords are told as such.
#[test]
fn challenges_are_answered_and_refused_credentials_end_it() {
    let mut world = trunk("outbound_auth=proxys,mine");
    let request = register(&mut world, 11);
    let proxy = "Proxy-Authenticate: Digest realm=\"proxy\", nonce=\"p1\", qop=\"auth\"\r\n";
    let again = answer(&mut world, &request, "407 Proxy Authentication Required", proxy).remove(0);
    assert!(knows(&again, "Proxy-Authorization", "through", "proxy", "hidden"), "{again}");
    let both = answer(&mut world, &again, "401 Unauthorized", WWW).remove(0);
    assert!(knows(&both, "Proxy-Authorization", "through", "proxy", "hidden"), "{both}");
    assert!(knows(&both, "Authorization", "me", "home", "secret"), "{both}");
    assert_eq!(values(&both, "Call-ID"), values(&request, "Call-ID"));
    grant(&mut world, &both, 100);
    assert_eq!(shown(&mut world).status, "Registered");
    // The next one begins without; this time the password has been changed over there.
    let request = register(&mut world, 91);
    assert!(values(&request, "Authorization").is_empty());
    let again = answer(&mut world, &request, "401 Unauthorized", WWW).remove(0);
    assert!(answer(&mut world, &again, "401 Unauthorized", &WWW.replace("n1", "n2")).is_empty());
    let view = shown(&mut world);
    assert_eq!(view.status, "Rejected");
    assert_eq!(
        view.why,
        "401 Unauthorized: the credentials for realm \"home\" were refused; given up (fatal_retry_interval=0, the \
         default); 'pjsip send register' begins anew"
    );
    assert_eq!(
        told(
            &world,
            "Fatal response '401' received from 'sip:127.0.0.9' on registration attempt to 'sip:me@127.0.0.9', stopping outbound registration"
        ),
        1
    );
    assert!(next(&mut world, 600).is_empty(), "S4-160: it stops");
    // The password is corrected here: what gave up begins anew.
    world.reload(&conf("outbound_auth=proxys,mine").replace("secret", "other"));
    let request = register(&mut world, 11);
    let again = answer(&mut world, &request, "401 Unauthorized", WWW).remove(0);
    assert!(knows(&again, "Authorization", "me", "home", "other"), "{again}");
    grant(&mut world, &again, 100);
    assert_eq!(shown(&mut world).status, "Registered");
}

#[test]
fn without_credentials_a_challenge_is_an_answer_whose_rule_is_named_with_its_line() {
    let mut world = trunk("auth_rejection_permanent=no\nretry_interval=20\nmax_retries=1");
    let request = register(&mut world, 11);
    assert!(answer(&mut world, &request, "401 Unauthorized", WWW).is_empty());
    let view = shown(&mut world);
    assert_eq!((view.status, view.next_secs), ("Rejected", Some(20)));
    assert_eq!(
        view.why,
        "401 Unauthorized: no outbound_auth fits realm \"home\"; again 20 s after it (retry_interval=20, \
         pjsip.conf:10:1), retry 1 of 1"
    );
    let request = register(&mut world, 21);
    answer(&mut world, &request, "401 Unauthorized", WWW);
    // S4-159
    assert_eq!(
        told(
            &world,
            "Maximum retries reached when attempting outbound registration to 'sip:127.0.0.9' with client 'sip:me@127.0.0.9', stopping registration attempt"
        ),
        1
    );
    assert!(shown(&mut world).why.contains("given up after 1 retries (max_retries=1, pjsip.conf:11:1)"));
    assert!(next(&mut world, 600).is_empty());
}

#[test]
fn a_silent_registrar_is_asked_again_and_then_found() {
    let mut world = trunk("retry_interval=30");
    let request = register(&mut world, 11);
    let mut repeated = 0;
    let mut waited = 0;
    while told(
        &world,
        "No response received from 'sip:127.0.0.9' on registration attempt to 'sip:me@127.0.0.9', retrying in '30'",
    ) == 0
    {
        repeated += world.wait(Duration::from_millis(500)).len();
        waited += 1;
        assert!(waited < 70, "Timer F ends it");
    }
    assert_eq!(repeated, 10, "sent again with Timer E");
    assert_eq!(shown(&mut world).status, "Rejected");
    let again = register(&mut world, 31);
    assert_ne!(values(&again, "CSeq"), values(&request, "CSeq"));
    grant(&mut world, &again, 60);
    assert_eq!(shown(&mut world).status, "Registered", "recovered without help");
}

#[test]
fn a_redirection_a_shorter_time_and_retry_after_are_told() {
    let mut world = trunk("expiration=60");
    let request = register(&mut world, 11);
    let sent = answer(&mut world, &request, "423 Interval Too Brief", "Min-Expires: 900\r\n");
    assert_eq!(values(&sent[0], "Expires"), ["900"]);
    answer(&mut world, &sent[0], "503 Service Unavailable", "Retry-After: 45\r\n");
    let view = shown(&mut world);
    assert_eq!((view.status, view.next_secs), ("Rejected", Some(45)));
    assert_eq!(view.why, "503 Service Unavailable; the registrar said to come back after 45 s");
    let request = register(&mut world, 46);
    answer(&mut world, &request, "302 Moved Temporarily", "Contact: <sip:127.0.0.7:5080>\r\n");
    let view = shown(&mut world);
    assert_eq!(view.status, "Rejected");
    assert!(
        view.why.starts_with("302 Moved Temporarily to sip:127.0.0.7:5080: name it in server_uri; given up"),
        "{}",
        view.why
    );
}

/// C5: a dying SRV target: the next is tried at once, and the dead one is tried last for a while.
#[test]
fn the_next_address_of_a_name_is_tried_when_one_dies() {
    let mut world = trunk("");
    world.reload(&conf("").replace("server_uri=sip:127.0.0.9", "server_uri=sip:reg.example.com"));
    let (dead, alive) = ("127.0.0.8:5060", REGISTRAR);
    assert!(next(&mut world, 12).is_empty(), "nothing leaves before DNS has answered");
    let (token, question) = world.resolves.pop().expect("the name is asked for");
    assert_eq!((question.host.as_str(), question.port), ("reg.example.com", None));
    world.handle(Input::Resolved { token, found: Ok(vec![udp(dead), udp(alive)]) });
    assert_eq!(world.destinations[0], udp(dead));
    let mut moved = None;
    for _ in 0..80 {
        let mut sent = world.wait(Duration::from_millis(500));
        if world.destinations.first() == Some(&udp(alive)) {
            moved = sent.pop();
            break;
        }
    }
    let moved = moved.expect("after Timer F");
    assert_eq!(
        told(
            &world,
            "Outbound registration 'upstream': 127.0.0.8:5060 did not answer, trying 127.0.0.9:5060"
        ),
        1
    );
    grant(&mut world, &moved, 60);
    assert_eq!(shown(&mut world).why, "Granted for 60 s by 127.0.0.9:5060");
    let mut first = Vec::new();
    for _ in 0..8 {
        // DNS answers at once; what was granted counts from when we wanted to ask.
        for _ in 0..4 * 52 {
            if world.resolves.is_empty() {
                assert!(world.wait(Duration::from_millis(250)).is_empty());
            }
        }
        let (token, _) = world.resolves.pop().expect("asked again");
        let sent = world.handle(Input::Resolved { token, found: Ok(vec![udp(dead), udp(alive)]) });
        first.push(world.destinations[0]);
        let from = world.destinations[0].remote.to_string();
        let contact = values(&sent[0], "Contact").remove(0);
        let ok = reply(&sent[0], "200 OK", &format!("Contact: {contact};expires=60\r\n"));
        world.datagram(&from, ok.as_bytes());
    }
    assert_eq!(first[..5], [udp(alive); 5], "the dead one is not waited for");
    assert_eq!(first[7], udp(dead), "after five minutes it has another chance");
}

/// 503 of one address: at once to the next; of the last: that is the answer.
#[test]
fn a_name_whose_every_address_refuses_is_tried_again_later() {
    let mut world = trunk("");
    world.reload(&conf("").replace("server_uri=sip:127.0.0.9", "server_uri=sip:reg.example.com"));
    next(&mut world, 12);
    let (token, _) = world.resolves.pop().expect("the name is asked for");
    let found = Ok(vec![udp("127.0.0.7:5060"), udp("127.0.0.8:5060"), udp(REGISTRAR)]);
    let mut sent = world.handle(Input::Resolved { token, found });
    for (from, code) in
        [("127.0.0.7:5060", "503 Service Unavailable"), ("127.0.0.8:5060", "408 Request Timeout")]
    {
        assert_eq!(world.destinations[0].remote.to_string(), from);
        let refused = reply(&sent[0], code, "");
        sent = world.datagram(from, refused.as_bytes());
        if sent.is_empty() {
            // A 408 asks for the name again, which the resolver has in memory.
            let (token, _) = world.resolves.pop().expect("asked again");
            let found = Ok(vec![udp("127.0.0.7:5060"), udp("127.0.0.8:5060"), udp(REGISTRAR)]);
            sent = world.handle(Input::Resolved { token, found });
        }
    }
    assert_eq!(world.destinations[0].remote.to_string(), REGISTRAR);
    assert!(answer(&mut world, &sent[0], "408 Request Timeout", "").is_empty());
    let view = shown(&mut world);
    assert_eq!((view.status, view.next_secs), ("Rejected", Some(60)));
    assert!(
        view.why.starts_with("408 Request Timeout; again 60 s after it (retry_interval=60, the default)"),
        "{}",
        view.why
    );
}

#[test]
fn a_reload_keeps_what_did_not_change_and_takes_back_what_is_gone() {
    let mut world = trunk("");
    let request = register(&mut world, 11);
    grant(&mut world, &request, 3600);
    world.reload(&format!("; moved down\n\n{}", conf("")));
    assert!(next(&mut world, 30).is_empty(), "nothing is sent for a line that moved");
    assert_eq!(shown(&mut world).status, "Registered");
    // Changed: the old one goes on its own Call-ID, the new one begins on another.
    let (objects, _) = crate::world::objects(&conf("contact_user=77"), Some(&world.objects));
    let plan = world.objects.plan(&objects);
    let sent = world.handle(Input::Config { changes: &plan.changes, sources: &objects.sources });
    assert_eq!(values(&sent[0], "Call-ID"), values(&request, "Call-ID"));
    assert_eq!(values(&sent[0], "Expires"), ["0"]);
    answer(&mut world, &sent[0], "200 OK", "");
    let both = register(&mut world, 11);
    assert_ne!(values(&both, "Call-ID"), values(&request, "Call-ID"));
    assert_eq!(values(&both, "Contact"), ["<sip:77@127.0.0.1:5060>"]);
}

#[test]
fn a_removed_registration_is_taken_back_with_credentials() {
    let mut world = trunk("outbound_auth=mine");
    let request = register(&mut world, 11);
    let again = answer(&mut world, &request, "401 Unauthorized", WWW).remove(0);
    grant(&mut world, &again, 3600);
    let without = conf("").split("[upstream]").next().expect("a head").to_owned();
    let (objects, _) = crate::world::objects(&without, Some(&world.objects));
    let plan = world.objects.plan(&objects);
    let sources = objects.sources.clone();
    // The auth stays, so that the challenge can be answered.
    let changes: Vec<_> = plan
        .changes
        .into_iter()
        .filter(|change| change.kind() == jackfield::config::Kind::Registration)
        .collect();
    let sent = world.handle(Input::Config { changes: &changes, sources: &sources });
    assert_eq!(
        (values(&sent[0], "Expires"), values(&sent[0], "Contact")),
        (vec!["0".to_owned()], values(&request, "Contact"))
    );
    assert_eq!(values(&sent[0], "Call-ID"), values(&request, "Call-ID"));
    let again = answer(&mut world, &sent[0], "401 Unauthorized", WWW).remove(0);
    assert!(knows(&again, "Authorization", "me", "home", "secret"));
    answer(&mut world, &again, "200 OK", "");
    assert!(next(&mut world, 60).is_empty());
    match world.command(Command::Status) {
        Reply::Status(status) => assert_eq!(status.transactions, 0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_administrator_unregisters_and_registers() {
    let mut world = trunk("");
    let request = register(&mut world, 11);
    grant(&mut world, &request, 3600);
    let order = |name: &str, on| Command::Register { registration: name.into(), on };
    match world.command(order("downstream", true)) {
        Reply::Refused(text) => assert_eq!(text, "Unable to retrieve registration downstream"),
        other => panic!("{other:?}"),
    }
    let sent = world.handle(Input::Command { token: 1, command: order("*all", false) });
    assert_eq!(values(&sent[0], "Expires"), ["0"]);
    answer(&mut world, &sent[0], "200 OK", "");
    let view = shown(&mut world);
    assert_eq!(
        (view.status, view.why.as_str()),
        ("Unregistered", "Taken back; nothing is sent until 'pjsip send register'")
    );
    assert!(next(&mut world, 4000).is_empty());
    world.command(order("upstream", true));
    let request = register(&mut world, 11);
    assert_eq!(values(&request, "Expires"), ["3600"]);
}

/// The drain takes registrations back first, waits for them no longer than it must, and can be called off.
#[test]
fn a_server_that_ends_takes_its_registrations_back() {
    let mut world = trunk("");
    let request = register(&mut world, 11);
    grant(&mut world, &request, 3600);
    let sent = world.handle(Input::Drain(true));
    assert_eq!(values(&sent[0], "Expires"), ["0"]);
    assert!(!world.switch.is_idle());
    answer(&mut world, &sent[0], "200 OK", "");
    assert!(world.switch.is_idle());
    assert!(next(&mut world, 100).is_empty(), "nothing begins any more");
    world.handle(Input::Drain(false));
    let request = register(&mut world, 11);
    grant(&mut world, &request, 3600);
    // This time nobody answers.
    assert_eq!(world.handle(Input::Drain(true)).len(), 1);
    world.wait(Duration::from_millis(4_900));
    assert!(!world.switch.is_idle());
    world.wait(Duration::from_millis(200));
    assert!(world.switch.is_idle(), "long enough");
}

/// Calls that the registrar sends to our Contact are the endpoint's, whoever they say they are from.
#[test]
fn a_request_to_the_line_is_the_endpoints() {
    let with = "line=yes\nendpoint=provider\n[provider]\ntype=endpoint\ncontext=in\n";
    let mut world = trunk(with);
    let request = register(&mut world, 11);
    let contact = values(&request, "Contact").remove(0);
    let uri = contact.trim_matches(['<', '>']).to_owned();
    grant(&mut world, &request, 3600);
    let uri = uri.replace("sip:s@", "sip:");
    let ask = Ask { uri: &uri, source: "127.0.0.66:5060", ..Ask::new("OPTIONS", "whoever", "") };
    assert_eq!(world.statuses(&ask), "200 OK");
    let other = uri.replace("line=", "line=x");
    let stranger = Ask { uri: &other, source: "127.0.0.66:5060", ..Ask::new("OPTIONS", "whoever", "") };
    assert_eq!(world.statuses(&stranger), "401 Unauthorized");
    // A section that changes gets another line; the old one is nobody's.
    world.reload(&conf(&with.replace("line=yes", "line=yes\ncontact_user=9")));
    assert_eq!(world.statuses(&ask), "401 Unauthorized");
}

fn tcp() -> Arrival {
    Arrival {
        transport: TransportId(1),
        protocol: Protocol::Tcp,
        flow: FlowId(9),
        source: REGISTRAR.parse().expect("an address"),
        local: "127.0.0.1:40000".parse().expect("an address"),
    }
}

#[test]
fn a_lost_connection_registers_again() {
    let mut world = World::with(&conf(
        "transport=transport-tcp\n[transport-tcp]\ntype=transport\nprotocol=tcp\nbind=127.0.0.1:5060\n",
    ));
    let bound = BoundTransport {
        id: TransportId(1),
        name: "transport-tcp".into(),
        bound: "127.0.0.1:5060".parse().expect("an address"),
        interface: "127.0.0.1".parse().expect("an address"),
        interface_v4: None,
        networks: Default::default(),
    };
    world.handle(Input::Transports(&[bound]));
    let request = register(&mut world, 11);
    assert_eq!(values(&request, "Contact"), ["<sip:s@127.0.0.1:5060;transport=tcp>"]);
    let Destination { flow, protocol, .. } = world.destinations[0];
    assert_eq!((flow, protocol), (FlowId::DATAGRAM, Protocol::Tcp));
    let contact = values(&request, "Contact").remove(0);
    let ok = reply(&request, "200 OK", &format!("Contact: {contact};expires=3600\r\n"));
    world.handle(Input::Sip { arrival: tcp(), bytes: ok.as_bytes() });
    assert_eq!(shown(&mut world).status, "Registered");
    world.handle(Input::FlowClosed { flow: FlowId(8), named: None, peer: None, why: "closed" });
    assert!(next(&mut world, 10).is_empty(), "another's connection");
    let sent = world.handle(Input::FlowClosed { flow: FlowId(9), named: None, peer: None, why: "closed" });
    assert!(sent[0].starts_with("REGISTER "), "{sent:?}");
    assert_eq!(told(&world, "its connection to 'sip:127.0.0.9' is gone, registering again"), 1);
    // Nobody listens there any more: no loop, but its retry interval.
    world.handle(Input::SendFailed { to: world.destinations[0], why: "connection refused" });
    let view = shown(&mut world);
    assert_eq!((view.status, view.next_secs), ("Rejected", Some(60)));
    assert!(view.why.starts_with("it cannot be reached; again 60 s after it"), "{}", view.why);
}

#[test]
fn a_transport_that_is_not_there_is_said_and_looked_for_again() {
    let mut world = trunk("transport=gone\n[gone]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5099\n");
    assert!(next(&mut world, 11).is_empty());
    let view = shown(&mut world);
    assert_eq!(view.status, "Rejected");
    assert!(view.why.starts_with("transport 'gone' is not open; again 60 s after it"), "{}", view.why);
}

#[test]
fn the_timers_of_registrations_and_qualify_are_shown() {
    let with = "[phone]\ntype=endpoint\naors=phone\n[phone]\ntype=aor\ncontact=sip:p@127.0.0.7\nqualify_frequency=60\n";
    let mut world = trunk(with);
    let mut asked = false;
    // The ping comes at any time within its period.
    for _ in 0..280 {
        for text in world.wait(Duration::from_millis(250)) {
            match text.starts_with("REGISTER") {
                true => drop(grant(&mut world, &text, 600)),
                false => asked |= text.starts_with("OPTIONS"),
            }
        }
        if asked && shown(&mut world).status == "Registered" {
            break;
        }
    }
    let all = match world.command(Command::Timers) {
        Reply::Timers(all) => all,
        other => panic!("{other:?}"),
    };
    let of =
        |name: &str| all.iter().find(|timer| timer.name == name).unwrap_or_else(|| panic!("{name}: {all:?}"));
    let qualify = of("pjsip/options/phone/sip:p@127.0.0.7");
    assert_eq!((qualify.interval_secs, qualify.runs, qualify.running), (60, Some(1), true));
    assert!(qualify.last.is_some() && qualify.next_secs <= 60);
    let registration = of("pjsip/registration/upstream");
    assert_eq!((registration.interval_secs, registration.runs, registration.running), (0, None, false));
    assert!((500..600).contains(&registration.next_secs), "{registration:?}");
    // Both are whole seconds, cut off.
    let apart = registration.next.secs() - world.now.wall.secs() - registration.next_secs;
    assert!(apart <= 1, "{registration:?}");
    assert!(all.iter().any(|timer| timer.name == "pjsip/distributor/unidentified_requests"));
}
