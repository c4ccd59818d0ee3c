//! A server with several addresses: each leg is told the one on its side (S1-53).

use super::desk::audio_of;
use super::phone::*;
use crate::world::World;
use jackfield::base::ids::{FlowId, TransportId};
use jackfield::sip::flow::{Arrival, Protocol};
use jackfield::switch::io::{BoundTransport, Input};

const PHONES: [(&str, &str, &str); 3] = [
    ("a", "10.1.0.11:6100", "10.1.0.1:5060"),
    ("b", "10.2.0.22:6200", "10.2.0.1:5060"),
    ("c", "[fd00::9]:6300", "[fd00::1]:5060"),
];

/// Three transports and a phone beside each; `more` stands in each endpoint, `transports` in each transport.
fn world(more: [&str; 3], transports: [&str; 3]) -> World {
    let mut text = String::new();
    for ((name, _, own), more) in PHONES.iter().zip(transports) {
        text += &format!("[t{name}]\ntype=transport\nprotocol=udp\nbind={own}\n{more}\n");
    }
    for ((name, at, _), more) in PHONES.iter().zip(more) {
        let host = at.rsplit_once(':').expect("a port").0;
        text += &format!(
            "[{name}]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw\naors={name}\ndirect_media=no\n{more}\n\
             [{name}]\ntype=aor\ncontact=sip:{name}@{at}\n[{name}]\ntype=identify\nendpoint={name}\nmatch={}\n",
            host.trim_matches(['[', ']'])
        );
    }
    let mut world = World::with(&text);
    let bound: Vec<BoundTransport> = PHONES
        .iter()
        .enumerate()
        .map(|(n, (name, _, own))| {
            let bound: std::net::SocketAddr = own.parse().expect("an address");
            BoundTransport {
                id: TransportId(n as u16),
                name: format!("t{name}").as_str().into(),
                bound,
                interface: bound.ip(),
                interface_v4: None,
                networks: ["10.1.0.1/16", "10.2.0.1/16", "fd00::1/64"]
                    .map(|net| net.parse().expect("a network"))
                    .into(),
            }
        })
        .collect();
    world.handle(Input::Transports(&bound));
    set_dialplan(&mut world, "[phones]\nexten => _[abc],1,Dial(PJSIP/${EXTEN},20)\n");
    world
}

/// What a phone sends arrives at the address beside it.
fn arrives(world: &mut World, from: usize, text: &str) -> Vec<String> {
    let (_, at, own) = PHONES[from];
    let arrival = Arrival {
        transport: TransportId(from as u16),
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        source: at.parse().expect("an address"),
        local: own.parse().expect("an address"),
    };
    world.handle(Input::Sip { arrival, bytes: text.as_bytes() })
}

fn description(host: &str) -> String {
    match host.contains(':') {
        true => sdp("127.0.0.1", 7000, "0 101", "").replace("IP4 127.0.0.1", &format!("IP6 {host}")),
        false => sdp(host, 7000, "0 101", ""),
    }
}

/// A calls B: the INVITE that B got, and the 200 that A got, with the transport and the media address of each.
fn call(world: &mut World, from: usize, to: usize) -> (String, String) {
    let ((_, at, own), (callee, place, _)) = (PHONES[from], PHONES[to]);
    let host = |at: &str| at.rsplit_once(':').expect("a port").0.trim_matches(['[', ']']).to_owned();
    let body = description(&host(at));
    let offer = format!(
        "INVITE sip:{callee}@{own} SIP/2.0\r\nVia: SIP/2.0/UDP {at};rport;branch=z9hG4bKh{from}{to}\r\nMax-Forwards: 70\r\n\
         From: <sip:x@{own}>;tag=x\r\nTo: <sip:{callee}@{own}>\r\nCall-ID: h{from}{to}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:x@{at}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let sent = arrives(world, from, &offer);
    let leg = those(&sent, "INVITE").first().expect("B is called").to_string();
    let destination = world.destinations[sent.iter().position(|text| *text == leg).expect("sent")];
    assert_eq!((destination.remote.to_string().as_str(), usize::from(destination.transport.0)), (place, to));
    let body = description(&host(place));
    let answer = format!(
        "SIP/2.0 200 OK\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=b\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:{callee}@{place}>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        header(&leg, "Via"),
        header(&leg, "From"),
        header(&leg, "To"),
        header(&leg, "Call-ID"),
        header(&leg, "CSeq"),
        body.len()
    );
    let sent = arrives(world, to, &answer);
    (leg, the(&sent, "SIP/2.0 200").to_owned())
}

fn media(text: &str) -> String {
    let line = body(text).lines().find_map(|line| line.strip_prefix("c=IN ")).expect("an address");
    line.split(' ').nth(1).expect("an address").to_owned()
}

/// S1-53, S4-82: Via, Contact and description of each leg name the address beside its phone, across families too.
#[test]
fn each_leg_names_the_address_on_its_side() {
    for (from, to) in [(0, 1), (1, 0), (0, 2), (2, 1)] {
        let mut world = world([""; 3], [""; 3]);
        let (leg, ok) = call(&mut world, from, to);
        let (ours, theirs) = (PHONES[from].2, PHONES[to].2);
        assert!(header(&leg, "Via").starts_with(&format!("SIP/2.0/UDP {theirs};")), "{leg}");
        assert!(header(&leg, "Contact").contains(&format!("@{theirs}>")), "{leg}");
        assert!(header(&ok, "Contact").contains(&format!("@{ours}>")), "{ok}");
        let host = |at: &str| at.rsplit_once(':').expect("a port").0.trim_matches(['[', ']']).to_owned();
        assert_eq!((media(&leg), media(&ok)), (host(theirs), host(ours)));
    }
}

/// S4-83…S4-86, S4-108: `external_signaling_address`, `external_media_address` and `local_net` of each transport, and
/// `media_address` of an endpoint above them.
#[test]
fn each_transport_has_its_own_outside() {
    let outside = "external_signaling_address=198.51.100.1\nexternal_signaling_port=5090\n\
                   external_media_address=198.51.100.2\nlocal_net=10.9.0.0/16";
    // B is outside of its transport's local_net, A has none.
    let mut world = world([""; 3], ["", outside, ""]);
    let (leg, ok) = call(&mut world, 0, 1);
    assert!(header(&leg, "Via").starts_with("SIP/2.0/UDP 198.51.100.1:5090;"), "{leg}");
    assert!(header(&leg, "Contact").contains("@198.51.100.1:5090>"), "{leg}");
    assert!(header(&leg, "From").contains("@10.2.0.1>"), "only Via and Contact are replaced: {leg}");
    assert_eq!((media(&leg), media(&ok)), ("198.51.100.2".into(), "10.1.0.1".into()));
    // Inside of it nothing is replaced.
    let inside = outside.replace("10.9.0.0/16", "10.2.0.0/16");
    let mut world = self::world([""; 3], ["", &inside, ""]);
    let (leg, _) = call(&mut world, 0, 1);
    assert!(header(&leg, "Via").starts_with("SIP/2.0/UDP 10.2.0.1:5060;"), "{leg}");
    assert_eq!(media(&leg), "10.2.0.1");
    let mut world =
        self::world(["media_address=127.0.0.7\nbind_rtp_to_media_address=yes", "", ""], ["", outside, ""]);
    let (_, ok) = call(&mut world, 0, 1);
    assert_eq!(media(&ok), "127.0.0.7");
    let opened = world.plans.iter().find_map(|plan| match plan {
        jackfield::bridge::Plan::Open(open) => Some(open.bind.to_string()),
        _ => None,
    });
    assert_eq!(opened.as_deref(), Some("127.0.0.7"));
    assert_eq!(audio_of(body(&ok)).map(|at| at.port()), Some(20_000));
}

/// A host name in `external_*_address` and `media_address` stands for its address, of the family that is spoken, as soon
/// as that is known; until then media names our own address and signalling the name.
#[test]
fn names_of_the_outside_stand_for_their_addresses() {
    let outside =
        "external_signaling_address=sip.example\nexternal_media_address=media.example\nlocal_net=10.9.0.0/16";
    let hosts = |addresses: [&str; 3]| {
        let names = ["sip.example", "media.example", "rtp.example"];
        let known = names.into_iter().zip(addresses).map(|(name, all)| {
            (name.into(), all.split(' ').map(|ip| ip.parse().expect("an address")).collect())
        });
        known.collect::<Vec<_>>()
    };
    let mut world = world(["media_address=rtp.example", "", ""], ["", outside, ""]);
    let (leg, ok) = call(&mut world, 0, 1);
    assert!(header(&leg, "Contact").contains("@sip.example:5060>"), "{leg}");
    assert_eq!((media(&leg), media(&ok)), ("10.2.0.1".into(), "10.1.0.1".into()));
    for (n, addresses) in [
        ["2001:db8::1 198.51.100.1", "198.51.100.2", "198.51.100.3"],
        ["198.51.100.11", "2001:db8::2 198.51.100.12", "198.51.100.13"],
    ]
    .into_iter()
    .enumerate()
    {
        let mut world = self::world(["media_address=rtp.example", "", ""], ["", outside, ""]);
        world.handle(Input::HostAddresses(hosts(addresses)));
        let (leg, ok) = call(&mut world, 0, 1);
        let tens = if n == 0 { "" } else { "1" };
        assert!(header(&leg, "Via").starts_with(&format!("SIP/2.0/UDP 198.51.100.{tens}1:5060;")), "{leg}");
        assert_eq!((media(&leg), media(&ok)), (format!("198.51.100.{tens}2"), format!("198.51.100.{tens}3")));
    }
}
