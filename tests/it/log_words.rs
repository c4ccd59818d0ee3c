//! The lines that ban tools and administrators look for, in Asterisk's words.

use crate::calls::phone::{CALLER, invite, office, office_text, sdp, set_dialplan, the};
use crate::world::{Ask, PROBE, World};
use jackfield::admin::security::request_failed;
use jackfield::base::ids::TransportId;
use jackfield::sip::flow::{Destination, Protocol};
use jackfield::switch::io::Input;
use jackfield::switch::view::{Event, Level};
use std::time::Duration;

fn lines(world: &World, level: Level) -> Vec<String> {
    let texts = world.events.iter().filter_map(|event| match event {
        Event::Log { level: its, origin, text } if *its == level => Some(format!("{origin}: {text}")),
        _ => None,
    });
    texts.collect()
}

/// S4-75: the endpoint, then the transport and the address of the caller.
#[test]
fn a_call_to_nowhere_is_told_with_its_address() {
    let mut world = office("", "[phones]\nexten => 200,1,Dial(PJSIP/200)\n");
    the(
        &world.datagram(CALLER, invite("999", 1, "i1", &sdp("127.0.0.1", 7000, "0", "")).as_bytes()),
        "SIP/2.0 404",
    );
    assert_eq!(
        lines(&world, Level::Notice),
        [format!(
            "res_pjsip_session.c: 100: Call (UDP:{CALLER}) to extension '999' rejected because extension not found in \
             context 'phones'."
        )]
    );
}

/// S4-8, S4-9: at debug level, who was not identified and why.
#[test]
fn a_failed_search_for_an_endpoint_is_told_step_by_step() {
    let mut world = World::with(PROBE);
    world.ask(&Ask::new("REGISTER", "ghost", "").lines("Contact: <sip:x@127.0.0.1>\r\n"));
    assert!(lines(&world, Level::Debug).is_empty(), "nobody wants to know");
    world.switch.ears().level = Level::Debug;
    world.ask(&Ask::new("REGISTER", "ghost", "").lines("Contact: <sip:x@127.0.0.1>\r\n"));
    let told = lines(&world, Level::Debug);
    for expected in [
        "res_pjsip_endpoint_identifier_ip.c: Source address 127.0.0.1:5070 does not match identify 'trunk'",
        "res_pjsip_endpoint_identifier_user.c: Could not identify endpoint by username 'ghost'",
    ] {
        assert!(told.iter().any(|line| line == expected), "{expected} in {told:#?}");
    }
}

fn refused(world: &mut World) -> Vec<String> {
    let events = std::mem::take(&mut world.events);
    let told = events.iter().filter_map(|event| match event {
        Event::RequestFailed(failed) => Some(request_failed(failed)),
        Event::Security(security) if security.event == "FailedACL" => Some(format!("{:?}", security.fields)),
        _ => None,
    });
    told.map(|text| text.split_once(" - ").map_or(text.clone(), |(_, reason)| reason.to_owned())).collect()
}

/// Where tries are counted (`auth_username` among the identifiers), the line says how many and how fast.
#[test]
fn counted_tries_are_told_with_their_number_and_time() {
    let order = "[global]\ntype=global\nendpoint_identifier_order=ip,username,auth_username\n";
    let mut world = World::with(&format!("{order}{}", office_text("")));
    let mut told = Vec::new();
    for _ in 0..6 {
        world.wait(Duration::from_millis(100));
        world.ask(
            &Ask { source: "192.0.2.66:5060", ..Ask::new("REGISTER", "ghost", "") }
                .lines("Contact: <sip:x@127.0.0.1>\r\n"),
        );
        told.extend(refused(&mut world));
    }
    assert_eq!(
        told,
        [
            "No matching endpoint found after 5 tries in 400.000 ms",
            "No matching endpoint found after 6 tries in 500.000 ms"
        ]
    );
}

/// Lists of the source and lists of the Contact are told apart. A Contact's name counts by its addresses; until they are
/// known nobody passes, and what has none is refused.
#[test]
fn contact_lists_look_at_names_too() {
    let fence = "deny=192.0.2.0/24\ncontact_deny=198.51.100.0/24";
    let mut world = World::with(&office_text(fence));
    world.switch.ears().security = true;
    set_dialplan(&mut world, "[phones]\nexten => 200,1,Wait(1)\n");
    let ask = |world: &mut World, contact: &str, n: u32| {
        let contact = format!("Contact: <sip:100@{contact}>\r\n");
        let ask = Ask {
            source: CALLER,
            user: "100",
            uri: "sip:200@127.0.0.1:5060",
            call_id: "c",
            ..Ask::new("OPTIONS", "100", "")
        };
        let sent = world.datagram(CALLER, ask.lines(&contact).text(n, "").as_bytes());
        the(&sent, "SIP/2.0").lines().next().expect("a line").to_owned()
    };
    assert_eq!(ask(&mut world, "198.51.100.7", 1), "SIP/2.0 401 Unauthorized");
    assert_eq!(
        refused(&mut world),
        [r#"[("ACLName", "not_match_endpoint_contact_acl")]"#, "Not match Endpoint Contact ACL"]
    );
    for (n, (host, addresses, status)) in [
        ("evil.example", &["198.51.100.9"][..], "SIP/2.0 401 Unauthorized"),
        ("both.example", &["203.0.113.1", "198.51.100.9"], "SIP/2.0 401 Unauthorized"),
        ("good.example", &["203.0.113.1"], "SIP/2.0 200 OK"),
        ("gone.example", &[], "SIP/2.0 401 Unauthorized"),
    ]
    .into_iter()
    .enumerate()
    {
        let n = 10 * (n as u32 + 1);
        assert_eq!(ask(&mut world, host, n), "SIP/2.0 401 Unauthorized", "{host} is not known yet");
        assert!(refused(&mut world).is_empty(), "{host} is no offence yet");
        let (token, question) = world.resolves.pop().expect("it is asked for");
        assert_eq!((question.host.as_str(), question.port), (host, Some(5060)));
        let at = |address: &&str| Destination {
            transport: TransportId(0),
            protocol: Protocol::Udp,
            flow: jackfield::base::ids::FlowId::DATAGRAM,
            remote: format!("{address}:5060").parse().expect("an address"),
            local: None,
        };
        let found = match addresses {
            [] => Err(format!("{host}: no such name")),
            all => Ok(all.iter().map(at).collect()),
        };
        world.handle(Input::Resolved { token, found });
        assert_eq!(ask(&mut world, host, n + 1), status, "{host}");
        assert_eq!(refused(&mut world).is_empty(), status.ends_with("OK"), "{host}");
        assert!(world.resolves.is_empty(), "{host} is remembered");
        world.wait(Duration::from_secs(61));
        ask(&mut world, host, n + 2);
        assert_eq!(world.resolves.len(), 1, "{host} is looked up again after a while");
        world.resolves.clear();
        world.events.clear();
    }
}

/// The same for `type=acl`: 403, and over UDP the request's next try is the one that is judged.
#[test]
fn acl_objects_look_at_names_too() {
    let mut world =
        World::with(&format!("{}[fence]\ntype=acl\ncontact_deny=198.51.100.0/24\n", office_text("")));
    let ask =
        Ask { source: CALLER, user: "100", uri: "sip:200@127.0.0.1:5060", ..Ask::new("OPTIONS", "100", "") };
    let bytes = ask.lines("Contact: <sip:100@evil.example>\r\n").text(1, "");
    assert!(world.datagram(CALLER, bytes.as_bytes()).is_empty(), "it comes again by itself");
    assert!(world.datagram(CALLER, bytes.as_bytes()).is_empty());
    assert_eq!(world.resolves.len(), 1, "asked for once");
    let (token, _) = world.resolves.pop().expect("it is asked for");
    world.handle(Input::Resolved { token, found: Err("evil.example: no such name".into()) });
    the(&world.datagram(CALLER, bytes.as_bytes()), "SIP/2.0 403");
}
