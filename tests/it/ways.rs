//! Where requests of ours go: host names, failover, connections, transports (RFC 3263), seen by qualify's OPTIONS.

use crate::world::{Ask, World, values};
use jackfield::base::ids::{FlowId, TransportId};
use jackfield::sip::flow::{Arrival, Destination, Protocol};
use jackfield::switch::io::{BoundTransport, Input};
use jackfield::switch::view::{Event, Kind, Reply};
use std::time::Duration;

const HEAD: &str = "[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n\
    [transport-tcp]\ntype=transport\nprotocol=tcp\nbind=127.0.0.1:5060\n\
    [second-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5090\n";

/// An endpoint `phone` with an aor of its own; three transports are open.
fn world(endpoint: &str, aor: &str) -> World {
    let mut world = World::with(&format!(
        "{HEAD}[phone]\ntype=endpoint\naors=phone\n{endpoint}\n[phone]\ntype=aor\nmax_contacts=2\n\
         qualify_frequency=60\nqualify_timeout=40\n{aor}\n"
    ));
    let names = ["transport-udp", "transport-tcp", "second-udp"];
    let bound = [0u16, 1, 2].map(|n| BoundTransport {
        id: TransportId(n),
        name: names[usize::from(n)].into(),
        bound: ([127, 0, 0, 1], if n == 2 { 5090 } else { 5060 }).into(),
        interface: [127, 0, 0, 1].into(),
        interface_v4: None,
        networks: Default::default(),
    });
    world.handle(Input::Transports(&bound));
    world
}

fn udp(remote: &str) -> Destination {
    Destination {
        transport: TransportId(0),
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        remote: remote.parse().expect("an address"),
        local: None,
    }
}

fn status(world: &mut World) -> &'static str {
    match world.show(Kind::Contact, None) {
        Reply::Contacts(contacts) => contacts[0].status,
        other => panic!("{other:?}"),
    }
}

/// The answer to a request of ours.
fn reply(request: &str, code: &str, more: &str) -> String {
    let one = |name: &str| values(request, name).remove(0);
    format!(
        "SIP/2.0 {code}\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=t\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}Content-Length: 0\r\n\r\n",
        one("Via"),
        one("From"),
        one("To"),
        one("Call-ID"),
        one("CSeq")
    )
}

fn said(world: &World, part: &str) -> bool {
    world.events.iter().any(|event| matches!(event, Event::Log { text, .. } if text.contains(part)))
}

/// S4: static contacts with names are resolved; the second address is tried when the first is silent.
#[test]
fn a_host_name_is_resolved_and_its_addresses_are_tried_in_turn() {
    let mut world = world("", "contact=sip:phone@phones.example.com");
    assert!(world.wait(Duration::from_secs(61)).is_empty(), "nothing leaves before DNS has answered");
    let (token, question) = world.resolves.pop().expect("the name is asked for");
    assert_eq!(
        (question.host.as_str(), question.port, question.protocol),
        ("phones.example.com", None, None)
    );
    let found = Ok(vec![udp("127.0.0.8:5062"), udp("127.0.0.9:5063")]);
    let sent = world.handle(Input::Resolved { token, found });
    assert_eq!(world.destinations[0].remote.to_string(), "127.0.0.8:5062");
    assert!(sent[0].starts_with("OPTIONS sip:phone@phones.example.com SIP/2.0"), "{}", sent[0]);
    let mut moved = None;
    for _ in 0..40 {
        let sent = world.wait(Duration::from_secs(1));
        if let Some(text) = sent.into_iter().next()
            && world.destinations[0].remote.port() == 5063
        {
            moved = Some(text);
            break;
        }
    }
    let moved = moved.expect("after Timer F the second address gets it");
    world.datagram("127.0.0.9:5063", reply(&moved, "200 OK", "").as_bytes());
    assert_eq!(status(&mut world), "Avail");
}

#[test]
fn a_503_sends_a_ping_to_the_next_address() {
    let mut world = world("", "contact=sip:phone@phones.example.com");
    world.wait(Duration::from_secs(61));
    let (token, _) = world.resolves.pop().expect("the name is asked for");
    let found = Ok(vec![udp("127.0.0.8:5062"), udp("127.0.0.9:5063")]);
    let sent = world.handle(Input::Resolved { token, found });
    let busy = reply(&sent[0], "503 Service Unavailable", "");
    let again = world.datagram("127.0.0.8:5062", busy.as_bytes());
    assert_eq!((again.len(), world.destinations[0].remote.port()), (1, 5063));
    assert_ne!(values(&again[0], "Via"), values(&sent[0], "Via"), "each attempt has its own branch");
}

#[test]
fn no_address_no_answer_and_no_way_each_say_why() {
    let mut world = world("", "contact=sip:phone@phones.example.com");
    world.wait(Duration::from_secs(61));
    let (token, _) = world.resolves.pop().expect("the name is asked for");
    let found = Err("phones.example.com: NXDOMAIN".to_owned());
    assert!(world.handle(Input::Resolved { token, found }).is_empty());
    assert!(said(&world, "AOR 'phone': phones.example.com: NXDOMAIN"));
    assert_eq!(status(&mut world), "Unavail");
    // The next time the resolver never answers.
    world.wait(Duration::from_secs(60));
    let (token, _) = world.resolves.pop().expect("asked again a period later");
    world.wait(Duration::from_secs(11));
    assert!(said(&world, "phones.example.com: DNS did not answer in time"));
    assert!(world.handle(Input::Resolved { token, found: Ok(vec![udp("127.0.0.8:1")]) }).is_empty());
    // And one that finds nothing.
    world.wait(Duration::from_secs(60));
    let (token, _) = world.resolves.pop().expect("asked again");
    world.handle(Input::Resolved { token, found: Ok(Vec::new()) });
    assert!(said(&world, "phones.example.com: it has no address that an open transport reaches"));
}

/// `outbound_proxy` of the aor stands before the endpoint's; a proxy without `lr` is a strict router.
#[test]
fn a_proxy_with_a_name_gets_the_request_with_a_route() {
    let mut world = world(
        "outbound_proxy=sip:other.example.com",
        "contact=sip:phone@192.0.2.1\noutbound_proxy=sip:edge.example.com\\;lr",
    );
    world.wait(Duration::from_secs(61));
    let (token, question) = world.resolves.pop().expect("the proxy's name is asked for");
    assert_eq!(question.host, "edge.example.com");
    let sent = world.handle(Input::Resolved { token, found: Ok(vec![udp("127.0.0.8:5060")]) });
    assert!(sent[0].starts_with("OPTIONS sip:phone@192.0.2.1 SIP/2.0"), "{}", sent[0]);
    assert_eq!(values(&sent[0], "Route"), ["<sip:edge.example.com;lr>"]);
}

#[test]
fn a_strict_proxy_stands_in_the_request_line() {
    let mut world = world("outbound_proxy=sip:127.0.0.8:5070", "contact=sip:phone@192.0.2.1");
    let sent = world.wait(Duration::from_secs(61));
    assert!(sent[0].starts_with("OPTIONS sip:127.0.0.8:5070 SIP/2.0"), "{}", sent[0]);
    assert_eq!(values(&sent[0], "Route"), ["<sip:phone@192.0.2.1>"]);
    assert_eq!(world.destinations[0].remote.to_string(), "127.0.0.8:5070");
}

/// Behind a NAT only the socket that the phone registered on can reach it.
#[test]
fn a_contact_is_asked_by_the_transport_it_registered_on() {
    let mut world = world("", "");
    let ask = Ask::new("REGISTER", "phone", "").lines("Contact: <sip:phone@127.0.0.1:5070>\r\n");
    let arrival = Arrival {
        transport: TransportId(2),
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        source: "127.0.0.1:5070".parse().expect("an address"),
        local: "127.0.0.1:5090".parse().expect("an address"),
    };
    let sent = world.handle(Input::Sip { arrival, bytes: ask.text(1, "").as_bytes() });
    assert_eq!(world.destinations[0].transport, TransportId(2));
    assert!(sent[0].contains("Via: SIP/2.0/UDP 127.0.0.1:5090;"), "{}", sent[0]);
}

#[test]
fn a_standing_connection_is_used_and_a_closed_one_is_not() {
    let mut world = world("", "");
    let ask = Ask::new("REGISTER", "phone", "").lines("Contact: <sip:phone@phone.lan;transport=tcp>\r\n");
    let arrival = Arrival {
        transport: TransportId(1),
        protocol: Protocol::Tcp,
        flow: FlowId(7),
        source: "127.0.0.1:40000".parse().expect("an address"),
        local: "127.0.0.1:5060".parse().expect("an address"),
    };
    let sent = world.handle(Input::Sip { arrival, bytes: ask.text(1, "").as_bytes() });
    let to = world.destinations[0];
    assert_eq!((to.flow, to.remote.to_string().as_str()), (FlowId(7), "127.0.0.1:40000"));
    world.handle(Input::Sip { arrival, bytes: reply(&sent[0], "200 OK", "").as_bytes() });
    assert_eq!(status(&mut world), "Avail");
    assert!(world.resolves.is_empty());
    world.handle(Input::FlowClosed { flow: FlowId(7), named: None, peer: None, why: "closed by peer" });
    world.wait(Duration::from_secs(61));
    assert_eq!(world.resolves.pop().map(|(_, question)| question.host).as_deref(), Some("phone.lan"));
}

#[test]
fn a_pinned_transport_binds_and_says_when_it_cannot() {
    let mut world = world("transport=transport-tcp", "contact=sip:phone@127.0.0.8:5062\\;transport=udp");
    world.wait(Duration::from_secs(61));
    assert!(said(&world, "transport 'transport-tcp' does not speak UDP over IPv4"));
    let mut world = self::world("transport=transport-tcp", "contact=sip:phone@127.0.0.8:5062");
    world.wait(Duration::from_secs(61));
    assert_eq!(world.destinations[0].protocol, Protocol::Tcp);
}

/// `outbound_auth` answers a challenged ping, and wrong credentials are not tried again and again.
#[test]
fn a_challenged_ping_is_sent_again_with_credentials() {
    let auth = "outbound_auth=out\n[out]\ntype=auth\nusername=us\npassword=secret\n";
    let mut world = world(auth, "contact=sip:phone@127.0.0.8:5062\nqualify_2xx_only=yes");
    let first = world.wait(Duration::from_secs(61)).remove(0);
    let challenge = "WWW-Authenticate: Digest realm=\"phone\",nonce=\"n1\",algorithm=MD5,qop=\"auth\"\r\n";
    let again =
        world.datagram("127.0.0.8:5062", reply(&first, "401 Unauthorized", challenge).as_bytes()).remove(0);
    assert_eq!(world.destinations[0].remote.port(), 5062);
    let (cseq, next) = (values(&first, "CSeq").remove(0), values(&again, "CSeq").remove(0));
    let number = |cseq: &str| cseq.split(' ').next().and_then(|n| n.parse::<u32>().ok()).expect("a number");
    assert_eq!(number(&next), number(&cseq) + 1);
    for same in ["From", "To", "Call-ID"] {
        assert_eq!(values(&first, same), values(&again, same));
    }
    let given = values(&again, "Authorization").remove(0);
    assert!(given.starts_with(
        "Digest username=\"us\", realm=\"phone\", nonce=\"n1\", uri=\"sip:phone@127.0.0.8:5062\""
    ));
    let mut refused =
        world.datagram("127.0.0.8:5062", reply(&again, "401 Unauthorized", challenge).as_bytes());
    assert_eq!(refused.pop(), None);
    assert!(said(&world, "the credentials for realm \"phone\" were refused"));
    assert_eq!(status(&mut world), "Unavail");
    let first = world.wait(Duration::from_secs(60)).remove(0);
    let again =
        world.datagram("127.0.0.8:5062", reply(&first, "401 Unauthorized", challenge).as_bytes()).remove(0);
    world.datagram("127.0.0.8:5062", reply(&again, "200 OK", "").as_bytes());
    assert_eq!(status(&mut world), "Avail");
}

/// `symmetric_transport`: the stored URI names the transport, no message does, and later requests take it.
#[test]
fn a_symmetric_transport_is_remembered_and_taken() {
    let mut world = world("", "");
    let conf = format!(
        "{HEAD}symmetric_transport=yes\n[phone]\ntype=endpoint\naors=phone\n[phone]\ntype=aor\nmax_contacts=2\n\
         qualify_frequency=60\n"
    );
    world.reload(&conf);
    let ask = Ask::new("REGISTER", "phone", "")
        .lines("Contact: <sip:phone@127.0.0.1:5070;transport=tcp;x-ast-txp=forged>\r\n");
    let arrival = Arrival {
        transport: TransportId(2),
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        source: "127.0.0.1:5070".parse().expect("an address"),
        local: "127.0.0.1:5090".parse().expect("an address"),
    };
    let sent = world.handle(Input::Sip { arrival, bytes: ask.text(1, "").as_bytes() });
    assert!(!sent.concat().contains("x-ast"), "{sent:?}");
    assert_eq!(
        (world.destinations[0].transport, world.destinations[0].protocol),
        (TransportId(2), Protocol::Udp)
    );
    let Reply::Contacts(shown) = world.show(Kind::Contact, None) else { panic!("contacts") };
    assert_eq!(shown[0].uri, "sip:phone@127.0.0.1:5070;transport=tcp;x-ast-txp=second-udp");
}

/// A ping on its way when the connection breaks has failed: nobody waits for Timer F.
#[test]
fn a_broken_connection_fails_the_ping_on_it() {
    let mut world = world("transport=transport-tcp", "contact=sip:phone@127.0.0.8:5062");
    let first = world.wait(Duration::from_secs(61));
    assert_eq!(first.len(), 1);
    let peer = Some((Protocol::Tcp, "127.0.0.8:5062".parse().expect("an address")));
    world.handle(Input::FlowClosed { flow: FlowId(3), named: None, peer, why: "reset" });
    assert_eq!(status(&mut world), "Unavail");
}
