//! A registrar elsewhere, made of text.

use crate::world::{World, values};
use jackfield::base::ids::{FlowId, TransportId};
use jackfield::sip::digest::{Algorithm, Challenge, Qop};
use jackfield::sip::flow::{Destination, Protocol};
use jackfield::switch::view::{Event, Kind, RegistrationView, Reply};
use std::time::Duration;

pub const REGISTRAR: &str = "127.0.0.9:5060";

/// A trunk that registers at [`REGISTRAR`]; `options` stand in its section.
pub fn trunk(options: &str) -> World {
    World::with(&conf(options))
}

pub fn conf(options: &str) -> String {
    format!(
        "[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n\
         [upstream]\ntype=registration\nserver_uri=sip:127.0.0.9\nclient_uri=sip:me@127.0.0.9\n{options}\n\
         [mine]\ntype=auth\nauth_type=userpass\nusername=me\npassword=secret\n\
         [proxys]\ntype=auth\nauth_type=userpass\nusername=through\npassword=hidden\nrealm=proxy\n"
    )
}

/// The next messages within `secs` seconds, and where the first went.
pub fn next(world: &mut World, secs: u32) -> Vec<String> {
    for _ in 0..secs * 4 {
        let sent = world.wait(Duration::from_millis(250));
        if !sent.is_empty() {
            return sent;
        }
    }
    Vec::new()
}

/// The one REGISTER that goes out within `secs` seconds.
pub fn register(world: &mut World, secs: u32) -> String {
    let mut sent = next(world, secs);
    assert_eq!(sent.len(), 1, "one REGISTER was expected within {secs} s: {sent:?}");
    assert!(sent[0].starts_with("REGISTER sip:"), "{}", sent[0]);
    sent.remove(0)
}

/// An answer to a request of ours.
pub fn reply(request: &str, code: &str, more: &str) -> String {
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

/// The registrar answers.
pub fn answer(world: &mut World, request: &str, code: &str, more: &str) -> Vec<String> {
    world.datagram(REGISTRAR, reply(request, code, more).as_bytes())
}

/// The registrar grants what was asked for so many seconds.
pub fn grant(world: &mut World, request: &str, secs: u32) -> Vec<String> {
    let contact = values(request, "Contact").remove(0);
    answer(world, request, "200 OK", &format!("Contact: {contact};expires={secs}\r\n"))
}

/// Whether the Authorization or Proxy-Authorization of a request is right.
pub fn knows(request: &str, header: &str, user: &str, realm: &str, password: &str) -> bool {
    let Some(line) =
        values(request, header).into_iter().find(|line| line.contains(&format!("realm=\"{realm}\"")))
    else {
        return false;
    };
    let field = |name: &str| {
        let from = line.find(&format!("{name}=")).map(|at| at + name.len() + 1).unwrap_or_default();
        line[from..].trim_start_matches('"').split(['"', ',']).next().unwrap_or_default().to_owned()
    };
    let (nonce, uri, cnonce, nc) = (field(" nonce"), field(" uri"), field("cnonce"), field("nc"));
    let challenge = Challenge {
        algorithm: Algorithm::Md5,
        form: jackfield::sip::digest::Form::Plain,
        nonce: nonce.as_bytes(),
        method: request.split(' ').next().unwrap_or_default().as_bytes(),
        uri: uri.as_bytes(),
        qop: Qop::Auth { nc: nc.as_bytes(), cnonce: cnonce.as_bytes() },
        cnonce: cnonce.as_bytes(),
    };
    let right =
        challenge.response(&Algorithm::Md5.ha1(user.as_bytes(), realm.as_bytes(), password.as_bytes()));
    line.contains(&format!("username=\"{user}\"")) && line.contains(right.as_str())
}

/// What `show registrations` says of the first.
pub fn shown(world: &mut World) -> RegistrationView {
    match world.show(Kind::Registration, None) {
        Reply::Registrations(mut all) => all.remove(0),
        other => panic!("{other:?}"),
    }
}

/// How often a log line with that text was written.
pub fn told(world: &World, part: &str) -> usize {
    let lines =
        world.events.iter().filter(|event| matches!(event, Event::Log { text, .. } if text.contains(part)));
    lines.count()
}

pub fn udp(remote: &str) -> Destination {
    Destination {
        transport: TransportId(0),
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        remote: remote.parse().expect("an address"),
        local: None,
    }
}
