//! A call set up over a link that loses messages: reliable 180, PRACK, 200 until its ACK, ACK for each 200. Both sides
//! end with the same confirmed dialog.

use jackfield::base::ids::{FlowId, TransportId};
use jackfield::base::rng::Rng;
use jackfield::base::time::Moment;
use jackfield::sip::dialog::rel100::{self, Expired, Pracked, RAck, Receiver, Reception};
use jackfield::sip::dialog::repeat::{Accepted, SentAck, Waiting};
use jackfield::sip::dialog::{Dialog, DialogKey, Fork, Forks, Incoming, Phase};
use jackfield::sip::flow::{Destination, Protocol};
use jackfield::sip::method::Method;
use jackfield::sip::mint::Shard;
use jackfield::sip::outbox::Outbox;
use jackfield::sip::transaction::{Event, Heard, Received, ServerTx, Table, Target, Timers};
use jackfield::sip::wire::{Envelope, Header, Index, Message, ViaStamp, Writer};
use std::collections::BTreeMap;

fn to(port: u16) -> Destination {
    Destination {
        transport: TransportId(0),
        protocol: Protocol::Udp,
        flow: FlowId::DATAGRAM,
        remote: ([127, 0, 0, 1], port).into(),
        local: None,
    }
}

fn target(port: u16) -> Target {
    Target { to: to(port), sent_by: "127.0.0.1:5060".into(), contact: Some("<sip:us@127.0.0.1>".into()) }
}

struct Caller {
    table: Table<()>,
    out: Outbox,
    forks: Forks,
    receiver: Receiver,
    repeated: u32,
}

struct Callee {
    table: Table<()>,
    out: Outbox,
    invite: Option<(ServerTx, String)>,
    dialog: Option<Dialog>,
    sender: rel100::Sender,
    accepted: Option<Accepted>,
    acks: u32,
}

/// Answers a request with one more header.
fn answer(
    table: &mut Table<()>,
    now: Moment,
    tx: ServerTx,
    request: &Message<'_>,
    (code, tag): (u16, &str),
    out: &mut Outbox,
) {
    let stamp = ViaStamp { source: ([127, 0, 0, 1], 1).into(), force_rport: true };
    let written = table.servers.respond(now, tx, code, to(1), out, |bytes| {
        let mut writer = Writer::response(bytes, request, stamp, (code, ""), Some(tag.as_bytes()));
        writer.header(Header::Contact, b"<sip:callee@127.0.0.1>");
        writer.finish();
    });
    written.expect("in time");
}

impl Callee {
    fn receive(
        &mut self,
        now: Moment,
        text: &str,
        message: &Message<'_>,
        envelope: &Envelope<'_>,
        timers: &Timers,
    ) {
        let Callee { table, out, .. } = self;
        match table.servers.receive(now, message, envelope, out) {
            Received::New(tx) => match envelope.cseq.method {
                Method::Invite => {
                    let dialog =
                        Dialog::from_request(message, envelope, b"callee", false, 1).expect("a dialog");
                    self.dialog = Some(dialog);
                    self.invite = Some((tx, text.to_owned()));
                    let rseq = self.sender.next_rseq();
                    let mut bytes = Vec::new();
                    let stamp = ViaStamp { source: ([127, 0, 0, 1], 1).into(), force_rport: true };
                    let mut writer = Writer::response(&mut bytes, message, stamp, (180, ""), Some(b"callee"));
                    writer.header(Header::Require, b"100rel").number(Header::RSeq, u64::from(rseq));
                    writer.header(Header::Contact, b"<sip:callee@127.0.0.1>");
                    writer.finish();
                    assert!(self.sender.send(now, to(1), &bytes, true, timers, &mut self.out));
                }
                Method::Prack => {
                    let dialog = self.dialog.as_mut().expect("made by the INVITE");
                    assert_eq!(DialogKey::of_request(envelope), Some(dialog.id().key()));
                    assert_eq!(dialog.receive(envelope), Incoming::InOrder);
                    let rack = RAck::parse(message.header(Header::Rack).expect("RAck")).expect("reads");
                    assert_eq!(self.sender.prack(now, rack, timers, &mut self.out), Pracked::Matched);
                    answer(&mut self.table, now, tx, message, (200, "callee"), &mut self.out);
                    self.accept(now, timers);
                }
                other => panic!("{other}"),
            },
            Received::Ack => {
                self.acks += 1;
                let cseq = envelope.cseq.number;
                if self.accepted.as_ref().is_some_and(|accepted| accepted.is_acknowledged_by(cseq)) {
                    self.accepted = None;
                }
            }
            Received::Retransmission { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    fn accept(&mut self, now: Moment, timers: &Timers) {
        assert!(!self.sender.holds_2xx());
        let (tx, text) = self.invite.as_ref().expect("ringing");
        let mut index = Index::default();
        let invite = index.scan(text.as_bytes()).expect("sound");
        answer(&mut self.table, now, *tx, &invite, (200, "callee"), &mut self.out);
        self.accepted = Some(Accepted::new(now, 1, to(1), self.out.last_bytes(), timers));
        self.dialog.as_mut().expect("ringing").confirm(None);
    }
}

impl Caller {
    fn hear(&mut self, now: Moment, message: &Message<'_>, envelope: &Envelope<'_>) {
        let Caller { table, out, forks, receiver, .. } = self;
        let Heard::Response { .. } = table.clients.receive(now, message, out) else { return };
        if envelope.cseq.method != Method::Invite {
            assert_eq!(message.status(), Some(200));
            return;
        }
        match forks.hear(message, envelope, out) {
            Fork::Early { dialog, .. } => {
                if let Reception::Acknowledge(rack) = receiver.receive(message, 1) {
                    let mut text = Vec::new();
                    let mut writer = dialog.request(&mut text, "PRACK", 70);
                    let value = format!("{} {} {}", rack.rseq, rack.cseq, rack.method);
                    writer.header(Header::Rack, value.as_bytes());
                    writer.finish();
                    table.clients.send(now, (), &text, target(2), Vec::new(), out).expect("room");
                }
            }
            Fork::Won(dialog) => {
                let mut text = Vec::new();
                dialog.ack(&mut text, envelope.cseq.number, 70).finish();
                table.clients.send_alone(&text, &target(2), out);
                let ack = SentAck::new(to(2), out.last_bytes());
                forks.acknowledged(b"callee", ack);
            }
            Fork::Repeated => self.repeated += 1,
            other => panic!("{other:?}"),
        }
    }
}

fn call(seed: u64, loss: u64) -> (Caller, Callee) {
    let (mut rng, timers, mut now) = (Rng::seeded(seed), Timers::default(), Moment(0));
    let mut caller = Caller {
        table: Table::new(now, timers, Shard(1), seed),
        out: Outbox::default(),
        forks: Forks::new(b"sip:callee@h", false),
        receiver: Receiver::default(),
        repeated: 0,
    };
    let mut callee = Callee {
        table: Table::new(now, timers, Shard(2), seed + 1),
        out: Outbox::default(),
        invite: None,
        dialog: None,
        sender: rel100::Sender::new(1, seed),
        accepted: None,
        acks: 0,
    };
    let invite = "INVITE sip:callee@h SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:us@h>;tag=caller\r\n\
                  To: <sip:callee@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nSupported: 100rel\r\nContent-Length: 0\r\n\r\n";
    caller
        .table
        .clients
        .send(now, (), invite.as_bytes(), target(2), Vec::new(), &mut caller.out)
        .expect("room");
    let mut link: BTreeMap<(u64, u64), (bool, String)> = BTreeMap::new();
    let (mut count, mut events) = (0u64, Vec::<Event<()>>::new());
    for _ in 0..10_000 {
        for (towards_callee, out) in [(true, &mut caller.out), (false, &mut callee.out)] {
            for (_, bytes) in out.iter() {
                if rng.below(100) >= loss {
                    count += 1;
                    let at = now.0 + 1_000 + rng.below(90_000);
                    link.insert((at, count), (towards_callee, String::from_utf8_lossy(bytes).into_owned()));
                }
            }
            out.clear();
        }
        let timers_due = [
            caller.table.next_deadline(),
            callee.table.next_deadline(),
            callee.sender.deadline(),
            callee.accepted.as_ref().map(Accepted::deadline),
        ];
        let next =
            timers_due.into_iter().flatten().map(|at| at.0).chain(link.keys().next().map(|k| k.0)).min();
        let Some(at) = next else { return (caller, callee) };
        now = Moment(at.max(now.0));
        caller.table.expire(now, 100, &mut caller.out, &mut events);
        callee.table.expire(now, 100, &mut callee.out, &mut events);
        assert_eq!(callee.sender.expire(now, &timers, &mut callee.out), Expired::Goes, "seed {seed}");
        if let Some(accepted) = &mut callee.accepted {
            assert_eq!(accepted.expire(now, &timers, &mut callee.out), Waiting::Goes, "seed {seed}");
        }
        while let Some(entry) = link.first_entry().filter(|entry| entry.key().0 <= now.0) {
            let (towards_callee, text) = entry.remove();
            let mut index = Index::default();
            let message = index.scan(text.as_bytes()).expect("sound");
            let envelope = message.envelope().expect("whole");
            if towards_callee {
                callee.receive(now, &text, &message, &envelope, &timers);
            } else {
                caller.hear(now, &message, &envelope);
            }
        }
    }
    panic!("seed {seed}: the call never comes to rest");
}

#[test]
fn both_sides_of_a_lossy_call_end_with_the_same_dialog() {
    let mut repeated = 0;
    for seed in 0..60 {
        let (caller, callee) = call(seed, seed % 30);
        let (ours, theirs) = (caller.forks.winner().expect("answered"), callee.dialog.expect("answered"));
        assert_eq!((ours.phase(), theirs.phase()), (Phase::Confirmed, Phase::Confirmed), "seed {seed}");
        let (a, b) = (ours.id().key(), theirs.id().key());
        assert_eq!((a.call_id, a.local_tag, a.remote_tag), (b.call_id, b.remote_tag, b.local_tag));
        assert_eq!(ours.target(), b"sip:callee@127.0.0.1");
        assert_eq!(theirs.target(), b"sip:us@127.0.0.1");
        // INVITE 1, PRACK 2: the callee has seen both, in order (S3-37).
        assert_eq!((ours.local_cseq(), theirs.remote_cseq()), (2, Some(2)));
        assert!(callee.accepted.is_none() && callee.acks > 0);
        assert!(caller.table.clients.is_empty() && callee.table.servers.is_empty(), "seed {seed}");
        repeated += caller.repeated;
    }
    assert!(repeated > 0, "no 200 was ever repeated: the link was too good");
}
