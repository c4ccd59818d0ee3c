//! Damaged messages: whatever still reads as SIP goes through both tables and into dialogs without a panic, and
//! everything ends.

use super::*;
use jackfield::base::rng::Rng;
use jackfield::sip::dialog::session_timer::{self, Policy, Wish};
use jackfield::sip::dialog::{Dialog, Forks, rel100};
use jackfield::sip::nat;
use jackfield::sip::transaction::{Received, ServerTx};
use jackfield::sip::wire::Uri;

const SEEDS: [&str; 4] = [
    "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKabc;rport;maddr=10.1.1.1\r\n\
     Record-Route: <sip:p1;lr>, <sip:p2>\r\nFrom: \"A\" <sip:a@h>;tag=f1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n\
     CSeq: 1 INVITE\r\nContact: <sip:a@10.0.0.1;x-ast-orig-host=h:1>\r\nSupported: timer, 100rel\r\n\
     Session-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\nContent-Length: 0\r\n\r\n",
    "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/TCP [2001:db8::1]\r\nFrom: sip:a@h;tag=f\r\nTo: sip:a@h;tag=t\r\n\
     Call-ID: c@d\r\nCSeq: 7 REGISTER\r\nContact: *\r\nExpires: 0\r\nContent-Length: 0\r\n\r\n",
    "PRACK sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1,SIP/2.0/UDP g\r\nFrom: <sip:a@h>;tag=f1\r\n\
     To: <sip:b@h>;tag=t\r\nCall-ID: c\r\nCSeq: 3 PRACK\r\nRAck: 5 1 INVITE\r\nContent-Length: 0\r\n\r\n",
    "SIP/2.0 183 X\r\nVia: SIP/2.0/UDP h;branch=BRANCH\r\nRecord-Route: <sip:p1;lr>, <sip:p2>\r\n\
     From: \"Us\" <sip:us@h>;tag=u1\r\nTo: <sip:b@h>;tag=r\r\nCall-ID: call-2\r\nCSeq: 9 INVITE\r\n\
     Require: 100rel\r\nRSeq: 5\r\nContact: <sip:b@10.0.0.2?x=y>\r\nContent-Length: 0\r\n\r\n",
];

/// One damage: a byte changed, a piece cut out, doubled, or a telling piece put in.
fn damage(rng: &mut Rng, text: &mut Vec<u8>) {
    let at = rng.below(text.len() as u64) as usize;
    let end = (at + rng.below(40) as usize).min(text.len());
    match rng.below(5) {
        0 => text[at] = rng.next_u64() as u8,
        1 => drop(text.drain(at..end)),
        2 => {
            let piece = text[at..end].to_vec();
            text.splice(at..at, piece);
        }
        3 => {
            const PIECES: [&[u8]; 12] =
                [b";", b"=", b"<", b">", b"\"", b",", b"@", b":", b"\r\n ", b"sip:", b";lr", b"4294967295"];
            let piece = PIECES[rng.below(PIECES.len() as u64) as usize];
            text.splice(at..at, piece.iter().copied());
        }
        _ => {
            let digit = b'0' + rng.below(10) as u8;
            text.splice(at..at, std::iter::repeat_n(digit, 12));
        }
    }
    text.push(b'\n');
}

fn judge(side: &mut Side, message: &Message<'_>, live: &mut Vec<ServerTx>) {
    for uri in message.contacts().flatten() {
        if let jackfield::sip::wire::Contact::Address(address) = uri
            && let Ok(uri) = address.uri()
        {
            let mut out = Vec::new();
            nat::write_rewritten(&mut out, &uri, ([10, 0, 0, 1], 5).into(), Protocol::Tls, true);
            if uri.is_sip() {
                assert!(Uri::parse(&out).is_ok(), "{}", text(&out));
            }
            nat::write_restored(&mut out, &uri);
            nat::write_without_internal(&mut out, &uri);
        }
    }
    let Ok(envelope) = message.envelope() else { return };
    let wish = Wish { policy: Policy::Always, expires_secs: 1800, min_secs: 90 };
    let mut bytes = Vec::new();
    if message.method().is_none() {
        side.table.clients.receive(side.now, message, &mut side.out);
        let mut forks = Forks::new(b"sip:b@h", true);
        forks.hear(message, &envelope, &mut side.out);
        rel100::Receiver::default().receive(message, 9);
        if let Some(proposal) = session_timer::propose(&wish, None) {
            session_timer::accepted(&wish, &proposal, message);
            session_timer::propose_after_422(&proposal, message);
        }
        return;
    }
    session_timer::answer(&wish, message);
    rel100::choose(rel100::Policy::Supported, message);
    message.header(jackfield::sip::wire::Header::Rack).and_then(rel100::RAck::parse);
    if let Ok(mut dialog) = Dialog::from_request(message, &envelope, b"t", true, u32::MAX) {
        dialog.request(&mut bytes, "BYE", 70).finish();
        dialog.receive(&envelope);
        let mut index = Index::default();
        let bye = index.scan(&bytes).unwrap_or_else(|fault| panic!("{fault} in {}", text(&bytes)));
        assert_eq!(bye.lines().count(), bye.fields().count());
    }
    match side.table.servers.receive(side.now, message, &envelope, &mut side.out) {
        Received::New(tx) | Received::Cancel { cancel: tx, .. } => live.push(tx),
        _ => {}
    }
    if let Some(tx) = live.pop() {
        let code = [100, 180, 200, 404, 487][side.now.0 as usize % 5];
        let stamp = ViaStamp { source: ([10, 0, 0, 1], 5).into(), force_rport: false };
        let answered =
            side.table.servers.respond(side.now, tx, code, to(5060, Protocol::Udp), &mut side.out, |b| {
                Writer::response(b, message, stamp, (code, ""), Some(b"t")).finish();
            });
        if answered.is_ok() && code < 200 {
            live.push(tx);
        }
    }
}

#[test]
fn damaged_messages_do_no_harm() {
    for seed in 0..8 {
        let mut rng = Rng::seeded(seed);
        let (mut side, mut index, mut live, mut sent) =
            (Side::new(), Index::default(), Vec::new(), Vec::new());
        for n in 0..3_000u64 {
            if n % 50 == 0 {
                let calling = target(5060, Protocol::Udp);
                let invite = ours("INVITE");
                let tx = side.table.clients.send(
                    side.now,
                    n,
                    invite.as_bytes(),
                    calling,
                    Vec::new(),
                    &mut side.out,
                );
                sent.push(tx.expect("room"));
            }
            let branch = side.out.iter().last().map(|(_, bytes)| text(bytes)).unwrap_or_default();
            let branch = branch.split("branch=").nth(1).and_then(|b| b.split("\r\n").next()).unwrap_or("x");
            let mut bytes =
                SEEDS[rng.below(SEEDS.len() as u64) as usize].replace("BRANCH", branch).into_bytes();
            for _ in 0..rng.below(4) {
                damage(&mut rng, &mut bytes);
            }
            if n % 50 > 2 {
                side.out.clear();
            }
            if let Ok(message) = index.scan(&bytes) {
                judge(&mut side, &message, &mut live);
            }
            side.pass(Duration::from_millis(rng.below(300)));
            side.events.clear();
        }
        // What still rings is cancelled or refused by its user; the rest ends by itself.
        for tx in sent {
            side.table.clients.cancel(side.now, tx, b"", &mut side.out);
        }
        for tx in live {
            let refuse = |b: &mut Vec<u8>| b.extend_from_slice(b"SIP/2.0 500 X\r\n\r\n");
            let _ =
                side.table.servers.respond(side.now, tx, 500, to(1, Protocol::Udp), &mut side.out, refuse);
        }
        side.pass(secs(70));
        assert_eq!((side.alive(), side.table.next_deadline()), ((0, 0), None), "seed {seed}");
    }
}
