//! Two servers in virtual time, one registered at the other, over a network that may lose and delay.

use crate::calls::phone::{header, set_dialplan};
use crate::world::{World, values};
use jackfield::base::ids::{FlowId, TransportId};
use jackfield::base::rng::Rng;
use jackfield::sip::flow::{Arrival, Protocol};
use jackfield::switch::io::{BoundTransport, Input};
use jackfield::switch::view::{Kind, RegistrationView, Reply};
use std::net::SocketAddr;
use std::time::Duration;

const OFFICE: &str = "127.0.0.1:5060";
const PROVIDER: &str = "127.0.0.2:5060";
/// A phone of the office, known by its address.
pub const DESK: &str = "127.0.0.1:6100";
/// A phone of the provider's.
pub const OUTSIDE: &str = "127.0.0.2:6200";

/// Registered by name and password, called by line.
fn office(options: &str) -> String {
    format!(
        "[transport-udp]\ntype=transport\nprotocol=udp\nbind={OFFICE}\n\
         [trunk]\ntype=registration\nserver_uri=sip:{PROVIDER}\nclient_uri=sip:office@{PROVIDER}\nline=yes\n\
         endpoint=trunk\noutbound_auth=trunk\ncontact_user=in\nmax_random_initial_delay=0\n{options}\n\
         [trunk]\ntype=endpoint\ncontext=from-trunk\ndisallow=all\nallow=ulaw\naors=trunk\noutbound_auth=trunk\n\
         from_user=office\ndirect_media=no\n\
         [trunk]\ntype=auth\nauth_type=userpass\nusername=office\npassword=secret\n\
         [trunk]\ntype=aor\ncontact=sip:{PROVIDER}\n\
         [desk]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw\naors=desk\ndirect_media=no\n\
         [desk]\ntype=aor\ncontact=sip:desk@{DESK}\n\
         [desk]\ntype=identify\nendpoint=desk\nmatch={DESK}\n"
    )
}

const PROVIDER_CONF: &str = "[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.2:5060\n\
    [office]\ntype=endpoint\ncontext=customers\ndisallow=all\nallow=ulaw\naors=office\nauth=office\ndirect_media=no\n\
    [office]\ntype=auth\nauth_type=userpass\nusername=office\npassword=secret\n\
    [office]\ntype=aor\nmax_contacts=1\nremove_existing=yes\nminimum_expiration=10\n\
    [outside]\ntype=endpoint\ncontext=world\ndisallow=all\nallow=ulaw\naors=outside\ndirect_media=no\n\
    [outside]\ntype=aor\ncontact=sip:outside@127.0.0.2:6200\n\
    [outside]\ntype=identify\nendpoint=outside\nmatch=127.0.0.2:6200\n";

/// Both, and what is on its way between them.
pub struct Pair {
    pub office: World,
    pub provider: World,
    rng: Rng,
    /// Of a hundred messages between the two so many are lost.
    pub loss: u64,
    /// When each arrives, in milliseconds from the start; to the provider or to the office.
    wire: Vec<(u64, bool, Vec<u8>)>,
    millis: u64,
}

impl Pair {
    pub fn new(seed: u64, options: &str) -> Pair {
        let mut office = World::with(&office(options));
        set_dialplan(
            &mut office,
            "[phones]\nexten => _9.,1,Dial(PJSIP/${EXTEN:1}@trunk,20)\n\
             exten => _8.,1,Dial(PJSIP/trunk/sip:${EXTEN:1}@127.0.0.2:5060,20)\n\
             [from-trunk]\nexten => in,1,Dial(PJSIP/desk,20)\n",
        );
        let mut provider = World::with(PROVIDER_CONF);
        set_dialplan(
            &mut provider,
            "[customers]\nexten => 5551,1,Dial(PJSIP/outside,20)\n[world]\nexten => 100,1,Dial(PJSIP/office,20)\n",
        );
        Pair::of(office, provider, seed)
    }

    /// Two servers, the second one at an address of its own.
    pub fn of(office: World, mut provider: World, seed: u64) -> Pair {
        let bound = BoundTransport {
            id: TransportId(0),
            name: "transport-udp".into(),
            bound: PROVIDER.parse().expect("an address"),
            interface: "127.0.0.2".parse().expect("an address"),
            interface_v4: None,
            networks: Default::default(),
        };
        provider.handle(Input::Transports(&[bound]));
        Pair { office, provider, rng: Rng::seeded(seed), loss: 0, wire: Vec::new(), millis: 0 }
    }

    /// A phone of either side sends something; what reaches phones at once.
    pub fn from(&mut self, source: &str, text: &str) -> Vec<(SocketAddr, String)> {
        self.arrive(source.starts_with("127.0.0.2"), source, text.as_bytes())
    }

    /// Something that happens at one side.
    pub fn handle(&mut self, at_provider: bool, input: Input<'_>) -> Vec<(SocketAddr, String)> {
        let world = if at_provider { &mut self.provider } else { &mut self.office };
        let sent = world.handle(input);
        self.carry(at_provider, sent)
    }

    fn arrive(&mut self, at_provider: bool, source: &str, bytes: &[u8]) -> Vec<(SocketAddr, String)> {
        let (world, local) =
            if at_provider { (&mut self.provider, PROVIDER) } else { (&mut self.office, OFFICE) };
        let arrival = Arrival {
            transport: TransportId(0),
            protocol: Protocol::Udp,
            flow: FlowId::DATAGRAM,
            source: source.parse().expect("an address"),
            local: local.parse().expect("an address"),
        };
        let sent = world.handle(Input::Sip { arrival, bytes });
        self.carry(at_provider, sent)
    }

    /// What a side sends goes on the wire or to a phone.
    fn carry(&mut self, from_provider: bool, sent: Vec<String>) -> Vec<(SocketAddr, String)> {
        let world = if from_provider { &self.provider } else { &self.office };
        let destinations: Vec<_> = world.destinations.iter().map(|to| to.remote).collect();
        let mut heard = Vec::new();
        for (to, text) in destinations.into_iter().zip(sent) {
            let other = if from_provider { OFFICE } else { PROVIDER };
            if to.to_string() != other {
                heard.push((to, text));
            } else if self.rng.below(100) >= self.loss {
                let late = 5 + self.rng.below(if self.loss > 0 { 200 } else { 1 });
                self.wire.push((self.millis + late, !from_provider, text.into_bytes()));
            }
        }
        heard
    }

    /// Lets time pass; what phones hear.
    pub fn run(&mut self, for_millis: u64) -> Vec<(SocketAddr, String)> {
        let mut heard = Vec::new();
        for _ in 0..for_millis / 5 {
            self.millis += 5;
            let step = Duration::from_millis(5);
            let sent = self.office.wait(step);
            heard.extend(self.carry(false, sent));
            let sent = self.provider.wait(step);
            heard.extend(self.carry(true, sent));
            let mut due: Vec<_> = Vec::new();
            self.wire.retain(|one| {
                let now = one.0 <= self.millis;
                if now {
                    due.push(one.clone());
                }
                !now
            });
            for (_, to_provider, bytes) in due {
                let source = if to_provider { OFFICE } else { PROVIDER };
                heard.extend(self.arrive(to_provider, source, &bytes));
            }
        }
        heard
    }

    pub fn shown(&mut self) -> RegistrationView {
        super::registrar::shown(&mut self.office)
    }

    fn contacts(&mut self) -> usize {
        match self.provider.show(Kind::Contact, None) {
            Reply::Contacts(all) => all.iter().filter(|contact| contact.dynamic).count(),
            other => panic!("{other:?}"),
        }
    }
}

/// The one message to a phone that begins so.
pub fn to<'h>(heard: &'h [(SocketAddr, String)], phone: &str, start: &str) -> &'h str {
    let all: Vec<_> =
        heard.iter().filter(|(at, text)| at.to_string() == phone && text.starts_with(start)).collect();
    assert_eq!(all.len(), 1, "one '{start}' to {phone} was expected: {heard:#?}");
    &all[0].1
}

fn sdp(at: &str, port: u16) -> String {
    crate::calls::phone::sdp(at, port, "0", "")
}

fn request(
    method: &str,
    uri: &str,
    (phone, user): (&str, &str),
    (cseq, to): (u32, &str),
    body: &str,
) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {phone};rport;branch=z9hG4bK{method}{cseq}\r\nMax-Forwards: 70\r\n\
         From: <sip:{user}@{phone}>;tag=p\r\nTo: {to}\r\nCall-ID: c-{user}\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:{user}@{phone}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Calls from one phone over both servers to another, answers, hangs up.
fn calls(pair: &mut Pair, (caller, user, uri): (&str, &str, &str), (called, asked): (&str, &str)) {
    let invite = request("INVITE", uri, (caller, user), (1, &format!("<{uri}>")), &sdp("127.0.0.1", 7000));
    let mut heard = pair.from(caller, &invite);
    heard.extend(pair.run(300));
    let ringing = to(&heard, called, asked).to_owned();
    let answer = crate::calls::phone::reply(&ringing, "200 OK", called, &sdp("127.0.0.2", 7200));
    let mut heard = pair.from(called, &answer);
    heard.extend(pair.run(300));
    to(&heard, called, "ACK ");
    let ok = to(&heard, caller, "SIP/2.0 200 OK").to_owned();
    let ack = request("ACK", uri, (caller, user), (1, header(&ok, "To")), "");
    pair.from(caller, &ack);
    let bye = request("BYE", uri, (caller, user), (2, header(&ok, "To")), "");
    let mut heard = pair.from(caller, &bye);
    heard.extend(pair.run(300));
    let bye = to(&heard, called, "BYE ").to_owned();
    pair.from(called, &crate::calls::phone::reply(&bye, "200 OK", called, ""));
    pair.run(35_000);
    for world in [&mut pair.office, &mut pair.provider] {
        assert!(crate::calls::phone::channels(world).is_empty());
        assert_eq!(world.open_ports(), 0);
    }
}

/// Inbound by line, without credentials of the provider's; outbound with ours, by both forms of dial string.
#[test]
fn calls_go_both_ways_over_a_registered_trunk() {
    let mut pair = Pair::new(1, "");
    pair.run(2_000);
    assert_eq!((pair.shown().status, pair.contacts()), ("Registered", 1));
    calls(
        &mut pair,
        (OUTSIDE, "outside", "sip:100@127.0.0.2:5060"),
        (DESK, "INVITE sip:desk@127.0.0.1:6100"),
    );
    calls(
        &mut pair,
        (DESK, "desk", "sip:95551@127.0.0.1:5060"),
        (OUTSIDE, "INVITE sip:outside@127.0.0.2:6200"),
    );
    calls(
        &mut pair,
        (DESK, "desk", "sip:85551@127.0.0.1:5060"),
        (OUTSIDE, "INVITE sip:outside@127.0.0.2:6200"),
    );
}

/// C5: another Jackfield with another password: told, given up, and well again when it is corrected.
#[test]
fn a_wrong_password_is_told_and_mended_without_a_restart() {
    let mut pair = Pair::new(1, "");
    pair.provider.reload(&PROVIDER_CONF.replace("secret", "changed"));
    pair.run(2_000);
    let view = pair.shown();
    assert_eq!(view.status, "Rejected");
    assert!(
        view.why.contains("the credentials for realm \"asterisk\" were refused; given up"),
        "{}",
        view.why
    );
    let mended = office("").replace("secret", "changed");
    pair.office.reload(&mended);
    pair.run(2_000);
    assert_eq!(pair.shown().status, "Registered");
}

/// The provider grants longer than we ask for, and a drain takes the contact back there.
#[test]
fn a_brief_registration_is_lengthened_and_taken_back_at_the_end() {
    let mut pair = Pair::new(1, "expiration=5");
    pair.run(2_000);
    assert_eq!(pair.shown().status, "Registered");
    assert_eq!(pair.shown().why, "Granted for 10 s by 127.0.0.2:5060");
    let sent = pair.office.handle(Input::Drain(true));
    assert_eq!(values(&sent[0], "Expires"), ["0"]);
    pair.carry(false, sent);
    pair.run(500);
    assert_eq!(pair.contacts(), 0);
    assert!(pair.office.switch.is_idle());
}

/// C5, C7: whatever is lost, it ends registered, one contact stands there, and nothing leaks.
#[test]
fn it_registers_through_loss_whatever_the_seed() {
    for seed in 0..40 {
        let mut pair =
            Pair::new(seed, "expiration=60\nretry_interval=5\nmax_retries=1000\nauth_rejection_permanent=no");
        pair.loss = 30 + 10 * (seed % 4);
        pair.run(120_000);
        pair.loss = 0;
        let mut registered = false;
        for _ in 0..60 {
            pair.run(1_000);
            // It may still believe in a registration that the other side has let expire.
            registered = pair.shown().status == "Registered" && pair.contacts() == 1;
            if registered {
                break;
            }
        }
        assert!(registered, "seed {seed}: {:?}", pair.shown());
        assert_eq!(pair.contacts(), 1, "seed {seed}");
        pair.run(40_000);
        let registered = pair.shown();
        assert_eq!(registered.status, "Registered", "seed {seed}");
        match pair.office.command(jackfield::switch::view::Command::Status) {
            Reply::Status(status) => {
                assert!(status.transactions <= 2, "seed {seed}: {}", status.transactions)
            }
            other => panic!("{other:?}"),
        }
    }
}
